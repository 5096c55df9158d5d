//! The memory of this process, as Linux counts it.

use std::fs;
use std::io;

/// What the process has in memory, in kB.
pub(super) struct Memory {
    resident: u64,
}

impl Memory {
    /// Reads what the process has now, and lets its peak begin there.
    pub(super) fn now() -> io::Result<Memory> {
        fs::write("/proc/self/clear_refs", "5")?;
        Ok(Memory { resident: of("VmRSS:")? })
    }

    /// What has been added since, and what the most was.
    pub(super) fn since(&self) -> io::Result<String> {
        let (now, peak) = (of("VmRSS:")?, of("VmHWM:")?);
        let more = |kb: u64| format!("{:.1} MB", (kb as f64 - self.resident as f64) / 1024.0);
        Ok(format!("{} more, {} at most; {:.0} MB in all", more(now), more(peak), now as f64 / 1024.0))
    }
}

fn of(key: &str) -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value = status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok());
    value.ok_or_else(|| io::Error::other(key.to_owned()))
}
