//! A request as its line in the access log.

use std::time::{Duration, SystemTime};

use http::header::USER_AGENT;
use http::{HeaderMap, Version};
use pingora_proxy::Session;

use super::Proxy;
use super::context::RequestContext;
use crate::downstream::connection::ClientConnection;
use crate::telemetry::access_log::record::{Record, Text, Upstream};
use crate::upstream::attempt::Attempt;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::route::Route;

/// What tracing systems call a request: AWS X-Ray's header, and the W3C's.
const TRACES: [&str; 2] = ["x-amzn-trace-id", "traceparent"];

impl Proxy {
    /// Writes the line of a request that is over, if it has one.
    pub(super) fn record(&self, session: &Session, ctx: &RequestContext, status: u16, duration: Duration) {
        let Some(log) = &self.clients.access_log else { return };
        let Some(sampled_percent) = log.takes(status, fastrand::u32(..)) else { return };
        let request = session.req_header();
        let (route, seen) = (ctx.route(), ClientConnection::client_info(session));
        log.write(&Record {
            time: SystemTime::now() - duration,
            request_id: Text(ctx.id().map_or(&b""[..], |id| id.value.as_bytes())),
            domain: route.map(Route::host),
            base_path: route.map(Route::base),
            part: ctx.part(),
            line: route.map(|route| route.line),
            method: Some(request.method.as_str()),
            path: Some(log.path(ctx.sent_target.as_deref().unwrap_or_else(|| request.raw_path()))),
            protocol: Some(protocol(request.version)),
            status,
            refusal: ctx.refusal.map(Refusal::reason),
            aborted: ctx.aborted,
            request_bytes: ctx.attempts.body_bytes(),
            response_bytes: session.body_bytes_sent() as u64,
            duration_ms: duration,
            upstream: self.upstream_of(session, ctx),
            client: seen.client,
            forwarded_for: self.forwarded.believed(&seen, &request.headers).map(Text),
            user_agent: text(&request.headers, USER_AGENT.as_str()),
            trace: TRACES.iter().find_map(|name| text(&request.headers, name)),
            sampled_percent,
        });
    }

    fn upstream_of<'r>(&'r self, session: &'r Session, ctx: &'r RequestContext) -> Option<Upstream<'r>> {
        let (entry, route) = ctx.entry().zip(ctx.route()).filter(|_| ctx.attempts.begun() > 0)?;
        let attempt = ctx.attempts.current();
        let address = ctx.attempts.address();
        let answered = attempt.is_some_and(Attempt::is_answered);
        let headers = ctx.response(session).filter(|_| answered).map(|response| &response.headers);
        Some(Upstream {
            api_id: route.api_id(),
            endpoint: &self.endpoints.at(entry.endpoint()).label,
            address: address.map(|address| address.socket),
            zone: address.map(|address| if address.local { "local" } else { "other" }),
            reused: attempt.is_some_and(Attempt::is_reused),
            retries: ctx.attempts.begun() - 1,
            connect_ms: attempt.and_then(Attempt::connect_time),
            first_byte_ms: attempt.and_then(Attempt::first_byte),
            amzn_request_id: headers.and_then(|headers| text(headers, "x-amzn-requestid")),
            apigw_id: headers.and_then(|headers| text(headers, "x-amz-apigw-id")),
        })
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<Text<'h>> {
    headers.get(name).map(|value| Text(value.as_bytes()))
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
