//! Probes: what they send, what they find, and what they leave alone.

use crate::harness::client;
use crate::harness::origin::{Origin, Received};
use crate::harness::proxy::{Proxy, ProxyBuilder, entry, proxy};
use crate::harness::reply::Reply;
use crate::upstream::endpoints::{addresses, dead_address};

/// One task that probes each API every second.
const EVERY_SECOND: &str = "probes: { interval: 1s, tasks: 1, path: /ready }";

/// As API Gateway does: by the id of the API, and by the stage.
fn gateway(request: &Received) -> Reply {
    let ids = [("x-amzn-RequestId", "1"), ("x-amz-apigw-id", "2"), ("Content-Type", "application/json")];
    let missing = [&ids[..], &[("x-amzn-ErrorType", "MissingAuthenticationTokenException")]].concat();
    match request.target() {
        "/nowhere/ready" => Reply::with_headers(403, &missing, "{\"message\":\"Missing Authentication Token\"}"),
        _ => Reply::with_headers(200, &ids, "{\"ok\":true}"),
    }
}

fn probes(proxy: &Proxy, class: &str) -> f64 {
    proxy.metric(&format!("nameplate_probes_total{{class=\"{class}\"}}"))
}

/// Waits until so many APIs stand like this.
#[track_caller]
fn targets(proxy: &Proxy, class: &str, want: f64) {
    proxy.wait_for_metric(&format!("nameplate_probe_targets{{class=\"{class}\"}}"), want);
}

#[track_caller]
fn probe_of(proxy: &Proxy, domain: &str) -> serde_json::Value {
    proxy.admin_get(&format!("/mapping?domain={domain}")).json()["found"]["entries"][0]["probe"].clone()
}

fn three_apis(api: &Origin) -> ProxyBuilder {
    proxy()
        .maps("good.example.com", "aaa", "/prod")
        .maps_with("lost.example.com", "bbb", "/nowhere", &[("VERBS", "[POST]"), ("PROBE", "/ready")])
        .maps_with("post.example.com", "eee", "/prod", &[("VERBS", "[POST]")])
        .maps_with("dead.example.com", "ccc", "/prod", &[("ENDPOINT", "dead")])
        .maps_with("off.example.com", "ddd", "/prod", &[("PROBE", "off")])
        .settings(&format!("endpoints: {{ dead: {{ fixed: ['{}'] }} }}", dead_address()))
        .settings(EVERY_SECOND)
        .to(api)
}

#[test]
fn an_api_that_answers_one_without_its_stage_and_a_dead_one_are_told_apart_everywhere() {
    let api = Origin::start(gateway);
    let proxy = three_apis(&api).start();
    for class in ["answers", "unclear", "unreachable"] {
        targets(&proxy, class, 1.0);
        assert!(probes(&proxy, class) >= 1.0);
    }
    targets(&proxy, "pending", 0.0);

    let good = probe_of(&proxy, "good.example.com");
    assert_eq!(
        (good["class"].as_str(), good["path"].as_str(), good["status"].as_u64()),
        (Some("answers"), Some("/ready"), Some(200))
    );
    assert!(good["probed"].is_string());
    let lost = probe_of(&proxy, "lost.example.com");
    assert_eq!((lost["class"].as_str(), lost["status"].as_u64()), (Some("unclear"), Some(403)));
    let causes: Vec<_> = lost["causes"].as_array().expect("causes").iter().map(|cause| &cause["cause"]).collect();
    assert_eq!(causes, ["path_unknown", "iam_required", "stage_unknown"], "each that the response fits");
    assert!(lost["causes"][0]["cure"].as_str().is_some_and(|cure| cure.ends_with('.')), "{lost}");
    let dead = probe_of(&proxy, "dead.example.com");
    assert_eq!(
        (dead["class"].as_str(), dead["causes"][0]["cause"].as_str()),
        (Some("unreachable"), Some("endpoint_down"))
    );
    assert!(dead["status"].is_null());
    assert!(probe_of(&proxy, "off.example.com").is_null(), "it is not probed");
    assert!(probe_of(&proxy, "post.example.com").is_null(), "a policy of its methods would deny the probe");

    let page = client::request(
        proxy.admin(),
        "GET",
        "127.0.0.1",
        "/?domain=lost.example.com",
        &[("Accept", "text/html")],
        b"",
    );
    let page = page.text();
    for want in
        ["id=\"probes\"", "answers <strong>1</strong>", "probe: unclear", "dead.<wbr>example.<wbr>com", "status 403"]
    {
        assert!(page.contains(want), "{want}\n{page}");
    }
}

#[test]
fn a_probe_is_one_safe_request_without_credentials_and_counts_as_no_request() {
    let api = Origin::start(gateway);
    let proxy = three_apis(&api).start();
    targets(&proxy, "answers", 1.0);
    targets(&proxy, "unclear", 1.0);
    for request in api.requests() {
        assert_eq!((request.method(), request.body.len(), request.faults.len()), ("GET", 0, 0), "{request:?}");
        assert!(["/prod/ready", "/nowhere/ready"].contains(&request.target()), "{request:?}");
        assert_eq!(request.header("host"), request.sni.as_deref());
        for name in ["authorization", "x-api-key", "cookie", "x-amz-security-token"] {
            assert!(!request.has_name(name), "{request:?}");
        }
    }
    for series in [
        "nameplate_requests_total",
        "nameplate_refusals_total",
        "nameplate_upstream_requests_total",
        "nameplate_upstream_connections_total",
        "nameplate_upstream_connect_failures_total",
        "nameplate_upstream_retries_total",
        "nameplate_upstream_retries_denied_total",
    ] {
        assert_eq!(proxy.metric(series), 0.0, "{series}");
    }
    assert_eq!(proxy.admin_get("/mapping?domain=good.example.com").json()["found"]["entries"][0]["requests"], 0);
}

#[test]
fn while_every_probe_fails_the_task_is_ready_and_no_address_cools_down() {
    let ids = ["aaa", "bbb", "ccc", "ddd", "eee", "fff"];
    let all = ids.iter().fold(proxy(), |all, id| all.maps(&format!("{id}.example.com"), id, "/prod"));
    let proxy = all.to_addresses(vec![dead_address()]).settings(EVERY_SECOND).start();
    targets(&proxy, "unreachable", ids.len() as f64);
    assert!(probes(&proxy, "unreachable") >= ids.len() as f64, "more than the failures that eject an address");
    assert_eq!(proxy.admin_get("/readyz").status, 200);
    assert_eq!((addresses(&proxy, "other", "in_use"), addresses(&proxy, "other", "cooling")), (1.0, 0.0));
}

#[test]
fn an_api_that_leaves_the_mapping_is_probed_no_more() {
    let api = Origin::start(gateway);
    let proxy = proxy()
        .maps("stays.example.com", "aaa", "/prod")
        .maps("goes.example.com", "bbb", "/prod")
        .settings(EVERY_SECOND)
        .to(&api)
        .start();
    targets(&proxy, "answers", 2.0);
    proxy.save_mapping(&format!("APIS:\n{}", entry("stays.example.com", "aaa", "/prod", &[])));
    proxy.reload().expect("it is taken");
    targets(&proxy, "answers", 1.0);
    let to_bbb = |requests: &[Received]| requests.iter().filter(|r| r.header("x-apigw-api-id") == Some("bbb")).count();
    let (before, probed) = (to_bbb(&api.requests()), probes(&proxy, "answers"));
    proxy.pages().wait_for_at_least("nameplate_probes_total{class=\"answers\"}", probed + 2.0);
    assert_eq!(to_bbb(&api.requests()), before);
}

#[test]
fn without_the_setting_nothing_is_sent() {
    let api = Origin::start(gateway);
    let proxy = proxy().maps_with("good.example.com", "aaa", "/prod", &[("PROBE", "/ready")]).to(&api).start();
    assert_eq!(proxy.get("good.example.com", "/x").status, 200);
    assert_eq!(api.requests().len(), 1, "the request alone");
    assert_eq!((proxy.metric("nameplate_probes_total"), proxy.metric("nameplate_probe_targets")), (0.0, 0.0));
    assert!(probe_of(&proxy, "good.example.com").is_null());
    let page = client::request(proxy.admin(), "GET", "127.0.0.1", "/", &[("Accept", "text/html")], b"");
    assert!(!page.text().contains("id=\"probes\""));
}
