//! The binary itself: `nameplate serve`, its signals, its exit codes and what it says.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use crate::harness::client::{Client, text_of};
use crate::harness::origin::Origin;
use crate::harness::reply::Reply;
use crate::harness::server::{Server, certify, mapping, server};
use crate::harness::web::{Page, Web};
use crate::harness::{Gate, authority};

fn pay() -> String {
    mapping(&[("pay.example.com", "/prod")])
}

#[test]
fn sigterm_ends_it_with_0() {
    let api = Origin::ok();
    let mut server = Server::start(&pay(), &api, "");
    assert_eq!((server.get("pay.example.com"), server.get("shop.example.com")), (200, 421));
    server.signal("-TERM");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("stopped; nothing was left in flight"), "{said}");
}

#[test]
fn so_does_sigint() {
    let api = Origin::ok();
    let mut server = Server::start(&pay(), &api, "");
    server.signal("-INT");
    assert_eq!(server.wait_for_end().0.code(), Some(0));
}

/// A server that is told to stop while a request waits for this reply.
fn told_to_stop_before(reply: Reply) -> (Origin, Server, Client) {
    let api = Origin::start(move |_| reply.clone());
    let server = Server::start(&pay(), &api, "");
    let mut client = Client::connect(server.address());
    client.send(text_of("GET", "pay.example.com", "/x", &[], b""));
    api.wait_for_requests(1);
    server.signal("-TERM");
    server.wait_for("stopping");
    (api, server, client)
}

#[test]
fn sigterm_lets_a_request_finish_first() {
    let gate = Gate::default();
    let reply = Reply::default().then_wait(&gate).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    let (_api, mut server, mut client) = told_to_stop_before(reply);
    gate.open();
    assert_eq!(client.read_response().text(), "late");
    assert_eq!(server.wait_for_end().0.code(), Some(0));
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    let gate = Gate::default();
    let reply = Reply::default().then_wait(&gate).then_close();
    let (_api, mut server, mut client) = told_to_stop_before(reply);
    server.signal("-TERM");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(1));
    assert!(said.ends_with("told to stop again: ending now"), "{said}");
    client.expect_closed();
    gate.open();
}

#[test]
fn sighup_puts_a_changed_mapping_in_force() {
    let api = Origin::ok();
    let server = Server::start(&pay(), &api, "");
    assert_eq!(server.get("new.example.com"), 421);
    server.save_mapping(&mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")]));
    server.signal("-HUP");
    server.wait_for("mapping reloaded: 2 entries, generation 2");
    assert_eq!((server.get("new.example.com"), api.last_request().target()), (200, "/v2/x"));
}

#[test]
fn sighup_with_a_broken_mapping_changes_nothing_and_says_why() {
    let api = Origin::ok();
    let server = Server::start(&pay(), &api, "");
    server.save_mapping("APIS:\n  - CUSTOM_DOMAIN_URL: pay.example.com\n    PRIVATE_API_URL: http://x\n");
    server.signal("-HUP");
    server.wait_for("mapping rejected");
    server.wait_for("mapping.yaml:3:22: error: ");
    server.wait_for("the mapping in force is unchanged (generation 1)");
    assert_eq!(server.get("pay.example.com"), 200);
}

#[test]
fn a_broken_mapping_is_no_start() {
    let api = Origin::ok();
    let mut server = Server::start("APIS:\n  - CUSTOM_DOMAIN_URL: pay.example.com\n    VERB: GET\n", &api, "");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("mapping.yaml:3:5: error: ") && said.contains("help: "), "{said}");
    assert!(!said.contains("listening"), "{said}");
}

#[test]
fn a_taken_port_is_no_start() {
    let api = Origin::ok();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    for settings in [
        format!("listeners: [{{ address: '{address}' }}]\nadmin: 127.0.0.1:0\n"),
        format!("listeners: [{{ address: '127.0.0.1:0' }}]\nadmin: '{address}'\n"),
    ] {
        let mut server = Server::start(&pay(), &api, &settings);
        let (status, said) = server.wait_for_end();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("cannot listen on {address}: Address already in use")), "{said}");
    }
}

#[test]
fn a_setting_nobody_knows_is_no_start() {
    let api = Origin::ok();
    let mut server = Server::start(&pay(), &api, "listener: []\n");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("nameplate.yaml:1:1: error: unknown key `listener`"), "{said}");
}

#[test]
fn without_a_mapping_file_it_says_which_and_exits_with_2() {
    let output = Command::new(env!("CARGO_BIN_EXE_nameplate"))
        .args(["serve", "--mapping", "no/such/mapping.yaml"])
        .env_clear()
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot read no/such/mapping.yaml") && said.contains("--mapping"), "{said}");
}

#[test]
fn a_burst_of_signals_is_one_reading_or_two() {
    let (api, web) = (Origin::ok(), Web::start(Page { delay: Duration::from_secs(1), ..Page::text(&pay()) }));
    let settings = format!("mapping: {}\nreload: {{ poll: 60m, cache: '' }}", web.url("/m"));
    let server = server(&api).settings(&settings).start();
    assert_eq!((server.get("pay.example.com"), web.seen().len()), (200, 1));
    for _ in 0..20 {
        server.signal("-HUP");
    }
    // The first signal begins a reading; the others, while it goes on, ask for one more.
    web.wait_until_asked(3);
    let settled = server.admin();
    settled.wait_for_metric("nameplate_mapping_reloads_total{result=\"unchanged\"}", 2.0);
    assert_eq!((web.seen().len(), settled.metric("nameplate_mapping_generation")), (3, 1.0));
}

#[test]
fn sighup_reads_certificates_again_and_a_broken_one_changes_nothing() {
    let api = Origin::ok();
    let builder = server(&api).mapping(&mapping(&[("a.example.com", "/prod"), ("b.example.com", "/prod")]));
    let (certificate, key) = (builder.path("cert.pem"), builder.path("key.pem"));
    certify(&certificate, &key, "a.example.com");
    let tls =
        "listeners: [{ address: '127.0.0.1:0', tls: { certificate: cert.pem, key: key.pem } }]\nadmin: 127.0.0.1:0";
    let server = builder.settings(tls).start();
    let get = |name: &str| {
        let mut client = Client::connect_tls(server.address(), name);
        client.send(text_of("GET", name, "/x", &[], b"")).read_response().status
    };
    assert_eq!(get("a.example.com"), 200);
    let mut open = Client::connect_tls(server.address(), "a.example.com");

    certify(&certificate, &key, "b.example.com");
    server.signal("-HUP");
    server.wait_for("certificate read again: ");
    assert_eq!(get("b.example.com"), 200);
    let again = text_of("GET", "a.example.com", "/x", &[], b"");
    assert_eq!(open.send(again).read_response().status, 200, "a connection that was open stays so");

    // A key that is not the certificate's, as between two writes.
    let other = authority().issue(&["c.example.com".to_owned()]).expect("a certificate");
    std::fs::write(&key, other.key_pem()).expect("written");
    server.signal("-HUP");
    server.wait_for("certificate rejected: ");
    assert_eq!(get("b.example.com"), 200);
    let reloads =
        |result| server.admin().metric(&format!("nameplate_certificate_reloads_total{{result=\"{result}\"}}"));
    assert_eq!((reloads("ok"), reloads("rejected")), (1.0, 1.0));
}

#[test]
fn the_reload_command_is_sighup() {
    let api = Origin::ok();
    let server = server(&api).mapping(&pay()).settings("reload: { watch: false, poll: 60m }").start();
    server.replace_mapping(&mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")]));
    let told = server.reload(&[]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    server.wait_for("mapping reloaded: 2 entries, generation 2");
    assert_eq!(server.get("new.example.com"), 200);
}
