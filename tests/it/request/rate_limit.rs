//! An entry's RATE_LIMIT.

use crate::harness::client::is_refusal;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, entry, proxy};
use crate::upstream::endpoints::{get, requests};

const REFUSED: &str = "nameplate_refusals_total{reason=\"rate_limited\"}";

fn limited(api: &Origin) -> Proxy {
    let keys = [("RATE_LIMIT", "3/m"), ("VERBS", "[GET]")];
    proxy()
        .maps_with("pay.example.com", "abc123", "/prod", &keys)
        .maps("shop.example.com", "abc123", "/prod")
        .to(api)
        .start()
}

#[test]
fn what_is_over_the_limit_is_told_when_to_come_again() {
    let api = Origin::ok();
    let proxy = limited(&api);
    let statuses: Vec<_> = (0..3).map(|_| get(&proxy).status).collect();
    assert_eq!(statuses, [200, 200, 200]);
    let answer = get(&proxy);
    is_refusal(&answer, 429, "rate_limited");
    let wait: u64 = answer.header("retry-after").expect("it says when").parse().expect("seconds");
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(requests(&api), 3);
    proxy.wait_for_metric(REFUSED, 1.0);
}

#[test]
fn other_entries_are_not_held_back() {
    let api = Origin::ok();
    let proxy = limited(&api);
    for _ in 0..5 {
        get(&proxy);
        assert_eq!(proxy.get("shop.example.com", "/").status, 200);
    }
    proxy.wait_for_metric(REFUSED, 2.0);
}

#[test]
fn a_request_that_is_refused_anyway_uses_nothing_up() {
    let api = Origin::ok();
    let proxy = limited(&api);
    for _ in 0..5 {
        assert_eq!(proxy.request("POST", "pay.example.com", "/x", &[], b"").status, 405);
    }
    assert_eq!(get(&proxy).status, 200);
}

#[test]
fn a_mapping_that_changes_around_it_gives_it_nothing_back() {
    let api = Origin::ok();
    let proxy = limited(&api);
    for _ in 0..3 {
        get(&proxy);
    }
    let keys = [("RATE_LIMIT", "3/m"), ("VERBS", "[GET]")];
    let same = entry("pay.example.com", "abc123", "/prod", &keys);
    proxy.save_mapping(&format!("APIS:\n{same}{}", entry("news.example.com", "abc123", "/prod", &[])));
    proxy.reload().expect("taken");
    is_refusal(&get(&proxy), 429, "rate_limited");
}
