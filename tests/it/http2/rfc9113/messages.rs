//! Section 8: what is a request. All of these are malformed, which is an error of the stream.

use super::Want::{Answer, Stream};
use super::{CUT, Case, EVIL, GET, GOOD, HERE, HTTP, POST, PROTOCOL, case, check, open};
use crate::harness::frames::{DATA, END_HEADERS, END_STREAM, WHOLE, frame, headers};

type Fields<'f> = &'f [(&'f str, &'f str)];

/// A request of these fields and no body, which is malformed.
fn malformed(section: &'static str, name: &'static str, list: Fields<'_>) -> Case {
    case(section, name, headers(1, WHOLE, list), Stream(1, PROTOCOL))
}

/// A request that would be in order without this field.
fn with(section: &'static str, name: &'static str, field: (&str, &str)) -> Case {
    malformed(section, name, &[GET, EVIL, HTTP, HERE, field])
}

fn passes(section: &'static str, name: &'static str, list: Fields<'_>) -> Case {
    case(section, name, headers(1, WHOLE, list), Answer(1, 200))
}

#[test]
fn section_8_1_the_order_of_frames() {
    let trailers = |flags, list: Fields<'_>| [open(1, CUT), frame(DATA, 0, 1, b"x"), headers(1, flags, list)].concat();
    let good = [open(1, GOOD), frame(DATA, 0, 1, b"x"), headers(1, WHOLE, &[("x-a", "1")])].concat();
    check(&[
        case("8.1", "trailers", good, Answer(1, 200)),
        case("8.1", "trailers that do not end the stream", trailers(END_HEADERS, &[("x-a", "1")]), Stream(1, PROTOCOL)),
        case("8.2.1", "upper case in trailers", trailers(WHOLE, &[("X-A", "1")]), Stream(1, PROTOCOL)),
    ]);
}

/// A request that says this length, and has these frames of DATA.
fn said(path: (&str, &str), length: &str, data: &[&str]) -> Vec<u8> {
    let flags = if data.is_empty() { WHOLE } else { END_HEADERS };
    let mut bytes = headers(1, flags, &[POST, path, HTTP, HERE, ("content-length", length)]);
    for (at, piece) in data.iter().enumerate() {
        let flags = if at + 1 == data.len() { END_STREAM } else { 0 };
        bytes.extend(frame(DATA, flags, 1, piece.as_bytes()));
    }
    bytes
}

#[test]
fn section_8_1_1_a_length_that_is_not_that_of_the_data() {
    check(&[
        case("8.1.1", "the same", said(GOOD, "5", &["he", "llo"]), Answer(1, 200)),
        case("8.1.1", "less than said", said(CUT, "6", &["hello"]), Stream(1, PROTOCOL)),
        case("8.1.1", "more than said", said(CUT, "4", &["hello"]), Stream(1, PROTOCOL)),
        case("8.1.1", "more than said, in several frames", said(CUT, "4", &["he", "l", "lo"]), Stream(1, PROTOCOL)),
        case("8.1.1", "nothing of what was said", said(EVIL, "5", &[]), Stream(1, PROTOCOL)),
        case("8.1.1", "no number", said(EVIL, "five", &["hello"]), Stream(1, PROTOCOL)),
    ]);
}

#[test]
fn section_8_2_1_names_and_values() {
    check(&[
        with("8.2.1", "upper case", ("X-Upper", "1")),
        with("8.2.1", "a space in a name", ("x a", "1")),
        with("8.2.1", "a colon in a name", ("x:a", "1")),
        with("8.2.1", "a control character in a name", ("x\x7fa", "1")),
        with("8.2.1", "no name", ("", "1")),
        with("8.2.1", "NUL in a value", ("x-a", "1\x002")),
        with("8.2.1", "LF in a value", ("x-a", "1\n2")),
        with("8.2.1", "CR in a value", ("x-a", "1\r2")),
    ]);
}

#[test]
fn section_8_2_2_fields_of_a_connection() {
    check(&[
        with("8.2.2", "Connection", ("connection", "keep-alive")),
        with("8.2.2", "Proxy-Connection", ("proxy-connection", "keep-alive")),
        with("8.2.2", "Keep-Alive", ("keep-alive", "timeout=5")),
        with("8.2.2", "Transfer-Encoding", ("transfer-encoding", "chunked")),
        with("8.2.2", "Upgrade", ("upgrade", "websocket")),
        with("8.2.2", "TE other than trailers", ("te", "gzip")),
        with("8.2.2", "TE of more than trailers", ("te", "trailers, deflate;q=0.5")),
        passes("8.2.2", "TE of trailers", &[GET, GOOD, HTTP, HERE, ("te", "trailers")]),
    ]);
}

#[test]
fn section_8_3_pseudo_headers() {
    check(&[
        with("8.3", "one nobody knows", (":unknown", "1")),
        with("8.3", "that of an answer", (":status", "200")),
        malformed("8.3", "after a field", &[GET, EVIL, HTTP, ("x-a", "1"), HERE]),
        malformed("8.3", "the path after a field", &[GET, HTTP, HERE, ("x-a", "1"), EVIL]),
        with("8.3.1", "the method twice", GET),
        with("8.3.1", "the scheme twice", HTTP),
        with("8.3.1", "the path twice", EVIL),
        with("8.3.1", "the authority twice", HERE),
    ]);
}

#[test]
fn section_8_3_1_what_every_request_has() {
    check(&[
        malformed("8.3.1", "no method", &[EVIL, HTTP, HERE]),
        malformed("8.3.1", "no scheme", &[GET, EVIL, HERE]),
        malformed("8.3.1", "no path", &[GET, HTTP, HERE]),
        malformed("8.3.1", "an empty path", &[GET, (":path", ""), HTTP, HERE]),
        malformed("8.3.1", "a path that does not start with a slash", &[GET, (":path", "evil"), HTTP, HERE]),
        malformed("8.3.1", "an asterisk for a GET", &[GET, (":path", "*"), HTTP, HERE]),
        malformed("8.3.1", "user information", &[GET, EVIL, HTTP, (":authority", "u:p@pay.example.com")]),
        malformed("8.3.1", "another Host", &[GET, EVIL, HTTP, HERE, ("host", "evil.example")]),
        malformed("8.3.1", "no field at all", &[]),
        malformed("8.5", "CONNECT with scheme and path", &[(":method", "CONNECT"), EVIL, HTTP, HERE]),
        malformed("8.5", "CONNECT without an authority", &[(":method", "CONNECT")]),
        passes("8.3.1", "Host in the authority's place", &[GET, GOOD, HTTP, ("host", super::DOMAIN)]),
    ]);
}
