//! A mapping in parts: what a reading of a folder or prefix found.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::error::FetchError;
use nameplate_core::diagnostic::printable_name;

/// One part, as a reading of the source found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartRead {
    /// Its path below the folder or prefix, separated by `/`: `payments/orders.yaml`.
    pub(crate) name: Arc<str>,
    /// When it was written, where the source tells.
    pub(crate) modified: Option<SystemTime>,
    pub(crate) found: Found,
}

/// What a reading found of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The same that the last delivered reading brought.
    Same,
    /// Its text.
    Text(Bytes),
    /// It is in the middle of a change. A part that was brought before stays what it was; any other does not exist yet.
    Unsettled,
    /// It could not be read. The others were.
    Failed(FetchError),
}

/// Reports whether a file of this name is a part.
pub(super) fn is_part(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

/// Reports whether a name can stand in a log line as it is: it moves no cursor, and turns no direction of writing.
pub(super) fn is_printable(name: &str) -> bool {
    printable_name(name) == name
}

/// Names that are passed over that are remembered, so that each is logged once.
const MOST_REMEMBERED: usize = 1_000;

/// The names that were logged because they are passed over.
#[derive(Debug, Default)]
pub(super) struct PassedOver(HashSet<String>);

impl PassedOver {
    /// Logs each name that was not logged before. `names` are printable, and `why` says what is wrong with them.
    pub(super) fn log(&mut self, source: &str, names: &[String], why: &str) {
        for name in names {
            if self.0.len() < MOST_REMEMBERED && self.0.insert(name.clone()) {
                log::warn!("{source}: {name} is passed over: {why}; rename it");
            }
        }
    }

    /// How many names were logged.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
