//! An endpoint that fails, at every step of a request: what the client gets, how often the API saw it,
//! and what is counted.

mod handshakes;
mod kept_connections;
mod kept_connections_end;
mod responses_cut_short;

use std::net::SocketAddr;

use crate::harness::client::{Response, is_refusal};
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, ProxyBuilder, proxy};

pub(crate) const DOMAIN: &str = "pay.example.com";
const RETRIES: &str = "nameplate_upstream_retries_total";
const CAUSES: [&str; 4] = ["refused", "timeout", "tls", "other"];

pub(crate) fn pay() -> ProxyBuilder {
    proxy().maps(DOMAIN, "abc123", "/prod")
}

/// A proxy before this address alone, which is asked once.
fn before(address: SocketAddr) -> Proxy {
    pay().to_addresses(vec![address]).settings("endpoint: { connect_attempts: 1 }").start()
}

fn get(proxy: &Proxy) -> Response {
    proxy.get(DOMAIN, "/x")
}

fn post(proxy: &Proxy) -> Response {
    proxy.request("POST", DOMAIN, "/x", &[], b"body")
}

/// The refusal is counted once, and no other.
#[track_caller]
fn is_counted(proxy: &Proxy, reason: &str) {
    proxy.wait_for_metric(&format!("nameplate_refusals_total{{reason=\"{reason}\"}}"), 1.0);
    let metrics = proxy.metrics();
    let refusals = metrics.lines().filter(|line| line.starts_with("nameplate_refusals_total") && !line.ends_with(" 0"));
    assert_eq!(refusals.count(), 1, "{metrics}");
}

/// How many attempts to connect failed with this cause, or these; with any other, none may have.
#[track_caller]
fn failures(proxy: &Proxy, causes: &str) -> f64 {
    let count = |cause: &str| proxy.metric(&format!("nameplate_upstream_connect_failures_total{{cause=\"{cause}\"}}"));
    let (named, others): (Vec<_>, Vec<_>) =
        CAUSES.iter().partition(|cause| causes.split(" or ").any(|it| it == **cause));
    for other in others {
        assert_eq!(count(other), 0.0, "{other}, not {causes}");
    }
    named.into_iter().map(count).sum()
}

/// What the API saw, in order: methods and bodies.
fn seen(api: &Origin) -> Vec<(String, String)> {
    api.requests().iter().map(|request| (request.method().to_owned(), request.text())).collect()
}
