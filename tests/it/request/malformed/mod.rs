//! Requests and answers no well-behaved peer sends, byte for byte, and what must come of them.
//!
//! **The oracle is the origin.** Whatever a client sends, the origin sees nothing at all, or one
//! message that every reader reads alike, under the mapped prefix, for the mapped API. Where Pingora
//! is lenient and cleans a message up on the way, a case asserts the clean message.

mod chunks;
mod fields;
mod framing;
mod hosts;
mod request_line;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::harness::client::{Client, Response};
use crate::harness::origin::{Origin, Received};
use crate::harness::proxy::{Proxy, proxy};
use crate::harness::show;

pub(crate) const DOMAIN: &str = "pay.example.com";
const API_HOST: &str = "abc123.execute-api.eu-west-1.amazonaws.com";

/// What must come of a case. The origin's connection is asserted to be in order after each.
enum Want {
    /// Pingora refuses it before any request of ours begins; the answer is ours all the same.
    Rejected,
    /// We answer with this status and reason.
    Refused(u16, &'static str),
    /// The client gets the origin's answer, and the origin got this message and no other: its
    /// bytes, without the headers we set on every request.
    Forwarded(String),
    /// The client gets this refusal while its body streams; the origin's request never ends, or never begins.
    BrokenOff(u16, &'static str),
    /// As `BrokenOff`, for a client that gets no answer: it stopped in the middle of its request.
    CutOff,
    /// The connection is closed without a word.
    Closed,
}

/// Refused before any request of ours begins, or when it begins, for what its target is.
const BAD_TARGET: Want = Want::Refused(400, "malformed_target");

struct Case {
    name: String,
    sent: Vec<u8>,
    want: Want,
    /// Whether the client ends its side after what it sent.
    half_close: bool,
    ways: &'static [Writes],
}

fn case(name: &str, sent: impl AsRef<[u8]>, want: Want) -> Case {
    Case {
        name: name.to_owned(),
        sent: sent.as_ref().to_vec(),
        want,
        half_close: false,
        ways: &[Writes::Whole, Writes::ByteByByte],
    }
}

impl Case {
    fn half_closed(mut self) -> Case {
        self.half_close = true;
        self
    }

    /// Not byte by byte: Pingora reads a head from its beginning each time more of it comes, which
    /// takes too long for a huge one.
    fn whole(mut self) -> Case {
        self.ways = &[Writes::Whole];
        self
    }
}

fn forwarded(message: impl Into<String>) -> Want {
    Want::Forwarded(message.into())
}

/// A GET of `/`, with these header lines.
pub(crate) fn get_with(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {DOMAIN}\r\n{lines}\r\n")
}

/// A POST to `/`, with these header lines and body.
fn post(lines: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: {DOMAIN}\r\n{lines}\r\n{body}")
}

/// Whether a name may have this byte (RFC 9110 section 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// How a case's bytes are put on the wire.
#[derive(Clone, Copy, Debug)]
enum Writes {
    Whole,
    ByteByByte,
}

/// Runs a table, each case on a connection of its own, whole and byte by byte, because what two
/// reads split is another path through a parser.
#[track_caller]
fn check(cases: &[Case]) {
    let api = Origin::ok();
    let proxy =
        proxy().maps(DOMAIN, "abc123", "/prod").maps(&format!("{DOMAIN}/base"), "abc123", "/prod/sub").to(&api).start();
    let mut failed = Vec::new();
    for case in cases {
        for &writes in case.ways {
            let run = || run_case(&proxy, &api, case, writes);
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                eprintln!("^ case {:?}, {writes:?}\n", case.name);
                failed.push(format!("{} ({writes:?})", case.name));
            }
        }
    }
    let seen = api.requests().len();
    proxy.stop();
    api.wait_until_closed();
    assert_eq!(api.requests().len(), seen, "a request came after its case was over");
    assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
}

fn run_case(proxy: &Proxy, api: &Origin, case: &Case, writes: Writes) {
    let before = api.requests().len();
    let odd_before = api.oddities().len();
    let sent = |want: &Want| match want {
        Want::BrokenOff(..) | Want::CutOff => proxy.metric("nameplate_upstream_requests_total"),
        _ => 0.0,
    };
    let sent_before = sent(&case.want);
    let mut client = proxy.client();
    write(&mut client, &case.sent, writes);
    if case.half_close {
        client.half_close();
    }
    expect_answer(&mut client, &case.want);
    drop(client);
    if sent(&case.want) > sent_before {
        api.wait_until(|requests| requests.len() > before);
    }

    // A good request follows on another connection; upstream it may well share one with the case.
    let last = format!("/after/{before}");
    assert_eq!(proxy.get(DOMAIN, &last).status, 200, "the next client");
    let requests = api.requests();
    let (after, seen) = requests[before..].split_last().expect("the next client's request");
    assert_eq!(message(after), format!("GET /prod{last} HTTP/1.1\r\n\r\n"), "the next client's request");
    let faults = api.oddities().split_off(odd_before);
    assert!(faults.is_empty(), "the origin saw what can be read in two ways: {faults:#?}");
    for request in seen {
        expect_addressed(request);
    }
    match &case.want {
        Want::Rejected | Want::Refused(..) | Want::Closed => assert!(seen.is_empty(), "the origin saw {seen:#?}"),
        Want::Forwarded(want) => {
            let [request] = seen else { panic!("the origin saw {} requests", seen.len()) };
            assert!(request.complete, "the origin's request never ended");
            assert_eq!(message(request).escape_default().to_string(), want.escape_default().to_string());
        }
        Want::BrokenOff(..) | Want::CutOff => {
            assert!(seen.len() <= 1, "the origin saw {} requests", seen.len());
            assert!(seen.iter().all(|request| !request.complete), "the origin took it for a whole request");
        }
    }
}

fn write(client: &mut Client, bytes: &[u8], writes: Writes) {
    let pieces = match writes {
        Writes::Whole => bytes.chunks(bytes.len().max(1)),
        Writes::ByteByByte => bytes.chunks(1),
    };
    for piece in pieces {
        // The proxy may have heard enough: its answer is what counts.
        if client.try_send(piece).is_err() {
            return;
        }
    }
}

/// Reads the one answer a case may have, and the end of the connection after it.
fn expect_answer(client: &mut Client, want: &Want) {
    if let Want::Closed | Want::CutOff = want {
        return client.expect_closed();
    }
    let answer = client.try_read_response(false).expect("an answer");
    let reason = answer.header("x-nameplate-refusal").unwrap_or_default();
    match want {
        Want::Rejected => {
            assert_eq!((answer.status, reason), (400, "malformed_message"));
            expect_shape(&answer);
        }
        Want::Refused(status, want) | Want::BrokenOff(status, want) => {
            assert_eq!((answer.status, reason), (*status, *want));
            expect_shape(&answer);
        }
        _ => assert_eq!((answer.status, reason, answer.text().as_str()), (200, "", "{\"ok\":true}")),
    }
    client.half_close();
    client.expect_closed();
}

/// A refusal is one JSON object like API Gateway's own.
fn expect_shape(answer: &Response) {
    let json = answer.json();
    assert!(json["message"].is_string() && json["requestId"] == answer.header("x-request-id").unwrap_or_default());
}

/// Whatever else it is, a request is for the mapped API and under its prefix.
pub(crate) fn expect_addressed(request: &Received) {
    let path = request.target();
    let rest = path.strip_prefix("/prod").unwrap_or_else(|| panic!("{path:?} is outside the prefix"));
    assert!(rest.is_empty() || rest.starts_with(['/', '?']), "{path:?} is outside the prefix");
    assert_eq!(request.all("host"), [API_HOST]);
    assert_eq!(request.sni.as_deref(), Some(API_HOST));
    assert_eq!(request.all("x-apigw-api-id"), ["abc123"]);
    assert!(request.trailers.is_empty(), "trailers {:?}", request.trailers);
}

/// A request as it came, without the headers we set on every one; those it must have once. Chunks
/// are shown as one, because where they are cut depends on what one read brings.
pub(crate) fn message(request: &Received) -> String {
    const OURS: [&str; 9] = [
        "host",
        "x-apigw-api-id",
        "x-upstream-domain",
        "referer",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-forwarded-host",
        "x-request-id",
    ];
    for name in OURS {
        // HTTP/1.0 may have no Host of the client's to tell.
        assert_eq!(request.all(name).len(), 1, "{name} in {}", show(&request.head.raw));
    }
    let head = String::from_utf8_lossy(&request.head.raw);
    let is_ours = |line: &str| line.split_once(':').is_some_and(|(name, _)| OURS.contains(&&*name.to_lowercase()));
    let kept: String = head.split_inclusive("\r\n").filter(|line| !is_ours(line)).collect();
    if request.all("transfer-encoding").is_empty() {
        return kept + &String::from_utf8_lossy(&request.raw_body);
    }
    let data = if request.body.is_empty() {
        String::new()
    } else {
        format!("{:x}\r\n{}\r\n", request.body.len(), request.text())
    };
    kept + &data + if request.complete { "0\r\n\r\n" } else { "" }
}
