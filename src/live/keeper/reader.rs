//! The source of the mapping, set up, and its first reading.

use std::io;
use std::time::Duration;

use super::super::reload::Cause;
use super::document::Document;
use crate::source;
use crate::source::cache::{Cache, CacheError, CachedMapping};
use crate::source::error::FetchError;
use crate::source::fetch::{FetchMode, Fetched, Source};
use crate::source::file_access::FileAccess;
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::settings::{MappingSource, ReloadRules as Rules};

/// Where there is a cached mapping, a start waits for the source no longer than this.
const FIRST_FETCH: Duration = Duration::from_secs(3);

/// Why there is no mapping to start with, and no use in waiting for one.
#[derive(Debug, thiserror::Error)]
pub enum FirstReadError {
    /// The mapping is a file that cannot be read, or the source cannot be set up.
    #[error("{0}")]
    Unreadable(#[from] FetchError),
    /// The mapping is a file with faults.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// The system gave no thread.
    #[error("no thread for the mapping: {0}")]
    System(#[from] io::Error),
}

/// What a start has to work with.
pub(super) struct FirstRead {
    /// What the source brought; nothing of it is active yet.
    pub(super) brought: Brought,
    /// The cached mapping, where it is needed.
    pub(super) cached: Option<Result<CachedMapping, CacheError>>,
}

/// What the source brought at the start.
pub(super) enum Brought {
    /// A document, and what compiling it gave.
    Document(Document, Result<MappingTable, Cause>),
    /// A change that is not complete.
    Unsettled,
    /// An error.
    Failed(FetchError),
}

/// A source that has been set up.
pub(super) struct MappingReader {
    pub(super) place: MappingSource,
    pub(super) rules: Rules,
    pub(super) source: Box<dyn Source>,
    pub(super) cache: Option<Cache>,
    /// The names that ENDPOINT may have.
    pub(super) endpoints: Vec<String>,
}

impl MappingReader {
    pub(super) fn new(place: MappingSource, rules: Rules, endpoints: Vec<String>) -> Result<MappingReader, FetchError> {
        let source = source::open(&place, &rules)?;
        let cache = rules.cache_of(&place).map(|folder| Cache::new(&folder, &place));
        Ok(MappingReader { place, rules, source, cache, endpoints })
    }

    pub(super) async fn fetch(&mut self, mode: FetchMode, patience: Duration) -> Result<Fetched, FetchError> {
        source::fetch_in_time(&mut *self.source, &self.place, mode, patience).await
    }

    /// Reads the mapping to start with. A file that is missing or has faults aborts the start: somebody
    /// who can fix it is watching, and what they last deployed may still run.
    pub(super) async fn first(mut self) -> Result<(MappingReader, FirstRead), FirstReadError> {
        let is_file = self.place.file().is_some();
        let mut cache = self.cache.clone().map(FileAccess::new);
        let is_cached = match &mut cache {
            Some(cache) => ask(cache, FIRST_FETCH, |cache| cache.path().exists()).await.unwrap_or(false),
            None => false,
        };
        let patience = if is_cached { FIRST_FETCH.min(self.rules.timeout) } else { self.rules.timeout };
        let brought = match self.fetch(FetchMode::Always, patience).await {
            Ok(Fetched::Document(bytes)) => {
                let document = Document::new(bytes);
                match document.compile(&self.place.to_string(), &self.endpoints) {
                    Err(Cause::Rejected(faults)) if is_file => return Err(FirstReadError::Invalid(faults)),
                    table => Brought::Document(document, table),
                }
            }
            Ok(Fetched::Unchanged | Fetched::Unsettled) => Brought::Unsettled,
            Ok(Fetched::Parts(_)) => Brought::Failed(FetchError::in_parts(&self.place)),
            Err(error) => Brought::Failed(error),
        };
        // Read once, and only where it is needed.
        let cached = match (&brought, &mut cache) {
            (Brought::Document(_, Ok(_)), _) | (_, None) => None,
            (_, Some(cache)) => {
                let (most, path) = (self.rules.max_bytes, self.cache.as_ref().map(|cache| cache.path().to_owned()));
                let read = ask(cache, self.rules.timeout, move |cache| cache.read(most)).await;
                Some(read.unwrap_or_else(|e| Err(CacheError::Io(path.unwrap_or_default(), e))))
            }
        };
        match brought {
            Brought::Failed(error) if is_file && !matches!(cached, Some(Ok(_))) => Err(error.into()),
            brought => Ok((self, FirstRead { brought, cached })),
        }
    }
}

/// Asks the cache, whose file system may not answer.
async fn ask<T: Send + 'static>(
    cache: &mut FileAccess<Cache>,
    patience: Duration,
    work: impl FnOnce(&mut Cache) -> T + Send + 'static,
) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {patience:?}"));
    tokio::time::timeout(patience, cache.run(work)).await.map_err(late)?
}
