//! Section 6: each type of frame, its length, its stream and its values.

use std::net::TcpListener;

use super::Want::{Answer, Connection, Ignored, Stream};
use super::{CUT, DOMAIN, FLOW_CONTROL, FRAME_SIZE, GOOD, PROTOCOL, case, check, evil, goes_on, good, open, start};
use crate::harness::frames::{
    ACK, CONTINUATION, DATA, ENABLE_PUSH, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE, PADDED, PING, PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, WHOLE, WINDOW_UPDATE, WITH_PRIORITY,
    fields, frame, reset, settings, window_update,
};
use crate::harness::origin::Origin;
use crate::harness::proxy::proxy;
use crate::harness::reply::Reply;

#[test]
fn section_6_1_data() {
    check(&[
        case("6.1", "on no stream", frame(DATA, 0, 0, b"x"), Connection(PROTOCOL)),
        case(
            "6.1",
            "all padding",
            [open(1, CUT), frame(DATA, PADDED, 1, &[5, b'x', 0, 0, 0])].concat(),
            Connection(PROTOCOL),
        ),
        case(
            "6.1",
            "without a pad length",
            [open(1, CUT), frame(DATA, PADDED, 1, b"")].concat(),
            Connection(FRAME_SIZE),
        ),
        case(
            "6.1",
            "padded",
            [open(1, GOOD), frame(DATA, PADDED | END_STREAM, 1, &[2, b'x', 0, 0])].concat(),
            Answer(1, 200),
        ),
    ]);
}

#[test]
fn section_6_2_headers() {
    let block = evil();
    let padding = [&[u8::MAX][..], &block].concat();
    let good = fields(&[super::GET, GOOD, super::HTTP, super::HERE]);
    let dressed = [&[3, 0, 0, 0, 0, 9][..], &good, &[0, 0, 0]].concat();
    check(&[
        case("6.2", "on no stream", frame(HEADERS, WHOLE, 0, &block), Connection(PROTOCOL)),
        case("6.2", "all padding", frame(HEADERS, WHOLE | PADDED, 1, &padding), Connection(PROTOCOL)),
        case(
            "6.2",
            "padded, with a priority",
            frame(HEADERS, WHOLE | PADDED | WITH_PRIORITY, 1, &dressed),
            Answer(1, 200),
        ),
    ]);
}

#[test]
fn section_6_3_priority() {
    check(&[
        case("6.3", "on no stream", frame(PRIORITY, 0, 0, &[0, 0, 0, 0, 1]), Connection(PROTOCOL)),
        case("6.3", "four bytes", [open(1, CUT), frame(PRIORITY, 0, 1, &[0; 4])].concat(), Stream(1, FRAME_SIZE)),
        case("6.3", "six bytes", [open(1, CUT), frame(PRIORITY, 0, 1, &[0; 6])].concat(), Stream(1, FRAME_SIZE)),
    ]);
}

#[test]
fn section_6_4_rst_stream() {
    check(&[
        case("6.4", "on no stream", reset(0), Connection(PROTOCOL)),
        case("6.4", "three bytes", [open(1, CUT), frame(RST_STREAM, 0, 1, &[0; 3])].concat(), Connection(FRAME_SIZE)),
        case("6.4", "five bytes", [open(1, CUT), frame(RST_STREAM, 0, 1, &[0; 5])].concat(), Connection(FRAME_SIZE)),
        case("6.4", "an unknown code", [open(1, CUT), frame(RST_STREAM, 0, 1, &[0xff; 4])].concat(), Ignored),
    ]);
}

#[test]
fn section_6_5_settings() {
    const UNKNOWN: u16 = 0x7777;
    check(&[
        case("6.5", "an acknowledgement that says something", frame(SETTINGS, ACK, 0, &[0; 6]), Connection(FRAME_SIZE)),
        case("6.5", "on a stream", frame(SETTINGS, 0, 1, b""), Connection(PROTOCOL)),
        case("6.5", "five bytes", frame(SETTINGS, 0, 0, &[0; 5]), Connection(FRAME_SIZE)),
        case("6.5.2", "ENABLE_PUSH of 2", settings(&[(ENABLE_PUSH, 2)]), Connection(PROTOCOL)),
        case("6.5.2", "a window over the limit", settings(&[(INITIAL_WINDOW_SIZE, 1 << 31)]), Connection(FLOW_CONTROL)),
        case("6.5.2", "frames too small", settings(&[(MAX_FRAME_SIZE, 16_383)]), Connection(PROTOCOL)),
        case("6.5.2", "frames too large", settings(&[(MAX_FRAME_SIZE, 1 << 24)]), Connection(PROTOCOL)),
        case("6.5.2", "one nobody knows", settings(&[(UNKNOWN, u32::MAX)]), Ignored),
        case(
            "6.5.3",
            "the same one twice: the last counts",
            settings(&[(INITIAL_WINDOW_SIZE, 0), (INITIAL_WINDOW_SIZE, 100)]),
            Ignored,
        ),
    ]);
}

#[test]
fn section_6_6_a_client_cannot_push() {
    let promise = [&2_u32.to_be_bytes()[..], &evil()].concat();
    check(&[case(
        "8.4",
        "PUSH_PROMISE",
        [good(1), frame(PUSH_PROMISE, END_HEADERS, 1, &promise)].concat(),
        Connection(PROTOCOL),
    )]);
}

#[test]
fn section_6_7_ping() {
    check(&[
        case("6.7", "on a stream", frame(PING, 0, 1, &[0; 8]), Connection(PROTOCOL)),
        case("6.7", "seven bytes", frame(PING, 0, 0, &[0; 7]), Connection(FRAME_SIZE)),
        case("6.7", "nine bytes", frame(PING, 0, 0, &[0; 9]), Connection(FRAME_SIZE)),
        case("6.7", "an answer nobody asked for", frame(PING, ACK, 0, &[0; 8]), Ignored),
    ]);
}

#[test]
fn section_6_7_a_ping_is_answered_with_its_own_bytes_and_an_answer_is_not() {
    let (_api, proxy) = start();
    let mut client = Frames::connect(proxy.h2c_address());
    client.send(frame(PING, ACK, 0, b"answer.."));
    client.ping();
    assert_eq!(client.came(PING).count(), 1);
}

#[test]
fn section_6_8_goaway() {
    check(&[case("6.8", "on a stream", frame(GOAWAY, 0, 1, &[0; 8]), Connection(PROTOCOL))]);
}

#[test]
fn section_6_8_a_client_that_goes_away_still_gets_its_answers() {
    let (_api, proxy) = start();
    let mut client = Frames::connect(proxy.h2c_address());
    client.send([good(1), frame(GOAWAY, 0, 0, &[0; 8])].concat());
    assert_eq!(client.status(1), 200);
    client.wait_for(|frame| frame.is(DATA, 1) && frame.flags & END_STREAM != 0);
}

#[test]
fn section_6_9_window_update() {
    const MOST: u32 = (1 << 31) - 1;
    let short = |stream| frame(WINDOW_UPDATE, 0, stream, &[0; 3]);
    // The window of the stream is open already, and the second step is one too many.
    let stream_overflow = [open(1, CUT), window_update(1, MOST), window_update(1, MOST)].concat();
    let settings_overflow =
        [open(1, CUT), window_update(1, MOST - 65_535), settings(&[(INITIAL_WINDOW_SIZE, MOST)])].concat();
    check(&[
        case("6.9", "nothing, on the connection", window_update(0, 0), Connection(PROTOCOL)),
        case("6.9", "nothing, on a stream", [open(1, CUT), window_update(1, 0)].concat(), Stream(1, PROTOCOL)),
        case("6.9", "three bytes", short(0), Connection(FRAME_SIZE)),
        case("6.9", "three bytes, on a stream", [open(1, CUT), short(1)].concat(), Connection(FRAME_SIZE)),
        case("6.9.1", "over the limit, on the connection", window_update(0, MOST).repeat(2), Connection(FLOW_CONTROL)),
        case("6.9.1", "over the limit, on a stream", stream_overflow, Stream(1, FLOW_CONTROL)),
        case("6.9.2", "over the limit by settings", settings_overflow, Connection(FLOW_CONTROL)),
    ]);
}

#[test]
fn section_6_9_1_data_over_the_window() {
    // It listens and never accepts: nobody takes the body, so the window stays as small as it is.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to_addresses(vec![address]).start();
    let mut client = Frames::connect(proxy.h2c_address());
    client.send([open(1, CUT), frame(DATA, 0, 1, &[b'x'; 16_384]).repeat(5)].concat());
    // It may end the stream or the connection: which of them depends on what it has read in one piece.
    let ends = |frame: &Frame| frame.is(RST_STREAM, 1) || frame.kind == GOAWAY;
    let said = std::iter::from_fn(|| client.next()).find(ends).map(|frame| frame.reason());
    assert!(said.is_none_or(|said| FLOW_CONTROL.contains(&said)), "{said:?}, not {FLOW_CONTROL:?}");
}

/// Section 6.9: what the client's window holds and no more, across a change of it by SETTINGS.
#[test]
fn section_6_9_2_an_answer_keeps_to_the_window() {
    let api = Origin::start(|_| Reply::json(200, "0123456789"));
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    let mut client = Frames::connect_with(proxy.h2c_address(), &[(INITIAL_WINDOW_SIZE, 3)]);
    client.send(good(1));
    let mut data = Vec::new();
    let mut read = |client: &mut Frames, upto: usize| {
        while data.len() < upto {
            data.extend(client.wait_for(|frame| frame.is(DATA, 1)).payload);
        }
        assert_eq!(data.len(), upto, "more than the window holds");
    };
    read(&mut client, 3);
    // The window is now 2 below nothing: of the next three, one is left to fill.
    client.send(settings(&[(INITIAL_WINDOW_SIZE, 1)]));
    client.ping();
    client.send(window_update(1, 3));
    read(&mut client, 4);
    client.send(window_update(1, 100));
    read(&mut client, 10);
    goes_on(&mut client);
}

#[test]
fn section_6_10_continuation() {
    check(&[
        case("6.10", "of nothing", frame(CONTINUATION, END_HEADERS, 1, &evil()), Connection(PROTOCOL)),
        case("6.10", "on no stream", frame(CONTINUATION, END_HEADERS, 0, &evil()), Connection(PROTOCOL)),
        case(
            "6.10",
            "after the end",
            [good(1), frame(CONTINUATION, END_HEADERS, 1, b"")].concat(),
            Connection(PROTOCOL),
        ),
        case(
            "6.10",
            "after DATA",
            [open(1, CUT), frame(DATA, 0, 1, b"x"), frame(CONTINUATION, END_HEADERS, 1, b"")].concat(),
            Connection(PROTOCOL),
        ),
    ]);
}
