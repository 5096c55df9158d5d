//! The script: numbers stay fresh, and nobody is disturbed.

use super::{DOMAIN, two_domains, url};
use crate::harness::browser::Browser;
use crate::harness::origin::Origin;

const UP_TO_DATE: &str = "document.querySelector('#domains tbody td')?.textContent ===";

#[test]
fn an_update_leaves_focus_and_what_is_typed_and_can_be_paused() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = two_domains(&api);
    assert_eq!(proxy.get(DOMAIN, "/a").status, 200);
    proxy.wait_for_metric("nameplate_requests_total", 1.0);
    browser.open(&url(&proxy, ""));
    assert_eq!(browser.text("#updated"), "Updates every 5 s");
    browser.fill("#domain", "half a na");
    browser.run("document.getElementById('top-0').focus()");
    assert_eq!(proxy.get(DOMAIN, "/a").status, 200);
    browser.wait_until(&format!("{UP_TO_DATE} '2'"));
    assert_eq!(browser.run("return document.activeElement.id"), "top-0");
    assert_eq!(browser.run("return document.getElementById('domain').value"), "half a na");

    browser.click("#pause");
    assert_eq!(browser.run("return document.getElementById('pause').ariaPressed"), "true");
    assert!(browser.text("#updated").starts_with("Paused"));
    assert_eq!(proxy.get(DOMAIN, "/a").status, 200);
    proxy.wait_for_metric("nameplate_requests_total", 3.0);
    // To go on is to be up to date at once; until then nothing changed.
    assert_eq!(browser.run(&format!("return {UP_TO_DATE} '2'")), true);
    browser.click("#pause");
    browser.wait_until(&format!("{UP_TO_DATE} '3'"));
}

#[test]
fn a_process_that_is_gone_is_said_to_be() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = two_domains(&api);
    browser.open(&url(&proxy, ""));
    proxy.stop();
    browser.wait_until("document.getElementById('updated').textContent.startsWith('No answer')");
    assert_eq!(browser.text("#state"), "Ready Serving 2 domains · ready", "what was known stays");
}

#[test]
fn who_asks_for_less_motion_gets_no_updates_unasked() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = two_domains(&api);
    let features = serde_json::json!([{ "name": "prefers-reduced-motion", "value": "reduce" }]);
    browser.devtools("Emulation.setEmulatedMedia", &serde_json::json!({ "features": features }));
    browser.open(&url(&proxy, ""));
    assert!(browser.text("#updated").starts_with("Paused"));
}
