//! The source of the mapping, set up, and its first reading.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::super::reload::Cause;
use super::document::Document;
use super::parts::KeptParts;
use crate::source;
use crate::source::cache::{Cache, CacheError, CachedMapping};
use crate::source::error::FetchError;
use crate::source::fetch::{FetchMode, Fetched, Source};
use crate::source::file_access::FileAccess;
use crate::source::parts::PartRead;
use crate::source::parts_cache::{CachedParts, PartsCache};
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::parts::assembly::Assembly;
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
    /// The mapping is a folder, and none of its parts can be used.
    #[error("{0}")]
    NoPart(Cause),
    /// The system gave no thread.
    #[error("no thread for the mapping: {0}")]
    System(#[from] io::Error),
}

/// What a start has to work with.
pub(super) struct FirstRead {
    /// What the source brought; nothing of it is active yet.
    pub(super) brought: Brought,
    /// The cached mapping, where it is needed.
    pub(super) cached: Option<Result<Cached, CacheError>>,
}

/// What the cache has.
pub(super) enum Cached {
    /// A whole mapping.
    Document(CachedMapping),
    /// Parts of one.
    Parts(CachedParts),
}

/// Where the last good mapping is kept, whichever form it has.
#[derive(Clone)]
pub(super) struct Caches {
    pub(super) document: Cache,
    pub(super) parts: PartsCache,
    /// Only parts can be there.
    is_in_parts: bool,
}

impl Caches {
    fn new(folder: &Path, place: &MappingSource) -> Caches {
        let (document, parts) = (Cache::new(folder, place), PartsCache::new(folder, place));
        Caches { document, parts, is_in_parts: place.is_prefix() }
    }

    fn exists(&self) -> bool {
        self.parts.path().exists() || !self.is_in_parts && self.document.path().exists()
    }

    fn read(&self, rules: &Rules, wants_parts: bool) -> Result<Cached, CacheError> {
        let parts = || self.parts.read_within(rules).map(Cached::Parts);
        if self.is_in_parts || wants_parts {
            return parts();
        }
        match self.document.read(rules.max_bytes) {
            Err(CacheError::Missing(path)) => parts().map_err(|error| match error {
                CacheError::Missing(_) => CacheError::Missing(path),
                other => other,
            }),
            document => document.map(Cached::Document),
        }
    }
}

/// What the source brought at the start.
pub(super) enum Brought {
    /// A document, and what compiling it gave.
    Document(Document, Result<MappingTable, Cause>),
    /// Parts, and which versions of them can be used.
    Parts(Box<FirstParts>, Box<Assembly>),
    /// Parts of which none can be used, and why.
    NoPart(Box<FirstParts>, Cause),
    /// A change that is not complete.
    Unsettled,
    /// An error.
    Failed(FetchError),
}

/// The parts that a start has.
pub(super) struct FirstParts {
    pub(super) parts: KeptParts,
    /// What the source brought.
    pub(super) found: Vec<PartRead>,
    /// What the cache has, where it was needed.
    pub(super) cached: Option<CachedParts>,
}

/// A source that has been set up.
pub(super) struct MappingReader {
    pub(super) place: MappingSource,
    pub(super) rules: Rules,
    pub(super) source: Box<dyn Source>,
    pub(super) caches: Option<Caches>,
    /// The names that ENDPOINT may have.
    pub(super) endpoints: Vec<String>,
}

impl MappingReader {
    pub(super) fn new(place: MappingSource, rules: Rules, endpoints: Vec<String>) -> Result<MappingReader, FetchError> {
        let source = source::open(&place, &rules)?;
        let caches = rules.cache_of(&place).map(|folder| Caches::new(&folder, &place));
        Ok(MappingReader { place, rules, source, caches, endpoints })
    }

    pub(super) async fn fetch(&mut self, mode: FetchMode, patience: Duration) -> Result<Fetched, FetchError> {
        source::fetch_in_time(&mut *self.source, &self.place, mode, patience).await
    }

    /// Reads the mapping to start with. A file that is missing or has faults aborts the start: somebody
    /// who can fix it is watching, and what they last deployed may still run.
    pub(super) async fn first(mut self) -> Result<(MappingReader, FirstRead), FirstReadError> {
        let is_file = self.place.file().is_some();
        let mut caches = self.caches.clone().map(FileAccess::new);
        let is_cached = match &mut caches {
            Some(caches) => ask(caches, FIRST_FETCH, |caches| caches.exists()).await.unwrap_or(false),
            None => false,
        };
        let patience = if is_cached { FIRST_FETCH.min(self.rules.timeout) } else { self.rules.timeout };
        let fetched = self.fetch(FetchMode::Always, patience).await;
        let brought = match fetched {
            Ok(Fetched::Document(bytes)) => {
                let document = Document::new(bytes);
                match document.compile(&self.place.to_string(), &self.endpoints) {
                    Err(Cause::Rejected(faults)) if is_file => return Err(FirstReadError::Invalid(faults)),
                    table => Brought::Document(document, table),
                }
            }
            Ok(Fetched::Parts(found)) => self.first_parts(found, &mut caches).await,
            Ok(Fetched::Unchanged | Fetched::Unsettled) => Brought::Unsettled,
            Err(error) => Brought::Failed(error),
        };
        // Read once, and only where it is needed.
        let cached = match (&brought, &mut caches) {
            (Brought::Document(_, Ok(_)) | Brought::Parts(..) | Brought::NoPart(..), _) | (_, None) => None,
            (_, Some(caches)) => Some(self.read_cache(caches, false).await),
        };
        match brought {
            Brought::NoPart(_, cause) if is_file => Err(FirstReadError::NoPart(cause)),
            Brought::Failed(error) if is_file && !matches!(cached, Some(Ok(_))) => Err(error.into()),
            brought => Ok((self, FirstRead { brought, cached })),
        }
    }

    /// Decides which parts can be used. Where one has an error, its last good version may be in the cache.
    async fn first_parts(&self, found: Vec<PartRead>, caches: &mut Option<FileAccess<Caches>>) -> Brought {
        let mut parts = KeptParts::new(&self.place, &self.rules, &self.endpoints);
        let mut found = found;
        match caches {
            Some(_) => parts.update_first(&found),
            None => parts.update_first_with(std::mem::take(&mut found)),
        }
        let (mut kept, mut assembly) = (None, parts.assemble_first(&MappingTable::default()));
        let is_needed = assembly.errors() > 0 || assembly.table.is_empty() || parts.get().has_owners_error();
        if let Some(caches) = caches.as_mut().filter(|_| is_needed) {
            match self.read_cache(caches, true).await {
                Ok(Cached::Parts(cached)) => {
                    parts = KeptParts::new(&self.place, &self.rules, &self.endpoints);
                    let restored = parts.restore(&cached);
                    parts.update_first(&found);
                    // A start takes what the source has. A source that has nothing at all removes nothing by that.
                    assembly = match assembly.table.is_empty() {
                        true => parts.assemble(&restored, false),
                        false => parts.assemble_first(&restored),
                    };
                    kept = Some(cached);
                }
                Ok(Cached::Document(_)) | Err(CacheError::Missing(_)) => {}
                Err(error) => log::error!("the cached parts cannot be used: {error}"),
            }
        }
        if !assembly.table.is_empty() {
            return Brought::Parts(Box::new(FirstParts { parts, found, cached: kept }), Box::new(assembly));
        }
        let nothing = || Cause::Failed(FetchError::no_part(&self.place));
        let cause = parts.no_part(assembly).unwrap_or_else(nothing);
        Brought::NoPart(Box::new(FirstParts { parts, found, cached: kept }), cause)
    }

    async fn read_cache(&self, caches: &mut FileAccess<Caches>, wants_parts: bool) -> Result<Cached, CacheError> {
        let (rules, path) = (self.rules.clone(), self.caches.as_ref().map(|caches| caches.document.path().to_owned()));
        let read = ask(caches, self.rules.timeout, move |caches| caches.read(&rules, wants_parts)).await;
        read.unwrap_or_else(|e| Err(CacheError::Io(path.unwrap_or_default(), e)))
    }
}

/// Asks a cache, whose file system may not answer.
async fn ask<T: Send + 'static>(
    caches: &mut FileAccess<Caches>,
    patience: Duration,
    work: impl FnOnce(&mut Caches) -> T + Send + 'static,
) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {patience:?}"));
    tokio::time::timeout(patience, caches.run(work)).await.map_err(late)?
}
