//! What one request carries from phase to phase: what is the request's own, and its attempts upstream.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderValue;
use pingora::http::ResponseHeader;
use pingora_proxy::Session;

use super::head::HeaderWork;
use crate::downstream::connection::ActiveRequest;
use crate::downstream::receive_rate::ReceiveRate;
use crate::downstream::request_id::Id;
use crate::live::Live;
use crate::live::snapshot::{Entry, Snapshot};
use crate::telemetry::metrics::{Domain, InFlight};
use crate::upstream::attempt::Attempts;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::route::Route;
use nameplate_core::settings::RequestId;

/// A request's own state. It counts as in flight for as long as this lives.
pub(crate) struct RequestContext {
    _in_flight: InFlight,
    /// The same, on its connection and in the budget.
    pub(super) active: Option<ActiveRequest>,
    /// The one snapshot this request reads.
    pub(super) snapshot: Arc<Snapshot>,
    route: Option<u32>,
    /// What its header needs on its way upstream.
    pub(super) work: HeaderWork,
    /// The target to send upstream, once decided.
    pub(super) target: Bytes,
    /// When the request's header had been read.
    pub(super) started: Instant,
    /// Its id, once it has one.
    id: Option<Id>,
    /// Its attempts to reach the API.
    pub(super) attempts: Attempts,
    /// Why we answered instead of the API, once we have.
    pub(super) refusal: Option<Refusal>,
    /// In how many seconds a refused request may come again, where that is known.
    pub(super) retry_after: Option<u64>,
    /// The client ends the connection after its response.
    pub(super) closes: bool,
    /// The client went away before its response was complete.
    pub(super) aborted: bool,
    /// How fast its body comes.
    pub(super) receiving: ReceiveRate,
    /// The response that has begun before the whole request had come, where that may go on after it.
    pub(super) early: Option<Box<ResponseHeader>>,
    /// It has been counted and recorded: its response is over, though it is not.
    pub(super) concluded: bool,
}

impl RequestContext {
    pub(super) fn new(live: &Live) -> RequestContext {
        RequestContext {
            _in_flight: live.metrics.requests.request_begun(),
            active: None,
            snapshot: live.snapshot(),
            route: None,
            work: HeaderWork::default(),
            target: Bytes::new(),
            started: Instant::now(),
            id: None,
            attempts: Attempts::default(),
            refusal: None,
            retry_after: None,
            closes: false,
            aborted: false,
            receiving: ReceiveRate::default(),
            early: None,
            concluded: false,
        }
    }

    /// Sets the entry that decides the request.
    pub(super) fn set_route(&mut self, index: Option<u32>) {
        self.route = index;
    }

    /// The entry that decides the request, once there is one.
    pub(super) fn route(&self) -> Option<&Route> {
        self.route.map(|index| self.snapshot.table.route(index))
    }

    /// What is kept for that entry.
    pub(super) fn entry(&self) -> Option<&Entry> {
        self.route.map(|index| self.snapshot.entry(index))
    }

    /// Gives the request an id by this rule, unless it has one, and returns it.
    pub(super) fn identify(&mut self, sent: Option<&HeaderValue>, rule: RequestId) -> &Id {
        self.id.get_or_insert_with(|| Id::of(sent, rule))
    }

    /// Its id; every request has one from its first phase on.
    pub(super) fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Counts the request for its entry, and returns what counts for its domain.
    pub(super) fn count_for_entry(&self) -> Option<&Domain> {
        let index = self.route?;
        self.snapshot.count_request(index);
        self.snapshot.domain(index)
    }

    /// The response as the client gets it, once it has begun.
    pub(super) fn response<'r>(&'r self, session: &'r Session) -> Option<&'r ResponseHeader> {
        self.early.as_deref().or_else(|| final_response(session))
    }

    /// The domain for the log: the entry's, or a dash.
    pub(super) fn domain(&self) -> &str {
        self.route().map_or("-", Route::host)
    }
}

/// The response that has begun, ours or the API's; an interim one does not count.
pub(super) fn final_response(session: &Session) -> Option<&ResponseHeader> {
    session.response_written().filter(|response| !response.status.is_informational())
}
