//! The decision about a request, in its order: room for it, a head within limits, an entry for it, a rate.

use http::{HeaderValue, Version};
use pingora::http::RequestHeader;
use pingora_proxy::Session;

use super::Proxy;
use super::context::RequestContext;
use super::head::{METHOD_OVERRIDE, RequestHead, is_chunked, is_field_name};
use crate::downstream::connection::ClientConnection;
use crate::downstream::framing::{BodyFraming, Malformed};
use crate::live::snapshot::Entry;
use nameplate_core::domain::decide::{Refused, RequestView, decide};
use nameplate_core::domain::host::HostBuffer;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::request_line::RequestLine;

/// Seconds until requests that were in flight have made room for others.
const SOON: u64 = 1;

impl Proxy {
    /// Decides which entry a request is for, or why it is refused. Sets its id, its entry, its target and what its
    /// headers ask for. `room` is what the budget of requests in flight says.
    pub(super) fn admit(
        &self,
        session: &Session,
        room: Result<(), Refusal>,
        ctx: &mut RequestContext,
    ) -> Result<(), Refusal> {
        let request = session.req_header();
        let head = RequestHead::of(&request.headers);
        ctx.identify(head.id, self.request_id);
        (ctx.work, ctx.closes) = (head.work, head.closes);
        begin_body(session, &head, ctx)?;
        room.inspect_err(|_| ctx.retry_after = Some(SOON))?;
        self.decide(request, &head, ctx)?;
        // A refused request counts against no limit.
        ctx.entry().map_or(Ok(()), Entry::admit).map_err(|wait| {
            ctx.retry_after = Some(wait);
            Refusal::RateLimited
        })
    }

    fn decide(&self, request: &RequestHeader, head: &RequestHead<'_>, ctx: &mut RequestContext) -> Result<(), Refusal> {
        // HTTP/2 may say any scheme; we speak for two.
        if request.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
            return Err(Refusal::MalformedTarget);
        }
        if head.coded_twice || head.coding.is_some_and(|coding| !is_chunked(coding)) {
            return Err(Refusal::MalformedMessage);
        }
        // Over HTTP/1.1 the parser has looked.
        if request.version == Version::HTTP_2 && !request.headers.keys().all(is_field_name) {
            return Err(Refusal::MalformedMessage);
        }
        let authority = request.uri.authority().map(|authority| authority.as_str().as_bytes());
        let view = RequestView {
            method: request.method.as_str(),
            target: request.raw_path(),
            host: authority.or_else(|| head.host.map(HeaderValue::as_bytes)),
            host_optional: request.version == Version::HTTP_10,
            header_bytes: head.bytes,
            content_length: content_length(head),
        };
        let overrides = head.overrides.then(|| request.headers.get_all(METHOD_OVERRIDE));
        let overrides = overrides.into_iter().flatten().map(HeaderValue::as_bytes);
        let table = ctx.snapshot().map(|snapshot| &snapshot.table).ok_or(Refusal::Internal)?;
        let decided = decide(table, &self.limits, view, overrides, &mut HostBuffer::default())
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

/// Tells the client's connection where the body of a request begins and how it is framed; a refusal where its chunks are
/// malformed already, or Pingora has corrected its head. HTTP/2 frames a body by itself.
fn begin_body(session: &Session, head: &RequestHead<'_>, ctx: &mut RequestContext) -> Result<(), Refusal> {
    let (Some(http1), Some(connection)) = (session.as_http1(), ClientConnection::of(session)) else { return Ok(()) };
    let framing = match (head.coding, content_length(head)) {
        (Some(_), _) => BodyFraming::Chunked,
        (None, Some(length)) => BodyFraming::Length(length),
        (None, None) => BodyFraming::None,
    };
    connection.begin_body(&http1.get_headers_raw_bytes(), framing).map_err(|malformed| match malformed {
        Malformed::Chunks => Refusal::MalformedMessage,
        Malformed::Head => {
            let head = connection.unclaimed_head();
            let line = RequestLine::read(&head);
            ctx.sent_target = line.target.map(Box::from);
            // What follows a head that was read in two ways is anybody's guess.
            ctx.closes = true;
            line.refusal()
        }
    })
}

/// Bytes of the body, where the request says how many there are.
fn content_length(head: &RequestHead<'_>) -> Option<u64> {
    head.length?.to_str().ok()?.split(',').next()?.trim().parse().ok()
}
