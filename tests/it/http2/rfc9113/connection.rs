//! Sections 3 and 4: how a connection starts, what a frame is, and header compression (RFC 7541).

use super::Want::{Answer, Connection, Ignored, Stream};
use super::{
    COMPRESSION, CUT, FRAME_SIZE, GET, GOOD, HERE, HTTP, PROTOCOL, case, check, evil, evil_on, fields, good, open,
    start,
};
use crate::harness::client::Client;
use crate::harness::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, PRIORITY, SETTINGS, WHOLE, frame, settings,
};

#[test]
fn section_3_4_a_preface_that_is_none_is_not_http2() {
    let (api, proxy) = start();
    for wrong in [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".as_slice(), b"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n"] {
        let mut client = Client::connect(proxy.h2c_address());
        client.send([wrong, &settings(&[]), &evil_on(1, WHOLE)].concat());
        let said = client.read_to_end();
        // HTTP/1.1 may have something to say about it; no frame begins like that.
        assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400 "), "{}", said.escape_ascii());
    }
    assert_eq!(api.connections(), 0);
}

#[test]
fn section_3_4_the_proxy_says_its_settings_first_and_acknowledges_ours() {
    let (_api, proxy) = start();
    let mut client = Frames::connect(proxy.h2c_address());
    let first = client.next().expect("a frame");
    assert_eq!((first.kind, first.flags & ACK), (SETTINGS, 0));
    client.wait_for(|frame| frame.kind == SETTINGS && frame.flags == ACK && frame.payload.is_empty());
}

#[test]
fn section_4_1_what_is_unknown_is_ignored() {
    const UNKNOWN: u8 = 0x16;
    let reserved = frame(HEADERS, WHOLE, 1 | 1 << 31, &fields(&[GET, GOOD, HTTP, HERE]));
    check(&[
        case("4.1", "a type", frame(UNKNOWN, 0xff, 0, b"anything"), Ignored),
        case("4.1", "a type on an idle stream", frame(UNKNOWN, 0, 5, b""), Ignored),
        case("4.1", "flags of PING", frame(PING, 0xfe, 0, &[0; 8]), Ignored),
        case("4.1", "flags of SETTINGS", frame(SETTINGS, 0xfe, 0, b""), Ignored),
        case("4.1", "the reserved bit", reserved, Answer(1, 200)),
    ]);
}

#[test]
fn section_4_2_the_size_of_a_frame() {
    const MOST: usize = 16_384;
    let large = |kind, flags, stream| frame(kind, flags, stream, &[0; MOST + 1]);
    let block = [evil(), fields(&[("x-a", &"a".repeat(MOST))])].concat();
    let whole = [open(1, GOOD), frame(DATA, END_STREAM, 1, &[b'x'; MOST])].concat();
    check(&[
        case("4.2", "DATA as large as may be", whole, Answer(1, 200)),
        case("4.2", "DATA", [open(1, CUT), large(DATA, END_STREAM, 1)].concat(), Stream(1, FRAME_SIZE)),
        case("4.2", "HEADERS", frame(HEADERS, WHOLE, 1, &block), Connection(FRAME_SIZE)),
        case("4.2", "SETTINGS", frame(SETTINGS, 0, 0, &[0; MOST + 2]), Connection(FRAME_SIZE)),
        case("4.2", "a type nobody knows", large(0x16, 0, 0), Connection(FRAME_SIZE)),
    ]);
}

#[test]
fn section_4_3_nothing_comes_between_the_parts_of_a_header() {
    let begun = || evil_on(1, END_STREAM);
    let then = |next: Vec<u8>| [begun(), next, frame(CONTINUATION, END_HEADERS, 1, b"")].concat();
    check(&[
        case("4.3", "DATA", then(frame(DATA, END_STREAM, 1, b"")), Connection(PROTOCOL)),
        case("4.3", "PRIORITY", then(frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])), Connection(PROTOCOL)),
        case("4.3", "PING", then(frame(PING, 0, 0, &[0; 8])), Connection(PROTOCOL)),
        case("4.3", "SETTINGS", then(settings(&[])), Connection(PROTOCOL)),
        case("4.3", "HEADERS of another stream", then(evil_on(3, WHOLE)), Connection(PROTOCOL)),
        case(
            "4.3",
            "CONTINUATION of another stream",
            then(frame(CONTINUATION, END_HEADERS, 3, b"")),
            Connection(PROTOCOL),
        ),
        case("5.5", "a type nobody knows", then(frame(0x16, 0, 0, b"")), Connection(PROTOCOL)),
    ]);
}

#[test]
fn section_4_3_a_header_that_cannot_be_decoded() {
    let block = |bytes: &[u8]| frame(HEADERS, WHOLE, 1, &[&evil(), bytes].concat());
    let first = |bytes: &[u8]| frame(HEADERS, WHOLE, 1, &[bytes, &evil()].concat());
    check(&[
        case("RFC 7541 6.1", "index 0", block(&[0x80]), Connection(COMPRESSION)),
        case("RFC 7541 2.3.3", "an index of no table", block(&[0xff, 0x7f]), Connection(COMPRESSION)),
        case("RFC 7541 2.3.3", "a name of no table", block(&[0x7f, 0x7f, 0x01, b'a']), Connection(COMPRESSION)),
        case("RFC 7541 5.1", "a number over all limits", block(&[0xff; 12]), Connection(COMPRESSION)),
        case("RFC 7541 5.2", "padding of 8 bits", block(&[0, 0x82, 0x1f, 0xff, 1, b'a']), Connection(COMPRESSION)),
        case("RFC 7541 5.2", "padding of zeros", block(&[0, 0x81, 0x18, 1, b'a']), Connection(COMPRESSION)),
        case(
            "RFC 7541 5.2",
            "the end of string",
            block(&[0, 0x84, 0xff, 0xff, 0xff, 0xff, 1, b'a']),
            Connection(COMPRESSION),
        ),
        case("RFC 7541 6.3", "a table over the limit", first(&[0x3f, 0xe2, 0x1f]), Connection(COMPRESSION)),
        case("RFC 7541 4.2", "a table's size at the end", block(&[0x20]), Connection(COMPRESSION)),
        case("4.3", "a text that is cut off", block(&[0, 5, b'a']), Connection(COMPRESSION)),
    ]);
}

#[test]
fn section_6_10_a_header_in_parts_is_one() {
    let block = fields(&[GET, GOOD, HTTP, HERE]);
    let parts = [
        frame(HEADERS, END_STREAM, 1, &block[..20]),
        frame(CONTINUATION, 0, 1, b""),
        frame(CONTINUATION, 0, 1, &block[20..40]),
        frame(CONTINUATION, END_HEADERS, 1, &block[40..]),
    ];
    let without_end = [evil_on(1, END_STREAM), frame(CONTINUATION, 0, 1, b""), good(3)];
    check(&[
        case("6.10", "in four", parts.concat(), Answer(1, 200)),
        case("6.10", "never ended", without_end.concat(), Connection(PROTOCOL)),
    ]);
}
