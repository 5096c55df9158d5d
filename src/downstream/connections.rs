//! Client connections, counted so that a stop can wait for the last one and not a moment longer, and
//! so that there are never more than may be.
//!
//! Connections and not requests: between a header being read and its request being counted, and
//! between an HTTP/2 answer being handed over and being written, only the connection shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::telemetry::metrics::Metrics;

/// The count, how high it may go, and whether the process is stopping.
pub struct Connections {
    count: AtomicUsize,
    most: AtomicUsize,
    /// Nine tenths of that.
    plenty: AtomicUsize,
    draining: AtomicBool,
    closed: Notify,
    metrics: Arc<Metrics>,
}

/// One connection; dropped when it has ended.
pub struct Connection(Arc<crate::live::Live>);

impl Connections {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Connections {
        Connections {
            count: AtomicUsize::new(0),
            most: AtomicUsize::new(usize::MAX),
            plenty: AtomicUsize::new(usize::MAX),
            draining: AtomicBool::new(false),
            closed: Notify::new(),
            metrics,
        }
    }

    /// No more than so many from now on.
    pub fn limit(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
        self.plenty.store(most - most.div_ceil(10), Ordering::Relaxed);
        self.metrics.connection_limit(most);
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Whether the process is stopping: readiness fails, and answers end their connection.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether an answer ends its connection: the process is stopping, or over nine tenths of the
    /// connections there may be are open. Then each that ends is a place for somebody who has none.
    pub fn end_with_answers(&self) -> bool {
        self.draining() || self.count.load(Ordering::Relaxed) > self.plenty.load(Ordering::Relaxed)
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

    fn close_one(&self) {
        // Release pairs with the Acquire of `open`: who sees 0 sees what the connections did.
        if self.count.fetch_sub(1, Ordering::Release) == 1 {
            self.closed.notify_waiters();
        }
    }
}

impl Connection {
    /// Counts a connection for as long as this lives; `None` if there are as many as may be.
    pub fn begin(live: &Arc<crate::live::Live>) -> Option<Connection> {
        let connections = &live.connections;
        let most = connections.most.load(Ordering::Relaxed);
        if connections.count.fetch_add(1, Ordering::Relaxed) >= most {
            connections.close_one();
            return None;
        }
        connections.metrics.connection_opened();
        Some(Connection(Arc::clone(live)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let connections = &self.0.connections;
        connections.metrics.connection_closed();
        connections.close_one();
    }
}
