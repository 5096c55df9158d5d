//! X-Forwarded-*: what the API learns of the client, by a rule stated in the settings.
//!
//! From a peer in `forwarded.trust`, what it says is kept and its address is added; from any other,
//! all four say what we saw ourselves, so that no client can speak for a load balancer.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use pingora::http::RequestHeader;

use crate::config::settings::{Forwarded, Network, Proto};
use crate::domain::digits::push_ip;

pub(super) struct ForwardedRule {
    trust: Vec<Network>,
    proto: Option<Proto>,
    port: Option<u16>,
    untouched: bool,
}

/// What we saw of the client's connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) client: Option<SocketAddr>,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl ForwardedRule {
    pub(super) fn new(settings: &Forwarded) -> ForwardedRule {
        ForwardedRule {
            trust: settings.trust.clone(),
            proto: settings.proto,
            port: settings.port,
            untouched: settings.untouched,
        }
    }

    /// Sets the four headers. `host` is the authority the client asked for.
    pub(super) fn apply(
        &self,
        request: &mut RequestHeader,
        seen: Seen,
        host: Option<HeaderValue>,
    ) -> pingora::Result<()> {
        if self.untouched {
            return Ok(());
        }
        let trusted = seen.client.is_some_and(|client| self.trusts(client.ip()));
        if let Some(client) = seen.client {
            let value = forwarded_for(request, client.ip(), trusted);
            request.insert_header("X-Forwarded-For", value)?;
        }
        let keep = |request: &RequestHeader, name| trusted && request.headers.contains_key(name);
        if !keep(request, "x-forwarded-proto") {
            request.insert_header("X-Forwarded-Proto", HeaderValue::from_static(self.proto_seen(seen).as_str()))?;
        }
        if !keep(request, "x-forwarded-port") {
            request.insert_header("X-Forwarded-Port", HeaderValue::from(self.port.unwrap_or(seen.port)))?;
        }
        if !keep(request, "x-forwarded-host")
            && let Some(host) = host
        {
            request.insert_header("X-Forwarded-Host", host)?;
        }
        Ok(())
    }

    /// The scheme the client used, for answers that carry an absolute URL.
    pub(super) fn client_scheme(&self, request: &RequestHeader, seen: Seen) -> Proto {
        let trusted = seen.client.is_some_and(|client| self.trusts(client.ip()));
        match request.headers.get("x-forwarded-proto").map(HeaderValue::as_bytes) {
            Some(b"https") if trusted => Proto::Https,
            Some(b"http") if trusted => Proto::Http,
            _ => self.proto_seen(seen),
        }
    }

    /// Whom the peer says it speaks for, where it is believed.
    pub(super) fn believed<'h>(&self, seen: Seen, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        let trusted = seen.client.is_some_and(|client| self.trusts(client.ip()));
        headers.get("x-forwarded-for").filter(|_| trusted).map(HeaderValue::as_bytes)
    }

    fn proto_seen(&self, seen: Seen) -> Proto {
        self.proto.unwrap_or(if seen.tls { Proto::Https } else { Proto::Http })
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.trust.iter().any(|network| network.contains(ip))
    }
}

/// The list of a trusted peer with the peer added, or the peer alone.
fn forwarded_for(request: &RequestHeader, client: IpAddr, trusted: bool) -> HeaderValue {
    let mut list = Vec::with_capacity(48);
    if trusted {
        for value in request.headers.get_all("x-forwarded-for") {
            list.extend_from_slice(value.as_bytes());
            list.extend_from_slice(b", ");
        }
    }
    push_ip(&mut list, client.to_canonical());
    // What came in as header values and an address are one; the fallback is for the type only.
    HeaderValue::from_maybe_shared(Bytes::from(list)).unwrap_or(HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(settings: &Forwarded, sent: &[(&'static str, &str)], seen: Seen) -> Vec<String> {
        let mut request = RequestHeader::build("GET", b"/", None).expect("a request");
        for (name, value) in sent {
            request.append_header(*name, *value).expect("a header");
        }
        let rule = ForwardedRule::new(settings);
        rule.apply(&mut request, seen, Some(HeaderValue::from_static("pay.example.com"))).expect("valid headers");
        let value = |name| {
            let values: Vec<_> =
                request.headers.get_all(name).iter().map(|v| v.to_str().expect("ascii").to_owned()).collect();
            values.join(" | ")
        };
        ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-host"].map(value).to_vec()
    }

    const SEEN: Seen = Seen {
        client: Some(SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9)), 4711)),
        port: 8080,
        tls: false,
    };

    const SPOOFED: [(&str, &str); 5] = [
        ("X-Forwarded-For", "1.1.1.1"),
        ("X-Forwarded-For", "2.2.2.2"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Host", "evil.example"),
    ];

    #[test]
    fn a_stranger_speaks_for_nobody() {
        assert_eq!(applied(&Forwarded::default(), &SPOOFED, SEEN), ["10.0.0.9", "http", "8080", "pay.example.com"]);
    }

    #[test]
    fn a_trusted_peer_is_believed_and_added() {
        let trust = vec!["10.0.0.0/24".parse().expect("a network")];
        let settings = Forwarded { trust, ..Forwarded::default() };
        assert_eq!(applied(&settings, &SPOOFED, SEEN), ["1.1.1.1, 2.2.2.2, 10.0.0.9", "https", "443", "evil.example"]);
        assert_eq!(applied(&settings, &[], SEEN), ["10.0.0.9", "http", "8080", "pay.example.com"]);
    }

    #[test]
    fn behind_a_load_balancer_that_ends_tls_the_settings_say_so() {
        let settings = Forwarded { proto: Some(Proto::Https), port: Some(443), ..Forwarded::default() };
        assert_eq!(applied(&settings, &[], SEEN), ["10.0.0.9", "https", "443", "pay.example.com"]);
    }

    #[test]
    fn untouched_means_untouched() {
        let settings = Forwarded { untouched: true, ..Forwarded::default() };
        assert_eq!(applied(&settings, &SPOOFED, SEEN), ["1.1.1.1 | 2.2.2.2", "https", "443", "evil.example"]);
    }
}
