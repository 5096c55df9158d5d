//! An address of the endpoint and an API's name, as the connection Pingora makes or reuses.

use std::net::SocketAddr;
use std::time::Duration;

use pingora::protocols::l4::ext::TcpKeepalive;
use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use crate::config::settings::Endpoint;

/// One prototype, cloned and addressed for each request.
pub(super) struct Peers {
    prototype: HttpPeer,
}

impl Peers {
    pub(super) fn new(endpoint: &Endpoint) -> Peers {
        // The address is replaced for each request; with one given, nothing is resolved here.
        let mut prototype = HttpPeer::new(SocketAddr::from(([127, 0, 0, 1], endpoint.port)), true, String::new());
        let options = &mut prototype.options;
        options.connection_timeout = Some(endpoint.connect_timeout);
        options.total_connection_timeout = Some(endpoint.tls_timeout);
        options.read_timeout = Some(endpoint.read_timeout);
        options.write_timeout = Some(endpoint.write_timeout);
        options.idle_timeout = Some(endpoint.idle_timeout);
        options.verify_cert = true;
        options.verify_hostname = true;
        // Private REST APIs have no protocol upgrade; forwarding one could only confuse framing.
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
        // Notices an endpoint that vanished without a FIN well before the read timeout of a long
        // answer would.
        options.tcp_keepalive = Some(TcpKeepalive {
            idle: Duration::from_secs(30),
            interval: Duration::from_secs(10),
            count: 3,
            #[cfg(target_os = "linux")]
            user_timeout: Duration::ZERO,
        });
        Peers { prototype }
    }

    /// The peer for an API behind an address. The connection pool is keyed by both, so that a
    /// connection whose handshake named one API never carries another's request.
    pub(super) fn peer(&self, address: SocketAddr, sni: &str) -> Box<HttpPeer> {
        let mut peer = Box::new(self.prototype.clone());
        peer._address = PingoraAddr::Inet(address);
        peer.sni = sni.to_owned();
        peer
    }
}

/// The address of a peer this module made.
pub(super) fn address_of(peer: &HttpPeer) -> Option<SocketAddr> {
    peer._address.as_inet().copied()
}
