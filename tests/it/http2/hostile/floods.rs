//! Frames that cost a client nothing, by the hundred thousand.

use super::{Target, get, open, target};
use crate::harness::frames::{
    DATA, Frames, INITIAL_WINDOW_SIZE, PADDED, PING, PRIORITY, frame, settings, window_update,
};
use crate::harness::reply::Reply;

/// Bytes of one write; the frames in it are many.
const WRITE: usize = 16 * 1024;
/// Enough to fill every buffer of the system between the two.
const WRITES: usize = 1_000;

fn quick() -> Target {
    target(|_| Reply::json(200, "{}"))
}

/// Sends one frame again and again and reads nothing of what comes back.
#[track_caller]
fn withstood(first: &[u8], piece: &[u8]) -> Target {
    let target = quick();
    let many = piece.repeat(WRITE / piece.len());
    target.stands_during(|mut client: Frames| {
        client.send(first);
        client.flood(WRITES, |_| many.clone());
    });
    target
}

/// As [`withstood`], by a client that reads all that comes back, so that nothing but the flood itself can end it.
#[track_caller]
fn ended(first: &[u8], piece: &[u8]) {
    let target = quick();
    let mut client = target.connect();
    client.send(first);
    let reading = client.read_along();
    let many = piece.repeat(WRITE / piece.len());
    let writes = client.flood(10 * WRITES, |_| many.clone());
    drop(reading);
    assert!(writes < 10 * WRITES, "the connection is still open");
    target.pages.wait_for_metric("nameplate_client_connections_cut_total{reason=\"http2_flood\"}", 1.0);
    target.stands();
}

#[test]
fn a_flood_ends_its_connection_even_where_everything_is_read() {
    ended(b"", &settings(&[(INITIAL_WINDOW_SIZE, 1_000)]));
    ended(b"", &frame(PING, 0, 0, &[0; 8]));
    ended(b"", &frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]));
}

#[test]
fn settings_nobody_waits_for() {
    withstood(b"", &settings(&[(INITIAL_WINDOW_SIZE, 1_000)]));
}

#[test]
fn pings_nobody_waits_for() {
    withstood(b"", &frame(PING, 0, 0, &[0; 8]));
}

#[test]
fn priorities() {
    withstood(b"", &frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]));
}

#[test]
fn windows_opened_byte_by_byte() {
    withstood(&get(1), &window_update(0, 1));
}

#[test]
fn a_type_nobody_knows() {
    withstood(b"", &frame(0x16, 0, 0, &[0; 1_000]));
}

/// An attack in DATA has a request, which must not come to its end.
#[track_caller]
fn data_is_withstood(piece: &[u8]) {
    let target = withstood(&open(1), piece);
    assert!(target.api.requests().iter().all(|request| request.target() != "/prod/evil" || !request.complete));
}

#[test]
fn empty_data() {
    data_is_withstood(&frame(DATA, 0, 1, b""));
}

#[test]
fn data_that_is_all_padding() {
    data_is_withstood(&frame(DATA, PADDED, 1, &[10; 11]));
}
