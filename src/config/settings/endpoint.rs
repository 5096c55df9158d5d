//! The execute-api VPC endpoint: how it is found, and how it is spoken to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::values::duration;

/// An ENI in our region answers within a millisecond; a second means a zone in trouble.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// TCP and TLS together: one more round trip and a signature.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(3);
/// API Gateway's integrations run up to 29 s by default; one second more lets its own 504 arrive.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that takes no byte for this long is gone.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// API Gateway closes idle connections after 310 s; reusing one at 309 s is a race it would win.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// All idle connections to the endpoint, over all threads. With one SNI per API a pool smaller
/// than (APIs in use x connections each) costs a handshake per request.
pub const POOL_SIZE: usize = 8_192;
/// Attempts to connect, the first included: each at another address where there is one.
pub const CONNECT_ATTEMPTS: usize = 3;
/// DNS answers are used no shorter than this, so that a zero TTL is no busy loop.
pub const MIN_TTL: Duration = Duration::from_secs(5);
/// And no longer: VPC endpoint records carry 60 s.
pub const MAX_TTL: Duration = Duration::from_secs(60);

/// How the execute-api VPC endpoint is found and spoken to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    /// The endpoint's DNS name, looked up again whenever its TTL runs out. Exactly one of `name`
    /// and `fixed` is set.
    pub name: Option<String>,
    /// Addresses to use as they are, port included: for tests and the demo.
    pub fixed: Vec<SocketAddr>,
    /// The port behind `name`. Default 443.
    pub port: u16,
    /// DNS servers to ask for `name`. Default: those of `/etc/resolv.conf`.
    pub nameservers: Vec<SocketAddr>,
    /// PEM file of the certificate authorities to trust. Default: the system's.
    pub ca_file: Option<PathBuf>,
    /// Default [`CONNECT_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// TCP and TLS together. Default [`TLS_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub tls_timeout: Duration,
    /// The longest silence while an answer is awaited or arrives. Default [`READ_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub read_timeout: Duration,
    /// Default [`WRITE_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
    /// How long an idle connection is kept. Default [`IDLE_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: Duration,
    /// Default [`POOL_SIZE`].
    pub pool_size: usize,
    /// Default [`CONNECT_ATTEMPTS`].
    pub connect_attempts: usize,
    /// Default [`MIN_TTL`].
    #[serde(deserialize_with = "duration")]
    pub min_ttl: Duration,
    /// Default [`MAX_TTL`].
    #[serde(deserialize_with = "duration")]
    pub max_ttl: Duration,
}

impl Default for Endpoint {
    fn default() -> Self {
        Endpoint {
            name: None,
            fixed: Vec::new(),
            port: 443,
            nameservers: Vec::new(),
            ca_file: None,
            connect_timeout: CONNECT_TIMEOUT,
            tls_timeout: TLS_TIMEOUT,
            read_timeout: READ_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            pool_size: POOL_SIZE,
            connect_attempts: CONNECT_ATTEMPTS,
            min_ttl: MIN_TTL,
            max_ttl: MAX_TTL,
        }
    }
}
