//! Endpoints: which one, which of its addresses, and for how long.

use std::net::{SocketAddr, TcpListener};

use crate::harness::client::{Response, is_refusal};
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, ProxyBuilder, proxy};

mod chosen_by_entry;
mod failing_addresses;
mod timeouts;
mod wrong_entries;
mod zones;

pub(crate) fn pay() -> ProxyBuilder {
    proxy().maps("pay.example.com", "abc123", "/prod")
}

pub(crate) fn get(proxy: &Proxy) -> Response {
    proxy.get("pay.example.com", "/x")
}

/// A place that refuses connections until somebody listens there.
pub(crate) fn dead_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

/// How many of the requests to an endpoint went to addresses of a zone.
fn share(proxy: &Proxy, zone: &str) -> f64 {
    proxy.metric(&format!("nameplate_upstream_requests_total{{endpoint=\"default\",zone=\"{zone}\"}}"))
}

/// How many addresses there are, by zone and state.
pub(crate) fn addresses(proxy: &Proxy, zone: &str, state: &str) -> f64 {
    let labels = format!("endpoint=\"default\",state=\"{state}\",zone=\"{zone}\"");
    proxy.metric(&format!("nameplate_endpoint_addresses{{{labels}}}"))
}

pub(crate) fn requests(origin: &Origin) -> usize {
    origin.requests().len()
}
