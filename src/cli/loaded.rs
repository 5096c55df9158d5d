//! A mapping that a command has loaded, whatever form it has.

use std::io;

use super::exit::{FAULTY, UNUSABLE};
use crate::source::error::FetchError;
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::files::Files;
use nameplate_core::mapping::head::Head;
use nameplate_core::mapping::load::Compiled;
use nameplate_core::parts::assembly::PartStatus;
use nameplate_core::settings::MappingSource;
use nameplate_plan::ownership::EntryOwner;

/// A mapping, and what it is called.
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) table: MappingTable,
    pub(super) version: Version,
    /// What somebody should look at all the same, file by file.
    pub(super) warnings: Vec<Diagnostics>,
    /// What its files are called.
    pub(super) files: Files,
    /// The parts of a mapping in parts.
    pub(super) parts: Vec<PartStatus>,
    /// Who answers for the entries, by the marks of their parts.
    pub(super) owners: Vec<Option<Owner>>,
}

/// Who answers for a part, or for a mapping of one document.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) contact: Option<String>,
}

impl Loaded {
    /// A mapping of this name without entries.
    pub(super) fn nothing(name: &str, version: Version) -> Loaded {
        let (table, warnings) = (MappingTable::default(), Diagnostics::default());
        Loaded::one(name.to_owned(), Compiled { table, head: Head::default(), version, warnings })
    }

    /// Who answers for an entry, where the mapping says so.
    pub(super) fn owner_of(&self, route: &Route) -> Option<EntryOwner<'_>> {
        let Owner { name, contact } = self.owners.get(usize::from(route.part))?.as_ref()?;
        Some(EntryOwner { name, contact: contact.as_deref() })
    }

    pub(super) fn one(name: String, mapping: Compiled) -> Loaded {
        let Compiled { table, head, version, warnings } = mapping;
        let warnings = if warnings.is_empty() { Vec::new() } else { vec![warnings] };
        let files = Files::one(&name);
        let Head { owner, contact, .. } = head;
        let owner = owner.map(|name| Owner { name, contact });
        Loaded { name, table, version, warnings, files, parts: Vec::new(), owners: vec![owner] }
    }
}

/// Why there is none.
pub(super) enum NotLoaded {
    /// It could not be read; what to say of it.
    Unreadable(String),
    /// It was read, and has errors: those of each file.
    Invalid(Vec<Diagnostics>),
}

impl NotLoaded {
    /// The exit code, and what to say.
    pub(super) fn refusal(self) -> (u8, String) {
        match self {
            NotLoaded::Invalid(files) => (FAULTY, all_of(&files)),
            NotLoaded::Unreadable(what) => (UNUSABLE, format!("error: {what}")),
        }
    }
}

/// The errors of all files, for people.
pub(super) fn all_of(files: &[Diagnostics]) -> String {
    files.iter().map(Diagnostics::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads a source in a runtime of its own.
pub(super) fn in_runtime<T>(
    place: &MappingSource,
    read: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e: io::Error| format!("no runtime to read {place} with: {e}"))?;
    runtime.block_on(read).map_err(|fault| fault.to_string())
}
