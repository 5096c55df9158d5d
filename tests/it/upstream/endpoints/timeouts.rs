//! How long a request may take, and who says so.

use super::*;
use crate::harness::Gate;
use crate::harness::http2::Call;
use crate::harness::reply::Reply;

/// An API that begins to answer once the gate opens.
fn slow(gate: &Gate) -> Origin {
    let reply = Reply::default().then_wait(gate).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    Origin::start(move |_| reply.clone())
}

/// An API that stops in the middle of its answer until the gate opens.
fn stalling(gate: &Gate) -> Origin {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc";
    let reply = Reply::raw(head).then_wait(gate).then_raw("def");
    Origin::start(move |_| reply.clone())
}

#[track_caller]
fn is_broken_off(proxy: &Proxy) {
    let mut client = proxy.client();
    let mut answer = client.send("GET / HTTP/1.1\r\nHost: pay.example.com\r\n\r\n").read_head();
    assert_eq!(answer.status, 200);
    assert!(client.read_body(&mut answer, false).is_err(), "{}", answer.text());
    proxy.wait_for_metric("nameplate_refusals_total{reason=\"upstream_timeout\"}", 1.0);
}

#[test]
fn a_first_byte_that_is_late_is_a_504() {
    let gate = Gate::default();
    let api = slow(&gate);
    let proxy = pay().to(&api).settings("endpoint: { first_byte_timeout: 100ms, read_timeout: 60s }").start();
    is_refusal(&get(&proxy), 504, "upstream_timeout");
    assert_eq!(requests(&api), 1, "nothing is sent twice");
    gate.open();
}

#[test]
fn a_first_byte_may_take_longer_than_a_silence() {
    let gate = Gate::default();
    let api = stalling(&gate);
    let proxy = pay().to(&api).settings("endpoint: { first_byte_timeout: 60s, read_timeout: 100ms }").start();
    is_broken_off(&proxy);
    gate.open();
}

#[test]
fn an_answer_that_goes_on_is_not_cut_off_by_the_time_of_its_first_byte() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings("endpoint: { first_byte_timeout: 100ms, total_timeout: 60s }").start();
    let mut client = proxy.client();
    for _ in 0..3 {
        assert_eq!(client.send("GET / HTTP/1.1\r\nHost: pay.example.com\r\n\r\n").read_response().status, 200);
    }
    assert_eq!(api.connections(), 1, "a connection that was watched is kept");
}

#[test]
fn a_whole_request_has_its_time_whether_its_answer_has_begun_or_not() {
    let gate = Gate::default();
    let settings = "endpoint: { total_timeout: 150ms, read_timeout: 60s }";
    let (silent, halfway) = (slow(&gate), stalling(&gate));
    is_refusal(&get(&pay().to(&silent).settings(settings).start()), 504, "upstream_timeout");
    is_broken_off(&pay().to(&halfway).settings(settings).start());
    gate.open();
}

#[test]
fn a_body_that_ends_with_its_connection_is_not_taken_for_whole_when_it_was_cut_off() {
    let gate = Gate::default();
    let reply = Reply::raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc").then_wait(&gate).then_close();
    let api = Origin::start(move |_| reply.clone());
    let proxy = pay().to(&api).settings("endpoint: { total_timeout: 150ms, read_timeout: 60s }").start();
    is_broken_off(&proxy);
    gate.open();
}

#[test]
fn over_http2_the_same_holds() {
    let gate = Gate::default();
    let api = slow(&gate);
    let proxy = pay().to(&api).settings("endpoint: { first_byte_timeout: 100ms, read_timeout: 60s }").start();
    is_refusal(&proxy.call(Call::get("pay.example.com", "/")).expect("an answer"), 504, "upstream_timeout");
    gate.open();
}

#[test]
fn an_entry_may_take_longer_than_its_endpoint() {
    let gate = Gate::default();
    let api = slow(&gate);
    let proxy = proxy()
        .maps_with("pay.example.com", "abc123", "/prod", &[("TIMEOUT", "60s")])
        .maps("shop.example.com", "abc123", "/prod")
        .to(&api)
        .settings("endpoint: { read_timeout: 100ms }")
        .start();
    std::thread::scope(|scope| {
        let patient = scope.spawn(|| get(&proxy).status);
        is_refusal(&proxy.get("shop.example.com", "/"), 504, "upstream_timeout");
        gate.open();
        assert_eq!(patient.join().expect("an answer"), 200);
    });
}

#[test]
fn an_entry_may_have_less_time_than_its_endpoint() {
    let gate = Gate::default();
    let api = slow(&gate);
    for timeout in ["100ms", "total=100ms", "first_byte=100ms,total=60s"] {
        let keys = [("TIMEOUT", timeout)];
        let proxy = proxy().maps_with("pay.example.com", "abc123", "/prod", &keys).to(&api).start();
        is_refusal(&get(&proxy), 504, "upstream_timeout");
    }
    gate.open();
}

#[test]
fn connecting_takes_no_longer_than_the_whole_request_may() {
    // It listens and never accepts: TCP connects, TLS gets no answer.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let settings = "endpoint: { connect_timeout: 1s, tls_timeout: 60s, total_timeout: 150ms }";
    let proxy = pay().to_addresses(vec![silent.local_addr().expect("an address")]).settings(settings).start();
    is_refusal(&get(&proxy), 504, "upstream_timeout");
}

#[test]
fn an_http2_client_that_stops_in_its_body_is_told_so() {
    let gate = Gate::default();
    let api = Origin::start_early(|_| Reply::default().then_read_body().then_close());
    let proxy = pay().to(&api).settings("client: { read_timeout: 100ms }\nendpoint: { read_timeout: 60s }").start();
    let stops = Call::new("POST", "pay.example.com", "/").data("abc").wait(&gate).last_data("def");
    std::thread::scope(|scope| {
        let call = scope.spawn(|| proxy.call(stops));
        proxy.wait_for_metric("nameplate_refusals_total{reason=\"request_timeout\"}", 1.0);
        gate.open();
        // Its stream may be reset by the time it goes on; an answer that it reads is this one.
        if let Ok(answer) = call.join().expect("no panic") {
            is_refusal(&answer, 408, "request_timeout");
        }
    });
    assert!(!api.requests()[0].complete, "the API never saw the end of it");
}
