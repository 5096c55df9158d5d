//! What one look-up brings: addresses, or why there are no new ones.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora_load_balancing::Backend;

/// Why one look-up brought nothing new.
#[derive(Debug, thiserror::Error)]
#[error("endpoint `{name}` could not be looked up: {cause}")]
pub struct LookupFault {
    pub(crate) name: String,
    pub(crate) cause: String,
    /// When to ask again.
    pub retry_in: Duration,
}

pub(crate) fn backend(address: SocketAddr) -> Backend {
    Backend { addr: PingoraAddr::Inet(address), weight: 1, ext: http::Extensions::new() }
}

pub(crate) fn address(backend: &Backend) -> Option<SocketAddr> {
    backend.addr.as_inet().copied()
}

/// The addresses of one answer.
pub(crate) type Addresses = BTreeSet<Backend>;
