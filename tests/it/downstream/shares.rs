//! What one client can take of what all share: requests in flight, connections to the endpoint, memory.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use super::pay;
use crate::harness::addressed::{self, GREEDY, LISTENER, connect, connect_http2, gets};
use crate::harness::cgroup::Cgroup;
use crate::harness::client::{Client, Response, is_refusal, text_of};
use crate::harness::frames::{
    DATA, END_HEADERS, Frames, INITIAL_WINDOW_SIZE, RST_STREAM, frame, headers, window_update,
};
use crate::harness::origin::Origin;
use crate::harness::procfs;
use crate::harness::proxy::Proxy;
use crate::harness::reply::Reply;
use crate::harness::server::{Server, certify, mapping, server};
use crate::harness::{Gate, PATIENCE};

const MODEST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const THIRD: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
const DOMAIN: &str = "pay.example.com";
const IN_FLIGHT: &str = "nameplate_requests_in_flight";

/// A connection of this client that opens every window.
fn open_http2(address: SocketAddr, client: Ipv4Addr) -> Frames {
    let mut frames = connect_http2(address, client, &[(INITIAL_WINDOW_SIZE, 0x7fff_ffff)]);
    frames.send(window_update(0, 0x7fff_0000));
    frames
}

fn post(stream: u32, path: &str) -> Vec<u8> {
    let list = [(":method", "POST"), (":scheme", "http"), (":authority", DOMAIN), (":path", path)];
    headers(stream, END_HEADERS, &list)
}

fn get_from(address: SocketAddr, client: Ipv4Addr) -> Response {
    addressed::get(address, client, DOMAIN, "/quick")
}

/// An API whose `/slow` waits for the gate, and a proxy with room for eight requests.
fn small() -> (Origin, Gate, Proxy) {
    let gate = Gate::default();
    let held = gate.clone();
    let api = Origin::start(move |request| match request.target() {
        "/prod/slow" => Reply::default().then_wait(&held).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        _ => Reply::json(200, "{}"),
    });
    let proxy = pay().to(&api).settings("client: { max_requests: 8 }").listener(LISTENER).start();
    (api, gate, proxy)
}

#[test]
fn one_address_gets_half_of_the_requests_in_flight() {
    let (api, gate, proxy) = small();
    assert_eq!(proxy.metric("nameplate_requests_in_flight_limit"), 8.0);
    let mut greedy = open_http2(proxy.own_address(), GREEDY);
    greedy.send(gets(0..8, DOMAIN, "/slow"));
    proxy.wait_for_metric("nameplate_refusals_total{reason=\"client_share\"}", 4.0);
    proxy.wait_for_metric(IN_FLIGHT, 4.0);

    // Others have their turn, and so has somebody behind the same address.
    let quick = |client| get_from(proxy.own_address(), client);
    assert_eq!((quick(MODEST).status, quick(THIRD).status, quick(GREEDY).status), (200, 200, 200));

    gate.open();
    proxy.wait_for_metric(IN_FLIGHT, 0.0);
    assert_eq!(quick(GREEDY).status, 200);
    assert_eq!(api.served(), 4 + 4, "what is refused takes no connection to the endpoint");
}

/// A refusal that its client does not read takes no place of anybody's.
#[test]
fn refusals_that_nobody_reads_count_for_nothing() {
    let (_api, gate, proxy) = small();
    let mut greedy: Vec<Frames> = (0..3)
        .map(|_| {
            let mut frames = connect_http2(proxy.own_address(), GREEDY, &[(INITIAL_WINDOW_SIZE, 0)]);
            frames.send(gets(0..20, DOMAIN, "/slow"));
            frames
        })
        .collect();
    // Each connection's first request is admitted, and of the first connection as many as make half of the budget.
    proxy.wait_for_metric("nameplate_client_connections", 3.0);
    greedy.iter_mut().for_each(Frames::ping);
    for _ in 0..10 {
        assert_eq!(get_from(proxy.own_address(), MODEST).status, 200);
    }
    gate.open();
}

#[test]
fn many_connections_are_still_one_address() {
    let (_api, gate, proxy) = small();
    let slow = text_of("GET", "pay.example.com", "/slow", &[], b"");
    let mut greedy: Vec<_> = (0..8).map(|_| connect(proxy.own_address(), GREEDY)).collect();
    for (at, client) in greedy.iter_mut().enumerate() {
        client.send(&slow);
        if at < 6 {
            proxy.wait_for_metric(IN_FLIGHT, at as f64 + 1.0);
        }
    }
    for refused in &mut greedy[6..] {
        let answer = refused.read_response();
        is_refusal(&answer, 503, "client_share");
        assert_eq!(answer.header("retry-after"), Some("1"));
        // It may come again on the same connection.
        assert_ne!(answer.header("connection"), Some("close"));
    }
    assert_eq!(get_from(proxy.own_address(), MODEST).status, 200);
    gate.open();
    greedy[..6].iter_mut().for_each(|client| assert_eq!(client.read_response().status, 200));
}

#[test]
fn three_addresses_have_equal_parts() {
    let (_api, gate, proxy) = small();
    let mut clients: Vec<_> = [GREEDY, MODEST, THIRD].map(|client| open_http2(proxy.own_address(), client)).into();
    for at in 0..3 {
        clients.iter_mut().for_each(|client| _ = client.send(gets(at..at + 1, DOMAIN, "/slow")));
        if at < 2 {
            proxy.wait_for_metric(IN_FLIGHT, 3.0 * f64::from(at + 1));
        }
    }
    // Each has two; the part that is left over is for an address that has none.
    proxy.wait_for_metric("nameplate_refusals_total{reason=\"client_share\"}", 3.0);
    gate.open();
    proxy.wait_for_metric(IN_FLIGHT, 0.0);
}

#[test]
fn an_address_that_is_believed_speaks_for_many() {
    let gate = Gate::default();
    let held = gate.clone();
    let api = Origin::start(move |_| {
        Reply::default().then_wait(&held).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    let settings = "{ client: { max_requests: 8 }, forwarded: { trust: [127.0.0.1] } }";
    let proxy = pay().to(&api).settings(settings).start();
    let mut balancer = Frames::connect(proxy.h2c_address());
    balancer.send(gets(0..9, DOMAIN, "/slow"));
    proxy.wait_for_metric(IN_FLIGHT, 8.0);
    proxy.wait_for_metric("nameplate_refusals_total{reason=\"overloaded\"}", 1.0);
    gate.open();
    proxy.wait_for_metric(IN_FLIGHT, 0.0);
}

/// A POST that has its answer and is never finished.
#[test]
fn an_http2_request_ends_soon_after_its_response() {
    let api = Origin::start_early(|_| Reply::json(200, "{}"));
    let proxy = pay().to(&api).settings("client: { read_timeout: 300ms }").start();
    let mut client = Frames::connect(proxy.h2c_address());
    client.send(post(1, "/early"));
    client.send(frame(DATA, 0, 1, b"some"));
    assert_eq!(client.status(1), 200);
    // RFC 9113 section 8.1: the stream is reset without an error, because the response is complete.
    let reset = client.wait_for(|frame| frame.is(RST_STREAM, 1));
    assert_eq!(reset.reason(), h2::Reason::NO_ERROR);
    proxy.wait_for_metric(IN_FLIGHT, 0.0);
    proxy.wait_for_metric("nameplate_upstream_connections", 0.0);
    assert_eq!(proxy.metric("nameplate_requests_total{code=\"200\",method=\"POST\"}"), 1.0);
    assert_eq!(proxy.metric("nameplate_client_aborts_total"), 0.0);
    client.send(gets(1..2, DOMAIN, "/again"));
    assert_eq!(client.status(3), 200);
}

#[test]
fn a_body_that_trickles_is_given_up() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings("client: { read_timeout: 300ms, min_receive_rate: 100000 }").start();
    let mut http1 = proxy.client();
    http1.send("POST /x HTTP/1.1\r\nHost: pay.example.com\r\nContent-Length: 1000000\r\n\r\n");
    while proxy.metric("nameplate_refusals_total{reason=\"request_timeout\"}") == 0.0 {
        let _ = http1.try_send("x");
    }
    assert_eq!(http1.read_response().status, 408);

    let mut http2 = Frames::connect(proxy.h2c_address());
    http2.send(post(1, "/x"));
    while proxy.metric("nameplate_refusals_total{reason=\"request_timeout\"}") < 2.0 {
        http2.send(frame(DATA, 0, 1, b"x"));
    }
    assert_eq!(http2.status(1), 408);
}

const MIB: u64 = 1 << 20;

/// Most connections are idle, so what one takes is what many take.
#[test]
fn an_idle_client_takes_little_memory() {
    const CLIENTS: u64 = 300;
    const MOST_KIB: u64 = 20;
    let api = Origin::ok();
    let listening =
        "listeners: [{ address: '127.0.0.1:0', tls: { certificate: cert.pem, key: key.pem } }]\nadmin: 127.0.0.1:0\n";
    let builder = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")])).settings(listening);
    certify(&builder.path("cert.pem"), &builder.path("key.pem"), "pay.example.com");
    let server = builder.start();
    let address = server.address();
    let idle = || {
        let mut client = Client::connect_tls(address, "pay.example.com");
        assert_eq!(client.send(text_of("GET", "pay.example.com", "/quick", &[], b"")).read_response().status, 200);
        client
    };
    let memory = || procfs::status_kib(server.pid(), "RssAnon:").expect("a size");
    let _first: Vec<Client> = (0..20).map(|_| idle()).collect();
    let before = memory();
    let _all: Vec<Client> = (0..CLIENTS).map(|_| idle()).collect();
    let each = memory().saturating_sub(before) / CLIENTS;
    assert!(each <= MOST_KIB, "{each} KiB each");
}
const LARGE: usize = 1 << 20;

/// The real binary in a control group with so much memory, or with the same as a setting. The group comes first: it can
/// be removed once the process in it has ended.
fn limited(api: &Origin, mib: u64, more: &str) -> (Option<Cgroup>, Server) {
    let group = Cgroup::with_memory(mib * MIB);
    let memory = if group.is_some() { String::new() } else { format!("memory: {}\n", mib * MIB) };
    let listening = format!("listeners: [{{ address: '127.0.0.1:0', {LISTENER} }}]\nadmin: 127.0.0.1:0\n");
    let settings = format!("{listening}{memory}{more}");
    let builder = server(api).mapping(&mapping(&[("pay.example.com", "/prod")])).settings(&settings);
    let server = match &group {
        Some(group) => builder.start_under(group.command()),
        None => builder.start(),
    };
    server.wait_for(&format!("memory limit: {mib} MiB"));
    (group, server)
}

fn large() -> Origin {
    let body = "x".repeat(LARGE);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
    Origin::start(move |request| match request.target() {
        "/prod/large" => Reply::raw(head.clone() + &body),
        _ => Reply::json(200, "{}"),
    })
}

/// Clients that ask for large responses over HTTP/2 and read none of them.
fn attack(address: SocketAddr, connections: u32, streams: u32) -> Vec<Frames> {
    let open = |_| {
        let mut client = open_http2(address, GREEDY);
        client.send(gets(0..streams, DOMAIN, "/large"));
        client
    };
    (0..connections).map(open).collect()
}

#[test]
fn a_small_task_survives_clients_that_do_not_read() {
    let api = large();
    let (group, server) = limited(&api, 160, "client: { max_requests: 320 }\n");
    let admin = server.admin();
    let attackers = attack(server.address(), 6, 100);
    admin.wait_for_at_least("nameplate_refusals_total{reason=\"client_share\"}", 600.0 - 240.0);
    for _ in 0..20 {
        assert_eq!(get_from(server.address(), MODEST).status, 200);
    }
    assert!(admin.metric("nameplate_memory_used_bytes") > 0.0);
    assert!(admin.metric(IN_FLIGHT) <= 240.0);
    drop(attackers);
    admin.wait_for_metric(IN_FLIGHT, 0.0);
    assert!(group.and_then(|group| group.most_used()).is_none_or(|bytes| bytes <= 160 * MIB));
}

/// The budget is for clients that keep up. What those hold that do not is known only by the memory in use.
#[test]
fn memory_that_runs_short_is_taken_back_from_who_holds_it() {
    let api = large();
    let (_group, server) = limited(&api, 160, "");
    let admin = server.admin();
    let most = admin.metric("nameplate_requests_in_flight_limit");
    assert_eq!(most, 1_280.0, "64 KiB each, in half of the memory");
    let attackers = attack(server.address(), 5, 50);
    admin.wait_for_at_least("nameplate_client_connections_cut_total{reason=\"memory\"}", 1.0);
    server.wait_for("memory is short");
    server.wait_for("to free memory");
    drop(attackers);
    // Others are served all the while; the allocator gives back what was freed as it works.
    let began = Instant::now();
    while server.times_said("memory is no longer short") == 0 {
        assert!(began.elapsed() < PATIENCE, "memory is still short");
        let answer = get_from(server.address(), MODEST);
        assert!(matches!(answer.status, 200 | 503), "{}", answer.status);
    }
    assert_eq!(get_from(server.address(), MODEST).status, 200);
    assert_eq!(get_from(server.address(), GREEDY).status, 200);
}
