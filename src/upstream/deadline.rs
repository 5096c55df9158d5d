//! Watches the clock for a request that has been sent: whole requests, first bytes, and silence that
//! Pingora does not time by itself.
//!
//! Only requests that need one have one: those with a `total` or `first_byte` timeout, and those whose
//! HTTP/2 client is still sending a body.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::dial::CancelHandle;

/// What took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Late {
    /// The API, or all of it together.
    Api = 1,
    /// The client, with the rest of its request.
    Client = 2,
}

const NOTHING: u8 = 0;
const OVER: u8 = u8::MAX;

/// How long a request may take, where Pingora does not see to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimeLimits {
    /// All of it.
    pub(crate) total: Option<Duration>,
    /// To the header of the response.
    pub(crate) first_byte: Option<Duration>,
    /// The silence inside a response, where it may be shorter than the wait for its header.
    pub(crate) quiet: Option<Duration>,
    /// Connecting has less time than the endpoint's own timeouts give it: that it took too long says nothing of the
    /// address.
    pub(crate) short_connect: bool,
}

/// The deadlines of one attempt.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deadlines {
    /// The end of it all.
    pub(crate) total: Option<Instant>,
    /// The answer's header, or the next piece of its body.
    pub(crate) api: Option<Instant>,
    /// The next piece of the request's body.
    pub(crate) client: Option<Instant>,
}

impl Deadlines {
    fn first(&self) -> Option<(Instant, Late)> {
        let all = [(self.total, Late::Api), (self.api, Late::Api), (self.client, Late::Client)];
        all.into_iter().filter_map(|(at, late)| Some((at?, late))).min_by_key(|(at, _)| *at)
    }
}

/// Cuts the connection off when something is late; dropped, it no longer does.
pub(crate) struct DeadlineWatch {
    shared: Arc<Shared>,
    deadlines: Deadlines,
    task: Option<AbortHandle>,
}

struct Shared {
    cancel: CancelHandle,
    began: Instant,
    /// Milliseconds after `began`, rounded up.
    at: AtomicU64,
    /// What will be late then.
    what: AtomicU8,
    /// What was late; [`NOTHING`] while nothing was, [`OVER`] once nothing can be any more.
    late: AtomicU8,
}

impl DeadlineWatch {
    /// Starts to watch a connection.
    pub(crate) fn new(cancel: CancelHandle, deadlines: Deadlines, now: Instant) -> DeadlineWatch {
        let shared =
            Shared { cancel, began: now, at: AtomicU64::new(u64::MAX), what: NOTHING.into(), late: NOTHING.into() };
        let mut watch = DeadlineWatch { shared: Arc::new(shared), deadlines: Deadlines::default(), task: None };
        watch.change(|old| *old = deadlines);
        watch
    }

    /// Changes what is waited for.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Deadlines)) {
        change(&mut self.deadlines);
        let Some((at, late)) = self.deadlines.first() else { return self.stop() };
        let at = self.shared.millis(at);
        self.shared.what.store(late as u8, Ordering::Relaxed);
        let before = self.shared.at.swap(at, Ordering::Relaxed);
        // A task that sleeps until an earlier time finds the later one by itself.
        if self.task.is_none() || at < before {
            self.stop();
            self.shared.at.store(at, Ordering::Relaxed);
            self.task = Some(tokio::spawn(Arc::clone(&self.shared).run()).abort_handle());
        }
    }

    /// It is over, before anything was late or not. From here on the connection is left alone, so that
    /// another request can have it.
    pub(crate) fn finish(&mut self) -> Result<(), Late> {
        self.stop();
        let over = self.shared.late.compare_exchange(NOTHING, OVER, Ordering::AcqRel, Ordering::Acquire);
        over.map(drop).map_err(|late| if late == Late::Client as u8 { Late::Client } else { Late::Api })
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }

    /// What was late, if anything.
    pub(crate) fn late(&self) -> Option<Late> {
        match self.shared.late.load(Ordering::Acquire) {
            late if late == Late::Api as u8 => Some(Late::Api),
            late if late == Late::Client as u8 => Some(Late::Client),
            _ => None,
        }
    }
}

impl Drop for DeadlineWatch {
    fn drop(&mut self) {
        // Not only stopped: a task that is past its sleep must not cut what another request has by then.
        let _ = self.finish();
    }
}

impl Shared {
    async fn run(self: Arc<Shared>) {
        loop {
            let at = self.at.load(Ordering::Relaxed);
            tokio::time::sleep_until((self.began + Duration::from_millis(at)).into()).await;
            if self.at.load(Ordering::Relaxed) <= at {
                let what = self.what.load(Ordering::Relaxed);
                if self.late.compare_exchange(NOTHING, what, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                    self.cancel.cut();
                }
                return;
            }
        }
    }

    fn millis(&self, at: Instant) -> u64 {
        let millis = at.saturating_duration_since(self.began).as_micros().div_ceil(1_000);
        u64::try_from(millis).unwrap_or(u64::MAX)
    }
}
