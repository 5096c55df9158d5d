//! Section 5: the states and numbers of streams, and how many there may be.

use h2::Reason;

use super::Want::{Answer, Connection, Ignored, Stream};
use super::{
    CUT, DOMAIN, EVIL, GET, GOOD, HERE, HTTP, PROTOCOL, STREAM_CLOSED, case, check, evil_on, goes_on, good, open,
};
use crate::harness::Gate;
use crate::harness::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, MAX_CONCURRENT_STREAMS, PRIORITY, RST_STREAM,
    SETTINGS, WHOLE, frame, headers, reset, window_update,
};
use crate::harness::origin::Origin;
use crate::harness::proxy::proxy;
use crate::harness::reply::Reply;

#[test]
fn section_5_1_frames_of_a_stream_that_is_idle() {
    check(&[
        case("5.1", "DATA", frame(DATA, END_STREAM, 1, b"x"), Connection(PROTOCOL)),
        case("5.1", "RST_STREAM", reset(1), Connection(PROTOCOL)),
        case("5.1", "WINDOW_UPDATE", window_update(1, 100), Connection(PROTOCOL)),
        case("5.1", "CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, b""), Connection(PROTOCOL)),
        case("5.1", "PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]), Ignored),
    ]);
}

#[test]
fn section_5_1_frames_after_the_end_of_a_stream() {
    let ended = |next: &[u8]| [&good(1), next].concat();
    let was_reset = |next: &[u8]| [&open(1, CUT), &reset(1)[..], next].concat();
    check(&[
        case("5.1", "DATA", ended(&frame(DATA, END_STREAM, 1, b"x")), Stream(1, STREAM_CLOSED)),
        case("5.1", "HEADERS", ended(&evil_on(1, WHOLE)), Stream(1, STREAM_CLOSED)),
        case("5.1", "CONTINUATION", ended(&frame(CONTINUATION, END_HEADERS, 1, b"")), Connection(STREAM_CLOSED)),
        case("5.1", "WINDOW_UPDATE", ended(&window_update(1, 100)), Answer(1, 200)),
        case("5.1", "PRIORITY", ended(&frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])), Answer(1, 200)),
        case("5.1", "HEADERS after RST_STREAM", was_reset(&evil_on(1, WHOLE)), Stream(1, STREAM_CLOSED)),
        case("5.1", "RST_STREAM twice", was_reset(&reset(1)), Ignored),
    ]);
}

#[test]
fn section_5_1_1_the_numbers_of_streams() {
    check(&[
        case("5.1.1", "an even one", evil_on(2, WHOLE), Connection(PROTOCOL)),
        case("5.1.1", "one under the last", [good(5), evil_on(3, WHOLE)].concat(), Connection(STREAM_CLOSED)),
        case("5.1.1", "one that is used", [good(1), evil_on(1, WHOLE)].concat(), Stream(1, STREAM_CLOSED)),
        case("5.1.1", "none", evil_on(0, WHOLE), Connection(PROTOCOL)),
    ]);
}

/// Section 5.1.2: a stream too many is refused, and those within the limit are served.
#[test]
fn section_5_1_2_more_streams_than_the_settings_allow() {
    let gate = Gate::default();
    let reply = Reply::default().then_wait(&gate).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let api = Origin::start(move |_| reply.clone());
    // Each stream is a handshake upstream, and all of them come at once.
    let patient = "endpoint: { connect_timeout: 10s, tls_timeout: 10s }";
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).settings(patient).start();
    let mut client = Frames::connect(proxy.h2c_address());
    let said = client.wait_for(|frame| frame.kind == SETTINGS).payload;
    let most = said.chunks(6).find(|entry| entry[..2] == MAX_CONCURRENT_STREAMS.to_be_bytes()).expect("a limit");
    let most = u32::from_be_bytes([most[2], most[3], most[4], most[5]]);
    assert!(most <= 1_000, "{most} streams are no limit");
    // Only acknowledged settings bind.
    client.send(frame(SETTINGS, 1, 0, b""));

    let number = |at: u32| 2 * at + 1;
    let extra = number(most);
    client.send((0..most).flat_map(|at| good(number(at))).collect::<Vec<_>>());
    client.send(evil_on(extra, WHOLE));
    let refused = client.wait_for(|frame| frame.is(RST_STREAM, extra)).reason();
    assert!([Reason::REFUSED_STREAM, Reason::PROTOCOL_ERROR].contains(&refused), "{refused:?}");
    gate.open();
    let mut answered = client.came(HEADERS).count();
    while answered < most as usize {
        client.wait_for(|frame| frame.kind == HEADERS && frame.status() == 200);
        answered += 1;
    }
    goes_on(&mut client);
    assert!(api.requests().iter().all(|request| request.target() == "/prod/good"));
}

#[test]
fn section_5_4_2_an_error_of_one_stream_leaves_the_other_its_answer() {
    let malformed = headers(3, WHOLE, &[GET, EVIL, HTTP, HERE, ("connection", "close")]);
    let both = [open(1, GOOD), malformed, frame(DATA, END_STREAM, 1, b"x")].concat();
    check(&[case("5.4.2", "one is malformed while the other waits", both, Answer(1, 200))]);
}
