//! Files that do not answer, as on a network file system that has gone: a named pipe that nobody writes to stands for
//! one, because opening it takes for ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::harness::PATIENCE;
use crate::harness::dns::{Answer, Dns};
use crate::harness::origin::Origin;
use crate::harness::server::{Server, certify, mapping, replace, server};
use crate::harness::web::{Page, Web};

const FAILED: &str = "nameplate_mapping_reloads_total{result=\"failed\"}";

/// Puts a pipe in the place of a file; it stays under the name that is returned, too.
fn hang(path: &Path) -> PathBuf {
    let pipe = path.with_extension("pipe");
    let _ = fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let link = path.with_extension("link");
    fs::hard_link(&pipe, &link).expect("a link");
    fs::rename(&link, path).expect("replaced");
    pipe
}

/// Lets everybody go who waits for a pipe.
fn release(pipe: &Path) {
    drop(fs::OpenOptions::new().write(true).open(pipe).expect("somebody waits for it"));
}

/// How many threads of the process wait for files.
fn waiting(server: &Server) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("a process").flatten();
    tasks.filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "files")).count()
}

/// The file in a cache, once there is one.
#[track_caller]
fn cached_in(folder: &Path) -> PathBuf {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let mut found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        if let Some(kept) = found.find(|path| path.extension().is_some_and(|end| end == "cache")) {
            return kept;
        }
        assert!(Instant::now() < give_up, "nothing is cached");
    }
}

#[track_caller]
fn stops_in_time(mut server: Server) {
    server.signal("-TERM");
    let (status, said) = server.wait_for_end();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn a_key_that_does_not_answer_holds_up_nothing_else() {
    let (api, dns) = (Origin::ok(), Dns::start(Answer::loopback(&[1], 0)));
    let nameserver = dns.address();
    let builder = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")])).settings(&format!(
        "listeners:\n  - {{ address: '127.0.0.1:0', tls: {{ certificate: server.pem, key: server.key }} }}\nadmin: \
         127.0.0.1:0\nreload: {{ timeout: 500ms }}\nendpoints: {{ other: {{ name: other.example.com, min_ttl: 100ms, \
         ip_family: ipv4, nameservers: ['{nameserver}'] }} }}"
    ));
    let key = builder.path("server.key");
    certify(&builder.path("server.pem"), &key, "pay.example.com");
    let server = builder.start();
    let admin = server.admin();

    let pipe = hang(&key);
    server.wait_for("certificate not read: ");
    assert_eq!((admin.get("/livez").status, admin.get("/readyz").status), (200, 200));
    let asked = dns.asked().len();
    dns.wait_until_asked(asked + 3);
    // Neither the next look nor an order begins another thread, and an order for the mapping is carried out.
    server.signal("-HUP");
    admin.wait_for_at_least("nameplate_mapping_reloads_total{result=\"unchanged\"}", 1.0);
    assert_eq!(waiting(&server), 1);

    // The file system is back.
    certify(&server.path("new.pem"), &server.path("new.key"), "pay.example.com");
    fs::rename(server.path("new.pem"), server.path("server.pem")).expect("replaced");
    fs::rename(server.path("new.key"), &key).expect("replaced");
    release(&pipe);
    server.wait_for("certificate read again: ");
    stops_in_time(server);
}

#[test]
fn a_process_whose_key_does_not_answer_stops_when_it_is_told() {
    let api = Origin::ok();
    let builder = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")])).settings(
        "listeners:\n  - { address: '127.0.0.1:0', tls: { certificate: server.pem, key: server.key } }\nadmin: \
         127.0.0.1:0\nreload: { timeout: 500ms }",
    );
    let key = builder.path("server.key");
    certify(&builder.path("server.pem"), &key, "pay.example.com");
    let server = builder.start();
    server.wait_for("admin pages on");
    hang(&key);
    server.wait_for("certificate not read: ");
    stops_in_time(server);
}

#[test]
fn a_mapping_that_does_not_answer_is_read_when_it_does() {
    let api = Origin::ok();
    let server = server(&api)
        .mapping(&mapping(&[("pay.example.com", "/prod")]))
        .settings("reload: { poll: 1s, timeout: 300ms }")
        .start();
    let admin = server.admin();
    let pipe = hang(&server.path("mapping.yaml"));
    admin.wait_for_at_least(FAILED, 2.0);
    server.wait_for("no answer within 300ms");
    assert_eq!((admin.get("/livez").status, server.get("pay.example.com"), waiting(&server)), (200, 200, 1));

    replace(&server.path("mapping.yaml"), &mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")]));
    release(&pipe);
    admin.wait_for_metric("nameplate_mapping_domains", 2.0);
    assert_eq!(server.get("new.example.com"), 200);
    // Every look at the file is by a thread of its own, which ends.
    let give_up = Instant::now() + PATIENCE;
    while waiting(&server) > 0 {
        assert!(Instant::now() < give_up, "a thread still waits for a file");
    }

    let failed = admin.metric(FAILED);
    hang(&server.path("mapping.yaml"));
    admin.wait_for_at_least(FAILED, failed + 1.0);
    stops_in_time(server);
}

#[test]
fn settings_that_do_not_answer_hold_up_no_stop() {
    let api = Origin::ok();
    let server = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")])).start();
    assert_eq!(server.get("pay.example.com"), 200);
    hang(&server.path("nameplate.yaml"));
    server.signal("-HUP");
    let give_up = Instant::now() + PATIENCE;
    while waiting(&server) == 0 {
        assert!(Instant::now() < give_up, "nobody reads the settings");
    }
    stops_in_time(server);
}

#[test]
fn a_cache_that_does_not_answer_holds_up_no_change() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&mapping(&[("pay.example.com", "/prod")]))));
    let settings = format!("mapping: {}\nreload: {{ poll: 1s, timeout: 300ms, cache: cache }}", web.url("/m"));
    let server = server(&api).settings(&settings).start();
    let kept = cached_in(&server.path("cache"));
    // What confirms the mapping opens the file to write to it, which takes as long as nobody reads.
    hang(&kept);
    server.wait_for("the cache does not answer");
    for domains in 2..4 {
        let names: Vec<String> = (0..domains).map(|number| format!("d{number}.example.com")).collect();
        let entries: Vec<_> =
            names.iter().map(|name| (name.as_str(), "/prod")).chain([("pay.example.com", "/p")]).collect();
        web.answers(Page::text(&mapping(&entries)));
        server.admin().wait_for_metric("nameplate_mapping_domains", f64::from(domains) + 1.0);
    }
    assert_eq!(waiting(&server), 1);
    stops_in_time(server);
}

#[test]
fn a_cache_that_does_not_answer_holds_up_no_start() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&mapping(&[("pay.example.com", "/prod")]))));
    let folder = tempfile::tempdir().expect("a folder");
    let start = || {
        let cache = folder.path().display();
        let reload = format!("reload: {{ poll: 1s, timeout: 300ms, cache: '{cache}' }}");
        server(&api).settings(&format!("mapping: {}\n{reload}", web.url("/m"))).start()
    };
    let first = start();
    let kept = cached_in(folder.path());
    stops_in_time(first);

    hang(&kept);
    web.answers(Page::status(500, "away"));
    let server = start();
    server.wait_for("the cached mapping cannot be used: ");
    assert_eq!((server.admin().get("/livez").status, server.admin().get("/readyz").status), (200, 503));
    web.answers(Page::text(&mapping(&[("pay.example.com", "/prod")])));
    server.admin().wait_for_metric("nameplate_mapping_domains", 1.0);
    stops_in_time(server);
}
