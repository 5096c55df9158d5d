//! The operational log of the binary: its forms, its level, and nobody who reads it.

use crate::harness::client::{self, Client, is_refusal};
use crate::harness::origin::Origin;
use crate::harness::server::{Server, ServerBuilder, mapping, replace, server};

const LOST: &str = "nameplate_log_lines_dropped_total{log=\"operational\"}";
/// A line at `debug`, one for each time [`malformed`] is sent.
const DETAIL: &str = "refused before its request was known";

fn pay(api: &Origin) -> ServerBuilder {
    server(api).mapping(&mapping(&[("pay.example.com", "/prod")])).settings("reload: { watch: false, poll: 60m }")
}

/// What is answered without a word in the log at `info`.
fn malformed(server: &Server) {
    is_refusal(&Client::connect(server.address()).send("what?\r\n\r\n").read_response(), 400, "malformed_message");
}

/// Sets `log: level` in the settings file.
fn set_level(server: &Server, from: &str, to: &str) {
    let file = server.path("nameplate.yaml");
    let text = std::fs::read_to_string(&file).expect("the settings");
    let (from, to) = (format!("level: '{from}'"), format!("level: '{to}'"));
    assert!(text.contains(&from), "{text}");
    replace(&file, &text.replace(&from, &to));
}

#[test]
fn json_is_one_object_a_line() {
    let api = Origin::ok();
    let server = pay(&api).settings("log: { format: json }").start();
    server.save_mapping("APIS:\n  - CUSTOM_DOMAIN_URL: pay.example.com\n    VERB: \"GET\"\n");
    server.signal("-HUP");
    server.wait_for("mapping rejected");
    assert_eq!(server.get("pay.example.com"), 200);
    for line in server.said() {
        let object: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let names: Vec<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(names, ["level", "message", "target", "time"], "{line}");
        let (time, target) = (object["time"].as_str().expect(&line), object["target"].as_str().expect(&line));
        assert!(time.len() == "2026-01-02T03:04:05.678Z".len() && time.ends_with('Z'), "{line}");
        assert!(target.starts_with("nameplate"), "{line}");
    }
    // Several lines of text, with quotes, in one.
    let rejected = server.wait_for("mapping rejected");
    let message = serde_json::from_str::<serde_json::Value>(&rejected).expect("JSON")["message"].to_string();
    assert!(message.contains("mapping.yaml:3:5: error: ") && message.contains("help: "), "{message}");
}

#[test]
fn the_level_is_read_again_on_a_word_and_a_broken_one_changes_nothing() {
    let api = Origin::ok();
    let server = pay(&api).settings("log: { level: 'info' }").start();
    malformed(&server);
    set_level(&server, "info", "debug");
    server.signal("-HUP");
    server.wait_for("log level is now debug");
    assert_eq!(server.times_said(DETAIL), 0);

    malformed(&server);
    server.wait_for(DETAIL);
    set_level(&server, "debug", "loud");
    server.signal("-HUP");
    server.wait_for("`loud` is not a level");
    assert_eq!(server.times_said("settings rejected: "), 1);
    malformed(&server);
    server.wait_for_times(DETAIL, 2);

    set_level(&server, "loud", "warn,nameplate=warn");
    let told = server.reload(&[]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    server.wait_for("log level is now warn,nameplate=warn");
    malformed(&server);
    // Said at `info`, and after the one above.
    set_level(&server, "warn,nameplate=warn", "info");
    server.signal("-USR1");
    server.wait_for("log level is now info");
    assert_eq!(server.times_said(DETAIL), 2);
    assert_eq!(server.get("pay.example.com"), 200);
}

#[test]
fn the_environment_outranks_the_file_whenever_it_is_read() {
    let api = Origin::ok();
    let server = pay(&api).settings("log: { level: 'error' }").environment("NAMEPLATE_LOG", "debug").start();
    malformed(&server);
    server.wait_for(DETAIL);
    set_level(&server, "error", "off");
    server.signal("-HUP");
    server.admin().wait_for_metric("nameplate_mapping_reloads_total{result=\"unchanged\"}", 1.0);
    malformed(&server);
    server.wait_for_times(DETAIL, 2);
    assert_eq!(server.times_said("log level is now"), 0);
}

#[test]
fn an_environment_that_says_no_level_is_no_start() {
    let api = Origin::ok();
    let mut server = pay(&api).environment("NAMEPLATE_LOG", "inof").start();
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("error: NAMEPLATE_LOG: `inof` is not a level\n  help: write `off`"), "{said}");
}

#[test]
fn a_log_that_nobody_reads_holds_up_no_request() {
    let api = Origin::ok();
    let server = pay(&api).settings("log: { level: 'trace,nameplate=trace' }").start();
    let address = server.address();
    assert_eq!(server.admin().metric(LOST), 0.0);
    server.hold_log();
    // The pipe fills, then the queue, then lines are lost.
    let pages = server.admin();
    let mut requests = 0;
    while pages.metric(LOST) == 0.0 {
        for _ in 0..50 {
            assert_eq!(client::get(address, "pay.example.com", "/x").status, 200);
        }
        requests += 50;
        assert!(requests < 10_000, "no line is lost");
    }
    server.release_log();
    server.wait_for("lines were dropped because standard error was not read");
}
