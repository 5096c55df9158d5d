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
use crate::live::snapshot::{DecidedEntry, Entry, Snapshot};
use crate::telemetry::metrics::{Domain, InFlight};
use crate::upstream::attempt::Attempts;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::route::Route;
use nameplate_core::settings::RequestId;

/// The part of the mapping that a request reads.
enum Reads {
    /// One snapshot, and the place of the entry in it that decides the request, once that is known.
    Snapshot(Arc<Snapshot>, Option<u32>),
    /// That entry alone: the snapshot was replaced while the response came.
    Entry(Box<DecidedEntry>),
}

/// A request's own state. It counts as in flight for as long as this lives.
pub(crate) struct RequestContext {
    _in_flight: InFlight,
    /// The same, on its connection and in the budget.
    pub(super) active: Option<ActiveRequest>,
    reads: Reads,
    /// What its header needs on its way upstream.
    pub(super) work: HeaderWork,
    /// The target to send upstream, once decided.
    pub(super) target: Bytes,
    /// The target as the client sent it, where Pingora shows another one.
    pub(super) sent_target: Option<Box<[u8]>>,
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
            reads: Reads::Snapshot(live.snapshot(), None),
            work: HeaderWork::default(),
            target: Bytes::new(),
            sent_target: None,
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

    /// The one snapshot this request is decided by; `None` once it is let go.
    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        match &self.reads {
            Reads::Snapshot(snapshot, _) => Some(snapshot),
            Reads::Entry(_) => None,
        }
    }

    /// Sets the entry that decides the request.
    pub(super) fn set_route(&mut self, index: Option<u32>) {
        if let Reads::Snapshot(_, at) = &mut self.reads {
            *at = index;
        }
    }

    /// Lets the snapshot go, where another one has replaced it: a client that takes its time with a long response holds
    /// one entry, and no table.
    pub(super) fn let_replaced_go(&mut self, live: &Live) {
        if let Reads::Snapshot(snapshot, Some(index)) = &self.reads
            && !live.is_active(snapshot)
        {
            self.reads = Reads::Entry(Box::new(snapshot.decided(*index)));
        }
    }

    /// The entry that decides the request, once there is one.
    pub(super) fn route(&self) -> Option<&Route> {
        match &self.reads {
            Reads::Snapshot(snapshot, index) => index.map(|index| snapshot.table.route(index)),
            Reads::Entry(decided) => Some(&decided.route),
        }
    }

    /// The part of the mapping that the entry stands in, where it has parts.
    pub(super) fn part(&self) -> Option<&str> {
        match &self.reads {
            Reads::Snapshot(snapshot, index) => index.and_then(|index| snapshot.part(snapshot.table.route(index))),
            Reads::Entry(decided) => decided.part.as_deref(),
        }
    }

    /// What is kept for that entry.
    pub(super) fn entry(&self) -> Option<&Entry> {
        match &self.reads {
            Reads::Snapshot(snapshot, index) => index.map(|index| snapshot.entry(index)),
            Reads::Entry(decided) => Some(&decided.entry),
        }
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
        match &self.reads {
            Reads::Snapshot(snapshot, index) => {
                let index = (*index)?;
                snapshot.count_request(index);
                snapshot.domain(index)
            }
            Reads::Entry(decided) => decided.count_request(),
        }
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
