//! The operational log: text lines on standard error that never make a request wait.
//!
//! A reader that has stopped (a blocked log driver, a full pipe) would block whoever writes, and
//! with it every API. So lines go through a bounded queue to a thread of their own; when the queue
//! is full they are dropped and the next line that passes says how many.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Lines that may wait; at some 200 bytes each, 800 KB.
const QUEUE: usize = 4_096;

/// How long the end of the process waits for its last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The queue, once there is one.
static QUEUED: OnceLock<SyncSender<Entry>> = OnceLock::new();

/// What the thread takes from the queue.
#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Everything before this has been written: say so.
    Written(SyncSender<()>),
}

/// What is logged without `NAMEPLATE_LOG`: our own `info`, and of Pingora only what no line of ours
/// covers.
const DEFAULT_FILTER: &str = "warn,nameplate=info,pingora_core=off,pingora_proxy=off";

/// Starts the log. `NAMEPLATE_LOG` sets the level: `warn`, `debug`, `nameplate=debug,warn`...
pub(super) fn start() {
    let (sender, receiver) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let _ = QUEUED.set(sender.clone());
    let queue = Queue { sender, dropped: Arc::clone(&dropped), line: Vec::new() };
    // Without the thread nothing reads the queue; the log is then silent, and the proxy still runs.
    let _ = std::thread::Builder::new().name("log".into()).spawn(move || write_lines(&receiver, &dropped));
    let env = env_logger::Env::new().filter_or("NAMEPLATE_LOG", DEFAULT_FILTER);
    let target = env_logger::Target::Pipe(Box::new(queue));
    let _ = env_logger::Builder::from_env(env).target(target).format_target(false).try_init();
}

/// Waits until what was logged so far is written: the process is about to end, and its thread with
/// it. Where nobody reads standard error, the last lines are given up.
pub(super) fn finish() {
    let (written, all_written) = sync_channel(1);
    if let Some(queue) = QUEUED.get()
        && queue.try_send(Entry::Written(written)).is_ok()
    {
        let _ = all_written.recv_timeout(LAST_LINES);
    }
}

fn write_lines(entries: &Receiver<Entry>, dropped: &AtomicU64) {
    while let Ok(entry) = entries.recv() {
        let line = match entry {
            Entry::Line(line) => line,
            Entry::Written(tell) => {
                let _ = tell.try_send(());
                continue;
            }
        };
        let mut stderr = io::stderr().lock();
        let missed = dropped.swap(0, Ordering::Relaxed);
        if missed > 0 {
            let _ = writeln!(stderr, "log: {missed} lines were dropped because standard error was not read");
        }
        let _ = stderr.write_all(&line);
    }
}

/// Where env_logger writes a formatted line; it flushes after each.
struct Queue {
    sender: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
    line: Vec<u8>,
}

impl Write for Queue {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if self.line.last() == Some(&b'\n') {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() && self.sender.try_send(Entry::Line(std::mem::take(&mut self.line))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_and_counts_and_never_waits() {
        let (sender, receiver) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut queue = Queue { sender, dropped: Arc::clone(&dropped), line: Vec::new() };
        for line in [&b"one\n"[..], b"two\n", b"three\n"] {
            queue.write_all(line).expect("never fails");
        }
        assert!(matches!(receiver.recv(), Ok(Entry::Line(line)) if line == b"one\n"));
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
    }
}
