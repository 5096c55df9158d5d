//! The request as the API gets it: the header Pingora cloned, with what must change changed.

use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderName};
use http::{HeaderMap, HeaderValue};
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType, OrErr, Result};
use pingora_proxy::Session;

use super::Proxy;
use super::context::RequestContext;
use super::head::HeaderWork;
use crate::downstream::connection::ClientConnection;
use crate::downstream::request_id::Id;
use crate::downstream::unfinished;
use nameplate_core::domain::host::{HostBuffer, normalize};
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::route::{HostMode, RefererMode, Route};
use nameplate_core::domain::target::Target;
use nameplate_core::settings::{Client, RequestId};

impl Proxy {
    /// Makes the client's request the API's: our id, what the API learns of the client, the route's target and
    /// headers.
    pub(super) fn upstream_request(
        &self,
        session: &Session,
        request: &mut RequestHeader,
        ctx: &RequestContext,
    ) -> Result<()> {
        let asked = asked_host(session.req_header());
        if session.is_http2() {
            join_cookies(request)?;
        }
        let route = ctx.route().ok_or_else(|| Error::explain(ErrorType::InternalError, "no route was decided"))?;
        if let Some(id) = self.id_to_say(ctx).filter(|id| id.is_new) {
            request.insert_header("X-Request-Id", id.value.clone())?;
        }
        self.forwarded.apply(request, &ClientConnection::client_info(session), asked.clone())?;
        address_to_api(request, route, ctx.target.clone(), asked.as_ref(), ctx.work)
    }

    /// Counts a piece of the request's body, and refuses one that is over the limit.
    pub(super) fn upstream_body(
        &self,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        let none = || Error::explain(ErrorType::InternalError, "a body before there is an attempt");
        let attempt = ctx.attempts.current_mut().ok_or_else(none)?;
        attempt.note_body(end_of_stream, self.client.read_timeout, Instant::now);
        let Some(bytes) = body else { return Ok(()) };
        unfinished::note_body();
        let Client { min_receive_rate, read_timeout, .. } = self.client;
        if !end_of_stream && ctx.receiving.received(bytes.len(), Instant::now(), min_receive_rate, read_timeout) {
            ctx.refusal = Some(Refusal::RequestTimeout);
            return Err(Error::explain(ErrorType::ReadTimedout, "the body comes too slowly").into_down());
        }
        // An HTTP/2 request may end in an empty DATA frame. Pingora 0.9.1 writes it to an HTTP/1.1
        // upstream as a second terminating chunk (its issue 935), which the next request on that
        // connection would be read as a part of.
        if bytes.is_empty() && end_of_stream {
            *body = None;
            return Ok(());
        }
        if attempt.add_body(bytes.len()) > self.limits.body {
            ctx.refusal = Some(Refusal::BodyTooLarge);
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, "the body is over the limit").into_down());
        }
        Ok(())
    }

    /// The request's id, where headers are to have it.
    pub(super) fn id_to_say<'c>(&self, ctx: &'c RequestContext) -> Option<&'c Id> {
        ctx.id().filter(|_| self.request_id != RequestId::Off)
    }
}

/// Puts the route's target and headers into a request on its way upstream. `asked_host` is the
/// authority the client asked for.
fn address_to_api(
    request: &mut RequestHeader,
    route: &Route,
    target: Bytes,
    asked_host: Option<&HeaderValue>,
    work: HeaderWork,
) -> Result<()> {
    set_target(request, target)?;
    if work.for_proxies {
        drop_proxy_headers(request);
    }
    if work.length
        && let Some(length) = repeated_length(&request.headers)
    {
        request.insert_header(CONTENT_LENGTH, length)?;
    }
    let domain = domain_value(route, asked_host)?;
    // The Host names the API, not the VPC endpoint we dial: API Gateway picks the API by it.
    // Swapped, it answers a 403 that looks like a resource-policy fault.
    match (route.choices.host, asked_host) {
        (HostMode::Preserve, Some(asked)) => request.insert_header(HOST, asked.clone())?,
        _ => request.insert_header(HOST, value(route.api_host_bytes())?)?,
    }
    // Overwritten and never merely added: it outranks Host when API Gateway picks the API.
    request.insert_header("x-apigw-api-id", value(route.api_id_bytes())?)?;
    if route.choices.referer == RefererMode::Domain {
        request.insert_header("Referer", domain.clone())?;
    }
    request.insert_header("X-Upstream-Domain", domain)
}

/// The authority the client asked for, as it wrote it. In HTTP/1.0 an absolute form may be all
/// there is.
pub(super) fn asked_host(request: &RequestHeader) -> Option<HeaderValue> {
    match (request.uri.authority(), request.headers.get(HOST)) {
        (Some(authority), _) => HeaderValue::from_str(authority.as_str()).ok(),
        (None, Some(host)) => Some(host.clone()),
        (None, None) => HeaderValue::from_bytes(Target::parse(request.raw_path()).ok()?.authority?).ok(),
    }
}

fn set_target(request: &mut RequestHeader, target: Bytes) -> Result<()> {
    // `http::Uri` knows fewer bytes than clients send (`|` or `^`, say); those keep their raw form.
    match http::Uri::from_maybe_shared(target.clone()) {
        Ok(uri) if uri.path_and_query().is_some_and(|p| p.as_str().as_bytes() == target) => {
            request.set_uri(uri);
            Ok(())
        }
        _ => request.set_raw_path(&target),
    }
}

/// The custom domain as the client named it: for a wildcard, the concrete name.
fn domain_value(route: &Route, asked_host: Option<&HeaderValue>) -> Result<HeaderValue> {
    if !route.is_wildcard() {
        return value(route.host_bytes());
    }
    let mut buffer = HostBuffer::default();
    let asked = asked_host.map_or(&b""[..], HeaderValue::as_bytes);
    match normalize(asked, &mut buffer) {
        Ok(host) => value(Bytes::copy_from_slice(host.as_bytes())),
        Err(_) => value(route.host_bytes()),
    }
}

fn value(bytes: Bytes) -> Result<HeaderValue> {
    HeaderValue::from_maybe_shared(bytes).or_err(ErrorType::InternalError, "a compiled text is a header value")
}

/// The one value of a Content-Length that is said more than once, as a list or in lines of its own.
/// Pingora has made sure they are equal and passes them on as they are; the next reader may take
/// them for a conflict (RFC 9110 section 8.6).
pub(super) fn repeated_length(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let (first, second) = (values.next()?.as_bytes(), values.next());
    let end = first.iter().position(|b| *b == b',');
    if second.is_none() && end.is_none() {
        return None;
    }
    HeaderValue::from_bytes(first[..end.unwrap_or(first.len())].trim_ascii()).ok()
}

/// An HTTP/2 client may send each cookie in a line of its own, to compress them better; HTTP/1.1 has
/// room for one line (RFC 9113 section 8.2.3).
fn join_cookies(request: &mut RequestHeader) -> Result<()> {
    let mut lines = request.headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return Ok(()) };
    let mut joined = first.as_bytes().to_vec();
    for line in std::iter::once(second).chain(lines) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(line.as_bytes());
    }
    let joined = HeaderValue::from_bytes(&joined).or_err(ErrorType::InternalError, "values joined are a value")?;
    request.insert_header(COOKIE, joined)
}

/// Pingora drops the hop-by-hop headers it knows; every other `Proxy-*`, and `Proxy` itself, which
/// CGI programs take for a setting of theirs ("httpoxy"), is meant for us as well.
fn drop_proxy_headers(request: &mut RequestHeader) {
    let is_ours = |name: &HeaderName| name == "proxy" || name.as_str().starts_with("proxy-");
    while let Some(name) = request.headers.keys().find(|name| is_ours(name)).cloned() {
        request.remove_header(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::head::RequestHead;
    use nameplate_core::domain::api::PrivateApi;
    use nameplate_core::domain::base_path::BasePath;
    use nameplate_core::domain::host::Host;
    use nameplate_core::domain::route::Choices;

    fn sent(domain: &str, choices: Choices, headers: &[(&'static str, &str)]) -> RequestHeader {
        let api = PrivateApi::parse("https://abc123.execute-api.eu-west-1.amazonaws.com/prod").expect("an api");
        let route = Route::new(&Host::parse(domain).expect("a host"), &BasePath::default(), &api, choices, 1);
        let mut request = RequestHeader::build("GET", b"/ignored", None).expect("a request");
        for (name, value) in headers {
            request.append_header(*name, *value).expect("a header");
        }
        let asked = HeaderValue::from_static("Shop.example.com:8443");
        let work = RequestHead::of(&request.headers).work;
        address_to_api(&mut request, &route, Bytes::from_static(b"/prod/x?y|z"), Some(&asked), work)
            .expect("a valid request");
        request
    }

    #[track_caller]
    fn header(request: &RequestHeader, name: &str, want: &[&str]) {
        let got: Vec<_> = request.headers.get_all(name).iter().map(|v| v.to_str().expect("ascii")).collect();
        assert_eq!(got, want, "{name}");
    }

    #[test]
    fn what_names_the_api_is_overwritten() {
        let spoofed =
            [("x-apigw-api-id", "evil"), ("X-Upstream-Domain", "evil"), ("Referer", "evil"), ("Host", "evil")];
        let request = sent("shop.example.com", Choices::default(), &spoofed);
        header(&request, "host", &["abc123.execute-api.eu-west-1.amazonaws.com"]);
        header(&request, "x-apigw-api-id", &["abc123"]);
        header(&request, "x-upstream-domain", &["shop.example.com"]);
        header(&request, "referer", &["shop.example.com"]);
        assert_eq!(request.raw_path(), b"/prod/x?y|z");
    }

    #[test]
    fn a_length_said_twice_is_said_once() {
        let length = |name: &'static str, values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| (name, *value)).collect();
            let request = sent("shop.example.com", Choices::default(), &headers);
            header(&request, "content-length", &["5"]);
        };
        length("Content-Length", &["5"]);
        length("Content-Length", &["5", "5"]);
        length("Content-Length", &["5 , 5", "5"]);
    }

    #[test]
    fn cookies_in_lines_of_their_own_are_one_line() {
        let split = [("Cookie", "a=1"), ("X-A", "b"), ("Cookie", "c=2; d=3"), ("cookie", "e=4")];
        let joined = |headers| {
            let mut request = sent("shop.example.com", Choices::default(), headers);
            join_cookies(&mut request).expect("a value");
            request
        };
        header(&joined(&split), "cookie", &["a=1; c=2; d=3; e=4"]);
        header(&joined(&split[..2]), "cookie", &["a=1"]);
        header(&joined(&[]), "cookie", &[]);
    }

    #[test]
    fn a_wildcard_tells_the_name_that_was_asked_for() {
        header(&sent("*.example.com", Choices::default(), &[]), "x-upstream-domain", &["shop.example.com"]);
    }

    #[test]
    fn host_and_referer_are_preserved_where_the_entry_says_so() {
        let choices = Choices { host: HostMode::Preserve, referer: RefererMode::Preserve, ..Choices::default() };
        let request = sent("shop.example.com", choices, &[("Referer", "https://from.example/")]);
        header(&request, "host", &["Shop.example.com:8443"]);
        header(&request, "referer", &["https://from.example/"]);
        header(&request, "x-apigw-api-id", &["abc123"]);
    }

    #[test]
    fn what_is_meant_for_a_proxy_ends_here() {
        let request =
            sent("shop.example.com", Choices::default(), &[("Proxy", "x"), ("Proxy-Foo", "y"), ("Proxied", "z")]);
        header(&request, "proxy", &[]);
        header(&request, "proxy-foo", &[]);
        header(&request, "proxied", &["z"]);
    }
}
