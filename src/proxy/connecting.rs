//! From the decision to a connection and what comes of it: which address, which connection, whether that is to blame,
//! and whether there is another attempt.

use std::sync::Arc;
use std::time::Instant;

use pingora::protocols::Digest;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use super::Proxy;
use super::context::RequestContext;
use crate::telemetry::metrics::{ConnectFailure, Retry};
use crate::upstream::attempt::Attempt;
use crate::upstream::broken::Unconnected;
use crate::upstream::deadline::DeadlineWatch;
use crate::upstream::dial::CancelHandle;
use crate::upstream::endpoints::EndpointState;
use crate::upstream::error_line::ErrorLine;
use crate::upstream::handshakes;
use crate::upstream::peer::open_new_connection;
use crate::upstream::pool::AddressPool;
use nameplate_core::domain::refusal::Refusal;

impl Proxy {
    /// The peer for the next attempt.
    pub(super) async fn next_peer(&self, ctx: &mut RequestContext) -> Result<Box<HttpPeer>> {
        let first = ctx.attempts.begun() == 0;
        // The first attempt begins when the header has been read: one look at the clock less.
        let now = if first { ctx.started } else { Instant::now() };
        if first {
            self.endpoints.budget.earn();
        }
        ctx.attempts.begin();
        // Who had to wait for a name has less time left.
        let now = if self.look_up(ctx, now).await { Instant::now() } else { now };
        let picked = self.pool_of(ctx).and_then(|(endpoint, pool)| {
            endpoint.pick(pool, ctx.attempts.failed(), now).or_else(|| {
                // Every address has failed once: one that has recovered since is better than none.
                endpoint.pick(pool, &[], now)
            })
        });
        let (Some(picked), Some((entry, route))) = (picked, ctx.entry().zip(ctx.route())) else {
            ctx.refusal = Some(Refusal::NoUpstream);
            return Error::e_explain(ErrorType::InternalError, "no address of the endpoint is known");
        };
        let prototype = self.peers.at(entry.endpoint());
        let (mut peer, mut limits) = prototype.peer(picked.socket, route.api_host(), entry.timeouts());
        if !ctx.work.hop {
            // Spares Pingora a search for each field that it would take out.
            peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
        }
        if ctx.attempts.needs_new_connection(self.attempts) {
            open_new_connection(&mut peer);
        }
        if let Some(total) = limits.total {
            let left = (ctx.started + total).saturating_duration_since(now);
            if left.is_zero() {
                ctx.refusal = Some(Refusal::UpstreamTimeout);
                return Error::e_explain(ErrorType::ConnectTimedout, "the request has taken its whole time");
            }
            let connect = peer.options.total_connection_timeout;
            limits.short_connect |= connect.is_some_and(|connect| left < connect);
            peer.options.total_connection_timeout = Some(connect.map_or(left, |connect| connect.min(left)));
        }
        ctx.attempts.set_address(picked, limits, now);
        Ok(peer)
    }

    /// Where an endpoint's private DNS is asked: finds the API's name, and looks it up if it must be.
    /// Returns whether that took time.
    async fn look_up(&self, ctx: &RequestContext, now: Instant) -> bool {
        let Some((entry, route)) = ctx.entry().zip(ctx.route()) else { return false };
        let Some(names) = self.endpoints.at(entry.endpoint()).endpoint.names() else { return false };
        let name = entry.name.get_or_init(|| names.named(route.api_host()));
        if name.is_unknown() {
            name.refresh(now).await;
            return true;
        } else if name.claim_refresh(now) {
            // The addresses that are known serve on meanwhile.
            let name = Arc::clone(name);
            tokio::spawn(async move { name.refresh(now).await });
        }
        false
    }

    /// The addresses that the request may be sent to.
    fn pool_of<'a>(&'a self, ctx: &'a RequestContext) -> Option<(&'a EndpointState, &'a AddressPool)> {
        let entry = ctx.entry()?;
        let state = self.endpoints.at(entry.endpoint());
        let pool = state.endpoint.pool().or_else(|| entry.name.get().map(|name| name.pool.as_ref()))?;
        Some((state, pool))
    }

    /// No connection came to be: nothing has been sent, so every method may try again elsewhere. Where the certificate is
    /// for another name, it would be elsewhere, too.
    pub(super) fn not_connected(&self, ctx: &mut RequestContext, peer: &HttpPeer, e: &mut Error) {
        self.metrics.upstream.connect_failed(connect_failure(e));
        let address = peer._address.as_inet().copied();
        log::warn!("{}: no connection: {}", ctx.domain(), ErrorLine::new(e, address));
        let (now, why) = (Instant::now(), Unconnected::read(e));
        let short = ctx.attempts.current().is_some_and(Attempt::has_short_connect);
        if why.is_of_the_address(short) {
            self.blame_address(ctx, now);
        }
        ctx.attempts.fail_address();
        e.set_retry(why != Unconnected::OtherName && self.take_retry(ctx, Retry::Connect, now));
    }

    /// Takes one more attempt out of the retry budget, and returns whether there was one for this request.
    fn take_retry(&self, ctx: &RequestContext, cause: Retry, now: Instant) -> bool {
        let Some(entry) = ctx.entry().filter(|_| ctx.attempts.has_left(self.attempts)) else { return false };
        if let Err(budget) = self.endpoints.budget.spend(&entry.retries, entry.requests(), now) {
            self.metrics.upstream.retry_denied(budget);
            return false;
        }
        self.metrics.upstream.retried(cause);
        true
    }

    /// There is a connection: the request goes out on it.
    pub(super) fn connected(
        &self,
        session: &mut Session,
        ctx: &mut RequestContext,
        reused: bool,
        digest: Option<&Digest>,
    ) {
        let now = Instant::now();
        let started = ctx.started;
        let Some(attempt) = ctx.attempts.current_mut() else { return };
        if reused {
            self.metrics.upstream.reused();
        } else {
            let since = CancelHandle::of(digest).and_then(|connection| connection.since()).unwrap_or(now);
            let (tcp, tls) = (since.duration_since(attempt.began()), now.duration_since(since));
            self.metrics.upstream.connected(tcp.as_secs_f64(), tls.as_secs_f64(), handshakes::ended());
        }
        // Pingora times the body of HTTP/1.1 by itself.
        let sends = session.is_http2() && !session.as_mut().is_body_done();
        let client_wait = sends.then_some(self.client.read_timeout);
        let watch = attempt
            .deadlines(started, now, client_wait)
            .and_then(|deadlines| Some(DeadlineWatch::new(CancelHandle::of(digest)?, deadlines, now)));
        attempt.set_connection(CancelHandle::of(digest));
        attempt.note_sent(reused, watch, now);
    }

    /// The response has begun: the address works.
    pub(super) fn answered(&self, ctx: &mut RequestContext) {
        if let (Some(attempt), Some((endpoint, pool))) = (ctx.attempts.current(), self.pool_of(ctx)) {
            endpoint.worked(pool, &attempt.address);
        }
        let Some(attempt) = ctx.attempts.current_mut() else { return };
        if let Some(after) = attempt.begin_response(Instant::now()) {
            self.metrics.upstream.first_byte(after.as_secs_f64());
        }
    }

    /// Takes one more attempt after a kept connection that was dead, and returns whether there was one. It goes
    /// elsewhere, where there is an elsewhere, and on a new connection: all that are kept to an address that has just
    /// died are dead.
    pub(super) fn take_retry_elsewhere(&self, ctx: &mut RequestContext) -> bool {
        ctx.attempts.note_dead_connection();
        ctx.attempts.fail_address();
        self.take_retry(ctx, Retry::Reused, Instant::now())
    }

    /// Counts a failure of the address that the current attempt went to.
    pub(super) fn blame_address(&self, ctx: &RequestContext, now: Instant) {
        if let (Some(attempt), Some((endpoint, pool))) = (ctx.attempts.current(), self.pool_of(ctx)) {
            endpoint.failed(pool, &attempt.address, now);
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
