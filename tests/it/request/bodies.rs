//! Bodies: streamed both ways as they arrive, framed as they came, and ended as they ended.

use crate::harness::Gate;
use crate::harness::client::text_of;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, proxy};
use crate::harness::reply::Reply;

const ABORTS: &str = "nameplate_client_aborts_total";
const GET: &str = "GET /x HTTP/1.1\r\nHost: pay.example.com\r\n\r\n";
const CHUNKED: &str = "POST /x HTTP/1.1\r\nHost: pay.example.com\r\nTransfer-Encoding: chunked\r\n\r\n";
const CHUNKED_OK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn before(api: &Origin) -> Proxy {
    proxy().maps("pay.example.com", "abc123", "/prod").to(api).start()
}

/// An origin whose script is this reply, asked when the head is there.
fn early(reply: Reply) -> Origin {
    Origin::start_early(move |_| reply.clone())
}

fn post(length: usize) -> String {
    format!("POST /x HTTP/1.1\r\nHost: pay.example.com\r\nContent-Length: {length}\r\n\r\n")
}

mod requests {
    use super::*;

    #[test]
    fn the_origin_has_the_first_chunk_before_the_client_sends_the_last() {
        let api = early(Reply::default().then_read_body().then_raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        let proxy = before(&api);
        let mut client = proxy.client();
        client.send(CHUNKED).send("3\r\nabc\r\n");
        api.wait_until(|requests| requests.iter().any(|request| request.body == b"abc"));
        client.send("3\r\ndef\r\n0\r\n\r\n");
        assert_eq!(client.read_response().status, 200);
        assert_eq!(api.last_request().text(), "abcdef");
        api.expect_no_oddities();
    }

    #[test]
    fn a_body_with_a_length_streams_too() {
        let api = early(Reply::default().then_read_body().then_raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        let proxy = before(&api);
        let mut client = proxy.client();
        client.send(post(6)).send("abc");
        api.wait_until(|requests| requests.iter().any(|request| request.body == b"abc"));
        client.send("def");
        assert_eq!(client.read_response().status, 200);
    }

    #[test]
    fn a_length_stays_a_length() {
        let api = Origin::ok();
        before(&api).send(post(3) + "abc");
        let seen = api.last_request();
        assert_eq!((seen.all("content-length"), seen.all("transfer-encoding")), (vec!["3"], vec![]));
        assert_eq!(seen.raw_body, b"abc");
    }

    #[test]
    fn chunked_stays_chunked() {
        let api = Origin::ok();
        before(&api).send(format!("{CHUNKED}3;x=y\r\nabc\r\n0\r\n\r\n"));
        let seen = api.last_request();
        assert_eq!((seen.all("content-length"), seen.all("transfer-encoding")), (vec![], vec!["chunked"]));
        assert_eq!(seen.raw_body, b"3\r\nabc\r\n0\r\n\r\n");
    }

    #[test]
    fn no_body_stays_no_body() {
        let api = Origin::ok();
        before(&api).send("POST /x HTTP/1.1\r\nHost: pay.example.com\r\n\r\n");
        let seen = api.last_request();
        assert_eq!((seen.all("content-length"), seen.all("transfer-encoding")), (vec![], vec![]));
        assert_eq!(seen.raw_body, b"");
    }

    #[test]
    fn an_empty_body_stays_an_empty_body() {
        let api = Origin::ok();
        before(&api).send(post(0));
        assert_eq!(api.last_request().all("content-length"), ["0"]);
    }

    #[test]
    fn trailers_end_here() {
        let api = Origin::ok();
        let proxy = before(&api);
        let mut client = proxy.client();
        client.send(format!("{CHUNKED}3\r\nabc\r\n0\r\nx-apigw-api-id: evil\r\nX-Sum: 3\r\n\r\n"));
        assert_eq!(client.read_response().status, 200);
        assert_eq!(client.send(GET).read_response().status, 200);
        let seen = api.wait_for_requests(2);
        assert_eq!((seen[0].raw_body.as_slice(), seen[0].trailers.len()), (&b"3\r\nabc\r\n0\r\n\r\n"[..], 0));
        assert_eq!(seen[1].all("x-apigw-api-id"), ["abc123"]);
        api.expect_no_oddities();
    }

    #[test]
    fn ten_megabytes_pass_whole() {
        let api = Origin::ok();
        let body: Vec<u8> = (0..10_485_760_u32).map(|at| (at % 251) as u8).collect();
        let answer = before(&api).request("POST", "pay.example.com", "/x", &[], &body);
        assert_eq!(answer.status, 200);
        assert!(api.last_request().body == body);
    }

    #[test]
    fn one_byte_more_is_refused_before_a_byte_is_read() {
        let api = Origin::ok();
        let proxy = before(&api);
        let mut client = proxy.client();
        let answer = client.send(post(10_485_761)).read_response();
        assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (413, Some("body_too_large")));
        client.expect_closed();
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn a_body_without_a_length_is_counted_and_cut_off() {
        let api = Origin::ok();
        let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).settings("limits: { body: 4 }").start();
        let mut client = proxy.client();
        client.send(format!("{CHUNKED}3\r\nabc\r\n"));
        api.wait_until(|requests| requests.iter().any(|request| request.body == b"abc"));
        let answer = client.send("2\r\nde\r\n").read_response();
        assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (413, Some("body_too_large")));
        client.expect_closed();
        api.wait_until_closed();
        let seen = api.last_request();
        assert_eq!((seen.text().as_str(), seen.complete), ("abc", false));
        api.expect_no_oddities();
    }

    #[test]
    fn exactly_the_limit_passes_without_a_length() {
        let api = Origin::ok();
        let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).settings("limits: { body: 4 }").start();
        assert_eq!(proxy.send(format!("{CHUNKED}4\r\nabcd\r\n0\r\n\r\n")).status, 200);
    }

    #[test]
    fn a_client_that_leaves_in_its_body_takes_the_upstream_connection_along() {
        let api = Origin::ok();
        let proxy = before(&api);
        let mut client = proxy.client();
        client.send(format!("{CHUNKED}3\r\nabc\r\n"));
        api.wait_until(|requests| requests.iter().any(|request| request.body == b"abc"));
        drop(client);
        api.wait_until_closed();
        assert!(!api.last_request().complete);
        proxy.wait_for_metric(ABORTS, 1.0);
    }

    #[test]
    fn a_client_that_resets_in_its_body_is_no_different() {
        let api = Origin::ok();
        let proxy = before(&api);
        let mut client = proxy.client();
        client.send(post(10) + "abc");
        api.wait_until(|requests| requests.iter().any(|request| request.body == b"abc"));
        client.reset();
        api.wait_until_closed();
        assert!(!api.last_request().complete);
        proxy.wait_for_metric(ABORTS, 1.0);
    }
}

mod expectations {
    use super::*;

    const EXPECTING: &str =
        "POST /x HTTP/1.1\r\nHost: pay.example.com\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";

    #[test]
    fn the_apis_100_comes_back() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let api = early(Reply::raw("HTTP/1.1 100 Continue\r\n\r\n").then_read_body().then_raw(ok));
        let proxy = before(&api);
        let mut client = proxy.client();
        assert_eq!(client.send(EXPECTING).read_head().status, 100);
        assert_eq!(api.last_request().header("expect"), Some("100-continue"));
        assert_eq!(api.last_request().raw_body, b"");
        assert_eq!(client.send("abc").read_head().status, 200);
        assert_eq!(api.wait_for_requests(1)[0].text(), "abc");
        assert_eq!(client.send(GET).read_head().status, 100);
    }

    #[test]
    fn a_refusal_comes_instead_and_no_body_is_read() {
        let api = Origin::ok();
        let proxy = before(&api);
        let mut client = proxy.client();
        let answer = client.send(EXPECTING.replace("pay.", "other.")).read_response();
        assert_eq!((answer.status, answer.interim.len()), (421, 0));
        client.expect_closed();
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn the_apis_final_answer_may_come_instead_too() {
        let api = early(Reply::json(403, "{}").then_read_body());
        let proxy = before(&api);
        let mut client = proxy.client();
        let answer = client.send(EXPECTING).read_response();
        assert_eq!((answer.status, answer.interim.len()), (403, 0));
        drop(client);
        proxy.wait_for_metric("nameplate_requests_total{code=\"403\",method=\"POST\"}", 1.0);
        assert_eq!(proxy.metric(ABORTS), 0.0, "the answer was complete");
    }
}

mod answers {
    use super::*;

    #[test]
    fn the_client_has_the_first_chunk_before_the_origin_sends_the_last() {
        let gate = Gate::default();
        let api =
            early(Reply::raw(format!("{CHUNKED_OK}3\r\nabc\r\n")).then_wait(&gate).then_raw("3\r\ndef\r\n0\r\n\r\n"));
        let proxy = before(&api);
        let mut client = proxy.client();
        assert_eq!(client.send(GET).read_head().all("transfer-encoding"), ["chunked"]);
        assert_eq!(client.read_exact(8), b"3\r\nabc\r\n");
        gate.open();
        assert_eq!(client.read_exact(13), b"3\r\ndef\r\n0\r\n\r\n");
    }

    #[test]
    fn the_header_alone_is_passed_on_at_once() {
        let gate = Gate::default();
        let api = early(Reply::raw(CHUNKED_OK).then_wait(&gate).then_raw("3\r\nabc\r\n0\r\n\r\n"));
        let proxy = before(&api);
        let mut client = proxy.client();
        let mut answer = client.send(GET).read_head();
        gate.open();
        client.read_body(&mut answer, false).expect("a whole body");
        assert_eq!(answer.text(), "abc");
    }

    #[test]
    fn a_length_stays_a_length_and_only_date_connection_and_id_are_ours() {
        let raw = "HTTP/1.1 299 Odd\r\nx-B: 2\r\nX-a: 1\r\nContent-Length: 3\r\nx-B: 3\r\n\r\nabc";
        let api = early(Reply::raw(raw));
        let answer = before(&api).send(GET);
        assert_eq!((answer.status, answer.text().as_str()), (299, "abc"));
        let names: Vec<_> = answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(names[..4], ["x-B: 2", "x-B: 3", "X-a: 1", "Content-Length: 3"]);
        let id = format!("x-request-id: {}", api.last_request().all("x-request-id")[0]);
        assert_eq!((&names[4], &names[6]), (&id, &"Connection: keep-alive".to_owned()));
        assert!(names[5].starts_with("Date: ") && names.len() == 7, "{names:?}");
    }

    #[test]
    fn an_answer_that_ends_with_its_connection_arrives_whole() {
        let api = early(Reply::raw("HTTP/1.1 200 OK\r\n\r\nabc").then_close());
        let proxy = before(&api);
        let mut client = proxy.client();
        for _ in 0..2 {
            let answer = client.send(GET).read_response();
            assert_eq!((answer.text().as_str(), answer.connection_closed), ("abc", false));
        }
    }

    #[test]
    fn ten_megabytes_pass_whole() {
        let body: String = (0..10_485_760_u32).map(|at| char::from(b'a' + (at % 23) as u8)).collect();
        let reply = Reply::json(200, &body);
        let api = Origin::start(move |_| reply.clone());
        assert!(before(&api).get("pay.example.com", "/x").text() == body);
    }

    // Pingora flushes an answer with a length at its end only; a small one used to wait for it.
    #[test]
    fn the_beginning_of_an_answer_with_a_length_does_not_wait_for_the_rest() {
        let gate = Gate::default();
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc";
        let api = early(Reply::raw(head).then_wait(&gate).then_raw("def"));
        let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).tls(&["pay.example.com"]).start();
        for mut client in [proxy.client(), proxy.tls_client("pay.example.com")] {
            let answer = client.send(GET).read_head();
            assert_eq!((answer.status, client.read_exact(3)), (200, b"abc".to_vec()));
        }
        gate.open();
    }

    #[test]
    fn trailers_end_here() {
        let api = Origin::start(|_| Reply::raw(format!("{CHUNKED_OK}3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n")));
        let proxy = before(&api);
        let mut client = proxy.client();
        for _ in 0..2 {
            let answer = client.send(GET).read_response();
            assert_eq!((answer.text().as_str(), answer.trailers.len()), ("abc", 0));
        }
        proxy.wait_for_metric("nameplate_requests_total{code=\"200\",method=\"GET\"}", 2.0);
    }

    #[test]
    fn a_head_has_the_headers_and_no_body() {
        let api = Origin::start(|_| Reply::json(200, "{\"ok\":true}"));
        let proxy = before(&api);
        let mut client = proxy.client();
        let head = text_of("HEAD", "pay.example.com", "/x", &[], b"");
        let answer = client.send(head).read_response_to_head();
        assert_eq!((answer.status, answer.all("content-length"), answer.body.len()), (200, vec!["11"], 0));
        assert_eq!(client.send(GET).read_response().text(), "{\"ok\":true}");
        assert_eq!(api.handshakes(), 1);
    }

    #[test]
    fn no_content_and_not_modified_have_no_body() {
        for (status, etag) in [(204, "\"a\""), (304, "\"b\"")] {
            let api = Origin::start(move |_| Reply::with_headers(status, &[("ETag", etag)], ""));
            let proxy = before(&api);
            let mut client = proxy.client();
            for _ in 0..2 {
                let answer = client.send(GET).read_response();
                assert_eq!((answer.status, answer.header("etag")), (status, Some(etag)));
                assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (None, None));
            }
            assert_eq!(api.handshakes(), 1);
        }
    }

    #[test]
    fn a_304_may_tell_the_length_that_a_200_would_have() {
        let api = Origin::start(|_| Reply::raw("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"));
        let proxy = before(&api);
        let mut client = proxy.client();
        for _ in 0..2 {
            assert_eq!(client.send(GET).read_response().all("content-length"), ["9"]);
        }
    }

    #[test]
    fn early_hints_come_before_the_answer() {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
        let gate = Gate::default();
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        let api = early(Reply::raw(hints).then_wait(&gate).then_raw(ok));
        let proxy = before(&api);
        let mut client = proxy.client();
        let interim = client.send(GET).read_head();
        assert_eq!((interim.status, interim.header("link")), (103, Some("</a.css>; rel=preload")));
        gate.open();
        assert_eq!(client.read_response().text(), "abc");
    }

    #[test]
    fn an_answer_may_come_while_the_body_is_sent() {
        let api = early(Reply::json(200, "early").then_read_body());
        let proxy = before(&api);
        let mut client = proxy.client();
        assert_eq!(client.send(post(6) + "abc").read_response().text(), "early");
        client.send("def");
        assert_eq!(api.wait_for_requests(1)[0].text(), "abcdef");
        client.expect_closed();
        proxy.wait_for_metric("nameplate_requests_total{code=\"200\",method=\"POST\"}", 1.0);
        assert_eq!(proxy.metric(ABORTS), 0.0);
    }

    #[test]
    fn a_client_that_leaves_in_its_answer_takes_the_upstream_connection_along() {
        let gate = Gate::default();
        let api = early(Reply::raw(format!("{CHUNKED_OK}3\r\nabc\r\n")).then_wait(&gate));
        let proxy = before(&api);
        let mut client = proxy.client();
        client.send(GET).read_head();
        client.reset();
        proxy.wait_for_metric(ABORTS, 1.0);
        gate.open();
        api.wait_until_closed();
    }

    #[test]
    fn an_answer_that_breaks_off_is_passed_on_as_broken_off() {
        let broken = ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_owned(), format!("{CHUNKED_OK}9\r\nabc")];
        for raw in broken {
            let api = early(Reply::raw(&raw).then_close());
            let proxy = before(&api);
            let mut client = proxy.client();
            let mut answer = client.send(GET).read_head();
            assert_eq!(answer.status, 200);
            assert!(client.read_body(&mut answer, false).is_err(), "{raw:?}");
            assert_eq!(answer.text(), "abc");
        }
    }
}

mod http10 {
    use super::*;

    fn get10(more: &str) -> String {
        format!("GET /x HTTP/1.0\r\nHost: pay.example.com\r\n{more}\r\n")
    }

    #[test]
    fn an_old_client_is_answered_and_its_connection_closed() {
        let api = Origin::ok();
        let proxy = before(&api);
        let mut client = proxy.client();
        assert_eq!(client.send(get10("")).read_response().text(), "{\"ok\":true}");
        client.expect_closed();
        assert!(api.last_request().head.start.ends_with(" HTTP/1.1"));
    }

    #[test]
    fn it_may_keep_its_connection() {
        let api = Origin::ok();
        let proxy = before(&api);
        let mut client = proxy.client();
        for _ in 0..2 {
            let answer = client.send(get10("Connection: keep-alive\r\n")).read_response();
            assert_eq!(answer.text(), "{\"ok\":true}");
        }
    }

    // RFC 9112 section 6.1: no Transfer-Encoding to a client that may not know it.
    #[test]
    fn an_answer_without_a_length_ends_with_the_connection() {
        let api = Origin::start(|_| Reply::raw(format!("{CHUNKED_OK}3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")));
        let proxy = before(&api);
        for more in ["", "Connection: keep-alive\r\n"] {
            let answer = proxy.send(get10(more));
            assert_eq!((answer.text().as_str(), answer.all("transfer-encoding")), ("abcdef", vec![]), "{more}");
            assert!(answer.connection_closed);
        }
    }
}
