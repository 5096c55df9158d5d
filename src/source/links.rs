//! The folders in which a path can come to mean another file.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// As many links as Linux follows in one path.
const MOST_LINKS: usize = 40;

/// Each name on the way to a file that decides which file it is: the file's own, and those of the
/// symbolic links in between, with the folders they stand in. `mapping.yaml -> ..data/mapping.yaml`,
/// `..data -> ..2026_11_25`, as Kubernetes mounts it, gives three.
pub(super) fn names_on_the_way(path: &Path) -> Vec<(PathBuf, OsString)> {
    let start =
        if path.is_absolute() { path.to_owned() } else { std::env::current_dir().unwrap_or_default().join(path) };
    let mut left: Vec<OsString> = parts(&start);
    let mut at = PathBuf::from("/");
    let mut names = Vec::new();
    let mut links = 0;
    while let Some(name) = left.pop() {
        if name == ".." {
            at.pop();
            continue;
        }
        let here = at.join(&name);
        let target = if links < MOST_LINKS { std::fs::read_link(&here).ok() } else { None };
        if target.is_some() || left.is_empty() {
            names.push((at.clone(), name));
        }
        match target {
            Some(target) => {
                links += 1;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                left.extend(parts(&target));
            }
            None => at = here,
        }
    }
    names
}

/// The names of a path, last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(_) | Component::ParentDir => Some(part.as_os_str().to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(path: &Path, root: &Path) -> Vec<String> {
        let shown = |(folder, name): (PathBuf, OsString)| folder.join(name).strip_prefix(root).map(Path::to_owned);
        names_on_the_way(path)
            .into_iter()
            .filter_map(|name| shown(name).ok())
            .map(|p| p.display().to_string())
            .collect()
    }

    #[test]
    fn every_link_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a folder");
        std::fs::create_dir(root.join("..one")).expect("a folder");
        std::fs::write(root.join("..one/m.yaml"), "").expect("a file");
        symlink("..one", root.join("..data")).expect("a link");
        symlink("..data/m.yaml", root.join("m.yaml")).expect("a link");
        assert_eq!(names(&root.join("m.yaml"), &root), ["m.yaml", "..data", "..one/m.yaml"]);
        assert_eq!(names(&root.join("..data/../m.yaml"), &root), ["..data", "m.yaml", "..data", "..one/m.yaml"]);
    }

    #[test]
    fn what_is_not_there_is_waited_for_and_a_ring_of_links_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a folder");
        assert_eq!(names(&root.join("none/m.yaml"), &root), ["none/m.yaml"]);
        symlink(root.join("b"), root.join("a")).expect("a link");
        symlink(root.join("a"), root.join("b")).expect("a link");
        assert!(names(&root.join("a"), &root).len() <= MOST_LINKS + 1);
    }
}
