//! An entry that allows less than another for the same stage: no spelling of its paths goes round it.

use crate::harness::client::is_refusal;
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};

const DOMAIN: &str = "pay.example.com";

fn start() -> (Origin, Proxy) {
    let api = Origin::ok();
    let proxy = proxy()
        .maps(DOMAIN, "abc123", "/prod")
        .maps_with(&format!("{DOMAIN}/admin"), "abc123", "/prod/admin", &[("VERBS", "[GET]")])
        .maps_with(&format!("{DOMAIN}/slow"), "abc123", "/prod/slow", &[("RATE_LIMIT", "1/m")])
        .maps_with(&format!("{DOMAIN}/other"), "def456", "/prod", &[("VERBS", "[GET]")])
        .to(&api)
        .start();
    (api, proxy)
}

const OTHER_SPELLINGS: [&str; 8] =
    ["/%61dmin/x", "//admin/x", "/admin;a/x", "/admin%3ba/x", "/admin%2Fx", "/;/admin", "/%2fadmin/x?y", "/sl%6Fw"];

#[test]
fn no_other_spelling_goes_round_a_stricter_entry() {
    let (api, proxy) = start();
    for path in OTHER_SPELLINGS {
        is_refusal(&proxy.request("POST", DOMAIN, path, &[], b"x"), 400, "ambiguous_path");
        let answer = proxy.call(Call::get(DOMAIN, path)).expect("an answer");
        is_refusal(&answer, 400, "ambiguous_path");
    }
    is_refusal(&proxy.request("POST", DOMAIN, "/admin/x", &[], b"x"), 405, "method_not_allowed");
    assert!(api.requests().is_empty(), "{:#?}", api.requests());
}

#[test]
fn every_other_path_is_forwarded_as_it_is() {
    let (api, proxy) = start();
    for (path, at) in [
        ("/admin/x", "/prod/admin/x"),
        ("/admin//x;a", "/prod/admin//x;a"),
        ("//x", "/prod//x"),
        ("/administrator", "/prod/administrator"),
        ("/%61/b;c", "/prod/%61/b;c"),
        // The entry it could be is another API's.
        ("/%6fther/x", "/prod/%6fther/x"),
    ] {
        assert_eq!(proxy.get(DOMAIN, path).status, 200, "{path}");
        assert_eq!(api.last_request().target(), at);
    }
}

#[test]
fn entries_that_limit_alike_take_every_spelling() {
    let api = Origin::ok();
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").maps(&format!("{DOMAIN}/admin"), "abc123", "/prod/admin");
    let proxy = proxy.to(&api).start();
    for path in &OTHER_SPELLINGS[..7] {
        assert_eq!(proxy.request("POST", DOMAIN, path, &[], b"x").status, 200, "{path}");
    }
}
