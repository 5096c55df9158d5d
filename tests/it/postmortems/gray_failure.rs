//! "Gray Failure: The Achilles' Heel of Cloud-Scale Systems", Huang and others for Microsoft Research, HotOS, May 2017,
//! <https://www.microsoft.com/en-us/research/publication/gray-failure-achilles-heel-cloud-scale-systems/>.
//!
//! The paper goes through outages of Azure in which a part, such as a switch that drops some packets, was broken enough to
//! hurt the applications behind it, and well enough to pass its health checks. Redundancy did not help there, as nobody
//! failed over from what counted as healthy.
//!
//! Here an address of the endpoint loses part of its connections: resets some, closes or never answers others, and serves
//! the rest. The guards: what requests see counts, so that `endpoint.eject_after` failures in a row take the address out of
//! use; a connection that fails is tried at the next address; and `retry_budget` bounds these retries where that helps no
//! more. Which connections are lost follows from [`SEED`].

use std::io;
use std::time::Instant;

use crate::harness::faulty::{Faulty, Peer};
use crate::harness::origin::Origin;
use crate::harness::server::{Server, mapping, server};

const DOMAIN: &str = "pay.example.com";
const SEED: u64 = 2017;
const RETRIES: &str = "nameplate_upstream_retries_total{cause=\"connect\"}";
const DENIED: &str = "nameplate_upstream_retries_denied_total";
const EJECTIONS: &str = "nameplate_endpoint_ejections_total";

/// What may become of a connection that is lost.
#[derive(Clone, Copy)]
enum Loss {
    Reset,
    Closed,
    /// It is accepted, and nobody ever speaks.
    Silence,
}

/// An address that loses this many percent of its connections, in one of these ways.
fn losing(percent: u8, ways: &'static [Loss]) -> Faulty {
    Faulty::start(move |mut peer: Peer| {
        // By the number of the connection, so that it does not matter which thread is first.
        let mut random = fastrand::Rng::with_seed(SEED + peer.number as u64);
        if random.u8(..100) >= percent {
            return serve(peer);
        }
        match random.choice(ways).copied() {
            Some(Loss::Reset) | None => peer.reset(),
            Some(Loss::Closed) => peer.read_hello().and_then(|()| peer.close()),
            Some(Loss::Silence) => peer.wait_until_closed(),
        }
    })
}

/// Answers one request, so that the next one needs another connection.
fn serve(peer: Peer) -> io::Result<()> {
    let mut connection = peer.secure()?;
    connection.read_request()?;
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")?;
    connection.close()
}

fn before(api: &Origin, endpoint: &str) -> Server {
    server(api).mapping(&mapping(&[(DOMAIN, "/prod")])).endpoint(endpoint).start()
}

/// The statuses of so many GETs, one after another.
fn statuses(server: &Server, requests: usize) -> Vec<u16> {
    (0..requests).map(|_| server.get(DOMAIN)).collect()
}

#[test]
fn an_address_that_loses_connections_is_left_alone_and_no_request_is_lost() {
    let (whole, gray) = (Origin::ok(), losing(70, &[Loss::Reset, Loss::Closed, Loss::Silence]));
    let endpoint = format!(
        "fixed: ['{}', '{}'], connect_timeout: 500ms, tls_timeout: 500ms, cool_down: 60s",
        whole.address(),
        gray.address()
    );
    let server = before(&whole, &endpoint);
    let answered = statuses(&server, 60);
    assert!(answered.iter().all(|status| *status == 200), "seed {SEED}: {answered:?}");

    let (admin, connections) = (server.admin(), gray.connections());
    assert_eq!(admin.metric(EJECTIONS), 1.0, "seed {SEED}");
    assert!(admin.metric(RETRIES) >= 3.0, "seed {SEED}");
    // Every second request would have begun there.
    assert!(connections < 20, "seed {SEED}: {connections}");
}

#[test]
fn where_every_address_loses_connections_retries_stay_within_their_budget() {
    const REQUESTS: usize = 200;
    let gray = [losing(60, &[Loss::Reset, Loss::Closed]), losing(60, &[Loss::Reset, Loss::Closed])];
    let api = Origin::ok();
    let [one, other] = gray.each_ref().map(Faulty::address);
    let began = Instant::now();
    let server =
        before(&api, &format!("fixed: ['{one}', '{other}'], eject_after: 100, connect_attempts: 3, retry_budget: 20"));
    let answered = statuses(&server, REQUESTS);
    assert!(answered.iter().all(|status| [200, 502].contains(status)), "seed {SEED}: {answered:?}");

    let (admin, seconds) = (server.admin(), began.elapsed().as_secs() as usize + 1);
    // What is saved for a moment and what one entry has of its own, 20 % of the requests, and one a second.
    let most = 50 + 10 + REQUESTS / 5 + seconds;
    let retries = admin.metric(RETRIES);
    assert!(retries <= most as f64, "seed {SEED}: {retries} retries, not at most {most}");
    assert!(admin.metric(DENIED) > 0.0, "seed {SEED}");
    assert_eq!(admin.metric(EJECTIONS), 0.0, "seed {SEED}");
}
