//! A start while the source is away.

use std::fs;
use std::path::Path;

use super::GENERATION;
use crate::harness::origin::Origin;
use crate::harness::server::{Server, ServerBuilder, mapping, server};
use crate::harness::web::{Page, Web};

fn old() -> String {
    mapping(&[("pay.example.com", "/prod")])
}

fn new() -> String {
    mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")])
}

fn reading(api: &Origin, web: &Web, cache: &Path) -> ServerBuilder {
    let reload = format!("reload: {{ poll: 1s, cache: '{}' }}", cache.display());
    server(api).settings(&format!("mapping: {}\n{reload}", web.url("/mapping")))
}

/// A cache that holds the old mapping, from a process that ended.
fn filled(api: &Origin, web: &Web, cache: &Path) {
    let mut server = reading(api, web, cache).start();
    assert_eq!(server.get("pay.example.com"), 200);
    // It is written after the start, and before the source is asked again.
    web.wait_until_asked(2);
    server.signal("-TERM");
    assert_eq!(server.wait_for_end().0.code(), Some(0));
    assert_eq!(fs::read_dir(cache).expect("a folder").count(), 1);
}

fn from_cache(server: &Server) -> f64 {
    server.admin().metric("nameplate_mapping_from_cache")
}

#[test]
fn the_last_good_mapping_serves_until_the_source_is_back() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("deep/cache");
    filled(&api, &web, &cache);

    web.answers(Page::status(500, "away"));
    let server = reading(&api, &web, &cache).start();
    assert_eq!((server.get("pay.example.com"), from_cache(&server)), (200, 1.0));
    let ready = server.admin().get("/readyz");
    assert!(ready.text().starts_with("ready\nmapping: from the cache; the source last had it "), "{}", ready.text());
    assert_eq!((ready.status, server.admin().mapping()["origin"].as_str()), (200, Some("cache")));

    web.answers(Page::text(&old()));
    server.admin().wait_for_metric("nameplate_mapping_from_cache", 0.0);
    assert_eq!((server.admin().metric(GENERATION), server.admin().get("/readyz").text()), (1.0, "ready\n".into()));
    web.answers(Page::text(&new()));
    super::expect_served(&server, 2.0, "new.example.com");
}

#[test]
fn without_one_the_process_waits_unready_and_does_not_end() {
    let (api, web) = (Origin::ok(), Web::start(Page::status(500, "away")));
    let folder = tempfile::tempdir().expect("a folder");
    let server = reading(&api, &web, folder.path()).start();
    assert_eq!(server.get("pay.example.com"), 503);
    let ready = server.admin().get("/readyz");
    assert!(ready.status == 503 && ready.text().starts_with("mapping: none is in force\n"), "{}", ready.text());
    assert_eq!(server.admin().get("/livez").status, 200);
    server.admin().wait_for_metric("nameplate_refusals_total{reason=\"no_mapping\"}", 1.0);
    server.wait_for("no mapping yet: requests are answered 503 until");

    web.answers(Page::text(&old()));
    super::expect_served(&server, 1.0, "pay.example.com");
    assert_eq!(server.admin().get("/readyz").text(), "ready\n");
}

#[test]
fn a_broken_mapping_at_the_source_is_no_reason_not_to_start() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let folder = tempfile::tempdir().expect("a folder");
    filled(&api, &web, folder.path());
    web.answers(Page::text("APIS: [oops"));
    let server = reading(&api, &web, folder.path()).start();
    assert_eq!((server.get("pay.example.com"), from_cache(&server)), (200, 1.0));
    assert_eq!(server.admin().mapping()["trouble"]["reason"], "rejected");
    web.wait_until_asked(web.answered().len() + 2);
    assert_eq!((server.admin().reloads("rejected"), from_cache(&server)), (1.0, 1.0));
}

#[test]
fn a_damaged_one_is_not_used() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let folder = tempfile::tempdir().expect("a folder");
    filled(&api, &web, folder.path());
    let file = fs::read_dir(folder.path()).expect("a folder").next().expect("a file").expect("a file").path();
    let text = fs::read_to_string(&file).expect("text").replace("/prod", "/evil");
    fs::write(&file, text).expect("written");
    web.answers(Page::status(500, "away"));
    let server = reading(&api, &web, folder.path()).start();
    server.wait_for("is damaged: its checksum does not match");
    assert_eq!(server.get("pay.example.com"), 503);
}

#[test]
fn a_file_that_is_away_has_one_too_where_a_folder_is_named() {
    let api = Origin::ok();
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("mounted.yaml");
    fs::write(&place, old()).expect("written");
    let start = || {
        let reload = format!("reload: {{ poll: 1s, cache: '{}' }}", folder.path().join("cache").display());
        server(&api).settings(&format!("mapping: {}\n{reload}", place.display())).start()
    };
    let mut server = start();
    server.admin().wait_for_at_least("nameplate_mapping_reloads_total{result=\"unchanged\"}", 1.0);
    server.signal("-TERM");
    server.wait_for_end();
    fs::remove_file(&place).expect("unmounted");
    let server = start();
    assert_eq!((server.get("pay.example.com"), from_cache(&server)), (200, 1.0));
}
