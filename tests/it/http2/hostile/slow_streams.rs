//! Clients that take their time: to read an answer, to finish a request.

use super::{DOMAIN, IN_FLIGHT, get, number, open, target, target_with};
use crate::harness::frames::{DATA, END_STREAM, Frames, HEADERS, INITIAL_WINDOW_SIZE, frame};
use crate::harness::origin::Origin;
use crate::harness::proxy::proxy;
use crate::harness::reply::Reply;

const STREAMS: usize = 20;
const LARGE: usize = 6 * 1024 * 1024;

fn large() -> Reply {
    Reply::json(200, &"a".repeat(LARGE))
}

/// Each stream may send a byte of its answer, and then waits.
fn slow(address: std::net::SocketAddr) -> Frames {
    let mut client = Frames::connect_with(address, &[(INITIAL_WINDOW_SIZE, 1)]);
    client.send((0..STREAMS).flat_map(|at| get(number(at))).collect::<Vec<_>>());
    for _ in 0..STREAMS {
        client.wait_for(|frame| frame.kind == DATA && frame.payload.len() == 1);
    }
    client
}

#[test]
fn answers_nobody_reads_wait_where_they_are() {
    let target = target(|_| large());
    let client = slow(target.address);
    target.stands();
    drop(client);
    target.pages.wait_for_metric(IN_FLIGHT, 0.0);
    target.stands();
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let target = target_with(|_| large(), "client: { write_timeout: 100ms }\n");
    let _client = slow(target.address);
    target.pages.wait_for_metric(IN_FLIGHT, 0.0);
    target.stands();
}

/// Both sides are asked to hurry: the API is waiting for the rest as we are.
#[test]
fn a_body_that_stops_coming_is_given_up() {
    let api = Origin::ok();
    let settings = "{ client: { read_timeout: 200ms }, endpoint: { read_timeout: 200ms } }";
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).settings(settings).start();
    let mut client = Frames::connect(proxy.h2c_address());
    client.send([open(1), frame(DATA, 0, 1, b"x")].concat());
    assert_eq!(client.status(1), 408);
    proxy.wait_for_metric("nameplate_refusals_total{reason=\"request_timeout\"}", 1.0);
    assert!(api.requests().iter().all(|request| !request.complete));
}

#[test]
fn a_header_that_is_never_finished_is_hung_up_on() {
    let target = target_with(|_| large(), "client: { keep_alive: 1s }\n");
    let mut client = target.connect();
    client.send(frame(HEADERS, END_STREAM, 1, b"\x82"));
    client.wait_until_closed();
}
