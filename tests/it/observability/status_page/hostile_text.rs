//! Text that somebody made to do harm stays text.

use super::{kept_to_itself, two_domains, url};
use crate::harness::browser::Browser;
use crate::harness::origin::Origin;

/// What breaks out of a text, an attribute, a title, a style or a script where nothing is escaped.
const HARM: &str = "'\"></title></style></script></code><img id=harm src=x onerror=\"window.__x=1;alert(1)\">\
                    <script id=harm>window.__x=1</script><svg id=harm onload=window.__x=1>";

#[test]
fn what_is_searched_for_and_what_a_fault_quotes_does_nothing() {
    let (api, browser) = (Origin::ok(), Browser::start());
    let proxy = two_domains(&api);
    proxy.save_mapping(&format!("APIS:\n  - CUSTOM_DOMAIN_URL: '{}'\n", HARM.replace('\'', "''")));
    proxy.reload().expect_err("it is broken");
    let long = format!("{HARM}{}", "a".repeat(8 * 1024));
    let harm = percent(HARM);
    for query in [
        String::new(),
        format!("?domain={harm}"),
        format!("?domain={harm}&method={harm}&path={harm}"),
        format!("?domain={}&path=%ff%fe%00{}", percent(&long), percent(&long)),
    ] {
        browser.open(&url(&proxy, &query));
        // Refreshed, it is as harmless.
        browser.run("document.getElementById('trouble').dataset.isBefore = ''");
        browser.click("#pause");
        browser.click("#pause");
        browser.wait_until("!document.querySelector('[data-is-before]')");
        let harmed =
            "return [document.querySelectorAll('#harm, img').length, document.scripts.length, typeof window.__x]";
        assert_eq!(browser.run(harmed), serde_json::json!([0, 1, "undefined"]), "{query}");
        assert!(browser.text("#trouble").contains("<script id=harm>"), "it is shown as what it is");
        if query.contains("domain") {
            let value = browser.run("return document.getElementById('domain').value");
            assert!(value.as_str().is_some_and(|value| value.starts_with(HARM)), "{value}");
        }
        let wide = browser.run("return document.documentElement.scrollWidth - innerWidth");
        assert!(wide.as_i64().is_some_and(|wide| wide <= 0), "{wide} wider than the window");
    }
    kept_to_itself(&browser, &proxy);
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
