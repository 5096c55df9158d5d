//! Why a part is not in use as its source has it.

use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::domain::version::Version;

/// The most errors of one part that are shown at once; `check` shows them all.
const MOST_SHOWN: usize = 10;

/// Why a part is not in use as its source has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartError {
    /// It could not be read; why.
    Unreadable(String),
    /// It has errors.
    Rejected(Version, Diagnostics),
    /// It removes more domains than a change may: of the part itself, or together with other changes.
    Shrunk(Shrunk),
    /// It has more than a change may grow to.
    Grown(Grown),
    /// `owners.yaml` was removed.
    OwnersGone,
}

/// A part that is not in use as its source has it, or `owners.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotInUse {
    /// Its name.
    pub name: Arc<str>,
    /// Who answers for it, where that is known.
    pub owner: Option<String>,
    /// Why.
    pub error: PartError,
}

/// A part that removes more domains than a change may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The version that is held; `None` where the part was removed.
    pub version: Option<Version>,
    /// How many domains it takes away.
    pub removed: usize,
    /// Of how many: of the part, or of the whole mapping.
    pub domains: usize,
    /// Whether these are the whole mapping's.
    pub of_all: bool,
    /// `max_removed`, in percent.
    pub most: u8,
}

/// A part that has more than a change may grow to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The version that is held.
    pub version: Version,
    /// How many entries or bytes it has, or the whole mapping would have with it.
    pub size: u64,
    /// The most of them.
    pub most: u64,
    /// The setting that says so.
    pub setting: &'static str,
}

impl PartError {
    /// The version that is not in use, where one was read.
    pub fn version(&self) -> Option<Version> {
        match self {
            PartError::Rejected(version, _) => Some(*version),
            PartError::Shrunk(shrunk) => shrunk.version,
            PartError::Grown(grown) => Some(grown.version),
            PartError::Unreadable(_) | PartError::OwnersGone => None,
        }
    }

    /// Whether consent puts it in use.
    pub fn is_held(&self) -> bool {
        matches!(self, PartError::Shrunk(_) | PartError::Grown(_) | PartError::OwnersGone)
    }

    /// What it is called in metrics and on pages: `rejected`, `held` or `failed`.
    pub fn label(&self) -> &'static str {
        match self {
            PartError::Unreadable(_) => "failed",
            PartError::Rejected(..) => "rejected",
            PartError::Shrunk(_) | PartError::Grown(_) | PartError::OwnersGone => "held",
        }
    }
}

/// What it says below the part's name; no line break at the end.
impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CONSENT: &str = "\n  help: if that is meant, `nameplate reload --allow-shrink` takes it";
        match self {
            PartError::Unreadable(why) => f.write_str(why),
            PartError::Rejected(_, errors) => errors.first(MOST_SHOWN).fmt(f),
            PartError::Shrunk(Shrunk { removed, domains, of_all, most, .. }) => {
                let whole = if *of_all { "the mapping's" } else { "its" };
                write!(
                    f,
                    "it removes {removed} of {whole} {domains} domains, and {most} % is the most a change may remove{CONSENT}"
                )
            }
            PartError::Grown(Grown { size, most, setting, .. }) => write!(
                f,
                "it makes {size} {what}, and {most} are the most a change may grow to (`reload: {setting}`)\n  help: if that \
                 is meant, `nameplate reload --allow-growth` takes it",
                what = if setting.ends_with("bytes") { "bytes" } else { "entries" },
            ),
            PartError::OwnersGone => write!(f, "owners.yaml is gone; its grants stay in use{CONSENT}"),
        }
    }
}
