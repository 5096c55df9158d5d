//! Where the mapping comes from, told through the running binary: a file, a URL, S3, the cache.

mod cache;
mod file;
mod http;
mod s3;

use crate::harness::admin::Pages;
use crate::harness::server::Server;

const GENERATION: &str = "nameplate_mapping_generation";

/// A trouble's series.
fn trouble(reason: &str) -> String {
    format!("nameplate_mapping_trouble{{reason=\"{reason}\"}}")
}

/// Waits until a new mapping is in force, and sees that this domain is served by it.
#[track_caller]
fn expect_served(server: &Server, generation: f64, domain: &str) {
    server.admin().wait_for_metric(GENERATION, generation);
    assert_eq!(server.get(domain), 200, "{domain}");
}

/// Waits until the source's mapping was not taken, and sees that the one before serves on.
#[track_caller]
fn expect_not_taken(server: &Server, reason: &str, domain: &str) -> serde_json::Value {
    let admin: Pages = server.admin();
    admin.wait_for_metric(&trouble(reason), 1.0);
    assert_eq!((server.get(domain), admin.metric(GENERATION)), (200, 1.0));
    let ready = admin.get("/readyz");
    assert!(ready.status == 200 && ready.text().contains("is not in force: "), "{}", ready.text());
    let trouble = admin.mapping()["trouble"].clone();
    assert_eq!(trouble["reason"], reason);
    trouble
}
