//! What Linux tells about a process, in /proc/PID.

use std::fs;
use std::io;

/// A second, in the unit of /proc/PID/stat: 100 on every machine.
const TICKS: f64 = 100.0;

/// A field of /proc/PID/status, without the spaces around it: `status(pid, "VmRSS:")`. `None` where the process has
/// ended, or has no such field.
pub fn status(pid: u32, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(field)).map(|value| value.trim().to_owned())
}

/// A field of /proc/PID/status that is a size, in KiB.
pub fn status_kib(pid: u32, field: &str) -> Option<u64> {
    kib(&status(pid, field)?)
}

/// The number before `kB`, which means KiB there.
fn kib(value: &str) -> Option<u64> {
    value.trim_end_matches("kB").trim().parse().ok()
}

/// Memory of a process in KiB, as /proc/PID/smaps_rollup has it: resident (each shared page counted whole) and
/// proportional (each shared page divided among those that share it). `None` where the process has ended.
pub fn memory_kib(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).and_then(kib);
    Some((field("Rss:")?, field("Pss:")?))
}

/// How many files a process has open.
pub fn open_files(pid: u32) -> io::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// What /proc/PID/stat has of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stat {
    /// The process that started it.
    pub parent: u32,
    /// Seconds of CPU time in user and system mode.
    pub cpu: f64,
    /// The same, of its children that have ended and that it has waited for.
    pub cpu_of_children: f64,
}

/// Reads /proc/PID/stat; `None` where the process has ended.
pub fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name stands in parentheses and may hold anything, so the fields are counted from its end.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let seconds = |at: usize| Some(fields.get(at)?.parse::<f64>().ok()? / TICKS);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        cpu: seconds(11)? + seconds(12)?,
        cpu_of_children: seconds(13)? + seconds(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_files_and_a_parent() {
        let pid = std::process::id();
        assert!(status_kib(pid, "VmRSS:").is_some_and(|kib| kib > 0));
        assert_eq!(status(pid, "Pid:"), Some(pid.to_string()));
        assert_eq!(status(pid, "Nothing:"), None);
        assert!(memory_kib(pid).is_some_and(|(resident, proportional)| resident >= proportional));
        assert!(open_files(pid).is_ok_and(|files| files > 2));
        assert!(stat(pid).is_some_and(|stat| stat.parent > 0));
    }

    #[test]
    fn a_name_with_parentheses_is_skipped() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 2 3 4 150 50 25 75 20 0 1 0 5 6 7";
        assert_eq!(parse_stat(text), Some(Stat { parent: 3, cpu: 2.0, cpu_of_children: 1.0 }));
        assert_eq!(parse_stat("7 (a"), None);
    }
}
