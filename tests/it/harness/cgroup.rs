//! A memory limit that the kernel holds, for a process that a story starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A control group of its own. Dropped after its process, it is removed.
pub struct Cgroup {
    folder: PathBuf,
    most_used: &'static str,
}

impl Cgroup {
    /// A group below this process's own, with this limit. `None` where this user may make none: then a story gives the
    /// process the same limit as a setting.
    pub fn with_memory(bytes: u64) -> Option<Cgroup> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = |controllers: &str| {
            let of =
                |line: &str| Some(line.split_once(':')?.1.split_once(':')?).map(|(c, p)| (c.to_owned(), p.to_owned()));
            groups.lines().filter_map(of).find(|(found, _)| found == controllers).map(|(_, path)| path)
        };
        let name = format!("nameplate-story-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let make = |root: &str, path: String, limit: &str, most_used| {
            let folder = Path::new(root).join(path.trim_start_matches('/')).join(&name);
            fs::create_dir(&folder).ok()?;
            let group = Cgroup { folder, most_used };
            fs::write(group.folder.join(limit), bytes.to_string()).ok()?;
            Some(group)
        };
        let one = own("memory")
            .and_then(|path| make("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", "memory.max_usage_in_bytes"));
        one.or_else(|| make("/sys/fs/cgroup", own("")?, "memory.max", "memory.peak"))
    }

    /// A command that runs the words it is given in this group.
    pub fn command(&self) -> Command {
        let mut command = Command::new("sh");
        let enter = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", self.folder.display());
        command.args(["-c", &enter, "sh"]);
        command
    }

    /// The most bytes that were in use at once, where the kernel says so.
    pub fn most_used(&self) -> Option<u64> {
        fs::read_to_string(self.folder.join(self.most_used)).ok()?.trim().parse().ok()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}
