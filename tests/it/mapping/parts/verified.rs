//! Verified changes of a mapping in parts: what one part's API does holds up no other part.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Folder;
use crate::harness::Gate;
use crate::harness::origin::Origin;
use crate::harness::reply::Reply;
use crate::harness::server::{mapping, server};

/// A response as API Gateway sends it for an integration.
fn answered() -> Reply {
    Reply::with_headers(200, &[("x-amzn-requestid", "1-2-3"), ("x-amz-apigw-id", "abc=")], "{}")
}

#[test]
fn an_entry_that_is_held_holds_up_no_other_part_and_outlives_their_changes() {
    let api = Origin::start(|request| match request.target() {
        target if target.starts_with("/bad") => {
            Reply::with_headers(403, &[("x-amzn-errortype", "ForbiddenException")], "{\"message\":\"Forbidden\"}")
        }
        _ => answered(),
    });
    let settings = "mapping: parts\nreload: { watch: false, poll: 60m, cache: '', verify: true, verify_retry: 60m }";
    let builder = server(&api).settings(settings);
    let folder = Folder::of(&builder);
    folder.map("a.yaml", "a.example.com", "/old");
    folder.map("b.yaml", "b.example.com", "/old");
    let server = builder.start();
    assert_eq!(server.get("a.example.com"), 200);
    let prefix = |domain: &str| {
        let found = server.admin().get(&format!("/mapping?domain={domain}")).json()["found"]["entries"][0].clone();
        (found["prefix"].as_str().unwrap_or_default().to_owned(), found["part"].as_str().unwrap_or_default().to_owned())
    };
    let is_at = |a: &str, b: &str| {
        assert_eq!(prefix("a.example.com"), (a.to_owned(), "a.yaml".to_owned()));
        assert_eq!(prefix("b.example.com"), (b.to_owned(), "b.yaml".to_owned()));
    };

    folder.map("a.yaml", "a.example.com", "/bad");
    folder.map("b.yaml", "b.example.com", "/new");
    let told = server.reload(&[]);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(told.status.code(), Some(4), "{said}");
    for want in
        ["1 entry is held", "entry a.example.com of part a.yaml: ", "mapping held; all other entries are active"]
    {
        assert!(said.contains(want), "{want}: {said}");
    }
    is_at("/old", "/new");
    let shown = server.admin().mapping();
    assert_eq!((&shown["held"][0]["domain"], &shown["held"][0]["part"]), (&"a.example.com".into(), &"a.yaml".into()));
    assert_eq!((&shown["reloads"]["kind"], &shown["parts"][0]["held_entries"]), (&"entries".into(), &1.into()));
    assert!(shown["parts"].as_array().is_some_and(|parts| parts.iter().all(|part| part["error"].is_null())));

    // They are an error of whoever asks about that part, and of nobody else.
    let of_part = |name: &str| {
        let told = server.reload(&["--part", name]);
        (told.status.code(), String::from_utf8_lossy(&told.stderr).into_owned())
    };
    let (code, said) = of_part("b.yaml");
    assert!(code == Some(0) && said.starts_with("warning: 1 entry is held"), "{said}");
    let (code, said) = of_part("a.yaml");
    assert!(code == Some(4) && said.starts_with("error: 1 entry is held"), "{said}");
    let (code, said) = of_part("A.yaml");
    assert!(code == Some(1) && said.starts_with("the mapping has no part A.yaml"), "{said}");

    // Others change, and break, around it.
    folder.map("b.yaml", "b.example.com", "/newer");
    folder.write("c.yaml", "APIS: [");
    let told = server.reload(&[]);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(told.status.code(), Some(4), "the part is somebody else's: {said}");
    assert!(said.contains("part c.yaml rejected") && said.contains("error: 1 entry is held"), "{said}");
    assert_eq!(server.reload(&["--part", "c.yaml"]).status.code(), Some(1));
    is_at("/old", "/newer");

    folder.remove("c.yaml");
    folder.map("a.yaml", "a.example.com", "/good");
    assert!(server.reload(&[]).status.success());
    is_at("/good", "/newer");
    assert!(server.admin().mapping()["trouble"].is_null());
}

#[test]
fn consent_takes_what_is_held_of_a_part() {
    let api = Origin::start(|request| match request.target() {
        target if target.starts_with("/bad") => Reply::close(),
        _ => answered(),
    });
    let settings = "mapping: parts\nreload: { watch: false, poll: 60m, cache: '', verify: true, verify_retry: 60m }";
    let builder = server(&api).settings(settings);
    let folder = Folder::of(&builder);
    folder.map("a.yaml", "a.example.com", "/old");
    let server = builder.start();
    assert_eq!(server.get("a.example.com"), 200);
    folder.map("a.yaml", "a.example.com", "/bad");
    assert_eq!(server.reload(&[]).status.code(), Some(4));
    let taken = server.reload(&["--allow-unverified"]);
    let said = String::from_utf8_lossy(&[&taken.stdout[..], &taken.stderr[..]].concat()).into_owned();
    assert!(taken.status.success() && said.contains("mapping reloaded: 1 entries, generation 3"), "{said}");
    assert_eq!(server.get("a.example.com"), 502);
}

#[test]
fn consent_to_a_part_outlives_a_newer_mapping_that_replaces_the_one_being_verified() {
    let (gate, asked) = (Gate::default(), AtomicUsize::new(0));
    let open = gate.clone();
    let api = Origin::start(move |request| match request.target() {
        target if target.starts_with("/slow") && asked.fetch_add(1, Ordering::Relaxed) == 0 => {
            Reply::default().then_wait(&open).then_close()
        }
        _ => answered(),
    });
    let settings = "mapping: parts\nreload: { watch: false, poll: 60m, cache: '', verify: true, verify_retry: 60m }";
    let builder = server(&api).settings(settings);
    let folder = Folder::of(&builder);
    let domains = ["a.example.com", "a2.example.com", "a3.example.com", "a4.example.com"];
    folder.write("a.yaml", &mapping(&domains.map(|domain| (domain, "/old"))));
    folder.map("b.yaml", "b.example.com", "/old");
    let server = builder.start();
    assert_eq!(server.get("a3.example.com"), 200);
    folder.map("a.yaml", "a.example.com", "/slow");
    assert!(!server.reload(&["--part", "a.yaml"]).status.success(), "it removes too much");

    thread::scope(|scope| {
        let consented = scope.spawn(|| server.reload(&["--allow-shrink"]));
        api.wait_until(|requests| requests.iter().any(|request| request.target().starts_with("/slow")));
        folder.map("b.yaml", "b.example.com", "/new");
        let replaced = server.reload(&[]);
        assert!(replaced.status.success(), "{}", String::from_utf8_lossy(&replaced.stderr));
        assert!(consented.join().expect("an outcome").status.success());
    });
    assert_eq!((server.get("a.example.com"), server.get("a3.example.com")), (200, 421));
    gate.open();
}
