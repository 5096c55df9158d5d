//! Which files of a folder are parts of a mapping.
//!
//! A part is a regular file, or a symbolic link to one, whose name ends in `.yaml`, `.yml` or `.json`. Names that start
//! with `.` are passed over: `.git`, and the folders that Kubernetes keeps the files of a ConfigMap in. A link to a
//! folder is followed after all real folders, and no folder is entered twice, so a ring of links ends.
//!
//! **Invariant:** no link leads out of the root, or to a hidden file of it: a line of that file would stand in an error. Links
//! to names that start with `..`, as Kubernetes makes them, and a link to the root itself are followed. A link that cannot be
//! followed is an error: what is behind it has not been removed.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::parts::{is_part, is_printable};

/// How many folders deep a part may be.
const DEEPEST: usize = 16;

/// A file that is a part.
pub(super) struct PartFile {
    /// Its path below the root, separated by `/`.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// What the file system says about it.
    pub(super) metadata: io::Result<Metadata>,
}

/// What a walk found.
#[derive(Default)]
pub(super) struct Walked {
    /// The parts, in no order.
    pub(super) files: Vec<PartFile>,
    /// The folders that could not be read, as `a/b/`, and why.
    pub(super) unreadable: Vec<(String, io::Error)>,
    /// Names that are passed over, printable.
    pub(super) passed_over: Vec<String>,
}

/// Why there is no walk.
#[derive(Debug)]
pub(super) enum WalkError {
    /// The root cannot be read.
    Io(io::Error),
    /// There are too many names.
    TooMany,
}

/// Walks a folder and all folders below it. `on_enter` is called with each folder before it is read.
pub(super) fn walk(root: &Path, most: usize, on_enter: &mut dyn FnMut(&Path)) -> Result<Walked, WalkError> {
    let mut walk = Walk {
        root: root.into(),
        found: Walked::default(),
        real: Vec::new(),
        links: BTreeMap::new(),
        names_left: most,
    };
    let mut entered = HashSet::new();
    let mut next = Some((String::new(), Folder { path: root.into(), depth: 0, is_linked: false }));
    while let Some((name, folder)) = next {
        match walk.enter(&name, &folder, &mut entered, on_enter) {
            Ok(()) => {}
            Err(WalkError::Io(error)) if !name.is_empty() => {
                // It was removed since its name was read.
                if folder.is_linked || error.kind() != io::ErrorKind::NotFound {
                    walk.found.unreadable.push((name, error));
                }
            }
            Err(error) => return Err(error),
        }
        next = walk.real.pop().or_else(|| walk.links.pop_first());
    }
    Ok(walk.found)
}

struct Folder {
    path: PathBuf,
    depth: usize,
    is_linked: bool,
}

struct Walk {
    /// Without links on the way to it.
    root: PathBuf,
    found: Walked,
    real: Vec<(String, Folder)>,
    /// Folders that only a link leads to so far, by name so that their order is always the same.
    links: BTreeMap<String, Folder>,
    names_left: usize,
}

impl Walk {
    fn enter(
        &mut self,
        name: &str,
        folder: &Folder,
        entered: &mut HashSet<(u64, u64)>,
        on_enter: &mut dyn FnMut(&Path),
    ) -> Result<(), WalkError> {
        if folder.depth > DEEPEST {
            return Err(WalkError::Io(io::Error::other(format!("it is more than {DEEPEST} folders deep"))));
        }
        let metadata = fs::metadata(&folder.path).map_err(WalkError::Io)?;
        if !entered.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        on_enter(&folder.path);
        for entry in fs::read_dir(&folder.path).map_err(WalkError::Io)? {
            self.names_left = self.names_left.checked_sub(1).ok_or(WalkError::TooMany)?;
            self.see(name, folder.depth, &entry.map_err(WalkError::Io)?).map_err(WalkError::Io)?;
        }
        Ok(())
    }

    /// Notes a name that a folder has.
    fn see(&mut self, folder: &str, depth: usize, entry: &DirEntry) -> io::Result<()> {
        let os_name = entry.file_name();
        if os_name.as_encoded_bytes().starts_with(b".") {
            return Ok(());
        }
        let kind = entry.file_type()?;
        let Some(name) = os_name.to_str().filter(|name| is_printable(name)) else {
            if kind.is_dir() || is_part(&os_name.to_string_lossy()) {
                self.found.passed_over.push(format!("{folder}{}", os_name.to_string_lossy().escape_debug()));
            }
            return Ok(());
        };
        let below = format!("{folder}{name}");
        if kind.is_dir() {
            self.real.push((below + "/", Folder { path: entry.path(), depth: depth + 1, is_linked: false }));
        } else if kind.is_symlink() {
            self.follow(below, depth, entry.path());
        } else if kind.is_file() && is_part(name) {
            let metadata = entry.metadata();
            if !metadata.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
                self.found.files.push(PartFile { name: below, path: entry.path(), metadata });
            }
        }
        Ok(())
    }

    fn follow(&mut self, name: String, depth: usize, path: PathBuf) {
        // Its real path: that is the one to watch.
        let target = path.canonicalize();
        let found = target.and_then(|target| Ok((fs::metadata(&target)?, target)));
        match found {
            Ok((metadata, _)) if !(metadata.is_dir() || metadata.is_file() && is_part(&name)) => {}
            Ok((metadata, target)) => match self.may_follow(&target) {
                Ok(()) if metadata.is_dir() => {
                    self.links.insert(name + "/", Folder { path: target, depth: depth + 1, is_linked: true });
                }
                allowed if metadata.is_dir() => self.found.unreadable.extend(allowed.err().map(|e| (name + "/", e))),
                // Of the file that was looked at: another one that takes its place is not read.
                allowed => self.found.files.push(PartFile { name, path, metadata: allowed.map(|()| metadata) }),
            },
            Err(error) if is_part(&name) => self.found.files.push(PartFile { name, path, metadata: Err(error) }),
            Err(error) => self.found.unreadable.push((name + "/", error)),
        }
    }

    fn may_follow(&self, target: &Path) -> io::Result<()> {
        let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        let Ok(below) = target.strip_prefix(&self.root) else {
            return refused("it is a link that leads out of the mapping's folder");
        };
        let is_hidden = |name: &[u8]| name.starts_with(b".") && !name.starts_with(b"..");
        match below.iter().any(|name| is_hidden(name.as_encoded_bytes())) {
            true => refused("it is a link to what is hidden"),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    fn folder(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a folder");
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "").expect("written");
        }
        (folder, root)
    }

    fn found(root: &Path) -> Walked {
        walk(root, 100, &mut |_| {}).expect("a walk")
    }

    fn names(root: &Path) -> Vec<String> {
        let mut names: Vec<String> = found(root).files.into_iter().map(|file| file.name).collect();
        names.sort();
        names
    }

    #[test]
    fn parts_have_three_endings_at_any_depth() {
        let (_folder, root) = folder(&["a.yaml", "b.yml", "x/c.json", "x/y/d.yaml", "README.md", "e.yaml~", "yaml"]);
        fs::create_dir(root.join("folder.yaml")).expect("a folder");
        assert_eq!(names(&root), ["a.yaml", "b.yml", "x/c.json", "x/y/d.yaml"]);
    }

    #[test]
    fn what_starts_with_a_dot_is_passed_over() {
        let (_folder, root) = folder(&["a.yaml", ".b.yaml", ".git/c.yaml", "x/.d/e.yaml"]);
        assert_eq!(names(&root), ["a.yaml"]);
    }

    #[test]
    fn a_config_map_has_each_file_once() {
        let (_folder, root) = folder(&["..2026/a.yaml", "..2026/team/b.yaml"]);
        symlink("..2026", root.join("..data")).expect("a link");
        symlink("..data/a.yaml", root.join("a.yaml")).expect("a link");
        symlink("..data/team", root.join("team")).expect("a link");
        assert_eq!(names(&root), ["a.yaml", "team/b.yaml"]);
    }

    #[test]
    fn a_folder_is_entered_once_and_by_its_own_name() {
        let (_folder, root) = folder(&["zeta/a.yaml"]);
        symlink("zeta", root.join("alias")).expect("a link");
        symlink("..", root.join("zeta/up")).expect("a link");
        symlink("loop", root.join("loop")).expect("a link");
        assert_eq!(names(&root), ["zeta/a.yaml"]);
    }

    #[test]
    fn a_link_to_nowhere_is_an_error_and_not_a_removal() {
        let (_folder, root) = folder(&[]);
        symlink("gone", root.join("a.yaml")).expect("a link");
        symlink("gone", root.join("team")).expect("a link");
        let Walked { files, unreadable, .. } = found(&root);
        assert!(files.len() == 1 && files[0].metadata.is_err());
        assert!(unreadable.len() == 1 && unreadable[0].0 == "team/", "{unreadable:?}");
    }

    #[test]
    fn a_link_leads_to_no_file_of_the_host_and_to_no_hidden_one() {
        let (_folder, root) =
            folder(&["mapping/a.yaml", "mapping/.git/config", "mapping/..2026/k.yaml", "other/b.yaml"]);
        let mapping = root.join("mapping");
        for (target, name) in [
            ("../other/b.yaml", "b.yaml"),
            ("../other", "team"),
            ("/etc/hostname", "notes.md"),
            (".git/config", "c.yaml"),
            (".git", "git"),
            ("..2026/k.yaml", "k.yaml"),
            ("a.yaml", "again.yaml"),
        ] {
            symlink(target, mapping.join(name)).expect("a link");
        }
        let Walked { files, unreadable, .. } = found(&mapping);
        let mut seen: Vec<(String, bool)> = files.into_iter().map(|file| (file.name, file.metadata.is_ok())).collect();
        seen.sort();
        let want = [("a.yaml", true), ("again.yaml", true), ("b.yaml", false), ("c.yaml", false), ("k.yaml", true)];
        assert_eq!(seen, want.map(|(name, is_read)| (name.to_owned(), is_read)));
        let mut unreadable: Vec<String> = unreadable.into_iter().map(|(name, _)| name).collect();
        unreadable.sort();
        assert_eq!(unreadable, ["git/", "team/"]);
    }

    #[test]
    fn names_that_cannot_be_shown_are_passed_over() {
        let (_folder, root) = folder(&["a\nb.yaml", "fine.yaml", "odd\u{1b}/c.yaml"]);
        fs::write(root.join(OsStr::from_bytes(b"\xff.yaml")), "").expect("written");
        let mut found = found(&root);
        found.passed_over.sort();
        assert_eq!(found.files.len(), 1);
        assert_eq!(found.passed_over, ["a\\nb.yaml", "odd\\u{1b}", "\u{fffd}.yaml"]);
    }

    #[test]
    fn a_walk_has_an_end() {
        let deep = "d/".repeat(DEEPEST);
        let (_folder, root) = folder(&[&format!("{deep}in.yaml"), &format!("{deep}d/out.yaml")]);
        let found = found(&root);
        assert_eq!(found.files.len(), 1);
        assert!(found.unreadable[0].0 == format!("{deep}d/"), "{:?}", found.unreadable);
        let (_folder, root) = folder(&["a", "b", "c"]);
        assert!(matches!(walk(&root, 2, &mut |_| {}), Err(WalkError::TooMany)));
        assert!(walk(&root, 3, &mut |_| {}).is_ok());
    }
}
