//! Refusals: one status, one reason, one body and one count each, and nothing reaches the API.

use crate::harness::client::{Client, Response, text_of};
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{Proxy, ProxyBuilder, proxy};
use crate::harness::reply::Reply;

const GET: &str = "GET /x HTTP/1.1\r\nHost: pay.example.com\r\n\r\n";

fn pay() -> ProxyBuilder {
    proxy().maps_with("pay.example.com/v1", "abc123", "/prod", &[("VERBS", "[GET, POST]")])
}

/// What each refusal has in common.
#[track_caller]
fn is_refusal(answer: &Response, status: u16, reason: &str) {
    assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (status, Some(reason)));
    assert_eq!(answer.all("content-type"), ["application/json"]);
    assert_eq!(answer.all("cache-control"), ["no-store"]);
    let body = answer.json();
    assert_eq!(body["requestId"].as_str(), answer.header("x-request-id"));
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(2));
}

#[track_caller]
fn is_counted(proxy: &Proxy, status: u16, reason: &str) {
    proxy.wait_for_metric(&format!("nameplate_refusals_total{{reason=\"{reason}\"}}"), 1.0);
    let metrics = proxy.metrics();
    let others = metrics.lines().filter(|line| line.starts_with("nameplate_refusals_total") && !line.ends_with(" 0"));
    assert_eq!(others.count(), 1, "{metrics}");
    let code = format!("code=\"{status}\"");
    assert!(metrics.lines().any(|line| line.starts_with("nameplate_requests_total") && line.contains(&code)));
}

/// Sends this to a proxy whose API must not see a byte.
#[track_caller]
fn refused(request: impl AsRef<[u8]>, status: u16, reason: &str) {
    let api = Origin::ok();
    let proxy = pay().to(&api).start();
    is_refusal(&proxy.send(request), status, reason);
    is_counted(&proxy, status, reason);
    assert_eq!(api.connections(), 0);
}

fn get(host: &str, target: &str) -> Vec<u8> {
    text_of("GET", host, target, &[], b"")
}

mod before_anything_is_forwarded {
    use super::*;

    #[test]
    fn no_host() {
        refused("GET /v1 HTTP/1.1\r\n\r\n", 400, "missing_host");
        refused("GET /v1 HTTP/1.0\r\n\r\n", 400, "missing_host");
        refused("GET /v1 HTTP/1.1\r\nHost:\r\n\r\n", 400, "missing_host");
    }

    #[test]
    fn not_one_host() {
        refused(get("pay.example.com, evil.example", "/v1"), 400, "malformed_host");
    }

    #[test]
    fn a_target_that_names_no_resource() {
        refused("OPTIONS * HTTP/1.1\r\nHost: pay.example.com\r\n\r\n", 400, "malformed_target");
        refused(get("pay.example.com", "ftp://pay.example.com/v1"), 400, "malformed_target");
        refused(get("pay.example.com", "/v1\\x"), 400, "malformed_target");
    }

    #[test]
    fn a_dot_segment_in_any_single_encoding() {
        for path in
            ["/v1/..", "/v1/../x", "/v1/%2e%2E/x", "/v1/..;a/x", "/v1/..%2fx", "/v1/.", "/v1/%c0%ae./x", "/v1/..%5cx"]
        {
            refused(get("pay.example.com", path), 400, "dot_segment");
        }
    }

    #[test]
    fn a_transfer_coding_other_than_chunked() {
        let head = "POST /v1 HTTP/1.1\r\nHost: pay.example.com\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
        refused(head, 400, "malformed_message");
    }

    #[test]
    fn a_path_that_is_not_mapped() {
        refused(get("pay.example.com", "/v2"), 404, "unknown_path");
    }

    #[test]
    fn a_verb_that_is_not_listed() {
        refused(text_of("DELETE", "pay.example.com", "/v1", &[], b""), 405, "method_not_allowed");
    }

    #[test]
    fn a_body_that_says_it_is_too_large() {
        let head = "POST /v1 HTTP/1.1\r\nHost: pay.example.com\r\nContent-Length: 10485761\r\n\r\n";
        refused(head, 413, "body_too_large");
    }

    #[test]
    fn a_target_that_is_too_long() {
        refused(get("pay.example.com", &format!("/v1/{}", "a".repeat(8_189))), 414, "uri_too_long");
    }

    #[test]
    fn a_host_that_is_not_mapped() {
        refused(get("shop.example.com", "/v1"), 421, "unknown_host");
    }

    #[test]
    fn headers_that_are_too_large() {
        refused(
            text_of("GET", "pay.example.com", "/v1", &[("X-A", &"a".repeat(10_240))], b""),
            431,
            "headers_too_large",
        );
    }
}

mod while_forwarding {
    use super::*;

    #[track_caller]
    fn refused_with(proxy: &Proxy, request: impl AsRef<[u8]>, status: u16, reason: &str) {
        let mut client = proxy.client();
        is_refusal(&client.send(request).read_response(), status, reason);
        client.expect_closed();
        is_counted(proxy, status, reason);
    }

    // Pingora looks at Connection once it has an upstream connection; no request goes out on it.
    #[test]
    fn a_connection_header_that_nominates_what_routes() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        let request = text_of("GET", "pay.example.com", "/v1", &[("Connection", "Host")], b"");
        is_refusal(&proxy.send(request), 400, "malformed_message");
        is_counted(&proxy, 400, "malformed_message");
        assert_eq!(api.requests().len(), 0);
    }

    #[test]
    fn a_client_that_stops_sending() {
        let api = Origin::ok();
        let proxy = pay().to(&api).settings("client: { read_timeout: 100ms }").start();
        let head = "POST /v1 HTTP/1.1\r\nHost: pay.example.com\r\nContent-Length: 9\r\n\r\nabc";
        refused_with(&proxy, head, 408, "request_timeout");
        api.wait_until_closed();
        assert!(api.requests().iter().all(|request| !request.complete));
    }

    #[test]
    fn chunks_that_are_none() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        let head = "POST /v1 HTTP/1.1\r\nHost: pay.example.com\r\nTransfer-Encoding: chunked\r\n\r\n";
        refused_with(&proxy, format!("{head}3\r\nabc\r\nzz\r\n"), 400, "malformed_message");
        api.wait_until_closed();
        assert!(api.requests().iter().all(|request| !request.complete));
        api.expect_no_oddities();
    }

    #[test]
    fn an_answer_that_is_not_http() {
        let api = Origin::start(|_| Reply::raw("SMTP ready\r\n\r\n"));
        let proxy = pay().to(&api).start();
        refused_with(&proxy, get("pay.example.com", "/v1"), 502, "bad_answer");
    }

    #[test]
    fn an_answer_that_breaks_off_in_its_header() {
        let api = Origin::start(|_| Reply::raw("HTTP/1.1 200 OK\r\nContent-").then_close());
        let proxy = pay().to(&api).start();
        refused_with(&proxy, get("pay.example.com", "/v1"), 502, "bad_answer");
        assert_eq!(api.requests().len(), 1, "nothing is sent twice");
    }
}

mod connections {
    use super::*;

    #[test]
    fn keep_alive_survives_a_refusal_without_a_body() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        let mut client = proxy.client();
        for _ in 0..2 {
            assert_eq!(client.send(GET).read_response().status, 404);
            assert_eq!(client.send(get("pay.example.com", "/v1")).read_response().status, 200);
        }
    }

    #[test]
    fn a_body_that_was_not_read_is_no_second_request() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        let smuggled = text_of("GET", "pay.example.com", "/v1/smuggled", &[], b"");
        let mut client: Client = proxy.client();
        let answer = client.send(text_of("POST", "shop.example.com", "/v1", &[], &smuggled)).read_response();
        is_refusal(&answer, 421, "unknown_host");
        client.expect_closed();
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn a_head_is_refused_without_a_body() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        let mut client = proxy.client();
        let answer = client.send(text_of("HEAD", "pay.example.com", "/v1", &[], b"")).read_response_to_head();
        assert_eq!((answer.status, answer.all("allow")), (405, vec!["GET, POST"]));
        assert_ne!(answer.header("content-length"), Some("0"));
        assert_eq!(client.send(get("pay.example.com", "/v1")).read_response().status, 200);
    }

    #[test]
    fn over_http2_it_is_the_same_refusal() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        is_refusal(&proxy.call(Call::get("pay.example.com", "/v1/../x")).expect("an answer"), 400, "dot_segment");
        is_counted(&proxy, 400, "dot_segment");
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn request_ids_differ() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        let id = || proxy.send(GET).header("x-request-id").map(str::to_owned);
        assert_ne!(id(), id());
    }
}

// Unlike a virtual host server, which answers with its first one.
mod unknown_domains {
    use super::*;

    #[test]
    fn on_a_connection_that_served_another_one() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        let mut client = proxy.client();
        assert_eq!(client.send(get("pay.example.com", "/v1")).read_response().status, 200);
        is_refusal(&client.send(get("shop.example.com", "/v1")).read_response(), 421, "unknown_host");
        assert_eq!(api.requests().len(), 1);
    }

    #[test]
    fn with_the_server_name_of_another_one() {
        let api = Origin::ok();
        let proxy = pay().to(&api).tls(&["pay.example.com"]).start();
        let mut client = proxy.tls_client("pay.example.com");
        is_refusal(&client.send(get("shop.example.com", "/v1")).read_response(), 421, "unknown_host");
        assert_eq!(api.connections(), 0);
    }

    #[test]
    fn by_address() {
        let api = Origin::ok();
        let proxy = pay().to(&api).start();
        let host = proxy.address().to_string();
        is_refusal(&proxy.get(&host, "/v1"), 421, "unknown_host");
        is_refusal(&proxy.get("[::1]", "/v1"), 421, "unknown_host");
        assert_eq!(api.connections(), 0);
    }
}
