//! Clients that take their time, and clients that come in crowds: what they get, and that the others
//! do not notice.

use std::thread;
use std::time::{Duration, Instant};

use super::{get, pay};
use crate::harness::client::{Client, Response};
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;
use crate::harness::server::{mapping, server};

const SHORT: &str = "client: { header_timeout: 300ms, keep_alive: 1s }";

#[track_caller]
fn is_timeout(answer: &Response) {
    let named = (answer.status, answer.header("x-nameplate-refusal"), answer.header("connection"));
    assert_eq!(named, (408, Some("request_timeout"), Some("close")));
}

#[test]
fn a_head_that_trickles_in_has_a_deadline_as_a_whole() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings(SHORT).start();
    let mut client = proxy.client();
    let began = Instant::now();
    // Never silent for as long as the deadline.
    for byte in b"GET /".iter().chain(std::iter::repeat(&b'x')) {
        if client.try_send([*byte]).is_err() || began.elapsed() > Duration::from_secs(3) {
            break;
        }
        thread::park_timeout(Duration::from_millis(50));
    }
    is_timeout(&client.read_response());
    proxy.wait_for_early("request_timeout", 408, 1.0);
    proxy.wait_for_cut("header_timeout", 1.0);
    assert_eq!(proxy.get("pay.example.com", "/x").status, 200);
}

#[test]
fn so_has_one_that_stops_over_tls_or_later_on_the_connection() {
    let api = Origin::ok();
    let proxy = pay().to(&api).tls(&["pay.example.com"]).settings(SHORT).start();
    for mut client in [proxy.client(), proxy.tls_client("pay.example.com"), Client::connect(proxy.h2c_address())] {
        assert_eq!(client.send(get()).read_response().status, 200);
        assert_eq!(client.send(get()).read_response().status, 200);
        is_timeout(&client.send("P").read_response());
        client.half_close();
        client.expect_closed();
    }
    let mut first = Client::connect(proxy.h2c_address());
    is_timeout(&first.send("PU").read_response());
    proxy.wait_for_cut("header_timeout", 4.0);
}

#[test]
fn a_body_or_an_answer_may_take_longer_than_a_head() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings("client: { header_timeout: 100ms }").start();
    let mut client = proxy.client();
    client.send("POST /x HTTP/1.1\r\nHost: pay.example.com\r\nContent-Length: 2\r\n\r\n");
    thread::park_timeout(Duration::from_millis(300));
    assert_eq!(client.send("ab").read_response().status, 200);
}

#[test]
fn silence_before_a_request_is_an_idle_connection() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings(SHORT).start();
    let mut client = proxy.client();
    assert_eq!(client.send(get()).read_response().status, 200);
    client.expect_closed();
    assert_eq!(proxy.metric("nameplate_client_connections_cut_total{reason=\"header_timeout\"}"), 0.0);
}

#[test]
fn a_head_that_is_silent_for_longer_than_an_idle_connection_may_be_is_hung_up_on() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings("client: { header_timeout: 8s, keep_alive: 1s }").start();
    let mut client = proxy.client();
    assert_eq!(client.send(get()).read_response().status, 200);
    client.send("GET").expect_closed();
}

#[test]
fn http2_must_begin_in_time_and_as_http2_does() {
    let api = Origin::ok();
    let proxy = pay().to(&api).tls(&["pay.example.com"]).settings(SHORT).start();
    let mut plain = Client::connect(proxy.h2c_address());
    plain.send("PRI * HTTP/2.0\r\n").expect_closed();
    proxy.wait_for_cut("header_timeout", 1.0);

    let mut tls = super::tls::http2_client(&proxy);
    tls.send("");
    tls.expect_closed();
    proxy.wait_for_cut("header_timeout", 2.0);

    let mut tls = super::tls::http2_client(&proxy);
    tls.send(get());
    tls.expect_closed();
    proxy.wait_for_cut("http2_preface", 1.0);
}

fn idle(proxy: &Proxy, count: usize) -> Vec<Client> {
    let clients = (0..count).map(|_| proxy.client()).collect();
    proxy.wait_for_metric("nameplate_client_connections", count as f64);
    clients
}

#[test]
fn one_connection_too_many_is_told_so() {
    let api = Origin::ok();
    let proxy = pay().to(&api).tls(&["pay.example.com"]).settings("client: { max_connections: 3 }").start();
    assert_eq!(proxy.metric("nameplate_client_connections_limit"), 3.0);
    let mut open = idle(&proxy, 3);

    let mut refused = proxy.client();
    let answer = refused.send(get()).read_response();
    let named = (answer.status, answer.header("x-nameplate-refusal"), answer.header("retry-after"));
    assert_eq!(named, (503, Some("too_many_connections"), Some("1")));
    refused.half_close();
    refused.expect_closed();
    assert!(Client::try_connect_tls(proxy.tls_address(), "pay.example.com").is_err());
    proxy.wait_for_cut("too_many", 2.0);
    proxy.wait_for_early("too_many_connections", 503, 1.0);

    // Those that are in are served, each ends its connection, and the next one finds a place.
    let last = open.last_mut().expect("a client");
    let answer = last.send(get()).read_response();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    last.expect_closed();
    proxy.wait_for_metric("nameplate_client_connections", 2.0);
    assert_eq!(proxy.get("pay.example.com", "/x").status, 200);
}

#[test]
fn up_to_nine_tenths_connections_are_kept() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings("client: { max_connections: 10 }").start();
    let mut open = idle(&proxy, 9);
    let kept = open[0].send(get()).read_response();
    assert_eq!((kept.status, kept.header("connection")), (200, Some("keep-alive")));
    let _tenth = idle_one_more(&proxy);
    let ended = open[0].send(get()).read_response();
    assert_eq!((ended.status, ended.header("connection")), (200, Some("close")));
}

fn idle_one_more(proxy: &Proxy) -> Client {
    let client = proxy.client();
    proxy.wait_for_metric("nameplate_client_connections", 10.0);
    client
}

#[test]
fn a_flood_does_not_keep_those_out_who_are_in() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings("client: { max_connections: 20, header_timeout: 4s }").start();
    let mut inside = proxy.client();
    assert_eq!(inside.send(get()).read_response().status, 200);
    let flood: Vec<_> = (0..300)
        .map(|_| {
            let mut client = proxy.client();
            let _ = client.try_send("GET / HTTP/1.1\r\n");
            client
        })
        .collect();
    proxy.wait_for_cut("too_many", 281.0);
    let began = Instant::now();
    assert_eq!(inside.send(get()).read_response().status, 200);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(flood);
    proxy.wait_for_metric("nameplate_client_connections", 0.0);
    assert_eq!(proxy.get("pay.example.com", "/x").status, 200);
}

#[test]
fn a_connection_ends_after_so_many_requests() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings("client: { requests_per_connection: 3 }").start();
    let mut client = proxy.client();
    let mut ends = || client.send(get()).read_response().header("connection") == Some("close");
    assert_eq!([ends(), ends(), ends()], [false, false, true]);
    client.expect_closed();

    let mut client = proxy.http2();
    for _ in 0..3 {
        assert_eq!(client.call(Call::get("pay.example.com", "/x")).expect("an answer").status, 200);
    }
    client.wait_until_closed();
}

#[test]
fn an_http2_client_that_does_not_hear_of_the_end_is_not_waited_for() {
    let api = Origin::ok();
    let settings = "client: { requests_per_connection: 1, header_timeout: 200ms }";
    let proxy = pay().to(&api).settings(settings).start();
    let mut client = Client::connect(proxy.h2c_address());
    client.send([&super::HTTP2_START[..], &super::http2_get(1)].concat());
    // It answers neither SETTINGS nor PING, and goes on listening.
    let heard = client.read_to_end();
    assert!(heard.windows(11).any(|bytes| bytes == b"{\"ok\":true}"), "the answer comes first");
    proxy.wait_for_metric("nameplate_client_connections", 0.0);
}

// CVE-2023-44487.
#[test]
fn an_http2_client_that_resets_what_it_asks_is_sent_away() {
    let api = Origin::ok();
    let proxy = pay().to(&api).start();
    let mut client = Client::connect(proxy.h2c_address());
    let reset = |stream: u8| [0, 0, 4, 3, 0, 0, 0, 0, stream, 0, 0, 0, 8];
    let storm: Vec<u8> =
        (1..=199).step_by(2).flat_map(|stream| [&super::http2_get(stream)[..], &reset(stream)].concat()).collect();
    let _ = client.try_send([&super::HTTP2_START[..], &storm].concat());
    let heard = client.read_to_end();
    // GOAWAY with ENHANCE_YOUR_CALM.
    assert!(heard.windows(4).any(|bytes| bytes == [0, 0, 0, 11]), "{heard:?}");
    assert_eq!(proxy.get("pay.example.com", "/x").status, 200);
}

#[test]
fn one_request_per_connection_is_a_connection_for_each() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings("client: { requests_per_connection: 1 }").start();
    assert_eq!(proxy.client().send(get()).read_response().header("connection"), Some("close"));
}

/// Lowers the file descriptors a process may have, to what it has and this many more.
#[cfg(target_os = "linux")]
fn leave_descriptors(pid: u32, more: u64) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").count() as u64;
    let pid = Pid::from_raw(i32::try_from(pid).expect("a pid"));
    let limit = Rlimit { current: Some(open + more), maximum: Some(1_024) };
    prlimit(pid, Resource::Nofile, limit).expect("a limit");
}

#[cfg(target_os = "linux")]
#[test]
fn without_descriptors_it_waits_and_goes_on() {
    let api = Origin::ok();
    let server = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")])).start();
    assert_eq!(server.get("pay.example.com"), 200);
    let address = server.address();
    leave_descriptors(server.pid(), 0);
    let mut clients: Vec<_> = (0..8).map(|_| Client::connect(address)).collect();
    server.wait_for("no connection can be accepted for now");
    leave_descriptors(server.pid(), 100);
    assert_eq!(clients.last_mut().expect("a client").send(get()).read_response().status, 200);
    server.admin().wait_for_at_least("nameplate_client_accept_failures_total", 1.0);
}

#[cfg(target_os = "linux")]
#[test]
fn idle_connections_are_cheap() {
    const CLIENTS: usize = 400;
    /// A debug build takes 48 KiB, nearly all of it for what Pingora keeps ready for the next request.
    const EACH: f64 = 64.0 * 1024.0;
    let api = Origin::ok();
    let server = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")])).start();
    let (address, admin) = (server.address(), server.admin());
    let connect = |count: usize| -> Vec<Client> {
        let ask = || {
            let mut client = Client::connect(address);
            assert_eq!(client.send(get()).read_response().status, 200);
            client
        };
        (0..count).map(|_| ask()).collect()
    };
    let _first = connect(50);
    let before = admin.metric("process_resident_memory_bytes");
    let _all = connect(CLIENTS);
    admin.wait_for_metric("nameplate_client_connections", 50.0 + CLIENTS as f64);
    let each = (admin.metric("process_resident_memory_bytes") - before) / CLIENTS as f64;
    assert!(each < EACH, "{each} bytes for each idle connection");
}
