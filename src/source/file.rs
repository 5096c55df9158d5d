//! The mapping in a file: a local one, or one on a shared file system.
//!
//! **Invariant:** a file is read when it is whole, as far as that can be known: after it was renamed
//! into place or closed by its writer, or when it has been still for a second.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::bounded_read::read_up_to;
use super::error::FetchError;
use super::fetch::{ChangeKind, FetchMode, Fetched, Source};
use super::file_access::FileAccess;
use super::fingerprint::Fingerprint;
use super::watch::{Eyes, Watch};
use nameplate_core::settings::{MappingSource, ReloadRules};

/// The mapping in a file.
pub(super) struct File {
    path: PathBuf,
    access: FileAccess<State>,
    known: Known,
    watch: Option<Watch>,
}

/// What one reading leaves to the next.
struct State {
    path: PathBuf,
    most: u64,
    eyes: Option<Eyes>,
}

/// What is known of the file.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// What was read last.
    read: Option<Fingerprint>,
    /// What a poll found that is not read yet, because it may be in the middle of a change.
    glimpsed: Option<Fingerprint>,
}

impl File {
    pub(super) fn new(path: &Path, settings: &ReloadRules) -> File {
        let (watch, eyes) = if settings.watch { Some(Watch::new()).unzip() } else { (None, None) };
        let state = State { path: path.into(), most: settings.max_bytes, eyes };
        File { path: path.into(), access: FileAccess::new(state), known: Known::default(), watch }
    }
}

impl State {
    fn fetch(&mut self, mode: FetchMode, known: &mut Known) -> Result<Fetched, FetchError> {
        // Watched first: what changes while it is read is seen.
        if let Some(eyes) = self.eyes.as_mut().filter(|eyes| eyes.is_blind()) {
            eyes.follow(&self.path);
        }
        let fetched = read(&self.path, self.most, mode, known);
        if let Some(eyes) = self.eyes.as_mut().filter(|_| matches!(fetched, Ok(Fetched::Document(_)))) {
            eyes.follow(&self.path);
        }
        fetched
    }
}

/// Reads a file, unless a poll finds it as it was. Blocks for as long as the file system does.
fn read(path: &Path, most: u64, mode: FetchMode, known: &mut Known) -> Result<Fetched, FetchError> {
    let fault = |e: io::Error| fault(path, &e);
    let too_large = |size| Err(FetchError::too_large(&MappingSource::File(path.into()), size, most));
    let file = fs::File::open(path).map_err(fault)?;
    let before = file.metadata().map_err(fault)?;
    let found = Fingerprint::of(&before);
    if mode == FetchMode::IfChanged {
        if known.read == Some(found) {
            return Ok(Fetched::Unchanged);
        }
        // No event told of this change, so nothing says that its writer is done: it must be found
        // the same twice.
        if known.glimpsed != Some(found) {
            known.glimpsed = Some(found);
            return Ok(Fetched::Unsettled);
        }
    }
    if before.len() > most {
        return too_large(Some(before.len()));
    }
    let Some(bytes) = read_up_to(most, &file, before.len() as usize).map_err(fault)? else {
        return too_large(None);
    };
    if Fingerprint::of(&file.metadata().map_err(fault)?) != found {
        return Ok(Fetched::Unsettled);
    }
    known.read = Some(found);
    Ok(Fetched::Document(bytes))
}

fn fault(path: &Path, error: &io::Error) -> FetchError {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "name the mapping with --mapping, or in the settings",
        io::ErrorKind::PermissionDenied => "let the user that runs this read it",
        io::ErrorKind::IsADirectory => "name the file inside it",
        _ => "check the file system it is on",
    };
    FetchError::new(&MappingSource::File(path.into()), error.to_string(), help)
}

#[async_trait]
impl Source for File {
    async fn fetch(&mut self, mode: FetchMode) -> Result<Fetched, FetchError> {
        // A network file system may not answer for as long as it likes; the timeout is the caller's.
        // What was read counts as known only if it got here: a caller who gave up has to see it again.
        let mut known = self.known;
        let read = self.access.run(move |state| (state.fetch(mode, &mut known), known)).await;
        let (fetched, known) = read.map_err(|e| fault(&self.path, &e))?;
        self.known = known;
        fetched
    }

    async fn changed(&mut self) -> ChangeKind {
        match &mut self.watch {
            Some(watch) => watch.changed().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// What a reading brought that nobody waited for is not known: the next poll finds it again.
    #[tokio::test]
    async fn a_reading_that_was_given_up_was_none() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("mapping.yaml");
        fs::write(&path, "APIS:").expect("written");
        let given_up = (0..100).find_map(|_| {
            let mut file = File::new(&path, &ReloadRules { watch: false, ..ReloadRules::default() });
            file.fetch(FetchMode::Always).now_or_never().is_none().then_some(file)
        });
        let mut file = given_up.expect("a thread takes longer than one look");
        assert!(!matches!(file.fetch(FetchMode::IfChanged).await, Ok(Fetched::Unchanged)));
        assert!(matches!(file.fetch(FetchMode::IfChanged).await, Ok(Fetched::Document(_))));
        assert!(matches!(file.fetch(FetchMode::IfChanged).await, Ok(Fetched::Unchanged)));
    }

    const MOST: u64 = 10;

    #[test]
    fn it_is_read_once_and_again_when_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        fs::write(&path, "one").expect("written");
        let mut known = Known::default();
        let mut fetch = |mode| read(&path, MOST, mode, &mut known);
        assert_eq!(fetch(FetchMode::Always), Ok(Fetched::Document("one".into())));
        assert_eq!(fetch(FetchMode::IfChanged), Ok(Fetched::Unchanged));
        assert_eq!(fetch(FetchMode::Always), Ok(Fetched::Document("one".into())), "somebody asks for it");

        let new = folder.path().join("new");
        fs::write(&new, "two").expect("written");
        fs::rename(&new, &path).expect("replaced");
        assert_eq!(fetch(FetchMode::IfChanged), Ok(Fetched::Unsettled));
        assert_eq!(fetch(FetchMode::IfChanged), Ok(Fetched::Document("two".into())), "it is as it was a moment ago");
        assert_eq!(fetch(FetchMode::IfChanged), Ok(Fetched::Unchanged));
    }

    #[test]
    fn a_poll_leaves_a_file_alone_that_goes_on_changing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        let mut known = Known::default();
        for text in ["h", "ha", "hal", "half"] {
            fs::write(&path, text).expect("written");
            assert_eq!(read(&path, MOST, FetchMode::IfChanged, &mut known), Ok(Fetched::Unsettled));
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        let fails = |path: &Path| read(path, MOST, FetchMode::Always, &mut Known::default()).expect_err("no mapping");
        let fault = fails(&path);
        assert!(fault.to_string().contains("No such file") && fault.help.contains("--mapping"), "{fault}");
        fs::write(&path, "eleven bytes").expect("written");
        assert!(fails(&path).cause.contains("12 bytes"));
        let fault = fails(folder.path());
        assert!(fault.help.contains("inside it") || fault.cause.contains("bytes"), "{fault}");
    }
}
