//! The life of a request, in the order it happens: Pingora's phases, and who does the work of each.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::{StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};

use super::Proxy;
use super::context::RequestContext;
use super::downstream_response::interim_response;
use crate::downstream::connection::ClientConnection;
use crate::downstream::unfinished;
use crate::telemetry::metrics::Done;
use nameplate_core::domain::refusal::Refusal;

/// The status the metrics record where the client was gone before any response: what NGINX, and so
/// most dashboards, call it.
const CLIENT_CLOSED: u16 = 499;

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = RequestContext;

    fn new_ctx(&self) -> RequestContext {
        RequestContext::new(&self.live)
    }

    // Pingora's default adds a compression module to every request; we change no body.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut RequestContext) -> Result<bool> {
        let room = ClientConnection::of(session).map_or(Ok(()), |connection| {
            let (active, room) = connection.begin_request();
            ctx.active = Some(active);
            room
        });
        self.prepare_client(session);
        let admitted = self.admit(session, room, ctx);
        // Pingora looks at the first Connection line alone (RFC 9112 section 9.6). What follows a malformed message is
        // anybody's guess.
        if ctx.closes || admitted == Err(Refusal::MalformedMessage) {
            session.set_keepalive(None);
        }
        let Err(refusal) = admitted else { return Ok(false) };
        ctx.refusal = Some(refusal);
        log::debug!("{}: refused: {refusal}", ctx.domain());
        self.refuse(session, ctx, refusal).await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _session: &mut Session, ctx: &mut RequestContext) -> Result<Box<HttpPeer>> {
        self.next_peer(ctx).await
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        peer: &HttpPeer,
        ctx: &mut RequestContext,
        mut e: Box<Error>,
    ) -> Box<Error> {
        self.not_connected(ctx, peer, &mut e);
        e
    }

    async fn connected_to_upstream(
        &self,
        session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        _fd: std::os::unix::io::RawFd,
        digest: Option<&Digest>,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        self.connected(session, ctx, reused, digest);
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        self.upstream_request(session, request, ctx)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        self.upstream_body(body, end_of_stream, ctx)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        // No request of ours asks for another protocol, so nobody could say what would follow.
        if response.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, "the API switched protocols unasked").into_up());
        }
        // A response that comes before the end of the request ends the connection; a 100 or 103 does
        // not, though Pingora would take it for one.
        session.set_close_on_response_before_downstream_finish(!response.status.is_informational());
        if !response.status.is_informational() {
            self.downstream_response(session, response, ctx)?;
            if session.is_http2() && !session.as_mut().is_body_done() {
                ctx.early = Some(Box::new(response.clone()));
            }
            return Ok(());
        }
        interim_response(response)?;
        if ctx.attempts.current_mut().is_some_and(|attempt| !attempt.add_interim()) {
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, "interim answers without end").into_up());
        }
        Ok(())
    }

    // Called for each piece of the response, and at its end, before the connection is given back.
    fn upstream_response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<Option<Duration>> {
        if self.clients.budget.is_strained() && ClientConnection::of(session).is_some_and(|client| client.is_shed()) {
            return Err(Error::explain(ErrorType::ConnectionClosed, "memory is short").into_down());
        }
        let Some(attempt) = ctx.attempts.current_mut() else { return Ok(None) };
        if !end_of_stream {
            attempt.note_response(Instant::now);
            ctx.let_replaced_go(&self.live);
            return Ok(None);
        }
        if attempt.end_response().is_err() {
            // The end of the connection is the end of a body without a length; this one we made.
            return Err(Error::explain(ErrorType::ReadTimedout, "the answer took too long").into_up());
        }
        if session.is_http2() && !session.as_mut().is_body_done() {
            // From here on the request may be dropped at any time, and no other phase be called.
            self.conclude(session, ctx, body.as_ref().map_or(0, Bytes::len));
            unfinished::note_response_end();
        }
        Ok(None)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        e: Box<Error>,
        ctx: &mut RequestContext,
        client_reused: bool,
    ) -> Box<Error> {
        self.exchange_broke(session, e, ctx, client_reused)
    }

    async fn fail_to_proxy(&self, session: &mut Session, e: &Error, ctx: &mut RequestContext) -> FailToProxy {
        self.give_up(session, e, ctx).await
    }

    async fn logging(&self, session: &mut Session, _e: Option<&Error>, ctx: &mut RequestContext) {
        if !ctx.concluded {
            self.conclude(session, ctx, 0);
        }
    }

    // Pingora logs every failure, a client that hung up included, at `error` with the whole
    // request; `fail_to_proxy` and `fail_to_connect` have said what an operator needs.
    fn suppress_error_log(&self, _session: &Session, _ctx: &RequestContext, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &RequestContext,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}

impl Proxy {
    /// Counts and records a request whose response is over, but for `unsent` bytes that are on their way.
    fn conclude(&self, session: &Session, ctx: &mut RequestContext, unsent: usize) {
        ctx.concluded = true;
        let metrics = &self.metrics;
        if let Some(refusal) = ctx.refusal {
            metrics.requests.refused(refusal);
        }
        if ctx.aborted {
            metrics.requests.client_aborted();
        }
        let status = ctx.response(session).map_or(CLIENT_CLOSED, |response| response.status.as_u16());
        let duration = ctx.started.elapsed();
        let done = Done {
            method: &session.req_header().method,
            status,
            seconds: duration.as_secs_f64(),
            received: ctx.attempts.body_bytes(),
            sent: (session.body_bytes_sent() + unsent) as u64,
        };
        metrics.requests.request_done(ctx.count_for_entry(), &done);
        self.record(session, ctx, status, duration);
    }

    /// Sets what Pingora's session does on the client's side: pipelining, interim responses, timeouts, keep-alive.
    fn prepare_client(&self, session: &mut Session) {
        // Without it, bytes of a next request that arrive while this one waits for its response are an
        // error of this one: a 400 for a request the API may have acted on.
        session.set_pipelining_enabled(true);
        // RFC 9110 section 15.2: a client of HTTP/1.0 does not know interim responses.
        let old = session.req_header().version == Version::HTTP_10;
        session.set_ignore_info_resp(old);
        session.set_read_timeout(Some(self.client.read_timeout));
        if session.is_http2() {
            // How long one stream may wait for its client to open its window; the connection, in either
            // version, has a rate of its own to hold.
            session.set_write_timeout(Some(self.client.write_timeout));
        }
        session.set_total_drain_timeout(Some(self.client.read_timeout));
        if self.clients.end_with_answers() {
            session.set_keepalive(None);
            ClientConnection::of(session).inspect(|connection| connection.end());
        } else if session.get_keepalive().is_some() {
            // Pingora keeps a connection for ever after its first request; 0 would mean just that.
            session.set_keepalive(Some(self.client.keep_alive.max(Duration::from_secs(1)).as_secs()));
        }
    }
}
