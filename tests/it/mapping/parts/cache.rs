//! A start where the source, or one part of it, is not what it was.

use std::fs;

use super::{Folder, OWNERS, parts};
use crate::harness::origin::Origin;
use crate::harness::server::server;

const SETTINGS: &str = "mapping: parts/\nreload: { poll: 1s, cache: cache }";

#[test]
fn a_part_that_is_broken_at_the_start_serves_its_last_good_version() {
    let api = Origin::ok();
    let builder = server(&api).settings(SETTINGS);
    let folder = Folder::of(&builder);
    for name in ["a", "b", "gone"] {
        folder.map(&format!("{name}.yaml"), &format!("{name}.example.com"), "/prod");
    }
    let cache = builder.path("cache");
    let mut server = builder.start();
    assert_eq!(server.get("b.example.com"), 200);
    // Written after the start, and before the source is read again.
    server.admin().wait_for_at_least("nameplate_mapping_reloads_total{result=\"unchanged\"}", 2.0);
    server.signal("-TERM");
    assert_eq!(server.wait_for_end().0.code(), Some(0));
    let kept = fs::read_dir(&cache).expect("a folder").next().expect("an entry").expect("read").path();
    let files = || {
        fs::read_dir(&kept)
            .expect("a folder")
            .filter(|file| file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|end| end == "cache")))
            .count()
    };
    assert_eq!(files(), 3);

    // While nothing runs, one part breaks, one is removed and one changes.
    folder.write("b.yaml", "APIS: [");
    folder.remove("gone.yaml");
    folder.map("a.yaml", "a2.example.com", "/prod");
    let mut second = server.start_again();
    second.admin().wait_for_metric(&parts("rejected"), 1.0);
    let get = |domain: &str| second.get(domain);
    assert_eq!(
        [get("a2.example.com"), get("b.example.com"), get("a.example.com"), get("gone.example.com")],
        [200, 200, 421, 421]
    );
    second.admin().wait_for_at_least("nameplate_mapping_reloads_total{result=\"unchanged\"}", 2.0);
    assert_eq!(files(), 2);
    second.signal("-TERM");
    second.wait_for_end();

    // The source is away: all of it comes from the cache.
    fs::rename(folder.root(), folder.root().with_extension("away")).expect("moved");
    let third = second.start_again();
    third.wait_for("entries are in force from");
    let get = |domain: &str| third.get(domain);
    assert_eq!([get("a2.example.com"), get("b.example.com"), get("gone.example.com")], [200, 200, 421]);
    assert_eq!(third.admin().mapping()["origin"], "cache");
    assert_eq!(third.admin().metric("nameplate_mapping_from_cache"), 1.0);

    // The source is back, with a part that has an error as before.
    fs::rename(folder.root().with_extension("away"), folder.root()).expect("moved");
    third.admin().wait_for_metric(&parts("rejected"), 1.0);
    third.admin().wait_for_metric("nameplate_mapping_from_cache", 0.0);
}

#[test]
fn owners_that_are_broken_at_the_start_grant_what_they_granted() {
    let api = Origin::ok();
    let builder = server(&api).settings(SETTINGS);
    let folder = Folder::of(&builder);
    folder.write("owners.yaml", OWNERS);
    folder.map("pay.yaml", "pay.example.com", "/prod");
    let mut server = builder.start();
    assert_eq!(server.get("pay.example.com"), 200);
    server.admin().wait_for_at_least("nameplate_mapping_reloads_total{result=\"unchanged\"}", 2.0);
    server.signal("-TERM");
    server.wait_for_end();

    folder.write("owners.yaml", "OWNERS: [");
    folder.map("web/evil.yaml", "evil.example.net", "/evil");
    let second = server.start_again();
    second.admin().wait_for_metric("nameplate_mapping_owners_error", 1.0);
    assert_eq!([second.get("pay.example.com"), second.get("evil.example.net")], [200, 421]);
}

#[test]
fn without_a_cache_owners_that_are_broken_at_the_start_end_it() {
    let api = Origin::ok();
    let builder = server(&api).settings("mapping: parts\nreload: { cache: '' }");
    let folder = Folder::of(&builder);
    folder.write("owners.yaml", "OWNERS: [");
    folder.map("pay.yaml", "pay.example.com", "/prod");
    let (status, log) = builder.start().wait_for_end();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("owners.yaml:1:"), "{log}");
}
