//! Where the limits of a container are: the cgroups of this process, of either version.

use std::path::{Path, PathBuf};

/// Where they are mounted.
pub(super) const ROOT: &str = "/sys/fs/cgroup";

/// One group, by its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Of version 1, in the hierarchy of one controller.
    One(PathBuf),
    /// Of version 2, with all controllers.
    Two(PathBuf),
}

/// The groups that control this process with `controller` (`cpu`, `memory`), each before those around it. `groups` is
/// the text of /proc/self/cgroup.
///
/// Inside a container the path may be one of the host's, which is not there; the container's own group is then the
/// root of what is mounted, and walking up ends there.
pub(super) fn groups_of(root: &Path, groups: &str, controller: &str) -> Vec<Group> {
    groups.lines().filter_map(|line| in_line(root, line, controller)).flatten().collect()
}

/// For one line, `ID:CONTROLLERS:PATH`; version 2 names no controllers.
fn in_line(root: &Path, line: &str, controller: &str) -> Option<Vec<Group>> {
    let (_, named) = line.split_once(':')?;
    let (controllers, path) = named.split_once(':')?;
    let around = Path::new(path.strip_prefix('/')?).ancestors();
    if controllers.is_empty() {
        return Some(around.map(|group| Group::Two(root.join(group))).collect());
    }
    if !controllers.split(',').any(|name| name == controller) {
        return None;
    }
    // Usually mounted under the whole list, with a link for each controller; some have only one.
    let mount = [controllers, controller].map(|name| root.join(name)).into_iter().find(|dir| dir.is_dir())?;
    Some(around.map(|group| Group::One(mount.join(group))).collect())
}

/// A root with these files, for tests.
#[cfg(test)]
pub(super) fn root_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }
    root
}
