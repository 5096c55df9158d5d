//! A load balancer that says whom it speaks for before the first byte of its client.

use std::sync::Arc;

use super::{get, pay};
use crate::harness::client::{Client, tls_config};
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;

const V1: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 8443\r\n";
const HERE: &str = "proxy_protocol: { trust: [127.0.0.0/8] }";

/// Version 2 of [`V1`], with an addition behind the addresses as an NLB sends it.
fn v2() -> Vec<u8> {
    let ends = [192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x67, 0x20, 0xfb];
    let vpce = b"\xea\x00\x17\x01vpce-08d2bf15fac5001c9";
    binary(0x21, 0x11, &[&ends[..], vpce].concat())
}

fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).expect("a length").to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &length, block].concat()
}

fn start(api: &Origin, settings: &str) -> Proxy {
    pay().to(api).listener(HERE).settings(settings).start()
}

/// What the API learns of a client that is announced like this.
#[track_caller]
fn told(header: &[u8], settings: &str) -> (String, String) {
    let api = Origin::ok();
    let proxy = start(&api, settings);
    let mut client = Client::connect(proxy.own_address());
    let request = String::from_utf8(get()).expect("text").replace("\r\n\r\n", "\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n");
    assert_eq!(client.send([header, request.as_bytes()].concat()).read_response().status, 200);
    let seen = api.last_request();
    let one = |name| seen.header(name).unwrap_or_default().to_owned();
    (one("x-forwarded-for"), one("x-forwarded-port"))
}

#[test]
fn the_client_is_the_one_it_names() {
    let want = ("192.0.2.7".to_owned(), "8443".to_owned());
    assert_eq!(told(V1.as_bytes(), "{}"), want);
    assert_eq!(told(&v2(), "{}"), want);
}

#[test]
fn and_is_the_peer_whose_word_is_believed_or_not() {
    let trusting = |network: &str| told(&v2(), &format!("forwarded: {{ trust: [{network}] }}")).0;
    assert_eq!(trusting("192.0.2.0/24"), "9.9.9.9, 192.0.2.7");
    assert_eq!(trusting("127.0.0.0/8"), "192.0.2.7", "the load balancer's address is not the client's");
}

#[test]
fn a_health_check_of_its_own_keeps_its_address() {
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), binary(0x20, 0, b""), binary(0x20, 0x11, &[0; 12])] {
        assert_eq!(told(&header, "{}").0, "127.0.0.1");
    }
}

#[test]
fn it_may_come_byte_by_byte_and_comes_once() {
    let api = Origin::ok();
    let proxy = start(&api, "{}");
    let mut client = Client::connect(proxy.own_address());
    for byte in [v2(), get()].concat() {
        client.send([byte]);
    }
    assert_eq!(client.read_response().status, 200);
    assert_eq!(client.send(get()).read_response().status, 200);
    assert_eq!(api.last_request().all("x-forwarded-for"), ["192.0.2.7"]);
}

#[test]
fn tls_and_http2_begin_behind_it() {
    let api = Origin::ok();
    let folder = tempfile::tempdir().expect("a directory");
    let tls = super::tls::files(folder.path(), "pay.example.com");
    let proxy = pay().to(&api).listener(&format!("{tls}, {HERE}")).start();
    let mut client = Client::connect(proxy.own_address());
    client.send(V1);
    let mut client = client.try_secure("pay.example.com", &Arc::new(tls_config())).expect("a handshake");
    assert_eq!(client.send(get()).read_response().status, 200);
    let seen = api.last_request();
    assert_eq!((seen.all("x-forwarded-for"), seen.all("x-forwarded-proto")), (vec!["192.0.2.7"], vec!["https"]));

    let proxy = pay().to(&api).listener(&format!("h2c: true, {HERE}")).start();
    let mut client = Client::connect(proxy.own_address());
    client.send([V1.as_bytes(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"].concat());
    assert_eq!(client.read_exact(4)[3], 4, "the server's SETTINGS");
}

/// Some load balancers open TLS of their own to the target. Whether an NLB's header comes before that or inside of it
/// AWS does not say.
#[test]
fn inside_of_tls_it_is_read_as_well_and_only_once() {
    let api = Origin::ok();
    let folder = tempfile::tempdir().expect("a directory");
    let tls = super::tls::files(folder.path(), "pay.example.com");
    let proxy = pay().to(&api).listener(&format!("{tls}, {HERE}")).start();
    let secured = || {
        let client = Client::connect(proxy.own_address());
        client.try_secure("pay.example.com", &Arc::new(tls_config())).expect("a handshake")
    };
    for header in [V1.as_bytes().to_vec(), v2()] {
        let mut client = secured();
        assert_eq!(client.send([header, get()].concat()).read_response().status, 200);
        assert_eq!(client.send(get()).read_response().status, 200, "the next request has none");
        let seen = api.last_request();
        assert_eq!((seen.all("x-forwarded-for"), seen.all("x-forwarded-port")), (vec!["192.0.2.7"], vec!["8443"]));
    }
    let mut client = secured();
    for byte in [v2(), get()].concat() {
        client.send([byte]);
    }
    assert_eq!(client.read_response().status, 200, "byte by byte");

    let sent = api.requests().len();
    for (bytes, reason) in [(get(), "proxy_missing"), (b"PROXY TCP9 1\r\n".to_vec(), "proxy_malformed")] {
        secured().send(bytes).expect_closed();
        proxy.wait_for_cut(reason, 1.0);
    }
    let mut client = Client::connect(proxy.own_address());
    client.send(V1);
    let mut client = client.try_secure("pay.example.com", &Arc::new(tls_config())).expect("a handshake");
    client.send([V1.as_bytes(), &get()].concat());
    assert_eq!(client.read_response().status, 400, "a client's own behind the load balancer's is no request");
    assert_eq!(api.requests().len(), sent);
}

#[test]
fn a_handshake_that_fails_before_it_is_counted() {
    let api = Origin::ok();
    let folder = tempfile::tempdir().expect("a directory");
    let tls = super::tls::files(folder.path(), "pay.example.com");
    let proxy = pay().to(&api).listener(&format!("{tls}, {HERE}")).start();
    let mut client = Client::connect(proxy.own_address());
    // A ClientHello of one byte.
    assert_eq!(client.send([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]).read_exact(7)[0], 21, "an alert");
    client.expect_closed();
    proxy.wait_for_cut("tls_handshake", 1.0);
}

#[test]
fn http2_agreed_on_by_alpn_begins_behind_one_inside_of_tls() {
    let api = Origin::ok();
    let folder = tempfile::tempdir().expect("a directory");
    let tls = super::tls::files(folder.path(), "pay.example.com");
    let proxy = pay().to(&api).listener(&format!("{tls}, {HERE}")).start();
    let mut config = tls_config();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let client = Client::connect(proxy.own_address());
    let mut client = client.try_secure("pay.example.com", &Arc::new(config)).expect("a handshake");
    client.send([&v2()[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"].concat());
    assert_eq!(client.read_exact(4)[3], 4, "the server's SETTINGS");
}

#[test]
fn without_one_nothing_is_answered() {
    let api = Origin::ok();
    let proxy = start(&api, "{}");
    for (at, (sent, reason)) in
        [(get(), "proxy_missing"), (b"PROXY TCP9 1\r\n".to_vec(), "proxy_malformed"), (v2()[..20].to_vec(), "")]
            .into_iter()
            .enumerate()
    {
        let mut client = Client::connect(proxy.own_address());
        client.send(sent);
        if reason.is_empty() {
            client.half_close();
        }
        client.expect_closed();
        proxy.wait_for_cut(if reason.is_empty() { "proxy_malformed" } else { reason }, if at == 2 { 2.0 } else { 1.0 });
    }
    assert!(api.requests().is_empty());
}

#[test]
fn half_of_one_is_not_waited_for_for_ever() {
    let api = Origin::ok();
    let proxy = start(&api, "client: { header_timeout: 100ms }");
    let mut client = Client::connect(proxy.own_address());
    client.send(&v2()[..20]).expect_closed();
    proxy.wait_for_cut("header_timeout", 1.0);
}

#[test]
fn a_stranger_may_not_speak_for_anybody() {
    let api = Origin::ok();
    let proxy = pay().to(&api).listener("proxy_protocol: { trust: [10.0.0.0/8] }").start();
    let mut client = Client::connect(proxy.own_address());
    let _ = client.try_send([V1.as_bytes(), &get()].concat());
    client.expect_closed();
    proxy.wait_for_cut("proxy_untrusted", 1.0);
    assert!(api.requests().is_empty());
}

#[test]
fn who_connects_and_goes_is_a_health_check() {
    let api = Origin::ok();
    let proxy = start(&api, "{}");
    let mut client = Client::connect(proxy.own_address());
    client.half_close();
    client.expect_closed();
    proxy.wait_for_metric("nameplate_client_connections_accepted_total", 1.0);
    let counts: Vec<_> =
        proxy.metrics().lines().filter(|l| l.contains("connections_cut_total{")).map(str::to_owned).collect();
    assert!(counts.iter().all(|line| line.ends_with(" 0")), "{counts:?}");
}

/// What `/readyz` answers to a health check that begins like this.
#[track_caller]
fn health_checked(header: &[u8]) -> u16 {
    let api = Origin::ok();
    let proxy = pay().to(&api).start();
    let mut client = Client::connect(proxy.admin());
    let request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let first = client.send([header, request].concat()).read_response().status;
    assert_eq!(client.send(request).read_response().status, first, "the connection goes on without another one");
    first
}

#[test]
fn health_checks_of_the_admin_listener_come_with_one_or_without() {
    for header in [Vec::new(), V1.into(), b"PROXY UNKNOWN\r\n".to_vec(), v2(), binary(0x20, 0, b"")] {
        assert_eq!(health_checked(&header), 200, "{header:?}");
    }
}

#[test]
fn a_broken_one_there_ends_the_connection() {
    let api = Origin::ok();
    let proxy = pay().to(&api).start();
    let mut client = Client::connect(proxy.admin());
    client.send("PROXY TCP9 1\r\n").expect_closed();
    assert_eq!(proxy.admin_get("/livez").status, 200);
}
