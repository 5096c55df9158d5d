//! Clients that do not take their answers, or take them drop by drop.

use std::thread;
use std::time::Duration;

use super::{HTTP2_START, get, http2_get, pay};
use crate::harness::client::Client;
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;
use crate::harness::reply::Reply;

/// More than all buffers between origin and client hold.
const LONG: usize = 32 << 20;

fn long_answers(settings: &str) -> (Origin, Proxy) {
    let body = "x".repeat(LONG);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n");
    let api = Origin::start(move |request| match request.target() {
        "/prod/x" => Reply::raw(head.clone() + &body),
        _ => Reply::json(200, "{}"),
    });
    let proxy = pay().to(&api).tls(&["pay.example.com"]).settings(settings).start();
    (api, proxy)
}

#[test]
fn an_answer_that_is_not_taken_is_given_up_in_plaintext_and_tls() {
    let (_api, proxy) = long_answers("client: { write_timeout: 300ms }");
    for (at, mut client) in [proxy.client(), proxy.tls_client("pay.example.com")].into_iter().enumerate() {
        client.send(get());
        assert_eq!(client.read_head().status, 200);
        proxy.wait_for_cut("slow_reader", at as f64 + 1.0);
        proxy.wait_for_metric("nameplate_requests_in_flight", 0.0);
        assert!(client.read_to_end().len() < LONG);
    }
    proxy.wait_for_metric("nameplate_client_aborts_total", 2.0);
    assert_eq!(proxy.get("pay.example.com", "/short").status, 200);
}

#[test]
fn so_is_one_that_is_taken_drop_by_drop() {
    let (_api, proxy) = long_answers("client: { write_timeout: 500ms, min_send_rate: 20000000 }");
    let mut client = proxy.client();
    client.send(get());
    assert_eq!(client.read_head().status, 200);
    // A megabyte a second, never long without a byte.
    let series = "nameplate_client_connections_cut_total{reason=\"slow_reader\"}";
    while proxy.metric(series) == 0.0 {
        client.read_exact(20_000);
        thread::park_timeout(Duration::from_millis(20));
    }
    proxy.wait_for_cut("slow_reader", 1.0);
}

#[test]
fn who_takes_it_fast_enough_gets_all_of_it() {
    let (_api, proxy) = long_answers("client: { write_timeout: 500ms, min_send_rate: 1000 }");
    let mut client = proxy.client();
    client.send(get());
    assert_eq!(client.read_response().body.len(), LONG);
    assert_eq!(proxy.metric("nameplate_client_connections_cut_total{reason=\"slow_reader\"}"), 0.0);
}

#[test]
fn an_http2_connection_that_is_not_read_is_given_up_whatever_it_allows() {
    let (_api, proxy) = long_answers("client: { write_timeout: 300ms }");
    let mut client = Client::connect(proxy.h2c_address());
    // SETTINGS and WINDOW_UPDATE that allow 2 GiB, so that only the socket holds anything up; then a GET.
    let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x04\x7f\xff\xff\xff";
    let window = b"\0\0\x04\x08\0\0\0\0\0\x7f\0\0\0";
    client.send([&HTTP2_START[..24], settings, window, &http2_get(1)].concat());
    proxy.wait_for_cut("slow_reader", 1.0);
    proxy.wait_for_metric("nameplate_requests_in_flight", 0.0);
    proxy.wait_for_metric("nameplate_client_connections", 0.0);
}
