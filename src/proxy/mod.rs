//! Pingora meets the domain: one request, from its header to its answer.

mod answer;
mod attempt;
pub mod connection;
mod context;
pub mod dial;
mod forwarded;
mod peer;
mod phases;
pub mod reply;
mod upstream_request;
mod watch;

use std::sync::Arc;

use crate::config::settings::{Client, Settings};
use crate::domain::decide::Limits;
use crate::live::Live;
use forwarded::ForwardedRule;
use peer::Peers;

/// The reverse proxy.
pub struct Proxy {
    live: Arc<Live>,
    limits: Limits,
    client: Client,
    forwarded: ForwardedRule,
    peers: Peers,
    /// Attempts that one request may make.
    attempts: usize,
}

impl Proxy {
    /// A proxy over what is in force in `live`.
    pub fn new(live: Arc<Live>, settings: &Settings) -> Proxy {
        Proxy {
            live,
            limits: settings.limits.into(),
            client: settings.client,
            forwarded: ForwardedRule::new(&settings.forwarded),
            peers: Peers::new(settings),
            attempts: settings.endpoint.connect_attempts,
        }
    }
}
