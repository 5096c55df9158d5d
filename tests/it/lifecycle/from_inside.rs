//! The running process from inside: what the admin listener says, what a reload changes, how a
//! stop ends.

use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::Gate;
use crate::harness::client::{Client, text_of};
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, ProxyBuilder, entry, proxy};
use crate::harness::reply::Reply;

fn pay() -> ProxyBuilder {
    proxy().maps("pay.example.com", "abc123", "/prod")
}

fn get(proxy: &Proxy, host: &str) -> u16 {
    proxy.get(host, "/x").status
}

/// An API that answers once the gate opens, and a request to it that is under way.
fn in_flight(gate: &Gate, settings: &str) -> (Origin, Proxy, Client) {
    let reply = Reply::default()
        .then_wait(gate)
        .then_raw("HTTP/1.1 200 OK\r\nLocation: /prod/x\r\nContent-Length: 2\r\n\r\n{}");
    let api = Origin::start(move |_| reply.clone());
    let proxy = pay().to(&api).settings(settings).start();
    let mut client = proxy.client();
    client.send(text_of("GET", "pay.example.com", "/x", &[], b""));
    api.wait_for_requests(1);
    (api, proxy, client)
}

mod admin {
    use super::*;

    #[test]
    fn it_is_alive_and_ready() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        assert_eq!((proxy.admin_get("/livez").status, proxy.admin_get("/livez").text().as_str()), (200, "ok\n"));
        assert_eq!((proxy.admin_get("/readyz").status, proxy.admin_get("/readyz").text().as_str()), (200, "ready\n"));
        assert_eq!(proxy.admin_get("/nothing").status, 404);
    }

    #[test]
    fn the_listener_for_clients_has_none_of_its_pages() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        assert_eq!(proxy.get("admin.test", "/metrics").status, 421);
        assert_eq!(proxy.get("pay.example.com", "/metrics").text(), "{\"ok\":true}");
    }

    #[test]
    fn requests_in_flight_are_counted() {
        let gate = Gate::default();
        let (_api, proxy, mut client) = in_flight(&gate, "{}");
        proxy.wait_for_metric("nameplate_requests_in_flight", 1.0);
        gate.open();
        assert_eq!(client.read_response().status, 200);
        proxy.wait_for_metric("nameplate_requests_in_flight", 0.0);
        proxy.wait_for_metric("nameplate_request_duration_seconds_count", 1.0);
        proxy.wait_for_metric("nameplate_upstream_first_byte_duration_seconds_count", 1.0);
        proxy.wait_for_metric("nameplate_upstream_connect_duration_seconds_count", 1.0);
    }

    #[test]
    fn promtool_finds_no_fault_in_the_metrics() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        get(&proxy, "pay.example.com");
        get(&proxy, "shop.example.com");
        let metrics = proxy.metrics();
        let checking = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut checking) = checking else {
            eprintln!("promtool is not on the PATH: its check of the metrics is left out");
            return;
        };
        checking.stdin.take().expect("a pipe").write_all(metrics.as_bytes()).expect("written");
        let checked = checking.wait_with_output().expect("an end");
        let said = [checked.stdout, checked.stderr].concat();
        assert!(checked.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
    }
}

mod reload {
    use super::*;

    const GENERATION: &str = "nameplate_mapping_generation";

    fn reloads(proxy: &Proxy, result: &str) -> f64 {
        proxy.pages().reloads(result)
    }

    #[test]
    fn a_good_file_is_in_force_whole() {
        let api = Origin::ok();
        let proxy = pay().maps("shop.example.com", "abc123", "/prod").to(&api).start();
        assert_eq!((proxy.metric(GENERATION), proxy.metric("nameplate_mapping_entries")), (1.0, 2.0));

        proxy.save_mapping(&format!("APIS:\n{}", entry("new.example.com", "xyz789", "/v2", &[])));
        let reloaded = proxy.reload().expect("a good file");

        assert_eq!((reloaded.generation, reloaded.entries), (2, 1));
        assert_eq!((get(&proxy, "new.example.com"), get(&proxy, "pay.example.com")), (200, 421));
        assert_eq!(api.last_request().target(), "/v2/x");
        assert_eq!((proxy.metric(GENERATION), proxy.metric("nameplate_mapping_entries")), (2.0, 1.0));
        assert_eq!((reloads(&proxy, "ok"), reloads(&proxy, "rejected")), (2.0, 0.0));
    }

    #[test]
    fn a_broken_file_changes_nothing_and_is_reported() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        for broken in ["APIS: [oops", "", "APIS:\n  - CUSTOM_DOMAIN_URL: x.example.com\n"] {
            proxy.save_mapping(broken);
            let rejected = proxy.reload().expect_err("a broken file").to_string();
            assert!(rejected.contains("error: "), "{rejected}");
            assert!(rejected.ends_with("the mapping in force is unchanged (generation 1)"), "{rejected}");
        }
        assert_eq!((get(&proxy, "pay.example.com"), proxy.admin_get("/readyz").status), (200, 200));
        assert_eq!((proxy.metric(GENERATION), reloads(&proxy, "rejected")), (1.0, 3.0));
        assert_eq!(reloads(&proxy, "ok"), 1.0, "the one at the start");
    }

    #[test]
    fn a_request_under_way_keeps_the_mapping_it_began_with() {
        let gate = Gate::default();
        let (_api, proxy, mut client) = in_flight(&gate, "{}");

        proxy.save_mapping(&format!("APIS:\n{}", entry("pay.example.com", "abc123", "/v2", &[])));
        proxy.reload().expect("a good file");
        gate.open();

        assert_eq!(client.read_response().all("location"), ["/x"], "/prod is the stage it was sent to");
        client.send(text_of("GET", "pay.example.com", "/x", &[], b""));
        assert_eq!(client.read_response().all("location"), ["/prod/x"], "/v2 is the stage now");
    }
}

mod stop {
    use super::*;

    /// Well under any timeout of these tests.
    const PROMPTLY: Duration = Duration::from_secs(3);

    #[test]
    fn what_is_in_flight_finishes_while_readiness_fails() {
        let gate = Gate::default();
        let (api, mut proxy, mut client) = in_flight(&gate, "{}");
        let stopping = proxy.begin_stop();
        proxy.wait_for_metric("nameplate_draining", 1.0);

        let ready = proxy.admin_get("/readyz");
        assert_eq!((ready.status, ready.text().as_str()), (503, "draining: the process is stopping\n"));
        assert_eq!(proxy.admin_get("/livez").status, 200);
        gate.open();

        let answer = client.read_response();
        assert_eq!((answer.status, answer.all("connection")), (200, vec!["close"]));
        client.expect_closed();
        assert_eq!(stopping.join().expect("stopped"), 0);
        api.wait_until_closed();
    }

    #[test]
    fn an_idle_connection_is_closed_at_once() {
        let api = Origin::ok();
        let proxy = pay().to(&api).settings("{ client: { keep_alive: 60s }, shutdown: { grace_period: 60s } }").start();
        let mut client = proxy.client();
        client.send(text_of("GET", "pay.example.com", "/x", &[], b"")).read_response();
        let began = Instant::now();
        assert_eq!(proxy.stop(), 0);
        assert!(began.elapsed() < PROMPTLY, "{:?}", began.elapsed());
        client.expect_closed();
    }

    #[test]
    fn so_is_one_that_never_sent_a_request() {
        let api = Origin::ok();
        let proxy = pay().to(&api).settings("shutdown: { grace_period: 60s }").start();
        let mut idle = proxy.client();
        // Accepted before this one, which has been answered.
        assert_eq!(get(&proxy, "pay.example.com"), 200);
        let began = Instant::now();
        assert_eq!(proxy.stop(), 0);
        assert!(began.elapsed() < PROMPTLY, "{:?}", began.elapsed());
        idle.expect_closed();
    }

    #[test]
    fn an_idle_http2_connection_holds_nothing_up() {
        let api = Origin::ok();
        let proxy = pay().to(&api).settings("shutdown: { grace_period: 60s }").start();
        let mut client = proxy.http2();
        assert_eq!(client.call(Call::get("pay.example.com", "/x")).expect("an answer").status, 200);
        let began = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| client.wait_until_closed());
            assert_eq!(proxy.stop(), 0);
        });
        assert!(began.elapsed() < PROMPTLY, "{:?}", began.elapsed());
    }

    #[test]
    fn with_nothing_open_it_returns_promptly_and_nobody_listens() {
        let api = Origin::ok();
        let proxy = pay().to(&api).settings("shutdown: { grace_period: 60s }").start();
        let (clients, admin) = (proxy.address(), proxy.admin());
        assert_eq!(get(&proxy, "pay.example.com"), 200);
        let began = Instant::now();
        assert_eq!(proxy.stop(), 0);
        assert!(began.elapsed() < PROMPTLY, "{:?}", began.elapsed());
        assert!(TcpStream::connect(clients).is_err() && TcpStream::connect(admin).is_err());
        api.wait_until_closed();
    }

    #[test]
    fn the_grace_period_ends_what_does_not() {
        let gate = Gate::default();
        let (_api, proxy, mut client) = in_flight(&gate, "shutdown: { grace_period: 100ms }");
        assert_eq!(proxy.stop(), 1);
        client.expect_closed();
        gate.open();
    }

    #[test]
    fn during_the_delay_requests_are_still_taken() {
        let api = Origin::ok();
        let mut proxy = pay().to(&api).settings("shutdown: { delay: 1s }").start();
        let stopping = proxy.begin_stop();
        proxy.wait_for_metric("nameplate_draining", 1.0);
        let answer = proxy.get("pay.example.com", "/x");
        assert_eq!((answer.status, answer.all("connection")), (200, vec!["close"]));
        assert_eq!(stopping.join().expect("stopped"), 0);
    }
}

// A connection that could be either HTTP/1.1 or HTTP/2 and says nothing used to hold a stop up until
// the grace period was over.
#[test]
fn a_silent_connection_does_not_hold_a_stop_up() {
    let api = Origin::ok();
    let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).start();
    let _silent = Client::connect(proxy.h2c_address());
    assert_eq!(proxy.get("pay.example.com", "/").status, 200);
    assert_eq!(proxy.stop(), 0);
}
