//! What is not HTTP, and what never becomes a request.

use super::{get, pay};
use crate::harness::client::{Client, Response};
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;

const BAD: &str = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";

#[track_caller]
fn is_ours(answer: &Response) {
    let named = (answer.status, answer.header("x-nameplate-refusal"), answer.header("connection"));
    assert_eq!(named, (400, Some("malformed_message"), Some("close")));
    assert_eq!(answer.json()["requestId"], answer.header("x-request-id").unwrap_or_default());
    assert!(answer.header("date").is_some());
}

/// Nothing has been refused, and no request counted.
#[track_caller]
fn nothing_counted(proxy: &Proxy) {
    let metrics = proxy.metrics();
    assert!(!metrics.contains("nameplate_requests_total{"), "{metrics}");
    assert!(!metrics.lines().any(|l| l.starts_with("nameplate_refusals_total{") && !l.ends_with(" 0")), "{metrics}");
}

#[test]
fn what_is_not_http_is_a_refusal_of_ours_and_counted() {
    let api = Origin::ok();
    let proxy = pay().to(&api).tls(&["pay.example.com"]).start();
    for (at, mut client) in [proxy.client(), proxy.tls_client("pay.example.com"), Client::connect(proxy.h2c_address())]
        .into_iter()
        .enumerate()
    {
        is_ours(&client.send(BAD).read_response());
        client.half_close();
        client.expect_closed();
        proxy.wait_for_early("malformed_message", 400, at as f64 + 1.0);
    }
    proxy.wait_for_metric("nameplate_request_duration_seconds_count", 3.0);
    assert!(api.requests().is_empty());
}

#[test]
fn after_good_requests_too_however_they_come() {
    let api = Origin::ok();
    let proxy = pay().to(&api).start();
    let mut one_by_one = proxy.client();
    for _ in 0..3 {
        assert_eq!(one_by_one.send(get()).read_response().status, 200);
    }
    is_ours(&one_by_one.send(BAD).read_response());
    one_by_one.expect_closed();

    let mut at_once = proxy.client();
    at_once.send([get(), get(), BAD.into()].concat());
    assert_eq!((at_once.read_response().status, at_once.read_response().status), (200, 200));
    is_ours(&at_once.read_response());
    at_once.expect_closed();
    proxy.wait_for_early("malformed_message", 400, 2.0);
    proxy.wait_for_metric("nameplate_requests_total{code=\"200\",method=\"GET\"}", 5.0);
}

#[test]
fn a_refusal_of_a_request_counts_once() {
    let api = Origin::ok();
    let proxy = pay().to(&api).start();
    let mut client = proxy.client();
    let mut unknown = || client.send("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n").read_response().status;
    assert_eq!((unknown(), unknown()), (421, 421));
    proxy.wait_for_metric("nameplate_requests_total{code=\"421\",method=\"GET\"}", 2.0);
    assert_eq!(proxy.metric("nameplate_refusals_total{reason=\"malformed_message\"}"), 0.0);
}

#[test]
fn the_answer_arrives_though_more_is_being_sent() {
    let api = Origin::ok();
    let proxy = pay().to(&api).start();
    let mut client = proxy.client();
    // More than the proxy reads at once: closed with it unread, the connection would be reset.
    let _ = client.try_send([BAD.as_bytes(), &[b'x'; 60_000]].concat());
    is_ours(&client.read_response());
}

#[test]
fn a_head_that_is_cut_off_is_no_request() {
    let api = Origin::ok();
    let proxy = pay().to(&api).start();
    for sent in ["", "GET / HTTP/1.1\r\nHost: pay.exa"] {
        let mut client = proxy.client();
        client.send(sent);
        client.half_close();
        client.expect_closed();
    }
    proxy.wait_for_metric("nameplate_client_connections", 0.0);
    nothing_counted(&proxy);
}
