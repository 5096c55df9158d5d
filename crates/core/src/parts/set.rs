//! The parts of a mapping: what the source has of each, and which version of it is in use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::OWNERS_FILE;
use super::error::PartError;
use super::owners::Owners;
use super::workers::do_all;
use crate::domain::order::{by_domain, sort_routes};
use crate::domain::pace::Pace;
use crate::domain::route::Route;
use crate::domain::version::Version;
use crate::mapping::head::Head;
use crate::mapping::load::{compile_part_paced, version_of, version_of_paced};

/// One version of a part, compiled.
#[derive(Debug)]
pub struct PartVersion {
    /// Of its text.
    pub version: Version,
    /// How long its text is, in bytes.
    pub size: u64,
    /// What it says of itself.
    pub head: Head,
    /// Its entries, in a table's order.
    pub routes: Vec<Route>,
}

impl PartVersion {
    /// Its domains, each once, in order.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &[u8]> {
        self.routes.chunk_by(|a, b| a.host_ref() == b.host_ref()).map(|group| group[0].host_ref())
    }

    /// Reports whether it has an entry for the same domain and base path.
    pub(super) fn has_entry(&self, like: &Route) -> bool {
        self.routes.binary_search_by(|route| by_domain(route, like)).is_ok()
    }
}

/// What a reading of the source found of a part.
#[derive(Clone, Debug)]
pub enum Update {
    /// What the reading before it found.
    Same,
    /// This text, which is let go of once it is compiled.
    Text(Bytes),
    /// It could not be read; why.
    Failed(String),
}

/// What the source has of a part.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// A version that compiles.
    Good(Arc<PartVersion>),
    /// A version with errors, or nothing that could be read.
    Bad(PartError),
    /// Nothing: it was removed.
    Gone,
}

/// One part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: Arc<str>,
    /// When its source says that it was written.
    pub(super) modified: Option<SystemTime>,
    pub(super) found: Found,
    /// The version that is in use, and what its routes are marked with.
    pub(super) in_use: Option<InUse>,
    /// Why what the source has is not in use, and since when.
    pub(super) error: Option<(PartError, SystemTime)>,
}

/// The version of a part that is in use.
#[derive(Clone, Debug)]
pub(super) struct InUse {
    pub(super) version: Arc<PartVersion>,
    pub(super) mark: u16,
    pub(super) since: SystemTime,
    /// That another part has some of its entries.
    pub(super) lost: Option<PartError>,
}

/// The owners that are in use, and what the source has of them.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnersFile {
    /// The version that the source has; `None` where there is no such file.
    pub(super) version: Option<Version>,
    /// The last good ones.
    pub(super) in_use: Option<Arc<Owners>>,
    /// The version of these.
    pub(super) version_in_use: Option<Version>,
    /// That the file is gone was known before this reading.
    pub(super) is_gone_known: bool,
    pub(super) error: Option<PartError>,
    /// They changed since the last assembly, so that every part is checked again.
    pub(super) is_changed: bool,
}

/// All parts of a mapping. Readings of the source update it, [`Parts::assemble`](super::assembly) decides which version of
/// each is used, and [`Parts::commit`](super::assembly) makes it so.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What errors put before a part's name: the folder, or the prefix.
    folder: String,
    /// The names that ENDPOINT may have, where the settings are at hand.
    endpoints: Option<Vec<String>>,
    pub(super) list: BTreeMap<Arc<str>, Part>,
    pub(super) owners: OwnersFile,
}

impl Parts {
    /// No part yet, of a folder or a prefix with this name.
    pub fn new(folder: &str, endpoints: Option<Vec<String>>) -> Parts {
        let end = if folder.ends_with('/') { "" } else { "/" };
        Parts { folder: format!("{folder}{end}"), endpoints, list: BTreeMap::new(), owners: OwnersFile::default() }
    }

    /// What errors call a part.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// Takes what a reading found of every part, and compiles what is new on up to `threads` threads. A part that is not
    /// among them was removed.
    pub fn update<'u>(
        &mut self,
        found: impl IntoIterator<Item = (&'u str, Option<SystemTime>, Update)>,
        threads: usize,
        pace: Pace,
    ) {
        let mut before = std::mem::take(&mut self.list);
        let mut has_owners = false;
        let mut unread: Vec<(String, String)> = Vec::new();
        let mut parts: Vec<(Part, Update)> = Vec::new();
        for (name, modified, update) in found {
            // Nothing is known of what is in a folder that cannot be read: it stays what it was.
            if let (true, Update::Failed(why)) = (name.ends_with('/'), &update) {
                unread.push((name.to_owned(), why.clone()));
            }
            if name == OWNERS_FILE {
                has_owners = true;
                self.update_owners(&update);
                continue;
            }
            let known = before.remove(name);
            // A part that is being written for the first time is none yet.
            if known.is_none() && matches!(update, Update::Same) {
                continue;
            }
            let new = || Part { name: name.into(), modified: None, found: Found::Gone, in_use: None, error: None };
            parts.push((Part { modified, ..known.unwrap_or_else(new) }, update));
        }
        let read = |(part, update): (Part, Update)| {
            let found = match update {
                Update::Same => part.found.clone(),
                Update::Text(bytes) => self.compile(&part, &bytes, pace),
                Update::Failed(why) => Found::Bad(PartError::Unreadable(why)),
            };
            (Arc::clone(&part.name), Part { found, ..part })
        };
        self.list = do_all(parts, threads, read).into_iter().collect();
        if !has_owners {
            self.remove_owners();
        }
        for (name, part) in before {
            let why = unread.iter().find(|(folder, _)| name.starts_with(folder.as_str())).map(|(_, why)| why.clone());
            let found = why.map_or(Found::Gone, |why| Found::Bad(PartError::Unreadable(why)));
            if part.in_use.is_some() {
                self.list.insert(name, Part { found, ..part });
            }
        }
    }

    fn compile(&self, part: &Part, bytes: &[u8], pace: Pace) -> Found {
        let version = version_of_paced(bytes, pace);
        if let Some(in_use) = part.used().filter(|in_use| in_use.version == version) {
            return Found::Good(Arc::clone(in_use));
        }
        match compile_part_paced(bytes, &self.path(&part.name), self.endpoints.as_deref(), pace) {
            Ok(text) => {
                let (head, mut routes) = (text.head, text.routes);
                sort_routes(&mut routes, pace);
                Route::rank_by_domain(&mut routes);
                Found::Good(Arc::new(PartVersion { version, size: bytes.len() as u64, head, routes }))
            }
            Err(errors) => Found::Bad(PartError::Rejected(version, errors)),
        }
    }

    fn update_owners(&mut self, update: &Update) {
        match update {
            Update::Same => {}
            Update::Failed(why) => self.owners.error = Some(PartError::Unreadable(why.clone())),
            Update::Text(bytes) => {
                let version = version_of(bytes);
                self.owners.version = Some(version);
                match Owners::parse(bytes, &self.path(OWNERS_FILE)) {
                    Ok(owners) => {
                        self.owners.error = None;
                        self.owners.is_changed |= self.owners.version_in_use != Some(version);
                        self.owners.in_use = Some(Arc::new(owners));
                        self.owners.version_in_use = Some(version);
                    }
                    Err(errors) => self.owners.error = Some(PartError::Rejected(version, errors)),
                }
            }
        }
    }

    /// Nobody takes every grant away by losing a file: the owners stay until somebody consents.
    fn remove_owners(&mut self) {
        self.owners.version = None;
        if self.owners.in_use.is_some() {
            self.owners.error = Some(PartError::OwnersGone);
        } else {
            self.owners.error = None;
        }
    }

    /// Which mapping the source has: a hash of the names and versions of all parts, and of the owners.
    pub fn version(&self) -> Version {
        let parts = self.list.values().filter_map(|part| match &part.found {
            Found::Good(good) => Some((&*part.name, Some(good.version))),
            Found::Bad(error) => Some((&*part.name, error.version())),
            Found::Gone => None,
        });
        version_of_parts(self.owners.version, parts)
    }

    /// The versions that are in use, by the names of their files; `owners.yaml` is one of them.
    pub fn versions_in_use(&self) -> impl Iterator<Item = (&str, Version)> {
        let owners = self.owners.version_in_use;
        let parts = self.list.values().filter_map(|part| Some((&*part.name, part.used()?.version)));
        owners.map(|version| (OWNERS_FILE, version)).into_iter().chain(parts)
    }

    /// Reports whether the source has a file of owners that is not in use.
    pub fn has_owners_error(&self) -> bool {
        self.owners.error.is_some()
    }

    /// How many parts the source has, or are in use.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Reports whether consent would change what is in use.
    pub fn has_held(&self) -> bool {
        let is_held = |part: &Part| part.error.as_ref().is_some_and(|(error, _)| error.is_held());
        matches!(self.owners.error, Some(PartError::OwnersGone)) || self.list.values().any(is_held)
    }
}

/// Which mapping these parts are.
pub(super) fn version_of_parts<'p>(
    owners: Option<Version>,
    parts: impl Iterator<Item = (&'p str, Option<Version>)>,
) -> Version {
    let mut text = Vec::new();
    for (name, version) in std::iter::once((OWNERS_FILE, owners)).chain(parts) {
        text.extend_from_slice(name.as_bytes());
        text.push(0);
        text.extend(version.iter().flat_map(|version| version.0));
        text.push(b'\n');
    }
    version_of(&text)
}

impl Part {
    /// The version that is offered, where it is not the one in use.
    pub(super) fn offered(&self) -> Option<&Arc<PartVersion>> {
        match &self.found {
            Found::Good(version) if !self.in_use.as_ref().is_some_and(|used| Arc::ptr_eq(&used.version, version)) => {
                Some(version)
            }
            _ => None,
        }
    }

    /// What is in use of it.
    pub(super) fn used(&self) -> Option<&Arc<PartVersion>> {
        self.in_use.as_ref().map(|used| &used.version)
    }
}
