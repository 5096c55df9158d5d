//! The first mapping of a process: the source's, else the cached one.

use std::time::SystemTime;

use super::super::snapshot::Snapshot;
use super::super::status::Origin;
use super::document::Document;
use super::judge::{Event, Size};
use super::parts::KeptParts;
use super::reader::{Brought, Cached, FirstParts, FirstRead};
use super::run::Keeper;
use crate::source::cache::{CacheError, CachedMapping};
use crate::source::parts_cache::CachedParts;
use nameplate_core::domain::version::Version;

impl Keeper {
    /// Activates the first mapping: the source's, else the cached one, else none yet.
    pub(super) async fn begin(&mut self, first: FirstRead) {
        let (event, candidate) = match first.brought {
            Brought::Document(document, table) => {
                let (event, candidate) = self.compiled(document, table);
                (event, Some(candidate))
            }
            Brought::Parts(first, assembly) => {
                let version = self.take_first(*first);
                let (event, candidate) = self.assembled(version, *assembly);
                (event, Some(candidate))
            }
            Brought::NoPart(first, cause) => {
                let version = self.take_first(*first);
                (Event::Compiled(version, Err(cause)), None)
            }
            Brought::Unsettled => (Event::Unsettled, None),
            Brought::Failed(error) => (Event::Failed(error), None),
        };
        let action = self.decide(event);
        // Nobody waits for the outcome of this reading.
        let _ = self.carry_out(action, candidate).await;
        if self.live.snapshot().table.is_empty() {
            self.start_from_cache(first.cached);
        }
        if self.live.snapshot().table.is_empty() {
            log::error!("no mapping yet: requests are answered 503 until {} can be read", self.name);
        }
    }

    /// Takes the parts that the start has read. Returns which mapping the source has.
    fn take_first(&mut self, first: FirstParts) -> Version {
        let FirstParts { parts, found, cached } = first;
        if let Some(cache) = &mut self.parts_cache {
            cached.iter().for_each(|cached| cache.note_kept(cached));
            cache.note_read(&found, parts.get());
        }
        let version = parts.get().version();
        self.parts = Some(parts);
        version
    }

    fn start_from_cache(&mut self, cached: Option<Result<Cached, CacheError>>) {
        match cached {
            None | Some(Err(CacheError::Missing(_))) => {}
            Some(Err(error)) => log::error!("the cached mapping cannot be used: {error}"),
            Some(Ok(Cached::Document(cached))) => self.start_from_document(cached),
            Some(Ok(Cached::Parts(cached))) => self.start_from_parts(&cached),
        }
    }

    fn start_from_document(&mut self, cached: CachedMapping) {
        let Some(caches) = &self.reader.caches else { return };
        let CachedMapping { bytes, version, at } = cached;
        let (path, length) = (caches.document.path().display().to_string(), bytes.len());
        let table = match (Document { bytes, version }).compile(&path, &self.reader.endpoints) {
            Ok(table) => table,
            Err(cause) => return log::error!("the cached mapping cannot be used: {cause}"),
        };
        let size = Size { entries: table.len() as u64, bytes: length as u64 };
        if let Some(cache) = &mut self.cache {
            cache.note_kept(version);
        }
        let (next, _) = self.live.next(table, version);
        self.start_with(next, size, at, &path);
    }

    fn start_from_parts(&mut self, cached: &CachedParts) {
        let Some(caches) = &self.reader.caches else { return };
        let path = caches.parts.path().display().to_string();
        let mut parts = KeptParts::new(&self.reader.place, &self.reader.rules, &self.reader.endpoints);
        let table = parts.restore(cached);
        let size = Size { entries: table.len() as u64, bytes: 0 };
        let at = cached.parts.iter().map(|part| part.at).max().unwrap_or(SystemTime::UNIX_EPOCH);
        if let Some(cache) = &mut self.parts_cache {
            cache.note_kept(cached);
        }
        let (mut next, _) = self.live.next(table, parts.get().version());
        next.parts = parts.get().names_by_mark().into();
        self.parts = Some(parts);
        self.start_with(next, size, at, &path);
        self.show_parts();
    }

    /// Activates a cached mapping, which the source last had at this time.
    fn start_with(&mut self, next: Snapshot, size: Size, at: SystemTime, path: &str) {
        let (entries, version) = (next.table.len(), next.version);
        let Some(version) = version else { return };
        self.live.swap(next, Origin::Cache, at);
        log::warn!("{entries} entries are in force from {path}, version {version}");
        self.judge.on(Event::StartedFromCache(version, size));
    }
}
