//! Answers no well-behaved origin gives: the client gets a refusal, a clean answer, or a broken-off
//! one; the next request gets its own answer whatever was left on the connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::harness::Gate;
use crate::harness::client::{Client, Response};
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};
use crate::harness::reply::Reply;
use crate::request::malformed::{DOMAIN, get_with, is_token};

enum Want {
    /// 502 `bad_answer`.
    Bad,
    /// This status and body.
    Passed(u16, &'static str),
    /// 200, and then the connection ends in the middle of the body.
    BrokenOff,
}
use Want::{Bad, BrokenOff, Passed};

type Case = (&'static str, Reply, Want);

fn raw(name: &'static str, bytes: impl AsRef<[u8]>, want: Want) -> Case {
    (name, Reply::raw(bytes), want)
}

fn then_closed(name: &'static str, bytes: impl AsRef<[u8]>, want: Want) -> Case {
    (name, Reply::raw(bytes).then_close(), want)
}

/// An answer with these header lines and this body.
fn ok(lines: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n{body}")
}

/// Each case is asked for by its number; anything else is answered in order.
#[track_caller]
fn check(cases: Vec<Case>) {
    let cases = Arc::new(cases);
    let script = {
        let cases = cases.clone();
        move |number: Option<usize>| number.map(|at| cases[at].1.clone())
    };
    let api = Origin::start(move |request| {
        let number = request.target().strip_prefix("/prod/case/").and_then(|number| number.parse().ok());
        script(number).unwrap_or_else(|| Reply::json(200, request.target()))
    });
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    let mut failed = Vec::new();
    for (at, (name, _, want)) in cases.iter().enumerate() {
        if catch_unwind(AssertUnwindSafe(|| run_case(&proxy, at, want))).is_err() {
            eprintln!("^ case {name:?}\n");
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
    // Nothing was asked twice and nothing lost: what two answers in one would show as.
    let targets: Vec<_> = api.requests().iter().map(|request| request.target().to_owned()).collect();
    let want: Vec<_> =
        (0..cases.len()).flat_map(|at| [format!("/prod/case/{at}"), format!("/prod/after/{at}")]).collect();
    assert_eq!(targets, want);
    api.expect_no_oddities();
}

fn run_case(proxy: &Proxy, at: usize, want: &Want) {
    let mut client = proxy.client();
    // A POST, which is never sent a second time.
    client.send(format!("POST /case/{at} HTTP/1.1\r\nHost: {DOMAIN}\r\nContent-Length: 0\r\n\r\n"));
    match want {
        Bad => expect_bad(&client.read_response()),
        Passed(status, body) => {
            let answer = client.read_response();
            assert_eq!((answer.status, answer.text().as_str()), (*status, *body));
            assert_eq!(answer.header("x-nameplate-refusal"), None);
        }
        BrokenOff => {
            let mut answer = client.read_head();
            assert_eq!(answer.status, 200);
            client.read_body(&mut answer, false).expect_err("a body that is whole");
        }
    }
    client.half_close();
    client.expect_closed();
    let next = proxy.get(DOMAIN, &format!("/after/{at}"));
    assert_eq!((next.status, next.text()), (200, format!("/prod/after/{at}")), "the next request");
}

fn expect_bad(answer: &Response) {
    assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (502, Some("bad_answer")));
}

#[test]
fn what_is_not_http() {
    check(vec![
        raw("garbage", "garbage\r\n\r\n", Bad),
        then_closed("garbage without an end", "garbage", Bad),
        // NGINX passes this on as HTTP/0.9.
        then_closed("a page without a head", "<html>hello</html>\r\n\r\n", Bad),
        then_closed("nothing", "", Bad),
        then_closed("an empty line", "\r\n\r\n", Bad),
        raw("the greeting of another protocol", "SSH-2.0-OpenSSH_9.6\r\n\r\n", Bad),
        raw("HTTP/2", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", Bad),
        raw("HTTP/0.9", "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", Bad),
        raw("lower case", "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Bad),
        raw("another protocol's status line", "ICY 200 OK\r\nContent-Length: 0\r\n\r\n", Bad),
        raw("no status", "HTTP/1.1 \r\nContent-Length: 0\r\n\r\n", Bad),
        raw("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", Bad),
        raw("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", Bad),
        raw("a status that is no number", "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", Bad),
        raw("a status under 100", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", Bad),
        raw("two status lines", "HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Bad),
        then_closed("half a status line", "HTTP/1.1 20", Bad),
        then_closed("half a head", "HTTP/1.1 200 OK\r\nContent-Le", Bad),
    ]);
}

#[test]
fn heads_that_are_malformed() {
    let many: String = (0..300).map(|i| format!("X-{i}: 1\r\n")).collect();
    check(vec![
        raw("NUL in a value", ok("X-A: 1\x002\r\nContent-Length: 0\r\n", ""), Bad),
        raw("CR in a value", ok("X-A: 1\r2\r\nContent-Length: 0\r\n", ""), Bad),
        raw("NUL in a name", ok("X\0A: 1\r\nContent-Length: 0\r\n", ""), Bad),
        raw("a space in a name", ok("X A: 1\r\nContent-Length: 0\r\n", ""), Bad),
        raw("no colon", ok("garbage\r\nContent-Length: 0\r\n", ""), Bad),
        raw("no name", ok(": 1\r\nContent-Length: 0\r\n", ""), Bad),
        // RFC 9112 sections 5.1 and 5.2: a proxy may mend these two, and Pingora does.
        raw("a fold", ok("X-A: 1\r\n 2\r\nContent-Length: 0\r\n", ""), Passed(200, "")),
        raw("a space before the colon", ok("Content-Length : 0\r\n", ""), Passed(200, "")),
        raw("300 headers", ok(&many, ""), Bad),
        raw("2 MB of header", ok(&format!("X-A: {}\r\n", "a".repeat(2_000_000)), ""), Bad),
    ]);
}

#[test]
fn every_byte_in_a_name() {
    let case = |byte: u8| {
        let head = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX", &[byte][..], b"A: 1\r\n\r\n"].concat();
        let want = if is_token(byte) || byte == b':' { Passed(200, "") } else { Bad };
        (&*format!("{byte:#04x}").leak(), Reply::raw(head), want)
    };
    check((0..=u8::MAX).map(case).collect());
}

#[test]
fn lengths_that_disagree() {
    check(vec![
        raw("two lines", ok("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), Bad),
        raw("a list", ok("Content-Length: 5, 6\r\n", "hello!"), Bad),
        raw("a minus", ok("Content-Length: -5\r\n", "hello"), Bad),
        raw("a plus", ok("Content-Length: +5\r\n", "hello"), Bad),
        raw("no number", ok("Content-Length: five\r\n", "hello"), Bad),
        raw("empty", ok("Content-Length:\r\n", "hello"), Bad),
        raw("more than 64 bits", ok("Content-Length: 99999999999999999999\r\n", "hello"), Bad),
        raw("a length said twice", ok("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), Passed(200, "hello")),
        raw("a list of one length", ok("Content-Length: 5, 5\r\n", "hello"), Passed(200, "hello")),
        // RFC 9112 section 6.3: the coding counts, and the length goes.
        raw(
            "a length and a coding",
            ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            Passed(200, "hello"),
        ),
        raw(
            "a coding and a length",
            ok("Transfer-Encoding: chunked\r\nContent-Length: 200\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            Passed(200, "hello"),
        ),
    ]);
}

/// Nobody can say where these end: `identity` and a coding after `chunked` last until the connection closes, and a second
/// `chunked` is stripped by one reader and left by the next.
#[test]
fn codings_that_are_not_chunked_alone() {
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    let coded = |name, value: &str| raw(name, ok(&format!("Transfer-Encoding: {value}\r\n"), chunks), Bad);
    let two = |name, one: &str, other: &str| {
        raw(name, ok(&format!("Transfer-Encoding: {one}\r\nTransfer-Encoding: {other}\r\n"), chunks), Bad)
    };
    check(vec![
        coded("identity", "identity"),
        coded("gzip", "gzip"),
        coded("gzip, chunked", "gzip, chunked"),
        coded("chunked, gzip", "chunked, gzip"),
        coded("chunked, chunked", "chunked, chunked"),
        coded("chunked, identity", "chunked, identity"),
        coded("an empty first element", ", chunked"),
        coded("an empty last element", "chunked,"),
        coded("a parameter", "chunked;q=1"),
        coded("quoted", "\"chunked\""),
        coded("nothing", ""),
        two("two lines", "chunked", "chunked"),
        two("gzip, then chunked", "gzip", "chunked"),
        two("chunked, then gzip", "chunked", "gzip"),
        two("chunked, then nothing", "chunked", ""),
        raw("gzip beside a length", ok("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"), Bad),
        raw("gzip on a 204", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: gzip\r\n\r\n", Bad),
        raw("gzip on a 103", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: gzip\r\n\r\n", Bad),
        raw("upper case", ok("Transfer-Encoding: CHUNKED\r\n", chunks), Passed(200, "hello")),
    ]);
}

#[test]
fn bodies_that_break_off() {
    let chunked = |body: &str| ok("Transfer-Encoding: chunked\r\n", body);
    check(vec![
        then_closed("four bytes of five", ok("Content-Length: 5\r\n", "hell"), BrokenOff),
        then_closed("no byte of five", ok("Content-Length: 5\r\n", ""), BrokenOff),
        then_closed("no chunk", chunked(""), BrokenOff),
        then_closed("half a chunk", chunked("5\r\nhel"), BrokenOff),
        then_closed("no last chunk", chunked("5\r\nhello\r\n"), BrokenOff),
        then_closed("half a last chunk", chunked("5\r\nhello\r\n0\r\n"), BrokenOff),
        raw("a size that is none", chunked("5\r\nhello\r\nx\r\n"), BrokenOff),
        raw("a size too large", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), BrokenOff),
        raw("more data than said", chunked("5\r\nhello!\r\n0\r\n\r\n"), BrokenOff),
        raw("LF after a chunk", chunked("5\r\nhello\n0\r\n\r\n"), BrokenOff),
        ("reset", Reply::raw(ok("Content-Length: 5\r\n", "hell")).then_reset(), BrokenOff),
    ]);
}

/// Bytes after an answer are nobody's: were the connection used again, the next client would get
/// them for an answer.
#[test]
fn what_follows_an_answer_is_answer_to_nobody() {
    let poison = ok("Content-Length: 6\r\n", "poison");
    check(vec![
        raw("after a length", ok("Content-Length: 5\r\n", "hello") + &poison, Passed(200, "hello")),
        raw("after no body", ok("Content-Length: 0\r\n", "") + &poison, Passed(200, "")),
        raw(
            "after chunks",
            ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n") + &poison,
            Passed(200, "hello"),
        ),
        raw("after 204", format!("HTTP/1.1 204 No Content\r\n\r\n{poison}"), Passed(204, "")),
        raw("after 304", format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n{poison}"), Passed(304, "")),
        raw("one byte", ok("Content-Length: 5\r\n", "hello!"), Passed(200, "hello")),
        raw("an empty line", ok("Content-Length: 5\r\n", "hello\r\n"), Passed(200, "hello")),
        raw("a 204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", Passed(204, "")),
        raw(
            "a trailer that is a header",
            ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n"),
            Passed(200, "hello"),
        ),
    ]);
}

/// As above, where the bytes come once the connection is idle.
#[test]
fn what_follows_an_answer_late_is_answer_to_nobody() {
    let gate = Gate::default();
    let late = gate.clone();
    let poison = ok("Content-Length: 6\r\n", "poison");
    let api = Origin::start(move |request| match request.target() {
        "/prod/late" => Reply::raw(ok("Content-Length: 5\r\n", "hello")).then_wait(&late).then_raw(&poison),
        target => Reply::json(200, target),
    });
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    assert_eq!(proxy.get(DOMAIN, "/late").text(), "hello");
    gate.open();
    api.wait_until_closed();
    assert_eq!(proxy.get(DOMAIN, "/next").text(), "/prod/next");
    assert_eq!(api.connections(), 2);
}

// RFC 9112 section 9.6: the API closes, and a request sent meanwhile would be lost.
#[test]
fn a_close_in_a_later_line_ends_the_connection_to_the_api() {
    let twice = "Connection: keep-alive\r\nConnection: x-a, close\r\n";
    for (lines, body) in [("Content-Length: 5\r\n", "hello"), ("Content-Length: 0\r\n", "")] {
        let last = ok(&format!("{twice}{lines}"), body);
        let chunked = ok(&format!("{twice}Transfer-Encoding: chunked\r\n"), "5\r\nhello\r\n0\r\n\r\n");
        let api = Origin::start(move |request| match request.target() {
            "/prod/last" => Reply::raw(&last),
            "/prod/chunked" => Reply::raw(&chunked),
            target => Reply::json(200, target),
        });
        let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
        for (at, path) in ["/last", "/chunked", "/next"].into_iter().enumerate() {
            assert_eq!(proxy.get(DOMAIN, path).status, 200);
            proxy.wait_for_metric("nameplate_requests_in_flight", 0.0);
            assert_eq!(api.connections(), at + 1, "{path}");
        }
    }
}

#[test]
fn the_body_of_an_answer_to_head_is_answer_to_nobody() {
    let api = Origin::start(|request| match request.method() {
        "HEAD" => Reply::raw(ok("Content-Length: 46\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison!!")),
        _ => Reply::json(200, request.target()),
    });
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    let mut client = proxy.client();
    client.send(format!("HEAD / HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n"));
    assert_eq!(client.read_response_to_head().status, 200);
    assert_eq!(proxy.get(DOMAIN, "/next").text(), "/prod/next");
    client.half_close();
    client.expect_closed();
}

#[test]
fn interim_answers() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let done = ok("Content-Length: 5\r\n", "hello");
    check(vec![
        raw("fifty", hints.repeat(50) + &done, Passed(200, "hello")),
        raw("a 100 nobody expects", format!("HTTP/1.1 100 Continue\r\n\r\n{done}"), Passed(200, "hello")),
        raw("a 102", format!("HTTP/1.1 102 Processing\r\n\r\n{done}"), Passed(200, "hello")),
        raw(
            "one with a length",
            format!("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n{done}"),
            Passed(200, "hello"),
        ),
        raw(
            "one with a coding",
            format!("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n{done}"),
            Passed(200, "hello"),
        ),
        raw(
            "an upgrade nobody asked for",
            format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{done}"),
            Bad,
        ),
    ]);
}

/// A 502 may follow interim answers; the last word is ours all the same.
#[test]
fn interim_answers_and_then_nothing() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let api = Origin::start(move |_| Reply::raw(hints.repeat(2)).then_close());
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    let mut client: Client = proxy.client();
    let answer = client.send(get_with("")).read_response();
    expect_bad(&answer);
    assert!(answer.interim.iter().all(|interim| interim.status == 103));
}
