//! A mapping in parts, in a folder: a local one, or one on a shared file system.
//!
//! **Invariant:** a part that changes is read when it is whole, as far as that can be known: after it was renamed into
//! place, or when it has been still for a second. The first reading has nothing to compare
//! with: it reads every part as it is, unless the part changes meanwhile.

mod folder_watch;
mod reading;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::error::FetchError;
use super::fetch::{ChangeKind, FetchMode, Fetched, Source};
use super::file_access::FileAccess;
use super::part_limits::Limits;
use super::parts::PassedOver;
use super::watch::{Eyes, STILL, Watch};
use folder_watch::{FolderEyes, FolderWatch};
use nameplate_core::settings::{MappingSource, ReloadRules};
use reading::{Known, Moment, Reading};
use walk::{WalkError, walk};

/// The mapping in a folder.
pub(super) struct Folder {
    path: PathBuf,
    access: FileAccess<State>,
    known: Arc<Known>,
    watches: Option<Watches>,
    /// When a part that was in the middle of a change may be whole.
    next_look: Option<Instant>,
}

/// Where changes are noticed.
struct Watches {
    /// On the way to the folder: a link that is changed makes it another folder.
    way: Watch,
    inside: FolderWatch,
}

/// What one reading leaves to the next.
struct State {
    path: PathBuf,
    limits: Limits,
    eyes: Option<(Eyes, FolderEyes)>,
    passed_over: PassedOver,
}

impl Folder {
    pub(super) fn new(path: &Path, settings: &ReloadRules) -> Folder {
        let (watches, eyes) = if settings.watch {
            let ((way, way_eyes), (inside, inside_eyes)) = (Watch::new(), FolderEyes::new());
            (Some(Watches { way, inside }), Some((way_eyes, inside_eyes)))
        } else {
            (None, None)
        };
        let state = State { path: path.into(), limits: Limits::of(settings), eyes, passed_over: PassedOver::default() };
        Folder { path: path.into(), access: FileAccess::new(state), known: Arc::default(), watches, next_look: None }
    }
}

impl State {
    fn read(&mut self, known: &Known, as_it_is: bool) -> Result<Reading, FetchError> {
        let error = |e: io::Error| unreadable(&self.path, &e);
        // Watched first: what changes while it is read is seen.
        if let Some((way, _)) = &mut self.eyes {
            way.follow(&self.path);
        }
        let root = self.path.canonicalize().map_err(error)?;
        let mut entered = HashSet::new();
        let walked = walk(&root, self.limits.most_listed(), &mut |folder| {
            entered.insert(folder.to_owned());
            if let Some((_, inside)) = &mut self.eyes {
                inside.watch(folder);
            }
        });
        let walked = walked.map_err(|e| match e {
            WalkError::Io(e) => error(e),
            WalkError::TooMany => self.limits.too_many_names(&MappingSource::File(self.path.clone())),
        })?;
        let place = MappingSource::File(self.path.clone());
        let why = "its name is not UTF-8 or has control characters";
        self.passed_over.log(&self.path.display().to_string(), &walked.passed_over, why);
        let now = Moment::now();
        let replaced_at = |path: &Path| self.eyes.as_ref().and_then(|(_, inside)| inside.replaced_at(path));
        let reading = Reading::of(&place, walked, known, as_it_is, self.limits, now, &replaced_at);
        if let Some((_, inside)) = &mut self.eyes {
            inside.keep_only(&entered);
            inside.forget_before(now.time - 2 * STILL);
        }
        Ok(reading)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> FetchError {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "name the mapping with --mapping, or in the settings",
        io::ErrorKind::PermissionDenied => "let the user that runs this read it",
        io::ErrorKind::NotADirectory => "name the file without the final `/`",
        _ => "check the file system it is on",
    };
    FetchError::new(&MappingSource::File(path.into()), error.to_string(), help)
}

#[async_trait]
impl Source for Folder {
    async fn fetch(&mut self, mode: FetchMode) -> Result<Fetched, FetchError> {
        // What was read counts as known only if it got here: a caller who gave up has to see it again.
        let known = Arc::clone(&self.known);
        let read = self.access.run(move |state| state.read(&known, mode == FetchMode::Ordered)).await;
        let reading = read.map_err(|e| unreadable(&self.path, &e))??;
        self.next_look = reading.next_look.map(|wait| Instant::now() + wait);
        let is_unchanged = mode == FetchMode::IfChanged && reading.is_same_as(&self.known);
        self.known = Arc::new(reading.known);
        Ok(if is_unchanged { Fetched::Unchanged } else { Fetched::Parts(reading.parts) })
    }

    async fn changed(&mut self) -> ChangeKind {
        let next_look = self.next_look;
        let wait = async {
            match next_look {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let seen = async {
            match &mut self.watches {
                Some(watches) => {
                    tokio::select! {
                        _ = watches.way.changed() => {}
                        () = watches.inside.changed() => {}
                    }
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => self.next_look = None,
            () = seen => {}
        }
        // Whether each part is whole is found when it is read.
        ChangeKind::Replaced
    }
}
