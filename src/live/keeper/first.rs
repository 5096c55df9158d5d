//! The source, and the first reading of it: what a start goes by.

use std::io;
use std::time::Duration;

use super::super::reload::{Cause, Document};
use crate::source::cache::{Cache, CacheFault, Kept};
use crate::source::{self, Ask, FetchFault, Fetched, Source};
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::settings::{MappingSource, ReloadRules as Rules};

/// Where there is a cached mapping, a start waits for the source no longer than this.
const FIRST_FETCH: Duration = Duration::from_secs(3);

/// Why there is nothing to start with, and no use in waiting.
#[derive(Debug, thiserror::Error)]
pub enum FirstFault {
    /// The mapping is a file that cannot be read, or the source cannot be set up.
    #[error("{0}")]
    Unreadable(#[from] FetchFault),
    /// The mapping is a file with faults.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// The system gave no thread.
    #[error("no thread for the mapping: {0}")]
    System(#[from] io::Error),
}

/// What a start goes by.
pub(super) struct First {
    /// A mapping that is not in force yet, or why there is none, and of which version.
    pub(super) read: Result<(MappingTable, Document), (Cause, Option<Version>)>,
    /// What is on disk, where it is needed.
    pub(super) kept: Option<Result<Kept, CacheFault>>,
}

/// A source that has been set up.
pub(super) struct Opened {
    pub(super) place: MappingSource,
    pub(super) rules: Rules,
    pub(super) source: Box<dyn Source>,
    pub(super) cache: Option<Cache>,
    /// What ENDPOINT may say.
    pub(super) endpoints: Vec<String>,
}

impl Opened {
    pub(super) fn new(place: MappingSource, rules: Rules, endpoints: Vec<String>) -> Result<Opened, FetchFault> {
        let source = source::open(&place, &rules)?;
        let cache = rules.cache_of(&place).map(|folder| Cache::new(&folder, &place));
        Ok(Opened { place, rules, source, cache, endpoints })
    }

    pub(super) async fn fetch(&mut self, ask: Ask, patience: Duration) -> Result<Fetched, FetchFault> {
        source::fetch_in_time(&mut *self.source, &self.place, ask, patience).await
    }

    /// Reads the mapping to start with. A file that is broken or not there is no start: somebody who
    /// can mend it is watching, and what they last deployed may still run.
    pub(super) async fn first(mut self) -> Result<(Opened, First), FirstFault> {
        let is_file = self.place.file().is_some();
        let cached = self.cache.as_ref().is_some_and(|cache| cache.path().exists());
        let patience = if cached { FIRST_FETCH.min(self.rules.timeout) } else { self.rules.timeout };
        let read = match self.fetch(Ask::Now, patience).await {
            Ok(Fetched::Document(bytes)) => {
                let document = Document::new(bytes);
                match document.compile(&self.place.to_string(), &self.endpoints) {
                    Ok(table) => Ok((table, document)),
                    Err(Cause::Rejected(faults)) if is_file => return Err(FirstFault::Invalid(faults)),
                    Err(cause) => Err((cause, Some(document.version))),
                }
            }
            Ok(Fetched::Unchanged | Fetched::Unsettled) => Err((Cause::Unsettled, None)),
            Err(fault) => Err((Cause::Failed(fault), None)),
        };
        // Read once, and only where it is needed.
        let kept = match (&read, &self.cache) {
            (Err(_), Some(cache)) => Some(cache.read(self.rules.max_bytes)),
            (Ok(_), _) | (_, None) => None,
        };
        match read {
            Err((Cause::Failed(fault), None)) if is_file && !matches!(kept, Some(Ok(_))) => Err(fault.into()),
            read => Ok((self, First { read, kept })),
        }
    }
}
