//! How a reading of the mapping ended: with the active mapping, or with the reason why it was refused.

use std::fmt;
use std::sync::Arc;

use super::held_entries::HeldEntries;
use crate::source::error::FetchError;
use crate::telemetry::metrics::ReadResult;
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::domain::version::Version;
use nameplate_core::parts::error::NotInUse;

/// The active mapping after a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// Its generation.
    pub generation: u64,
    /// How many entries it has.
    pub entries: usize,
    /// Whether the reading made it active.
    pub changed: bool,
}

/// Why a mapping was refused. The one before it stays active.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// It could not be read.
    #[error("{0}")]
    Failed(#[from] FetchError),
    /// It has faults.
    #[error("{}", .0.first(MOST_LOGGED))]
    Rejected(Diagnostics),
    /// It removes more than a change may.
    #[error("{0}")]
    Held(Held),
    /// It grows more than a change may.
    #[error("{0}")]
    Grown(Grown),
    /// Some of its parts are not active as the source has them.
    #[error("{0}")]
    Parts(PartErrors),
    /// It is active, and some of its entries keep the target that they had.
    #[error("{0}")]
    Entries(HeldEntries),
    /// It was being written.
    #[error("it is being written; it is read again in a moment")]
    Unsettled,
}

impl Cause {
    /// Returns what the metrics count it as.
    pub fn result(&self) -> ReadResult {
        match self {
            Cause::Failed(_) | Cause::Unsettled => ReadResult::Failed,
            Cause::Rejected(_) => ReadResult::Rejected,
            Cause::Held(_) | Cause::Grown(_) | Cause::Entries(_) => ReadResult::Held,
            Cause::Parts(errors) => errors.result(),
        }
    }
}

impl Cause {
    /// Returns what was not taken, for programs: the `source` was not read, the whole `mapping`, some `parts` or some
    /// `entries`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Cause::Failed(_) | Cause::Unsettled => "source",
            Cause::Rejected(_) | Cause::Held(_) | Cause::Grown(_) => "mapping",
            Cause::Parts(_) => "parts",
            Cause::Entries(_) => "entries",
        }
    }

    /// What is active all the same.
    fn rest(&self) -> &'static str {
        match self {
            Cause::Parts(PartErrors { held: Some(_), .. }) => {
                "these parts and entries stay as they were, and all others are active"
            }
            Cause::Parts(_) => "these parts stay as they were, and all others are active",
            Cause::Entries(_) => "these entries stay as they were, and all others are active",
            _ => "the mapping in force is unchanged",
        }
    }
}

/// The parts that are not active as the source has them. All others are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartErrors {
    /// Each by its name, with its owner.
    pub list: Arc<[NotInUse]>,
    /// How many parts there are.
    pub parts: usize,
    /// The entries of the other parts that keep the target that they had.
    pub held: Option<HeldEntries>,
}

/// What is said of parts that are not active.
pub const PARTS_NOT_ACTIVE: &str = "parts are not active as the source has them";

/// The most parts that are told of at once.
const MOST_PARTS: usize = 10;

impl PartErrors {
    /// The worst of them: an error comes before what waits for consent, and that before what was not read.
    fn result(&self) -> ReadResult {
        let has = |label: &str| self.list.iter().any(|part| part.error.label() == label);
        match () {
            () if has(ReadResult::Rejected.label()) => ReadResult::Rejected,
            () if has(ReadResult::Held.label()) || self.held.is_some() => ReadResult::Held,
            () => ReadResult::Failed,
        }
    }
}

impl fmt::Display for PartErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {PARTS_NOT_ACTIVE}", self.list.len(), self.parts)?;
        for NotInUse { name, owner, error } in self.list.iter().take(MOST_PARTS) {
            let owner = owner.as_ref().map(|owner| format!(" of {owner}")).unwrap_or_default();
            write!(f, "\npart {name}{owner}, {}: {error}", error.label())?;
        }
        if self.list.len() > MOST_PARTS {
            write!(f, "\nand {} more parts", self.list.len() - MOST_PARTS)?;
        }
        self.held.iter().try_for_each(|held| write!(f, "\n{held}"))
    }
}

/// The most faults that are logged; `check` prints them all.
const MOST_LOGGED: usize = 50;

/// A mapping that removes more of the active domains than a change may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "version {version} removes {removed} of {domains} domains, and {most} % is the most a change may remove\n  help: \
     if that is meant, `nameplate reload --allow-shrink` takes it, or the setting `reload: allow_shrink`"
)]
pub struct Held {
    /// The version that is held.
    pub version: Version,
    /// How many active domains it does not have.
    pub removed: usize,
    /// How many domains are active.
    pub domains: usize,
    /// `max_removed`, in percent.
    pub most: u8,
}

/// A mapping that grows beyond what a change may grow it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "version {version} has {size} {measure}, {before} are active, and {most} are the most a change may grow to\n  help: if \
     that is meant, `nameplate reload --allow-growth` takes it, or raise the setting `reload: {setting}`",
    setting = .measure.setting()
)]
pub struct Grown {
    /// The version that is held.
    pub version: Version,
    /// What there is too much of.
    pub measure: Measure,
    /// How much of it this version has.
    pub size: u64,
    /// How much of it the active mapping has.
    pub before: u64,
    /// How much of it a change may grow to.
    pub most: u64,
}

/// What the size of a mapping is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Its entries.
    Entries,
    /// The bytes of its text.
    Bytes,
}

impl Measure {
    fn setting(self) -> &'static str {
        match self {
            Measure::Entries => "hold_entries",
            Measure::Bytes => "hold_bytes",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Measure::Entries => "entries",
            Measure::Bytes => "bytes",
        })
    }
}

/// A mapping that was refused, as a whole or in some of its parts.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{cause}\n{} (generation {generation})", .cause.rest())]
pub struct NotTaken {
    /// Why.
    pub cause: Cause,
    /// The generation that stays active.
    pub generation: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::mapping::load::version_of;

    #[test]
    fn what_is_not_taken_says_what_serves_on_and_what_to_do() {
        let held = Held { version: version_of(b"m"), removed: 6, domains: 10, most: 50 };
        let said = NotTaken { cause: Cause::Held(held), generation: 7 }.to_string();
        assert!(said.contains("removes 6 of 10 domains") && said.contains("--allow-shrink"), "{said}");
        assert!(said.ends_with("\nthe mapping in force is unchanged (generation 7)"), "{said}");
    }

    #[test]
    fn what_grows_too_much_says_of_what_and_how_to_take_it() {
        let grown =
            Grown { version: version_of(b"m"), measure: Measure::Entries, size: 11, before: 4, most: 10 }.to_string();
        assert!(grown.contains("has 11 entries, 4 are active, and 10 are the most a change may grow to"), "{grown}");
        assert!(grown.contains("--allow-growth") && grown.contains("`reload: hold_entries`"), "{grown}");
    }
}
