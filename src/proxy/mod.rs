//! Pingora meets the domain: one request, from its header to its answer.

mod attempt;
mod context;
mod downstream_response;
pub(crate) mod forwarded;
mod heads;
mod phases;
mod record;
pub mod reply;
mod upstream_request;

use std::sync::Arc;

use crate::live::Live;
use crate::upstream::peer::Peers;
use forwarded::ForwardedRule;
use nameplate_core::domain::decide::Limits;
use nameplate_core::settings::{Client, RequestId, Settings};

/// The reverse proxy.
pub struct Proxy {
    live: Arc<Live>,
    limits: Limits,
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
