//! What `/metrics` tells of connections, certificates and runtimes.

use std::path::Path;

use crate::harness::Gate;
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{ProxyBuilder, proxy};
use crate::harness::reply::Reply;
use crate::harness::server::{mapping, replace, server};

const OPEN: &str = "nameplate_upstream_connections_open";
const FULL: &str = "nameplate_upstream_tls_handshakes_total{kind=\"full\"}";
const RESUMED: &str = "nameplate_upstream_tls_handshakes_total{kind=\"resumed\"}";

fn pay() -> ProxyBuilder {
    proxy().maps("pay.example.com", "abc123", "/prod")
}

#[test]
fn a_connection_to_the_endpoint_is_resumed_where_an_earlier_one_was_full() {
    let api = Origin::ok();
    let proxy = pay().maps("shop.example.com", "xyz789", "/prod").to(&api).start();
    let get = |domain: &str, full: f64, resumed: f64| {
        assert_eq!(proxy.get(domain, "/x").status, 200);
        assert_eq!((proxy.metric(FULL), proxy.metric(RESUMED)), (full, resumed), "{domain}");
        assert_eq!(proxy.metric("nameplate_upstream_tls_duration_seconds_count"), full + resumed);
        assert_eq!(proxy.metric("nameplate_upstream_connect_duration_seconds_count"), full + resumed);
    };
    get("pay.example.com", 1.0, 0.0);
    get("pay.example.com", 1.0, 0.0);
    api.close_connections();
    get("pay.example.com", 1.0, 1.0);
    // A session is of one name.
    get("shop.example.com", 2.0, 1.0);
    api.close_connections();
    get("shop.example.com", 2.0, 2.0);
}

#[test]
fn many_connections_at_once_are_told_apart() {
    let gate = Gate::default();
    let reply = Reply::default().then_wait(&gate).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let api = Origin::start(
        move |request| {
            if request.target() == "/prod/first" { Reply::json(200, "{}") } else { reply.clone() }
        },
    );
    let proxy = pay().maps("shop.example.com", "xyz789", "/prod").to(&api).start();
    assert_eq!(proxy.get("pay.example.com", "/first").status, 200);
    api.close_connections();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(proxy.get("pay.example.com", "/x").status, 200));
            scope.spawn(|| assert_eq!(proxy.call(Call::get("shop.example.com", "/x")).expect("an answer").status, 200));
        }
        api.wait_for_requests(5);
        assert_eq!((proxy.metric(FULL) + proxy.metric(RESUMED), proxy.metric(OPEN)), (5.0, 4.0));
        gate.open();
    });
    // Two of one name may have begun before either had a session; the first of them could resume.
    assert!(proxy.metric(RESUMED) >= 1.0 && proxy.metric(FULL) >= 2.0, "{}", proxy.metrics());
}

#[test]
fn a_connection_is_open_until_either_side_ends_it() {
    let api = Origin::ok();
    let proxy = pay().to(&api).start();
    assert_eq!(proxy.metric(OPEN), 0.0);
    assert_eq!(proxy.get("pay.example.com", "/x").status, 200);
    assert_eq!(proxy.metric(OPEN), 1.0, "it is kept");
    api.close_connections();
    proxy.wait_for_metric(OPEN, 0.0);

    let closing = Origin::start(|_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    let proxy = pay().to(&closing).start();
    assert_eq!(proxy.get("pay.example.com", "/x").status, 200);
    proxy.wait_for_metric(OPEN, 0.0);

    let refusing = Origin::refusing_tls();
    let proxy = pay().to(&refusing).start();
    assert_eq!(proxy.get("pay.example.com", "/x").status, 502);
    proxy.wait_for_metric(OPEN, 0.0);
    assert_eq!((proxy.metric(FULL), proxy.metric(RESUMED)), (0.0, 0.0), "none came to its end");
}

/// Writes a certificate that is valid until the first day of this year.
fn certify(certificate: &Path, key: &Path, until: i32) {
    let pair = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(vec!["pay.example.com".to_owned()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    replace(certificate, &params.self_signed(&pair).expect("a certificate").pem());
    replace(key, &pair.serialize_pem());
}

#[test]
fn the_end_of_a_certificate_is_told_and_changes_with_a_reload() {
    let api = Origin::ok();
    let builder = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")]));
    let (certificate, key) = (builder.path("cert.pem"), builder.path("key.pem"));
    certify(&certificate, &key, 2_020);
    let listeners = "
listeners:
  - { address: '127.0.0.1:0', tls: { certificate: cert.pem, key: key.pem } }
  - { address: '127.0.0.1:0', tls: { self_signed: [pay.example.com] } }
admin: 127.0.0.1:0";
    let server = builder.settings(listeners).start();
    let series = format!("nameplate_certificate_expiry_timestamp_seconds{{listener=\"{}\"}}", server.address());
    let pages = server.admin();
    assert_eq!(pages.metric(&series), 1_577_836_800.0);
    assert!(
        server.wait_for(&format!("WARN ] certificate of {}: it expired ", server.address())).contains("replace it")
    );
    assert_eq!(server.times_said("certificate of "), 1, "the one that was made is good for long");
    let all = pages.get("/metrics").text();
    assert_eq!(all.lines().filter(|line| line.starts_with("nameplate_certificate_expiry_")).count(), 2);

    certify(&certificate, &key, 2_100);
    server.signal("-HUP");
    pages.wait_for_metric(&series, 4_102_444_800.0);
    assert_eq!(server.times_said("certificate of "), 1);

    std::fs::write(&certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").expect("written");
    server.signal("-HUP");
    server.wait_for("certificate rejected");
    assert_eq!(pages.metric(&series), 4_102_444_800.0);
}

#[test]
fn both_runtimes_tell_how_busy_they_are() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings("threads: 2").start();
    let of = |name: &str, runtime: &str| format!("nameplate_runtime_{name}{{runtime=\"{runtime}\"}}");
    assert_eq!((proxy.metric(&of("threads", "proxy")), proxy.metric(&of("threads", "admin"))), (2.0, 1.0));
    let before = proxy.metric(&of("tasks", "proxy"));
    assert!(before >= 2.0, "each listener is one: {before}");
    let clients: Vec<_> = (0..3).map(|_| proxy.client()).collect();
    proxy.wait_for_metric(&of("tasks", "proxy"), before + 3.0);
    drop(clients);
    proxy.wait_for_metric(&of("tasks", "proxy"), before);
    for runtime in ["proxy", "admin"] {
        assert!(proxy.metric(&of("queue_depth", runtime)) >= 0.0);
        proxy.pages().wait_for_at_least(&of("busy_seconds_total", runtime), 1e-6);
    }
}
