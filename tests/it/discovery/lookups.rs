//! The endpoint by its DNS name: looked up on its TTL, and never forgotten.

use std::time::{Duration, Instant};

use crate::harness::PATIENCE;
use crate::harness::dns::{Answer, Dns};
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};

const OK: &str = "nameplate_endpoint_discoveries_total{result=\"ok\"}";
const FAILED: &str = "nameplate_endpoint_discoveries_total{result=\"failed\"}";
const ADDRESSES: &str = "nameplate_endpoint_addresses";

/// A proxy whose endpoint is a name, behind the port of this origin. A TTL counts as 100 ms or more.
fn asking(dns: &Dns, api: &Origin) -> Proxy {
    let (port, server) = (api.address().port(), dns.address());
    let settings = format!(
        "endpoint: {{ name: vpce-1.example.com, port: {port}, nameservers: ['{server}'], min_ttl: 100ms, ip_family: ipv4, connect_attempts: 1 }}"
    );
    proxy().maps("pay.example.com", "abc123", "/prod").settings(&settings).start()
}

fn status(proxy: &Proxy) -> u16 {
    proxy.get("pay.example.com", "/").status
}

#[test]
fn the_name_is_looked_up_before_the_listeners_open() {
    let (api, dns) = (Origin::ok(), Dns::start(Answer::loopback(&[1], 60)));
    let proxy = asking(&dns, &api);
    assert_eq!((status(&proxy), proxy.admin_get("/readyz").status), (200, 200));
    assert_eq!((dns.asked().len(), proxy.metric(ADDRESSES)), (1, 1.0));
}

#[test]
fn it_is_looked_up_again_when_its_ttl_runs_out_and_the_new_address_used() {
    // Nothing listens there.
    let (api, dns) = (Origin::ok(), Dns::start(Answer::loopback(&[2], 1)));
    let proxy = asking(&dns, &api);
    assert_eq!(status(&proxy), 502);

    dns.answers(Answer::loopback(&[1], 60));
    dns.wait_until_asked(2);
    proxy.wait_for_metric(OK, 2.0);
    assert_eq!(status(&proxy), 200);
    let asked = dns.asked();
    assert!(asked[1] - asked[0] >= Duration::from_millis(900), "{:?}", asked[1] - asked[0]);
}

#[test]
fn every_address_of_an_answer_is_used() {
    let (api, dns) = (Origin::ok(), Dns::start(Answer::loopback(&[1, 2], 60)));
    let proxy = asking(&dns, &api);
    assert_eq!(proxy.metric(ADDRESSES), 2.0);
    let mut statuses: Vec<_> = (0..4).map(|_| status(&proxy)).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 502, 502]);
}

#[track_caller]
fn the_last_good_address_stays_after(answer: Answer) {
    let (api, dns) = (Origin::ok(), Dns::start(Answer::loopback(&[1], 0)));
    let proxy = asking(&dns, &api);
    assert_eq!(status(&proxy), 200);

    dns.answers(answer);
    // One look-up may ask several times before it gives up, so the metric and not the server says
    // that it has; and it may have failed again by the time we look.
    let give_up = Instant::now() + PATIENCE;
    while proxy.metric(FAILED) < 1.0 {
        assert!(Instant::now() < give_up, "no look-up has failed");
    }
    assert_eq!((proxy.metric(ADDRESSES), status(&proxy), proxy.admin_get("/readyz").status), (1.0, 200, 200));
}

#[test]
fn a_failure_keeps_the_last_good_address() {
    the_last_good_address_stays_after(Answer::Failure);
}

#[test]
fn an_empty_answer_keeps_the_last_good_address() {
    the_last_good_address_stays_after(Answer::Empty);
}

#[test]
fn a_name_that_is_gone_keeps_the_last_good_address() {
    the_last_good_address_stays_after(Answer::NoName);
}

#[test]
fn garbage_keeps_the_last_good_address() {
    the_last_good_address_stays_after(Answer::Garbage);
}

#[test]
fn no_answer_keeps_the_last_good_address() {
    the_last_good_address_stays_after(Answer::Silence);
}

#[test]
fn without_any_address_requests_are_refused_until_there_is_one() {
    let (api, dns) = (Origin::ok(), Dns::start(Answer::Failure));
    let proxy = asking(&dns, &api);
    let answer = proxy.get("pay.example.com", "/");
    assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (503, Some("no_upstream")));
    let ready = proxy.admin_get("/readyz");
    assert_eq!((ready.status, ready.text().as_str()), (503, "endpoint: no address is known\n"));

    dns.answers(Answer::loopback(&[1], 60));
    proxy.wait_for_metric(OK, 1.0);
    assert_eq!((status(&proxy), proxy.admin_get("/readyz").status), (200, 200));
}
