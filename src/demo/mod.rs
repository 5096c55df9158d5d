//! A stand-in for API Gateway and a way to try a mapping against it, for `nameplate demo` and for
//! tests. The proxy itself never uses any of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nameplate_core::domain::route::{ResponseMode, Route};
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::verbs::VERBS;

pub(crate) mod apis;
pub(crate) mod authority;
pub(crate) mod failures;
pub(crate) mod gateway;
mod reply;

/// How many entries of a mapping [`curl_lines`] shows; the sample mapping has fewer.
const SHOWN_ENTRIES: usize = 6;

/// Commands to paste, each under a `#` line that says what to expect: entries of the mapping, a
/// refused method, a redirect, an unknown domain, and the admin listener.
///
/// `proxy` must be a plaintext listener. Every line reaches the entry it is about: what a longer
/// base path or a more exact name would answer instead is left out.
pub(crate) fn curl_lines(table: &MappingTable, proxy: SocketAddr, admin: SocketAddr) -> Vec<String> {
    let proxy = reachable(proxy);
    let mut lines = Vec::new();
    let mut say = |comment: String, command: String| lines.extend([format!("# {comment}"), command]);
    for route in table.routes().iter().take(SHOWN_ENTRIES) {
        let Some((target, verb)) = Target::of(table, route, "/hello").zip(verb_of(route)) else { continue };
        let what =
            if route.is_wildcard() { format!("{} by {}", target.host, route.host()) } else { target.host.clone() };
        let prefix = route.prefix();
        say(
            format!("{what}{} is API {} at {prefix}: 200, and what the API received", route.base(), route.api_id()),
            target.curl(proxy, verb, false),
        );
    }
    let refused = |route: &Route| VERBS.into_iter().find(|verb| *verb != "HEAD" && !route.choices.verbs.allows(verb));
    if let Some((target, verb)) = first(table, |route| Target::of(table, route, "/hello").zip(refused(route))) {
        let allowed = table.lookup(&target.host, target.path.as_bytes()).map(|found| found.route.choices.verbs);
        let allowed = allowed.map(|verbs| verbs.to_string()).unwrap_or_default();
        say(format!("{verb} is not in VERBS: 405 with Allow: {allowed}"), target.curl(proxy, verb, true));
    }
    let translated = |route: &Route| route.choices.response == ResponseMode::Translate && verb_of(route) == Some("GET");
    let redirect = |route: &Route| Target::of(table, route, "/redirect").filter(|_| translated(route));
    if let Some(target) = first(table, redirect) {
        let comment = format!("the API redirects to its own name: 302, the Location is on {}", target.host);
        say(comment, target.curl(proxy, "GET", true));
    }
    let unknown = Target { host: "no-such-domain.invalid".into(), path: "/".into() };
    say("no entry has this domain: 421, and why".into(), unknown.curl(proxy, "GET", true));
    let admin = reachable(admin);
    say("a mapping and an address of the endpoint are there: ready".into(), format!("curl -s http://{admin}/readyz"));
    say("what Prometheus reads".into(), format!("curl -s http://{admin}/metrics"));
    lines
}

fn first<T>(table: &MappingTable, of: impl FnMut(&Route) -> Option<T>) -> Option<T> {
    table.routes().into_iter().find_map(of)
}

/// The first of GET, POST, ... that an entry allows. HEAD shows nothing of what the API received.
fn verb_of(route: &Route) -> Option<&'static str> {
    ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].into_iter().find(|verb| route.choices.verbs.allows(verb))
}

/// Nobody can connect to "every address of this machine".
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback =
            if address.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
        address.set_ip(loopback);
    }
    address
}

/// What a command asks for.
struct Target {
    host: String,
    path: String,
}

impl Target {
    /// A host and path that this very entry answers, if there are any.
    fn of(table: &MappingTable, route: &Route, tail: &str) -> Option<Target> {
        let path = format!("{}{tail}", route.base());
        let reaches = |host: &String| {
            let found = table.lookup(host, path.as_bytes()).map(|found| found.route);
            found.is_ok_and(|found| (found.host(), found.base()) == (route.host(), route.base()))
        };
        let host = match route.host().strip_prefix("*.") {
            Some(parent) => ["any", "other", "some"].map(|label| format!("{label}.{parent}")).into_iter().find(reaches),
            None => Some(route.host().to_owned()).filter(reaches),
        }?;
        Some(Target { host, path })
    }

    /// The command; with `headers` it shows the answer's head too.
    fn curl(&self, proxy: SocketAddr, verb: &str, headers: bool) -> String {
        let show = if headers { " -i" } else { "" };
        let method = if verb == "GET" { String::new() } else { format!(" -X {verb}") };
        let url = format!("http://{proxy}{}", self.path);
        format!("curl -s{show}{method} -H 'Host: {}' {}", self.host, quoted(&url))
    }
}

/// A URL as a shell passes it on unchanged.
fn quoted(url: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/:.-_~%+,@=".contains(&b);
    if url.bytes().all(plain) { url.to_owned() } else { format!("'{}'", url.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests;
