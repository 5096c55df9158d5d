//! Every metric, once: its name, its help with the unit, its labels, and the one method that
//! records it.
//!
//! **Invariant:** recording a request takes no lock, hashes no label and allocates nothing. Each
//! counter is resolved before it is needed: those of a domain when the mapping is put in force.
//!
//! Each [`Metrics`] has a registry of its own, so that several proxies can live in one process.

mod clients;
mod domains;
mod mapping;
mod memory;
mod parts;
mod probes;
mod proxy_metrics;
mod register;
mod requests;
mod runtime;
mod scraped;
mod upstream;
mod verification;

pub(crate) use clients::{CertificateExpiry, Cut, Handshake};
pub(crate) use domains::Domain;
pub(crate) use mapping::ReadResult;
pub(crate) use probes::ProbeSkipped;
pub(crate) use proxy_metrics::Metrics;
pub(crate) use requests::{Done, InFlight};
pub(crate) use upstream::{
    ConnectFailure, Discovery, EndpointCounts, Retry, UpstreamConnection, UpstreamConnections, UsedUp,
};

/// The content type of [`Metrics::render`]: the text exposition format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests;
