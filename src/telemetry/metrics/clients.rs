//! What is counted of clients' connections and the listeners they come to.

use prometheus::{IntCounter, IntGauge, Registry};

use super::{Metrics, counters, gauge};

/// The labels of certificates that were read again: index 0 for good ones.
const CERTIFICATES: [&str; 2] = ["ok", "rejected"];

pub(super) struct Clients {
    certificate_reloads: [IntCounter; CERTIFICATES.len()],
    draining: IntGauge,
}

impl Metrics {
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
            certificate_reloads: counters(
                r,
                ("nameplate_certificate_reloads_total", "Times a listener's certificate was read again."),
                ("result", CERTIFICATES),
            )?,
            draining: gauge(r, "nameplate_draining", "1 while the process is stopping, else 0.")?,
        })
    }
}
