//! "Multiple GCP products are experiencing Service issues", Google Cloud, incident report, June 2025,
//! <https://status.cloud.google.com/incidents/ow5i3PPK96RduMcb1SsW>.
//!
//! On 12 June 2025 a policy with blank fields was written to a table that is replicated around the world within seconds.
//! The code that read it followed a null pointer, and Service Control, which every API request passes, went into a crash
//! loop in every region.
//!
//! Here every entry of the mapping has empty fields. The guards: a mapping with an error changes nothing, whatever the
//! error; a process that starts while the source has such a mapping starts from its cache.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::harness::PATIENCE;
use crate::harness::origin::Origin;
use crate::harness::proxy::entry;
use crate::harness::server::{Server, mapping, server};
use crate::harness::web::{Page, Web};

const DOMAINS: [&str; 3] = ["pay.example.com", "shop.example.com", "mail.example.com"];

/// What a blank field is in YAML.
const BLANKS: [&str; 8] = ["", "~", "null", "\"\"", "''", "\"  \"", "[]", "{}"];

fn good() -> String {
    mapping(&DOMAINS.map(|domain| (domain, "/prod")))
}

/// Every entry of the good mapping with this in the place of a field.
fn blanked(key: &str, blank: &str) -> String {
    let blanked = |line: &str| match line.split_once(key) {
        Some((before, _)) => format!("{before}{key}: {blank}\n"),
        None => format!("{line}\n"),
    };
    good().lines().map(blanked).collect()
}

/// The same mapping, with fields that are blank in every way and in every place.
fn blank_mappings() -> Vec<String> {
    let required = ["CUSTOM_DOMAIN_URL", "PRIVATE_API_URL"];
    let one = required.iter().flat_map(|key| BLANKS.map(|blank| blanked(key, blank)));
    let optional = ["VERBS", "REFERER", "HOST", "ENDPOINT", "TIMEOUT", "RATE_LIMIT"];
    let one_more = optional.map(|key| {
        let entries = DOMAINS.map(|domain| entry(domain, "abc123", "/prod", &[(key, "")]));
        format!("APIS:\n{}", entries.concat())
    });
    let entries = ["", "~", "{}", "\"\""].map(|blank| format!("APIS:\n{}", format!("  - {blank}\n").repeat(3)));
    let lists = ["", "~", "\"\"", "{}"].map(|blank| format!("APIS: {blank}\n"));
    one.chain(one_more).chain(entries).chain(lists).collect()
}

fn reading(api: &Origin, web: &Web, cache: &Path) -> Server {
    let reload = format!("reload: {{ poll: 60m, cache: '{}' }}", cache.display());
    server(api).settings(&format!("mapping: {}\n{reload}", web.url("/m"))).start()
}

#[track_caller]
fn serves_all(server: &Server) {
    assert_eq!(DOMAINS.map(|domain| server.get(domain)), [200; 3]);
    let admin = server.admin();
    assert_eq!((admin.get("/livez").status, admin.get("/readyz").status), (200, 200));
    assert_eq!(server.times_said("panicked"), 0);
}

#[test]
fn blank_fields_everywhere_change_nothing() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&good())));
    let folder = tempfile::tempdir().expect("a folder");
    let server = reading(&api, &web, folder.path());
    serves_all(&server);

    for (at, text) in blank_mappings().into_iter().enumerate() {
        web.answers(Page::text(&text));
        server.signal("-HUP");
        web.wait_until_asked(at + 2);
        let give_up = Instant::now() + PATIENCE;
        while server.admin().reloads("rejected") < at as f64 + 1.0 {
            assert!(Instant::now() < give_up, "it was not rejected:\n{text}");
        }
    }
    serves_all(&server);
    assert_eq!(server.admin().metric("nameplate_mapping_generation"), 1.0);
}

#[test]
fn a_start_while_the_fields_are_blank_is_one_from_the_cache() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&good())));
    let folder = tempfile::tempdir().expect("a folder");
    let server = reading(&api, &web, folder.path());
    serves_all(&server);
    let give_up = Instant::now() + PATIENCE;
    while !fs::read_dir(folder.path())
        .expect("a folder")
        .flatten()
        .any(|file| file.path().extension().is_some_and(|end| end == "cache"))
    {
        assert!(Instant::now() < give_up, "nothing is cached");
    }
    // It is killed, and the crash loop begins.
    drop(server);

    web.answers(Page::text(&blanked("PRIVATE_API_URL", "")));
    for _ in 0..2 {
        let server = reading(&api, &web, folder.path());
        serves_all(&server);
        assert_eq!(server.admin().metric("nameplate_mapping_from_cache"), 1.0);
        assert_eq!(server.admin().mapping()["trouble"]["reason"], "rejected");
    }
}
