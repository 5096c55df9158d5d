//! Notices at once that a file may have changed.
//!
//! Folders are watched and not the file: an editor or a pipeline puts a new file in the old one's
//! place, and a watch on the old one would go with it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::fetch::ChangeKind;
use super::links::names_on_the_way;

/// A file nobody has written to for this long is whole.
pub(super) const STILL: Duration = Duration::from_secs(1);

/// How long a file that was written in place must then be left alone: some programs open and close
/// it several times.
const CLOSED: Duration = Duration::from_millis(100);

/// Events that may wait; each only moves a point in time.
const QUEUE: usize = 64;

/// How long after an event the file is taken to be whole.
fn after(seen: ChangeKind) -> Duration {
    match seen {
        ChangeKind::Replaced => Duration::ZERO,
        ChangeKind::Closed => CLOSED,
        ChangeKind::Touched => STILL,
    }
}

/// The signs of changes, and when the file is taken to be whole after them.
pub(super) struct Watch {
    signs: mpsc::Receiver<ChangeKind>,
    /// What was seen last, and when the file is taken to be whole after it.
    due: Option<(ChangeKind, Instant)>,
}

/// What looks at the folders. It makes calls to the file system, which may not answer.
pub(super) struct Eyes {
    sender: mpsc::Sender<ChangeKind>,
    names: Vec<(PathBuf, OsString)>,
    /// Ends its watches when dropped. `None` where the system has no watch to give: then only
    /// polling tells.
    watcher: Option<RecommendedWatcher>,
    /// A watched folder was removed or moved, and its watch with it.
    lost: Arc<AtomicBool>,
    /// That there is no watch has been said.
    said: bool,
}

impl Eyes {
    /// Whether changes are not seen at present.
    pub(super) fn is_blind(&self) -> bool {
        self.watcher.is_none() || self.lost.load(Ordering::Relaxed)
    }

    /// Watches where the path leads now.
    pub(super) fn follow(&mut self, path: &Path) {
        let names = names_on_the_way(path);
        if self.names == names && !self.is_blind() {
            return;
        }
        self.names.clone_from(&names);
        self.lost = Arc::default();
        match watcher(names, self.sender.clone(), Arc::clone(&self.lost)) {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.said = false;
            }
            Err(fault) => {
                self.watcher = None;
                if !std::mem::replace(&mut self.said, true) {
                    log::warn!("{} is not watched, only polled: {fault}", path.display());
                }
            }
        }
    }
}

impl Watch {
    /// Nothing is watched until [`Eyes::follow`] says where.
    pub(super) fn new() -> (Watch, Eyes) {
        let (sender, signs) = mpsc::channel(QUEUE);
        let eyes = Eyes { sender, names: Vec::new(), watcher: None, lost: Arc::default(), said: false };
        (Watch { signs, due: None }, eyes)
    }

    /// Waits until the file has changed and is whole.
    pub(super) async fn changed(&mut self) -> ChangeKind {
        loop {
            let due = self.due;
            let wait = async {
                let Some((seen, at)) = due else { return std::future::pending().await };
                tokio::time::sleep_until(at).await;
                seen
            };
            tokio::select! {
                biased;
                sign = self.signs.recv() => {
                    // The eyes have closed for good.
                    let Some(sign) = sign else { return std::future::pending().await };
                    // What took the file's place is whole, whatever else goes on around it.
                    if !matches!(self.due, Some((ChangeKind::Replaced, _))) {
                        self.due = Some((sign, Instant::now() + after(sign)));
                    }
                }
                seen = wait => {
                    self.due = None;
                    return seen;
                }
            }
        }
    }
}

fn watcher(
    names: Vec<(PathBuf, OsString)>,
    sender: mpsc::Sender<ChangeKind>,
    lost: Arc<AtomicBool>,
) -> notify::Result<RecommendedWatcher> {
    let folders: HashSet<PathBuf> = names.iter().map(|(folder, _)| folder.clone()).collect();
    let watched = folders.clone();
    let tell = move |event: notify::Result<Event>| {
        let sign = match event {
            Ok(event) if event.need_rescan() => Some(ChangeKind::Touched),
            Ok(event) if is_gone(&event.kind) && event.paths.iter().any(|path| watched.contains(path)) => {
                lost.store(true, Ordering::Relaxed);
                Some(ChangeKind::Touched)
            }
            Ok(event) if event.paths.iter().any(|path| is_on_the_way(&names, path)) => seen_by(&event.kind),
            Ok(_) => None,
            // What is missed now is found by polling.
            Err(_) => Some(ChangeKind::Touched),
        };
        // A full queue holds signs enough.
        sign.map(|sign| sender.try_send(sign));
    };
    let mut watcher = notify::recommended_watcher(tell)?;
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn is_on_the_way(names: &[(PathBuf, OsString)], path: &Path) -> bool {
    names.iter().any(|(folder, name)| path.parent() == Some(folder) && path.file_name() == Some(name))
}

pub(super) fn is_gone(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)))
}

pub(super) fn seen_by(kind: &EventKind) -> Option<ChangeKind> {
    match kind {
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(ChangeKind::Replaced),
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(ChangeKind::Closed),
        // Reading it is no change, nor is a new mode; and a rename that has told of both its ends has
        // told of each before.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_) | ModifyKind::Name(RenameMode::Both)) => None,
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Any | EventKind::Other => {
            Some(ChangeKind::Touched)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn watching(path: &Path) -> (Watch, Eyes) {
        let (watch, mut eyes) = Watch::new();
        eyes.follow(path);
        (watch, eyes)
    }

    /// How the change is noticed, and how long that takes.
    async fn noticed(watch: &mut Watch, change: impl FnOnce()) -> (ChangeKind, Duration) {
        let start = Instant::now();
        change();
        let seen = tokio::time::timeout(PATIENCE, watch.changed()).await.expect("the change is noticed");
        (seen, start.elapsed())
    }

    #[tokio::test]
    async fn a_file_renamed_into_place_is_noticed_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        fs::write(&path, "one").expect("written");
        let (mut watch, mut eyes) = watching(&path);
        let replace = || {
            fs::write(folder.path().join("new"), "two").expect("written");
            fs::rename(folder.path().join("new"), &path).expect("replaced");
        };
        let (seen, took) = noticed(&mut watch, replace).await;
        assert!(seen == ChangeKind::Replaced && took < STILL, "{seen:?} after {took:?}");
        eyes.follow(&path);
        assert_eq!(noticed(&mut watch, replace).await.0, ChangeKind::Replaced, "and the next one too");
    }

    #[tokio::test]
    async fn a_file_written_in_place_is_noticed_once_it_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        fs::write(&path, "one").expect("written");
        let (mut watch, _eyes) = watching(&path);
        let (seen, took) = noticed(&mut watch, || fs::write(&path, "two").expect("written")).await;
        assert!(seen == ChangeKind::Closed && took >= CLOSED, "{seen:?} after {took:?}");
    }

    #[tokio::test]
    async fn one_that_stays_open_must_have_been_still() {
        use std::io::Write as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        fs::write(&path, "one").expect("written");
        let (mut watch, _eyes) = watching(&path);
        let mut open = fs::OpenOptions::new().append(true).open(&path).expect("opened");
        let (seen, took) = noticed(&mut watch, || open.write_all(b"two").expect("written")).await;
        assert!(seen == ChangeKind::Touched && took >= STILL, "{seen:?} after {took:?}");
    }

    #[tokio::test]
    async fn a_link_that_leads_elsewhere_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a folder");
        for (name, text) in [("one", "1"), ("two", "2")] {
            fs::create_dir(root.join(name)).expect("a folder");
            fs::write(root.join(name).join("m"), text).expect("written");
        }
        symlink("one", root.join("data")).expect("a link");
        symlink("data/m", root.join("m")).expect("a link");
        let (mut watch, mut eyes) = watching(&root.join("m"));
        let swap = || {
            symlink("two", root.join("tmp")).expect("a link");
            fs::rename(root.join("tmp"), root.join("data")).expect("swapped");
        };
        assert_eq!(noticed(&mut watch, swap).await.0, ChangeKind::Replaced);
        eyes.follow(&root.join("m"));
        let write = || fs::write(root.join("two/m"), "3").expect("written");
        assert_eq!(noticed(&mut watch, write).await.0, ChangeKind::Closed, "what it leads to now is watched");
    }

    #[tokio::test]
    async fn a_folder_that_is_made_anew_is_watched_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("conf");
        let path = inside.join("m");
        let make = || {
            fs::create_dir(&inside).expect("a folder");
            fs::write(&path, "one").expect("written");
        };
        make();
        let (mut watch, mut eyes) = watching(&path);
        assert!(!eyes.is_blind());
        noticed(&mut watch, || fs::remove_dir_all(&inside).expect("removed")).await;
        assert!(eyes.is_blind());
        make();
        eyes.follow(&path);
        assert!(!eyes.is_blind());
        assert_eq!(noticed(&mut watch, || fs::write(&path, "two").expect("written")).await.0, ChangeKind::Closed);
    }

    #[tokio::test]
    async fn other_files_of_the_folder_are_none_of_its_business() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        fs::write(&path, "one").expect("written");
        let (mut watch, _eyes) = watching(&path);
        fs::write(folder.path().join("other"), "x").expect("written");
        fs::read(&path).expect("read");
        fs::rename(folder.path().join("other"), folder.path().join("another")).expect("renamed");
        let waited = tokio::time::timeout(STILL * 2, watch.changed()).await;
        assert!(waited.is_err(), "it was noticed");
    }
}
