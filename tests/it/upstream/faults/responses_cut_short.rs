//! While an answer is awaited or arrives, on a connection that is new: the API has seen the request,
//! so it is never sent twice.

use std::io;

use super::{DOMAIN, RETRIES, before, get, is_counted, is_refusal, post};
use crate::harness::Gate;
use crate::harness::client::{Response, text_of};
use crate::harness::faulty::{Faulty, Secure};
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;

/// How a connection ends that should not.
const ENDS: [fn(Secure) -> io::Result<()>; 2] = [Secure::reset, Secure::cut];

/// Reads a request, says this, and ends the connection once the gate is open.
fn saying(said: &str, gate: &Gate, end: fn(Secure) -> io::Result<()>) -> Faulty {
    let (said, gate) = (said.to_owned(), gate.clone());
    Faulty::start(move |peer| {
        let mut peer = peer.secure()?;
        peer.read_request()?;
        peer.write(&said)?;
        gate.wait();
        end(peer)
    })
}

fn opened() -> Gate {
    let gate = Gate::default();
    gate.open();
    gate
}

#[track_caller]
fn is_no_answer(said: &str) {
    for end in ENDS {
        for ask in [get, post] {
            let api = saying(said, &opened(), end);
            let proxy = before(api.address());
            is_refusal(&ask(&proxy), 502, "bad_answer");
            is_counted(&proxy, "bad_answer");
            assert_eq!((api.requests().len(), proxy.metric(RETRIES)), (1, 0.0), "sent once");
        }
    }
}

/// The client gets 200 and this much, and then sees that the rest is missing.
#[track_caller]
fn breaks_off(said: &str, body: &str) {
    for end in ENDS {
        let gate = Gate::default();
        let api = saying(said, &gate, end);
        let proxy = before(api.address());
        let mut client = proxy.client();
        client.send(text_of("GET", DOMAIN, "/x", &[], b""));
        let mut answer = client.read_head();
        // Not before: a reset takes along what has not been read yet.
        gate.open();
        let read = client.read_body(&mut answer, false);
        assert_eq!((answer.status, read.is_err()), (200, true), "{read:?}");
        assert!(body.starts_with(&answer.text()), "{:?}", answer.text());
        is_counted(&proxy, "bad_answer");
        assert_eq!((api.requests().len(), proxy.metric(RETRIES)), (1, 0.0), "sent once");
    }
}

#[test]
fn ended_before_the_header() {
    is_no_answer("");
}

#[test]
fn ended_in_the_status_line() {
    is_no_answer("HTTP/1.1 20");
}

#[test]
fn ended_in_a_field() {
    is_no_answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: half a va");
}

#[test]
fn ended_before_the_empty_line() {
    is_no_answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
}

#[test]
fn ended_after_an_interim_answer() {
    is_no_answer("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

#[test]
fn ended_in_a_body_with_a_length() {
    // More than is gathered before a write.
    let body = "a".repeat(50_000);
    breaks_off(&format!("HTTP/1.1 200 OK\r\nContent-Length: 50001\r\n\r\n{body}"), &body);
}

#[test]
fn ended_in_a_chunk() {
    breaks_off("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell", "hell");
}

#[test]
fn ended_between_chunks() {
    breaks_off("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello");
}

/// What never ends is cut off, after so much that no real answer is refused.
#[track_caller]
fn is_too_much(start: &'static str, piece: String) {
    const MOST: usize = 64 * 1024 * 1024;
    let api = Faulty::start(move |peer| {
        let mut peer = peer.secure()?;
        peer.read_request()?;
        peer.write(start)?;
        peer.pour(piece.as_bytes(), MOST);
        Ok(())
    });
    let proxy = before(api.address());
    is_refusal(&get(&proxy), 502, "bad_answer");
    is_counted(&proxy, "bad_answer");
    assert!(api.poured() < 16 * 1024 * 1024, "{} bytes were taken", api.poured());
}

#[test]
fn a_status_line_without_end() {
    is_too_much("HTTP/1.1 200 ", "a".repeat(16_384));
}

#[test]
fn a_field_without_end() {
    is_too_much("HTTP/1.1 200 OK\r\nX-A: ", "a".repeat(16_384));
}

#[test]
fn fields_without_end() {
    is_too_much("HTTP/1.1 200 OK\r\n", "X-A: 1\r\n".repeat(2_000));
}

/// A request with a body that does not fit in what the system holds between proxy and API. Over
/// HTTP/2, where a client may be answered while it still sends.
fn upload(proxy: &Proxy, method: &str) -> Response {
    proxy.call(Call::new(method, DOMAIN, "/x").last_data(vec![b'x'; 9_000_000])).expect("an answer")
}

#[test]
fn reset_in_the_middle_of_the_request() {
    for method in ["PUT", "POST"] {
        let api = Faulty::start(|peer| {
            let mut peer = peer.secure()?;
            peer.read_head()?;
            peer.reset()
        });
        let proxy = before(api.address());
        is_refusal(&upload(&proxy, method), 502, "bad_answer");
        is_counted(&proxy, "bad_answer");
        assert_eq!((api.requests().len(), api.connections()), (1, 1), "sent once");
    }
}

/// RFC 9112 section 9.8: without close_notify, nobody knows whether the end is the end.
#[test]
fn cut_where_the_end_of_the_connection_is_the_end_of_the_body() {
    breaks_off("HTTP/1.1 200 OK\r\n\r\nhello", "hello");
}

#[test]
fn interim_answers_without_end_are_no_answer() {
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(101);
    let api = saying(&(interim + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), &opened(), Secure::cut);
    let proxy = before(api.address());
    let mut client = proxy.client();
    let answer = client.send(text_of("GET", DOMAIN, "/x", &[], b"")).read_response();
    assert_eq!((answer.status, answer.interim.len()), (502, 100));
}

#[test]
fn an_api_that_takes_no_more_of_a_request_is_not_told_as_a_slow_client() {
    let gate = Gate::default();
    let wait = gate.clone();
    let api = Faulty::start(move |peer| {
        let mut peer = peer.secure()?;
        peer.read_head()?;
        wait.wait();
        peer.cut()
    });
    let proxy = super::pay()
        .to_addresses(vec![api.address()])
        .settings("{ client: { read_timeout: 500ms }, endpoint: { write_timeout: 200ms } }")
        .start();
    // Over HTTP/2, so that the answer is not lost behind what is still being sent.
    let call = Call::new("PUT", DOMAIN, "/x").last_data(vec![b'x'; 9_000_000]);
    is_refusal(&proxy.call(call).expect("an answer"), 504, "upstream_timeout");
    gate.open();
}

#[test]
fn an_answer_of_the_api_reaches_a_client_that_is_still_sending() {
    let api = Faulty::start(|peer| {
        let mut peer = peer.secure()?;
        peer.read_head()?;
        peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")?;
        peer.cut()
    });
    let answer = before(api.address()).request("POST", DOMAIN, "/x", &[], &vec![b'x'; 9_000_000]);
    assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
}

// Closed at once with bytes unread, a socket sends a reset, which overtakes the answer.
#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let body = vec![b'x'; 9_000_000];
    let api = Faulty::start(|peer| {
        let mut peer = peer.secure()?;
        peer.read_head()?;
        peer.reset()
    });
    let proxy = before(api.address());
    is_refusal(&proxy.request("POST", DOMAIN, "/x", &[], &body), 502, "bad_answer");
    is_refusal(&proxy.request("POST", "other.example.com", "/x", &[], &body), 421, "unknown_host");
    // In chunks, so that the limit is met while it streams.
    let chunk = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
    let chunks = [chunk(&body), chunk(&body[..2_000_000]), b"0\r\n\r\n".to_vec()].concat();
    let api = Origin::ok();
    let proxy = before(api.address());
    let mut client = proxy.client();
    client.send(format!("POST /x HTTP/1.1\r\nHost: {DOMAIN}\r\nTransfer-Encoding: chunked\r\n\r\n"));
    client.send(chunks);
    is_refusal(&client.read_response(), 413, "body_too_large");
}
