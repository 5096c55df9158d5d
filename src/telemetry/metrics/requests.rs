//! What is counted of requests and refusals.

use std::sync::Arc;

use prometheus::{IntCounter, IntGauge, Registry};

use super::domains::{Domain, Domains};
use super::register::{add, clamp, counter, counters, gauge, histogram};
use crate::telemetry::histogram::Histogram;
use crate::telemetry::traffic::Totals;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::verbs::VERBS;

/// For whole requests and first bytes, in seconds. Our own part and a Lambda that is warm are in
/// the lower half, ten buckets to the second. In the upper half, 29 s is when API Gateway gives up
/// on an integration and 30 s when we give up on API Gateway, by default: whoever runs into one of
/// them has a bucket of its own, (28.5, 30]. 60 s and more are streams and raised limits.
pub(super) const REQUEST_SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 28.5, 30.0, 60.0];

/// One request in flight, until dropped.
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A request that is over.
pub struct Done<'r> {
    /// Its method.
    pub method: &'r http::Method,
    /// The status it was answered with.
    pub status: u16,
    /// From its header to the end of its answer.
    pub seconds: f64,
    /// Bytes of its body that were read.
    pub received: u64,
    /// Bytes of its answer's body that were sent.
    pub sent: u64,
}

/// Counts of requests and refusals.
pub struct RequestMetrics {
    domains: Domains,
    refusals: [IntCounter; Refusal::ALL.len()],
    client_aborts: IntCounter,
    in_flight: IntGauge,
    most_in_flight: IntGauge,
    received: IntCounter,
    sent: IntCounter,
    pub(super) duration: Histogram,
}

impl RequestMetrics {
    pub(super) fn register(r: &Registry) -> prometheus::Result<RequestMetrics> {
        let domains = Domains::new("nameplate_requests_total", "Requests answered, by the API or by us.")?;
        Ok(RequestMetrics {
            domains: add(r, domains)?,
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
            most_in_flight: gauge(r, "nameplate_requests_in_flight_limit", "Requests that may be in flight.")?,
            received: counter(
                r,
                "nameplate_request_bytes_total",
                "Bytes of request bodies that were read from clients.",
            )?,
            sent: counter(r, "nameplate_response_bytes_total", "Bytes of answers' bodies that were sent to clients.")?,
            duration: histogram(
                r,
                "nameplate_request_duration_seconds",
                "Time from a request's header to the end of its answer, in seconds.",
                &REQUEST_SECONDS,
            )?,
        })
    }

    pub(super) fn totals(&self) -> Totals {
        Totals { refused: self.refusals.iter().map(IntCounter::get).sum(), ..self.domains.totals() }
    }
}

impl RequestMetrics {
    /// A request begins. Keep what this gives until it is over, however it ends.
    #[must_use]
    pub fn request_begun(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Sets the limit of requests in flight.
    pub fn in_flight_limit(&self, most: usize) {
        self.most_in_flight.set(clamp(most));
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.get().max(0) as u64
    }

    /// A request to this domain is over; `None` is for one that no entry answers.
    pub fn request_done(&self, domain: Option<&Domain>, done: &Done<'_>) {
        let verb = VERBS.iter().position(|verb| *verb == done.method.as_str());
        let RequestMetrics { domains, received, sent, duration, .. } = self;
        domain.unwrap_or(&domains.unmapped).count(verb.unwrap_or(VERBS.len()), done.status);
        duration.observe(done.seconds);
        // Most requests have no body.
        if done.received > 0 {
            received.inc_by(done.received);
        }
        if done.sent > 0 {
            sent.inc_by(done.sent);
        }
    }

    /// These domains have series of their own from now on, and no others: what counts for each, in
    /// their order.
    pub fn list_domains<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<Arc<Domain>> {
        self.domains.list(names)
    }

    /// What counts for all domains that have no series of their own.
    pub fn other_domains(&self) -> Arc<Domain> {
        self.domains.other()
    }

    /// A request was refused. It also counts in [`RequestMetrics::request_done`].
    pub fn refused(&self, refusal: Refusal) {
        self.refusals[refusal.index()].inc();
    }

    /// A request was refused before its method was known, `seconds` after it began, with so many bytes.
    pub fn refused_early(&self, refusal: Refusal, seconds: f64, sent: u64) {
        self.refused(refusal);
        self.domains.unmapped.count(VERBS.len(), refusal.status());
        self.duration.observe(seconds);
        self.sent.inc_by(sent);
    }

    /// A client went away before its answer was complete.
    pub fn client_aborted(&self) {
        self.client_aborts.inc();
    }
}
