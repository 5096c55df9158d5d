//! The clients' side: listeners, limits, timeouts, and how it all stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::endpoint::WRITE_TIMEOUT;
use super::values::{Network, duration};

/// How long an idle client connection is kept. An ALB reuses connections for 60 s by default; the
/// side that reuses must be the one that gives up first, or a request meets a closing connection.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A client that sends no byte of its request for this long is gone.
pub const CLIENT_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// API Gateway's payload quota: 10 MB.
pub const MAX_BODY: u64 = 10_485_760;
/// API Gateway's quota for all header names and values: 10,240 bytes.
pub const MAX_HEADERS: usize = 10_240;
/// The longest URL that API Gateway takes.
pub const MAX_URL: usize = 8_192;
/// ECS sends SIGKILL 30 s after SIGTERM unless the task says otherwise; this leaves time to exit.
pub const GRACE_PERIOD: Duration = Duration::from_secs(25);

/// One address clients connect to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// IP address and port. Default `0.0.0.0:8080`.
    pub address: SocketAddr,
    /// Serve TLS with this certificate, HTTP/1.1 and HTTP/2 by ALPN.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// Accept HTTP/2 with prior knowledge on a plaintext listener. Default false.
    #[serde(default)]
    pub h2c: bool,
}

impl Default for Listener {
    fn default() -> Self {
        Listener { address: SocketAddr::from(([0, 0, 0, 0], 8080)), tls: None, h2c: false }
    }
}

/// A listener's certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// PEM file: the certificate, then its intermediates.
    pub certificate: PathBuf,
    /// PEM file: its private key.
    pub key: PathBuf,
}

/// What a request may be; over it, it is refused and nothing is forwarded.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of body. Default [`MAX_BODY`].
    pub body: u64,
    /// Bytes of all header names and values. Default [`MAX_HEADERS`].
    pub headers: usize,
    /// Bytes of the request target. Default [`MAX_URL`].
    pub url: usize,
}

impl From<Limits> for crate::domain::decide::Limits {
    fn from(limits: Limits) -> Self {
        crate::domain::decide::Limits { body: limits.body, headers: limits.headers, url: limits.url }
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

/// How long the client's side may take.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientTimeouts {
    /// How long an idle connection waits for the next request. Default [`KEEP_ALIVE`].
    #[serde(deserialize_with = "duration")]
    pub keep_alive: Duration,
    /// The longest silence inside a request. Default [`CLIENT_READ_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub read_timeout: Duration,
    /// The longest time a write may wait for the client to take it. Default [`WRITE_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        ClientTimeouts { keep_alive: KEEP_ALIVE, read_timeout: CLIENT_READ_TIMEOUT, write_timeout: WRITE_TIMEOUT }
    }
}

/// How the process stops on SIGTERM.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long to go on accepting after readiness has failed. Default 0: ECS takes a task out of
    /// its target group before it sends SIGTERM.
    #[serde(deserialize_with = "duration")]
    pub delay: Duration,
    /// The longest time to wait for requests in flight. Default [`GRACE_PERIOD`].
    #[serde(deserialize_with = "duration")]
    pub grace_period: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown { delay: Duration::ZERO, grace_period: GRACE_PERIOD }
    }
}
