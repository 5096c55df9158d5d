use super::connection::Pages;
use super::*;
use std::sync::Arc;

use crate::downstream::clients::Clients;
use crate::live::Live;
use crate::live::reload::Cause;
use crate::live::reload::Held;
use crate::live::status::Origin;
use crate::telemetry::limit::{CpuLimit, LimitSource};
use crate::telemetry::metrics::Metrics;
use crate::upstream::endpoints::Endpoints;
use nameplate_core::mapping::load::{compile_bytes, version_of};
use nameplate_core::settings;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Nothing is in force, and no address known.
fn empty() -> Admin {
    let fixed = vec!["127.0.0.1:1".parse().expect("an address")];
    admin_with(settings::Endpoint { fixed, ..settings::Endpoint::default() })
}

fn admin_with(endpoint: settings::Endpoint) -> Admin {
    let mapping = "s3://bucket/key".parse().expect("a source");
    let settings = settings::Settings { endpoint, mapping, ..settings::Settings::default() };
    let metrics = Arc::new(Metrics::new(CpuLimit::new(1.0, LimitSource::Machine).expect("a limit")));
    let endpoints = Endpoints::new(&settings, None, &metrics).expect("an endpoint");
    let live = Arc::new(Live::new(&settings, Arc::clone(&metrics)));
    let clients = Arc::new(Clients::new(metrics, None));
    Admin { live, endpoints: Arc::new(endpoints), clients, probes: None, settings: Arc::new(settings) }
}

fn take(live: &Live, origin: Origin) {
    let text = include_str!("../../conf/mapping.yaml");
    let table = compile_bytes(text.as_bytes(), "m", None).expect("a mapping");
    live.put_in_force(table, version_of(text.as_bytes()), origin, SystemTime::now() - Duration::from_secs(90));
}

/// The sample mapping is in force, and an address known.
async fn ready() -> Admin {
    let admin = empty();
    take(&admin.live, Origin::Source);
    admin.endpoints.refresh_all().await;
    admin
}

fn get<'r>(path: &'r str, query: Option<&'r str>) -> PageRequest<'r> {
    PageRequest { method: &Method::GET, path, query, html: false }
}

#[track_caller]
fn check(admin: &Admin, method: Method, path: &str, status: u16, body: &str) {
    let page = answer(admin, &PageRequest { method: &method, ..get(path, None) });
    assert_eq!((page.status, page.body.as_str()), (status, body), "{method} {path}");
}

fn json(admin: &Admin, path: &str, query: Option<&str>) -> serde_json::Value {
    let page = answer(admin, &get(path, query));
    assert_eq!((page.status, page.content_type), (200, "application/json"), "{}", page.body);
    serde_json::from_str(&page.body).expect("JSON")
}

#[tokio::test]
async fn alive_whatever_is_missing() {
    for admin in [ready().await, empty()] {
        admin.clients.drain();
        check(&admin, Method::GET, "/livez", 200, "ok\n");
    }
}

#[tokio::test]
async fn ready_when_nothing_is_missing() {
    let admin = ready().await;
    check(&admin, Method::GET, "/readyz", 200, "ready\n");
    check(&admin, Method::HEAD, "/readyz", 200, "ready\n");
}

#[tokio::test]
async fn unready_says_all_that_is_missing() {
    check(&empty(), Method::GET, "/readyz", 503, "mapping: none is in force\nendpoint: no address is known\n");
    let admin = ready().await;
    admin.clients.drain();
    check(&admin, Method::GET, "/readyz", 503, "draining: the process is stopping\n");
}

#[tokio::test]
async fn ready_says_what_an_operator_should_know_all_the_same() {
    let admin = ready().await;
    take(&admin.live, Origin::Cache);
    let held = Held { version: version_of(b"x"), removed: 6, domains: 10, most: 50 };
    admin.live.mapping.record_refused(Cause::Held(held), Some(held.version), SystemTime::now());
    let page = answer(&admin, &get("/readyz", None));
    let lines: Vec<_> = page.body.lines().collect();
    assert_eq!((page.status, lines[0], lines.len()), (200, "ready", 3), "{lines:?}");
    assert!(lines[1].starts_with("mapping: from the cache; the source last had it 1m 3"), "{lines:?}");
    assert!(lines[2].starts_with("mapping: what s3://bucket/key has is not in force: version "), "{lines:?}");
}

#[tokio::test]
async fn mapping_tells_what_is_in_force() {
    let told = json(&ready().await, "/mapping", None);
    let version = version_of(include_bytes!("../../conf/mapping.yaml"));
    assert_eq!(told["version"], version.to_string());
    assert_eq!(told["sha256"], version.full());
    assert_eq!((&told["generation"], &told["entries"], &told["domains"]), (&1.into(), &5.into(), &4.into()));
    assert_eq!((&told["source"], &told["origin"]), (&"s3://bucket/key".into(), &"source".into()));
    assert!((90..100).contains(&told["staleness_seconds"].as_u64().expect("a number")), "{told}");
    assert!(told["trouble"].is_null() && told.get("found").is_none(), "{told}");

    let told = json(&empty(), "/mapping", None);
    assert!(told["version"].is_null() && told["origin"].is_null() && told["generation"] == 0, "{told}");
}

#[tokio::test]
async fn mapping_tells_what_was_not_taken_and_why() {
    let admin = ready().await;
    let faults = compile_bytes(format!("APIS:\n{}", "- x\n".repeat(150)).as_bytes(), "m", None).expect_err("faults");
    admin.live.mapping.record_refused(Cause::Rejected(faults), Some(version_of(b"bad")), SystemTime::now());
    let trouble = &json(&admin, "/mapping", None)["trouble"];
    assert_eq!((&trouble["reason"], &trouble["more_faults"]), (&"rejected".into(), &50.into()));
    assert_eq!(trouble["faults"].as_array().map(Vec::len), Some(100));
    assert_eq!((&trouble["faults"][0]["line"], &trouble["faults"][0]["text"]), (&2.into(), &"- x".into()));
    assert_eq!(trouble["version"], version_of(b"bad").to_string());
}

#[track_caller]
fn finds(admin: &Admin, query: &str, by: &str, want: &[&str]) {
    let found = &json(admin, "/mapping", Some(query))["found"];
    let entries = found["entries"].as_array().expect("a list");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let got: Vec<_> = entries.iter().map(|e| text(&e["domain"]) + &text(&e["base_path"])).collect();
    assert_eq!((&found["by"], got), (&by.into(), want.iter().map(|w| (*w).to_owned()).collect()), "{query}");
}

#[tokio::test]
async fn entries_are_found_by_domain() {
    let admin = ready().await;
    admin.live.snapshot().count_request(0);
    let api2 = ["api2.internal.private.example.com/v2", "api2.internal.private.example.com"];
    finds(&admin, "domain=API2.internal.private.example.com:443", "answers", &api2);
    finds(&admin, "domain=x.team.private.example.com", "answers", &["*.team.private.example.com"]);
    finds(&admin, "domain=INTERNAL", "contains", &["api1.internal.private.example.com", api2[0], api2[1]]);
    finds(&admin, "domain=%2A.team", "contains", &["*.team.private.example.com"]);
    finds(&admin, "domain=other", "contains", &[]);
    let all = &json(&admin, "/mapping", Some("domain="))["found"]["entries"];
    assert_eq!(all.as_array().map(Vec::len), Some(5));
    let reports = &all[4];
    assert_eq!((&reports["endpoint"], &reports["rate_limit"]), (&"default".into(), &"100/s".into()));
    assert_eq!(reports["timeout"], "first_byte=1m, read=5m, total=15m");
    let wildcard = &all[0];
    assert_eq!((&wildcard["requests"], &wildcard["since_generation"]), (&1.into(), &1.into()));
    assert_eq!((&wildcard["referer"], &wildcard["prefix"]), (&"preserve".into(), &"/live".into()));
    assert!(wildcard["verbs"].is_null() && all[1]["verbs"] == "GET, OPTIONS, POST", "{all}");
    for query in ["host=x", "domain=a&domain=b", "x"] {
        let page = answer(&admin, &get("/mapping", Some(query)));
        assert_eq!((page.status, page.body.as_str()), (400, "write /mapping or /mapping?domain=NAME\n"), "{query}");
    }
}

#[tokio::test]
async fn the_index_names_the_pages() {
    let index = answer(&empty(), &get("/", None)).body;
    for page in ["/livez", "/readyz", "/metrics", "/mapping", "/endpoints"] {
        assert!(index.contains(page), "{index}");
    }
}

#[tokio::test]
async fn only_these_pages_and_only_to_be_read() {
    let admin = empty();
    for path in ["", "*", "/metrics/", "//metrics", "/LIVEZ", "/favicon.ico"] {
        check(&admin, Method::GET, path, 404, "no such page; / lists them\n");
    }
    for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
        check(&admin, method, "/readyz", 405, "use GET or HEAD\n");
    }
}

/// One connection through pingora: all that comes back for these bytes. Panics unless the server
/// ends each request as it says.
async fn exchange(request: &str) -> String {
    let pages = Pages::new(ready().await);
    let (mut client, server) = tokio::io::duplex(1 << 20);
    client.write_all(request.as_bytes()).await.expect("taken");
    let reused = pages.answer_one(Box::new(server), false).await;
    // Ends the stream where the server keeps it open.
    let kept = reused.is_some();
    drop(reused);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("text");
    assert_eq!(kept, !answer.contains("Connection: close"), "{answer}");
    answer
}

#[tokio::test]
async fn a_page_is_served_whole_and_not_cached() {
    let answer = exchange("GET /livez?verbose HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    let lower = answer.to_ascii_lowercase();
    for line in ["content-length: 3\r\n", "cache-control: no-store\r\n", "content-type: text/plain; charset=utf-8\r\n"]
    {
        assert!(lower.contains(line), "no {line:?} in {answer}");
    }
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let answer = exchange("HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(answer.to_ascii_lowercase().contains("content-length: 3\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_scrape_refreshes_the_gauges_first() {
    let answer = exchange("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(answer.to_ascii_lowercase().contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(answer.contains("\nnameplate_cpu_limit_cores 1\n"), "{answer}");
    assert!(answer.contains("\nnameplate_mapping_staleness_seconds 90"), "{answer}");
}

#[tokio::test]
async fn a_body_is_not_waited_for() {
    let answer = exchange("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc").await;
    assert!(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("allow: get, head\r\n"), "{answer}");
}

/// The status page for a query, as a browser asks for it.
fn page(admin: &Admin, query: Option<&str>) -> PageResponse {
    answer(admin, &PageRequest { html: true, ..get("/", query) })
}

#[track_caller]
fn says(admin: &Admin, query: Option<&str>, want: &[&str]) {
    let page = page(admin, query);
    assert_eq!((page.status, page.content_type), (200, "text/html; charset=utf-8"), "{query:?}");
    for want in want {
        assert!(page.body.contains(want), "no {want:?} in {}", page.body);
    }
}

#[tokio::test]
async fn the_state_is_told_in_a_line() {
    says(
        &empty(),
        None,
        &["Not ready", "No mapping is in force<", "None yet. It will be read from", "s3://bucket/key"],
    );
    let admin = empty();
    take(&admin.live, Origin::Source);
    says(&admin, None, &["Not ready", "4 domains mapped, and no address of the endpoint is known"]);
    let admin = ready().await;
    says(&admin, None, &[">Ready<", "<title>Serving 4 domains · ready – Nameplate</title>", "1 min ago"]);
    take(&admin.live, Origin::Cache);
    says(&admin, None, &["Attention", "Serving 4 domains from the cache: the source last had them 1 min ago"]);
    let held = Held { version: version_of(b"x"), removed: 6, domains: 10, most: 50 };
    admin.live.mapping.record_refused(Cause::Held(held), Some(held.version), SystemTime::now());
    let why = "the new one is held, because it removes 6 of 10 domains";
    says(&admin, None, &["Attention", &format!("Serving the last good mapping: {why}"), "reload --allow-shrink"]);
    admin.clients.drain();
    says(&admin, None, &["Not ready", "Draining: the process is stopping, and 0 connections are still open"]);
}

#[tokio::test]
async fn the_first_faults_are_shown_and_the_others_counted() {
    let admin = ready().await;
    let faults = compile_bytes(format!("APIS:\n{}", "- x\n".repeat(150)).as_bytes(), "m", None).expect_err("faults");
    admin.live.mapping.record_refused(Cause::Rejected(faults), Some(version_of(b"bad")), SystemTime::now());
    says(&admin, None, &["the new one has 150 faults", "m:2:3", "m:21:3", "And 130 more"]);
    assert!(!page(&admin, None).body.contains("m:22:"));
}

/// Puts one address of the default endpoint out of use.
fn eject(endpoints: &Endpoints) {
    let endpoint_state = endpoints.at(0);
    let pool = endpoint_state.endpoint.pool().expect("one for all");
    let address = pool.addresses().remove(0);
    for _ in 0..settings::endpoint::EJECT_AFTER {
        endpoint_state.failed(pool, &address, Instant::now());
    }
}

#[tokio::test]
async fn endpoints_are_told_by_zone_and_state() {
    let admin = ready().await;
    let told = &json(&admin, "/endpoints", None)["endpoints"][0];
    let states = |in_use: usize, cooling: usize| serde_json::json!({ "in_use": in_use, "cooling": cooling });
    assert_eq!((&told["name"], &told["kind"], &told["ready"]), (&"default".into(), &"fixed".into(), &true.into()));
    assert_eq!((&told["counts"]["local"], &told["counts"]["other"]), (&states(0, 0), &states(1, 0)));
    let address = serde_json::json!({ "address": "127.0.0.1:1", "zone": "other", "state": "in_use" });
    assert_eq!(told["addresses"], serde_json::json!([address]));
    assert!(told["fault"].is_null() && told["dns_name"].is_null() && told["more_addresses"] == 0, "{told}");
    says(&admin, None, &["fixed addresses", "127.0.0.1:1", "In use"]);

    eject(&admin.endpoints);
    let told = &json(&admin, "/endpoints", None)["endpoints"][0];
    assert_eq!((&told["counts"]["other"], &told["addresses"][0]["state"]), (&states(0, 1), &"cooling".into()));
    let time =
        |name: &str| humantime::parse_rfc3339(told["addresses"][0][name].as_str().expect("text")).expect("a time");
    // Both are cut to the second.
    let cools = time("until").duration_since(time("since")).expect("in order").as_secs();
    assert!((4..=6).contains(&cools), "{told}");
    says(&admin, None, &["Attention", "every address of endpoint default is failing", "Cooling", "tried again in"]);
}

#[tokio::test]
async fn an_endpoint_with_private_dns_tells_the_names_that_were_asked_for() {
    let nameservers = vec!["127.0.0.1:9".parse().expect("an address")];
    let endpoint = settings::Endpoint { private_dns: true, nameservers, ..settings::Endpoint::default() };
    let admin = admin_with(endpoint);
    let told = &json(&admin, "/endpoints", None)["endpoints"][0];
    assert_eq!((&told["kind"], &told["addresses"]), (&"private_dns".into(), &serde_json::json!([])));
    says(&admin, None, &["each API's own name, by private DNS", "No address is known yet."]);
}

#[tokio::test]
async fn the_policy_lets_only_the_page_s_own_style_and_script_in() {
    let page = page(&ready().await, None);
    let inside = |tag: &str| {
        let (_, rest) = page.body.split_once(&format!("<{tag}>")).expect("there");
        rest.split_once(&format!("</{tag}>")).expect("closed").0.to_owned()
    };
    for tag in ["style", "script"] {
        let digest = ring::digest::digest(&ring::digest::SHA256, inside(tag).as_bytes());
        let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest);
        assert!(page.policy.contains(&format!("{tag}-src 'sha256-{hash}';")), "{}", page.policy);
        assert_eq!(page.body.matches(&format!("<{tag}")).count(), 1);
    }
    for part in ["default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(page.policy.contains(part), "{}", page.policy);
    }
    assert!(!page.policy.contains("unsafe"), "{}", page.policy);
    assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="), "the policy would refuse it");
}

#[tokio::test]
async fn text_from_outside_is_escaped() {
    let admin = ready().await;
    let harm = "%22%3E%3C/title%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let long = "%3Cb%3E".repeat(8 * 1024);
    for query in [
        format!("domain={harm}"),
        format!("domain={harm}&method={harm}&path={harm}"),
        format!("domain={long}&path={long}"),
        "domain=%ff%fe%00&method=%80&path=%c3%28".into(),
        "domain=a&path=".into(),
    ] {
        let page = page(&admin, Some(&query));
        assert_eq!((page.status, page.body.matches("<script>").count()), (200, 1), "{query}");
        assert!(!page.body.contains("<b>") && !page.body.contains("<script>alert"), "{query}");
    }
    says(&admin, Some(&format!("domain={harm}")), &["&quot;&gt;&lt;/title&gt;&lt;script&gt;alert(1)"]);
}

#[tokio::test]
async fn a_request_is_explained_as_the_command_does() {
    let admin = ready().await;
    let forwarded = ["Forwarded", "GET https://apiid2.execute-api.us-east-1.amazonaws.com/prod/shop/x?y=1"];
    says(&admin, Some("domain=api2.internal.private.example.com&method=GET&path=/x%3Fy%3D1"), &forwarded);
    let refused =
        ["Refused: 405 method_not_allowed", "<dt>Allow</dt><dd><code class=\"text\">GET, OPTIONS, POST</code>"];
    says(&admin, Some("domain=api1.internal.private.example.com&method=PURGE&path=/"), &refused);
    says(&admin, Some("domain=nowhere.example.com&path=/"), &["Refused: 421 unknown_host", "no domain contains it"]);
    says(&admin, Some("domain=api1.internal.private.example.com&path=/a/../b"), &["Refused: 400 dot_segment"]);
    says(&admin, Some("domain="), &["5 entries in all"]);
    let listed = page(&admin, Some("domain=api1.internal.private.example.com")).body;
    assert!(!listed.contains("id=\"verdict\""), "nothing was asked of a request");
    says(&empty(), Some("domain=a.example.com&path=/"), &["Refused: 503 no_mapping"]);
}

#[tokio::test]
async fn a_query_that_the_form_cannot_send_is_refused() {
    let admin = ready().await;
    for query in ["x", "host=a", "domain=a&domain=b", "domain=a&path=/&path=/"] {
        let page = page(&admin, Some(query));
        assert_eq!((page.status, page.content_type), (400, TEXT), "{query}");
        assert!(page.body.starts_with("write / or /?domain=NAME&method=GET&path="), "{}", page.body);
    }
    let asked = PageRequest { method: &Method::POST, html: true, ..get("/", None) };
    assert_eq!(answer(&admin, &asked).status, 405);
}

#[test]
fn html_is_for_those_who_name_it() {
    for accept in ["text/html", "text/plain, TEXT/HTML;level=1;q=0.5", "text/html,application/xhtml+xml,*/*;q=0.8"] {
        assert!(takes_html(accept), "{accept}");
    }
    for accept in ["", "*/*", "text/*", "text/html;q=0", "application/json", "text/htmlx"] {
        assert!(!takes_html(accept), "{accept}");
    }
}

#[tokio::test]
async fn a_browser_gets_the_page_and_others_the_index() {
    let plain = exchange("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n").await;
    assert!(plain.contains("\r\n\r\nnameplate "), "{plain}");
    let answer = exchange("HEAD / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n").await;
    let lower = answer.to_ascii_lowercase();
    for line in [
        "content-type: text/html; charset=utf-8\r\n",
        "cache-control: no-store\r\n",
        "content-security-policy: default-src 'none'; style-src 'sha256-",
        "x-content-type-options: nosniff\r\n",
        "referrer-policy: no-referrer\r\n",
        "vary: accept\r\n",
    ] {
        assert!(lower.contains(line), "no {line:?} in {answer}");
    }
}
