//! The access log of a real process, line by line, and ids of requests.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::origin::Origin;
use crate::harness::reply::Reply;
use crate::harness::server::{Server, server};

const MAPPING: &str = "APIS:
  - CUSTOM_DOMAIN_URL: pay.example.com/v1
    PRIVATE_API_URL: https://abc123.execute-api.eu-west-1.amazonaws.com/prod
    VERBS: [GET, POST]
";

/// Every key a line has, and of what is in `upstream`.
const KEYS: [&str; 20] = [
    "time",
    "request_id",
    "domain",
    "base_path",
    "line",
    "method",
    "path",
    "protocol",
    "status",
    "refusal",
    "aborted",
    "request_bytes",
    "response_bytes",
    "duration_ms",
    "upstream",
    "client",
    "forwarded_for",
    "user_agent",
    "trace",
    "sampled_percent",
];
const UPSTREAM: [&str; 10] = [
    "api_id",
    "endpoint",
    "address",
    "zone",
    "reused",
    "retries",
    "connect_ms",
    "first_byte_ms",
    "amzn_request_id",
    "apigw_id",
];

fn logging(api: &Origin, more: &str) -> Server {
    Server::start(MAPPING, api, &format!("access_log: {{ to: stdout{more} }}\n"))
}

/// The line that has this in it.
#[track_caller]
fn line(server: &Server, text: &str) -> Value {
    serde_json::from_str(&server.stdout_line(text)).expect("a line is JSON")
}

fn gateway() -> Origin {
    let head = "HTTP/1.1 200 OK\r\nx-amzn-requestid: r-1\r\nx-amz-apigw-id: g-1=\r\nContent-Length: 3\r\n\r\nabc";
    Origin::start(move |_| Reply::raw(head))
}

#[test]
fn a_request_is_one_line_that_says_what_became_of_it() {
    let api = gateway();
    let server = logging(&api, "");
    let mut client = server.client();
    for id in ["first", "second"] {
        let sent = format!(
            "POST /v1/items?card=4711 HTTP/1.1\r\nHost: pay.example.com\r\nX-Request-Id: {id}\r\nUser-Agent: t\r\n\
             Authorization: Bearer s3cret\r\nCookie: session=s3cret\r\nx-api-key: s3cret\r\n\
             traceparent: 00-aa-bb-01\r\nContent-Length: 5\r\n\r\nhello"
        );
        assert_eq!(client.send(sent).read_response().status, 200);
    }
    let first = line(&server, "first");
    let expected = [
        ("domain", "pay.example.com".into()),
        ("base_path", "/v1".into()),
        ("line", 2.into()),
        ("method", "POST".into()),
        ("path", "/v1/items".into()),
        ("protocol", "HTTP/1.1".into()),
        ("status", 200.into()),
        ("refusal", Value::Null),
        ("aborted", false.into()),
        ("request_bytes", 5.into()),
        ("response_bytes", 3.into()),
        ("user_agent", "t".into()),
        ("trace", "00-aa-bb-01".into()),
        ("forwarded_for", Value::Null),
    ];
    for (key, want) in expected {
        assert_eq!(first[key], want, "{key} of {first}");
    }
    let upstream = &first["upstream"];
    assert_eq!(upstream["address"], api.address().to_string());
    assert_eq!((&upstream["api_id"], &upstream["endpoint"]), (&"abc123".into(), &"default".into()));
    assert_eq!((&upstream["amzn_request_id"], &upstream["apigw_id"]), (&"r-1".into(), &"g-1=".into()));
    assert_eq!((&upstream["reused"], &upstream["retries"]), (&false.into(), &0.into()));
    let milliseconds = |value: &Value| value.as_f64().expect("milliseconds");
    let (connect, first_byte) = (milliseconds(&upstream["connect_ms"]), milliseconds(&upstream["first_byte_ms"]));
    assert!(connect > 0.0 && first_byte > 0.0 && milliseconds(&first["duration_ms"]) >= connect + first_byte);
    assert!(first["client"].as_str().is_some_and(|client| client.starts_with("127.0.0.1:")), "{first}");
    let time = humantime::parse_rfc3339(first["time"].as_str().expect("a time")).expect("RFC 3339");
    assert!(time.elapsed().expect("not in the future").as_secs() < 600);

    let second = line(&server, "second");
    assert_eq!((&second["upstream"]["reused"], &second["upstream"]["connect_ms"]), (&true.into(), &Value::Null));
    let all = server.stdout_lines().join("\n");
    assert!(!all.contains("s3cret") && !all.contains("4711"), "{all}");
}

#[test]
fn the_page_names_every_key_and_no_other() {
    let api = gateway();
    let server = logging(&api, ", sample: { 2xx: 99.999999 }");
    server.get_from("pay.example.com", "/v1/x");
    let line = line(&server, "pay.example.com");
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&line), KEYS.map(String::from).into());
    assert_eq!(keys(&line["upstream"]), UPSTREAM.map(String::from).into());
    let page = include_str!("../../../docs/access-log.md");
    let told: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" |").next())
        .flat_map(|names| names.split([',', ' ', '`']).filter(|name| !name.is_empty()))
        .map(|name| name.trim_start_matches("upstream").trim_start_matches('.'))
        .filter(|name| !name.is_empty())
        .collect();
    let all: BTreeSet<&str> = KEYS.into_iter().chain(UPSTREAM).collect();
    assert_eq!(told, all.into_iter().filter(|key| *key != "upstream").collect());
}

#[test]
fn refusals_have_a_line_that_says_why() {
    let api = Origin::ok();
    let server = logging(&api, "");
    server.client().send("GET /v2 HTTP/1.1\r\nHost: nobody.example.com\r\nX-Request-Id: lost\r\n\r\n").read_response();
    let lost = line(&server, "lost");
    assert_eq!((&lost["status"], &lost["refusal"]), (&421.into(), &"unknown_host".into()));
    assert_eq!((&lost["domain"], &lost["upstream"]), (&Value::Null, &Value::Null));

    server.client().send("DELETE /v1 HTTP/1.1\r\nHost: pay.example.com\r\n\r\n").read_response();
    let verb = line(&server, "method_not_allowed");
    assert_eq!((&verb["domain"], &verb["status"]), (&"pay.example.com".into(), &405.into()));

    // A byte in the target that cannot be forwarded: the parser refuses or corrects it, and the line has what was sent.
    for (target, path) in
        [("/v1?q=\"b\"", "/v1"), ("/v1/<b>", "/v1/<b>"), ("/v1/a b", "/v1/a b"), ("/v1/\u{7f}", "/v1/\u{7f}")]
    {
        let request = format!("PUT {target} HTTP/1.1\r\nHost: pay.example.com\r\n\r\n");
        let answer = server.client().send(request).read_response();
        let line = line(&server, answer.header("x-request-id").expect("an id"));
        assert_eq!((&line["refusal"], &line["status"]), (&"malformed_target".into(), &400.into()), "{target}");
        let asked = (&line["method"], &line["path"], &line["protocol"]);
        assert_eq!(asked, (&"PUT".into(), &path.into(), &"HTTP/1.1".into()), "{target}");
        assert!(line["client"].as_str().is_some_and(|client| client.starts_with("127.0.0.1:")), "{line}");
    }

    // Not even a request: what it is called is what its client was told.
    let answer = server.client().send("what?\r\n\r\n").read_response();
    let malformed = line(&server, "malformed_message");
    assert_eq!((&malformed["status"], &malformed["method"]), (&400.into(), &Value::Null));
    assert_eq!(malformed["request_id"], answer.header("x-request-id").expect("an id"));
    assert!(malformed["client"].as_str().is_some_and(|client| client.starts_with("127.0.0.1:")), "{malformed}");
}

#[test]
fn an_endpoint_that_refuses_is_told_with_its_attempts() {
    let api = Origin::ok();
    let server = server(&api)
        .mapping(MAPPING)
        .settings("access_log: { to: stdout }\nendpoints: { gone: { fixed: ['127.0.0.1:1'] } }\n");
    let mapping = MAPPING.to_owned() + "    ENDPOINT: gone\n";
    let server = server.mapping(&mapping).start();
    assert_eq!(server.get_from("pay.example.com", "/v1/x"), 502);
    let line = line(&server, "connect_failed");
    let upstream = &line["upstream"];
    assert_eq!((&upstream["address"], &upstream["endpoint"]), (&"127.0.0.1:1".into(), &"gone".into()));
    assert_eq!((&upstream["retries"], &upstream["first_byte_ms"]), (&2.into(), &Value::Null));
}

#[test]
fn hostile_text_stays_one_line() {
    let api = Origin::ok();
    let server = logging(&api, ", query: true");
    let path = format!("/v1/%0a{}", "x".repeat(3_000));
    let sent = format!("GET {path} HTTP/1.1\r\nHost: pay.example.com\r\nUser-Agent: a\"}}\tb\u{e9}\r\n\r\n");
    let bytes: Vec<u8> = sent.chars().map(|c| c as u8).collect();
    server.client().send(bytes).read_response();
    let line = line(&server, "pay.example.com");
    let logged = line["path"].as_str().expect("text");
    assert!(logged.starts_with("/v1/%0a") && logged.ends_with("x…") && logged.len() < 1_100, "{logged}");
    assert_eq!(line["user_agent"], "a\"}\tb\u{fffd}");
    assert_eq!(server.stdout_lines().len(), 1);
}

#[test]
fn a_share_of_a_status_is_logged_and_the_rest_is_not() {
    let api = Origin::ok();
    let server = logging(&api, ", sample: { 2xx: 0 }");
    for _ in 0..20 {
        assert_eq!(server.get_from("pay.example.com", "/v1/x"), 200);
    }
    assert_eq!(server.get_from("pay.example.com", "/v2/x"), 404);
    line(&server, "unknown_path");
    assert_eq!(server.stdout_lines().len(), 1);
}

#[test]
fn off_writes_nothing() {
    let api = Origin::ok();
    let mut server = Server::start(MAPPING, &api, "");
    assert_eq!(server.get_from("pay.example.com", "/v1/x"), 200);
    server.signal("-TERM");
    assert!(server.wait_for_end().0.success());
    assert!(server.stdout_lines().is_empty());
}

#[test]
fn what_waits_is_written_before_the_end() {
    let api = Origin::ok();
    let mut server = logging(&api, "");
    for _ in 0..50 {
        assert_eq!(server.get_from("pay.example.com", "/v1/x"), 200);
    }
    server.signal("-TERM");
    assert!(server.wait_for_end().0.success());
    assert_eq!(server.stdout_lines().len(), 50);
}

/// More lines than the queue has room for, and a pipe's 64 KiB.
const FLOOD: usize = 9_500;

#[test]
fn a_reader_that_does_not_read_blocks_no_request() {
    let api = Origin::ok();
    let server = logging(&api, "");
    server.hold_stdout();
    let mut client = server.client();
    let request = "GET /v1/x HTTP/1.1\r\nHost: other.example.com\r\n\r\n";
    for _ in 0..FLOOD {
        assert_eq!(client.send(request).read_response().status, 421);
    }
    let dropped = server.admin().metric("nameplate_log_lines_dropped_total{log=\"access\"}");
    assert!(dropped > 0.0 && dropped < FLOOD as f64, "{dropped}");
}

mod ids {
    use super::*;
    use crate::harness::proxy::proxy;

    const GET: &str = "GET / HTTP/1.1\r\nHost: pay.example.com\r\n";

    /// What the API got and what the client got back, for these header lines and settings.
    fn ids(settings: &str, lines: &str, answer: &'static str) -> (Vec<String>, Vec<String>) {
        let api = Origin::start(move |_| Reply::raw(answer));
        let proxy = proxy().maps("pay.example.com", "abc123", "/prod").settings(settings).to(&api).start();
        let answer = proxy.send(format!("{GET}{lines}\r\n"));
        assert_eq!(answer.status, 200);
        let got = api.last_request().all("x-request-id").into_iter().map(str::to_owned).collect();
        let back = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
        (got, back.map(|(_, value)| value.clone()).collect())
    }

    const PLAIN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const OWN: &str = "HTTP/1.1 200 OK\r\nX-Request-ID: the-api's\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn a_clients_id_goes_there_and_back() {
        let (got, back) = ids("request_id: accept\n", "X-Request-ID: mine\r\n", PLAIN);
        assert_eq!((got, back), (vec!["mine".to_owned()], vec!["mine".to_owned()]));
    }

    #[test]
    fn one_is_made_where_the_client_has_none_that_can_be_taken() {
        for lines in ["", "X-Request-Id: a b\r\n", "X-Request-Id: 1\r\nX-Request-Id: 2\r\n"] {
            let (got, back) = ids("request_id: accept\n", lines, PLAIN);
            assert_eq!((got.len(), got[0].len()), (1, 36), "{lines:?}: {got:?}");
            let version = uuid::Uuid::try_parse(&got[0]).map(|id| id.get_version_num());
            assert_eq!(version, Ok(4), "clients validate ids: {got:?}");
            assert_eq!(got, back, "{lines:?}");
        }
        let (got, _) = ids("request_id: replace\n", "X-Request-Id: mine\r\n", PLAIN);
        assert_eq!(got[0].len(), 36);
    }

    #[test]
    fn an_apis_own_id_is_left_alone() {
        let (got, back) = ids("request_id: accept\n", "X-Request-Id: mine\r\n", OWN);
        assert_eq!((got, back), (vec!["mine".to_owned()], vec!["the-api's".to_owned()]));
    }

    #[test]
    fn off_touches_no_header() {
        let (got, back) = ids("request_id: off\n", "X-Request-Id: a b\r\n", PLAIN);
        assert_eq!((got, back), (vec!["a b".to_owned()], vec![]));
        let (got, back) = ids("request_id: off\n", "", OWN);
        assert_eq!((got, back), (vec![], vec!["the-api's".to_owned()]));
    }

    #[test]
    fn a_refusal_has_the_requests_id() {
        let api = Origin::ok();
        let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).start();
        let answer = proxy.send("GET / HTTP/1.1\r\nHost: no.example.com\r\nX-Request-Id: mine\r\n\r\n");
        assert_eq!((answer.status, answer.header("x-request-id")), (421, Some("mine")));
        assert_eq!(answer.json()["requestId"], "mine");
    }

    #[test]
    fn traces_pass_as_they_are() {
        let api = Origin::ok();
        let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).start();
        let traces = [
            ("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("tracestate", "a=1,b=2"),
        ];
        let lines: String = traces.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        assert_eq!(proxy.send(format!("{GET}{lines}\r\n")).status, 200);
        for (name, value) in traces {
            assert_eq!(api.last_request().all(name), [value]);
        }
    }
}
