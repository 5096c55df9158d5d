//! Keeps the cached mapping in step with the active one.
//!
//! **Invariant:** a cache that does not answer holds up no change: what it is asked for has a limit, and while it still
//! owes an answer it is asked for nothing. A mapping that could not be written is tried again after each reading of the
//! source, until it is written or another one is active.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use super::document::Document;
use crate::source::cache::Cache;
use crate::source::file_access::FileAccess;
use nameplate_core::domain::version::Version;

/// Writes to the cache.
pub(super) struct CacheWriter {
    path: PathBuf,
    access: FileAccess<Cache>,
    patience: Duration,
    /// The active mapping, until it is written.
    pending: Option<Document>,
    /// The version in the cache.
    kept: Option<Version>,
    /// The version that could not be written, once that has been logged.
    failed: Option<Version>,
    /// That it does not answer has been said.
    is_late: bool,
}

impl CacheWriter {
    pub(super) fn new(cache: Cache, patience: Duration) -> CacheWriter {
        let path = cache.path().to_owned();
        let access = FileAccess::new(cache);
        CacheWriter { path, access, patience, pending: None, kept: None, failed: None, is_late: false }
    }

    /// Notes that the cache has this version, which is active.
    pub(super) fn note_kept(&mut self, version: Version) {
        self.kept = Some(version);
    }

    /// Has this mapping written with the next [`CacheWriter::write`].
    pub(super) fn set_pending(&mut self, document: Document) {
        self.pending = Some(document);
    }

    /// Writes the mapping that was accepted last, now that nobody waits for it.
    pub(super) async fn write(&mut self) {
        let Some(document) = self.pending.clone().filter(|_| !self.access.is_busy()) else { return };
        let version = document.version;
        let written = self.ask(move |cache| cache.keep(&document.bytes, document.version)).await;
        match written.map(|done| done.and_then(|written| written)) {
            Some(Ok(())) => {
                (self.kept, self.pending) = (Some(version), None);
                if self.failed.take().is_some() {
                    log::info!("the mapping is cached again: {}", self.path.display());
                }
            }
            Some(Err(error)) => self.note_failure(version, &error),
            // Written anew once it answers.
            None => {}
        }
    }

    /// Notes that this version is not in the cache, and logs it once. What is pending stays so.
    fn note_failure(&mut self, version: Version, error: &io::Error) {
        if self.failed.replace(version) != Some(version) {
            log::warn!(
                "the mapping is not cached: {}: {error}; if the source does not answer at the next start, Nameplate starts from an older mapping or with none; \
                 tried again after each reading of the source",
                self.path.display()
            );
        }
    }

    /// Notes in the cache that the source still has the active mapping.
    pub(super) async fn confirm(&mut self, active: Option<Version>, now: SystemTime) {
        if self.kept == active && !self.access.is_busy() {
            let _ = self.ask(move |cache| cache.confirm(now)).await;
        }
    }

    /// Returns what became of it; `None` if it takes too long.
    async fn ask<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Cache) -> T + Send + 'static,
    ) -> Option<io::Result<T>> {
        let done = timeout(self.patience, self.access.run(work)).await;
        let is_late = done.is_err();
        if is_late && !self.is_late {
            log::warn!(
                "the cache does not answer within {:?}: {}; if the source does not answer at the next start, Nameplate starts from an older mapping or with none",
                self.patience,
                self.path.display()
            );
        }
        self.is_late = is_late;
        done.ok()
    }
}
