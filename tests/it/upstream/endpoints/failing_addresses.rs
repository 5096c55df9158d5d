//! Addresses that fail: left alone for a while, and tried again.

use std::time::{Duration, Instant};

use super::*;
use crate::harness::reply::Reply;

const REFUSED: &str = "nameplate_upstream_connect_failures_total{cause=\"refused\"}";
const EJECTIONS: &str = "nameplate_endpoint_ejections_total{endpoint=\"default\"}";
const RETRIES: &str = "nameplate_upstream_retries_total{cause=\"connect\"}";
const DENIED: &str = "nameplate_upstream_retries_denied_total";

#[test]
fn after_three_failures_in_a_row_no_request_is_sent_to_an_address() {
    let api = Origin::ok();
    let proxy = pay().to_addresses(vec![dead_address()]).to(&api).start();
    for _ in 0..20 {
        assert_eq!(get(&proxy).status, 200);
    }
    assert_eq!((proxy.metric(REFUSED), proxy.metric(RETRIES), proxy.metric(EJECTIONS)), (3.0, 3.0, 1.0));
    assert_eq!((addresses(&proxy, "other", "cooling"), addresses(&proxy, "other", "in_use")), (1.0, 1.0));
}

#[test]
fn after_its_cool_down_one_request_tries_it() {
    let api = Origin::ok();
    let dead = dead_address();
    let settings = "endpoint: { eject_after: 1, cool_down: 200ms }";
    let proxy = pay().to_addresses(vec![dead]).to(&api).settings(settings).start();
    let began = Instant::now();
    while proxy.metric(REFUSED) < 3.0 {
        assert_eq!(get(&proxy).status, 200);
    }
    // 200 ms, then 400 ms.
    assert!(began.elapsed() >= Duration::from_millis(600), "{:?}", began.elapsed());
    assert_eq!(proxy.metric(EJECTIONS), 3.0);
}

#[test]
fn where_all_are_dead_all_are_tried_and_the_first_to_work_is_used() {
    let origin = Origin::ok();
    let (first, second) = (dead_address(), SocketAddr::from(([127, 0, 0, 2], origin.address().port())));
    let settings = "endpoint: { eject_after: 1, cool_down: 60s }";
    let proxy = pay().to_addresses(vec![first, second]).settings(settings).start();
    is_refusal(&get(&proxy), 502, "connect_failed");
    assert_eq!(addresses(&proxy, "other", "cooling"), 2.0);
    is_refusal(&get(&proxy), 502, "connect_failed");
    let _revived = origin.beside(2);
    assert_eq!(get(&proxy).status, 200, "both cool down, and one of them works");
    assert_eq!((addresses(&proxy, "other", "cooling"), addresses(&proxy, "other", "in_use")), (1.0, 1.0));
}

#[test]
fn an_address_that_breaks_every_new_connection_is_ejected_too() {
    let (bad, good) = (Origin::start(|_| Reply::default().then_reset()), Origin::ok());
    let settings = "endpoint: { eject_after: 2 }";
    let proxy = pay().to(&bad).to(&good).settings(settings).start();
    let statuses: Vec<_> = (0..10).map(|_| get(&proxy).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 502).count(), 2, "{statuses:?}");
    assert_eq!(proxy.metric(EJECTIONS), 1.0);
}

#[test]
fn a_slow_api_is_no_fault_of_its_address() {
    let gate = crate::harness::Gate::default();
    let reply = Reply::default().then_wait(&gate).then_close();
    let api = Origin::start(move |_| reply.clone());
    let proxy = pay().to(&api).settings("endpoint: { eject_after: 1, read_timeout: 50ms }").start();
    is_refusal(&get(&proxy), 504, "upstream_timeout");
    assert_eq!((proxy.metric(EJECTIONS), addresses(&proxy, "other", "in_use")), (0.0, 1.0));
    gate.open();
}

#[test]
fn an_outage_is_not_multiplied() {
    let proxy = pay().to_addresses(vec![dead_address(), dead_address()]).start();
    for _ in 0..200 {
        is_refusal(&get(&proxy), 502, "connect_failed");
    }
    // Of 100 further attempts that are saved, an entry alone takes 50. Beyond that it has a fifth of its 200 requests, and
    // one attempt a second is free.
    let (attempts, retries) = (proxy.metric(REFUSED), proxy.metric(RETRIES));
    assert!((280.0..=310.0).contains(&attempts), "{attempts} attempts for 200 requests");
    assert_eq!(attempts, 200.0 + retries);
    assert!(proxy.metric(DENIED) >= 50.0);
}

#[test]
fn without_a_budget_each_request_has_one_attempt() {
    let api = Origin::ok();
    let settings = "endpoint: { retry_budget: 0 }";
    let proxy = pay().to_addresses(vec![dead_address()]).to(&api).settings(settings).start();
    let mut statuses: Vec<_> = (0..4).map(|_| get(&proxy).status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses, proxy.metric(RETRIES)), (vec![200, 200, 502, 502], 0.0));
}

#[test]
fn checks_find_out_before_a_request_does() {
    let api = Origin::ok();
    let at = SocketAddr::from(([127, 0, 0, 2], api.address().port()));
    let settings = "endpoint: { check_interval: 1s, eject_after: 1, cool_down: 2s }";
    let proxy = pay().to_addresses(vec![at]).to(&api).settings(settings).start();
    let checks = |result| format!("nameplate_endpoint_checks_total{{endpoint=\"default\",result=\"{result}\"}}");
    proxy.wait_for_metric(EJECTIONS, 1.0);
    for _ in 0..4 {
        assert_eq!(get(&proxy).status, 200);
    }
    assert_eq!(proxy.metric(RETRIES), 0.0, "no request met the dead address");
    let revived = api.beside(2);
    proxy.wait_for_metric("nameplate_endpoint_addresses{endpoint=\"default\",state=\"in_use\",zone=\"other\"}", 2.0);
    for _ in 0..4 {
        assert_eq!(get(&proxy).status, 200);
    }
    assert_eq!(requests(&revived), 2);
    assert!(proxy.metric(&checks("ok")) >= 2.0 && proxy.metric(&checks("failed")) >= 1.0);
}
