//! What one request carries from phase to phase.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::domain::refusal::Refusal;
use crate::domain::route::Route;
use crate::live::Live;
use crate::live::snapshot::Snapshot;
use crate::telemetry::metrics::InFlight;

/// A request's own state. It counts as in flight for as long as this lives.
pub struct RequestContext {
    _in_flight: InFlight,
    /// The one snapshot this request reads.
    pub(super) snapshot: Arc<Snapshot>,
    route: Option<u32>,
    /// The target to send upstream, once decided.
    pub(super) target: Vec<u8>,
    /// When the request's header had been read.
    pub(super) started: Instant,
    /// When the current attempt asked for a connection.
    pub(super) connecting: Instant,
    /// When the request was handed to a connection.
    pub(super) sent: Option<Instant>,
    /// Addresses that failed to connect for this request.
    pub(super) failed: Vec<SocketAddr>,
    /// Why we answered instead of the API, once we have.
    pub(super) refusal: Option<Refusal>,
    /// Bytes of request body read so far.
    pub(super) body_bytes: u64,
    /// The client went away before its answer was complete.
    pub(super) aborted: bool,
}

impl RequestContext {
    pub(super) fn new(live: &Live) -> RequestContext {
        let now = Instant::now();
        RequestContext {
            _in_flight: live.metrics.request_begun(),
            snapshot: live.snapshot(),
            route: None,
            target: Vec::new(),
            started: now,
            connecting: now,
            sent: None,
            failed: Vec::new(),
            refusal: None,
            body_bytes: 0,
            aborted: false,
        }
    }

    /// The request goes by this entry.
    pub(super) fn goes_by(&mut self, index: Option<u32>) {
        self.route = index;
    }

    /// The entry the request goes by, once decided.
    pub(super) fn route(&self) -> Option<&Route> {
        self.route.map(|index| self.snapshot.table.route(index))
    }

    /// Counts the request for its entry.
    pub(super) fn count_for_entry(&self) {
        if let Some(index) = self.route {
            self.snapshot.count_request(index);
        }
    }

    /// The domain for the log: the entry's, or a dash.
    pub(super) fn domain(&self) -> &str {
        self.route().map_or("-", Route::host)
    }
}
