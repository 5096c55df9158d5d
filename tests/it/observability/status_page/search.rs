//! The search, and what it says of a request.

use super::{DOMAIN, OTHER, kept_to_itself, two_domains, url};
use crate::harness::API_DOMAIN;
use crate::harness::browser::Browser;
use crate::harness::origin::Origin;

#[test]
fn a_typed_domain_shows_its_entries_and_where_the_request_goes() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = two_domains(&api);
    browser.open(&url(&proxy, ""));
    browser.fill("#domain", "PAY.example.com:443");
    browser.fill("#path", "/v2/cards?x=1");
    browser.follow("#submit");
    assert_eq!(browser.text("#verdict"), "Forwarded");
    assert_eq!(browser.text("#found-title"), "2 entries answer for “PAY.example.com:443”");
    let told = browser.text("#explanation");
    let host = format!("payv22.{API_DOMAIN}");
    for part in [
        format!("GET https://{host}/live/cards?x=1"),
        format!("SNI {host}"),
        format!("Host {host}"),
        "pay.example.com/v2 (".into(),
        "mapping.yaml:5)".into(),
        "Endpoint default".into(),
        "connect=1s, tls=2s, first_byte=5s, read=5s, write=5s".into(),
    ] {
        assert!(told.contains(&part), "{part:?} in {told}");
    }
    // The form keeps what was asked, for the next question.
    assert_eq!(browser.run("return document.getElementById('path').value"), "/v2/cards?x=1");

    // The proxy does what the page says.
    assert_eq!(proxy.get(DOMAIN, "/v2/cards?x=1").status, 200);
    assert_eq!(api.last_request().target(), "/live/cards?x=1");
    kept_to_itself(&browser, &proxy);
}

#[test]
fn a_refused_request_shows_why_and_what_would_help() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = two_domains(&api);
    browser.open(&url(&proxy, &format!("?domain={DOMAIN}&method=DELETE&path=/x")));
    assert_eq!(browser.text("#verdict"), "Refused: 405 method_not_allowed");
    assert!(browser.text("#explanation").contains("Allow GET, POST"));

    browser.open(&url(&proxy, &format!("?domain={OTHER}&method=GET&path=/x")));
    assert_eq!(browser.text("#verdict"), "Refused: 404 unknown_path");
    assert!(browser.text("#explanation").contains("Mapped paths /only"));

    browser.fill("#domain", "example");
    browser.follow("#submit");
    assert_eq!(browser.text("#verdict"), "Refused: 421 unknown_host");
    assert_eq!(browser.text("#found-title"), "No entry answers for “example”; domains of 3 entries contain it");

    browser.fill("#domain", "nowhere");
    browser.follow("#submit");
    assert_eq!(browser.text("#found-title"), "No entry answers for “nowhere”, and no domain contains it");
    kept_to_itself(&browser, &proxy);
}
