//! Keeps the cached parts in step with those in use.
//!
//! **Invariant:** as for a whole mapping, a cache that does not answer holds up no change, and what could not be written
//! is tried again after each reading of the source.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::time::timeout;

use crate::source::file_access::FileAccess;
use crate::source::parts::{Found, PartRead};
use crate::source::parts_cache::{CachedParts, PartsCache};
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::load::version_of;
use nameplate_core::parts::OWNERS_FILE;
use nameplate_core::parts::set::Parts;

/// Writes parts to the cache.
pub(super) struct PartsCacheWriter {
    access: FileAccess<PartsCache>,
    path: String,
    patience: Duration,
    /// The texts that the source brought and that are not in the cache: of each part the last one, and the one in use.
    texts: HashMap<Arc<str>, Vec<(Version, Bytes)>>,
    /// What is in the cache.
    kept: HashMap<Arc<str>, Version>,
    /// What others left in it has been removed.
    is_swept: bool,
    /// That it cannot be written has been logged.
    is_failing: bool,
}

/// What is done to one file of the cache.
enum Change {
    Keep(Arc<str>, Version, Bytes),
    Remove(Arc<str>),
}

impl PartsCacheWriter {
    pub(super) fn new(cache: PartsCache, patience: Duration) -> PartsCacheWriter {
        let path = cache.path().display().to_string();
        let access = FileAccess::new(cache);
        PartsCacheWriter {
            access,
            path,
            patience,
            texts: HashMap::new(),
            kept: HashMap::new(),
            is_swept: false,
            is_failing: false,
        }
    }

    /// Notes what the cache has.
    pub(super) fn note_kept(&mut self, cached: &CachedParts) {
        self.kept = cached.parts.iter().map(|part| (Arc::clone(&part.name), part.version)).collect();
    }

    /// Takes the texts that a reading brought: which of them are used is decided later. `parts` are as they were before it.
    pub(super) fn note_read(&mut self, found: &[PartRead], parts: &Parts) {
        let in_use: HashMap<&str, Version> = parts.versions_in_use().collect();
        for part in found {
            if let Found::Text(bytes) = &part.found {
                let version = version_of(bytes);
                let texts = self.texts.entry(Arc::clone(&part.name)).or_default();
                texts.retain(|(before, _)| in_use.get(&*part.name) == Some(before) && *before != version);
                if self.kept.get(&part.name) != Some(&version) {
                    texts.push((version, bytes.clone()));
                }
            }
        }
        let names: HashSet<&str> = found.iter().map(|part| &*part.name).collect();
        self.texts.retain(|name, texts| !texts.is_empty() && names.contains(&**name));
    }

    /// Writes what is in use and not in the cache, and removes what is in use no more.
    pub(super) async fn write(&mut self, parts: &Parts) {
        self.sweep(parts).await;
        let changes = self.changes(parts);
        if changes.is_empty() || self.access.is_busy() {
            return;
        }
        let work = move |cache: &mut PartsCache| {
            let done = |change| match change {
                Change::Keep(name, version, bytes) => (cache.keep(&name, &bytes, version), name, Some(version)),
                Change::Remove(name) => (cache.remove(&name), name, None),
            };
            changes.into_iter().map(done).collect::<Vec<_>>()
        };
        let mut error = None;
        match timeout(self.patience, self.access.run(work)).await {
            Ok(Ok(done)) => {
                for (written, name, version) in done {
                    match (written, version) {
                        (Ok(()), Some(version)) => {
                            if let Some(texts) = self.texts.get_mut(&name) {
                                texts.retain(|(written, _)| *written != version);
                            }
                            self.kept.insert(name, version);
                        }
                        (Ok(()), None) => drop(self.kept.remove(&name)),
                        (Err(e), _) => error = Some(e.to_string()),
                    }
                }
            }
            Ok(Err(e)) => error = Some(e.to_string()),
            Err(_) => error = Some(format!("no answer within {:?}", self.patience)),
        }
        self.tell(error);
    }

    /// Removes, once, what a process before this one kept and nobody knows of any more.
    async fn sweep(&mut self, parts: &Parts) {
        let mut names: Vec<String> = parts.versions_in_use().map(|(name, _)| name.to_owned()).collect();
        // While nothing is in use, what is cached may be all there is.
        if self.is_swept || names.is_empty() || self.access.is_busy() {
            return;
        }
        if parts.has_owners_error() {
            names.push(OWNERS_FILE.to_owned());
        }
        let swept = timeout(self.patience, self.access.run(move |cache| cache.keep_only(&names))).await;
        self.is_swept = matches!(swept, Ok(Ok(())));
    }

    fn changes(&self, parts: &Parts) -> Vec<Change> {
        let in_use: HashMap<&str, Version> = parts.versions_in_use().collect();
        let texts = self.texts.iter().flat_map(|(name, texts)| texts.iter().map(move |text| (name, text)));
        let is_new = |(name, (version, _)): &(&Arc<str>, &(Version, Bytes))| {
            in_use.get(&***name) == Some(version) && self.kept.get(*name) != Some(version)
        };
        let new = texts.filter(is_new);
        let keeps = new.map(|(name, (version, bytes))| Change::Keep(Arc::clone(name), *version, bytes.clone()));
        // The last good owners stay while those of the source have an error.
        let is_needed = |name: &str| in_use.contains_key(name) || name == OWNERS_FILE && parts.has_owners_error();
        let gone = self.kept.keys().filter(|name| !is_needed(name)).map(|name| Change::Remove(Arc::clone(name)));
        keeps.chain(gone).collect()
    }

    /// Notes that the source still has what is in use.
    pub(super) async fn confirm(&mut self, now: SystemTime) {
        if !self.access.is_busy() {
            let _ = timeout(self.patience, self.access.run(move |cache| cache.confirm(now))).await;
        }
    }

    fn tell(&mut self, error: Option<String>) {
        let was_failing = std::mem::replace(&mut self.is_failing, error.is_some());
        match error {
            Some(error) if !was_failing => log::warn!(
                "parts of the mapping are not cached: {}: {error}; if the source does not answer at the next start, \
                 Nameplate starts from older parts or without them; tried again after each reading of the source",
                self.path
            ),
            None if was_failing => log::info!("the parts of the mapping are cached again: {}", self.path),
            _ => {}
        }
    }
}
