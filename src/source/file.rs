//! The mapping in a file: a local one, or one on a shared file system.
//!
//! **Invariant:** a file is read when it is whole, as far as that can be known: after it was renamed
//! into place or closed by its writer, or when it has been still for [`STILL`].

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use super::watch::Watch;
use super::{Ask, FetchFault, Fetched, Seen, Source};
use crate::config::load::read_up_to;
use crate::config::settings::{MappingSource, Reload};

/// A file nobody has written to for this long is whole.
pub(super) const STILL: Duration = Duration::from_secs(1);

/// The mapping in a file.
pub(super) struct File {
    path: PathBuf,
    most: u64,
    /// What was read last.
    seen: Option<Fingerprint>,
    watch: Option<Watch>,
}

/// What changes when a file's content does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Fingerprint {
    fn of(metadata: &Metadata) -> Fingerprint {
        Fingerprint {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl File {
    pub(super) fn new(path: &Path, settings: &Reload) -> File {
        let watch = settings.watch.then(|| Watch::new(path));
        File { path: path.into(), most: settings.max_bytes, seen: None, watch }
    }

    fn fault(&self, error: &io::Error) -> FetchFault {
        let help = match error.kind() {
            io::ErrorKind::NotFound => "name the mapping with --mapping, or in the settings",
            io::ErrorKind::PermissionDenied => "let the user that runs this read it",
            io::ErrorKind::IsADirectory => "name the file inside it",
            _ => "check the file system it is on",
        };
        FetchFault::new(&MappingSource::File(self.path.clone()), error.to_string(), help)
    }

    fn read(&mut self, ask: Ask, now: SystemTime) -> Result<Fetched, FetchFault> {
        let fault = |this: &File, e| this.fault(&e);
        let file = fs::File::open(&self.path).map_err(|e| fault(self, e))?;
        let before = file.metadata().map_err(|e| fault(self, e))?;
        let found = Fingerprint::of(&before);
        if ask == Ask::Poll {
            if self.seen == Some(found) {
                return Ok(Fetched::Unchanged);
            }
            // No event told of this change, so nothing says that its writer is done.
            let age = before.modified().ok().and_then(|at| now.duration_since(at).ok());
            if age.is_some_and(|age| age < STILL) {
                return Ok(Fetched::Unsettled);
            }
        }
        let too_large = |size| Err(FetchFault::too_large(&MappingSource::File(self.path.clone()), size, self.most));
        if before.len() > self.most {
            return too_large(Some(before.len()));
        }
        let Some(bytes) = read_up_to(self.most, &file, before.len() as usize).map_err(|e| fault(self, e))? else {
            return too_large(None);
        };
        let after = file.metadata().map_err(|e| fault(self, e))?;
        if Fingerprint::of(&after) != found {
            return Ok(Fetched::Unsettled);
        }
        self.seen = Some(found);
        if let Some(watch) = &mut self.watch {
            watch.follow(&self.path);
        }
        Ok(Fetched::Document(Bytes::from(bytes)))
    }
}

#[async_trait]
impl Source for File {
    async fn fetch(&mut self, ask: Ask) -> Result<Fetched, FetchFault> {
        self.read(ask, SystemTime::now())
    }

    async fn changed(&mut self) -> Seen {
        match &mut self.watch {
            Some(watch) => watch.changed().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path) -> File {
        File::new(path, &Reload { watch: false, max_bytes: 10, ..Reload::default() })
    }

    fn later() -> SystemTime {
        SystemTime::now() + STILL * 2
    }

    #[test]
    fn it_is_read_once_and_again_when_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        fs::write(&path, "one").expect("written");
        let mut file = file(&path);
        assert_eq!(file.read(Ask::Poll, later()), Ok(Fetched::Document("one".into())));
        assert_eq!(file.read(Ask::Poll, later()), Ok(Fetched::Unchanged));
        assert_eq!(file.read(Ask::Now, later()), Ok(Fetched::Document("one".into())), "somebody asks for it");

        let new = folder.path().join("new");
        fs::write(&new, "two").expect("written");
        fs::rename(&new, &path).expect("replaced");
        assert_eq!(file.read(Ask::Poll, later()), Ok(Fetched::Document("two".into())));
    }

    #[test]
    fn a_poll_leaves_a_file_alone_that_is_being_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        fs::write(&path, "half").expect("written");
        let mut file = file(&path);
        assert_eq!(file.read(Ask::Poll, SystemTime::now()), Ok(Fetched::Unsettled));
        assert_eq!(file.read(Ask::Now, SystemTime::now()), Ok(Fetched::Document("half".into())));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        let fault = file(&path).read(Ask::Now, later()).expect_err("no file");
        assert!(fault.to_string().contains("No such file") && fault.help.contains("--mapping"), "{fault}");
        fs::write(&path, "eleven bytes").expect("written");
        let fault = file(&path).read(Ask::Now, later()).expect_err("too large");
        assert!(fault.cause.contains("12 bytes"), "{fault}");
        let fault = file(folder.path()).read(Ask::Now, later()).expect_err("a folder");
        assert!(fault.help.contains("inside it") || fault.cause.contains("bytes"), "{fault}");
    }
}
