//! Pingora meets the domain: one request, from its header to its answer.

mod admission;
mod connecting;
mod context;
mod downstream_response;
mod failure;
pub(crate) mod forwarded;
mod head;
mod phases;
mod record;
mod refuse;
pub(crate) mod upstream_request;

use std::sync::Arc;

use crate::downstream::clients::Clients;
use crate::live::Live;
use crate::telemetry::metrics::Metrics;
use crate::upstream::endpoints::Endpoints;
use crate::upstream::peer::Peers;
use forwarded::ForwardedRule;
use nameplate_core::domain::decide::RequestLimits;
use nameplate_core::settings::{Client, RequestId, Settings};

/// The reverse proxy.
pub(crate) struct Proxy {
    live: Arc<Live>,
    endpoints: Arc<Endpoints>,
    clients: Arc<Clients>,
    metrics: Arc<Metrics>,
    limits: RequestLimits,
    client: Client,
    forwarded: ForwardedRule,
    request_id: RequestId,
    peers: Peers,
    /// Attempts that one request may make.
    attempts: usize,
}

impl Proxy {
    /// A proxy between these clients and these endpoints, over what is active in `live`.
    pub(crate) fn new(live: Arc<Live>, endpoints: Arc<Endpoints>, clients: Arc<Clients>, settings: &Settings) -> Proxy {
        let metrics = Arc::clone(&live.metrics);
        let peers = Peers::new(settings, &metrics.upstream.connections());
        Proxy {
            live,
            endpoints,
            clients,
            metrics,
            limits: settings.limits.into(),
            client: settings.client,
            forwarded: ForwardedRule::new(&settings.forwarded),
            request_id: settings.request_id,
            peers,
            attempts: settings.endpoint.connect_attempts,
        }
    }
}
