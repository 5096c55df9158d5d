//! What another process says.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::PATIENCE;

/// How long a program of somebody else's may take to start, on a machine that does much else.
pub const STARTING: Duration = Duration::from_secs(60);

/// What a process has written to one of its outputs, and whether it has closed it.
#[derive(Default)]
struct Said {
    lines: Vec<String>,
    ended: bool,
    /// Whether nobody reads it.
    held: bool,
}

/// An output of a process, as it is written.
#[derive(Clone)]
pub struct Output(Arc<(Mutex<Said>, Condvar)>);

impl Output {
    /// Reads it, on a thread of its own, to its end.
    pub fn of(pipe: impl Read + Send + 'static) -> Output {
        let output = Output(Arc::default());
        let kept = output.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let said = kept.0.0.lock().unwrap();
                let mut said = kept.0.1.wait_while(said, |said| said.held).unwrap();
                said.lines.push(line);
                kept.0.1.notify_all();
            }
            kept.0.0.lock().unwrap().ended = true;
            kept.0.1.notify_all();
        });
        output
    }

    /// Waits until so many lines have this in them; gives the last, or nothing where they do not come.
    pub fn wait_for(&self, text: &str, times: usize, patience: Duration) -> Option<String> {
        let found = |said: &Said| said.lines.iter().filter(|line| line.contains(text)).nth(times - 1).cloned();
        let said = self.0.0.lock().unwrap();
        let waits = |said: &mut Said| found(said).is_none() && !said.ended;
        let (said, _) = self.0.1.wait_timeout_while(said, patience, waits).unwrap();
        // The lock is let go before the caller panics: dropping its process may take it again.
        found(&said)
    }

    /// Waits for its end; whether that came.
    pub fn wait_for_end(&self) -> bool {
        let said = self.0.0.lock().unwrap();
        !self.0.1.wait_timeout_while(said, PATIENCE, |said| !said.ended).unwrap().1.timed_out()
    }

    /// Whether nobody reads it from now on.
    pub fn hold(&self, held: bool) {
        self.0.0.lock().unwrap().held = held;
        self.0.1.notify_all();
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }
}
