//! The whole of it: the binary under traffic of many kinds, Prometheus that scrapes it with the shipped rules,
//! and every query of the dashboard.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::dashboard::{queries, variables};
use super::{list, recorded, word};
use crate::harness::client::{self, Client, text_of, tls_config};
use crate::harness::origin::Origin;
use crate::harness::prometheus::Prometheus;
use crate::harness::proxy::entry;
use crate::harness::reply::Reply;
use crate::harness::server::{Server, certify, server};

/// How long Prometheus may take: a rate needs two scrapes and a rule one more evaluation, each a second
/// apart, and this machine may be busy with other tests.
const SOON: Duration = Duration::from_secs(40);

const DOMAINS: [&str; 2] = ["pay.example.com", "shop.example.com"];

/// Answers by path, and keeps no connection, so that there are new ones all the time; `/kept` is kept.
fn api() -> Origin {
    Origin::start(|request| {
        let close = [("Connection", "close")];
        match request.target() {
            "/prod/kept" => Reply::json(200, "{}"),
            "/prod/missing" => Reply::with_headers(404, &close, "{}").then_close(),
            "/prod/broken" => Reply::with_headers(500, &close, "{}").then_close(),
            _ => Reply::with_headers(200, &close, "{\"ok\":true}").then_close(),
        }
    })
}

/// Two domains, one whose endpoint is half dead, one whose endpoint is gone, and more if asked.
fn mapping(more: &[&str]) -> String {
    let plain = DOMAINS.iter().chain(more).map(|domain| entry(domain, "abc123", "/prod", &[]));
    let others =
        ["half", "gone"].map(|name| entry(&format!("{name}.example.com"), "abc123", "/prod", &[("ENDPOINT", name)]));
    format!("APIS:\n{}", plain.chain(others).collect::<String>())
}

fn start(api: &Origin) -> Server {
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let builder = server(api).mapping(&mapping(&[]));
    certify(&builder.path("cert.pem"), &builder.path("key.pem"), DOMAINS[0]);
    let tls = "{ address: '127.0.0.1:0', tls: { certificate: cert.pem, key: key.pem } }";
    let listeners = format!("listeners: [{{ address: '127.0.0.1:0' }}, {tls}]\nadmin: 127.0.0.1:0\n");
    let half = format!("half: {{ fixed: ['{dead}', '{}'] }}", api.address());
    let endpoints = format!("endpoints: {{ {half}, gone: {{ fixed: ['{dead}'] }} }}\n");
    builder.settings(&listeners).settings(&endpoints).start()
}

/// Some requests of each kind.
fn send_traffic(server: &Server, tls: SocketAddr) {
    let status = |host: &str, path: &str| client::get(server.address(), host, path).status;
    for domain in DOMAINS {
        assert_eq!((status(domain, "/x"), status(domain, "/missing"), status(domain, "/broken")), (200, 404, 500));
        assert_eq!((status(domain, "/kept"), status(domain, "/kept")), (200, 200));
    }
    let posted = client::request(server.address(), "POST", DOMAINS[1], "/x", &[], b"{\"amount\":1}");
    assert_eq!((posted.status, status("half.example.com", "/x")), (200, 200));
    assert_eq!((status("nobody.example.com", "/"), status(DOMAINS[0], "/../x")), (421, 400));
    assert_eq!(status("gone.example.com", "/x"), 502);
    // The first connection shakes hands in full, and the second one resumes.
    let config = Arc::new(tls_config());
    for _ in 0..2 {
        let mut client = Client::try_connect_tls_with(tls, DOMAINS[0], &config).expect("a handshake");
        assert_eq!(client.send(text_of("GET", DOMAINS[0], "/x", &[], b"")).read_response().status, 200);
    }
}

/// What Grafana makes of a query for a choice of everything.
fn substituted(query: &str) -> String {
    let all = variables().into_iter().filter(|variable| variable["allValue"].is_string());
    all.fold(query.replace("$__rate_interval", "10s"), |query, variable| {
        query.replace(&format!("${}", word(&variable["name"])), &word(&variable["allValue"]))
    })
}

/// Sends traffic until all of these have come true; those that have are not asked again.
#[track_caller]
fn wait_for_all<T: std::fmt::Debug>(mut waiting: Vec<T>, traffic: impl Fn(), is: impl Fn(&T) -> bool) {
    let give_up = Instant::now() + SOON;
    while !waiting.is_empty() {
        assert!(Instant::now() < give_up, "Prometheus has nothing for {waiting:#?}");
        traffic();
        waiting.retain(|one| !is(one));
    }
}

/// The queries of all panels and the names of all recording rules.
fn asked() -> Vec<(String, String)> {
    let rules = recorded().into_iter().map(|(name, _)| (format!("rule {name}"), name));
    let panels = queries().into_iter();
    panels.map(|(title, query)| (title, substituted(&query))).chain(rules).collect()
}

/// What a variable offers: `label_values(series, label)`.
fn offered(prometheus: &Prometheus, query: &str) -> usize {
    let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect("label_values");
    let (series, label) = inside.rsplit_once(", ").expect("a series and a label");
    list(&prometheus.api(&format!("label/{label}/values"), &[("match[]", &substituted(series))])).len()
}

#[test]
fn every_panel_and_every_rule_has_data() {
    let api = api();
    let server = start(&api);
    let tls = server.wait_for_times("listening on ", 2).rsplit(' ').next().and_then(|a| a.parse().ok());
    let tls: SocketAddr = tls.expect("an address");
    let prometheus = Prometheus::scraping(server.admin().0);
    let traffic = || send_traffic(&server, tls);
    traffic();
    // One mapping is taken, and the next one is not.
    server.replace_mapping(&mapping(&["new.example.com"]));
    server.admin().wait_for_metric("nameplate_mapping_generation", 2.0);
    server.replace_mapping("APIS: [oops");
    server.admin().wait_for_metric("nameplate_mapping_trouble{reason=\"rejected\"}", 1.0);

    wait_for_all(asked(), traffic, |(_, query)| !prometheus.numbers(query).is_empty());

    for variable in variables().iter().map(|variable| word(&variable["query"]["query"])) {
        if !variable.is_empty() {
            assert!(offered(&prometheus, &variable) > 0, "{variable}");
        }
    }
    for group in list(&prometheus.api("rules", &[])["groups"]) {
        for rule in list(&group["rules"]) {
            assert_eq!(rule["health"], "ok", "{rule}");
        }
    }

    // What was provoked waits for its time to be over, and what is mended is forgotten.
    let alert = |name: &str, more: &str| format!("ALERTS{{alertname=\"{name}\",alertstate=~\"pending|firing\"{more}}}");
    let rejected = alert("NameplateReloadRejected", ",reason=\"rejected\"");
    let down = alert("NameplateEndpointDown", ",endpoint=\"gone\"");
    wait_for_all(vec![rejected.clone(), down], traffic, |query| prometheus.count(query) == 1);
    assert_eq!(prometheus.count(&alert("NameplateTaskNotScraped", "")), 0);
    server.replace_mapping(&mapping(&[]));
    wait_for_all(vec![rejected], traffic, |query| prometheus.count(query) == 0);
}
