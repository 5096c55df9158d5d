//! X-Forwarded-*: what the API learns of the client, by a rule stated in the settings.
//!
//! From a peer in `forwarded.trust`, what it says is kept and its address is added; from any other,
//! all four say what we saw ourselves, so that no client can speak for a load balancer.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use pingora::http::RequestHeader;

use nameplate_core::domain::address::push_ip;
use nameplate_core::settings::{Forwarded, Network, Proto};

pub(super) struct ForwardedRule {
    trust: Vec<Network>,
    proto: Option<Proto>,
    port: Option<u16>,
    untouched: bool,
}

/// What we saw of the client's connection. It is put into words once for all requests of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) client: Option<SocketAddr>,
    tls: bool,
    /// The client's address without its port.
    address: HeaderValue,
    /// The port it connected to.
    port: HeaderValue,
}

impl Seen {
    pub(super) fn new(client: Option<SocketAddr>, port: u16, tls: bool) -> Seen {
        let mut address = Vec::with_capacity(40);
        if let Some(client) = client {
            push_ip(&mut address, client.ip().to_canonical());
        }
        Seen { client, tls, address: header(address), port: HeaderValue::from(port) }
    }
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
        seen: &Seen,
        host: Option<HeaderValue>,
    ) -> pingora::Result<()> {
        if self.untouched {
            return Ok(());
        }
        let trusted = self.trusts(seen);
        if seen.client.is_some() {
            let value = if trusted { added(request, &seen.address) } else { seen.address.clone() };
            request.insert_header("X-Forwarded-For", value)?;
        }
        let keep = |request: &RequestHeader, name| trusted && request.headers.contains_key(name);
        if !keep(request, "x-forwarded-proto") {
            request.insert_header("X-Forwarded-Proto", HeaderValue::from_static(self.proto_seen(seen).as_str()))?;
        }
        if !keep(request, "x-forwarded-port") {
            request
                .insert_header("X-Forwarded-Port", self.port.map_or_else(|| seen.port.clone(), HeaderValue::from))?;
        }
        if !keep(request, "x-forwarded-host")
            && let Some(host) = host
        {
            request.insert_header("X-Forwarded-Host", host)?;
        }
        Ok(())
    }

    /// The scheme the client used, for answers that carry an absolute URL.
    pub(super) fn client_scheme(&self, request: &RequestHeader, seen: &Seen) -> Proto {
        let trusted = self.trusts(seen);
        match request.headers.get("x-forwarded-proto").map(HeaderValue::as_bytes) {
            Some(b"https") if trusted => Proto::Https,
            Some(b"http") if trusted => Proto::Http,
            _ => self.proto_seen(seen),
        }
    }

    /// Whom the peer says it speaks for, where it is believed.
    pub(super) fn believed<'h>(&self, seen: &Seen, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        if !self.trusts(seen) {
            return None;
        }
        headers.get("x-forwarded-for").map(HeaderValue::as_bytes)
    }

    fn proto_seen(&self, seen: &Seen) -> Proto {
        self.proto.unwrap_or(if seen.tls { Proto::Https } else { Proto::Http })
    }

    fn trusts(&self, seen: &Seen) -> bool {
        seen.client.is_some_and(|client| self.trust.iter().any(|network| network.contains(client.ip())))
    }
}

/// The list of a trusted peer with the peer added.
fn added(request: &RequestHeader, peer: &HeaderValue) -> HeaderValue {
    let mut list = Vec::with_capacity(48);
    for value in request.headers.get_all("x-forwarded-for") {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(peer.as_bytes());
    header(list)
}

fn header(text: Vec<u8>) -> HeaderValue {
    // What came in as header values, an address and a comma are one; the fallback is for the type only.
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(settings: &Forwarded, sent: &[(&'static str, &str)], seen: &Seen) -> Vec<String> {
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

    fn client() -> Seen {
        Seen::new(Some(SocketAddr::from(([10, 0, 0, 9], 4711))), 8080, false)
    }

    const SPOOFED: [(&str, &str); 5] = [
        ("X-Forwarded-For", "1.1.1.1"),
        ("X-Forwarded-For", "2.2.2.2"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Host", "evil.example"),
    ];

    #[test]
    fn a_stranger_speaks_for_nobody() {
        assert_eq!(
            applied(&Forwarded::default(), &SPOOFED, &client()),
            ["10.0.0.9", "http", "8080", "pay.example.com"]
        );
    }

    #[test]
    fn a_trusted_peer_is_believed_and_added() {
        let trust = vec!["10.0.0.0/24".parse().expect("a network")];
        let settings = Forwarded { trust, ..Forwarded::default() };
        assert_eq!(
            applied(&settings, &SPOOFED, &client()),
            ["1.1.1.1, 2.2.2.2, 10.0.0.9", "https", "443", "evil.example"]
        );
        assert_eq!(applied(&settings, &[], &client()), ["10.0.0.9", "http", "8080", "pay.example.com"]);
    }

    #[test]
    fn behind_a_load_balancer_that_ends_tls_the_settings_say_so() {
        let settings = Forwarded { proto: Some(Proto::Https), port: Some(443), ..Forwarded::default() };
        assert_eq!(applied(&settings, &[], &client()), ["10.0.0.9", "https", "443", "pay.example.com"]);
    }

    #[test]
    fn untouched_means_untouched() {
        let settings = Forwarded { untouched: true, ..Forwarded::default() };
        assert_eq!(applied(&settings, &SPOOFED, &client()), ["1.1.1.1 | 2.2.2.2", "https", "443", "evil.example"]);
    }
}
