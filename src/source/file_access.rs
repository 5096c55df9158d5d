//! Access to files that may not answer: on a network file system that has gone, a call takes for ever.
//!
//! **Invariant:** no thread of a runtime makes such a call, and at most one thread of its own waits for it, however
//! often somebody asks again. Nothing waits for that thread when the process ends.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// State that belongs to some files, and the thread that reads them while one does.
pub(crate) struct FileAccess<S> {
    /// Only that thread takes the lock, so nobody waits for it.
    state: Arc<Mutex<S>>,
    running: Option<oneshot::Receiver<()>>,
}

impl<S: Send + 'static> FileAccess<S> {
    pub(crate) fn new(state: S) -> FileAccess<S> {
        FileAccess { state: Arc::new(Mutex::new(state)), running: None }
    }

    /// Does some work that may block, on a thread of its own. Whoever gives up leaves the thread behind; the next work
    /// begins when it is over.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> io::Result<T> {
        self.finish().await;
        let (reply, outcome) = oneshot::channel();
        let (ends, end) = oneshot::channel();
        let state = Arc::clone(&self.state);
        std::thread::Builder::new().name("files".into()).spawn(move || {
            // Dropped at the end, whatever happens, the sender last: that is what `finish` waits for.
            let (_ends, state): (oneshot::Sender<()>, _) = (ends, state);
            if let Ok(result) = catch_unwind(AssertUnwindSafe(|| work(&mut state.lock()))) {
                let _ = reply.send(result);
            }
        })?;
        self.running = Some(end);
        self.finish().await;
        outcome.await.map_err(|_| io::Error::other("reading it ended in a fault of Nameplate's own"))
    }

    /// Reports whether a thread is at work that somebody gave up.
    pub(crate) fn is_busy(&self) -> bool {
        // The thread holds the state until its end.
        Arc::strong_count(&self.state) > 1
    }

    async fn finish(&mut self) {
        if let Some(end) = &mut self.running {
            let _ = end.await;
            self.running = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn what_is_known_stays_from_one_access_to_the_next() {
        let mut access = FileAccess::new(0);
        for want in 1..4 {
            let count = access.run(|count| {
                *count += 1;
                *count
            });
            assert_eq!(count.await.expect("a result"), want);
        }
    }

    #[tokio::test]
    async fn an_access_that_hangs_is_waited_for_by_the_next_one() {
        let mut access = FileAccess::new(Vec::new());
        let (opens, gate): (_, Receiver<()>) = channel();
        let hung = access.run(move |seen: &mut Vec<&str>| {
            let _ = gate.recv();
            seen.push("first");
        });
        assert!(tokio::time::timeout(Duration::from_millis(10), hung).await.is_err());
        let early = access.run(|seen| seen.clone());
        assert!(tokio::time::timeout(Duration::from_millis(10), early).await.is_err(), "no second thread has begun");
        assert!(access.is_busy());
        drop(opens);
        let seen = tokio::time::timeout(PATIENCE, access.run(|seen| seen.clone())).await.expect("in time");
        assert_eq!(seen.expect("a result"), ["first"]);
        assert!(!access.is_busy());
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_not_the_end() {
        let mut access = FileAccess::new(7);
        let fails = access.run(|_| -> u8 { panic!("a fault") }).await;
        assert!(fails.expect_err("no result").to_string().contains("Nameplate's own"));
        assert_eq!(access.run(|state| *state).await.expect("a result"), 7);
    }
}
