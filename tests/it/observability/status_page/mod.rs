//! The status page in a real browser.

mod accessibility;
mod hostile_text;
mod search;
mod updates;

use crate::harness::browser::Browser;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};

const DOMAIN: &str = "pay.example.com";
const OTHER: &str = "shop.example.com";

/// A proxy with two domains, one of which has two entries.
fn two_domains(api: &Origin) -> Proxy {
    proxy()
        .maps_with(DOMAIN, "pay111", "/prod", &[("VERBS", "[GET, POST]")])
        .maps(&format!("{DOMAIN}/v2"), "payv22", "/live")
        .maps(&format!("{OTHER}/only"), "shop33", "/prod")
        .to(api)
        .start()
}

/// Where its status page is.
fn url(proxy: &Proxy, query: &str) -> String {
    format!("http://{}/{query}", proxy.admin())
}

/// Nothing was asked of anybody else, and nothing was said against it.
#[track_caller]
fn kept_to_itself(browser: &Browser, proxy: &Proxy) {
    let (asked, own) = (browser.requested(), url(proxy, ""));
    assert!(asked.iter().any(|asked| asked.starts_with(&own)), "{asked:?}");
    let others: Vec<_> = asked.iter().filter(|asked| !asked.starts_with(&own) && !asked.starts_with("data:")).collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn it_says_what_runs_what_is_in_force_and_what_goes_through() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = two_domains(&api);
    browser.open(&url(&proxy, ""));
    assert_eq!(browser.text("h1"), "Nameplate");
    assert_eq!(browser.text("#version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(browser.text("#state"), "Ready Serving 2 domains · ready");
    assert_eq!(browser.text("#mapping-version"), proxy.pages().mapping()["version"]);
    assert_eq!(browser.text("#domains .empty"), "No request has reached an API yet.");
    assert_eq!(browser.text("#rate"), "0");
    let endpoints = browser.text("#endpoints");
    assert!(endpoints.contains(&api.address().to_string()) && endpoints.contains("In use"), "{endpoints}");

    for path in ["/a", "/v2/b", "/c"] {
        assert_eq!(proxy.get(DOMAIN, path).status, 200);
    }
    assert_eq!(proxy.get(OTHER, "/only").status, 200);
    assert_eq!(proxy.get(OTHER, "/unmapped").status, 404);
    proxy.wait_for_metric("nameplate_requests_total", 5.0);
    // The script brings it, without the page being loaded again.
    browser
        .wait_until("document.getElementById('seconds-title').textContent.startsWith('5 requests in the last minute')");
    browser.wait_until("document.querySelectorAll('#domains tbody tr').length === 2");
    assert!(browser.text("#domains tbody tr:first-child").starts_with("pay.example.com 3 75.0 %"));
    assert!(browser.text("#domains tbody tr:last-child").starts_with("shop.example.com 1 25.0 %"));
    kept_to_itself(&browser, &proxy);
}

#[test]
fn a_broken_mapping_is_told_with_its_diagnostics() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = two_domains(&api);
    proxy.save_mapping("APIS:\n  - CUSTOM_DOMAIN_URL: pay.example.com\n  - {}\n");
    let fault = proxy.reload().expect_err("it is broken").to_string();
    browser.open(&url(&proxy, ""));
    assert_eq!(browser.text("#state"), "Attention Serving the last good mapping: the new one has 3 faults");
    let told = browser.text("#trouble");
    let first = fault.lines().next().expect("a line").replace(": error:", "");
    assert!(told.contains(&first), "{first:?} in {told}");
    assert!(first.contains("mapping.yaml:2:"), "{first}");
    for line in fault.lines().filter_map(|line| line.trim().strip_prefix("help: ")) {
        assert!(told.contains(&format!("Help: {line}")), "{line:?} in {told}");
    }

    // The page that is open learns that it is mended.
    proxy.save_mapping(&format!("APIS:\n{}", crate::harness::proxy::entry(DOMAIN, "pay111", "/prod", &[])));
    proxy.reload().expect("a mapping");
    browser.wait_until("!document.querySelector('.trouble')");
    assert_eq!(browser.text("#state"), "Ready Serving 1 domain · ready");
    kept_to_itself(&browser, &proxy);
}

#[test]
fn without_script_the_essentials_and_the_search_are_there() {
    let (api, browser) = (Origin::ok(), Browser::without_script());
    let proxy = two_domains(&api);
    assert_eq!(proxy.get(DOMAIN, "/a").status, 200);
    proxy.wait_for_metric("nameplate_requests_total", 1.0);
    browser.open(&url(&proxy, ""));
    assert_eq!(browser.text("#updates"), "", "what needs a script is not shown");
    assert_eq!(browser.text("#state"), "Ready Serving 2 domains · ready");
    assert_eq!(browser.text("#mapping-version"), proxy.pages().mapping()["version"]);
    assert!(browser.text("#domains").contains(DOMAIN));
    assert!(browser.text("#traffic").contains("Refused by Nameplate"));
    browser.fill("#domain", DOMAIN);
    browser.follow("#submit");
    assert_eq!(browser.text("#verdict"), "Forwarded");
    browser.follow("#top-0");
    assert!(browser.text("#found-title").contains("2 entries answer for"));
    kept_to_itself(&browser, &proxy);
}
