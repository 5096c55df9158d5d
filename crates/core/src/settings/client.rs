//! The clients' side: limits, timeouts, and how it all stops.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::endpoint::WRITE_TIMEOUT;
use super::values::{Network, duration, size};

/// How long an idle client connection is kept. An ALB reuses connections for 60 s by default; the
/// side that reuses must be the one that gives up first, or a request meets a closing connection.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A client that sends no byte of its request for this long is gone.
pub const CLIENT_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A head takes one packet, or a few; a client that needs longer keeps a place others could have.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of a load balancer live as long as they may, and those that are there already stay
/// with the tasks that are: after scaling out, ending each in its turn is what spreads them.
pub const REQUESTS_PER_CONNECTION: u32 = 10_000;
/// Bytes a second that a client must take of an answer that waits for it alone: 8 kbit/s, which even a
/// mobile link of the second generation has several times over.
pub const MIN_SEND_RATE: u32 = 1_024;
/// Bytes a second of its body that a client must send: as slow as it may read.
pub const MIN_RECEIVE_RATE: u32 = MIN_SEND_RATE;
/// API Gateway's payload quota: 10 MB.
pub const MAX_BODY: u64 = 10_485_760;
/// API Gateway's quota for all header names and values: 10,240 bytes.
pub const MAX_HEADERS: usize = 10_240;
/// The longest URL that API Gateway takes.
pub const MAX_URL: usize = 8_192;
/// A load balancer that has stopped sending new connections leaves the ones there are. Their clients learn
/// with their next answer that they end, and most have one in this time.
pub const DELAY: Duration = Duration::from_secs(5);
/// ECS sends SIGKILL 30 s after SIGTERM unless the task says otherwise; with the delay before it, this
/// leaves time to exit.
pub const GRACE_PERIOD: Duration = Duration::from_secs(20);

/// What a request may be; over it, it is refused and nothing is forwarded.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of body. Default [`MAX_BODY`].
    #[serde(deserialize_with = "size")]
    pub body: u64,
    /// Bytes of all header names and values. Default [`MAX_HEADERS`].
    #[serde(deserialize_with = "size")]
    pub headers: usize,
    /// Bytes of the request target. Default [`MAX_URL`].
    #[serde(deserialize_with = "size")]
    pub url: usize,
}

impl From<Limits> for crate::domain::decide::RequestLimits {
    fn from(limits: Limits) -> Self {
        crate::domain::decide::RequestLimits { body: limits.body, headers: limits.headers, url: limits.url }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { body: MAX_BODY, headers: MAX_HEADERS, url: MAX_URL }
    }
}

/// The X-Forwarded-* rule.
///
/// From a peer in `trust`, `X-Forwarded-For` is extended and the other three kept where present.
/// From any other peer all four are replaced by what we saw ourselves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forwarded {
    /// Networks whose X-Forwarded-* we believe: the ALB's subnets. Default: none.
    pub trust: Vec<Network>,
    /// What the client used, if the load balancer ended its TLS: `http` or `https`. Default: what
    /// the listener speaks.
    pub proto: Option<Proto>,
    /// The port the client used. Default: the listener's.
    pub port: Option<u16>,
    /// Leave all four exactly as they arrive. Default false.
    pub untouched: bool,
}

/// A URL scheme a client may have used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// Plaintext.
    Http,
    /// TLS.
    Https,
}

impl Proto {
    /// As X-Forwarded-Proto and URLs spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Proto::Http => "http",
            Proto::Https => "https",
        }
    }
}

/// How long the client's side may take, and how much of us.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Client {
    /// How long an idle connection waits for the next request. Default [`KEEP_ALIVE`].
    #[serde(deserialize_with = "duration")]
    pub keep_alive: Duration,
    /// The longest that a request's head may take from its first byte to its end; and so a TLS
    /// handshake, a PROXY protocol header, and the beginning of HTTP/2. Default [`HEADER_TIMEOUT`]. A head
    /// that is silent for `keep_alive`, or in a connection's first request for 60 s, is hung up on first.
    #[serde(deserialize_with = "duration")]
    pub header_timeout: Duration,
    /// The longest silence inside a request. Default [`CLIENT_READ_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub read_timeout: Duration,
    /// The longest time a write may wait for the client to take it. Default [`WRITE_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
    /// Bytes a second that a client must take while an answer waits for it, the mean of one
    /// `write_timeout`. Default [`MIN_SEND_RATE`].
    #[serde(deserialize_with = "size")]
    pub min_send_rate: u32,
    /// Bytes a second that a client must send of a request's body, the mean of one `read_timeout`. Default
    /// [`MIN_RECEIVE_RATE`].
    #[serde(deserialize_with = "size")]
    pub min_receive_rate: u32,
    /// Requests after which a connection is ended. Default [`REQUESTS_PER_CONNECTION`].
    pub requests_per_connection: u32,
    /// Connections that may be open at once. Default: as many as the limit of file descriptors has
    /// room for.
    pub max_connections: Option<usize>,
    /// Requests that may be in flight at once. Default: as many as the file descriptors and the memory have
    /// room for.
    pub max_requests: Option<usize>,
}

impl Default for Client {
    fn default() -> Self {
        Client {
            keep_alive: KEEP_ALIVE,
            header_timeout: HEADER_TIMEOUT,
            read_timeout: CLIENT_READ_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            min_send_rate: MIN_SEND_RATE,
            min_receive_rate: MIN_RECEIVE_RATE,
            requests_per_connection: REQUESTS_PER_CONNECTION,
            max_connections: None,
            max_requests: None,
        }
    }
}

/// How the process stops on SIGTERM, and gives way to another one on SIGQUIT.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long clients are told to go, and are still served, after readiness has failed. Default
    /// [`DELAY`].
    #[serde(deserialize_with = "duration")]
    pub delay: Duration,
    /// The longest time to wait for requests in flight. Default [`GRACE_PERIOD`].
    #[serde(deserialize_with = "duration")]
    pub grace_period: Duration,
    /// Where a process that takes over (`serve --upgrade`) waits for our listening sockets. Default: none.
    pub upgrade_socket: Option<PathBuf>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown { delay: DELAY, grace_period: GRACE_PERIOD, upgrade_socket: None }
    }
}
