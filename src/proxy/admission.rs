//! The decision about a request, in its order: room for it, a head within limits, an entry for it, a rate.

use http::{HeaderValue, Version};
use pingora::http::RequestHeader;

use super::Proxy;
use super::context::RequestContext;
use super::head::{METHOD_OVERRIDE, RequestHead, is_chunked, is_field_name};
use crate::live::snapshot::Entry;
use nameplate_core::domain::decide::{Refused, RequestView, decide};
use nameplate_core::domain::host::HostBuffer;
use nameplate_core::domain::refusal::Refusal;

/// Seconds until requests that were in flight have made room for others.
const SOON: u64 = 1;

impl Proxy {
    /// Decides which entry a request is for, or why it is refused. Sets its id, its entry, its target and what its
    /// headers ask for. `room` is what the budget of requests in flight says.
    pub(super) fn admit(
        &self,
        request: &RequestHeader,
        room: Result<(), Refusal>,
        ctx: &mut RequestContext,
    ) -> Result<(), Refusal> {
        let head = RequestHead::of(&request.headers);
        ctx.identify(head.id, self.request_id);
        (ctx.work, ctx.closes) = (head.work, head.closes);
        if room.is_err() {
            ctx.retry_after = Some(SOON);
        }
        room.and_then(|()| self.decide(request, &head, ctx))?;
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
            content_length: head.length.and_then(|v| v.to_str().ok()?.split(',').next()?.trim().parse().ok()),
        };
        let overrides = head.overrides.then(|| request.headers.get_all(METHOD_OVERRIDE));
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
