//! One request, as its line tells it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

/// One request, from the client's side and from ours.
#[derive(Debug)]
pub(crate) struct Record<'r> {
    /// When its header had been read.
    pub time: SystemTime,
    /// Its X-Request-Id.
    pub request_id: Text<'r>,
    /// The domain of the entry it went by.
    pub domain: Option<&'r str>,
    /// The base path of that entry; empty without one.
    pub base_path: Option<&'r str>,
    /// The part of the mapping that entry stands in, where it has parts.
    pub part: Option<&'r str>,
    /// The line of that entry in the mapping, or in its part.
    pub line: Option<u32>,
    /// The method. Like all of the request, it is known as far as it could be read where its head was refused.
    pub method: Option<&'r str>,
    /// The path as the client sent it, and its query where the settings ask for that.
    pub path: Option<Text<'r>>,
    /// `HTTP/1.1`, say.
    pub protocol: Option<&'static str>,
    /// The status of the answer.
    pub status: u16,
    /// Why we answered instead of the API.
    pub refusal: Option<&'static str>,
    /// Whether the client went away before its answer was complete.
    pub aborted: bool,
    /// Bytes of the request's body that were read.
    pub request_bytes: u64,
    /// Bytes of the answer's body that were sent.
    pub response_bytes: u64,
    /// From its header to the end of the answer.
    pub duration_ms: Duration,
    /// What became of it at the endpoint, if it got that far.
    pub upstream: Option<Upstream<'r>>,
    /// The peer's address, or what its PROXY header says.
    pub client: Option<SocketAddr>,
    /// What a trusted peer says of whom it speaks for.
    pub forwarded_for: Option<Text<'r>>,
    /// The User-Agent.
    pub user_agent: Option<Text<'r>>,
    /// X-Amzn-Trace-Id, else traceparent.
    pub trace: Option<Text<'r>>,
    /// Percent of such requests that have a line, where that is not all.
    pub sampled_percent: Option<f64>,
}

/// The API's side of a request.
#[derive(Debug)]
pub(crate) struct Upstream<'r> {
    /// The API's id.
    pub api_id: &'r str,
    /// The endpoint, as the settings call it.
    pub endpoint: &'r str,
    /// The address of the last attempt.
    pub address: Option<SocketAddr>,
    /// Whether that is in our zone: `local` or `other`.
    pub zone: Option<&'static str>,
    /// Whether it went over a connection that another request had left.
    pub reused: bool,
    /// Attempts after the first.
    pub retries: usize,
    /// TCP and TLS, where the connection is new.
    pub connect_ms: Option<Duration>,
    /// From having a connection to the header of the answer.
    pub first_byte_ms: Option<Duration>,
    /// `x-amzn-requestid` of the answer.
    pub amzn_request_id: Option<Text<'r>>,
    /// `x-amz-apigw-id` of the answer.
    pub apigw_id: Option<Text<'r>>,
}

/// Bytes that somebody else chose: made valid, and cut where they are too long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'r>(pub &'r [u8]);
