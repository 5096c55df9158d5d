//! What one request carries from phase to phase.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;

use super::head::HeaderWork;
use super::reply::Advice;
use crate::downstream::connection::ActiveRequest;
use crate::downstream::request_id::Id;
use crate::live::Live;
use crate::live::snapshot::{Entry, Snapshot};
use crate::telemetry::metrics::{Domain, InFlight};
use crate::upstream::deadline::{DeadlineWatch, Late};
use crate::upstream::peer::TimeLimits;
use crate::upstream::pool::Picked;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::route::Route;
use nameplate_core::settings::RequestId;

/// A request's own state. It counts as in flight for as long as this lives.
pub struct RequestContext {
    _in_flight: InFlight,
    /// The same, on its HTTP/2 connection.
    pub(super) under_way: Option<ActiveRequest>,
    /// The one snapshot this request reads.
    pub(super) snapshot: Arc<Snapshot>,
    route: Option<u32>,
    /// What its header needs on its way upstream.
    pub(super) work: HeaderWork,
    /// The target to send upstream, once decided.
    pub(super) target: Bytes,
    /// When the request's header had been read.
    pub(super) started: Instant,
    /// When the current attempt asked for a connection.
    pub(super) connecting: Instant,
    /// When the request was handed to a connection.
    pub(super) sent: Option<Instant>,
    /// How long after that the answer's header came.
    pub(super) first_byte: Option<Duration>,
    /// Its id, once it has one.
    id: Option<Id>,
    /// Attempts begun so far.
    pub(super) attempts: usize,
    /// The address of the current attempt.
    pub(super) picked: Option<Picked>,
    /// Addresses that failed to connect for this request.
    pub(super) failed: Vec<Picked>,
    /// The current attempt goes over a connection that another request has left.
    pub(super) reused: bool,
    /// How long the current attempt may take, where Pingora does not see to it.
    pub(super) limits: TimeLimits,
    /// Watches that it does not.
    pub(super) watch: Option<DeadlineWatch>,
    /// Why we answered instead of the API, once we have.
    pub(super) refusal: Option<Refusal>,
    /// In how many seconds a refused request may come again, where that is known.
    pub(super) retry_after: Option<u64>,
    /// The API's answer has begun.
    pub(super) answered: bool,
    /// Interim answers of the API so far.
    pub(super) interim: u32,
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
            under_way: None,
            snapshot: live.snapshot(),
            route: None,
            work: HeaderWork::default(),
            target: Bytes::new(),
            started: now,
            connecting: now,
            sent: None,
            first_byte: None,
            id: None,
            attempts: 0,
            picked: None,
            failed: Vec::new(),
            reused: false,
            limits: TimeLimits::default(),
            watch: None,
            refusal: None,
            retry_after: None,
            answered: false,
            interim: 0,
            body_bytes: 0,
            aborted: false,
        }
    }

    /// The request goes by this entry.
    pub(super) fn set_route(&mut self, index: Option<u32>) {
        self.route = index;
    }

    /// The entry the request goes by, once decided.
    pub(super) fn route(&self) -> Option<&Route> {
        self.route.map(|index| self.snapshot.table.route(index))
    }

    /// What is kept for that entry.
    pub(super) fn entry(&self) -> Option<&Entry> {
        self.route.map(|index| self.snapshot.entry(index))
    }

    /// Its id by this rule, where it says one itself and where not: what it has from now on.
    pub(super) fn identify(&mut self, sent: Option<&HeaderValue>, rule: RequestId) -> &Id {
        self.id.get_or_insert_with(|| Id::of(sent, rule))
    }

    /// Its id; every request has one from its first phase on.
    pub(super) fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Counts the request for its entry; gives what counts for its domain.
    pub(super) fn count_for_entry(&self) -> Option<&Domain> {
        let index = self.route?;
        self.snapshot.count_request(index);
        self.snapshot.domain(index)
    }

    /// Who was too slow, where that cut the request off.
    pub(super) fn late(&self) -> Option<Late> {
        self.watch.as_ref().and_then(DeadlineWatch::late)
    }

    /// What a refusal tells the client to do instead.
    pub(super) fn advice(&self) -> Advice {
        Advice { verbs: self.route().map(|route| route.choices.verbs), retry_after: self.retry_after }
    }

    /// The domain for the log: the entry's, or a dash.
    pub(super) fn domain(&self) -> &str {
        self.route().map_or("-", Route::host)
    }
}
