//! An entry that is wrong: it fails by itself, and takes nothing from the others.

use super::*;
use crate::harness::faulty::Faulty;
use crate::harness::server::{nameplate, server};

const EJECTIONS: &str = "nameplate_endpoint_ejections_total{endpoint=\"default\"}";
const RETRIES: &str = "nameplate_upstream_retries_total{cause=\"connect\"}";
const DENIED: &str = "nameplate_upstream_retries_denied_total";
const WRONG: &str = "wrong.example.com";

/// An entry whose region is misspelt, so that the certificate is for another name.
fn with_a_wrong_region() -> ProxyBuilder {
    pay().yaml(&format!(
        "  - CUSTOM_DOMAIN_URL: {WRONG}\n    PRIVATE_API_URL: https://abc123.execute-api.eu-west-2.amazonaws.com/prod\n"
    ))
}

#[test]
fn a_misspelt_region_cools_no_address() {
    let (one, other) = (Origin::ok(), Origin::ok());
    let proxy = with_a_wrong_region().to(&one).to(&other).settings("endpoint: { eject_after: 1 }").start();
    for _ in 0..3 {
        is_refusal(&proxy.get(WRONG, "/x"), 502, "tls_failed");
    }
    assert_eq!((proxy.metric(EJECTIONS), addresses(&proxy, "other", "in_use")), (0.0, 2.0));
    assert_eq!((get(&proxy).status, get(&proxy).status), (200, 200));
    assert_eq!(one.requests().len() + other.requests().len(), 2);
}

#[test]
fn a_misspelt_region_takes_no_retry() {
    let api = Origin::ok();
    let settings = "endpoint: { eject_after: 1000 }";
    let proxy = with_a_wrong_region().to(&api).to_addresses(vec![dead_address()]).settings(settings).start();
    for _ in 0..150 {
        assert_eq!(proxy.get(WRONG, "/x").status, 502);
    }
    // Half of them came to the dead address first, and had to try the other one: no more than an entry may take.
    assert!(proxy.metric(RETRIES) <= 100.0, "{}", proxy.metric(RETRIES));
    let denied = proxy.metric(DENIED);
    for _ in 0..10 {
        assert_eq!(get(&proxy).status, 200);
    }
    assert_eq!(proxy.metric(DENIED), denied, "the others have theirs");
}

#[test]
fn the_same_certificate_is_not_asked_for_at_the_next_address() {
    let (one, other) = (Origin::ok(), Origin::ok());
    let proxy = with_a_wrong_region().to(&one).to(&other).start();
    is_refusal(&proxy.get(WRONG, "/x"), 502, "tls_failed");
    let failures = "nameplate_upstream_connect_failures_total{cause=\"tls\"}";
    assert_eq!((proxy.metric(failures), proxy.metric(RETRIES), proxy.metric(DENIED)), (1.0, 0.0, 0.0));
}

/// A dead endpoint of one entry's own.
#[test]
fn an_entry_that_always_fails_leaves_the_retries_of_others() {
    let api = Origin::ok();
    let settings = format!(
        "endpoint: {{ eject_after: 1000 }}\nendpoints: {{ dead: {{ fixed: ['{}', '{}'] }} }}",
        dead_address(),
        dead_address()
    );
    let proxy = proxy()
        .maps_with(WRONG, "abc123", "/prod", &[("ENDPOINT", "dead")])
        .maps("pay.example.com", "abc123", "/prod")
        .to(&api)
        .to_addresses(vec![dead_address()])
        .settings(&settings)
        .start();
    for _ in 0..150 {
        is_refusal(&proxy.get(WRONG, "/x"), 502, "connect_failed");
    }
    let denied = proxy.metric(DENIED);
    assert!(denied > 0.0, "it has used its share up");
    assert_eq!(proxy.metric(&format!("{DENIED}{{budget=\"shared\"}}")), 0.0, "and nothing else");
    for _ in 0..10 {
        assert_eq!(get(&proxy).status, 200);
    }
    assert_eq!(proxy.metric(DENIED), denied);
}

#[test]
fn an_entry_with_little_patience_cools_no_address() {
    let silent = Faulty::start(|mut peer| peer.wait_until_closed());
    let settings = "endpoint: { eject_after: 1, tls_timeout: 60s, connect_timeout: 60s }";
    for keys in ["connect=50ms,tls=50ms", "total=50ms"] {
        let proxy = proxy()
            .maps_with("pay.example.com", "abc123", "/prod", &[("TIMEOUT", keys)])
            .to_addresses(vec![silent.address()])
            .settings(settings)
            .start();
        is_refusal(&get(&proxy), 504, "upstream_timeout");
        assert_eq!(proxy.metric(EJECTIONS), 0.0, "{keys}");
    }
}

#[test]
fn an_address_that_takes_longer_than_the_endpoint_allows_is_cooled() {
    let silent = Faulty::start(|mut peer| peer.wait_until_closed());
    let settings = "endpoint: { eject_after: 1, connect_timeout: 100ms, tls_timeout: 100ms, connect_attempts: 1 }";
    let proxy = pay().to_addresses(vec![silent.address()]).settings(settings).start();
    is_refusal(&get(&proxy), 504, "upstream_timeout");
    assert_eq!(proxy.metric(EJECTIONS), 1.0);
}

#[test]
fn a_response_that_cannot_be_read_cools_no_address() {
    for said in ["no HTTP at all\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 20"] {
        let api = Faulty::start(move |peer| {
            let mut peer = peer.secure()?;
            peer.read_request()?;
            peer.write(said)?;
            peer.close()
        });
        let proxy = pay().to_addresses(vec![api.address()]).settings("endpoint: { eject_after: 1 }").start();
        is_refusal(&get(&proxy), 502, "bad_answer");
        assert_eq!(proxy.metric(EJECTIONS), 0.0, "{said:?}");
    }
}

const OTHER_REGION: &str = "APIS:
  - CUSTOM_DOMAIN_URL: pay.example.com
    PRIVATE_API_URL: https://abc123.execute-api.eu-west-1.amazonaws.com/prod
    ENDPOINT: eu
  - CUSTOM_DOMAIN_URL: shop.example.com
    PRIVATE_API_URL: https://abc123.execute-api.eu-west-2.amazonaws.com/prod
    ENDPOINT: eu
";
const ENDPOINTS: &str = "endpoints: { eu: { name: vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com, \
                         nameservers: ['127.0.0.1:9'] } }\n";

#[test]
fn an_entry_of_another_region_is_an_error_in_check() {
    let folder = tempfile::tempdir().expect("a directory");
    let (settings, mapping) = (folder.path().join("nameplate.yaml"), folder.path().join("mapping.yaml"));
    std::fs::write(&settings, ENDPOINTS).expect("written");
    std::fs::write(&mapping, OTHER_REGION).expect("written");
    let (settings, mapping) = (settings.display().to_string(), mapping.display().to_string());
    let checked = nameplate(&["check", "--config", &settings, &mapping]);
    let said = String::from_utf8(checked.stderr).expect("text");
    assert_eq!(checked.status.code(), Some(1), "{said}");
    let wanted = ":5:1: error: the API is in `eu-west-2`, and its endpoint `eu` is in `eu-west-1`";
    assert!(said.contains(wanted) && said.ends_with("1 error\n"), "{said}");
    // Without settings nobody knows what region an endpoint is in.
    assert_eq!(nameplate(&["check", &mapping]).status.code(), Some(0));
}

#[test]
fn an_entry_of_another_region_is_a_warning_at_load() {
    let server = server(&Origin::ok()).mapping(OTHER_REGION).settings(ENDPOINTS).start();
    let warning = server.wait_for("an API of another region than the endpoint's");
    assert!(warning.contains("WARN") && warning.contains("1 entry names") && warning.contains("line 5"), "{warning}");
}
