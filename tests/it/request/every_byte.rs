//! Every byte in a path and in a query: `explain`, the status page, HTTP/1.1 and HTTP/2 have one verdict.

use std::borrow::Cow;

use nameplate_core::explain::{Question, Verdict, explain};
use nameplate_core::mapping::files::Files;
use nameplate_core::mapping::load::Compiled;
use nameplate_core::settings::Settings;

use super::malformed::DOMAIN;
use crate::harness::client::{Client, is_refusal};
use crate::harness::frames::{END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, RST_STREAM, fields, frame};
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, entry, proxy};

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Forwarded,
    Refused(u16, String),
    /// Over HTTP/2: the stream, or the whole connection, ends with PROTOCOL_ERROR.
    Reset,
    ConnectionEnds,
}

fn refused(status: u16, reason: &str) -> Told {
    Told::Refused(status, reason.to_owned())
}

/// What `nameplate explain` says: for HTTP/1.1, and for HTTP/2.
fn explained(target: &[u8]) -> (Told, Told) {
    let mapping = format!("APIS:\n{}", entry(DOMAIN, "abc123", "/prod", &[]));
    let table = Compiled::of(mapping.as_bytes(), "m.yaml", None).expect("a mapping").table;
    let question =
        Question { method: "GET", host: DOMAIN.into(), target: Cow::Borrowed(target), overrides: Vec::new() };
    let told = explain(&table, &Settings::default(), &Files::one("m.yaml"), &question);
    let verdict = || match told.verdict {
        Verdict::Forwarded => Told::Forwarded,
        Verdict::Refused(refusal) => refused(refusal.status(), refusal.reason()),
    };
    let over_http2 = told.facts.iter().find(|(fact, _)| *fact == "over HTTP/2").map(|(_, value)| value.as_str());
    let over_http2 = match over_http2 {
        Some(text) if text.starts_with("the stream is reset") => Told::Reset,
        Some(_) => Told::ConnectionEnds,
        None => verdict(),
    };
    (verdict(), over_http2)
}

fn on_the_page(proxy: &Proxy, target: &[u8]) -> Told {
    let encoded: String = target.iter().map(|byte| format!("%{byte:02x}")).collect();
    let admin = proxy.admin();
    let request = format!(
        "GET /?domain={DOMAIN}&method=GET&path={encoded} HTTP/1.1\r\nHost: {admin}\r\nAccept: text/html\r\n\
         Connection: close\r\n\r\n"
    );
    let page = Client::connect(admin).send(request).read_response().text();
    let verdict = page.split("id=\"verdict\">").nth(1).and_then(|rest| rest.split('<').next()).expect(&page);
    match verdict.strip_prefix("Refused: ").and_then(|rest| rest.split_once(' ')) {
        Some((status, reason)) => refused(status.parse().expect("a status"), reason),
        None => Told::Forwarded,
    }
}

fn over_http1(proxy: &Proxy, target: &[u8]) -> Told {
    let request = [b"GET ", target, b" HTTP/1.1\r\nHost: ", DOMAIN.as_bytes(), b"\r\n\r\n"].concat();
    let answer = proxy.send(request);
    match answer.header("x-nameplate-refusal") {
        Some(reason) => refused(answer.status, reason),
        None => Told::Forwarded,
    }
}

fn over_http2(proxy: &Proxy, target: &[u8]) -> Told {
    let mut client = Frames::connect(proxy.h2c_address());
    let length = u8::try_from(target.len()).expect("a short target");
    let path = [&[0, 5], &b":path"[..], &[length], target].concat();
    let others = fields(&[(":method", "GET"), (":scheme", "http"), (":authority", DOMAIN)]);
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &[others, path].concat()));
    let first = client.wait_for(|frame| matches!((frame.kind, frame.stream), (HEADERS | RST_STREAM, 1) | (GOAWAY, _)));
    match first.kind {
        HEADERS if first.status() == 200 => Told::Forwarded,
        // Frames do not decode the reason; where the parser lets a refused byte through, a library can send it.
        HEADERS => {
            let path = std::str::from_utf8(target).expect("a target that is text");
            let answer = proxy.call(Call::get(DOMAIN, path)).expect("an answer");
            assert_eq!(answer.status, first.status());
            refused(answer.status, answer.header("x-nameplate-refusal").expect("a refusal"))
        }
        kind => {
            assert_eq!(first.reason(), h2::Reason::PROTOCOL_ERROR);
            if kind == GOAWAY { Told::ConnectionEnds } else { Told::Reset }
        }
    }
}

/// All four agree on a target, and one that is forwarded arrives as it was sent, without its fragment.
#[track_caller]
fn agree(proxy: &Proxy, api: &Origin, target: &[u8]) {
    let shown = target.escape_ascii();
    let before = api.requests().len();
    let (http1, http2) = explained(target);
    assert_eq!(on_the_page(proxy, target), http1, "the page on {shown}");
    assert_eq!(over_http1(proxy, target), http1, "HTTP/1.1 on {shown}");
    assert_eq!(over_http2(proxy, target), http2, "HTTP/2 on {shown}");
    let seen = api.requests().split_off(before);
    let sent = target.split(|byte| *byte == b'#').next().expect("split gives one piece");
    let want = if http1 == Told::Forwarded { vec![[b"/prod", sent].concat(); 2] } else { Vec::new() };
    let raw_target = |head: &[u8]| head.split(|byte| *byte == b' ').nth(1).expect("a target").to_vec();
    let seen: Vec<_> = seen.iter().map(|request| raw_target(&request.head.raw)).collect();
    assert_eq!(seen, want, "{shown}");
}

fn start() -> (Origin, Proxy) {
    let api = Origin::ok();
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    (api, proxy)
}

#[test]
fn every_byte_in_a_path_has_one_verdict() {
    let (api, proxy) = start();
    for byte in 0..=u8::MAX {
        agree(&proxy, &api, &[b"/a", &[byte][..], b"b"].concat());
    }
    api.expect_no_oddities();
}

#[test]
fn every_byte_in_a_query_has_one_verdict() {
    let (api, proxy) = start();
    for byte in 0..=u8::MAX {
        agree(&proxy, &api, &[b"/?a=", &[byte][..], b"b"].concat());
    }
    api.expect_no_oddities();
}

/// SigV4's test suite signs such paths and queries; NGINX and HAProxy forward them.
#[test]
fn utf8_is_forwarded_as_it_is() {
    let (api, proxy) = start();
    for target in ["/ሴ", "/?ሴ=bar", "/café/✓?q=日本&x=🦀", "/\u{85}?\u{202e}", "/é#ü"] {
        agree(&proxy, &api, target.as_bytes());
    }
    for target in [&b"/\xc0\xae\xc0\xae/x"[..], b"/\xed\xa0\x80", b"/a?\xf8\x88\x80\x80\x80", b"/\xc3?\xa4"] {
        agree(&proxy, &api, target);
    }
    // Raw characters beside encoded bytes hide no dots.
    for target in ["/é/%c0%ae%c0%ae/x", "/é%ae./x", "/é/../x", "/é/.%2e"] {
        agree(&proxy, &api, target.as_bytes());
    }
    assert!(api.requests().iter().all(|request| !request.target().contains("..")));
}

/// However the bytes come, and behind another request, the reason is the same, and the connection ends.
#[test]
fn a_refused_target_is_malformed_whole_and_byte_by_byte() {
    let (api, proxy) = start();
    for target in ["/a b", "/a  b", "/a\u{1}", "/a\tb", "/a\u{7f}", "/?q=\"b\"", "/<a>", "/a`", "/a\r", "/a\nb"] {
        let bad = format!("GET {target} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n");
        let good = format!("GET / HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n");
        for pieces in [vec![bad.clone()], bad.chars().map(String::from).collect()] {
            for first in [None, Some(&good)] {
                let mut client = proxy.client();
                if let Some(first) = first {
                    client.send(first);
                    assert_eq!(client.read_response().status, 200);
                }
                for piece in &pieces {
                    if client.try_send(piece).is_err() {
                        break;
                    }
                }
                is_refusal(&client.read_response(), 400, "malformed_target");
                client.half_close();
                client.expect_closed();
            }
        }
    }
    assert!(api.requests().iter().all(|request| request.target() == "/prod/"));
}
