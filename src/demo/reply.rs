//! What the stand-in answers: API Gateway's own refusals, or an echo of what it received.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::request::Parts;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use serde::Serialize;

use super::apis::{Apis, Call, Invocation, Verdict};
use super::failures::{Canned, FORBIDDEN, Failure, Shows, Writer};

/// How much of a body the echo shows; of a longer one it tells the length.
pub(super) const SHOWN_BODY: usize = 16 * 1024;

const API_ID: HeaderName = HeaderName::from_static("x-apigw-api-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXTENDED_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const REMAPPED_DATE: HeaderName = HeaderName::from_static("x-amzn-remapped-date");
const REMAPPED_SERVER: HeaderName = HeaderName::from_static("x-amzn-remapped-server");

/// What the stand-in received, as the echo shows it.
#[derive(Serialize)]
struct Echo<'a> {
    method: &'a str,
    /// Path and query, byte for byte.
    path: &'a str,
    api: &'a str,
    stage: &'a str,
    sni: Option<&'a str>,
    host: Option<String>,
    /// Names in lower case: hyper keeps no other.
    headers: Vec<(&'a str, String)>,
    body_length: u64,
    /// Absent when longer than [`SHOWN_BODY`] or not UTF-8.
    body: Option<&'a str>,
    trailers: Vec<(&'a str, String)>,
}

/// A request's body: all of its length, and its text where that is short.
#[derive(Default)]
struct Received {
    length: u64,
    shown: Vec<u8>,
    trailers: HeaderMap,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// The client broke off its body.
    #[error("read a request's body: {0}")]
    Body(#[from] hyper::Error),
    /// A failure that closes the connection.
    #[error("the connection is to be closed")]
    Hangup,
}

/// Answers one request.
pub(super) async fn answer(
    apis: &Apis,
    sni: Option<&str>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Unanswered> {
    let (head, body) = request.into_parts();
    // Refused requests are read to their end too, so that the connection stays usable.
    let body = receive(body).await?;
    let host = text_of(&head.headers, &HOST);
    let api_id = text_of(&head.headers, &API_ID);
    let call = Call { sni, host: host.as_deref(), api_id: api_id.as_deref(), path: head.uri.path() };
    let mut response = match apis.judge(call) {
        Verdict::Healthy => plain(StatusCode::OK, "text/plain", "healthy"),
        Verdict::Forbidden | Verdict::NoStage => canned(FORBIDDEN, ""),
        Verdict::Fails(failure) => return fail(failure, &resource(&head, host.as_deref(), api_id.as_deref())).await,
        Verdict::Invoked(to) => match asked_failure(&head) {
            Some(response) => return Ok(marked(response, &resource(&head, host.as_deref(), Some(to.api)))),
            None => invoke(to, sni, host.clone(), &head, &body),
        },
    };
    mark(&mut response);
    Ok(response)
}

/// What an API that fails makes of a request.
async fn fail(failure: &Failure, resource: &str) -> Result<Response<Full<Bytes>>, Unanswered> {
    match failure.shows {
        Shows::Response(response) => Ok(marked(response, resource)),
        Shows::Strict => Ok(marked(FORBIDDEN, resource)),
        Shows::Silence => std::future::pending().await,
        Shows::Hangup | Shows::Handshake(_) => Err(Unanswered::Hangup),
    }
}

/// The response of `.../fail/{name}`.
fn asked_failure(head: &Parts) -> Option<Canned> {
    let (front, name) = head.uri.path().rsplit_once('/')?;
    Failure::named(name).filter(|_| front.ends_with("/fail"))?.response()
}

/// What was asked for as a policy names it: AWS hides all of the account but its last four digits.
fn resource(head: &Parts, host: Option<&str>, api_id: Option<&str>) -> String {
    let labels: Vec<&str> = host.unwrap_or_default().split('.').collect();
    let api = api_id.unwrap_or(labels[0]);
    let region = labels.get(2).copied().filter(|_| labels.get(1) == Some(&"execute-api")).unwrap_or("us-east-1");
    let (stage, path) = head.uri.path().trim_start_matches('/').split_once('/').unwrap_or(("", ""));
    format!("arn:aws:execute-api:{region}:********1234:{api}/{stage}/{}/{path}", head.method)
}

/// A canned response with the headers of who writes it.
fn marked(response: Canned, resource: &str) -> Response<Full<Bytes>> {
    let mut made = canned(response, resource);
    if response.writer != Writer::Stranger {
        mark(&mut made);
    }
    made
}

/// Puts in the ids that every response of API Gateway has.
fn mark(response: &mut Response<Full<Bytes>>) {
    let (id, extended) = request_ids();
    response.headers_mut().insert(REQUEST_ID, id);
    response.headers_mut().insert(EXTENDED_REQUEST_ID, extended);
}

async fn receive(mut body: Incoming) -> Result<Received, hyper::Error> {
    let mut received = Received::default();
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => {
                received.length += data.len() as u64;
                let room = (SHOWN_BODY + 1).saturating_sub(received.shown.len());
                received.shown.extend_from_slice(&data[..data.len().min(room)]);
            }
            Err(frame) => received.trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok(received)
}

/// The few things under a stage that answer other than with the echo.
fn invoke(
    to: Invocation<'_>,
    sni: Option<&str>,
    host: Option<String>,
    head: &Parts,
    body: &Received,
) -> Response<Full<Bytes>> {
    let path = head.uri.path();
    if path.ends_with("/redirect") {
        let mut response = plain(StatusCode::FOUND, "application/json", "{\"message\":\"Found\"}");
        insert(&mut response, LOCATION, &format!("https://{}/{}/landed", to.api_host, to.stage));
        return response;
    }
    if let Some(status) = asked_status(path) {
        return plain(status, "application/json", &format!("{{\"status\":{}}}", status.as_u16()));
    }
    let echo = Echo {
        method: head.method.as_str(),
        path: head.uri.path_and_query().map_or("", |target| target.as_str()),
        api: to.api,
        stage: to.stage,
        sni,
        host,
        headers: pairs(&head.headers),
        body_length: body.length,
        body: std::str::from_utf8(&body.shown).ok().filter(|text| text.len() <= SHOWN_BODY),
        trailers: pairs(&body.trailers),
    };
    let text = serde_json::to_string_pretty(&echo).expect("texts and numbers are always JSON") + "\n";
    let mut response = plain(StatusCode::OK, "application/json", &text);
    if path.ends_with("/cookie") {
        insert(&mut response, SET_COOKIE, &format!("visited=yes; Path=/{}; HttpOnly", to.stage));
    }
    response
}

/// The code of `.../status/{code}`, where a final status has it.
fn asked_status(path: &str) -> Option<StatusCode> {
    let (front, code) = path.rsplit_once('/')?;
    let code: u16 = code.parse().ok().filter(|_| front.ends_with("/status"))?;
    // 1xx is no answer, only the announcement of one.
    StatusCode::from_u16(code).ok().filter(|_| (200..600).contains(&code))
}

fn pairs(headers: &HeaderMap) -> Vec<(&str, String)> {
    headers.iter().map(|(name, value)| (name.as_str(), lossy(value))).collect()
}

/// A header's value; several are joined, which then name nothing that exists.
fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(lossy).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn canned(response: Canned, resource: &str) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(response.status).expect("a status of the table");
    // A path may have any byte that a text in JSON has to escape.
    let resource: String = resource.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
    let kind = if response.body.starts_with('{') { "application/json" } else { "text/html" };
    let mut made = plain(status, kind, &response.body.replace("{resource}", &resource));
    let headers = made.headers_mut();
    if let Some(kind) = response.error_type {
        headers.insert(ERROR_TYPE, HeaderValue::from_static(kind));
    }
    match response.writer {
        Writer::Gateway | Writer::Stranger => {}
        Writer::Lambda => {
            headers.insert(TRACE_ID, HeaderValue::from_static("Root=1-65d4f8b0-3f1c7a5e9b2d4c6f8a0e1b3d;Sampled=0"));
        }
        Writer::Http => {
            headers.insert(REMAPPED_DATE, HeaderValue::from_static("Tue, 20 Feb 2024 12:00:00 GMT"));
            headers.insert(REMAPPED_SERVER, HeaderValue::from_static("nginx"));
        }
    }
    made
}

fn plain(status: StatusCode, content_type: &'static str, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn insert(response: &mut Response<Full<Bytes>>, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("hosts and stages have no control characters");
    response.headers_mut().insert(name, value);
}

/// A UUID and a short token, as API Gateway's two request ids look. They need to differ, not to
/// be unpredictable: every `RandomState` has keys of its own.
fn request_ids() -> (HeaderValue, HeaderValue) {
    let (a, b) = (RandomState::new().hash_one(0), RandomState::new().hash_one(1));
    let (top, bottom) = (a >> 32, b & 0xffff_ffff_ffff);
    let uuid = format!("{top:08x}-{:04x}-4{:03x}-a{:03x}-{bottom:012x}", a >> 16 & 0xffff, a & 0xfff, b >> 48 & 0xfff);
    let text = |text: &str| HeaderValue::from_str(text).expect("hexadecimal digits and hyphens");
    (text(&uuid), text(&format!("{:015x}=", b >> 4)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_final_status_can_be_asked_for() {
        assert_eq!(asked_status("/prod/status/503"), Some(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(asked_status("/prod/x/status/204"), Some(StatusCode::NO_CONTENT));
        for path in ["/prod/status/101", "/prod/status/600", "/prod/status/x", "/prod/503", "/prod/status/"] {
            assert_eq!(asked_status(path), None, "{path}");
        }
    }

    #[test]
    fn request_ids_look_like_api_gateways_and_differ() {
        let ((id, extended), (other, _)) = (request_ids(), request_ids());
        assert_eq!((id.len(), extended.len()), (36, 16));
        assert_ne!(id, other);
    }
}
