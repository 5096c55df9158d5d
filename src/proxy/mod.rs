//! Pingora meets the domain: one request, from its header to its answer.

mod answer;
mod attempt;
pub mod connection;
mod context;
pub mod dial;
mod forwarded;
mod glance;
pub mod handshakes;
mod peer;
mod phases;
mod record;
pub mod reply;
mod request_id;
mod upstream_request;
mod watch;

use std::sync::Arc;

use crate::live::Live;
use forwarded::ForwardedRule;
use nameplate_core::domain::decide::RequestLimits;
use nameplate_core::settings::{Client, RequestId, Settings};
use peer::Peers;

/// The reverse proxy.
pub struct Proxy {
    live: Arc<Live>,
    limits: RequestLimits,
    client: Client,
    forwarded: ForwardedRule,
    request_id: RequestId,
    peers: Peers,
    /// Attempts that one request may make.
    attempts: usize,
}

impl Proxy {
    /// A proxy over what is in force in `live`.
    pub fn new(live: Arc<Live>, settings: &Settings) -> Proxy {
        let peers = Peers::new(settings, &live.metrics.upstream_connections());
        Proxy {
            live,
            limits: settings.limits.into(),
            client: settings.client,
            forwarded: ForwardedRule::new(&settings.forwarded),
            request_id: settings.request_id,
            peers,
            attempts: settings.endpoint.connect_attempts,
        }
    }
}
