//! `nameplate reload`: it waits for what becomes of the mapping, and its exit code says it.

use std::net::TcpListener;
use std::process::Output;

use super::held_changes::{of, of_ten};
use crate::harness::origin::Origin;
use crate::harness::server::{mapping, nameplate, server};
use crate::harness::web::Page;

#[track_caller]
fn says(output: &Output, code: i32, wants: &[&str]) {
    let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(wants.iter().all(|want| text.contains(want)), "{wants:?} in {text}");
}

#[test]
fn it_ends_once_the_mapping_is_active() {
    let api = Origin::ok();
    let pay = mapping(&[("pay.example.com", "/prod")]);
    let server = server(&api).mapping(&pay).settings("reload: { watch: false, poll: 60m }").start();
    server.replace_mapping(&mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")]));
    says(&server.reload(&[]), 0, &["mapping reloaded: 2 entries, generation 2, version "]);
    assert_eq!(server.get("new.example.com"), 200);
    says(&server.reload(&[]), 0, &["mapping unchanged: 2 entries, generation 2, version "]);
    let reloads = server.admin().mapping()["reloads"].clone();
    assert_eq!((&reloads["begun"], &reloads["ended"], &reloads["result"]), (&2.into(), &2.into(), &"unchanged".into()));
}

#[test]
fn a_rejected_mapping_is_1_with_its_diagnostics() {
    let api = Origin::ok();
    let pay = mapping(&[("pay.example.com", "/prod")]);
    let server = server(&api).mapping(&pay).settings("reload: { watch: false, poll: 60m }").start();
    server.replace_mapping(&format!("{pay}  - CUSTOM_DOMAIN_URL: a b\n"));
    let wants = ["mapping.yaml:", ": error: ", "help: ", "mapping rejected; the active mapping is unchanged\n"];
    says(&server.reload(&[]), 1, &wants);
    // The same again: it was not read a second time, and is no better for it.
    says(&server.reload(&[]), 1, &wants);
    assert_eq!(server.get("pay.example.com"), 200);
}

#[test]
fn a_held_mapping_is_4_and_0_once_it_is_allowed() {
    let api = Origin::ok();
    let (web, server) = of_ten(&api, "");
    web.answers(Page::text(&of(0..4)));
    let held = ["removes 6 of 10 domains", "--allow-shrink", "mapping held; the active mapping is unchanged\n"];
    says(&server.reload(&[]), 4, &held);
    assert_eq!(server.get("d9.example.com"), 200);
    says(&server.reload(&["--allow-shrink"]), 0, &["mapping reloaded: 4 entries, generation 2"]);
    assert_eq!(server.get("d9.example.com"), 421);
}

#[test]
fn a_source_that_cannot_be_read_is_2() {
    let api = Origin::ok();
    let (web, server) = of_ten(&api, "");
    web.answers(Page::status(500, "down"));
    says(&server.reload(&[]), 2, &["the mapping cannot be read: ", "500", "the active mapping is unchanged\n"]);
}

#[test]
fn an_outcome_that_nobody_tells_is_2_and_the_process_was_told() {
    let api = Origin::ok();
    let pay = mapping(&[("pay.example.com", "/prod")]);
    let server = server(&api).mapping(&pay).settings("reload: { watch: false, poll: 60m }").start();
    assert_eq!(server.get("pay.example.com"), 200);
    server.replace_mapping(&mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")]));
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port").to_string();
    let pid = server.pid().to_string();
    let unknown = nameplate(&["reload", "--pid", &pid, "--admin", &nobody]);
    says(&unknown, 2, &["the outcome is not known: ", "Connection refused", "help: its log tells it; say --admin"]);
    server.wait_for("mapping reloaded: 2 entries, generation 2");

    server.replace_mapping(&pay);
    let told = format!("told process {pid} to reload; its log and /mapping tell the outcome\n");
    says(&nameplate(&["reload", "--pid", &pid, "--no-wait"]), 0, &[&told]);
    server.wait_for("mapping reloaded: 1 entries, generation 3");
}
