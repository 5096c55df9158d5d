//! What is counted of the endpoint and the connections to it.

use prometheus::{IntCounter, IntGauge, Registry};

use super::requests::REQUEST_SECONDS;
use super::{Metrics, clamp, counter, counters, gauge, histogram};
use crate::telemetry::histogram::Histogram;

/// For TCP and TLS together, in seconds: 1 to 5 ms inside a region, 1 s and 3 s are the default
/// timeouts of the two.
const CONNECT_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0];

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

/// The labels of upstream connections: index 0 for new ones, 1 for reused ones.
const KINDS: [&str; 2] = ["new", "reused"];

pub(super) struct Upstream {
    connections: [IntCounter; KINDS.len()],
    connect_failures: [IntCounter; CAUSES.len()],
    retries: IntCounter,
    connect_duration: Histogram,
    first_byte_duration: Histogram,
    addresses: IntGauge,
    discoveries: [IntCounter; DISCOVERIES.len()],
}

impl Metrics {
    /// A request got a new connection to the endpoint; TCP and TLS together took `seconds`.
    pub fn upstream_connected(&self, seconds: f64) {
        self.upstream.connections[0].inc();
        self.upstream.connect_duration.observe(seconds);
    }

    /// A request got a connection to the endpoint that an earlier one had left.
    pub fn upstream_reused(&self) {
        self.upstream.connections[1].inc();
    }

    /// An attempt to connect to the endpoint failed.
    pub fn upstream_connect_failed(&self, cause: ConnectFailure) {
        self.upstream.connect_failures[cause as usize].inc();
    }

    /// A request gets another attempt.
    pub fn upstream_retried(&self) {
        self.upstream.retries.inc();
    }

    /// The header of the API's answer arrived `seconds` after the request had its connection.
    pub fn upstream_first_byte(&self, seconds: f64) {
        self.upstream.first_byte_duration.observe(seconds);
    }

    /// The endpoint's addresses were looked up.
    pub fn endpoint_discovered(&self, result: Discovery) {
        self.upstream.discoveries[result as usize].inc();
    }

    /// This many addresses of the endpoint are in use now.
    pub fn endpoint_addresses(&self, count: usize) {
        self.upstream.addresses.set(clamp(count));
    }
}

impl Upstream {
    pub(super) fn register(r: &Registry) -> prometheus::Result<Upstream> {
        Ok(Upstream {
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
            retries: counter(r, "nameplate_upstream_retries_total", "Attempts after the first for the same request.")?,
            connect_duration: histogram(
                r,
                "nameplate_upstream_connect_duration_seconds",
                "Time to open a new connection to the endpoint, TCP and TLS, in seconds.",
                &CONNECT_SECONDS,
            )?,
            first_byte_duration: histogram(
                r,
                "nameplate_upstream_first_byte_duration_seconds",
                "Time from having a connection to the header of the API's answer, in seconds.",
                &REQUEST_SECONDS,
            )?,
            addresses: gauge(r, "nameplate_endpoint_addresses", "Addresses of the endpoint in use.")?,
            discoveries: counters(
                r,
                ("nameplate_endpoint_discoveries_total", "Times the endpoint's addresses were looked up."),
                ("result", DISCOVERIES),
            )?,
        })
    }
}
