//! Notices at once that a part of a folder may have changed, and which parts were renamed into place.
//!
//! What a link leads to outside the folder is not watched: polls find such a change.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::event::{CreateKind, ModifyKind, RemoveKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::fetch::ChangeKind;
use super::super::parts::is_part;
use super::super::watch::{STILL, is_gone, seen_by};

/// Folders that are watched; further ones are only polled. Linux gives a user about as many watches as a container
/// needs, and they are shared with other containers.
const MOST_WATCHED: usize = 2_000;
/// Files that are remembered because they were renamed into their places.
const MOST_REPLACED: usize = 10_000;
/// Signs that may wait; each only moves a point in time.
const QUEUE: usize = 64;
/// Changes that are made together are read together.
const GATHERED: Duration = Duration::from_millis(10);

/// What the watches have seen.
#[derive(Default)]
struct Seen {
    /// Files that were renamed into their places, and when. One that was written to since is not among them.
    replaced: HashMap<PathBuf, SystemTime>,
    watched: HashSet<PathBuf>,
    /// Watched folders that were removed or moved, and their watches with them.
    lost: HashSet<PathBuf>,
}

/// Waits for changes.
pub(super) struct FolderWatch {
    signs: mpsc::Receiver<ChangeKind>,
    due: Option<Instant>,
}

impl FolderWatch {
    /// Waits until it is time to look at the folder.
    pub(super) async fn changed(&mut self) {
        loop {
            let due = self.due;
            let wait = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = wait => {
                    self.due = None;
                    return;
                }
                sign = self.signs.recv() => {
                    // The watches have ended for good.
                    let Some(kind) = sign else { return std::future::pending().await };
                    // A file that goes on changing does not put off the look at the others.
                    let wait = if kind == ChangeKind::Replaced { GATHERED } else { STILL };
                    let at = Instant::now() + wait;
                    self.due = Some(self.due.map_or(at, |due| due.min(at)));
                }
            }
        }
    }
}

/// The watches on the folders. It makes calls to the file system, which may not answer.
pub(super) struct FolderEyes {
    sender: mpsc::Sender<ChangeKind>,
    seen: Arc<Mutex<Seen>>,
    /// `None` until the first folder, and where the system has no watch to give.
    watcher: Option<RecommendedWatcher>,
    /// Whether it has been logged that a folder is not watched.
    is_logged: bool,
}

impl FolderEyes {
    pub(super) fn new() -> (FolderWatch, FolderEyes) {
        let (sender, signs) = mpsc::channel(QUEUE);
        let eyes = FolderEyes { sender, seen: Arc::default(), watcher: None, is_logged: false };
        (FolderWatch { signs, due: None }, eyes)
    }

    /// Watches a folder, unless it is watched.
    pub(super) fn watch(&mut self, folder: &Path) {
        let is_lost = self.seen.lock().lost.remove(folder);
        if is_lost {
            self.unwatch(folder);
        }
        let (is_watched, watched) = {
            let seen = self.seen.lock();
            (seen.watched.contains(folder), seen.watched.len())
        };
        if is_watched {
            return;
        }
        let result = if watched < MOST_WATCHED {
            self.begin(folder)
        } else {
            Err(notify::Error::generic(&format!("{MOST_WATCHED} folders are watched already")))
        };
        match result {
            Ok(()) => {
                self.seen.lock().watched.insert(folder.to_owned());
            }
            Err(error) if !std::mem::replace(&mut self.is_logged, true) => {
                log::warn!("{} is not watched, only polled: {error}", folder.display());
            }
            Err(_) => {}
        }
    }

    fn begin(&mut self, folder: &Path) -> notify::Result<()> {
        if self.watcher.is_none() {
            let (sender, seen) = (self.sender.clone(), Arc::clone(&self.seen));
            self.watcher = Some(notify::recommended_watcher(move |event| note(event, &seen, &sender))?);
        }
        self.watcher.as_mut().map_or(Ok(()), |watcher| watcher.watch(folder, RecursiveMode::NonRecursive))
    }

    fn unwatch(&mut self, folder: &Path) {
        self.seen.lock().watched.remove(folder);
        // The system may have ended the watch with the folder.
        let _ = self.watcher.as_mut().map(|watcher| watcher.unwatch(folder));
    }

    /// Ends the watches on all folders but these.
    pub(super) fn keep_only(&mut self, folders: &HashSet<PathBuf>) {
        let gone: Vec<PathBuf> = self.seen.lock().watched.difference(folders).cloned().collect();
        for folder in gone {
            self.unwatch(&folder);
        }
    }

    /// Returns when a file was renamed into its place, if that was its last change and was seen.
    pub(super) fn replaced_at(&self, path: &Path) -> Option<SystemTime> {
        self.seen.lock().replaced.get(path).copied()
    }

    /// Forgets the changes that were made before: the files say by their times that they are whole.
    pub(super) fn forget_before(&self, time: SystemTime) {
        self.seen.lock().replaced.retain(|_, at| *at >= time);
    }
}

/// Notes one event.
fn note(event: notify::Result<Event>, seen: &Mutex<Seen>, sender: &mpsc::Sender<ChangeKind>) {
    let kind = match event {
        Ok(event) if !event.need_rescan() => kind_of(&event, &mut seen.lock()),
        // Events were lost: nothing is known of how a file was changed.
        Ok(_) | Err(_) => {
            seen.lock().replaced.clear();
            Some(ChangeKind::Touched)
        }
    };
    // A full queue holds signs enough.
    kind.map(|kind| sender.try_send(kind));
}

fn kind_of(event: &Event, seen: &mut Seen) -> Option<ChangeKind> {
    let kind = seen_by(&event.kind)?;
    let now = SystemTime::now();
    let mut concerns = is_of_any_name(&event.kind);
    for path in &event.paths {
        if is_gone(&event.kind) && seen.watched.contains(path) {
            seen.lost.insert(path.clone());
            concerns = true;
        }
        if path.file_name().and_then(|name| name.to_str()).is_some_and(is_part) {
            concerns = true;
            seen.replaced.remove(path);
            if kind == ChangeKind::Replaced && seen.replaced.len() < MOST_REPLACED {
                seen.replaced.insert(path.clone(), now);
            }
        }
    }
    concerns.then_some(kind)
}

/// Reports whether an event concerns the parts whatever the name is: folders and links have any name.
fn is_of_any_name(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create(CreateKind::Folder)
            | EventKind::Remove(RemoveKind::Folder)
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Any
            | EventKind::Other
    )
}
