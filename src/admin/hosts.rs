//! The names that the admin pages answer to.
//!
//! A web page can make its own name lead to the admin listener's address (DNS rebinding); a browser then sends requests
//! there and lets the page read the responses. It sends the page's name as Host, so a name that nobody configured is
//! refused. A stranger cannot point an IP address or `localhost` elsewhere.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, Uri, Version, header};

use super::page_response::PageResponse;

/// The names of the settings.
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    pub(super) fn new(names: &[String]) -> Hosts {
        Hosts(names.iter().map(|name| bare(name).to_ascii_lowercase()).collect())
    }

    /// Returns the response to a request that names another host than ours, or none at all.
    pub(super) fn refusal(&self, version: Version, uri: &Uri, headers: &HeaderMap) -> Option<PageResponse> {
        let mut named = headers.get_all(header::HOST).iter();
        let host = match (named.next(), named.next()) {
            (Some(host), None) => host.to_str().unwrap_or_default(),
            // HTTP/1.0 has no such field, and simple health checks send none.
            (None, _) if version < Version::HTTP_11 => return None,
            // RFC 9112, section 3.2.
            _ => return Some(PageResponse::text(400, "send one Host header")),
        };
        let authority = uri.authority().map(http::uri::Authority::as_str);
        if self.has(host) && authority.is_none_or(|authority| self.has(authority)) {
            return None;
        }
        let text = "the Host header is not an IP address, `localhost` or one of `admin_pages: hosts` in the settings; \
                    use the address, or add the name there";
        Some(PageResponse::text(421, text))
    }

    fn has(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        if let Some(address) = address {
            return address.parse::<Ipv6Addr>().is_ok();
        }
        let name = bare(name);
        name.parse::<Ipv4Addr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// A name without the dot that its absolute form ends with.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The host of a Host header.
fn without_port(host: &str) -> Option<&str> {
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at(end);
    let is_port = port.is_empty() || port.strip_prefix(':')?.bytes().all(|digit| digit.is_ascii_digit());
    is_port.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(version: Version, uri: &str, hosts: &[&str]) -> Option<u16> {
        let known = Hosts::new(&["Nameplate.prod.local.".to_owned(), "proxy".to_owned()]);
        let headers = hosts.iter().map(|host| (header::HOST, host.parse().expect("a value"))).collect();
        known.refusal(version, &uri.parse().expect("a URI"), &headers).map(|page| page.status)
    }

    #[test]
    fn addresses_localhost_and_configured_names_are_answered() {
        let ours =
            ["10.0.1.17", "10.0.1.17:9901", "[::1]", "[fd00::17]:9901", "localhost", "LOCALHOST:9901", "127.0.0.1:"];
        for host in ours.into_iter().chain(["nameplate.prod.local:9901", "NAMEPLATE.prod.local.", "proxy:9901"]) {
            assert_eq!(status(Version::HTTP_11, "/metrics", &[host]), None, "{host}");
        }
    }

    #[test]
    fn other_names_are_not() {
        let others =
            ["evil.example", "evil.example:9901", "localhost.evil.example", "10.0.1.17.evil.example", "prod.local"];
        for host in others.into_iter().chain(["", "[::1", "[evil]", "::1", "10.0.1.17:x", "10.0.1.17@evil", "\u{e9}"]) {
            assert_eq!(status(Version::HTTP_11, "/metrics", &[host]), Some(421), "{host}");
        }
        assert_eq!(status(Version::HTTP_11, "http://evil.example/metrics", &["10.0.1.17"]), Some(421));
        assert_eq!(status(Version::HTTP_11, "http://10.0.1.17/metrics", &["10.0.1.17"]), None);
    }

    #[test]
    fn http_1_0_needs_no_host_and_http_1_1_one() {
        assert_eq!(status(Version::HTTP_10, "/livez", &[]), None);
        assert_eq!(status(Version::HTTP_11, "/livez", &[]), Some(400));
        assert_eq!(status(Version::HTTP_11, "/livez", &["10.0.1.17", "10.0.1.17"]), Some(400));
        assert_eq!(status(Version::HTTP_10, "/livez", &["evil.example"]), Some(421));
    }
}
