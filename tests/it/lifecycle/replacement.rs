//! A process ends, or gives way to another one, while requests keep coming.

use std::process::Command;

use crate::harness::Gate;
use crate::harness::client::{Client, text_of};
use crate::harness::http2::Call;
use crate::harness::load::{Load, Outcome};
use crate::harness::origin::Origin;
use crate::harness::proxy::proxy;
use crate::harness::reply::Reply;
use crate::harness::server::{Server, mapping, server};

fn pay() -> String {
    mapping(&[("pay.example.com", "/prod")])
}

/// More than a few requests, so that each client has had several.
const SOME: usize = 200;

#[track_caller]
fn nothing_failed(outcome: &Outcome) {
    assert!(outcome.failures.is_empty(), "{outcome:?}");
    assert!(outcome.answered > SOME, "{outcome:?}");
}

/// On a busy machine the kernel may take seconds to close what watches a folder, which is not what these
/// stories are about.
const NO_WATCH: &str = "reload: { watch: false }\n";

/// Two processes in turn, the second of which takes over from the first.
fn upgradable(api: &Origin) -> Server {
    let builder = server(api).mapping(&pay());
    let socket = builder.path("upgrade.sock");
    let shutdown = format!("shutdown: {{ delay: 200ms, grace_period: 8s, upgrade_socket: '{}' }}\n", socket.display());
    builder.settings(&(shutdown + NO_WATCH)).start()
}

#[test]
fn no_request_fails_while_a_task_drains() {
    let api = Origin::ok();
    let one = Server::start(&pay(), &api, &(NO_WATCH.to_owned() + "shutdown: { delay: 500ms }"));
    let other = Server::start(&pay(), &api, "");
    let load = Load::start(one.address(), "pay.example.com", 8);
    load.wait_for(SOME);
    // What a load balancer does first: new connections go elsewhere.
    load.turn_to(other.address());
    let mut one = one;
    one.signal("-TERM");
    let (status, said) = one.wait_for_end();
    load.wait_for(SOME);
    let outcome = load.stop();
    nothing_failed(&outcome);
    assert_eq!(outcome.told, 8, "each client was told once that its connection ends");
    assert!(status.success() && said.ends_with("stopped; nothing was left in flight"), "{said}");
}

#[test]
fn no_request_fails_while_a_process_takes_over() {
    let api = Origin::ok();
    let mut old = upgradable(&api);
    let load = Load::start(old.address(), "pay.example.com", 8);
    load.wait_for(SOME);
    let new = old.start_upgrade();
    new.wait_for("ready to take over");
    old.signal("-QUIT");
    new.wait_for("admin pages on");
    assert_eq!((new.address(), new.admin().0), (old.address(), old.admin().0), "the same sockets");
    let (status, said) = old.wait_for_end();
    assert!(status.success() && said.contains("replaced: another process accepts connections"), "{said}");
    load.wait_for(SOME);
    nothing_failed(&load.stop());
    assert!(new.admin().metric("nameplate_requests_total") > SOME as f64 / 2.0);
}

#[test]
fn it_can_be_done_again_and_again() {
    let api = Origin::ok();
    let mut old = upgradable(&api);
    let load = Load::start(old.address(), "pay.example.com", 4);
    for _ in 0..3 {
        let new = old.start_upgrade();
        new.wait_for("ready to take over");
        old.signal("-QUIT");
        new.wait_for("admin pages on");
        assert!(old.wait_for_end().0.success());
        old = new;
        load.wait_for(SOME);
    }
    nothing_failed(&load.stop());
}

#[test]
fn a_request_in_flight_is_finished_by_the_process_that_began_it() {
    let gate = Gate::default();
    let slow = Reply::default().then_wait(&gate).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    let api = Origin::start(
        move |request| {
            if request.target() == "/prod/slow" { slow.clone() } else { Reply::json(200, "{}") }
        },
    );
    let mut old = upgradable(&api);
    let mut client = Client::connect(old.address());
    client.send(text_of("GET", "pay.example.com", "/slow", &[], b""));
    api.wait_for_requests(1);
    let new = old.start_upgrade();
    new.wait_for("ready to take over");
    old.signal("-QUIT");
    new.wait_for("admin pages on");
    assert_eq!(new.get("pay.example.com"), 200);
    gate.open();
    let answer = client.read_response();
    assert_eq!((answer.text().as_str(), answer.all("connection")), ("old", vec!["close"]));
    assert!(old.wait_for_end().0.success());
}

#[test]
fn without_somebody_who_takes_over_it_serves_on() {
    let api = Origin::ok();
    let mut server = upgradable(&api);
    server.signal("-QUIT");
    server.wait_for("this process serves on");
    assert_eq!(server.get("pay.example.com"), 200);
    server.signal("-TERM");
    assert!(server.wait_for_end().0.success());
}

#[test]
fn a_process_that_takes_over_needs_a_place_to_wait_at() {
    let api = Origin::ok();
    let server = Server::start(&pay(), &api, "");
    let (status, said) = server.start_upgrade().wait_for_end();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("upgrade: the setting `shutdown: upgrade_socket` says not where"), "{said}");
    assert_eq!(server.get("pay.example.com"), 200);
}

// An HTTP/2 client outside of its calls answers nothing, not even the ping that comes with a GOAWAY.
#[test]
fn a_client_that_is_deaf_to_goaway_holds_a_stop_up_for_a_moment_only() {
    let api = Origin::ok();
    let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api);
    let proxy = proxy.settings("shutdown: { grace_period: 60s }").start();
    let mut deaf = proxy.http2();
    assert_eq!(deaf.call(Call::get("pay.example.com", "/")).expect("an answer").status, 200);
    let began = std::time::Instant::now();
    assert_eq!(proxy.stop(), 0);
    assert!(began.elapsed() < crate::harness::PATIENCE, "{:?}", began.elapsed());
}

/// As the first process of a namespace a signal without a handler does nothing, and orphans are its own.
#[test]
fn as_pid_1_it_stops_on_sigterm() {
    let unshare = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child"]).args(words);
        command
    };
    if !unshare(&["true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("no namespaces can be made here: what happens as PID 1 is left out");
        return;
    }
    let api = Origin::ok();
    let mut server = server(&api).mapping(&pay()).settings(NO_WATCH).start_under(unshare(&[]));
    assert_eq!(server.get("pay.example.com"), 200);
    // `unshare` waits for its child, which is 1 inside, and passes no signal on.
    server.signal_child("-TERM");
    let (status, said) = server.wait_for_end();
    assert!(status.success() && said.ends_with("stopped; nothing was left in flight"), "{said}");
}
