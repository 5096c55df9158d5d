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

/// How much of a body the echo shows; of a longer one it tells the length.
pub(super) const SHOWN_BODY: usize = 16 * 1024;

const API_ID: HeaderName = HeaderName::from_static("x-apigw-api-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXTENDED_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");

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

/// Answers one request. Fails only when the client breaks off its body.
pub(super) async fn answer(
    apis: &Apis,
    sni: Option<&str>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    // Refused requests are read to their end too, so that the connection stays usable.
    let body = receive(body).await?;
    let host = text_of(&head.headers, &HOST);
    let api_id = text_of(&head.headers, &API_ID);
    let call = Call { sni, host: host.as_deref(), api_id: api_id.as_deref(), path: head.uri.path() };
    let mut response = match apis.judge(call) {
        Verdict::Healthy => plain(StatusCode::OK, "text/plain", "healthy"),
        Verdict::Forbidden => refusal("ForbiddenException", "Forbidden"),
        Verdict::NoStage => refusal("MissingAuthenticationTokenException", "Missing Authentication Token"),
        Verdict::Invoked(to) => invoke(to, sni, host.clone(), &head, &body),
    };
    let (id, extended) = request_ids();
    response.headers_mut().insert(REQUEST_ID, id);
    response.headers_mut().insert(EXTENDED_REQUEST_ID, extended);
    Ok(response)
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

fn refusal(kind: &'static str, message: &str) -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::FORBIDDEN, "application/json", &format!("{{\"message\":\"{message}\"}}"));
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
    response
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
