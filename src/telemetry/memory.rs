//! How much memory this process may use, and how much it does.
//!
//! The limit is asked for in this order: the setting `memory`, the smaller of ECS's `Limits.Memory` and the limit of a
//! cgroup. Whoever goes over it is killed, so everything that strangers can make the process hold is sized from it.
//! Without a limit there is nothing to size from.

use std::fs;
use std::path::Path;

use super::cgroup::{Group, ROOT, groups_of};
use super::process;
use super::task::Task;

/// Version 1 says `2^63` rounded down to a page where there is no limit.
const ENDLESS: u64 = 1 << 60;

/// The memory of this process against its limit.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    limit: u64,
    /// The group whose use counts; `None` where only what the process itself has is known.
    group: Option<Group>,
}

impl Memory {
    /// Finds the limit; `None` where there is none. `setting` outranks what the system says.
    pub(crate) fn detect(setting: Option<u64>, task: &Task) -> Option<Memory> {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let memory = Memory::choose(setting, task.memory, Path::new(ROOT), &groups);
        match &memory {
            Some(memory) => log::info!("memory limit: {} MiB", memory.limit >> 20),
            None => log::info!("memory limit: none found; only file descriptors limit connections and requests"),
        }
        memory
    }

    /// The pure part of [`Memory::detect`].
    fn choose(setting: Option<u64>, task: Option<u64>, root: &Path, groups: &str) -> Option<Memory> {
        let around = groups_of(root, groups, "memory");
        let found = around.iter().filter_map(limit_of).min();
        let limit = setting.or_else(|| task.into_iter().chain(found).min())?;
        // The use of a group that is not limited may be that of a whole machine; that of one with another limit, of more
        // than this process.
        let is_ours = |group: &Group| limit_of(group).is_some_and(|bytes| setting.is_none_or(|own| own == bytes));
        let group = around.into_iter().find(is_ours);
        Some(Memory { limit, group })
    }

    /// In bytes.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes in use now: of the cgroup, which counts what the kernel holds for sockets too; else of the process alone.
    pub(crate) fn used(&self) -> Option<u64> {
        self.group.as_ref().and_then(used_of).or_else(process::resident_bytes)
    }
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn limit_of(group: &Group) -> Option<u64> {
    let limit = match group {
        Group::One(folder) => number(&folder.join("memory.limit_in_bytes")),
        Group::Two(folder) => number(&folder.join("memory.max")),
    };
    limit.filter(|bytes| *bytes < ENDLESS)
}

/// What a group uses, without the pages of files that the kernel drops when somebody needs the memory.
fn used_of(group: &Group) -> Option<u64> {
    let (folder, used, files) = match group {
        Group::One(folder) => (folder, "memory.usage_in_bytes", ["total_inactive_file ", "total_active_file "]),
        Group::Two(folder) => (folder, "memory.current", ["inactive_file ", "active_file "]),
    };
    let used = number(&folder.join(used))?;
    let stat = fs::read_to_string(folder.join("memory.stat")).ok()?;
    let file = |key: &str| stat.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
    Some(used.saturating_sub(files.into_iter().filter_map(file).sum()))
}

#[cfg(test)]
mod tests {
    use super::super::cgroup::root_with;
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_smallest_limit_counts_unless_a_setting_says_another() {
        let root = root_with(&[("a/memory.max", "536870912\n"), ("a/b/memory.max", "max\n")]);
        let limit = |setting, task| Memory::choose(setting, task, root.path(), "0::/a/b\n").expect("a limit").limit();
        assert_eq!(limit(None, None), 512 * MIB);
        assert_eq!(limit(None, Some(256 * MIB)), 256 * MIB);
        assert_eq!(limit(None, Some(1_024 * MIB)), 512 * MIB);
        assert_eq!(limit(Some(2_048 * MIB), Some(1_024 * MIB)), 2_048 * MIB);
    }

    #[test]
    fn no_limit_is_none() {
        let root = root_with(&[("memory/x/memory.limit_in_bytes", "9223372036854771712\n")]);
        assert!(Memory::choose(None, None, root.path(), "4:memory:/x\n").is_none());
        assert!(Memory::choose(None, None, root.path(), "0::/\n").is_none());
    }

    #[test]
    fn the_use_of_a_limited_group_is_without_what_the_kernel_can_drop() {
        let one = root_with(&[
            ("memory/x/memory.limit_in_bytes", "536870912"),
            ("memory/x/memory.usage_in_bytes", "300000000"),
            ("memory/x/memory.stat", "inactive_file 1\ntotal_inactive_file 40000000\ntotal_active_file 10000000\n"),
        ]);
        let memory = Memory::choose(None, None, one.path(), "4:memory:/x\n").expect("a limit");
        assert_eq!(memory.used(), Some(250_000_000));
        let two = root_with(&[
            ("memory.max", "536870912"),
            ("memory.current", "300000000"),
            ("memory.stat", "anon 1\nactive_file 10000000\ninactive_file 40000000\n"),
        ]);
        let memory = Memory::choose(None, None, two.path(), "0::/of-the-host\n").expect("a limit");
        assert_eq!(memory.used(), Some(250_000_000));
    }

    #[test]
    fn without_a_limited_group_the_process_counts() {
        let root = root_with(&[("memory.current", "1")]);
        let memory = Memory::choose(Some(512 * MIB), None, root.path(), "0::/\n").expect("a limit");
        assert!(memory.used().is_some_and(|bytes| bytes > MIB));
    }
}
