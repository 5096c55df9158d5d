//! A process that is told to stop while it hands its sockets over, while it is replaced, and while it waits to replace.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::harness::client::{Client, text_of};
use crate::harness::origin::Origin;
use crate::harness::reply::Reply;
use crate::harness::server::{Server, mapping, server};
use crate::harness::{Gate, PATIENCE};

/// A server with a place to hand its sockets over at, and a request in flight that ends when the gate opens.
fn with_a_request_in_flight() -> (Origin, Server, Client, Gate) {
    let gate = Gate::default();
    let slow = Reply::default().then_wait(&gate).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    let api = Origin::start(
        move |request| {
            if request.target() == "/prod/slow" { slow.clone() } else { Reply::json(200, "{}") }
        },
    );
    let builder = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")]));
    let socket = builder.path("upgrade.sock");
    let shutdown = format!("shutdown: {{ delay: 0s, grace_period: 60s, upgrade_socket: '{}' }}\n", socket.display());
    let server = builder.settings(&(shutdown + "reload: { watch: false }\n")).start();
    let mut client = server.client();
    client.send(text_of("GET", "pay.example.com", "/slow", &[], b""));
    api.wait_for_requests(1);
    (api, server, client, gate)
}

/// Sends a signal to a process that is not up yet.
#[track_caller]
fn kill(server: &Server, signal: &str) {
    let sent = Command::new("kill").args([signal, &server.pid().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

#[track_caller]
fn finishes(mut server: Server, mut client: Client, gate: &Gate) {
    gate.open();
    assert_eq!(client.read_response().text(), "late");
    let (status, said) = server.wait_for_end();
    assert!(status.success() && said.ends_with("stopped; nothing was left in flight"), "{said}");
}

/// The process that should take over has got the sockets, and never says that it serves.
#[test]
fn while_it_hands_over_it_drains() {
    for signal in ["-TERM", "-INT"] {
        let (_api, server, client, gate) = with_a_request_in_flight();
        let place = UnixListener::bind(server.path("upgrade.sock")).expect("a place");
        server.signal("-QUIT");
        let (mut old, _) = place.accept().expect("the old process");
        old.set_read_timeout(Some(PATIENCE)).expect("set");
        old.read_exact(&mut [0; 8]).expect("the names of its sockets");
        server.signal(signal);
        server.wait_for("stopping: readiness fails now");
        finishes(server, client, &gate);
    }
}

#[test]
fn after_it_was_replaced_it_finishes_too() {
    let (_api, server, client, gate) = with_a_request_in_flight();
    let new = server.start_upgrade();
    new.wait_for("ready to take over");
    server.signal("-QUIT");
    new.wait_for("admin pages on");
    server.wait_for("replaced: ");
    // What a supervisor sends to the process it has started, whether that has gone already or not.
    server.signal("-TERM");
    server.wait_for("told to stop: this process stops already");
    finishes(server, client, &gate);
    assert_eq!(new.get("pay.example.com"), 200);
}

#[test]
fn after_it_was_replaced_a_second_signal_ends_it_at_once() {
    let (_api, mut server, _client, gate) = with_a_request_in_flight();
    let new = server.start_upgrade();
    new.wait_for("ready to take over");
    server.signal("-QUIT");
    server.wait_for("replaced: ");
    server.signal("-TERM");
    server.wait_for("told to stop: this process stops already");
    server.signal("-TERM");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(1), "{said}");
    gate.open();
}

#[test]
fn while_it_waits_to_take_over_it_ends() {
    for signal in ["-TERM", "-INT"] {
        let (_api, server, client, gate) = with_a_request_in_flight();
        let mut new = server.start_upgrade();
        new.wait_for("ready to take over");
        let mode = std::fs::metadata(server.path("upgrade.sock")).expect("a socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only this user reaches it");
        kill(&new, signal);
        let (status, said) = new.wait_for_end();
        assert!(status.success() && said.ends_with("stopped before another process handed its sockets over"), "{said}");
        assert!(!server.path("upgrade.sock").exists());
        // The other one never noticed.
        assert_eq!(server.get("pay.example.com"), 200);
        server.signal("-TERM");
        finishes(server, client, &gate);
    }
}
