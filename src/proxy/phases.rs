//! The life of a request, in the order it happens.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{HOST, HeaderName, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, Result};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};

use super::Proxy;
use super::context::RequestContext;
use super::downstream_response as answer;
use super::head::{RequestHead, ResponseHead};
use super::reply::{final_answer, has_whole_answer, refusal_of, refuse};
use super::upstream_request;
use crate::downstream::connection::ClientConnection;
use crate::downstream::request_id::{self, Id};
use crate::live::snapshot::Entry;
use crate::telemetry::metrics::Done;
use crate::upstream::deadline::Late;
use nameplate_core::domain::answer::ClientView;
use nameplate_core::domain::decide::{Refused, RequestView, decide};
use nameplate_core::domain::host::{HostBuffer, normalize};
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::route::ResponseMode;
use nameplate_core::domain::target::Target;
use nameplate_core::settings::RequestId;

const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The status the metrics record where the client was gone before any answer: what NGINX, and so
/// most dashboards, call it.
const CLIENT_CLOSED: u16 = 499;

/// Interim answers (1xx) that an API may send before its answer. Real ones send one or two.
const MAX_INTERIM: u32 = 100;

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = RequestContext;

    fn new_ctx(&self) -> RequestContext {
        RequestContext::new(&self.live)
    }

    // Pingora's default adds a compression module to every request; we change no body.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, ctx: &mut RequestContext) -> Result<bool> {
        if let Some(connection) = ClientConnection::of(session) {
            ctx.under_way = connection.begins_request();
        }
        // Without it, bytes of a next request that arrive while this one waits for its answer are an
        // error of this one: a 400 for a request the API may have acted on.
        session.set_pipelining_enabled(true);
        // RFC 9110 section 15.2: a client of HTTP/1.0 does not know interim answers.
        let old = session.req_header().version == Version::HTTP_10;
        session.set_ignore_info_resp(old);
        self.set_client_timeouts(session);
        let asked = RequestHead::of(&session.req_header().headers);
        ctx.identify(asked.id, self.request_id);
        ctx.work = asked.work;
        let decided = self.decide(session.req_header(), &asked, ctx);
        // A refused request counts against no limit.
        let admitted = decided.and_then(|()| {
            ctx.entry().map_or(Ok(()), Entry::admit).map_err(|wait| {
                ctx.retry_after = Some(wait);
                Refusal::RateLimited
            })
        });
        let Err(refusal) = admitted else { return Ok(false) };
        ctx.refusal = Some(refusal);
        log::debug!("{}: refused: {refusal}", ctx.domain());
        let advice = ctx.advice();
        let id = ctx.identify(None, self.request_id);
        refuse(session, refusal, id, advice).await?;
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
        let asked = asked_host(session.req_header());
        if session.is_http2() {
            upstream_request::join_cookies(request)?;
        }
        let route = ctx.route().ok_or_else(|| Error::explain(ErrorType::InternalError, "no route was decided"))?;
        if let Some(id) = self.id_to_say(ctx).filter(|id| id.is_new) {
            request.insert_header("X-Request-Id", id.value.clone())?;
        }
        self.forwarded.apply(request, &ClientConnection::client_info(session), asked.clone())?;
        upstream_request::address_to_api(request, route, ctx.target.clone(), asked.as_ref(), ctx.work)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        let first_byte = ctx.limits.first_byte.filter(|_| !ctx.answered);
        if let Some(watch) = &mut ctx.watch {
            let (now, wait) = (Instant::now(), self.client.read_timeout);
            watch.change(|waits| {
                waits.client = waits.client.filter(|_| !end_of_stream).map(|_| now + wait);
                // The API cannot answer what it has not been sent.
                waits.api = first_byte.map_or(waits.api, |first_byte| Some(now + first_byte));
            });
        }
        let Some(bytes) = body else { return Ok(()) };
        // An HTTP/2 request may end in an empty DATA frame. Pingora 0.9.1 writes it to an HTTP/1.1
        // upstream as a second terminating chunk (its issue 935), which the next request on that
        // connection would be read as a part of.
        if bytes.is_empty() && end_of_stream {
            *body = None;
            return Ok(());
        }
        ctx.body_bytes += bytes.len() as u64;
        if ctx.body_bytes > self.limits.body {
            ctx.refusal = Some(Refusal::BodyTooLarge);
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, "the body is over the limit").into_down());
        }
        Ok(())
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
        // An answer that comes before the end of the request ends the connection; a 100 or 103 is
        // none, and Pingora would take it for one.
        session.set_close_on_response_before_downstream_finish(!response.status.is_informational());
        if response.status.is_informational() {
            ctx.interim += 1;
            if ctx.interim > MAX_INTERIM {
                return Err(Error::explain(ErrorType::InvalidHTTPHeader, "interim answers without end").into_up());
            }
            return Ok(());
        }
        // RFC 9112 section 6.1: a client of HTTP/1.0 may not know chunks. Without them, and without
        // a length, the end of the connection is the end of the body.
        if session.req_header().version == Version::HTTP_10 && response.remove_header(&TRANSFER_ENCODING).is_some() {
            session.set_keepalive(None);
        }
        // It may have ended with the rest of the request unread: most clients read nothing before they have
        // sent it all.
        if !session.as_mut().is_body_done() {
            ClientConnection::of(session).inspect(|connection| connection.note_cut_short());
        }
        let mut answered = ResponseHead::of(&response.headers);
        if answered.hop {
            answer::end_hop(response);
            answered = ResponseHead::of(&response.headers);
        }
        if answered.length {
            answer::say_length_once(response)?;
        }
        self.answered(ctx);
        if let Some(sent) = ctx.sent {
            let after = sent.elapsed();
            self.metrics.upstream_first_byte(after.as_secs_f64());
            ctx.first_byte = Some(after);
        }
        // An API's own id is the API's to say.
        if let Some(id) = self.id_to_say(ctx)
            && !answered.has_id
        {
            response.insert_header(request_id::NAME, id.value.clone())?;
        }
        if self.clients.draining() {
            session.set_keepalive(None);
        }
        let Some(route) = ctx.route() else { return Ok(()) };
        if route.choices.response == ResponseMode::Untouched || !answered.names_a_place {
            return Ok(());
        }
        let request = session.req_header();
        let asked = asked_host(request);
        let asked = asked.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
        let mut buffer = HostBuffer::default();
        let (Ok(authority), Ok(host)) = (std::str::from_utf8(asked), normalize(asked, &mut buffer)) else {
            return Ok(());
        };
        let scheme = self.forwarded.client_scheme(request, &ClientConnection::client_info(session)).as_str();
        answer::translate(response, route, ClientView { scheme, authority, host })
    }

    // Called for each piece of the answer, and at its end, before the connection is given back.
    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        _body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<Option<Duration>> {
        let quiet = ctx.limits.quiet;
        let Some(watch) = &mut ctx.watch else { return Ok(None) };
        if end_of_stream {
            // The end of the connection is the end of a body without a length; this one we made.
            if watch.finish().is_err() {
                return Err(Error::explain(ErrorType::ReadTimedout, "the answer took too long").into_up());
            }
        } else if let Some(quiet) = quiet {
            watch.change(|waits| waits.api = Some(Instant::now() + quiet));
        }
        Ok(None)
    }

    fn error_while_proxy(
        &self,
        peer: &HttpPeer,
        session: &mut Session,
        e: Box<Error>,
        ctx: &mut RequestContext,
        client_reused: bool,
    ) -> Box<Error> {
        let mut e = e.more_context(format!("address {}", peer._address));
        let request = session.req_header();
        let begun = session.response_written().is_some();
        if !begun {
            self.broke(ctx, &e);
        }
        let spent = session.as_ref().retry_buffer_truncated() || begun || ctx.late().is_some();
        // API Gateway may take an overriding method for the real one: GET is then no promise.
        if spent || !request.method.is_idempotent() || request.headers.contains_key(METHOD_OVERRIDE) {
            // The API may have acted on it: never a second time.
            e.set_retry(false);
        } else {
            e.retry.decide_reuse(client_reused);
            if e.retry() {
                e.set_retry(self.was_dead(ctx));
            }
        }
        e
    }

    async fn fail_to_proxy(&self, session: &mut Session, e: &Error, ctx: &mut RequestContext) -> FailToProxy {
        let gone = FailToProxy { error_code: 0, can_reuse_downstream: false };
        if *e.esource() == ErrorSource::Downstream && has_whole_answer(session) {
            // It got an answer early and did not finish its request: what it may do, and no fault.
            return gone;
        }
        let late = ctx.late().map(|late| match (late, e.etype()) {
            // It could not send because the API took nothing: what we could not read was not awaited.
            (Late::Client, ErrorType::WriteTimedout | ErrorType::WriteError) => Refusal::UpstreamTimeout,
            (Late::Client, _) => Refusal::RequestTimeout,
            (Late::Api, _) => Refusal::UpstreamTimeout,
        });
        let mut refusal = ctx.refusal.or(late).or_else(|| refusal_of(e));
        let awaited = *e.etype() == ErrorType::ReadTimedout && ctx.sent.is_some() && late.is_none();
        if refusal == Some(Refusal::UpstreamTimeout) && awaited && !session.as_mut().is_body_done() {
            // The API was waiting for the rest of the request, as we were.
            refusal = Some(Refusal::RequestTimeout);
        }
        let Some(refusal) = refusal else {
            ctx.aborted = true;
            return gone;
        };
        ctx.refusal = Some(refusal);
        if refusal.status() >= 500 {
            log::warn!("{}: refused with {} {}: {e}", ctx.domain(), refusal.status(), refusal.reason());
        }
        // A final answer that has begun cannot become another one; the connection ends instead, so
        // that the client sees it was cut short.
        if final_answer(session).is_some() {
            return gone;
        }
        session.set_keepalive(None);
        let advice = ctx.advice();
        let id = ctx.identify(None, self.request_id);
        if refuse(session, refusal, id, advice).await.is_err() {
            ctx.aborted = true;
        }
        FailToProxy { error_code: refusal.status(), can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, _e: Option<&Error>, ctx: &mut RequestContext) {
        let metrics = &self.metrics;
        if let Some(refusal) = ctx.refusal {
            metrics.refused(refusal);
        }
        if ctx.aborted {
            metrics.client_aborted();
        }
        let status = final_answer(session).map_or(CLIENT_CLOSED, |answer| answer.status.as_u16());
        let duration = ctx.started.elapsed();
        let done = Done {
            method: &session.req_header().method,
            status,
            seconds: duration.as_secs_f64(),
            received: ctx.body_bytes,
            sent: session.body_bytes_sent() as u64,
        };
        metrics.request_done(ctx.count_for_entry(), &done);
        self.record(session, ctx, status, duration);
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
    /// The request's id, where headers are to have it.
    fn id_to_say<'c>(&self, ctx: &'c RequestContext) -> Option<&'c Id> {
        ctx.id().filter(|_| self.request_id != RequestId::Off)
    }

    fn set_client_timeouts(&self, session: &mut Session) {
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

    fn decide(
        &self,
        request: &RequestHeader,
        asked: &RequestHead<'_>,
        ctx: &mut RequestContext,
    ) -> std::result::Result<(), Refusal> {
        // HTTP/2 may say any scheme; we speak for two.
        if request.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
            return Err(Refusal::MalformedTarget);
        }
        // A coding other than chunked alone would be stripped on the way and the body misread.
        let chunked = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
        if asked.coded_twice || asked.coding.is_some_and(|coding| !chunked(coding)) {
            return Err(Refusal::MalformedMessage);
        }
        let authority = request.uri.authority().map(|authority| authority.as_str().as_bytes());
        let view = RequestView {
            method: request.method.as_str(),
            target: request.raw_path(),
            host: authority.or_else(|| asked.host.map(HeaderValue::as_bytes)),
            host_optional: request.version == Version::HTTP_10,
            header_bytes: asked.bytes,
            content_length: asked.length.and_then(|v| v.to_str().ok()?.split(',').next()?.trim().parse().ok()),
        };
        let overrides = asked.overrides.then(|| request.headers.get_all(METHOD_OVERRIDE));
        let overrides = overrides.into_iter().flatten().map(HeaderValue::as_bytes);
        let decided = decide(&ctx.snapshot.table, &self.limits, view, overrides, &mut HostBuffer::default())
            .map(|decision| (decision.index, decision.target));
        match decided {
            Ok((index, target)) => {
                ctx.set_route(Some(index));
                ctx.target = target.into();
                Ok(())
            }
            Err(Refused { refusal, index }) => {
                ctx.set_route(index);
                Err(refusal)
            }
        }
    }
}

/// The authority the client asked for, as it wrote it. In HTTP/1.0 an absolute form may be all
/// there is.
fn asked_host(request: &RequestHeader) -> Option<HeaderValue> {
    match (request.uri.authority(), request.headers.get(HOST)) {
        (Some(authority), _) => HeaderValue::from_str(authority.as_str()).ok(),
        (None, Some(host)) => Some(host.clone()),
        (None, None) => HeaderValue::from_bytes(Target::parse(request.raw_path()).ok()?.authority?).ok(),
    }
}
