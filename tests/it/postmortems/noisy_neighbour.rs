//! "Cloudflare incident on August 21, 2025", David Tuber, Emily Music and Bryton Herdes, Cloudflare, 22 August 2025,
//! <https://blog.cloudflare.com/cloudflare-incident-on-august-21-2025/>.
//!
//! One customer of Cloudflare's asked for so much at once, from one region of AWS, that the responses filled the links
//! which all customers in that region share. What stopped it was a rate limit for that customer, set by hand; what was
//! missing was a share for each customer that holds without anybody.
//!
//! Here one domain, or one client, takes what is there for all. The guards: `RATE_LIMIT` of an entry, which refuses before
//! a connection to the endpoint is taken, and the share that each client address has of the requests in flight.

use crate::harness::Gate;
use crate::harness::addressed::{BYSTANDER, GREEDY, LISTENERS, connect_http2, get, gets};
use crate::harness::frames::HEADERS;
use crate::harness::origin::Origin;
use crate::harness::proxy::entry;
use crate::harness::reply::Reply;
use crate::harness::server::server;

const LOUD: &str = "loud.example.com";
const QUIET: &str = "quiet.example.com";
const IN_FLIGHT: &str = "nameplate_requests_in_flight";
/// Requests in flight that the process has room for.
const ROOM: u32 = 16;

/// The loud domain's API answers once the gate is open, the quiet one's at once.
fn slow_where_it_is_loud(gate: &Gate) -> Origin {
    let held = gate.clone();
    Origin::start(move |request| match request.target() {
        "/loud/x" => Reply::default().then_wait(&held).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        _ => Reply::json(200, "{}"),
    })
}

fn mapping(loud: &[(&str, &str)]) -> String {
    format!("APIS:\n{}{}", entry(LOUD, "loud11", "/loud", loud), entry(QUIET, "quiet1", "/quiet", &[]))
}

#[test]
fn a_domain_over_its_rate_limit_takes_nothing_from_another() {
    let gate = Gate::default();
    let api = slow_where_it_is_loud(&gate);
    let settings = format!("{LISTENERS}client: {{ max_requests: {ROOM} }}\n");
    let server = server(&api).mapping(&mapping(&[("RATE_LIMIT", "4/m")])).settings(&settings).start();
    let (admin, address) = (server.admin(), server.address());
    // Behind one address, so that no share of the address can help.
    let mut client = connect_http2(address, GREEDY, &[]);
    client.send(gets(0..60, LOUD, "/x"));
    admin.wait_for_metric("nameplate_refusals_total{reason=\"rate_limited\"}", 56.0);
    for _ in 0..20 {
        assert_eq!(get(address, GREEDY, QUIET, "/x").status, 200);
        assert_eq!(get(address, BYSTANDER, QUIET, "/x").status, 200);
    }
    admin.wait_for_metric(IN_FLIGHT, 4.0);
    let loud = api.requests().iter().filter(|request| request.target() == "/loud/x").count();
    assert_eq!(loud, 4, "what is refused does not reach the endpoint");
    gate.open();
    admin.wait_for_metric(IN_FLIGHT, 0.0);
}

#[test]
fn a_client_that_fills_a_slow_domain_takes_no_more_than_its_share() {
    let gate = Gate::default();
    let api = slow_where_it_is_loud(&gate);
    let settings = format!("{LISTENERS}client: {{ max_requests: {ROOM} }}\n");
    let server = server(&api).mapping(&mapping(&[])).settings(&settings).start();
    let (admin, address) = (server.admin(), server.address());
    let mut loud: Vec<_> = (0..4).map(|_| connect_http2(address, GREEDY, &[])).collect();
    for client in &mut loud {
        client.send(gets(0..50, LOUD, "/x"));
    }
    // Three quarters at the most, since four connections share the address.
    admin.wait_for_at_least("nameplate_refusals_total{reason=\"client_share\"}", 200.0 - f64::from(ROOM) * 0.75);
    for _ in 0..20 {
        assert_eq!(get(address, BYSTANDER, QUIET, "/x").status, 200);
    }
    assert!(admin.metric(IN_FLIGHT) < f64::from(ROOM));
    assert_eq!(admin.metric("nameplate_refusals_total{reason=\"overloaded\"}"), 0.0);

    gate.open();
    admin.wait_for_metric(IN_FLIGHT, 0.0);
    assert_eq!(get(address, GREEDY, LOUD, "/x").status, 200);
    for client in &mut loud {
        let refused = client.wait_for(|frame| frame.kind == HEADERS && frame.status() != 200);
        assert_eq!(refused.status(), 503);
    }
}
