//! A change that removes too much is held; what is kept for an entry outlives the changes around it.

use crate::harness::origin::Origin;
use crate::harness::proxy::{entry, proxy};
use crate::harness::server::{Server, mapping, nameplate, server};
use crate::harness::web::{Page, Web};

const HELD: &str = "nameplate_mapping_trouble{reason=\"held\"}";
const GENERATION: &str = "nameplate_mapping_generation";

pub(super) fn of(domains: std::ops::Range<usize>) -> String {
    let names: Vec<_> = domains.map(|n| format!("d{n}.example.com")).collect();
    mapping(&names.iter().map(|name| (name.as_str(), "/prod")).collect::<Vec<_>>())
}

/// Ten domains from a URL that is only read when somebody says so.
pub(super) fn of_ten(api: &Origin, more: &str) -> (Web, Server) {
    let web = Web::start(Page::text(&of(0..10)));
    let settings = format!("mapping: {}\nreload: {{ poll: 60m, cache: '', {more} }}", web.url("/m"));
    let server = server(api).settings(&settings).start();
    assert_eq!(server.get("d9.example.com"), 200);
    (web, server)
}

#[test]
fn a_change_that_removes_most_domains_is_held_and_taken_on_a_word() {
    let api = Origin::ok();
    let (web, server) = of_ten(&api, "");
    web.answers(Page::text(&of(0..4)));
    server.signal("-HUP");
    server.admin().wait_for_metric(HELD, 1.0);
    server.wait_for("removes 6 of 10 domains, and 50 % is the most a change may remove");
    server.wait_for("help: if that is meant, `nameplate reload --allow-shrink`");
    assert_eq!((server.get("d9.example.com"), server.admin().metric(GENERATION)), (200, 1.0));
    assert_eq!(
        (server.admin().reloads("held"), server.admin().mapping()["trouble"]["reason"].as_str()),
        (1.0, Some("held"))
    );

    // To ask again is no consent.
    server.signal("-HUP");
    server.wait_for_times("mapping held", 2);
    assert_eq!(server.get("d9.example.com"), 200);

    let told = server.reload(&["--allow-shrink"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    server.admin().wait_for_metric(GENERATION, 2.0);
    assert_eq!(
        (server.get("d9.example.com"), server.get("d3.example.com"), server.admin().metric(HELD)),
        (421, 200, 0.0)
    );
}

#[test]
fn the_word_is_for_what_was_held_and_for_nothing_else() {
    let api = Origin::ok();
    let (web, server) = of_ten(&api, "");
    web.answers(Page::text(&of(0..4)));
    server.signal("-HUP");
    server.admin().wait_for_metric(HELD, 1.0);
    web.answers(Page::text(&of(0..1)));
    server.signal("-USR1");
    server.wait_for("removes 9 of 10 domains");
    assert_eq!((server.get("d9.example.com"), server.admin().metric(GENERATION)), (200, 1.0));
}

#[test]
fn half_may_go_and_a_setting_lets_all_go() {
    let api = Origin::ok();
    let (web, server) = of_ten(&api, "");
    web.answers(Page::text(&of(0..5)));
    server.signal("-HUP");
    server.admin().wait_for_metric(GENERATION, 2.0);

    let (web, server) = of_ten(&api, "allow_shrink: true");
    web.answers(Page::text(&of(0..1)));
    server.signal("-HUP");
    server.admin().wait_for_metric(GENERATION, 2.0);

    let (web, server) = of_ten(&api, "max_removed: 0");
    web.answers(Page::text(&of(1..10)));
    server.signal("-HUP");
    server.admin().wait_for_metric(HELD, 1.0);
}

#[test]
fn what_is_counted_for_an_entry_outlives_the_changes_around_it() {
    let api = Origin::ok();
    let proxy =
        proxy().maps("pay.example.com", "abc123", "/prod").maps("shop.example.com", "abc123", "/prod").to(&api).start();
    let requests = |domain: &str| {
        let found = proxy.admin_get(&format!("/mapping?domain={domain}")).json();
        let entry = &found["found"]["entries"][0];
        (entry["requests"].as_u64(), entry["since_generation"].as_u64())
    };
    for domain in ["pay.example.com", "pay.example.com", "shop.example.com"] {
        assert_eq!(proxy.get(domain, "/").status, 200);
    }
    proxy.wait_for_metric("nameplate_requests_total{code=\"200\",method=\"GET\"}", 3.0);
    let new = [entry("a.example.com", "abc123", "/p", &[]), entry("pay.example.com", "abc123", "/prod", &[])];
    proxy.save_mapping(&format!("APIS:\n{}{}", new.concat(), entry("shop.example.com", "abc123", "/v2", &[])));
    proxy.reload().expect("a good file");
    assert_eq!(requests("pay.example.com"), (Some(2), Some(1)), "it says the same, on another line");
    assert_eq!(requests("shop.example.com"), (Some(0), Some(2)), "it says something else");
}

#[test]
fn only_a_process_that_serves_is_told_to_reload() {
    let other = reload_of("1");
    assert_eq!(other.status.code(), Some(1));
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(said.contains("process 1 is not a `nameplate serve`"), "{said}");
}

fn reload_of(pid: &str) -> std::process::Output {
    nameplate(&["reload", "--pid", pid])
}

#[test]
fn a_change_that_grows_beyond_the_limit_is_held_and_taken_on_a_word() {
    let api = Origin::ok();
    let (web, server) = of_ten(&api, "hold_entries: 15");
    web.answers(Page::text(&of(0..15)));
    server.signal("-HUP");
    server.admin().wait_for_metric(GENERATION, 2.0);

    web.answers(Page::text(&of(0..30)));
    server.signal("-HUP");
    server.admin().wait_for_metric(HELD, 1.0);
    server.wait_for("has 30 entries, 15 are active, and 15 are the most a change may grow to");
    server.wait_for("help: if that is meant, `nameplate reload --allow-growth` takes it");
    assert_eq!((server.get("d29.example.com"), server.get("d9.example.com")), (421, 200));

    let told = server.reload(&["--allow-growth"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    server.admin().wait_for_metric(GENERATION, 3.0);
    assert_eq!((server.get("d29.example.com"), server.admin().metric(HELD)), (200, 0.0));
}

#[test]
fn a_text_that_grows_beyond_the_limit_is_held() {
    let api = Origin::ok();
    let (web, server) = of_ten(&api, "hold_bytes: 5000");
    web.answers(Page::text(&format!("{}# {}\n", of(0..10), "#".repeat(5_000))));
    server.signal("-HUP");
    server.admin().wait_for_metric(HELD, 1.0);
    server.wait_for("and 5000 are the most a change may grow to");
    assert_eq!(server.admin().metric(GENERATION), 1.0);
}

#[test]
fn check_says_beforehand_that_a_growth_will_be_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("text").to_owned()
    };
    let (old, new) = (write("old.yaml", &of(0..4)), write("new.yaml", &of(0..9)));
    let settings = write("nameplate.yaml", "endpoint: { fixed: ['127.0.0.1:1'] }\nreload: { hold_entries: 8 }\n");
    let checked = nameplate(&["check", &new, "--against", &old, "--config", &settings]);
    let said = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(4), "{said}");
    assert!(said.contains("held: it grows beyond 8 entries"), "{said}");
    let checked = nameplate(&["check", &old, "--against", &new, "--config", &settings, "--max-removed", "100"]);
    assert_ne!(checked.status.code(), Some(4), "{}", String::from_utf8_lossy(&checked.stdout));
}
