//! "HTTP/2 Rapid Reset: deconstructing the record-breaking attack", Lucas Pardue and Julien Desgats, Cloudflare,
//! 10 October 2023, <https://blog.cloudflare.com/technical-breakdown-http2-rapid-reset-ddos-attack/>; CVE-2023-44487.
//!
//! Clients opened streams and reset them at once, so that the limit of streams at a time never held them back, and the
//! work behind each was begun all the same. Some 20,000 machines made 201 million requests a second, and at first about
//! 1 % of all requests to Cloudflare failed.
//!
//! The guard: a connection on which more than a few streams were reset before they were looked at ends, with
//! ENHANCE_YOUR_CALM.

use std::thread;

use h2::Reason;

use crate::harness::Gate;
use crate::harness::client;
use crate::harness::frames::{Frames, WHOLE, headers, reset};
use crate::harness::origin::Origin;
use crate::harness::reply::Reply;
use crate::harness::server::{mapping, server};

const SEED: u64 = 20_231_010;
const DOMAIN: &str = "pay.example.com";
const ATTACKERS: usize = 4;
const STREAMS: u32 = 4_000;
/// What each attacker's connection may get through to the API: about its limit of streams at a time.
const MOST_EACH: usize = 150;

/// A request, and a reset before anybody can have answered it.
fn begun_and_reset(at: u32) -> Vec<u8> {
    let list = [(":method", "GET"), (":scheme", "http"), (":authority", DOMAIN), (":path", "/evil")];
    [headers(2 * at + 1, WHOLE, &list), reset(2 * at + 1)].concat()
}

/// Sends bursts of different lengths until the connection ends; returns why it did.
fn attack(address: std::net::SocketAddr, mut random: fastrand::Rng) -> Option<Reason> {
    let mut client = Frames::connect(address);
    let mut next = 0;
    while next < STREAMS {
        let burst = random.u32(20..200);
        let bytes: Vec<u8> = (next..next + burst).flat_map(begun_and_reset).collect();
        if client.try_send(bytes).is_err() {
            break;
        }
        next += burst;
    }
    client.wait_until_closed()
}

#[test]
fn clients_that_reset_all_they_ask_for_are_sent_away() {
    let gate = Gate::default();
    let evil = Reply::default().then_wait(&gate).then_close();
    let api = Origin::start(
        move |request| if request.target() == "/prod/evil" { evil.clone() } else { Reply::json(200, "{}") },
    );
    let server = server(&api)
        .mapping(&mapping(&[(DOMAIN, "/prod")]))
        .settings("listeners: [{ address: '127.0.0.1:0', h2c: true }]\nadmin: 127.0.0.1:0\n")
        .start();
    let (address, admin) = (server.address(), server.admin());
    let ended: Vec<_> = thread::scope(|scope| {
        let mut random = fastrand::Rng::with_seed(SEED);
        let attackers: Vec<_> = (0..ATTACKERS)
            .map(|_| {
                let random = random.fork();
                scope.spawn(move || attack(address, random))
            })
            .collect();
        while !attackers.iter().all(thread::ScopedJoinHandle::is_finished) {
            assert_eq!(client::get(address, DOMAIN, "/other").status, 200, "seed {SEED}");
        }
        attackers.into_iter().map(|attacker| attacker.join().expect("an attack that ran to its end")).collect()
    });
    // Whoever still sends may lose the last word to the reset of its connection.
    let calmed = |reason: &Option<Reason>| reason.is_none_or(|reason| reason == Reason::ENHANCE_YOUR_CALM);
    assert!(ended.iter().all(calmed), "{ended:?}, seed {SEED}");
    admin.wait_for_metric("nameplate_requests_in_flight", 0.0);
    admin.wait_for_metric("nameplate_client_connections", 0.0);
    let reached = api.requests().iter().filter(|request| request.target() == "/prod/evil").count();
    assert!(reached < ATTACKERS * MOST_EACH, "{reached} requests reached the API, seed {SEED}");
    assert_eq!(client::get(address, DOMAIN, "/other").status, 200);
    gate.open();
}
