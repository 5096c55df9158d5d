//! A mapping that the source brought, and what would follow from it.

use super::super::snapshot::Snapshot;
use super::document::Document;
use nameplate_core::domain::kept::Tally;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::parts::assembly::Decided;
use nameplate_core::verification::changes::Change;
use nameplate_core::verification::held::HeldEntry;

/// What the source brought, and what would follow from it once it is compiled.
pub(super) struct Candidate {
    pub(super) content: Content,
    pub(super) next: Option<(Snapshot, Tally)>,
    /// The entries that are to be verified first.
    pub(super) changes: Vec<Change>,
    /// The entries that are held when it becomes active.
    pub(super) held: Option<HeldTable>,
}

/// What the source brought.
pub(super) enum Content {
    /// The whole mapping.
    Document(Document),
    /// The parts of this version of it; and once it is decided, which versions of them are used.
    Parts(Version, Option<Decided>),
}

/// The entries of the active mapping that are held.
pub(super) struct HeldTable {
    /// The mapping as the source has it, with none of them held.
    pub(super) wanted: MappingTable,
    /// In the order of a table; never empty.
    pub(super) entries: Vec<HeldEntry>,
}

impl From<Content> for Candidate {
    fn from(content: Content) -> Candidate {
        Candidate { content, next: None, changes: Vec::new(), held: None }
    }
}

impl Content {
    /// Returns which mapping the source has.
    pub(super) fn version(&self) -> Version {
        match self {
            Content::Document(document) => document.version,
            Content::Parts(version, _) => *version,
        }
    }
}
