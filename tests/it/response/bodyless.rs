//! Responses without a body: what frames one has no place in them, and what the API sends behind one all the same is no
//! response to anybody.

use crate::harness::Gate;
use crate::harness::client::{Client, Response};
use crate::harness::frames::{END_STREAM, Frames, HEADERS, WHOLE, headers};
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};
use crate::harness::reply::Reply;
use crate::request::malformed::{DOMAIN, get_with};

const LENGTH: &str = "Content-Length: 5\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// An API that answers with this head and nothing behind it; `/next` with 200.
fn answering(head: String) -> (Origin, Proxy) {
    let api = Origin::start(move |request| match request.target() {
        "/prod/next" => Reply::json(200, "next"),
        _ => Reply::raw(&head),
    });
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    (api, proxy)
}

fn head(status: &str, lines: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{lines}\r\n")
}

/// The next request on the same connection is answered.
fn goes_on(client: &mut Client) {
    let next = client.send(format!("GET /next HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n")).read_response();
    assert_eq!((next.status, next.text().as_str()), (200, "next"));
}

/// What frames a body in a response.
fn framing(response: &Response) -> Vec<(String, String)> {
    let frames = |name: &str| matches!(name, "content-length" | "transfer-encoding");
    let fields = response.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
    fields.filter(|(name, _)| frames(name)).collect()
}

#[track_caller]
fn over_http1(method: &str, head: String, want: &[(&str, &str)]) {
    let (api, proxy) = answering(head.clone());
    let mut client = proxy.client();
    client.send(format!("{method} / HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n"));
    let response = if method == "HEAD" { client.read_response_to_head() } else { client.read_response() };
    let want: Vec<_> = want.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(framing(&response), want, "{head:?}");
    goes_on(&mut client);
    api.expect_no_oddities();
}

#[track_caller]
fn over_http2(head: String, want: &[(&str, &str)]) {
    let (_api, proxy) = answering(head.clone());
    let response = proxy.call(Call::get(DOMAIN, "/")).expect("a response");
    let want: Vec<_> = want.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(framing(&response), want, "{head:?}");
}

// RFC 9110 section 8.6 and RFC 9112 section 6.1.
#[test]
fn a_204_has_neither_length_nor_coding() {
    for lines in [LENGTH, CHUNKED, "Content-Length: 0\r\n", "Content-Length: 5, 5\r\n", ""] {
        over_http1("GET", head("204 No Content", lines), &[]);
        over_http2(head("204 No Content", lines), &[]);
    }
}

#[test]
fn a_304_keeps_the_length_of_what_it_leaves_out() {
    for (lines, want) in [(LENGTH, &[("content-length", "5")][..]), (CHUNKED, &[]), ("", &[])] {
        over_http1("GET", head("304 Not Modified", lines), want);
        over_http2(head("304 Not Modified", lines), want);
    }
}

#[test]
fn a_response_to_head_keeps_its_length() {
    for (lines, want) in [(LENGTH, &[("content-length", "5")][..]), (CHUNKED, &[])] {
        over_http1("HEAD", head("200 OK", lines), want);
    }
}

/// A client of HTTP/2 counts the bytes that a length announces, and resets the stream where they do not come.
#[test]
fn over_http2_a_204_ends_its_stream() {
    let (_api, proxy) = answering(head("204 No Content", LENGTH));
    let mut client = Frames::connect(proxy.h2c_address());
    client.send(headers(1, WHOLE, &[(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", DOMAIN)]));
    let response = client.wait_for(|frame| frame.is(HEADERS, 1));
    assert_eq!((response.status(), response.flags & END_STREAM), (204, END_STREAM));
}

// RFC 9110 section 15.2: the end of its header section ends it.
#[test]
fn an_interim_response_frames_nothing() {
    let interim = "Link: </x>\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n";
    for lines in [LENGTH, CHUNKED] {
        let early = head("103 Early Hints", &format!("{interim}{lines}"));
        let (_api, proxy) = answering(early + &head("200 OK", "Content-Length: 0\r\n"));
        let response = proxy.client().send(get_with("")).read_response();
        let [early] = &response.interim[..] else { panic!("{} interim responses", response.interim.len()) };
        assert_eq!(early.headers, [("Link".to_owned(), "</x>".to_owned())], "{lines:?}");
    }
}

/// A body that a response without one announces may come once the connection is somebody else's.
#[test]
fn a_connection_that_owes_a_body_is_nobody_elses() {
    for status in ["204 No Content", "304 Not Modified"] {
        let lines = if status.starts_with("204") { LENGTH } else { CHUNKED };
        let gate = Gate::default();
        let (head, late) = (head(status, lines), gate.clone());
        let api = Origin::start(move |request| match request.target() {
            "/prod/next" => Reply::json(200, "next"),
            _ => Reply::raw(&head).then_wait(&late).then_raw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
        });
        let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
        proxy.client().send(get_with("")).read_response();
        proxy.wait_for_metric("nameplate_requests_in_flight", 0.0);
        assert_eq!(proxy.get(DOMAIN, "/next").text(), "next", "{status}");
        assert_eq!(api.connections(), 2);
        gate.open();
    }
}

#[test]
fn a_connection_is_kept_after_a_response_that_owes_nothing() {
    for head in [head("204 No Content", "Content-Length: 0\r\n"), head("304 Not Modified", LENGTH)] {
        let (api, proxy) = answering(head);
        proxy.client().send(get_with("")).read_response();
        proxy.wait_for_metric("nameplate_requests_in_flight", 0.0);
        assert_eq!(proxy.get(DOMAIN, "/next").text(), "next");
        assert_eq!(api.connections(), 1);
    }
}
