//! What happens to a request: the one decision that the proxy acts on and `explain` prints.

use super::host::{self, BadRequestHost, HostBuffer};
use super::refusal::Refusal;
use super::rewrite::{refuse_dot_segments, upstream_target};
use super::route::Route;
use super::table::MappingTable;
use super::target::Target;

/// What a request may be.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Bytes of body.
    pub body: u64,
    /// Bytes of all header names and values.
    pub headers: usize,
    /// Bytes of the request target.
    pub url: usize,
}

/// A request, as far as the decision needs it.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'r> {
    /// The method as sent.
    pub method: &'r str,
    /// The request target as sent.
    pub target: &'r [u8],
    /// The Host header, or HTTP/2's `:authority`.
    pub host: Option<&'r [u8]>,
    /// Whether the target's own authority may stand in for a missing Host: only before HTTP/1.1
    /// (RFC 9112 section 3.2 has a 400 for an HTTP/1.1 request without Host).
    pub host_optional: bool,
    /// Bytes of all header names and values.
    pub header_bytes: usize,
    /// Content-Length, where there is one.
    pub content_length: Option<u64>,
}

/// A request that has an API.
#[derive(Debug)]
pub struct Decision<'t> {
    /// The entry it goes by.
    pub route: &'t Route,
    /// Where that stands in the table.
    pub index: u32,
    /// The target sent upstream.
    pub target: Vec<u8>,
}

/// A request that has none, and the entry that refused it, if the search got that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// The entry, for 405's Allow and for the logs.
    pub index: Option<u32>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused { refusal, index: None }
    }
}

/// Decides. `overrides` are the values of `X-HTTP-Method-Override`: API Gateway lets it replace the
/// method, so it must pass the same VERBS.
pub fn decide<'t, 'o>(
    table: &'t MappingTable,
    limits: &RequestLimits,
    request: RequestView<'_>,
    overrides: impl IntoIterator<Item = &'o [u8]>,
    buffer: &mut HostBuffer,
) -> Result<Decision<'t>, Refused> {
    if request.target.len() > limits.url {
        return Err(Refusal::UriTooLong.into());
    }
    if request.header_bytes > limits.headers {
        return Err(Refusal::HeadersTooLarge.into());
    }
    // CONNECT's target is an authority and names no resource: the method is what is wrong.
    if request.method == "CONNECT" {
        return Err(Refusal::MethodNotAllowed.into());
    }
    let target = Target::parse(request.target)?;
    let raw_host = match (request.host, target.authority) {
        (Some(host), _) => host,
        (None, Some(authority)) if request.host_optional => authority,
        (None, _) => return Err(Refusal::MissingHost.into()),
    };
    // RFC 9112 section 3.2.2 lets an absolute form replace Host; where they name two hosts somebody
    // else on the way may have read the other one.
    if target.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(raw_host)) {
        return Err(Refusal::MalformedHost.into());
    }
    let host = host::normalize(raw_host, buffer).map_err(|bad| match bad {
        BadRequestHost::Missing => Refusal::MissingHost,
        BadRequestHost::Malformed => Refusal::MalformedHost,
    })?;
    refuse_dot_segments(target.path)?;
    let found = table.lookup(host, target.path)?;
    let verbs = found.route.choices.verbs;
    let refused = |refusal| Refused { refusal, index: Some(found.index) };
    if !verbs.allows(request.method) || !overrides.into_iter().all(|method| verbs.allows_override(method)) {
        return Err(refused(Refusal::MethodNotAllowed));
    }
    if let Some(stricter) = table.stricter_entry(&found, host, target.path) {
        return Err(Refused { refusal: Refusal::AmbiguousPath, index: Some(stricter) });
    }
    if request.content_length.is_some_and(|length| length > limits.body) {
        return Err(refused(Refusal::BodyTooLarge));
    }
    let target = upstream_target(found.route.prefix_ref(), found.rest, target.query);
    Ok(Decision { route: found.route, index: found.index, target })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::PrivateApi;
    use crate::domain::base_path::BasePath;
    use crate::domain::host::Host;
    use crate::domain::route::Choices;
    use crate::domain::verbs::VerbSet;

    const LIMITS: RequestLimits = RequestLimits { body: 10, headers: 100, url: 50 };

    fn table() -> MappingTable {
        let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/prod").expect("an api");
        let host = Host::parse("pay.example.com").expect("a host");
        let verbs = VerbSet::NONE.with("GET").expect("a verb");
        MappingTable::new(vec![
            Route::new(&host, &BasePath::default(), &api, Choices { verbs, ..Choices::default() }, 1),
            Route::new(&host, &BasePath::parse("/any").expect("a base path"), &api, Choices::default(), 2),
        ])
    }

    fn get(target: &str) -> RequestView<'_> {
        RequestView {
            method: "GET",
            target: target.as_bytes(),
            host: Some(b"pay.example.com"),
            host_optional: false,
            header_bytes: 10,
            content_length: None,
        }
    }

    #[track_caller]
    fn check(request: RequestView<'_>, overrides: &[&[u8]], want: Result<&str, Refusal>) {
        let table = table();
        let got = decide(&table, &LIMITS, request, overrides.iter().copied(), &mut HostBuffer::default());
        let got = got.map(|d| String::from_utf8_lossy(&d.target).into_owned()).map_err(|r| r.refusal);
        assert_eq!(got, want.map(str::to_owned), "{request:?}");
    }

    #[test]
    fn a_mapped_request_goes_to_its_stage() {
        check(get("/a?b"), &[], Ok("/prod/a?b"));
        check(get("http://pay.example.com/a"), &[], Ok("/prod/a"));
        check(get("/any/x"), &[], Ok("/prod/x"));
    }

    #[test]
    fn the_host_must_be_one_name() {
        check(RequestView { host: None, ..get("/") }, &[], Err(Refusal::MissingHost));
        check(RequestView { host: None, ..get("http://pay.example.com/") }, &[], Err(Refusal::MissingHost));
        check(RequestView { host: None, host_optional: true, ..get("http://pay.example.com/") }, &[], Ok("/prod/"));
        check(RequestView { host: Some(b"a,b"), ..get("/") }, &[], Err(Refusal::MalformedHost));
        check(get("http://other.example.com/"), &[], Err(Refusal::MalformedHost));
        check(RequestView { host: Some(b"x.example"), ..get("/") }, &[], Err(Refusal::UnknownHost));
    }

    #[test]
    fn the_verb_counts_however_it_is_spelled() {
        check(RequestView { method: "POST", ..get("/") }, &[], Err(Refusal::MethodNotAllowed));
        check(get("/"), &[b"delete"], Err(Refusal::MethodNotAllowed));
        check(get("/"), &[b"GET", b"PUT"], Err(Refusal::MethodNotAllowed));
        check(get("/"), &[b"get"], Ok("/prod/"));
        check(RequestView { method: "POST", ..get("/any") }, &[b"DELETE"], Ok("/prod"));
        check(RequestView { method: "CONNECT", ..get("pay.example.com:443") }, &[], Err(Refusal::MethodNotAllowed));
    }

    #[test]
    fn limits_come_before_anything_is_looked_at() {
        check(get(&format!("/{}", "a".repeat(50))), &[], Err(Refusal::UriTooLong));
        check(RequestView { header_bytes: 101, ..get("/") }, &[], Err(Refusal::HeadersTooLarge));
        check(RequestView { content_length: Some(11), ..get("/") }, &[], Err(Refusal::BodyTooLarge));
        check(RequestView { content_length: Some(10), ..get("/") }, &[], Ok("/prod/"));
        check(get("/a/../b"), &[], Err(Refusal::DotSegment));
    }
}
