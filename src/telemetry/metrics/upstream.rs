//! What is counted of the endpoint and the connections to it.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::clients::{HANDSHAKES, Handshake};
use super::register::{add, clamp, counters, gauge, histogram};
use super::requests::REQUEST_SECONDS;
use crate::telemetry::histogram::Histogram;

/// For TCP, in seconds. One round trip: a quarter of a millisecond inside a zone, 1 to 2 ms between those of
/// a region, some 10 to 100 ms between regions. Whoever loses its first packet waits 1 s for the second
/// (RFC 6298 section 2), which is the default `connect_timeout` too.
const TCP_SECONDS: [f64; 11] = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 3.0];

/// For TLS, in seconds. A round trip or two more and, unless it is resumed, the signatures: 1 to 5 ms inside
/// a region. 3 s is the default `tls_timeout`, TCP included.
const TLS_SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0];

/// Why a new upstream connection did not come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFailure {
    /// The address refused the connection.
    Refused,
    /// TCP or TLS took too long.
    Timeout,
    /// The handshake failed or the certificate is not what it must be.
    Tls,
    /// Anything else, such as no route.
    Other,
}

/// The labels of [`ConnectFailure`], in its order.
const CAUSES: [&str; 4] = ["refused", "timeout", "tls", "other"];

/// How looking up the endpoint's addresses ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// With at least one address.
    Ok,
    /// With an error or no address; the last good ones serve on.
    Failed,
}

/// The labels of [`Discovery`], in its order.
const DISCOVERIES: [&str; 2] = ["ok", "failed"];

/// Why a request gets another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No connection came to be.
    Connect,
    /// A kept connection was dead.
    Reused,
}

/// The labels of [`Retry`], in its order.
const RETRIES: [&str; 2] = ["connect", "reused"];

/// Which budget had no attempt left for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedUp {
    /// That of all entries together.
    Shared,
    /// The share of the request's entry; others may have attempts left.
    Entry,
}

/// The labels of [`UsedUp`], in its order.
const BUDGETS: [&str; 2] = ["shared", "entry"];

/// The labels of addresses: those of our zone, and all others.
const ZONES: [&str; 2] = ["local", "other"];

/// The labels of addresses: those that requests go to, and those that are left alone for a while.
const STATES: [&str; 2] = ["in_use", "cooling"];

/// The labels of [`EndpointCounts::checked`]: index 0 for those that connected.
const CHECKS: [&str; 2] = ["ok", "failed"];

/// What is counted of one endpoint, resolved once.
pub struct EndpointCounts {
    requests: [IntCounter; ZONES.len()],
    addresses: [[IntGauge; STATES.len()]; ZONES.len()],
    ejections: IntCounter,
    checks: [IntCounter; CHECKS.len()],
}

impl EndpointCounts {
    /// A request goes to an address.
    pub fn picked(&self, local: bool) {
        self.requests[usize::from(!local)].inc();
    }

    /// An address cools down.
    pub fn ejected(&self) {
        self.ejections.inc();
    }

    /// An address was tried.
    pub fn checked(&self, good: bool) {
        self.checks[usize::from(!good)].inc();
    }

    /// So many addresses of our zone and of others are in use, and cool down.
    pub fn addresses(&self, local: [usize; 2], other: [usize; 2]) {
        for (gauges, counts) in self.addresses.iter().zip([local, other]) {
            for (gauge, count) in gauges.iter().zip(counts) {
                gauge.set(clamp(count));
            }
        }
    }
}

/// The labels of upstream connections: index 0 for new ones, 1 for reused ones.
const KINDS: [&str; 2] = ["new", "reused"];

/// The connections to the endpoint that are open.
#[derive(Clone, Debug)]
pub struct UpstreamConnections(IntGauge);

/// One of them, until dropped.
#[derive(Debug)]
pub struct UpstreamConnection(IntGauge);

impl UpstreamConnections {
    /// One more. Keep what this gives for as long as it is open.
    #[must_use]
    pub fn opened(&self) -> UpstreamConnection {
        self.0.inc();
        UpstreamConnection(self.0.clone())
    }
}

impl Drop for UpstreamConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts of look-ups, connections and attempts, and of each endpoint's addresses.
pub struct UpstreamMetrics {
    connections: [IntCounter; KINDS.len()],
    open: UpstreamConnections,
    handshakes: [IntCounter; HANDSHAKES.len()],
    connect_failures: [IntCounter; CAUSES.len()],
    retries: [IntCounter; RETRIES.len()],
    retries_denied: [IntCounter; BUDGETS.len()],
    tcp_duration: Histogram,
    tls_duration: Histogram,
    first_byte_duration: Histogram,
    endpoints: ByEndpoint,
    discoveries: [IntCounter; DISCOVERIES.len()],
}

/// What each endpoint has series of its own of.
struct ByEndpoint {
    requests: IntCounterVec,
    addresses: IntGaugeVec,
    ejections: IntCounterVec,
    checks: IntCounterVec,
}

impl UpstreamMetrics {
    pub(super) fn register(r: &Registry) -> prometheus::Result<UpstreamMetrics> {
        Ok(UpstreamMetrics {
            connections: counters(
                r,
                ("nameplate_upstream_connections_total", "Connections to the endpoint that requests were sent on."),
                ("kind", KINDS),
            )?,
            connect_failures: counters(
                r,
                (
                    "nameplate_upstream_connect_failures_total",
                    "Attempts to connect to the endpoint that failed, retried ones included.",
                ),
                ("cause", CAUSES),
            )?,
            retries: counters(
                r,
                ("nameplate_upstream_retries_total", "Attempts after the first for the same request, by what failed."),
                ("cause", RETRIES),
            )?,
            retries_denied: counters(
                r,
                (
                    "nameplate_upstream_retries_denied_total",
                    "Attempts not made because the retry budget, or an entry's share of it, was used up.",
                ),
                ("budget", BUDGETS),
            )?,
            open: UpstreamConnections(gauge(
                r,
                "nameplate_upstream_connections_open",
                "Connections to the endpoint that are open, idle ones included.",
            )?),
            handshakes: counters(
                r,
                (
                    "nameplate_upstream_tls_handshakes_total",
                    "TLS handshakes with the endpoint that requests waited for.",
                ),
                ("kind", HANDSHAKES),
            )?,
            tcp_duration: histogram(
                r,
                "nameplate_upstream_connect_duration_seconds",
                "Time to open a new TCP connection to the endpoint, in seconds.",
                &TCP_SECONDS,
            )?,
            tls_duration: histogram(
                r,
                "nameplate_upstream_tls_duration_seconds",
                "Time for the TLS handshake on a new connection to the endpoint, in seconds.",
                &TLS_SECONDS,
            )?,
            first_byte_duration: histogram(
                r,
                "nameplate_upstream_first_byte_duration_seconds",
                "Time from having a connection to the header of the API's answer, in seconds.",
                &REQUEST_SECONDS,
            )?,
            endpoints: ByEndpoint::register(r)?,
            discoveries: counters(
                r,
                ("nameplate_endpoint_discoveries_total", "DNS queries for endpoints' addresses."),
                ("result", DISCOVERIES),
            )?,
        })
    }
}

impl ByEndpoint {
    fn register(r: &Registry) -> prometheus::Result<ByEndpoint> {
        Ok(ByEndpoint {
            requests: vec(
                r,
                ("nameplate_upstream_requests_total", "Attempts to send a request to an address, by its zone."),
                &["endpoint", "zone"],
            )?,
            addresses: add(
                r,
                IntGaugeVec::new(
                    Opts::new("nameplate_endpoint_addresses", "Addresses of the endpoint, by zone and state."),
                    &["endpoint", "zone", "state"],
                )?,
            )?,
            ejections: vec(
                r,
                (
                    "nameplate_endpoint_ejections_total",
                    "Times an address was left alone for a while because it failed.",
                ),
                &["endpoint"],
            )?,
            checks: vec(
                r,
                ("nameplate_endpoint_checks_total", "Times an address was tried with a handshake."),
                &["endpoint", "result"],
            )?,
        })
    }
}

fn vec(registry: &Registry, (name, help): (&str, &str), labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    add(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

impl UpstreamMetrics {
    /// A request got a new connection to the endpoint, after so many seconds for TCP and for TLS. Where the
    /// kind of its handshake is not known, it counts as neither.
    pub fn connected(&self, tcp: f64, tls: f64, kind: Option<Handshake>) {
        self.connections[0].inc();
        self.tcp_duration.observe(tcp);
        self.tls_duration.observe(tls);
        if let Some(kind) = kind {
            self.handshakes[kind as usize].inc();
        }
    }

    /// Where connections to the endpoint are counted for as long as they are open.
    pub fn connections(&self) -> UpstreamConnections {
        self.open.clone()
    }

    /// A request got a connection to the endpoint that an earlier one had left.
    pub fn reused(&self) {
        self.connections[1].inc();
    }

    /// An attempt to connect to the endpoint failed.
    pub fn connect_failed(&self, cause: ConnectFailure) {
        self.connect_failures[cause as usize].inc();
    }

    /// A request gets another attempt.
    pub fn retried(&self, cause: Retry) {
        self.retries[cause as usize].inc();
    }

    /// A request would have got another attempt, and this budget of attempts is used up.
    pub fn retry_denied(&self, budget: UsedUp) {
        self.retries_denied[budget as usize].inc();
    }

    /// What counts for the endpoint of this name.
    pub fn endpoint(&self, name: &str) -> EndpointCounts {
        let ByEndpoint { requests, addresses, ejections, checks } = &self.endpoints;
        EndpointCounts {
            requests: ZONES.map(|zone| requests.with_label_values(&[name, zone])),
            addresses: ZONES.map(|zone| STATES.map(|state| addresses.with_label_values(&[name, zone, state]))),
            ejections: ejections.with_label_values(&[name]),
            checks: CHECKS.map(|result| checks.with_label_values(&[name, result])),
        }
    }

    /// The header of the API's answer arrived `seconds` after the request had its connection.
    pub fn first_byte(&self, seconds: f64) {
        self.first_byte_duration.observe(seconds);
    }

    /// The endpoint's addresses were looked up.
    pub fn endpoint_discovered(&self, result: Discovery) {
        self.discoveries[result as usize].inc();
    }
}
