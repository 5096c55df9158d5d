//! What is counted of requests and refusals.

use std::sync::OnceLock;

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::{Metrics, add, counter, counters, gauge, histogram};
use crate::domain::refusal::Refusal;
use crate::domain::verbs::VERBS;
use crate::telemetry::histogram::Histogram;
use crate::telemetry::traffic::Totals;

/// For whole requests and first bytes, in seconds. Our own part and a Lambda that is warm are in
/// the lower half, ten buckets to the second. In the upper half, 29 s is when API Gateway gives up
/// on an integration and 30 s when we give up on API Gateway, by default: whoever runs into one of
/// them has a bucket of its own, (28.5, 30]. 60 s and more are streams and raised limits.
pub(super) const REQUEST_SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 28.5, 30.0, 60.0];

/// One slot for each status from 100 to 599, and one for what is outside.
const CODES: usize = 501;

/// One request in flight, until dropped.
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

pub(super) struct Requests {
    total: IntCounterVec,
    /// `total`'s counters by method and status, each resolved when first used.
    by_status: Box<[OnceLock<IntCounter>]>,
    refusals: [IntCounter; Refusal::ALL.len()],
    client_aborts: IntCounter,
    in_flight: IntGauge,
    pub(super) duration: Histogram,
}

impl Metrics {
    /// A request begins. Keep what this gives until it is over, however it ends.
    #[must_use]
    pub fn request_begun(&self) -> InFlight {
        self.requests.in_flight.inc();
        InFlight(self.requests.in_flight.clone())
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> u64 {
        self.requests.in_flight.get().max(0) as u64
    }

    /// A request was answered with `status`, after `seconds`.
    pub fn request_done(&self, method: &http::Method, status: u16, seconds: f64) {
        self.requests.counter(method, status).inc();
        self.requests.duration.observe(seconds);
    }

    /// A request was refused. It also counts in [`Metrics::request_done`].
    pub fn refused(&self, refusal: Refusal) {
        self.requests.refusals[refusal.index()].inc();
    }

    /// A request was refused before its method was known, `seconds` after it began.
    pub fn refused_early(&self, refusal: Refusal, seconds: f64) {
        self.refused(refusal);
        self.requests.slot(VERBS.len(), refusal.status()).inc();
        self.requests.duration.observe(seconds);
    }

    /// A client went away before its answer was complete.
    pub fn client_aborted(&self) {
        self.requests.client_aborts.inc();
    }
}

impl Requests {
    pub(super) fn register(r: &Registry) -> prometheus::Result<Requests> {
        let total = Opts::new("nameplate_requests_total", "Requests answered, by the API or by us.");
        Ok(Requests {
            total: add(r, IntCounterVec::new(total, &["method", "code"])?)?,
            by_status: (0..(VERBS.len() + 1) * CODES).map(|_| OnceLock::new()).collect(),
            refusals: counters(
                r,
                ("nameplate_refusals_total", "Requests we answered instead of the API."),
                ("reason", Refusal::ALL.map(Refusal::reason)),
            )?,
            client_aborts: counter(
                r,
                "nameplate_client_aborts_total",
                "Requests whose client went away before its answer was complete.",
            )?,
            in_flight: gauge(r, "nameplate_requests_in_flight", "Requests being answered now.")?,
            duration: histogram(
                r,
                "nameplate_request_duration_seconds",
                "Time from a request's header to the end of its answer, in seconds.",
                &REQUEST_SECONDS,
            )?,
        })
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals { refused: self.refusals.iter().map(IntCounter::get).sum(), ..Totals::default() };
        for (at, slot) in self.by_status.iter().enumerate() {
            let class = at % CODES / 100 + 1;
            totals.classes[class % 6] += slot.get().map_or(0, IntCounter::get);
        }
        totals
    }

    fn counter(&self, method: &http::Method, status: u16) -> &IntCounter {
        let verb = VERBS.iter().position(|verb| *verb == method.as_str());
        self.slot(verb.unwrap_or(VERBS.len()), status)
    }

    /// The counter of a verb by its place in [`VERBS`]; behind the last is that of all others.
    fn slot(&self, verb: usize, status: u16) -> &IntCounter {
        let code = status.checked_sub(100).map(usize::from).filter(|at| *at < CODES - 1);
        let slot = verb * CODES + code.unwrap_or(CODES - 1);
        self.by_status[slot].get_or_init(|| {
            let method = VERBS.get(verb).copied().unwrap_or("other");
            let code = code.map_or("other".into(), |_| status.to_string());
            self.total.with_label_values(&[method, &code])
        })
    }
}
