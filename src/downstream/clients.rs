//! Client connections, counted so that a stop can wait for the last one and not a moment longer, and
//! so that there are never more than may be.
//!
//! Connections and not requests: between a header being read and its request being counted, and
//! between an HTTP/2 answer being handed over and being written, only the connection shows it.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::budget::{Budget, Shares};
use super::slow::Slow;
use super::warnings;
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::metrics::{Cut, Metrics};

/// What the connections of all clients share: their count and its limit, whether the process is stopping,
/// and where they are counted and recorded.
pub(crate) struct Clients {
    count: AtomicUsize,
    most: AtomicUsize,
    /// Nine tenths of that.
    plenty: AtomicUsize,
    draining: AtomicBool,
    closed: Notify,
    /// Of their requests in flight.
    pub(crate) budget: Budget,
    /// What each address may have of it.
    pub(super) shares: Shares,
    /// Those that may wait for their clients.
    pub(super) slow: Slow,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
}

/// One open connection; dropped when it has ended.
pub(crate) struct OpenConnection(Arc<Clients>);

impl Clients {
    /// No connection is open, and no limit is set.
    pub(crate) fn new(metrics: Arc<Metrics>, access_log: Option<Arc<AccessLog>>) -> Clients {
        Clients {
            count: AtomicUsize::new(0),
            most: AtomicUsize::new(usize::MAX),
            plenty: AtomicUsize::new(usize::MAX),
            draining: AtomicBool::new(false),
            closed: Notify::new(),
            budget: Budget::default(),
            shares: Shares::default(),
            slow: Slow::default(),
            metrics,
            access_log,
        }
    }

    /// Limits connections, and requests in flight, from now on.
    pub(crate) fn limit(&self, most: usize, requests: usize) {
        self.budget.limit(requests);
        self.metrics.requests.in_flight_limit(requests);
        self.most.store(most, Ordering::Relaxed);
        self.plenty.store(most - most.div_ceil(10), Ordering::Relaxed);
        self.metrics.clients.connection_limit(most);
    }

    /// Counts a connection between a listener and a peer, its `ends`, that was ended or not taken, and warns of it.
    pub(super) fn cut(&self, cut: Cut, (listener, peer): (SocketAddr, SocketAddr), detail: Option<&dyn Display>) {
        self.metrics.clients.connection_cut(cut);
        warnings::warn(cut, listener, peer, detail);
    }

    /// Connections open now.
    pub(crate) fn open(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Whether the process is stopping: readiness fails, and answers end their connection.
    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Reports whether a response ends its connection: the process is stopping or short of memory, or over nine
    /// tenths of the connections there may be are open. Then each that ends is a place for somebody who has none.
    pub(crate) fn end_with_answers(&self) -> bool {
        self.draining()
            || self.budget.is_strained()
            || self.count.load(Ordering::Relaxed) > self.plenty.load(Ordering::Relaxed)
    }

    /// Starts to drain.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.metrics.clients.draining(true);
    }

    /// Waits until no connection is open. The listeners must have closed before.
    pub(crate) async fn all_closed(&self) {
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

impl OpenConnection {
    /// Counts a connection for as long as this lives. `None` if the limit is reached.
    pub(crate) fn begin(clients: &Arc<Clients>) -> Option<OpenConnection> {
        let most = clients.most.load(Ordering::Relaxed);
        if clients.count.fetch_add(1, Ordering::Relaxed) >= most {
            clients.close_one();
            return None;
        }
        clients.metrics.clients.connection_opened();
        Some(OpenConnection(Arc::clone(clients)))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.metrics.clients.connection_closed();
        self.0.close_one();
    }
}
