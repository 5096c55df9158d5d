//! Pingora meets the domain: one request, from its header to its answer.

mod answer;
mod context;
mod forwarded;
mod peer;
mod phases;
mod reply;
mod upstream_request;

use std::sync::Arc;

use crate::config::settings::{ClientTimeouts, Settings};
use crate::domain::decide::Limits;
use crate::live::Live;
use forwarded::ForwardedRule;
use peer::Peers;

/// The reverse proxy.
pub struct Proxy {
    live: Arc<Live>,
    limits: Limits,
    client: ClientTimeouts,
    forwarded: ForwardedRule,
    peers: Peers,
}

impl Proxy {
    /// A proxy over what is in force in `live`.
    pub fn new(live: Arc<Live>, settings: &Settings) -> Proxy {
        Proxy {
            live,
            limits: settings.limits.into(),
            client: settings.client,
            forwarded: ForwardedRule::new(&settings.forwarded),
            peers: Peers::new(&settings.endpoint),
        }
    }
}
