//! Chunks, trailers and what follows a body (RFC 9112 section 7 and 9.3).

use super::{DOMAIN, Want, Writes, case, check, expect_addressed, forwarded, message, post, write};
use crate::harness::Gate;
use crate::harness::origin::Origin;
use crate::harness::proxy::proxy;
use crate::harness::reply::Reply;

const CLEAN: &str = "POST /prod/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

/// A second request where none may be read.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: pay.example.com\r\n\r\n";

fn chunked(body: &str) -> String {
    post("Transfer-Encoding: chunked\r\n", body)
}

fn broken() -> Want {
    Want::BrokenOff(400, "malformed_message")
}

#[test]
fn chunk_sizes_that_are_none() {
    let sizes = [
        ("a leading space", " 5"),
        ("a leading tab", "\t5"),
        ("a plus", "+5"),
        ("a minus", "-5"),
        ("0x", "0x5"),
        ("no hex digit", "g"),
        ("a digit, then none", "5g"),
        ("an underscore", "0_5"),
        ("a list", "5,5"),
        ("a NUL", "5\0"),
        ("a fullwidth digit", "\u{ff15}"),
        ("17 digits, 5 modulo 2^64", "10000000000000005"),
        ("the most 64 bits hold", "FFFFFFFFFFFFFFFF"),
        ("one less than that", "FFFFFFFFFFFFFFFE"),
        ("two spaces inside", "5 5"),
        ("none", ""),
        ("a lone space", " "),
        ("a trailing space", "5 "),
        ("a trailing tab", "5\t"),
    ];
    let cases: Vec<_> = sizes
        .iter()
        .map(|(name, size)| case(name, chunked(&format!("{size}\r\nhello\r\n0\r\n\r\n")), broken()))
        .collect();
    check(&cases);
}

#[test]
fn chunks_that_do_not_end_in_crlf() {
    let bodies = [
        ("LF after the size", "5\nhello\r\n0\r\n\r\n"),
        ("CR after the size", "5\rhello\r\n0\r\n\r\n"),
        ("LF after the data", "5\r\nhello\n0\r\n\r\n"),
        ("CR after the data", "5\r\nhello\r0\r\n\r\n"),
        ("nothing after the data", "5\r\nhello0\r\n\r\n"),
        ("more data than said", "5\r\nhello!\r\n0\r\n\r\n"),
        ("two bytes more than said", "5\r\nhelloXY0\r\n\r\n"),
        ("less data than said", "6\r\nhello\r\n0\r\n\r\n"),
        ("LF after the last size", "5\r\nhello\r\n0\n\r\n"),
        ("LF instead of the last line", "5\r\nhello\r\n0\r\n\n"),
        ("LF and LF at the end", "5\r\nhello\r\n0\n\n"),
        ("CR and CR at the end", "5\r\nhello\r\n0\r\n\r\r"),
        ("CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        ("LF after a trailer", "5\r\nhello\r\n0\r\nx: y\n\r\n"),
        ("CR inside a trailer", "5\r\nhello\r\n0\r\nx: y\rz\r\n\r\n"),
    ];
    let cases: Vec<_> = bodies.iter().map(|(name, body)| case(name, chunked(body), broken())).collect();
    check(&cases);
}

#[test]
fn what_chunks_carry_beside_data_ends_here() {
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100_000));
    let trailers = format!("5\r\nhello\r\n0\r\n{}\r\n", "x: yyyyyyyyyyyyyyyy\r\n".repeat(5_000));
    check(&[
        case("an extension", chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), forwarded(CLEAN)),
        case("a quoted extension", chunked("5;a=\"b;c\"\r\nhello\r\n0;last\r\n\r\n"), forwarded(CLEAN)),
        case("leading zeros", chunked("00005\r\nhello\r\n000\r\n\r\n"), forwarded(CLEAN)),
        case("white space around an extension", chunked("5 ; a = b\r\nhello\r\n0\r\n\r\n"), forwarded(CLEAN)),
        case("LF in an extension", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"), broken()),
        case("NUL in an extension", chunked("5;a\0\r\nhello\r\n0\r\n\r\n"), broken()),
        case("an extension without a name", chunked("5;\r\nhello\r\n0\r\n\r\n"), broken()),
        case("an endless extension", chunked(&long), broken()),
        case("trailers", chunked("5\r\nhello\r\n0\r\nx: y\r\nz: a\r\n\r\n"), forwarded(CLEAN)),
        case(
            "a trailer that picks the API",
            chunked("5\r\nhello\r\n0\r\nx-apigw-api-id: evil\r\n\r\n"),
            forwarded(CLEAN),
        ),
        case("a trailer with a length", chunked("5\r\nhello\r\n0\r\nContent-Length: 0\r\n\r\n"), forwarded(CLEAN)),
        case(
            "a trailer with a coding",
            chunked("5\r\nhello\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n"),
            forwarded(CLEAN),
        ),
        case("a trailer with a host", chunked("5\r\nhello\r\n0\r\nHost: evil.example\r\n\r\n"), forwarded(CLEAN)),
        case(
            "a nominated, announced trailer",
            post(
                "Transfer-Encoding: chunked\r\nTrailer: x-a\r\nTE: trailers\r\nConnection: TE\r\n",
                "5\r\nhello\r\n0\r\nx-a: 1\r\n\r\n",
            ),
            forwarded(CLEAN),
        ),
        case("a trailer that is no field", chunked("5\r\nhello\r\n0\r\ngarbage\r\n\r\n"), broken()),
        case("a trailer with a space in its name", chunked("5\r\nhello\r\n0\r\nx y: z\r\n\r\n"), broken()),
        case("a folded trailer", chunked("5\r\nhello\r\n0\r\nx: y\r\n z\r\n\r\n"), broken()),
        case("endless trailers", chunked(&trailers), broken()),
    ]);
}

#[test]
fn a_body_that_stops_is_never_whole_to_the_api() {
    let cases: Vec<_> = [
        "",
        "5",
        "5\r",
        "5\r\n",
        "5\r\nhel",
        "5\r\nhello",
        "5\r\nhello\r\n",
        "5\r\nhello\r\n0",
        "5\r\nhello\r\n0\r\n",
        "5\r\nhello\r\n0\r\n\r",
        "5\r\nhello\r\n0\r\nx: y\r\n",
    ]
    .iter()
    .map(|body| case(&format!("chunks end at {body:?}"), chunked(body), Want::CutOff).half_closed())
    .chain([case("four bytes of five", post("Content-Length: 5\r\n", "hell"), Want::CutOff).half_closed()])
    .chain([case("no byte of five", post("Content-Length: 5\r\n", ""), Want::CutOff).half_closed()])
    .collect();
    check(&cases);
}

/// What follows a body is a request of its own: whole, in order, and answered for itself, whether
/// it came with the one before, in pieces, or while that waited for its answer.
#[test]
fn a_pipelined_request_is_its_own() {
    let api = Origin::start(|request| Reply::json(200, request.target()));
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    let firsts = [
        ("Content-Length: 5\r\n", "hello"),
        ("Content-Length: 0\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("", ""),
    ];
    for (lines, body) in firsts {
        for writes in [Writes::Whole, Writes::ByteByByte] {
            let before = api.requests().len();
            let mut client = proxy.client();
            // Some old clients send an empty line after a body (RFC 9112 section 2.2).
            let text = format!("POST /0 HTTP/1.1\r\nHost: {DOMAIN}\r\n{lines}\r\n{body}\r\n{SMUGGLED}{SMUGGLED}");
            write(&mut client, text.as_bytes(), writes);
            let answers: Vec<_> = (0..3).map(|_| client.read_response().text()).collect();
            assert_eq!(answers, ["/prod/0", "/prod/smuggled", "/prod/smuggled"], "after {lines:?}, {writes:?}");
            let seen: Vec<_> = api.requests()[before..].iter().map(message).collect();
            let next = "GET /prod/smuggled HTTP/1.1\r\n\r\n";
            assert_eq!(seen, [&format!("POST /prod/0 HTTP/1.1\r\n{lines}\r\n{body}"), next, next]);
        }
    }
    api.requests().iter().for_each(expect_addressed);
    api.expect_no_oddities();
}

/// A request may arrive while the one before waits for its answer: both are answered.
#[test]
fn a_request_that_comes_early_harms_none() {
    let gate = Gate::default();
    let opened = gate.clone();
    let api = Origin::start(move |request| match request.target() {
        "/prod/slow" => {
            Reply::default().then_wait(&opened).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
        }
        target => Reply::json(200, target),
    });
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    let mut client = proxy.client();
    client.send(format!("GET /slow HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n"));
    api.wait_for_requests(1);
    client.send(SMUGGLED);
    // Once this answer is here, the proxy has read what the client sent before it.
    assert_eq!(proxy.get(DOMAIN, "/other").text(), "/prod/other");
    gate.open();
    assert_eq!(client.read_response().text(), "slow");
    assert_eq!(client.read_response().text(), "/prod/smuggled");
    api.expect_no_oddities();
}

/// The origin answers before the body came; the body then looks like a request.
#[test]
fn a_body_after_an_early_answer_is_not_a_request() {
    let length = format!("Content-Length: {}\r\n", SMUGGLED.len());
    for (lines, body) in [
        (length.as_str(), SMUGGLED.to_owned()),
        ("Transfer-Encoding: chunked\r\n", format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len())),
    ] {
        let api = Origin::start_early(|_| Reply::json(200, "{\"ok\":true}"));
        let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
        let mut client = proxy.client();
        assert_eq!(client.send(post(lines, "")).read_response().status, 200);
        // The proxy may have closed already.
        let _ = client.try_send(&body);
        client.half_close();
        assert!(client.try_read_response(false).is_err(), "a second answer came");
        proxy.stop();
        api.wait_until_closed();
        let [request] = &api.requests()[..] else { panic!("the origin saw {} requests", api.requests().len()) };
        assert_eq!(request.target(), "/prod/");
        assert!(!request.complete || request.text() == SMUGGLED);
        api.expect_no_oddities();
    }
}

/// What is refused is refused with its body: that is not read as a request of its own.
#[test]
fn the_body_of_a_refused_request_is_not_a_request() {
    let length = SMUGGLED.len();
    check(&[
        case(
            "an unknown host, with a length",
            format!("POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}"),
            Want::Refused(421, "unknown_host"),
        ),
        case(
            "an unknown host, in chunks",
            format!(
                "POST / HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n"
            ),
            Want::Refused(421, "unknown_host"),
        ),
        case(
            "a dot segment, on a GET",
            format!("GET /.. HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}"),
            Want::Refused(400, "dot_segment"),
        ),
        case(
            "a body over the limit",
            format!("POST / HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Length: 99999999\r\n\r\n{SMUGGLED}"),
            Want::Refused(413, "body_too_large"),
        ),
        case(
            "codings we do not know",
            format!("POST / HTTP/1.1\r\nHost: {DOMAIN}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{SMUGGLED}"),
            Want::Refused(400, "malformed_message"),
        ),
    ]);
}

/// Requests that come in one piece are told apart before anything of the second is forwarded.
#[test]
fn chunks_of_a_pipelined_request_are_checked_too() {
    let api = Origin::ok();
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    let get = format!("GET /first HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n");
    let good = chunked("5\r\nhello\r\n0\r\n\r\n");
    let bad = chunked("5 \r\nhello\r\n0\r\n\r\n");
    let mut client = proxy.client();
    client.send([get.as_str(), &good, &get, &bad].concat());
    for _ in 0..3 {
        assert_eq!(client.read_response().status, 200);
    }
    let refused = client.read_response();
    assert_eq!((refused.status, refused.header("x-nameplate-refusal")), (400, Some("malformed_message")));
    client.expect_closed();
    assert_eq!(api.requests().len(), 3);
    api.expect_no_oddities();
}
