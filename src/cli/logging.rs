//! The operational log: text lines on standard error that never make a request wait.

use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use crate::telemetry::lines::{Lines, Log};

/// What is logged without `NAMEPLATE_LOG`: our own `info`, and of Pingora only what no line of ours
/// covers.
const DEFAULT_FILTER: &str = "warn,nameplate=info,pingora_core=off,pingora_proxy=off";

static LOG: OnceLock<Arc<Lines>> = OnceLock::new();

/// Starts the log. `NAMEPLATE_LOG` sets the level: `warn`, `debug`, `nameplate=debug,warn`...
pub(super) fn start() {
    // Without the thread nothing would read the queue; the log is then silent, and the proxy still runs.
    let Ok(lines) = Lines::start(Log::Operational, Box::new(io::stderr()), Some(note)) else { return };
    let _ = LOG.set(Arc::clone(&lines));
    let env = env_logger::Env::new().filter_or("NAMEPLATE_LOG", DEFAULT_FILTER);
    let target = env_logger::Target::Pipe(Box::new(Queue { lines, line: Vec::new() }));
    let _ = env_logger::Builder::from_env(env).target(target).format_target(false).try_init();
}

fn note(missed: u64) -> String {
    format!("log: {missed} lines were dropped because standard error was not read\n")
}

/// Waits until what was logged so far has been written, but not for long.
pub(super) fn flush() {
    if let Some(lines) = LOG.get() {
        lines.flush();
    }
}

/// Where env_logger writes a formatted line; it flushes after each.
struct Queue {
    lines: Arc<Lines>,
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
        if !self.line.is_empty() {
            self.lines.push(std::mem::take(&mut self.line));
        }
        Ok(())
    }
}
