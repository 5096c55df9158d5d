//! A URL: the AppConfig agent, or any server that answers GET.

use std::fs;
use std::time::Duration;

use super::{expect_not_taken, expect_served};
use crate::harness::origin::Origin;
use crate::harness::server::{Server, ServerBuilder, mapping, server};
use crate::harness::web::{Page, Web};

const AGENT: &str = "/applications/shop/environments/prod/configurations/mapping";

fn old() -> String {
    mapping(&[("pay.example.com", "/prod")])
}

fn new() -> String {
    mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")])
}

fn reading(api: &Origin, web: &Web, reload: &str) -> ServerBuilder {
    server(api).settings(&format!("mapping: {}\nreload: {{ cache: '', {reload} }}", web.url(AGENT)))
}

fn polling(api: &Origin, web: &Web) -> Server {
    reading(api, web, "poll: 1s").start()
}

#[test]
fn a_change_is_taken_at_the_next_poll_and_only_asked_for_by_its_etag() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old()).with_etag("1")));
    let server = polling(&api, &web);
    assert_eq!(server.get("pay.example.com"), 200);
    web.wait_until_asked(2);
    web.answers(Page::text(&new()).with_etag("2"));
    expect_served(&server, 2.0, "new.example.com");

    let (seen, answered) = (web.seen(), web.answered());
    assert!(seen[0].line.starts_with(&format!("GET {AGENT} HTTP/1.1")), "{}", seen[0].line);
    assert_eq!((seen[0].header("if-none-match"), answered[0]), (None, 200));
    assert_eq!((seen[1].header("if-none-match"), answered[1]), (Some("\"1\""), 304));
    assert_eq!(server.admin().mapping()["source"], web.url(AGENT));
}

#[test]
fn without_an_etag_the_bytes_tell_what_is_new() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let server = polling(&api, &web);
    server.admin().wait_for_at_least("nameplate_mapping_reloads_total{result=\"unchanged\"}", 2.0);
    assert_eq!(server.admin().metric(super::GENERATION), 1.0);
    assert!(web.seen().iter().all(|seen| seen.header("if-none-match").is_none()));
}

#[test]
fn the_token_is_sent_and_read_anew_each_time() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let builder = reading(&api, &web, "poll: 1s, token_file: token");
    let token = builder.path("token");
    fs::write(&token, "one\n").expect("written");
    let server = builder.start();
    assert_eq!(server.get("pay.example.com"), 200);
    assert_eq!(web.seen()[0].header("authorization"), Some("Bearer one"));
    fs::write(&token, "two").expect("written");
    let asked = web.answered().len();
    web.wait_until_asked(asked + 2);
    assert_eq!(web.seen().last().and_then(|seen| seen.header("authorization")), Some("Bearer two"));
    assert!(server.times_said("two") == 0);
}

#[test]
fn a_broken_version_is_reported_once_and_the_last_good_one_serves_on() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let server = polling(&api, &web);
    server.wait_for("admin pages on");
    web.answers(Page::text("APIS: [oops"));
    let trouble = expect_not_taken(&server, "rejected", "pay.example.com");
    assert!(trouble["message"].as_str().is_some_and(|said| said.starts_with(&web.url(AGENT))), "{trouble}");

    let asked = web.answered().len();
    web.wait_until_asked(asked + 2);
    assert_eq!((server.admin().reloads("rejected"), server.times_said("mapping rejected")), (1.0, 1));
    // It is not what the source has that is in force, so the last sign of that grows older.
    assert!(server.admin().metric("nameplate_mapping_staleness_seconds") >= 1.0);

    web.answers(Page::text(&new()));
    expect_served(&server, 2.0, "new.example.com");
}

#[test]
fn going_back_to_what_is_in_force_ends_the_trouble() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let server = polling(&api, &web);
    server.wait_for("admin pages on");
    web.answers(Page::text("APIS: [oops"));
    expect_not_taken(&server, "rejected", "pay.example.com");
    web.answers(Page::text(&old()));
    server.admin().wait_for_metric(&super::trouble("rejected"), 0.0);
    assert_eq!(server.admin().metric(super::GENERATION), 1.0);
}

// A version that was not taken, an error, and then 304 for that version: not what is in force.
#[test]
fn a_version_that_was_not_taken_stays_so_while_the_server_comes_and_goes() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old()).with_etag("1")));
    let server = polling(&api, &web);
    server.wait_for("admin pages on");
    let bad = Page::text("APIS: [oops").with_etag("2");
    web.answers(bad.clone());
    expect_not_taken(&server, "rejected", "pay.example.com");
    web.answers(Page::status(500, "down"));
    expect_not_taken(&server, "failed", "pay.example.com");
    web.answers(bad);
    expect_not_taken(&server, "rejected", "pay.example.com");
    assert_eq!(web.answered().last(), Some(&304));
}

#[test]
fn a_server_in_trouble_is_asked_less_and_less() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let server = polling(&api, &web);
    server.wait_for("admin pages on");
    web.answers(Page::status(503, "<html>down\u{1b}[2J</html>"));
    let trouble = expect_not_taken(&server, "failed", "pay.example.com");
    let said = trouble["message"].as_str().unwrap_or_default();
    assert!(said.contains("the answer is 503 Service Unavailable: <html>down [2J</html>"), "{said}");
    let failed = |web: &Web| web.answered().iter().position(|status| *status == 503).expect("one failed");
    let first = failed(&web);
    web.wait_until_asked(first + 4);
    let at: Vec<_> = web.seen()[first..].iter().map(|seen| seen.at).collect();
    let pauses: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[1] >= Duration::from_millis(1_700) && pauses[2] >= Duration::from_millis(3_400), "{pauses:?}");
}

#[track_caller]
fn not_taken(page: Page, reload: &str, says: &str) {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let server = reading(&api, &web, &format!("poll: 1s, {reload}")).start();
    server.wait_for("admin pages on");
    web.answers(page);
    let trouble = expect_not_taken(&server, "failed", "pay.example.com");
    let said = trouble["message"].as_str().unwrap_or_default();
    assert!(said.contains(says) && said.contains("\n  help: "), "{said}");
}

#[test]
fn more_than_the_limit_is_not_read() {
    let large = Page::text(&"#".repeat(5_000));
    not_taken(large.clone(), "max_bytes: 4000", "it has 5000 bytes, more than the 4000 bytes");
    not_taken(Page { has_length: false, ..large }, "max_bytes: 4000", "it has more than the 4000 bytes");
}

#[test]
fn what_does_not_arrive_whole_is_not_taken() {
    let cut = Page { cut_after: Some(60), ..Page::text(&new()) };
    not_taken(cut, "timeout: 10s", "cannot read http://");
    let slow = Page { delay: Duration::from_secs(3), ..Page::text(&new()) };
    not_taken(slow, "timeout: 500ms", "no answer within 500ms");
}

#[test]
fn a_server_that_does_not_know_it_says_so() {
    not_taken(Page::status(404, "no such profile"), "timeout: 10s", "404 Not Found: no such profile");
    not_taken(Page::status(403, ""), "timeout: 10s", "the answer is 403 Forbidden\n  help: check `reload: token_file`");
}

#[test]
fn a_compressed_body_says_what_to_do() {
    let (api, web) = (Origin::ok(), Web::start(Page::text(&old())));
    let server = polling(&api, &web);
    server.wait_for("admin pages on");
    assert_eq!(web.seen()[0].header("accept-encoding"), Some("identity"));
    web.answers(Page { body: b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), ..Page::text("") }.with_etag("gzip"));
    let trouble = expect_not_taken(&server, "rejected", "pay.example.com");
    let said = trouble["message"].as_str().unwrap_or_default();
    assert!(said.contains("it is compressed with gzip: it begins with 1f 8b"), "{said}");
    assert!(said.contains("help: store it uncompressed, and without `Content-Encoding: gzip`"), "{said}");
}
