//! A thousand changes while requests go on.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::harness::Gate;
use crate::harness::client::{Client, text_of};
use crate::harness::origin::Origin;
use crate::harness::reply::Reply;
use crate::harness::server::{Server, mapping};

const RELOADS: usize = 1_000;
/// After so many, memory has settled.
const SETTLED: usize = 300;
/// What the allocator may keep more at one time than at another; 700 leaked tables would be more.
const SLACK: f64 = 4e6;
const ENTRIES: usize = 100;

fn text(generation: usize) -> String {
    let names: Vec<_> = (0..ENTRIES).map(|n| format!("d{n}.example.com")).collect();
    let new = format!("new{generation}.example.com");
    let mut entries: Vec<_> = names.iter().map(|name| (name.as_str(), "/prod")).collect();
    entries.extend([("pay.example.com", "/prod"), (new.as_str(), "/v2")]);
    mapping(&entries)
}

/// Says stop when the story ends, also when it fails.
struct Stop<'f>(&'f AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_thousand_reloads_under_load_drop_no_request_and_leave_nothing_behind() {
    let api = Origin::ok();
    // Each client keeps its one connection.
    let server =
        Server::start(&text(1), &api, "reload: { poll: 60m }\nclient: { requests_per_connection: 1000000000 }");
    let (address, admin) = (server.address(), server.admin());
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let get = text_of("GET", "pay.example.com", "/x", &[], b"");
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::connect(address);
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(client.send(&get).read_response().status, 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut settled = 0.0;
        let mut versions = HashSet::new();
        for generation in 2..=RELOADS + 1 {
            server.replace_mapping(&text(generation));
            admin.wait_for_metric("nameplate_mapping_generation", generation as f64);
            if generation % 100 == 0 {
                assert_eq!(server.get(&format!("new{generation}.example.com")), 200);
                assert_eq!(server.get(&format!("new{}.example.com", generation - 1)), 421);
                versions.insert(admin.mapping()["version"].to_string());
            }
            if generation == SETTLED {
                settled = admin.metric("process_resident_memory_bytes");
            }
        }
        assert_eq!(versions.len(), RELOADS / 100);
        let grown = admin.metric("process_resident_memory_bytes") - settled;
        assert!(grown < SLACK, "{grown} bytes more than after {SETTLED} reloads");
    });
    assert_eq!(
        (admin.reloads("ok"), admin.metric("nameplate_mapping_generation")),
        (RELOADS as f64 + 1.0, RELOADS as f64 + 1.0)
    );
    assert_eq!((admin.reloads("rejected"), admin.reloads("held"), admin.reloads("failed")), (0.0, 0.0, 0.0));
    // Tables that were replaced go with the last request that read them.
    admin.wait_for_metric("nameplate_mapping_tables", 1.0);
    // Not requests by domain: what a domain counted goes with it.
    let answered = answered.load(Ordering::Relaxed) as f64;
    admin.wait_for_at_least("nameplate_request_duration_seconds_count", answered);
}

/// A client that takes its time with a long response holds its entry, and no table.
#[test]
fn a_long_response_lets_a_replaced_table_go() {
    let (more, rest) = (Gate::default(), Gate::default());
    let (held_more, held_rest) = (more.clone(), rest.clone());
    let api = Origin::start(move |request| match request.target() {
        "/prod/long" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na")
            .then_wait(&held_more)
            .then_raw("b")
            .then_wait(&held_rest)
            .then_raw("c"),
        _ => Reply::json(200, "{}"),
    });
    let text = |domains: usize| {
        let names: Vec<String> = (0..domains).map(|n| format!("d{n}.example.com")).collect();
        mapping(&names.iter().map(|name| (name.as_str(), "/prod")).collect::<Vec<_>>())
    };
    let server = Server::start(&text(1), &api, "");
    let admin = server.admin();
    let mut client = server.client();
    client.send(text_of("GET", "d0.example.com", "/long", &[], b""));
    assert_eq!(client.read_head().status, 200);
    client.read_exact(1);
    server.replace_mapping(&text(2));
    admin.wait_for_metric("nameplate_mapping_generation", 2.0);
    admin.wait_for_metric("nameplate_mapping_tables", 2.0);
    more.open();
    client.read_exact(1);
    admin.wait_for_metric("nameplate_mapping_tables", 1.0);
    rest.open();
    client.read_exact(1);
    admin.wait_for_metric("nameplate_requests_total{domain=\"d0.example.com\",code=\"200\"}", 1.0);
}
