//! HTTP/2 requests on their way to HTTP/1.1, where most ways to smuggle begin (RFC 9113 section 8).

use crate::harness::client::get;
use crate::harness::frames::{
    DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, RST_STREAM, WHOLE, fields, frame, headers,
};
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};
use crate::harness::reply::Reply;
use crate::request::malformed::{DOMAIN, expect_addressed, is_token, message};

fn start() -> (Origin, Proxy) {
    let api = Origin::start(|request| Reply::json(200, request.target()));
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    (api, proxy)
}

const PATH: (&str, &str) = (":path", "/");
const GET: (&str, &str) = (":method", "GET");
const POST: (&str, &str) = (":method", "POST");
const HTTP: (&str, &str) = (":scheme", "http");
const HERE: (&str, &str) = (":authority", DOMAIN);

/// Sends one request as it is; says whether an answer came for it, or the end of stream or connection.
fn answered(proxy: &Proxy, list: &[(&str, &str)], data: &[&str]) -> bool {
    let mut client = Frames::connect(proxy.h2c_address());
    let ends = if data.is_empty() { END_STREAM } else { 0 };
    let mut bytes = headers(1, END_HEADERS | ends, list);
    for (at, piece) in data.iter().enumerate() {
        bytes.extend(frame(DATA, if at + 1 == data.len() { END_STREAM } else { 0 }, 1, piece.as_bytes()));
    }
    client.send(bytes);
    client.wait_for(|frame| matches!((frame.kind, frame.stream), (HEADERS | RST_STREAM, 1) | (GOAWAY, _))).kind
        == HEADERS
}

/// A well-formed request is answered through the same bytes: what fails below fails for its fault.
#[test]
fn raw_frames_are_a_request() {
    let (api, proxy) = start();
    assert!(answered(&proxy, &[GET, PATH, HTTP, HERE, ("x-a", "1")], &[]));
    assert!(answered(&proxy, &[POST, PATH, HTTP, HERE, ("content-length", "5")], &["hel", "lo"]));
    let seen: Vec<_> = api.requests().iter().map(message).collect();
    assert_eq!(
        seen,
        ["GET /prod/ HTTP/1.1\r\nx-a: 1\r\n\r\n", "POST /prod/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"]
    );
}

#[test]
fn requests_that_http2_does_not_have() {
    let (api, proxy) = start();
    let with = |field: (&'static str, &'static str)| vec![POST, PATH, HTTP, HERE, field];
    let path = |path: &'static str| vec![GET, (":path", path), HTTP, HERE];
    let cases = [
        // RFC 9113 section 8.2.2: fields of a connection.
        with(("connection", "close")),
        with(("connection", "x-apigw-api-id")),
        with(("transfer-encoding", "chunked")),
        with(("keep-alive", "timeout=5")),
        with(("proxy-connection", "keep-alive")),
        with(("upgrade", "h2c")),
        with(("te", "gzip")),
        // Section 8.2.1: names and values.
        with(("X-Upper", "1")),
        with(("", "1")),
        with(("x a", "1")),
        with(("x:a", "1")),
        with(("x\r\nx-evil", "1")),
        with(("x-a", "1\r\nx-evil: 2")),
        with(("x-a", "1\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n")),
        with(("x-a", "1\n2")),
        with(("x-a", "1\r2")),
        with(("x-a", "1\x002")),
        // Section 8.3: what makes a request.
        vec![PATH, HTTP, HERE],
        vec![GET, HTTP, HERE],
        vec![GET, PATH, HERE],
        vec![GET, PATH, PATH, HTTP, HERE],
        vec![GET, GET, PATH, HTTP, HERE],
        vec![GET, PATH, HTTP, HERE, (":authority", "evil.example")],
        vec![GET, PATH, HTTP, HERE, (":status", "200")],
        vec![GET, PATH, HTTP, HERE, (":unknown", "1")],
        vec![GET, PATH, HTTP, ("x-a", "1"), HERE],
        vec![GET, PATH, HTTP, (":authority", "u@pay.example.com")],
        vec![GET, PATH, HTTP, (":authority", "pay.example.com\r\nx-evil: 1")],
        vec![(":method", "GET / HTTP/1.1\r\nx-evil: 1"), PATH, HTTP, HERE],
        vec![(":method", ""), PATH, HTTP, HERE],
        path(""),
        path("/\r\nx-evil: 1"),
        path("/ HTTP/1.1\r\nx-evil: 1\r\n\r\n"),
        path("/\0"),
        // Section 8.1.1: a length that is not the sum of the DATA frames.
        with(("content-length", "4")),
        with(("content-length", "6")),
        with(("content-length", "-5")),
        with(("content-length", "x")),
    ];
    for case in &cases {
        // Whether the stream ends in an error or a refusal is the library's choice.
        answered(&proxy, case, if case[0] == POST { &["hello"] } else { &[] });
    }
    proxy.stop();
    api.wait_until_closed();
    let seen: Vec<_> = api.requests().iter().filter(|request| request.complete).map(message).collect();
    assert!(seen.is_empty(), "{seen:#?}");
    api.expect_no_oddities();
}

/// Sends a request whose last field, or trailer, has this name.
fn named(proxy: &Proxy, name: &[u8], in_trailers: bool) -> Option<u16> {
    let mut client = Frames::connect(proxy.h2c_address());
    let length = u8::try_from(name.len()).expect("a short name");
    let field = [&[0, length][..], name, &[1, b'1']].concat();
    let request = fields(&[POST, PATH, HTTP, HERE]);
    if in_trailers {
        client.send(frame(HEADERS, END_HEADERS, 1, &request));
        let _ = client.try_send(frame(HEADERS, WHOLE, 1, &field));
    } else {
        client.send(frame(HEADERS, WHOLE, 1, &[request, field].concat()));
    }
    let verdict =
        client.wait_for(|frame| matches!((frame.kind, frame.stream), (HEADERS | RST_STREAM, 1) | (GOAWAY, _)));
    (verdict.kind == HEADERS).then(|| verdict.status())
}

// RFC 9110 section 5.1 and RFC 9113 section 8.2.1.
#[test]
fn every_byte_in_a_name() {
    let (api, proxy) = start();
    for byte in 0..=u8::MAX {
        let before = api.requests().len();
        let status = named(&proxy, &[b'x', byte, b'a'], false);
        let seen = api.requests().split_off(before);
        if is_token(byte) && !byte.is_ascii_uppercase() {
            let name = format!("x{}a", char::from(byte));
            assert_eq!(status, Some(200), "{name}");
            assert_eq!(seen.iter().map(|request| request.all(&name)).collect::<Vec<_>>(), [["1"]], "{name}");
        } else {
            assert!(matches!(status, None | Some(400)), "{byte:#04x}: {status:?}");
            assert!(seen.is_empty(), "{byte:#04x}: {seen:#?}");
        }
    }
    for name in [b"x-apigw-api-id\"".as_slice(), b"\"transfer-encoding", b"\""] {
        let before = api.requests().len();
        assert_eq!((named(&proxy, name, false), api.requests().len()), (Some(400), before));
    }
    proxy.wait_for_metric("nameplate_refusals_total{reason=\"malformed_message\"}", 4.0);
    api.expect_no_oddities();
}

/// Trailers end here, whatever they are called.
#[test]
fn every_byte_in_the_name_of_a_trailer() {
    let (api, proxy) = start();
    for byte in 0..=u8::MAX {
        named(&proxy, &[b'x', byte, b'a'], true);
    }
    proxy.stop();
    api.wait_until_closed();
    let whole: Vec<_> = api.requests().into_iter().filter(|request| request.complete).collect();
    assert!(!whole.is_empty(), "trailers with a good name end a request");
    for request in &whole {
        let chunked = "POST /prod/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(message(request).replace("transfer-encoding", "Transfer-Encoding"), chunked);
        assert!(request.trailers.is_empty());
    }
    api.expect_no_oddities();
}

/// Host beside `:authority`: one name in two places, or refused.
#[test]
fn a_host_beside_the_authority() {
    let (api, proxy) = start();
    let refused =
        |list: &[(&str, &str)]| assert!(!answered(&proxy, list, &[]) || api.requests().is_empty(), "{list:?}");
    refused(&[GET, PATH, HTTP, HERE, ("host", "evil.example")]);
    refused(&[GET, PATH, HTTP, (":authority", "evil.example"), ("host", DOMAIN)]);
    refused(&[GET, PATH, HTTP, HERE, ("host", DOMAIN), ("host", "evil.example")]);
    refused(&[GET, PATH, HTTP, ("host", DOMAIN), ("host", DOMAIN)]);
    refused(&[GET, PATH, HTTP, HERE, ("host", "u@pay.example.com")]);
    refused(&[GET, PATH, HTTP, HERE, ("host", "")]);
    refused(&[GET, PATH, HTTP]);
    assert!(api.requests().is_empty(), "{:#?}", api.requests());
    assert!(answered(&proxy, &[GET, PATH, HTTP, HERE, ("host", DOMAIN)], &[]));
    assert!(answered(&proxy, &[GET, PATH, HTTP, ("host", DOMAIN)], &[]));
    let seen = api.requests();
    seen.iter().for_each(expect_addressed);
    assert_eq!(seen.iter().map(message).collect::<Vec<_>>(), ["GET /prod/ HTTP/1.1\r\n\r\n"; 2]);
}

/// What HTTP/1.1 refuses is refused here too, with the same words.
#[test]
fn refusals_over_http2() {
    let (api, proxy) = start();
    let long = format!("/{}", "a".repeat(9_000));
    for (host, path, want) in [
        ("evil.example", "/", (421, "unknown_host")),
        (DOMAIN, "/..", (400, "dot_segment")),
        (DOMAIN, "/%2e%2e/x", (400, "dot_segment")),
        (DOMAIN, "/%c0.%c0./x", (400, "dot_segment")),
        (DOMAIN, "/..%f8%80%80%80%afx", (400, "dot_segment")),
        ("pay.example.com:99999", "/", (400, "malformed_host")),
        ("[::1]", "/", (421, "unknown_host")),
        (DOMAIN, long.as_str(), (414, "uri_too_long")),
    ] {
        match proxy.call(Call::get(host, path)) {
            Ok(answer) => assert_eq!(
                (answer.status, answer.header("x-nameplate-refusal")),
                (want.0, Some(want.1)),
                "{host} {path}"
            ),
            Err(e) => panic!("{host} {path}: {e}"),
        }
    }
    assert!(api.requests().is_empty());
}

/// Pingora 0.9.1 writes an empty DATA frame that ends a stream as a second terminating chunk (its
/// issue 935), and the next request on the connection begins with it.
#[test]
fn a_body_ends_once_however_its_stream_ends() {
    let (api, proxy) = start();
    let mut http2 = proxy.http2();
    let chunked = |body: &str| format!("POST /prod/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n");
    let cases = [
        (Call::new("POST", DOMAIN, "/").data("abc").last_data(""), chunked("3\r\nabc\r\n")),
        (Call::new("POST", DOMAIN, "/").last_data(""), chunked("")),
        (Call::new("POST", DOMAIN, "/").last_data("abc"), chunked("3\r\nabc\r\n")),
        (Call::new("POST", DOMAIN, "/").data("").data("").last_data(""), chunked("")),
        (Call::new("POST", DOMAIN, "/").data("abc").data("").data("de").last_data(""), chunked("5\r\nabcde\r\n")),
        (Call::new("POST", DOMAIN, "/").data("abc").trailers(&[("x-apigw-api-id", "evil")]), chunked("3\r\nabc\r\n")),
        (Call::new("POST", DOMAIN, "/").trailers(&[("content-length", "5")]), chunked("")),
        (
            Call::new("POST", DOMAIN, "/").header("content-length", "3").data("abc").last_data(""),
            "POST /prod/ HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        ),
        (
            Call::new("POST", DOMAIN, "/").header("content-length", "0").last_data(""),
            "POST /prod/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_owned(),
        ),
        (Call::new("POST", DOMAIN, "/"), "POST /prod/ HTTP/1.1\r\n\r\n".to_owned()),
    ];
    for (at, (call, want)) in cases.into_iter().enumerate() {
        let before = api.requests().len();
        assert_eq!(http2.call(call).expect("an answer").status, 200, "case {at}");
        // From here on the connection upstream is free, and the next request takes it.
        proxy.wait_for_metric("nameplate_requests_in_flight", 0.0);
        let next = format!("/next/{at}");
        let answer = get(proxy.h2c_address(), DOMAIN, &next);
        assert_eq!(answer.text(), format!("/prod{next}"), "after case {at}");
        proxy.wait_for_metric("nameplate_requests_in_flight", 0.0);
        let seen: Vec<_> = api.requests()[before..]
            .iter()
            .map(|r| message(r).replace("transfer-encoding", "Transfer-Encoding"))
            .collect();
        assert_eq!(seen, [want, format!("GET /prod{next} HTTP/1.1\r\n\r\n")], "case {at}");
    }
    // All of it over one connection: a byte too many would have been the next request's.
    assert_eq!(api.connections(), 1);
    api.requests().iter().for_each(expect_addressed);
    api.expect_no_oddities();
}

/// A stream that is reset is no whole request.
#[test]
fn a_stream_that_is_reset_is_never_whole_to_the_api() {
    let (api, proxy) = start();
    for call in [
        Call::new("POST", DOMAIN, "/").data("abc").reset(),
        Call::new("POST", DOMAIN, "/").header("content-length", "6").data("abc").reset(),
    ] {
        proxy.call(call).expect_err("an answer to a request that was taken back");
    }
    assert_eq!(proxy.get(DOMAIN, "/next").text(), "/prod/next");
    proxy.stop();
    api.wait_until_closed();
    let whole: Vec<_> = api.requests().iter().filter(|request| request.complete).map(message).collect();
    assert_eq!(whole, ["GET /prod/next HTTP/1.1\r\n\r\n"]);
    api.expect_no_oddities();
}
