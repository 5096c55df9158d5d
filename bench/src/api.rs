//! The private APIs behind the proxy: an origin that answers with an echo, as API Gateway would where the access mode
//! of the endpoint is STRICT.

use std::net::TcpListener;

use nameplate_testkit::origin::{Origin, Received};
use nameplate_testkit::reply::Reply;
use serde::Serialize;

/// How much of a body the echo shows; of a longer one it has the length alone.
const SHOWN_BODY: usize = 16 * 1024;

/// Where a GET is answered with 2 MiB instead of an echo, below any stage.
pub const LARGE_PATH: &str = "/large";
/// More than all buffers between origin and client hold.
const LARGE: usize = 2 * 1024 * 1024;

/// What the origin received. Names and layout are those of `nameplate demo`.
#[derive(Serialize)]
struct Echo<'a> {
    method: &'a str,
    /// Path and query, byte for byte.
    path: &'a str,
    api: &'a str,
    stage: &'a str,
    sni: Option<&'a str>,
    host: &'a str,
    headers: &'a [(String, String)],
    body_length: usize,
    /// Absent when longer than [`SHOWN_BODY`] or not UTF-8.
    body: Option<&'a str>,
    trailers: &'a [(String, String)],
}

/// Serves APIs on this listener. `is_deployed` says whether the API of this host has this stage.
///
/// A request whose handshake named another host is refused with 403, as is one for an unknown API or stage.
pub fn start(listener: TcpListener, is_deployed: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Origin {
    Origin::under_load(listener, move |request| match echo(request, &is_deployed) {
        Some(text) => response("200 OK", request.method(), &text),
        None => response("403 Forbidden", request.method(), "{\"message\":\"Forbidden\"}"),
    })
}

fn echo(request: &Received, is_deployed: &impl Fn(&str, &str) -> bool) -> Option<String> {
    let host = request.header("host")?;
    let stage = request.target().strip_prefix('/')?.split(['/', '?']).next()?;
    if request.sni.as_deref() != Some(host) || !is_deployed(host, stage) {
        return None;
    }
    if request.target().ends_with(LARGE_PATH) {
        return Some("x".repeat(LARGE));
    }
    let echo = Echo {
        method: request.method(),
        path: request.target(),
        api: host.split('.').next()?,
        stage,
        sni: request.sni.as_deref(),
        host,
        headers: &request.head.headers,
        body_length: request.body.len(),
        body: std::str::from_utf8(&request.body).ok().filter(|text| text.len() <= SHOWN_BODY),
        trailers: &request.trailers,
    };
    Some(serde_json::to_string_pretty(&echo).expect("texts and numbers are always JSON") + "\n")
}

/// One write, so that head and body arrive together; the headers are those of `nameplate demo`, in lower case as there:
/// the figures of the cost were counted with them.
fn response(status: &str, method: &str, body: &str) -> Reply {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-amzn-requestid: 6f1d2c3b-0a9b-4c8d-a7e6-5f4e3d2c1b0a\r\n\
         x-amz-apigw-id: 0123456789abcde=\r\ncontent-length: {}\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
        body.len()
    );
    Reply::raw(head + if method == "HEAD" { "" } else { body })
}
