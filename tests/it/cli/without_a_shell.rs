//! What a container needs: settings without a file, and a health check without a shell.

use std::net::TcpListener;
use std::process::{Command, Output};

use crate::harness::origin::Origin;
use crate::harness::server::{mapping, nameplate, server};

fn pay() -> String {
    mapping(&[("pay.example.com", "/prod")])
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8_lossy(&text).trim().to_owned())
}

#[test]
fn settings_come_from_the_environment_where_there_is_no_file() {
    let api = Origin::ok();
    let server = server(&api).mapping(&pay()).settings("limits: { url: 100 }").without_a_file().start();
    assert_eq!(server.get("pay.example.com"), 200);
    assert_eq!(server.get_from("pay.example.com", &"/long".repeat(50)), 414, "the limit is the environment's");
}

#[test]
fn a_fault_in_them_is_no_start_and_shows_its_place_but_not_the_text() {
    let output = Command::new(env!("CARGO_BIN_EXE_nameplate"))
        .arg("serve")
        .env_clear()
        .env("NAMEPLATE_SETTINGS", "{\"admin\": \"127.0.0.1:0\", \"listener\": \"s3cret\"}")
        .output()
        .expect("the binary runs");
    let (code, said) = said(&output);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("<settings>:1:") && said.contains("unknown key `listener`"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn a_file_and_the_environment_together_are_one_too_many() {
    let output = Command::new(env!("CARGO_BIN_EXE_nameplate"))
        .args(["serve", "--config", "conf/nameplate.yaml"])
        .env_clear()
        .env("NAMEPLATE_SETTINGS", "threads: 1")
        .output()
        .expect("the binary runs");
    let (code, said) = said(&output);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--config <FILE> and NAMEPLATE_SETTINGS: both give settings"), "{said}");
}

#[test]
fn the_health_check_is_0_while_the_process_lives() {
    let api = Origin::ok();
    let server = server(&api).mapping(&pay()).start();
    assert_eq!(server.get("pay.example.com"), 200);
    let admin = server.admin().0.to_string();
    assert_eq!(said(&nameplate(&["healthcheck", "--admin", &admin])), (Some(0), "ok".into()));
    let (code, ready) = said(&nameplate(&["healthcheck", "--ready", "--admin", &admin]));
    assert_eq!(code, Some(0), "{ready}");
}

#[test]
fn it_finds_the_admin_listener_in_the_settings_the_proxy_has() {
    let api = Origin::ok();
    let server = server(&api).mapping(&pay()).start();
    assert_eq!(server.get("pay.example.com"), 200);
    let settings = format!("{{\"admin\": \"0.0.0.0:{}\"}}", server.admin().0.port());
    let output = Command::new(env!("CARGO_BIN_EXE_nameplate"))
        .arg("healthcheck")
        .env_clear()
        .env("NAMEPLATE_SETTINGS", settings)
        .output()
        .expect("the binary runs");
    assert_eq!(said(&output), (Some(0), "ok".into()));
}

#[test]
fn a_process_that_is_alive_and_not_ready_is_kept() {
    let api = Origin::ok();
    // Nothing is in force: the source is a port that nobody listens on.
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let source = format!("mapping: http://{nobody}/mapping\nreload: {{ cache: '', timeout: 1s }}");
    let server = server(&api).settings(&source).start();
    server.wait_for("admin pages on");
    let admin = server.admin().0.to_string();
    assert_eq!(said(&nameplate(&["healthcheck", "--admin", &admin])).0, Some(0));
    let (code, ready) = said(&nameplate(&["healthcheck", "--ready", "--admin", &admin]));
    assert_eq!(code, Some(1), "{ready}");
    assert!(ready.contains("/readyz: 503: "), "{ready}");
}

#[test]
fn nobody_there_is_1_and_says_where_it_looked() {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let (code, said) = said(&nameplate(&["healthcheck", "--admin", &nobody.to_string()]));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with(&format!("http://{nobody}/livez: Connection refused")), "{said}");
}

#[test]
fn somebody_who_does_not_answer_is_1_when_the_time_is_up() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let (code, said) = said(&nameplate(&["healthcheck", "--admin", &address, "--timeout", "200ms"]));
    assert_eq!((code, said.contains("no answer in 200ms")), (Some(1), true), "{said}");
}
