//! What is counted for each domain, and for how long.

use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, entry, proxy};
use crate::harness::reply::Reply;

fn entries(domains: &[&str]) -> String {
    domains.iter().map(|domain| entry(domain, "abc123", "/prod", &[])).collect()
}

fn counting(api: &Origin, domains: &[&str]) -> Proxy {
    proxy()
        .yaml(&entries(domains))
        .settings("metrics: { max_domains: 2 }\nreload: { max_removed: 100 }\n")
        .to(api)
        .start()
}

/// Waits until so many requests of a domain were answered with a status.
#[track_caller]
fn counted(proxy: &Proxy, domain: &str, code: u16, times: f64) {
    let series = format!("nameplate_requests_total{{code=\"{code}\",domain=\"{domain}\",method=\"GET\"}}");
    proxy.wait_for_metric(&series, times);
}

#[test]
fn the_first_domains_of_the_mapping_have_series_of_their_own() {
    let api = Origin::ok();
    // Not in the order of the alphabet.
    let proxy = counting(&api, &["z.example.com", "*.y.example.com", "a.example.com", "b.example.com/v1"]);
    for host in ["z.example.com", "z.example.com", "1.y.example.com", "2.y.example.com", "a.example.com"] {
        assert_eq!(proxy.get(host, "/x").status, 200);
    }
    assert_eq!(proxy.get("b.example.com", "/v1/x").status, 200);
    assert_eq!(proxy.get("b.example.com", "/v2/x").status, 404);
    assert_eq!(proxy.get("nobody.example.com", "/x").status, 421);
    counted(&proxy, "z.example.com", 200, 2.0);
    counted(&proxy, "*.y.example.com", 200, 2.0);
    counted(&proxy, "other", 200, 2.0);
    counted(&proxy, "unmapped", 404, 1.0);
    counted(&proxy, "unmapped", 421, 1.0);
    assert!(!proxy.metrics().contains("domain=\"a.example.com\""));
}

#[test]
fn a_domains_series_go_with_it_and_the_others_stay() {
    let api = Origin::ok();
    let proxy = counting(&api, &["a.example.com", "b.example.com"]);
    for host in ["a.example.com", "b.example.com"] {
        assert_eq!(proxy.get(host, "/x").status, 200);
        counted(&proxy, host, 200, 1.0);
    }
    proxy.save_mapping(&format!("APIS:\n{}", entries(&["b.example.com", "c.example.com"])));
    proxy.reload().expect("it is taken");
    assert!(!proxy.metrics().contains("a.example.com"));
    for host in ["b.example.com", "c.example.com"] {
        assert_eq!(proxy.get(host, "/x").status, 200);
    }
    counted(&proxy, "b.example.com", 200, 2.0);
    counted(&proxy, "c.example.com", 200, 1.0);
}

/// An API may answer with every number from 200 to 599.
#[test]
fn statuses_that_an_api_makes_up_share_a_series() {
    let api = Origin::start(|request| {
        let status = request.target().rsplit('/').next().and_then(|status| status.parse().ok()).expect("a status");
        Reply::json(status, "")
    });
    let proxy = counting(&api, &["a.example.com"]);
    let mut client = proxy.client();
    for status in 200..600 {
        client.send(format!("GET /{status} HTTP/1.1\r\nHost: a.example.com\r\n\r\n"));
        assert_eq!(client.read_response().status, status);
    }
    for class in ["2xx", "3xx", "4xx", "5xx"] {
        let series = format!("nameplate_requests_total{{code=\"{class}\",domain=\"a.example.com\",method=\"GET\"}}");
        assert!(proxy.metric(&series) > 50.0, "{class}");
    }
    let series = proxy.metrics().lines().filter(|line| line.contains("domain=\"a.example.com\"")).count();
    assert!(series < 80, "{series} series of one domain");
}

#[test]
fn bytes_of_bodies_are_counted_both_ways() {
    let api = Origin::ok();
    let proxy = counting(&api, &["a.example.com"]);
    assert_eq!(proxy.request("POST", "a.example.com", "/x", &[], b"hello").status, 200);
    proxy.wait_for_metric("nameplate_request_bytes_total", 5.0);
    proxy.wait_for_metric("nameplate_response_bytes_total", "{\"ok\":true}".len() as f64);
}
