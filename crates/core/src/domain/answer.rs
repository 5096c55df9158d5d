//! Answers: from the API's terms back to the custom domain's.
//!
//! Only what points at this API's own host, or under its own stage and base path, is translated;
//! every other value stays as the API sent it.

use std::borrow::Cow;

use super::rewrite::rest_after;
use super::route::Route;

/// How the client reached us: what an absolute URL in the custom domain's terms starts with.
#[derive(Clone, Copy, Debug)]
pub struct ClientView<'c> {
    /// `http` or `https`.
    pub scheme: &'c str,
    /// The authority as the client wrote it, port included.
    pub authority: &'c str,
    /// The same, as looked up: no port.
    pub host: &'c str,
    /// The port that the API was told (`X-Forwarded-Port`).
    pub port: &'c str,
}

/// A `Location` or `Content-Location` in the custom domain's terms; `None` leaves it as it is.
pub fn location(route: &Route, client: ClientView<'_>, value: &[u8]) -> Option<Vec<u8>> {
    let read = as_browsers_read(value);
    let ours = (client.scheme.as_bytes(), client.authority.as_bytes());
    let (origin, path) = match split_authority(&read)? {
        (None, path) => (None, path),
        (Some(authority), path) if is_api(route, authority) => (Some(ours), path),
        (Some(authority), path) if is_custom_domain(client, authority) => {
            // A client that came without TLS is sent to it: it would come back for ever.
            let upgrades = client.scheme == "http" && read.get(..6).is_some_and(|v| v.eq_ignore_ascii_case(b"https:"));
            (Some(if upgrades { (&b"https"[..], authority) } else { ours }), path)
        }
        _ => return None,
    };
    let (path, tail) = path.split_at(end_of_path(path));
    let local = custom_path(route, path)?;
    let mut out = Vec::with_capacity(value.len() + client.authority.len());
    // `/prod//x` without its stage is `//x`, which names another host (RFC 3986 section 4.2). Written out in full it
    // stays on this one.
    if let Some((scheme, authority)) = origin.or(local.starts_with(b"//").then_some(ours)) {
        out.extend_from_slice(scheme);
        out.extend_from_slice(b"://");
        out.extend_from_slice(authority);
    }
    out.extend_from_slice(&local);
    out.extend_from_slice(tail);
    (out != value).then_some(out)
}

/// A URL without what browsers take out, and with slashes where they read some: tabs and line ends count nowhere, and a
/// backslash before the query is a slash (WHATWG URL, "basic URL parser").
fn as_browsers_read(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    let is_dropped = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n');
    if !value.iter().any(|byte| is_dropped(byte) || *byte == b'\\') {
        return Cow::Borrowed(value);
    }
    let mut read: Vec<u8> = value.iter().copied().filter(|byte| !is_dropped(byte)).collect();
    let end = end_of_path(&read);
    read[..end].iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    Cow::Owned(read)
}

/// Where a query or a fragment begins.
fn end_of_path(url: &[u8]) -> usize {
    url.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(url.len())
}

/// A `Set-Cookie` whose Domain and Path are in the custom domain's terms; `None` leaves it as it is.
pub fn cookie(route: &Route, client: ClientView<'_>, value: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len() + client.host.len());
    for (at, part) in value.split(|b| *b == b';').enumerate() {
        if at > 0 {
            out.push(b';');
        }
        // The first part is the cookie itself, whatever it is called.
        let translated = if at == 0 { None } else { cookie_attribute(route, client, part) };
        match translated {
            Some((name, value)) => {
                out.extend_from_slice(name);
                out.extend_from_slice(&value);
            }
            None => out.extend_from_slice(part),
        }
    }
    (out != value).then_some(out)
}

fn cookie_attribute<'a>(route: &Route, client: ClientView<'_>, part: &'a [u8]) -> Option<(&'a [u8], Vec<u8>)> {
    let equals = part.iter().position(|b| *b == b'=')? + 1;
    let (name, value) = part.split_at(equals);
    let key = name[..equals - 1].trim_ascii();
    let value = value.trim_ascii();
    if key.eq_ignore_ascii_case(b"domain") {
        let domain = value.strip_prefix(b".").unwrap_or(value);
        return domain.eq_ignore_ascii_case(route.api_host().as_bytes()).then(|| (name, client.host.into()));
    }
    if key.eq_ignore_ascii_case(b"path") {
        return Some((name, cookie_path(route, value)?));
    }
    None
}

/// A cookie's Path. One that covers more than the API covers, in the custom domain's terms, all of its entry; `/` is `/`
/// on both sides.
fn cookie_path(route: &Route, path: &[u8]) -> Option<Vec<u8>> {
    let parent = path.strip_suffix(b"/").unwrap_or(path);
    if !parent.is_empty() && rest_after(parent, route.prefix_ref()).is_some_and(|below| !below.is_empty()) {
        return custom_path(route, route.prefix_ref());
    }
    custom_path(route, path)
}

/// `/{stage}{api base}{rest}` as `{custom base}{rest}`.
fn custom_path(route: &Route, path: &[u8]) -> Option<Vec<u8>> {
    let rest = rest_after(route.prefix_ref(), path)?;
    let mut out = Vec::with_capacity(route.base().len() + rest.len().max(1));
    out.extend_from_slice(route.base().as_bytes());
    out.extend_from_slice(rest);
    if out.is_empty() {
        out.push(b'/');
    }
    Some(out)
}

/// The authority of `scheme://authority/...` or `//authority/...`, and the path after it. `None`
/// for what is neither that nor an absolute path: it names no host and no stage.
fn split_authority(value: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let lower_starts = |prefix: &[u8]| value.get(..prefix.len()).is_some_and(|v| v.eq_ignore_ascii_case(prefix));
    let skip = if lower_starts(b"https://") {
        8
    } else if lower_starts(b"http://") {
        7
    } else if value.starts_with(b"//") {
        2
    } else if value.starts_with(b"/") {
        return Some((None, value));
    } else {
        return None;
    };
    let rest = &value[skip..];
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some((Some(authority), path))
}

fn is_api(route: &Route, authority: &[u8]) -> bool {
    let (host, port) = split_port(authority);
    matches!(port, b"" | b"443") && host.eq_ignore_ascii_case(route.api_host().as_bytes())
}

/// Reports whether an authority is ours: an API builds URLs from the domain in the request, followed by its own stage.
fn is_custom_domain(client: ClientView<'_>, authority: &[u8]) -> bool {
    let (host, port) = split_port(authority);
    let is_known = matches!(port, b"" | b"443" | b"80") || port == client.port.as_bytes();
    authority.eq_ignore_ascii_case(client.authority.as_bytes())
        || is_known && host.eq_ignore_ascii_case(client.host.as_bytes())
}

/// The host of an authority, and its port or nothing.
fn split_port(authority: &[u8]) -> (&[u8], &[u8]) {
    match authority.iter().rposition(|b| *b == b':') {
        Some(colon) => (&authority[..colon], &authority[colon + 1..]),
        None => (authority, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::PrivateApi;
    use crate::domain::base_path::BasePath;
    use crate::domain::host::Host;
    use crate::domain::route::Choices;

    const API: &str = "https://abc.execute-api.eu-west-1.amazonaws.com";

    fn route(base: &str, stage: &str) -> Route {
        let api = PrivateApi::parse(&format!("{API}{stage}")).expect("an api");
        Route::new(
            &Host::parse("pay.example.com").expect("a host"),
            &BasePath::parse(base).expect("a base path"),
            &api,
            Choices::default(),
            1,
        )
    }

    const CLIENT: ClientView<'static> =
        ClientView { scheme: "https", authority: "pay.example.com:8443", host: "pay.example.com", port: "8080" };

    #[track_caller]
    fn moved(base: &str, value: &str, want: Option<&str>) {
        let got = location(&route(base, "/prod"), CLIENT, value.as_bytes());
        assert_eq!(got.map(|v| String::from_utf8_lossy(&v).into_owned()).as_deref(), want, "{value}");
    }

    #[test]
    fn the_apis_own_url_becomes_the_custom_domains() {
        moved("", &format!("{API}/prod/x?y#z"), Some("https://pay.example.com:8443/x?y#z"));
        moved("", &format!("{API}:443/prod"), Some("https://pay.example.com:8443/"));
        moved("/v1", &format!("{API}/prod/x"), Some("https://pay.example.com:8443/v1/x"));
        moved("", "//abc.execute-api.eu-west-1.amazonaws.com/prod/x", Some("https://pay.example.com:8443/x"));
    }

    #[test]
    fn a_path_under_the_stage_loses_it() {
        moved("", "/prod/x", Some("/x"));
        moved("", "/prod", Some("/"));
        moved("/v1", "/prod?a", Some("/v1?a"));
    }

    #[test]
    fn a_path_that_would_name_another_host_is_written_in_full() {
        moved("", "/prod//evil.example/x", Some("https://pay.example.com:8443//evil.example/x"));
        moved("", "/prod/\\evil.example", Some("https://pay.example.com:8443//evil.example"));
        moved("/v1", "/prod//x", Some("/v1//x"));
    }

    #[test]
    fn everything_else_is_untouched() {
        for value in [
            "/product",
            "/x",
            "x",
            "",
            "https://other.example/prod/x",
            "https://xyz.execute-api.eu-west-1.amazonaws.com/prod/x",
            "mailto:a@b",
            "/test/x",
        ] {
            moved("", value, None);
        }
        moved("", &format!("{API}/test/x"), None);
        moved("/prod", "/prod/x", None);
    }

    #[test]
    fn the_custom_domain_is_the_apis_own_host() {
        for authority in [
            "pay.example.com:8443",
            "pay.example.com",
            "PAY.example.com",
            "pay.example.com:443",
            "pay.example.com:80",
            "pay.example.com:8080",
        ] {
            moved("", &format!("https://{authority}/prod/x"), Some("https://pay.example.com:8443/x"));
            moved("/v1", &format!("//{authority}/prod?a"), Some("https://pay.example.com:8443/v1?a"));
        }
        for authority in ["pay.example.com:9000", "u@pay.example.com", "pay.example.com.evil.example", ""] {
            moved("", &format!("https://{authority}/prod/x"), None);
        }
        moved("", "https://pay.example.com/x", None);
        moved("/v1", "https://pay.example.com/v1/x", None);
    }

    #[test]
    fn a_client_that_is_sent_to_tls_gets_there() {
        let client = ClientView { scheme: "http", authority: "pay.example.com:8080", ..CLIENT };
        for (value, want) in [
            ("https://pay.example.com/prod/x", "https://pay.example.com/x"),
            ("HTTPS://pay.example.com:443/prod", "https://pay.example.com:443/"),
            ("http://pay.example.com/prod/x", "http://pay.example.com:8080/x"),
            ("//pay.example.com/prod/x", "http://pay.example.com:8080/x"),
            (&format!("{API}/prod/x"), "http://pay.example.com:8080/x"),
        ] {
            let got = location(&route("", "/prod"), client, value.as_bytes());
            assert_eq!(got.as_deref(), Some(want.as_bytes()), "{value}");
        }
        moved("", "http://pay.example.com/prod/x", Some("https://pay.example.com:8443/x"));
    }

    #[test]
    fn a_url_is_what_browsers_read() {
        moved("", "/prod/\t/evil.example/x", Some("https://pay.example.com:8443//evil.example/x"));
        moved("", "/prod/\r\n/evil.example", Some("https://pay.example.com:8443//evil.example"));
        moved("", "/prod\t//evil.example", Some("https://pay.example.com:8443//evil.example"));
        moved("", "/prod/\t\\\tevil.example", Some("https://pay.example.com:8443//evil.example"));
        moved("", "/p\trod/x", Some("/x"));
        moved("", "\\prod\\x?a\\b#c\\d", Some("/x?a\\b#c\\d"));
        moved("", "/\t/evil.example/prod/x", None);
        moved("", "\t/\\evil.example/prod/x", None);
        let api = API.replace("//", "\\\\");
        moved("", &format!("{api}\\prod\\x"), Some("https://pay.example.com:8443/x"));
    }

    #[track_caller]
    fn baked(value: &str, want: Option<&str>) {
        baked_by("/v1", "/prod", value, want);
    }

    #[track_caller]
    fn baked_by(base: &str, stage: &str, value: &str, want: Option<&str>) {
        let got = cookie(&route(base, stage), CLIENT, value.as_bytes());
        assert_eq!(got.map(|v| String::from_utf8_lossy(&v).into_owned()).as_deref(), want, "{value}");
    }

    #[test]
    fn cookies_follow_the_domain_and_the_path() {
        baked("a=b; Path=/prod; Secure", Some("a=b; Path=/v1; Secure"));
        baked(
            "a=b; path=/prod/x; Domain=.abc.execute-api.eu-west-1.amazonaws.com",
            Some("a=b; path=/v1/x; Domain=pay.example.com"),
        );
        baked("Path=/prod; Secure", None);
        baked("a=b; Path=/; Domain=example.com", None);
        baked("a=b", None);
    }

    #[test]
    fn a_cookie_for_more_than_the_api_is_for_the_whole_entry() {
        baked_by("/v1", "/prod/pay/in", "a=b; Path=/prod", Some("a=b; Path=/v1"));
        baked_by("/v1", "/prod/pay/in", "a=b; Path=/prod/pay/", Some("a=b; Path=/v1"));
        baked_by("", "/prod/pay/in", "a=b; Path=/prod/pay", Some("a=b; Path=/"));
        baked_by("/v1", "/prod/pay/in", "a=b; Path=/prod/pay/in/x", Some("a=b; Path=/v1/x"));
        for path in ["/", "/pro", "/prod/pa", "/prod/payment", "/prod/pay/out", "prod"] {
            baked_by("/v1", "/prod/pay/in", &format!("a=b; Path={path}"), None);
        }
    }
}
