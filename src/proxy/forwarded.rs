//! X-Forwarded-*: what the API learns of the client, by a rule stated in the settings.
//!
//! From a peer in `forwarded.trust`, what it says is kept and its address is added; from any other,
//! all four say what we saw ourselves, so that no client can speak for a load balancer.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use pingora::http::RequestHeader;

use crate::downstream::client_info::ClientInfo;
use nameplate_core::settings::{Forwarded, Network, Proto};

pub(crate) struct ForwardedRule {
    trust: Vec<Network>,
    proto: Option<Proto>,
    port: Option<u16>,
    untouched: bool,
}

impl ForwardedRule {
    pub(crate) fn new(settings: &Forwarded) -> ForwardedRule {
        ForwardedRule {
            trust: settings.trust.clone(),
            proto: settings.proto,
            port: settings.port,
            untouched: settings.untouched,
        }
    }

    /// Sets the four headers. `host` is the authority the client asked for.
    pub(crate) fn apply(
        &self,
        request: &mut RequestHeader,
        seen: &ClientInfo,
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
    pub(crate) fn client_scheme(&self, request: &RequestHeader, seen: &ClientInfo) -> Proto {
        let said = self.trusts(seen).then(|| first_said(request, "x-forwarded-proto")).flatten();
        match said {
            Some(said) if said.eq_ignore_ascii_case(b"https") => Proto::Https,
            Some(said) if said.eq_ignore_ascii_case(b"http") => Proto::Http,
            _ => self.proto_seen(seen),
        }
    }

    /// The port the client used, as the API is told.
    pub(crate) fn client_port(&self, request: &RequestHeader, seen: &ClientInfo) -> HeaderValue {
        let kept = self.untouched || self.trusts(seen);
        let said = kept.then(|| first_said(request, "x-forwarded-port")).flatten();
        said.and_then(|said| HeaderValue::from_bytes(said).ok())
            .or(self.port.map(HeaderValue::from))
            .unwrap_or_else(|| seen.port.clone())
    }

    /// Whom the peer says it speaks for, where it is believed.
    pub(crate) fn believed<'h>(&self, seen: &ClientInfo, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        if !self.trusts(seen) {
            return None;
        }
        headers.get("x-forwarded-for").map(HeaderValue::as_bytes)
    }

    fn proto_seen(&self, seen: &ClientInfo) -> Proto {
        self.proto.unwrap_or(if seen.tls { Proto::Https } else { Proto::Http })
    }

    fn trusts(&self, seen: &ClientInfo) -> bool {
        seen.client.is_some_and(|client| self.trust.iter().any(|network| network.contains(client.ip())))
    }
}

/// What the proxy next to the client said: of a chain, each adds its own at the end.
fn first_said<'r>(request: &'r RequestHeader, name: &str) -> Option<&'r [u8]> {
    request.headers.get(name)?.as_bytes().split(|b| *b == b',').next().map(<[u8]>::trim_ascii)
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
    use std::net::SocketAddr;

    use super::*;

    fn applied(settings: &Forwarded, sent: &[(&'static str, &str)], seen: &ClientInfo) -> Vec<String> {
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

    fn client() -> ClientInfo {
        ClientInfo::new(Some(SocketAddr::from(([10, 0, 0, 9], 4711))), 8080, false)
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
    fn scheme_and_port_are_what_the_first_trusted_proxy_said() {
        let trusting = Forwarded { trust: vec!["10.0.0.0/24".parse().expect("a network")], ..Forwarded::default() };
        let told = |settings: &Forwarded, proto: &str, port: &str| {
            let mut request = RequestHeader::build("GET", b"/", None).expect("a request");
            request.append_header("X-Forwarded-Proto", proto).expect("a header");
            request.append_header("X-Forwarded-Port", port).expect("a header");
            let rule = ForwardedRule::new(settings);
            let port = rule.client_port(&request, &client());
            (rule.client_scheme(&request, &client()).as_str(), port.to_str().expect("ascii").to_owned())
        };
        for proto in ["https", "HTTPS", "https, http", "Https ,http"] {
            assert_eq!(told(&trusting, proto, "443, 8080"), ("https", "443".to_owned()), "{proto}");
            assert_eq!(told(&Forwarded::default(), proto, "443"), ("http", "8080".to_owned()), "{proto}");
        }
        for proto in ["http, https", "HTTP", "", "gopher", "httpsx"] {
            assert_eq!(told(&trusting, proto, "80"), ("http", "80".to_owned()), "{proto}");
        }
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
