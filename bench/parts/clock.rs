//! Time that this thread has run, as Linux counts it: other programs on the machine do not make it longer.

use std::fs;
use std::io;
use std::time::Duration;

/// Returns how long this thread has run on a core.
pub(super) fn on_core() -> io::Result<Duration> {
    let counted = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ran = counted.split_whitespace().next().and_then(|nanoseconds| nanoseconds.parse().ok());
    ran.map(Duration::from_nanos).ok_or_else(|| io::Error::other("/proc/thread-self/schedstat"))
}
