//! What is counted of clients' connections and the listeners they come to.

use prometheus::{IntCounter, IntGauge, Registry};

use super::{Metrics, clamp, counter, counters, gauge};

/// The labels of certificates that were read again: index 0 for good ones.
const CERTIFICATES: [&str; 2] = ["ok", "rejected"];

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
}

/// The labels of [`Cut`], in its order.
const CUTS: [&str; 8] = [
    "too_many",
    "proxy_untrusted",
    "proxy_missing",
    "proxy_malformed",
    "tls_handshake",
    "header_timeout",
    "http2_preface",
    "slow_reader",
];

pub(super) struct Clients {
    open: IntGauge,
    most: IntGauge,
    accepted: IntCounter,
    accept_failures: IntCounter,
    cut: [IntCounter; CUTS.len()],
    certificate_reloads: [IntCounter; CERTIFICATES.len()],
    draining: IntGauge,
}

impl Metrics {
    /// A client's connection was accepted, whatever becomes of it.
    pub fn connection_accepted(&self) {
        self.clients.accepted.inc();
    }

    /// The system could not give us a connection that a client has opened.
    pub fn accept_failed(&self) {
        self.clients.accept_failures.inc();
    }

    /// A client's connection is open, and is one of those that may be.
    pub fn connection_opened(&self) {
        self.clients.open.inc();
    }

    /// It is no more.
    pub fn connection_closed(&self) {
        self.clients.open.dec();
    }

    /// We ended a client's connection, or did not take it.
    pub fn connection_cut(&self, cut: Cut) {
        self.clients.cut[cut as usize].inc();
    }

    /// So many connections may be open.
    pub fn connection_limit(&self, most: usize) {
        self.clients.most.set(clamp(most));
    }

    /// A listener's certificate was read again, and is served if it was good.
    pub fn certificate_reloaded(&self, good: bool) {
        self.clients.certificate_reloads[usize::from(!good)].inc();
    }

    /// The process begins to stop, or does not.
    pub fn draining(&self, draining: bool) {
        self.clients.draining.set(i64::from(draining));
    }
}

impl Clients {
    pub(super) fn register(r: &Registry) -> prometheus::Result<Clients> {
        Ok(Clients {
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
            draining: gauge(r, "nameplate_draining", "1 while the process is stopping, else 0.")?,
        })
    }
}
