//! A thread that does something again and again.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The thread, until dropped.
pub(crate) struct Ticker {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Does the work at once, and then every so often.
    pub(crate) fn start(name: &str, every: Duration, mut work: impl FnMut() + Send + 'static) -> io::Result<Ticker> {
        let (stop, stopped) = mpsc::channel();
        let owned = name.to_owned();
        // A panic concerns one time; what depends on the work depends on the next.
        let mut work = move || {
            if catch_unwind(AssertUnwindSafe(&mut work)).is_err() {
                log::error!("{owned}: failed once, and goes on");
            }
        };
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            work();
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                work();
            }
        })?;
        Ok(Ticker { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It wakes at once.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn it_works_at_once_and_ends_when_dropped() {
        let (worked, seen) = mpsc::channel();
        let held = Arc::new(());
        let inside = Arc::clone(&held);
        let ticker = Ticker::start("ticker", Duration::from_millis(1), move || {
            let _ = (worked.send(()), &inside);
        });
        (0..3).for_each(|_| seen.recv().expect("it works on"));
        drop(ticker);
        assert_eq!(Arc::strong_count(&held), 1, "the thread has ended");
    }
}
