//! A mapping for commands that do not stay: from a file, standard input, S3 or a URL.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::load_parts;
use super::loaded::in_runtime;
pub(super) use super::loaded::{Loaded, NotLoaded, all_of};
use crate::source;
use crate::source::bounded_read::read_up_to;
use nameplate_core::diagnostic::{Diagnostics, printable_name};
use nameplate_core::mapping::load::{Compiled, too_large};
use nameplate_core::settings::mapping::MAX_FILE;
use nameplate_core::settings::{MappingSource, ReloadRules};

/// Loads a mapping; `-` is standard input. `endpoints` are the names that ENDPOINT may have, where there
/// are settings to go by.
pub(super) fn load(
    place: &MappingSource,
    rules: &ReloadRules,
    endpoints: Option<&[String]>,
    input: &mut dyn Read,
) -> Result<Loaded, NotLoaded> {
    let is_input = is_input(place);
    let name = if is_input { "<stdin>".to_owned() } else { printable_name(&place.to_string()) };
    let mapping = match place {
        MappingSource::File(_) if is_input => compile_reader(input, 0, &name, endpoints)
            .map_err(|error| unreadable(&LoadFault::Io { path: name.clone().into(), error }))?
            .map_err(invalid)?,
        _ if place.is_prefix() || place.file().is_some_and(Path::is_dir) => {
            return load_parts::load(place, rules, endpoints, name);
        }
        MappingSource::File(path) => compile_file(path, endpoints).map_err(|fault| match fault {
            LoadFault::Invalid(faults) => invalid(faults),
            LoadFault::Io { .. } => unreadable(&fault),
        })?,
        MappingSource::S3 { .. } | MappingSource::Http(_) => {
            let bytes = in_runtime(place, source::read(place, rules)).map_err(NotLoaded::Unreadable)?;
            Compiled::of(&bytes, &name, endpoints).map_err(invalid)?
        }
    };
    Ok(Loaded::one(name, mapping))
}

fn invalid(errors: Diagnostics) -> NotLoaded {
    NotLoaded::Invalid(vec![errors])
}

/// Whether a place is standard input.
pub(super) fn is_input(place: &MappingSource) -> bool {
    place.file().is_some_and(|path| path.as_os_str() == "-")
}

fn unreadable(fault: &LoadFault) -> NotLoaded {
    NotLoaded::Unreadable(format!("{fault}\n  help: name a mapping file that can be read, or `-` for standard input"))
}

/// Why a mapping file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadFault {
    /// The file could not be opened or read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The file was read, and is no mapping.
    #[error("{0}")]
    Invalid(Diagnostics),
}

/// Compiles a mapping file; `endpoints` as for [`load`].
pub(super) fn compile_file(path: &Path, endpoints: Option<&[String]>) -> Result<Compiled, LoadFault> {
    let io = |error| LoadFault::Io { path: path.into(), error };
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let name = printable_name(&path.display().to_string());
    if size > MAX_FILE {
        return Err(LoadFault::Invalid(too_large(&name, Some(size), MAX_FILE)));
    }
    compile_reader(file, size as usize, &name, endpoints).map_err(io)?.map_err(LoadFault::Invalid)
}

/// Compiles what a reader gives, `expected` bytes or so; `file` is how faults name it. Reads no more than
/// [`MAX_FILE`].
fn compile_reader(
    reader: impl Read,
    expected: usize,
    file: &str,
    endpoints: Option<&[String]>,
) -> io::Result<Result<Compiled, Diagnostics>> {
    Ok(match read_up_to(MAX_FILE, reader, expected)? {
        Some(bytes) => Compiled::of(&bytes, file, endpoints),
        None => Err(too_large(file, None, MAX_FILE)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_says_which() {
        let fault = compile_file(Path::new("/does/not/exist.yaml"), None).expect_err("no file").to_string();
        assert!(fault.starts_with("cannot read /does/not/exist.yaml: "), "{fault}");
    }
}
