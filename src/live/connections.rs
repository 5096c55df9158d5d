//! Client connections, counted so that a stop can wait for the last one and not a moment longer.
//!
//! Connections and not requests: between a header being read and its request being counted, and
//! between an HTTP/2 answer being handed over and being written, only the connection shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::telemetry::metrics::Metrics;

/// The count, and whether the process is stopping.
pub struct Connections {
    count: AtomicUsize,
    draining: AtomicBool,
    closed: Notify,
    metrics: Arc<Metrics>,
}

/// One connection; dropped when it has ended.
pub struct Connection(Arc<super::Live>);

impl Connections {
    pub(super) fn new(metrics: Arc<Metrics>) -> Connections {
        Connections { count: AtomicUsize::new(0), draining: AtomicBool::new(false), closed: Notify::new(), metrics }
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Whether the process is stopping: readiness fails, and answers end their connection.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Starts to drain.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.metrics.draining(true);
    }

    /// Waits until no connection is open. The listeners must have closed before.
    pub async fn all_closed(&self) {
        loop {
            let closed = self.closed.notified();
            tokio::pin!(closed);
            // Registered before the count is read, so that the last one to close is not missed.
            closed.as_mut().enable();
            if self.open() == 0 {
                return;
            }
            closed.await;
        }
    }
}

impl Connection {
    /// Counts a connection for as long as this lives.
    pub fn begin(live: &Arc<super::Live>) -> Connection {
        live.connections.count.fetch_add(1, Ordering::Relaxed);
        Connection(Arc::clone(live))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let connections = &self.0.connections;
        // Release pairs with the Acquire of `open`: who sees 0 sees what the connections did.
        if connections.count.fetch_sub(1, Ordering::Release) == 1 {
            connections.closed.notify_waiters();
        }
    }
}
