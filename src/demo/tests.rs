//! The stand-in as a TLS client meets it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::apis::Apis;
use super::authority::Authority;
use super::failures::Failure;
use super::gateway::{Config, Gateway};
use super::reply::SHOWN_BODY;
use super::{curl_lines, reachable};
use nameplate_core::domain::api::PrivateApi;
use nameplate_core::domain::base_path::BasePath;
use nameplate_core::domain::host::Host;
use nameplate_core::domain::route::{Choices, ResponseMode, Route};
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::verbs::VerbSet;

const API: &str = "abc123.execute-api.eu-west-1.amazonaws.com";

fn apis() -> Apis {
    Apis::default().with("abc123", API, "prod")
}

struct Fixture {
    authority: Authority,
    gateway: Gateway,
}

fn gateway(apis: Apis) -> Fixture {
    let authority = Authority::new().expect("an authority");
    let gateway = Gateway::start(Config::new(apis), &authority).expect("a gateway");
    Fixture { authority, gateway }
}

struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn status(&self) -> &str {
        &self.head["HTTP/1.1 ".len()..][..3]
    }

    fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

impl Fixture {
    /// Sends one request on a connection of its own, with the API's name as SNI.
    fn ask(&self, request_line: &str, headers: &str, body: &str) -> Answer {
        let text = format!("{request_line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n{body}");
        let address = self.gateway.addresses()[0];
        let connector = self.connector();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let raw = runtime.block_on(exchange(connector, address, text));
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {raw:?}"));
        Answer { head: head.to_owned(), body: body.to_owned() }
    }

    fn connector(&self) -> TlsConnector {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(self.authority.roots())
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    #[track_caller]
    fn refuses(&self, request_line: &str, headers: &str, kind: &str, message: &str) {
        let answer = self.ask(request_line, headers, "");
        assert_eq!(answer.status(), "403", "{request_line} {headers}");
        assert_eq!(answer.header("x-amzn-errortype"), Some(kind));
        assert_eq!(answer.body, format!("{{\"message\":\"{message}\"}}"));
    }
}

async fn exchange(connector: TlsConnector, address: SocketAddr, request: String) -> String {
    let stream = TcpStream::connect(address).await.expect("connected");
    let name = ServerName::try_from(API).expect("a name");
    let mut stream = connector.connect(name, stream).await.expect("a handshake");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8(answer).expect("text")
}

fn host(name: &str) -> String {
    format!("Host: {name}\r\n")
}

#[test]
fn the_echo_shows_what_arrived() {
    let headers = format!("{}Content-Length: 5\r\nX-Tag: one\r\nX-Tag: two\r\n", host(API));
    let answer = gateway(apis()).ask("POST /prod//a%2Fb/?q=%20&r=//", &headers, "hello");
    assert_eq!(answer.status(), "200");
    let echo = answer.json();
    assert_eq!(echo["method"], "POST");
    assert_eq!(echo["path"], "/prod//a%2Fb/?q=%20&r=//");
    assert_eq!((&echo["api"], &echo["stage"]), (&json!("abc123"), &json!("prod")));
    assert_eq!((&echo["sni"], &echo["host"]), (&json!(API), &json!(API)));
    assert_eq!((&echo["body_length"], &echo["body"]), (&json!(5), &json!("hello")));
    let headers = echo["headers"].as_array().expect("a list");
    assert_eq!(headers[0], json!(["host", API]));
    assert!(headers.contains(&json!(["x-tag", "one"])) && headers.contains(&json!(["x-tag", "two"])));
}

#[test]
fn every_answer_has_api_gateways_request_ids() {
    let gateway = gateway(apis());
    for (line, name) in [("GET /prod/x", API), ("GET /prod/x", "other.example"), ("GET /x", API), ("GET /ping", "x")] {
        let answer = gateway.ask(line, &host(name), "");
        assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36), "{line}");
        assert!(answer.header("x-amz-apigw-id").is_some(), "{line}");
    }
}

#[test]
fn no_api_of_that_name_is_forbidden() {
    let gateway = gateway(apis());
    gateway.refuses("GET /prod/x", &host("pay.example.com"), "ForbiddenException", "Forbidden");
    let header = format!("{}x-apigw-api-id: nobody\r\n", host(API));
    gateway.refuses("GET /prod/x", &header, "ForbiddenException", "Forbidden");
}

#[test]
fn two_different_api_ids_name_no_api() {
    let headers = format!("{}x-apigw-api-id: abc123\r\nX-Apigw-Api-Id: xyz\r\n", host(API));
    gateway(apis()).refuses("GET /prod/x", &headers, "ForbiddenException", "Forbidden");
}

#[test]
fn the_api_id_header_serves_a_custom_host_unless_strict() {
    let headers = format!("{}x-apigw-api-id: abc123\r\n", host("pay.example.com"));
    let answer = gateway(apis()).ask("GET /prod/x", &headers, "");
    assert_eq!(answer.json()["host"], "pay.example.com");
    gateway(apis().strict()).refuses("GET /prod/x", &headers, "ForbiddenException", "Forbidden");
}

#[test]
fn an_unknown_stage_is_forbidden() {
    gateway(apis()).refuses("GET /test/x", &host(API), "ForbiddenException", "Forbidden");
}

#[test]
fn an_api_that_fails_shows_it_as_api_gateway_does() {
    let failing = |name| {
        let mut apis = apis();
        assert!(apis.fail("abc123", Failure::named(name).expect("a failure")));
        gateway(apis).ask("GET /prod/pets/1", &host(API), "")
    };
    let denied = failing("policy_denies");
    assert_eq!((denied.status(), denied.header("x-amzn-errortype")), ("403", Some("AccessDeniedException")));
    let resource = "arn:aws:execute-api:eu-west-1:********1234:abc123/prod/GET/pets/1";
    let message = "User: anonymous is not authorized to perform: execute-api:Invoke on resource:";
    assert_eq!(denied.json()["Message"], format!("{message} {resource} with an explicit deny"));
    let slow = failing("integration_timed_out");
    assert_eq!((slow.status(), slow.header("x-amzn-trace-id").is_some()), ("504", true));
    let foreign = failing("not_api_gateway");
    assert_eq!((foreign.status(), foreign.header("x-amzn-requestid")), ("403", None));
}

#[test]
fn a_failure_can_be_asked_for() {
    let answer = gateway(apis()).ask("GET /prod/x/fail/quota_exceeded", &host(API), "");
    assert_eq!((answer.status(), &*answer.body), ("429", r#"{"message":"Limit Exceeded"}"#));
    assert_eq!(gateway(apis()).ask("GET /prod/fail/none_of_this_name", &host(API), "").status(), "200");
}

#[test]
fn the_reserved_paths_are_healthy() {
    let gateway = gateway(apis());
    assert_eq!(gateway.ask("GET /ping", &host(API), "").body, "healthy");
    assert_eq!(gateway.ask("GET /sping", &host(API), "").body, "healthy");
}

#[test]
fn head_has_the_length_and_no_body() {
    let gateway = gateway(apis());
    let answer = gateway.ask("HEAD /prod/x", &host(API), "");
    assert_eq!((answer.status(), answer.body.as_str()), ("200", ""));
    let length: usize = answer.header("content-length").and_then(|v| v.parse().ok()).expect("a length");
    assert!(length > 0);
}

#[test]
fn a_chunked_body_is_decoded_and_its_trailers_shown() {
    let headers = format!("{}Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n", host(API));
    let echo = gateway(apis()).ask("PUT /prod", &headers, "3\r\nabc\r\n0\r\nx-sum: 3\r\n\r\n").json();
    assert_eq!((&echo["body"], &echo["body_length"]), (&json!("abc"), &json!(3)));
    assert_eq!(echo["trailers"], json!([["x-sum", "3"]]));
}

#[test]
fn a_long_body_is_counted_and_not_shown() {
    let gateway = gateway(apis());
    for (length, shown) in [(SHOWN_BODY, true), (SHOWN_BODY + 1, false), (1_000_000, false)] {
        let headers = format!("{}Content-Length: {length}\r\n", host(API));
        let echo = gateway.ask("POST /prod/x", &headers, &"b".repeat(length)).json();
        assert_eq!(echo["body_length"], length);
        assert_eq!(echo["body"].is_string(), shown, "{length}");
    }
}

#[test]
fn a_redirect_points_at_the_api_itself() {
    let answer = gateway(apis()).ask("GET /prod/v1/redirect", &host(API), "");
    assert_eq!(answer.status(), "302");
    assert_eq!(answer.header("location"), Some(&*format!("https://{API}/prod/landed")));
}

#[test]
fn a_cookie_is_for_the_stage() {
    let answer = gateway(apis()).ask("GET /prod/cookie", &host(API), "");
    assert_eq!(answer.header("set-cookie"), Some("visited=yes; Path=/prod; HttpOnly"));
}

#[test]
fn a_status_can_be_asked_for() {
    let gateway = gateway(apis());
    assert_eq!(gateway.ask("GET /prod/status/418", &host(API), "").status(), "418");
    let empty = gateway.ask("GET /prod/status/204", &host(API), "");
    assert_eq!((empty.status(), empty.body.as_str()), ("204", ""));
}

#[test]
fn it_listens_on_every_address_and_stops_on_all() {
    let authority = Authority::new().expect("an authority");
    let config = Config { addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0)); 2], apis: apis() };
    let fixture = Fixture { gateway: Gateway::start(config, &authority).expect("a gateway"), authority };
    let addresses = fixture.gateway.addresses().to_vec();
    assert_eq!(addresses.len(), 2);
    for address in &addresses {
        std::net::TcpStream::connect(address).expect("listening");
    }
    assert_eq!(fixture.ask("GET /ping", &host(API), "").status(), "200");
    fixture.gateway.stop();
    for address in addresses {
        assert!(std::net::TcpStream::connect(address).is_err(), "still listening on {address}");
    }
}

fn entry(host: &str, base: &str, choices: Choices) -> Route {
    let api = PrivateApi::parse(&format!("https://{API}/prod")).expect("an api");
    let base = BasePath::parse(base).expect("a base path");
    Route::new(&Host::parse(host).expect("a host"), &base, &api, choices, 1)
}

fn verbs(list: &[&str]) -> Choices {
    let set = list.iter().try_fold(VerbSet::NONE, |set, verb| set.with(verb)).expect("verbs");
    Choices { verbs: set, ..Choices::default() }
}

fn lines_for(routes: Vec<Route>) -> Vec<String> {
    let proxy = SocketAddr::from(([127, 0, 0, 1], 8080));
    curl_lines(&MappingTable::new(routes), proxy, SocketAddr::from(([127, 0, 0, 1], 9901)))
}

#[test]
fn the_lines_show_entries_refusals_and_the_admin_listener() {
    let lines = lines_for(vec![
        entry("orders.example.com", "", Choices::default()),
        entry("pay.example.com", "/v1", verbs(&["GET", "POST"])),
        entry("*.example.com", "", Choices::default()),
    ]);
    let commands: Vec<_> = lines.iter().filter(|line| !line.starts_with('#')).map(String::as_str).collect();
    assert_eq!(
        commands,
        [
            "curl -s -H 'Host: any.example.com' http://127.0.0.1:8080/hello",
            "curl -s -H 'Host: orders.example.com' http://127.0.0.1:8080/hello",
            "curl -s -H 'Host: pay.example.com' http://127.0.0.1:8080/v1/hello",
            "curl -s -i -X DELETE -H 'Host: pay.example.com' http://127.0.0.1:8080/v1/hello",
            "curl -s -i -H 'Host: any.example.com' http://127.0.0.1:8080/redirect",
            "curl -s -i -H 'Host: no-such-domain.invalid' http://127.0.0.1:8080/",
            "curl -s http://127.0.0.1:9901/readyz",
            "curl -s http://127.0.0.1:9901/metrics",
        ]
    );
    assert_eq!(lines.len(), 2 * commands.len());
    assert!(lines.iter().step_by(2).all(|line| line.starts_with("# ")), "{lines:#?}");
    assert!(lines.contains(&"# DELETE is not in VERBS: 405 with Allow: GET, POST".to_owned()), "{lines:#?}");
}

#[test]
fn a_line_reaches_its_own_entry_or_is_left_out() {
    let lines = lines_for(vec![
        entry("a.example.com", "", Choices { response: ResponseMode::Untouched, ..verbs(&["POST"]) }),
        entry("a.example.com", "/hello", verbs(&["POST"])),
        entry("any.example.org", "/x", verbs(&["HEAD"])),
        entry("*.example.org", "/it's", Choices { response: ResponseMode::Untouched, ..Choices::default() }),
    ]);
    let about: Vec<_> = lines.iter().filter(|line| line.starts_with("curl") && line.contains(":8080")).collect();
    assert_eq!(
        about,
        [
            r"curl -s -H 'Host: other.example.org' 'http://127.0.0.1:8080/it'\''s/hello'",
            "curl -s -X POST -H 'Host: a.example.com' http://127.0.0.1:8080/hello/hello",
            "curl -s -i -X DELETE -H 'Host: a.example.com' http://127.0.0.1:8080/hello/hello",
            "curl -s -i -H 'Host: no-such-domain.invalid' http://127.0.0.1:8080/",
        ]
    );
}

#[test]
fn the_unspecified_address_is_reached_over_loopback() {
    for (address, want) in [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.1:80", "10.0.0.1:80")] {
        assert_eq!(reachable(address.parse().expect("an address")).to_string(), want);
    }
}
