//! Streams that are opened to be thrown away: the work is done, and no limit of streams at once is hit.

use super::{IN_FLIGHT, Target, get, is_ended, number, open, target};
use crate::harness::Gate;
use crate::harness::frames::{reset, window_update};
use crate::harness::reply::Reply;

/// What the API may see of an attack in one burst: well over the streams one connection may have at
/// once, and a small part of the attack.
const MOST: usize = 300;
const STREAMS: usize = 5_000;

/// An API that never answers while the gate is shut.
fn held(gate: &Gate) -> Target {
    let reply = Reply::default().then_wait(gate).then_close();
    target(move |_| reply.clone())
}

/// CVE-2023-44487, in a burst.
#[test]
fn rapid_reset_ends_the_connection() {
    let gate = Gate::default();
    let target = held(&gate);
    target.stands_during(|mut client| {
        client.flood(STREAMS / 100, |at| {
            (at * 100..(at + 1) * 100).flat_map(|at| [get(number(at)), reset(number(at))].concat()).collect()
        });
        is_ended(&mut client);
    });
    // The API has not answered any of them, so only the resets can have ended them.
    target.pages.wait_for_metric(IN_FLIGHT, 0.0);
    assert!(target.reached() < MOST, "{} reached the API", target.reached());
    gate.open();
}

/// As above, so slowly that each stream is a request before it is reset.
#[test]
fn rapid_reset_one_by_one_leaves_nothing_running() {
    let gate = Gate::default();
    let target = held(&gate);
    target.stands_during(|mut client| {
        for at in 0..200 {
            client.send(get(number(at))).ping();
            client.send(reset(number(at)));
        }
    });
    target.pages.wait_for_metric(IN_FLIGHT, 0.0);
    gate.open();
}

/// CVE-2025-8671: the proxy is made to reset the streams itself.
#[test]
fn streams_the_proxy_must_reset_end_the_connection() {
    const MOST_OPEN: u32 = (1 << 31) - 1;
    let gate = Gate::default();
    let target = held(&gate);
    target.stands_during(|mut client| {
        client.flood(STREAMS, |at| {
            let stream = number(at);
            [open(stream), window_update(stream, MOST_OPEN), window_update(stream, MOST_OPEN)].concat()
        });
        is_ended(&mut client);
    });
    target.pages.wait_for_metric(IN_FLIGHT, 0.0);
    gate.open();
}
