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

/// What is logged without `NAMEPLATE_LOG`: our own `info`, and of Pingora only what no line of ours
/// covers.
const DEFAULT_FILTER: &str = "warn,nameplate=info,pingora_core=off,pingora_proxy=off";

/// How long an end waits for the lines that were logged before it; a log nobody reads must not
/// keep the process.
const LAST_WORDS: Duration = Duration::from_secs(1);

static LOG: OnceLock<SyncSender<Message>> = OnceLock::new();

enum Message {
    Line(Vec<u8>),
    /// Tell when every line before this has been written.
    Flush(SyncSender<()>),
}

/// Starts the log. `NAMEPLATE_LOG` sets the level: `warn`, `debug`, `nameplate=debug,warn`...
pub(super) fn start() {
    let (sender, receiver) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let _ = LOG.set(sender.clone());
    let queue = Queue { sender, dropped: Arc::clone(&dropped), line: Vec::new() };
    // Without the thread nothing reads the queue; the log is then silent, and the proxy still runs.
    let _ = std::thread::Builder::new().name("log".into()).spawn(move || write_lines(&receiver, &dropped));
    let env = env_logger::Env::new().filter_or("NAMEPLATE_LOG", DEFAULT_FILTER);
    let target = env_logger::Target::Pipe(Box::new(queue));
    let _ = env_logger::Builder::from_env(env).target(target).format_target(false).try_init();
}

/// Waits until what was logged so far has been written, but not for long.
pub(super) fn flush() {
    let (written, wait) = sync_channel(1);
    if LOG.get().is_some_and(|log| log.try_send(Message::Flush(written)).is_ok()) {
        let _ = wait.recv_timeout(LAST_WORDS);
    }
}

fn write_lines(messages: &Receiver<Message>, dropped: &AtomicU64) {
    while let Ok(message) = messages.recv() {
        let line = match message {
            Message::Line(line) => line,
            Message::Flush(written) => {
                let _ = written.try_send(());
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
    sender: SyncSender<Message>,
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
        if !self.line.is_empty() && self.sender.try_send(Message::Line(std::mem::take(&mut self.line))).is_err() {
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
        assert!(matches!(receiver.recv(), Ok(Message::Line(line)) if line == b"one\n"));
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
    }
}
