//! Files that are written together: all of them beside their place first, so that what cannot be written
//! leaves every one as it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The most links that are followed from one to the next; the kernel follows as many.
const LINKS: usize = 40;

/// A file that is written, and waits beside the one it will replace. It goes when it is dropped.
pub(super) struct Beside {
    place: PathBuf,
    bytes: Vec<u8>,
    /// None where the place itself is written to.
    beside: Option<PathBuf>,
}

impl Beside {
    /// Writes it. A link stays, and what it leads to is replaced; a file keeps its mode.
    pub(super) fn write(place: &Path, bytes: Vec<u8>) -> io::Result<Beside> {
        let there = fs::metadata(place).ok();
        // What is no file, such as /dev/stdout or a pipe, cannot be replaced, only written to.
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            return Ok(Beside { place: place.into(), bytes, beside: None });
        }
        let place = target(place);
        let name = place.file_name().ok_or(ErrorKind::InvalidFilename)?.to_string_lossy();
        let beside = place.with_file_name(format!(".{name}.{:016x}.tmp", fastrand::u64(..)));
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Ok(file) => file,
            // A file that is mounted alone into a container stands in a folder that may not be written to.
            Err(_) if there.is_some() && OpenOptions::new().write(true).open(&place).is_ok() => {
                return Ok(Beside { place, bytes, beside: None });
            }
            Err(e) => return Err(e),
        };
        let written = Beside { place, bytes, beside: Some(beside) };
        if let Some(there) = there {
            file.set_permissions(there.permissions())?;
        }
        file.write_all(&written.bytes)?;
        file.sync_all()?;
        Ok(written)
    }

    /// Puts it in its place.
    pub(super) fn put(self) -> io::Result<()> {
        self.put_by(|from, to| fs::rename(from, to))
    }

    fn put_by(mut self, rename: impl Fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
        if let Some(beside) = &self.beside {
            match rename(beside, &self.place) {
                Ok(()) => {
                    self.beside = None;
                    return Ok(());
                }
                // The place is a mount by itself, which nothing can replace.
                Err(e) if e.kind() == ErrorKind::ResourceBusy => {}
                Err(e) => return Err(e),
            }
        }
        let is_file = fs::metadata(&self.place)?.is_file();
        File::options().write(true).truncate(is_file).open(&self.place)?.write_all(&self.bytes)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let _ = fs::remove_file(beside);
        }
    }
}

/// Whether two paths are one file, now or once it is written. What is no file may be written to twice.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let special = fs::metadata(one).is_ok_and(|there| !there.is_file());
    !special && target(one) == target(other)
}

/// What is written where this path is named: the end of its links, also where nothing is there yet.
fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    if let Ok(path) = fs::canonicalize(&path) {
        return path;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("plan.json");
        (folder, place)
    }

    #[test]
    fn a_file_keeps_its_mode() {
        let (_folder, place) = folder();
        fs::write(&place, "a longer text before").expect("written");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o640)).expect("set");
        Beside::write(&place, b"after".into()).expect("written").put().expect("put");
        let mode = fs::metadata(&place).expect("a file").permissions().mode();
        assert_eq!((fs::read_to_string(&place).expect("a file"), mode & 0o777), ("after".into(), 0o640));
    }

    #[test]
    fn a_link_to_nothing_yet_stays_and_leads_to_the_file() {
        let (folder, place) = folder();
        symlink("later.json", &place).expect("a link");
        Beside::write(&place, b"after".into()).expect("written").put().expect("put");
        assert!(fs::symlink_metadata(&place).expect("a link").is_symlink());
        assert_eq!(fs::read_to_string(folder.path().join("later.json")).expect("a file"), "after");
    }

    /// As for a file that is mounted alone: `rename` gives EBUSY.
    #[test]
    fn what_cannot_be_replaced_is_written_in_place() {
        let (folder, place) = folder();
        fs::write(&place, "a longer text before").expect("written");
        let written = Beside::write(&place, b"after".into()).expect("written");
        written.put_by(|_, _| Err(ErrorKind::ResourceBusy.into())).expect("put");
        assert_eq!(fs::read_to_string(&place).expect("a file"), "after");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        let written = Beside::write(&place, b"other".into()).expect("written");
        let fault = written.put_by(|_, _| Err(ErrorKind::StorageFull.into())).expect_err("no room");
        assert_eq!(fault.kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&place).expect("a file"), "after");
    }

    #[test]
    fn one_file_is_known_by_every_name_of_it() {
        let (folder, place) = folder();
        let other = folder.path().join("other.json");
        assert!(is_same(&place, &folder.path().join("./plan.json")) && !is_same(&place, &other));
        symlink("plan.json", &other).expect("a link");
        assert!(is_same(&place, &other), "a link to nothing yet");
        fs::write(&place, "before").expect("written");
        assert!(is_same(&other, &place));
        assert!(!is_same(Path::new("/dev/null"), Path::new("/dev/null")), "it may be written to twice");
    }
}
