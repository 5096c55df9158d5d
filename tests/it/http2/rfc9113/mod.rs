//! What RFC 9113 says must come of frames that break it: the class of error, its code, and that the
//! API never sees the request they were meant to be.
//!
//! Where the RFC asks for the error of a stream, the end of the connection is as good (section 5.4.1),
//! and so is an answer with 4xx (section 8.1.1). Every connection error must end the connection. In
//! the place of a code that says more, `PROTOCOL_ERROR` will do: a client does the same with both.

mod connection;
mod frame_types;
mod messages;
mod streams;

use std::panic::{AssertUnwindSafe, catch_unwind};

use h2::Reason;

use crate::harness::frames::{END_HEADERS, Frame, Frames, GOAWAY, HEADERS, RST_STREAM, WHOLE, fields, frame, headers};
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};

const DOMAIN: &str = "pay.example.com";
const GET: (&str, &str) = (":method", "GET");
const POST: (&str, &str) = (":method", "POST");
const HTTP: (&str, &str) = (":scheme", "http");
const HERE: (&str, &str) = (":authority", DOMAIN);
/// A request that is in order.
const GOOD: (&str, &str) = (":path", "/good");
/// One that is not: nothing of it may reach the API.
const EVIL: (&str, &str) = (":path", "/evil");
/// One whose fault shows only after its header: it may reach the API, and must not end there.
const CUT: (&str, &str) = (":path", "/cut");

/// What must come of a case.
enum Want {
    /// An error of the connection, with one of these codes.
    Connection(&'static [Reason]),
    /// An error of this stream, with one of these codes; its siblings go on.
    Stream(u32, &'static [Reason]),
    /// Nothing: the connection goes on.
    Ignored,
    /// An answer on this stream, with this status.
    Answer(u32, u16),
}

const PROTOCOL: &[Reason] = &[Reason::PROTOCOL_ERROR];
const FRAME_SIZE: &[Reason] = &[Reason::FRAME_SIZE_ERROR, Reason::PROTOCOL_ERROR];
const FLOW_CONTROL: &[Reason] = &[Reason::FLOW_CONTROL_ERROR, Reason::PROTOCOL_ERROR];
const COMPRESSION: &[Reason] = &[Reason::COMPRESSION_ERROR, Reason::PROTOCOL_ERROR];
const STREAM_CLOSED: &[Reason] = &[Reason::STREAM_CLOSED, Reason::PROTOCOL_ERROR];

struct Case {
    /// Where the RFC says so.
    section: &'static str,
    name: &'static str,
    /// What follows the preface and the settings.
    sent: Vec<u8>,
    want: Want,
}

fn case(section: &'static str, name: &'static str, sent: impl AsRef<[u8]>, want: Want) -> Case {
    Case { section, name, sent: sent.as_ref().to_vec(), want }
}

/// A whole request that is in order.
fn good(stream: u32) -> Vec<u8> {
    headers(stream, WHOLE, &[GET, GOOD, HTTP, HERE])
}

/// The header of a request that goes on.
fn open(stream: u32, path: (&str, &str)) -> Vec<u8> {
    headers(stream, END_HEADERS, &[POST, path, HTTP, HERE])
}

/// The fields of a request that must not arrive.
fn evil() -> Vec<u8> {
    fields(&[GET, EVIL, HTTP, HERE])
}

/// HEADERS that would be a request, were it not for these flags or this stream.
fn evil_on(stream: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, flags, stream, &evil())
}

/// An API and a proxy before it, with a listener for HTTP/2.
fn start() -> (Origin, Proxy) {
    let api = Origin::ok();
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    (api, proxy)
}

/// Runs a table, each case on a connection of its own.
#[track_caller]
fn check(cases: &[Case]) {
    let (api, proxy) = start();
    let mut failed = Vec::new();
    for case in cases {
        if catch_unwind(AssertUnwindSafe(|| run(&proxy, case))).is_err() {
            eprintln!("^ section {}: {:?}\n", case.section, case.name);
            failed.push(format!("{}: {}", case.section, case.name));
        }
    }
    proxy.stop();
    api.wait_until_closed();
    assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
    for request in api.requests() {
        let target = request.target();
        assert!(target == "/prod/good" || (target == "/prod/cut" && !request.complete), "the API saw {target}");
    }
    api.expect_no_oddities();
}

fn run(proxy: &Proxy, case: &Case) {
    let mut client = Frames::connect(proxy.h2c_address());
    // The proxy may have had enough before the end; what it says is what counts.
    let _ = client.try_send(&case.sent);
    match case.want {
        Want::Connection(reasons) => ends_connection(&mut client, reasons),
        Want::Stream(stream, reasons) => ends_stream(&mut client, stream, reasons),
        Want::Ignored => goes_on(&mut client),
        Want::Answer(stream, status) => {
            assert_eq!(client.status(stream), status);
            goes_on(&mut client);
        }
    }
}

/// A connection error: GOAWAY with its code where there is time for one, and the end.
#[track_caller]
fn ends_connection(client: &mut Frames, reasons: &[Reason]) {
    let said = client.wait_until_closed();
    assert!(said.is_none_or(|said| reasons.contains(&said)), "{said:?}, not {reasons:?}");
}

#[track_caller]
fn ends_stream(client: &mut Frames, stream: u32, reasons: &[Reason]) {
    let is_verdict = |frame: &Frame| frame.kind == GOAWAY || frame.is(RST_STREAM, stream) || frame.is(HEADERS, stream);
    let verdict = std::iter::from_fn(|| client.next()).find(is_verdict);
    match verdict {
        None => {}
        Some(frame) if frame.kind == HEADERS => {
            assert!((400..500).contains(&frame.status()), "answered with {}", frame.status());
            goes_on(client);
        }
        Some(frame) => {
            assert!(reasons.contains(&frame.reason()), "{:?}, not {reasons:?}", frame.reason());
            if frame.kind == GOAWAY { ends_connection(client, reasons) } else { goes_on(client) }
        }
    }
}

/// Another stream of the same connection is answered.
#[track_caller]
fn goes_on(client: &mut Frames) {
    const NEXT: u32 = 1_001;
    client.send(good(NEXT));
    assert_eq!(client.status(NEXT), 200);
    assert_eq!(client.came(GOAWAY).count(), 0);
}

/// The same bytes without a fault are a request: what fails in the tables fails for its fault.
#[test]
fn a_request_in_order_is_answered() {
    check(&[
        case("8.1", "without a body", good(1), Want::Answer(1, 200)),
        case("8.1", "on a stream that is not the first", good(3), Want::Answer(3, 200)),
        case(
            "8.3.1",
            "for a host nobody mapped",
            headers(1, WHOLE, &[GET, EVIL, HTTP, (":authority", "a.test")]),
            Want::Answer(1, 421),
        ),
    ]);
}
