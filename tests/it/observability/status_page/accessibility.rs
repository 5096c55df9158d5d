//! Readable on a phone, in both schemes, and with a screen reader.

use serde_json::Value;

use super::{DOMAIN, kept_to_itself, two_domains, url};
use crate::harness::browser::Browser;
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;

const CONTRAST: &str = include_str!("contrast.js");

/// A proxy that has much to say: traffic, and a mapping that was not taken.
fn busy(api: &Origin) -> Proxy {
    let proxy = two_domains(api);
    assert_eq!(proxy.get(DOMAIN, "/a").status, 200);
    proxy.wait_for_metric("nameplate_requests_total", 1.0);
    proxy.save_mapping("APIS:\n  - {}\n");
    proxy.reload().expect_err("it is broken");
    proxy
}

#[test]
fn it_fits_a_phone_and_is_readable_in_both_schemes() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = busy(&api);
    browser.resize(360, 740);
    let mut backgrounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer_scheme(scheme);
        for query in ["", &format!("?domain={DOMAIN}&path=/x"), &format!("?domain={DOMAIN}&method=PUT&path=/x")] {
            browser.open(&url(&proxy, query));
            let faint = browser.run(CONTRAST);
            assert_eq!(faint, serde_json::json!([]), "{scheme} {query}");
            let wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]");
            assert_eq!(wide, serde_json::json!([360, 360]), "{scheme} {query}");
        }
        let small = "return [...document.querySelectorAll('a:not(.skip), button, input, select')].filter((e) => { \
                     const box = e.getBoundingClientRect(); return box.height < 44 || box.width < 44; }).map((e) => e.outerHTML)";
        assert_eq!(browser.run(small), serde_json::json!([]), "too small for a finger");
        backgrounds.push(browser.run("return getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(backgrounds[0], backgrounds[1], "the schemes look the same");
    kept_to_itself(&browser, &proxy);
}

/// The roles and names that assistive technology sees.
fn tree(browser: &Browser) -> Vec<(String, String)> {
    let tree = browser.devtools("Accessibility.getFullAXTree", &serde_json::json!({}));
    let nodes = tree["nodes"].as_array().expect("nodes").iter().filter(|node| node["ignored"] != true);
    let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
    nodes.map(|node| (text(&node["role"]), text(&node["name"]))).collect()
}

#[test]
fn a_screen_reader_finds_its_way() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = busy(&api);
    browser.open(&url(&proxy, &format!("?domain={DOMAIN}&method=GET&path=/x")));
    let tree = tree(&browser);
    let names = |role: &str| tree.iter().filter(|(r, _)| r == role).map(|(_, n)| n.as_str()).collect::<Vec<_>>();
    for landmark in ["banner", "main", "contentinfo", "navigation", "search"] {
        assert_eq!(names(landmark).len(), 1, "{landmark}: {tree:?}");
    }
    assert_eq!(names("textbox"), ["Domain, or a part of one", "Path and query"]);
    assert_eq!(names("combobox"), ["Method"]);
    assert_eq!(names("button"), ["Pause updates", "Search and explain"]);
    for (role, name) in &tree {
        let must_have_one = ["link", "table", "region", "group", "heading", "image", "columnheader", "rowheader"];
        assert!(!must_have_one.contains(&role.as_str()) || !name.is_empty(), "a {role} without a name");
    }
    let mut regions = names("region");
    regions.sort_unstable();
    let all = regions.len();
    regions.dedup();
    assert!(regions.len() == all && all >= 6, "regions with the same name: {tree:?}");
    assert!(names("table").len() >= 4 && !names("rowheader").is_empty() && names("status").len() == 2, "{tree:?}");
    let levels =
        browser.run("return [...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1]))");
    let levels: Vec<u64> = levels.as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
    assert!(levels[0] == 1 && levels.is_sorted_by(|a, b| *b <= a + 1), "a level is left out: {levels:?}");
    let ids =
        "const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); return ids.length - new Set(ids).size";
    assert_eq!(browser.run(ids), 0, "ids are there once");

    // The first key press leads past the header.
    browser.devtools(
        "Input.dispatchKeyEvent",
        &serde_json::json!({ "type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 }),
    );
    assert_eq!(browser.run("return document.activeElement.getAttribute('href')"), "#main");
}
