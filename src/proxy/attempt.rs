//! One attempt to send a request: which address, over which connection, and whether there is another.

use std::sync::Arc;
use std::time::Instant;

use pingora::protocols::Digest;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use pingora::{Error, ErrorSource, ErrorType, Result};
use pingora_proxy::Session;

use super::Proxy;
use super::context::RequestContext;
use crate::telemetry::metrics::{ConnectFailure, Discovery, Metrics, Retry};
use crate::upstream::api_names::ApiName;
use crate::upstream::deadline::{DeadlineWatch, Deadlines};
use crate::upstream::dial::CancelHandle;
use crate::upstream::endpoints::EndpointState;
use crate::upstream::handshakes;
use crate::upstream::pool::AddressPool;
use nameplate_core::domain::refusal::Refusal;

impl Proxy {
    /// The peer for the next attempt.
    pub(super) async fn next_peer(&self, ctx: &mut RequestContext) -> Result<Box<HttpPeer>> {
        let first = ctx.attempts == 0;
        // The first attempt begins when the header has been read: one look at the clock less.
        let now = if first { ctx.started } else { Instant::now() };
        if first {
            self.endpoints.budget.earn();
        }
        ctx.attempts += 1;
        // Nothing of an attempt before is this one's.
        (ctx.watch, ctx.sent, ctx.reused) = (None, None, false);
        // Who had to wait for a name has less time left.
        let now = if self.look_up(ctx, now).await { Instant::now() } else { now };
        ctx.connecting = now;
        let picked = self.pool_of(ctx).and_then(|(endpoint_state, pool)| {
            endpoint_state.pick(pool, &ctx.failed, now).or_else(|| {
                // Every address has failed once: one that has recovered since is better than none.
                endpoint_state.pick(pool, &[], now)
            })
        });
        let (Some(picked), Some((entry, route))) = (picked, ctx.entry().zip(ctx.route())) else {
            ctx.refusal = Some(Refusal::NoUpstream);
            return Error::e_explain(ErrorType::InternalError, "no address of the endpoint is known");
        };
        let prototype = self.peers.at(entry.endpoint());
        let (mut peer, limits) = prototype.peer(picked.socket, route.api_host(), entry.timeouts());
        if !ctx.work.hop {
            // Spares Pingora a search for each field that it would take out.
            peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
        }
        if let Some(total) = limits.total {
            let left = (ctx.started + total).saturating_duration_since(now);
            if left.is_zero() {
                ctx.refusal = Some(Refusal::UpstreamTimeout);
                return Error::e_explain(ErrorType::ConnectTimedout, "the request has taken its whole time");
            }
            let connect = peer.options.total_connection_timeout;
            peer.options.total_connection_timeout = Some(connect.map_or(left, |connect| connect.min(left)));
        }
        if ctx.failed.iter().any(|failed| failed.socket == picked.socket) {
            ctx.failed.clear();
        }
        ctx.limits = limits;
        ctx.picked = Some(picked);
        Ok(peer)
    }

    /// Where an endpoint's private DNS is asked: finds the API's name, and looks it up if it must be.
    /// Says whether that took time.
    async fn look_up(&self, ctx: &RequestContext, now: Instant) -> bool {
        let Some((entry, route)) = ctx.entry().zip(ctx.route()) else { return false };
        let Some(names) = self.endpoints.at(entry.endpoint()).endpoint.names() else { return false };
        let name = entry.name.get_or_init(|| names.named(route.api_host()));
        if name.is_unknown() {
            look_up(name, &self.metrics, now).await;
            return true;
        } else if name.claim_refresh(now) {
            // The addresses that are known serve on meanwhile.
            let (name, metrics) = (Arc::clone(name), Arc::clone(&self.metrics));
            tokio::spawn(async move { look_up(&name, &metrics, now).await });
        }
        false
    }

    /// The addresses that the request may be sent to.
    fn pool_of<'a>(&'a self, ctx: &'a RequestContext) -> Option<(&'a EndpointState, &'a AddressPool)> {
        let entry = ctx.entry()?;
        let endpoint_state = self.endpoints.at(entry.endpoint());
        let pool = endpoint_state.endpoint.pool().or_else(|| entry.name.get().map(|name| &name.pool))?;
        Some((endpoint_state, pool))
    }

    /// No connection came to be: nothing has been sent, so every method may try again elsewhere.
    pub(super) fn not_connected(&self, ctx: &mut RequestContext, peer: &HttpPeer, e: &mut Error) {
        self.metrics.upstream_connect_failed(connect_failure(e));
        log::warn!("{}: connecting to {} failed: {e}", ctx.domain(), peer._address);
        let now = Instant::now();
        // What we have run out of ourselves is no fault of the address.
        if *e.etype() != ErrorType::SocketError
            && let (Some(picked), Some((endpoint_state, pool))) = (&ctx.picked, self.pool_of(ctx))
        {
            endpoint_state.failed(pool, picked, now);
        }
        ctx.failed.extend(ctx.picked.take());
        let again = self.may_try_again(ctx, Retry::Connect, now);
        e.set_retry(again);
    }

    /// Whether another attempt may be made, which then counts.
    fn may_try_again(&self, ctx: &RequestContext, cause: Retry, now: Instant) -> bool {
        if ctx.attempts >= self.attempts {
            return false;
        }
        if !self.endpoints.budget.spend(now) {
            self.metrics.upstream_retry_denied();
            return false;
        }
        self.metrics.upstream_retried(cause);
        true
    }

    /// There is a connection.
    pub(super) fn connected(
        &self,
        session: &mut Session,
        ctx: &mut RequestContext,
        reused: bool,
        digest: Option<&Digest>,
    ) {
        let now = Instant::now();
        let metrics = &self.metrics;
        if reused {
            metrics.upstream_reused();
        } else {
            let since = CancelHandle::of(digest).and_then(|cancel| cancel.since()).unwrap_or(now);
            let (tcp, tls) = (since.duration_since(ctx.connecting), now.duration_since(since));
            metrics.upstream_connected(tcp.as_secs_f64(), tls.as_secs_f64(), handshakes::ended());
        }
        // What was sent on a connection that was dead is sent once more, and counted once more.
        ctx.body_bytes = 0;
        ctx.sent = Some(now);
        ctx.reused = reused;
        ctx.watch = self.watch(session, ctx, digest, now);
    }

    /// Something to watch the clock with, for a request that needs it.
    fn watch(
        &self,
        session: &mut Session,
        ctx: &RequestContext,
        digest: Option<&Digest>,
        now: Instant,
    ) -> Option<DeadlineWatch> {
        let limits = ctx.limits;
        // Pingora times the body of HTTP/1.1 by itself.
        let sends = session.is_http2() && !session.as_mut().is_body_done();
        if limits.total.is_none() && limits.first_byte.is_none() && !sends {
            return None;
        }
        let waits = Deadlines {
            total: limits.total.map(|total| ctx.started + total),
            api: limits.first_byte.map(|first_byte| now + first_byte),
            client: sends.then(|| now + self.client.read_timeout),
        };
        Some(DeadlineWatch::new(CancelHandle::of(digest)?, waits, now))
    }

    /// The answer has begun: the address works.
    pub(super) fn answered(&self, ctx: &mut RequestContext) {
        if let (Some(picked), Some((endpoint_state, pool))) = (&ctx.picked, self.pool_of(ctx)) {
            endpoint_state.worked(pool, picked);
        }
        ctx.answered = true;
        let quiet = ctx.limits.quiet;
        if let Some(watch) = &mut ctx.watch {
            watch.change(|waits| waits.api = quiet.map(|quiet| Instant::now() + quiet));
        }
    }

    /// A kept connection was dead: the next attempt goes elsewhere, where there is an elsewhere. All that
    /// are kept to an address that has just died are dead.
    pub(super) fn was_dead(&self, ctx: &mut RequestContext) -> bool {
        ctx.failed.extend(ctx.picked.take());
        self.may_try_again(ctx, Retry::Reused, Instant::now())
    }

    /// A connection broke before an answer began.
    pub(super) fn broke(&self, ctx: &RequestContext, e: &Error) {
        // A kept connection may end at any time, and an API that is slow is no fault of the address.
        let timed_out = matches!(e.etype(), ErrorType::ReadTimedout | ErrorType::WriteTimedout);
        if ctx.reused || timed_out || *e.esource() != ErrorSource::Upstream || ctx.late().is_some() {
            return;
        }
        if let (Some(picked), Some((endpoint_state, pool))) = (&ctx.picked, self.pool_of(ctx)) {
            endpoint_state.failed(pool, picked, Instant::now());
        }
    }
}

async fn look_up(name: &ApiName, metrics: &Metrics, now: Instant) {
    match name.refresh(now).await {
        Ok(true) => metrics.endpoint_discovered(Discovery::Ok),
        Ok(false) => {}
        Err(fault) => {
            metrics.endpoint_discovered(Discovery::Failed);
            log::warn!("{fault}; asked again in {:?} at the soonest", fault.retry_in);
        }
    }
}

fn connect_failure(e: &Error) -> ConnectFailure {
    match e.etype() {
        ErrorType::ConnectRefused | ErrorType::ConnectNoRoute => ConnectFailure::Refused,
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => ConnectFailure::Timeout,
        ErrorType::TLSHandshakeFailure | ErrorType::InvalidCert | ErrorType::HandshakeError => ConnectFailure::Tls,
        _ => ConnectFailure::Other,
    }
}
