//! A refusal before there is a request: too many connections, a head that is not HTTP or does not come.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::request_line::RequestLine;
use pingora::protocols::http::date::get_cached_date;

use super::clients::Clients;
use super::request_id;
use crate::telemetry::access_log::record::{Record, Text};

/// A request that is refused before its head was known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Early<'h> {
    /// Why.
    pub(super) refusal: Refusal,
    /// The time since its connection or its first byte came.
    pub(super) after: Duration,
    /// Who sent it.
    pub(super) client: Option<SocketAddr>,
    /// What could be read of its request line.
    pub(super) line: RequestLine<'h>,
}

/// Counts and records a refusal, and returns the bytes of a whole HTTP/1.1 response that ends the connection.
pub(super) fn refuse_early(clients: &Clients, early: Early<'_>) -> Vec<u8> {
    let Early { refusal, after, .. } = early;
    let id = request_id::new();
    let body = body(refusal, &id);
    let sent = body.len() as u64;
    clients.metrics.requests.refused_early(refusal, after.as_secs_f64(), sent);
    record(clients, early, &id, SystemTime::now() - after, sent);
    whole(refusal, &id, &body)
}

fn whole(refusal: Refusal, id: &str, body: &str) -> Vec<u8> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let phrase = status.canonical_reason().unwrap_or_default();
    let date = get_cached_date();
    let date = date.to_str().unwrap_or_default();
    // Soon: each connection that ends makes room.
    let retry = if refusal == Refusal::TooManyConnections { "Retry-After: 1\r\n" } else { "" };
    let (status, reason, length) = (status.as_u16(), refusal.reason(), body.len());
    format!(
        "HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nx-nameplate-refusal: {reason}\r\nx-request-id: {id}\r\n{retry}\
         Date: {date}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The body of every refusal, shaped like API Gateway's own.
pub(crate) fn body(refusal: Refusal, id: &str) -> String {
    format!("{{\"message\":\"{refusal}\",\"requestId\":\"{id}\"}}")
}

/// Writes the line of a request that was refused before its head was known.
fn record(clients: &Clients, early: Early<'_>, id: &str, time: SystemTime, response_bytes: u64) {
    let Early { refusal, after, client, line } = early;
    let Some(log) = &clients.access_log else { return };
    let Some(sampled_percent) = log.takes(refusal.status(), fastrand::u32(..)) else { return };
    log.write(&Record {
        time,
        request_id: Text(id.as_bytes()),
        domain: None,
        base_path: None,
        part: None,
        line: None,
        method: line.method,
        path: line.target.map(|target| log.path(target)),
        protocol: line.version,
        status: refusal.status(),
        refusal: Some(refusal.reason()),
        aborted: false,
        request_bytes: 0,
        response_bytes,
        duration_ms: after,
        upstream: None,
        client,
        forwarded_for: None,
        user_agent: None,
        trace: None,
        sampled_percent,
    });
}
