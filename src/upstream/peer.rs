//! An address of an endpoint and an API's name, as the connection Pingora makes or reuses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pingora::protocols::l4::ext::TcpKeepalive;
use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use super::deadline::TimeLimits;
use super::dial::Dialer;
use crate::telemetry::metrics::UpstreamConnections;
use nameplate_core::domain::overrides::Timeouts;
use nameplate_core::settings::{Endpoint, Settings, Sni};

/// One prototype for each endpoint, cloned and addressed for each request.
pub(crate) struct Peers {
    /// In the order of `upstream::endpoints`.
    list: Vec<Prototype>,
}

pub(crate) struct Prototype {
    peer: HttpPeer,
    /// What the handshake names, where that is not the API.
    sni: Option<String>,
    timeouts: Timeouts,
    connect: Duration,
    read: Duration,
    open: UpstreamConnections,
}

impl Peers {
    /// `open` counts the connections that are.
    pub(crate) fn new(settings: &Settings, open: &UpstreamConnections) -> Peers {
        let all = std::iter::once(&settings.endpoint).chain(settings.endpoints.values());
        Peers { list: all.map(|endpoint| Prototype::new(endpoint, open)).collect() }
    }

    /// The one of an endpoint.
    pub(crate) fn at(&self, place: usize) -> &Prototype {
        &self.list[place]
    }
}

/// Makes Pingora open a new connection for this peer: its key in the connection pool is its own. The connection ends with
/// its request, because under that key nobody would ever find it.
pub(crate) fn open_new_connection(peer: &mut HttpPeer) {
    // 0 is the key of all that share their connections.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    peer.group_key = NEXT.fetch_add(1, Ordering::Relaxed);
    peer.options.idle_timeout = Some(Duration::ZERO);
}

/// The name that every handshake with an endpoint uses, where that is not the API's.
pub(super) fn shared_sni(endpoint: &Endpoint) -> Option<String> {
    match endpoint.sni {
        Sni::Api => None,
        Sni::Shared => endpoint.name.as_ref().map(|name| name.trim_end_matches('.').to_owned()),
    }
}

impl Prototype {
    fn new(endpoint: &Endpoint, open: &UpstreamConnections) -> Prototype {
        // The address is replaced for each request; with one given, nothing is resolved here.
        let mut peer = HttpPeer::new(SocketAddr::from(([127, 0, 0, 1], endpoint.port)), true, String::new());
        let options = &mut peer.options;
        options.custom_l4 = Some(Arc::new(Dialer::new(endpoint.connect_timeout, open)));
        options.total_connection_timeout = Some(endpoint.tls_timeout);
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
        // Said outright, so that an entry that sets `read` alone leaves it as it is.
        let first_byte = endpoint.first_byte_timeout.or(Some(endpoint.read_timeout));
        let timeouts = Timeouts { first_byte, total: endpoint.total_timeout, ..Timeouts::default() };
        let sni = shared_sni(endpoint);
        let mut prototype = Prototype {
            peer,
            sni,
            timeouts,
            connect: endpoint.connect_timeout,
            read: endpoint.read_timeout,
            open: open.clone(),
        };
        let limits = prototype.limits(timeouts);
        prototype.peer.options.read_timeout = Some(prototype.longest_silence(timeouts, limits));
        prototype
    }

    /// The peer for an API behind an address. The connection pool is keyed by both, so that a
    /// connection whose handshake named one API never carries another's request; behind an endpoint
    /// with a shared SNI, it is keyed by that.
    pub(crate) fn peer(
        &self,
        address: SocketAddr,
        api_host: &str,
        own: Option<Timeouts>,
    ) -> (Box<HttpPeer>, TimeLimits) {
        let mut peer = Box::new(self.peer.clone());
        peer._address = PingoraAddr::Inet(address);
        peer.sni = self.sni.as_deref().unwrap_or(api_host).to_owned();
        let Some(own) = own else { return (peer, self.limits(self.timeouts)) };
        let timeouts = own.or(self.timeouts);
        let mut limits = self.limits(timeouts);
        let options = &mut peer.options;
        options.read_timeout = Some(self.longest_silence(timeouts, limits));
        options.write_timeout = timeouts.write.or(options.write_timeout);
        if let Some(connect_timeout) = timeouts.connect {
            options.custom_l4 = Some(Arc::new(Dialer::new(connect_timeout, &self.open)));
        }
        // It includes the other, which the entry may have raised alone.
        let tls = options.total_connection_timeout;
        options.total_connection_timeout = timeouts.tls.or(tls).max(timeouts.connect);
        limits.short_connect =
            own.connect.is_some_and(|connect| connect < self.connect) || options.total_connection_timeout < tls;
        (peer, limits)
    }

    fn limits(&self, timeouts: Timeouts) -> TimeLimits {
        let read = timeouts.read.unwrap_or(self.read);
        let first_byte = timeouts.first_byte.filter(|first_byte| *first_byte != read);
        let quiet = first_byte.filter(|first_byte| *first_byte > read).map(|_| read);
        TimeLimits { total: timeouts.total, first_byte, quiet, short_connect: false }
    }

    /// Pingora's one timeout must not be over before ours are.
    fn longest_silence(&self, timeouts: Timeouts, limits: TimeLimits) -> Duration {
        let read = timeouts.read.unwrap_or(self.read);
        limits.first_byte.map_or(read, |first_byte| first_byte.max(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::limit::{CpuLimit, LimitSource};
    use crate::telemetry::metrics::Metrics;

    const S: Duration = Duration::from_secs(1);

    fn open() -> UpstreamConnections {
        let limit = CpuLimit::new(1.0, LimitSource::Machine).expect("a limit");
        Metrics::new(limit).upstream.connections()
    }

    fn peer(endpoint: &Endpoint, own: Option<Timeouts>) -> (Box<HttpPeer>, TimeLimits) {
        let address = SocketAddr::from(([127, 0, 0, 1], 443));
        Prototype::new(endpoint, &open()).peer(address, "abc.execute-api.eu-west-1.amazonaws.com", own)
    }

    #[test]
    fn without_more_pingora_times_it_all() {
        let (peer, limits) = peer(&Endpoint { read_timeout: 30 * S, ..Endpoint::default() }, None);
        assert_eq!(peer.options.read_timeout, Some(30 * S));
        assert!(limits.total.is_none() && limits.first_byte.is_none() && limits.quiet.is_none());
        assert_eq!(peer.sni, "abc.execute-api.eu-west-1.amazonaws.com");
    }

    #[test]
    fn a_first_byte_may_be_due_sooner_or_later_than_the_next() {
        let sooner = Endpoint { read_timeout: 300 * S, first_byte_timeout: Some(30 * S), ..Endpoint::default() };
        let (peer_of_sooner, limits) = peer(&sooner, None);
        assert_eq!(
            (peer_of_sooner.options.read_timeout, limits.first_byte, limits.quiet),
            (Some(300 * S), Some(30 * S), None)
        );
        let later = Endpoint { read_timeout: 5 * S, first_byte_timeout: Some(30 * S), ..Endpoint::default() };
        let (peer_of_later, limits) = peer(&later, None);
        assert_eq!(
            (peer_of_later.options.read_timeout, limits.first_byte, limits.quiet),
            (Some(30 * S), Some(30 * S), Some(5 * S))
        );
    }

    #[test]
    fn an_entry_overrides_its_endpoint() {
        let endpoint = Endpoint { total_timeout: Some(60 * S), ..Endpoint::default() };
        let own = Timeouts { connect: Some(9 * S), write: Some(7 * S), total: Some(900 * S), ..Timeouts::default() };
        let (peer, limits) = peer(&endpoint, Some(own));
        assert_eq!(limits.total, Some(900 * S));
        assert_eq!((peer.options.write_timeout, peer.options.total_connection_timeout), (Some(7 * S), Some(9 * S)));
    }

    #[test]
    fn no_two_peers_that_need_a_new_connection_share_a_key() {
        use pingora::upstreams::peer::Peer as _;
        let keys = [0, 1, 2].map(|at| {
            let mut peer = peer(&Endpoint::default(), None).0;
            if at > 0 {
                open_new_connection(&mut peer);
            }
            peer.reuse_hash()
        });
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2], "{keys:?}");
    }

    #[test]
    fn an_entry_that_gives_connecting_less_time_says_so() {
        let endpoint = Endpoint { connect_timeout: S, tls_timeout: 3 * S, ..Endpoint::default() };
        let short = |own: Timeouts| peer(&endpoint, Some(own)).1.short_connect;
        assert!(short(Timeouts { connect: Some(S / 10), ..Timeouts::default() }));
        assert!(short(Timeouts { tls: Some(2 * S), ..Timeouts::default() }));
        assert!(!short(Timeouts { connect: Some(S), tls: Some(3 * S), ..Timeouts::default() }));
        assert!(!short(Timeouts { connect: Some(9 * S), ..Timeouts::default() }));
        assert!(!short(Timeouts { first_byte: Some(S / 10), ..Timeouts::default() }));
        assert!(!peer(&endpoint, None).1.short_connect);
    }

    #[test]
    fn a_shared_name_is_the_endpoints() {
        let endpoint = Endpoint { name: Some("vpce.example.".into()), sni: Sni::Shared, ..Endpoint::default() };
        assert_eq!(peer(&endpoint, None).0.sni, "vpce.example");
    }
}
