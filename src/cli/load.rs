//! A mapping for commands that do not stay: from a file, standard input, S3 or a URL.

use std::io::{self, Read};

use super::{FAULTY, UNUSABLE};
use crate::source;
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::mapping::load::{Compiled, LoadFault, compile_file, compile_reader};
use nameplate_core::settings::{MappingSource, Reload};

/// A mapping, and what it is called.
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) mapping: Compiled,
}

/// Why there is none.
pub(super) enum NotLoaded {
    /// It could not be read; what to say of it.
    Unreadable(String),
    /// It was read, and has faults.
    Invalid(Diagnostics),
}

impl NotLoaded {
    /// The exit code, and what to say.
    pub(super) fn refusal(self) -> (u8, String) {
        match self {
            NotLoaded::Invalid(faults) => (FAULTY, faults.to_string()),
            NotLoaded::Unreadable(what) => (UNUSABLE, format!("error: {what}")),
        }
    }
}

/// Loads a mapping; `-` is standard input. `endpoints` are the names that ENDPOINT may have, where there
/// are settings to go by.
pub(super) fn load(
    place: &MappingSource,
    rules: &Reload,
    endpoints: Option<&[String]>,
    input: &mut dyn Read,
) -> Result<Loaded, NotLoaded> {
    let is_input = is_input(place);
    let name = if is_input { "<stdin>".to_owned() } else { place.to_string() };
    let mapping = match place {
        MappingSource::File(_) if is_input => compile_reader(input, &name, endpoints)
            .map_err(|error| unreadable(&LoadFault::Io { path: name.clone().into(), error }))?
            .map_err(NotLoaded::Invalid)?,
        MappingSource::File(path) => compile_file(path, endpoints).map_err(|fault| match fault {
            LoadFault::Invalid(faults) => NotLoaded::Invalid(faults),
            LoadFault::Io { .. } => unreadable(&fault),
        })?,
        MappingSource::S3 { .. } | MappingSource::Http(_) => {
            let bytes = fetch(place, rules).map_err(NotLoaded::Unreadable)?;
            Compiled::of(&bytes, &name, endpoints).map_err(NotLoaded::Invalid)?
        }
    };
    Ok(Loaded { name, mapping })
}

/// Whether a place is standard input.
pub(super) fn is_input(place: &MappingSource) -> bool {
    place.file().is_some_and(|path| path.as_os_str() == "-")
}

fn unreadable(fault: &LoadFault) -> NotLoaded {
    NotLoaded::Unreadable(format!("{fault}\n  help: name a mapping file that can be read, or `-` for standard input"))
}

fn fetch(place: &MappingSource, rules: &Reload) -> Result<bytes::Bytes, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e: io::Error| format!("no runtime to read {place} with: {e}"))?;
    runtime.block_on(source::read(place, rules)).map_err(|fault| fault.to_string())
}
