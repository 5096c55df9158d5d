//! What is counted of clients' connections and the listeners they come to.

use prometheus::{Gauge, GaugeVec, IntCounter, IntGauge, Opts, Registry};

use super::register::{add, clamp, counter, counters, gauge, histogram};
use crate::telemetry::histogram::Histogram;

/// The labels of certificates that were read again: index 0 for good ones.
const CERTIFICATES: [&str; 2] = ["ok", "rejected"];

/// For clients' handshakes, in seconds: from 1 ms, a load balancer in the same zone with a key exchange on
/// either side, to clients behind an internet, who need two round trips of up to 300 ms. 10 s is the default
/// `client.header_timeout`; what takes longer has no handshake to count.
const HANDSHAKE_SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0];

/// How a TLS handshake went, with a client or with the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// With certificate and signature.
    Full,
    /// It went on from an earlier one, which is cheaper for both sides.
    Resumed,
}

/// The labels of [`Handshake`], in its order.
pub(super) const HANDSHAKES: [&str; 2] = ["full", "resumed"];

/// When the certificate of one listener ends.
pub struct CertificateExpiry(Gauge);

impl CertificateExpiry {
    /// In seconds since the Unix epoch; not a number where it cannot be read.
    pub fn is(&self, timestamp: Option<i64>) {
        self.0.set(timestamp.map_or(f64::NAN, |timestamp| timestamp as f64));
    }
}

/// Why we ended a client's connection that had not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// There were as many as may be.
    TooMany,
    /// It came to a listener with the PROXY protocol from where nobody is trusted.
    ProxyUntrusted,
    /// It did not begin with a PROXY header where it must.
    ProxyMissing,
    /// Its PROXY header is none.
    ProxyMalformed,
    /// The TLS handshake failed.
    Handshake,
    /// A handshake, a PROXY header, the beginning of HTTP/2 or a request's head took too long.
    HeaderTimeout,
    /// It began HTTP/2, and went on as that does not.
    Preface,
    /// The client took its answer too slowly.
    SlowReader,
    /// Memory was short, and its client did not take its responses.
    Memory,
    /// It sent far more HTTP/2 frames that ask for nothing than requests.
    Http2Flood,
}

/// The labels of [`Cut`], in its order.
const CUTS: [&str; 10] = [
    "too_many",
    "proxy_untrusted",
    "proxy_missing",
    "proxy_malformed",
    "tls_handshake",
    "header_timeout",
    "http2_preface",
    "slow_reader",
    "memory",
    "http2_flood",
];

impl Cut {
    /// How many reasons there are.
    pub const COUNT: usize = CUTS.len();
}

/// Counts of client connections, and of the listeners' certificates.
pub struct ClientMetrics {
    open: IntGauge,
    most: IntGauge,
    accepted: IntCounter,
    accept_failures: IntCounter,
    cut: [IntCounter; CUTS.len()],
    certificate_reloads: [IntCounter; CERTIFICATES.len()],
    certificate_expiry: GaugeVec,
    handshakes: [IntCounter; HANDSHAKES.len()],
    handshake_duration: Histogram,
    draining: IntGauge,
}

impl ClientMetrics {
    pub(super) fn register(r: &Registry) -> prometheus::Result<ClientMetrics> {
        Ok(ClientMetrics {
            open: gauge(r, "nameplate_client_connections", "Connections of clients that are open.")?,
            most: gauge(r, "nameplate_client_connections_limit", "Connections of clients that may be open.")?,
            accepted: counter(
                r,
                "nameplate_client_connections_accepted_total",
                "Connections of clients that were accepted, whatever became of them.",
            )?,
            accept_failures: counter(
                r,
                "nameplate_client_accept_failures_total",
                "Times the system could not give us a connection that a client had opened.",
            )?,
            cut: counters(
                r,
                ("nameplate_client_connections_cut_total", "Connections of clients that we did not take, or ended."),
                ("reason", CUTS),
            )?,
            certificate_reloads: counters(
                r,
                ("nameplate_certificate_reloads_total", "Times a listener's certificate was read again."),
                ("result", CERTIFICATES),
            )?,
            certificate_expiry: add(
                r,
                GaugeVec::new(
                    Opts::new(
                        "nameplate_certificate_expiry_timestamp_seconds",
                        "When the first certificate of the chain a listener serves ends, in seconds since the Unix epoch.",
                    ),
                    &["listener"],
                )?,
            )?,
            handshakes: counters(
                r,
                ("nameplate_client_tls_handshakes_total", "TLS handshakes with clients that came to their end."),
                ("kind", HANDSHAKES),
            )?,
            handshake_duration: histogram(
                r,
                "nameplate_client_tls_handshake_duration_seconds",
                "Time from a client's connection, or its PROXY header, to the end of its TLS handshake, in seconds.",
                &HANDSHAKE_SECONDS,
            )?,
            draining: gauge(r, "nameplate_draining", "1 while the process is stopping, else 0.")?,
        })
    }
}

impl ClientMetrics {
    /// A client's connection was accepted, whatever becomes of it.
    pub fn connection_accepted(&self) {
        self.accepted.inc();
    }

    /// The system could not give us a connection that a client has opened.
    pub fn accept_failed(&self) {
        self.accept_failures.inc();
    }

    /// A client's connection is open, and is one of those that may be.
    pub fn connection_opened(&self) {
        self.open.inc();
    }

    /// It is no more.
    pub fn connection_closed(&self) {
        self.open.dec();
    }

    /// We ended a client's connection, or did not take it.
    pub fn connection_cut(&self, cut: Cut) {
        self.cut[cut as usize].inc();
    }

    /// So many connections may be open.
    pub fn connection_limit(&self, most: usize) {
        self.most.set(clamp(most));
    }

    /// A listener's certificate was read again, and is served if it was good.
    pub fn certificate_reloaded(&self, good: bool) {
        self.certificate_reloads[usize::from(!good)].inc();
    }

    /// When the certificate of the listener at this address ends.
    pub fn certificate_expiry(&self, listener: &str) -> CertificateExpiry {
        CertificateExpiry(self.certificate_expiry.with_label_values(&[listener]))
    }

    /// A client's TLS handshake took `seconds`.
    pub fn client_shook_hands(&self, kind: Handshake, seconds: f64) {
        self.handshakes[kind as usize].inc();
        self.handshake_duration.observe(seconds);
    }

    /// The process begins to stop, or does not.
    pub fn draining(&self, draining: bool) {
        self.draining.set(i64::from(draining));
    }
}
