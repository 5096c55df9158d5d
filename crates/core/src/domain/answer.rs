//! Answers: from the API's terms back to the custom domain's.
//!
//! Only what points at this API's own host, or under its own stage and base path, is translated;
//! every other value stays as the API sent it.

use super::rewrite::rest_after;
use super::route::{HostMode, Route};

/// How the client reached us: what an absolute URL in the custom domain's terms starts with.
#[derive(Clone, Copy, Debug)]
pub struct ClientView<'c> {
    /// `http` or `https`.
    pub scheme: &'c str,
    /// The authority as the client wrote it, port included.
    pub authority: &'c str,
    /// The same, as looked up: no port.
    pub host: &'c str,
}

/// A `Location` or `Content-Location` in the custom domain's terms; `None` leaves it as it is.
pub fn location(route: &Route, client: ClientView<'_>, value: &[u8]) -> Option<Vec<u8>> {
    let (authority, path) = match split_authority(value)? {
        (None, path) => (None, path),
        (Some(authority), path) if is_own(route, client, authority) => (Some(authority), path),
        _ => return None,
    };
    let end = path.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(path.len());
    let (path, tail) = path.split_at(end);
    let local = custom_path(route, path)?;
    let mut out = Vec::with_capacity(value.len() + client.authority.len());
    // `/prod//x` without its stage is `//x`, which names another host (RFC 3986 section 4.2), and
    // browsers read `/\x` the same. Written out in full it stays on this one.
    let names_a_host = local.starts_with(b"//") || local.starts_with(b"/\\");
    if authority.is_some() || names_a_host {
        out.extend_from_slice(client.scheme.as_bytes());
        out.extend_from_slice(b"://");
        out.extend_from_slice(client.authority.as_bytes());
    }
    out.extend_from_slice(&local);
    out.extend_from_slice(tail);
    (out != value).then_some(out)
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
        return Some((name, custom_path(route, value)?));
    }
    None
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

fn is_own(route: &Route, client: ClientView<'_>, authority: &[u8]) -> bool {
    let host = authority.strip_suffix(b":443").unwrap_or(authority);
    host.eq_ignore_ascii_case(route.api_host().as_bytes())
        // An API that was shown the custom domain builds its URLs with it, and with its stage.
        || (route.choices.host == HostMode::Preserve && authority.eq_ignore_ascii_case(client.authority.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::PrivateApi;
    use crate::domain::base_path::BasePath;
    use crate::domain::host::Host;
    use crate::domain::route::Choices;

    const API: &str = "https://abc.execute-api.eu-west-1.amazonaws.com";

    fn route(base: &str, host: HostMode) -> Route {
        let api = PrivateApi::parse(&format!("{API}/prod")).expect("an api");
        Route::new(
            &Host::parse("pay.example.com").expect("a host"),
            &BasePath::parse(base).expect("a base path"),
            &api,
            Choices { host, ..Choices::default() },
            1,
        )
    }

    const CLIENT: ClientView<'static> =
        ClientView { scheme: "https", authority: "pay.example.com:8443", host: "pay.example.com" };

    #[track_caller]
    fn moved(base: &str, value: &str, want: Option<&str>) {
        let got = location(&route(base, HostMode::Api), CLIENT, value.as_bytes());
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
        moved("", "/prod/\\evil.example", Some("https://pay.example.com:8443/\\evil.example"));
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
    fn with_the_host_preserved_the_custom_domain_is_the_apis_own() {
        let got = location(&route("", HostMode::Preserve), CLIENT, b"https://pay.example.com:8443/prod/x");
        assert_eq!(got.as_deref(), Some(&b"https://pay.example.com:8443/x"[..]));
        assert_eq!(location(&route("", HostMode::Api), CLIENT, b"https://pay.example.com:8443/prod/x"), None);
    }

    #[track_caller]
    fn baked(value: &str, want: Option<&str>) {
        let got = cookie(&route("/v1", HostMode::Api), CLIENT, value.as_bytes());
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
}
