//! The harness itself: an origin that records truly, and a client that reads strictly. Every other
//! story rests on these.

use nameplate_testkit::client::{Client, text_of};
use nameplate_testkit::origin::Origin;
use nameplate_testkit::reply::Reply;
use nameplate_testkit::{API_DOMAIN, Gate};

fn name() -> String {
    format!("abc123.{API_DOMAIN}")
}

fn client_of(origin: &Origin) -> Client {
    Client::connect_tls(origin.address(), &name())
}

fn ask(head_and_body: &str) -> Vec<u8> {
    head_and_body.replace("{host}", &format!("Host: {}", name())).into_bytes()
}

#[test]
fn a_request_is_recorded_byte_for_byte() {
    let origin = Origin::ok();
    let mut client = client_of(&origin);
    let sent = ask("POST /prod//a%2f?q=%20 HTTP/1.1\r\n{host}\r\nX-CaSe:  v \r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(client.send(&sent).read_response().json()["ok"], true);

    let seen = origin.last_request();
    assert_eq!([&seen.head.raw[..], &seen.raw_body].concat(), sent);
    assert_eq!((seen.method(), seen.target()), ("POST", "/prod//a%2f?q=%20"));
    assert_eq!((seen.sni.as_deref(), seen.header("host")), (Some(&*name()), Some(&*name())));
    assert_eq!(seen.header("x-case"), Some("v"));
    assert!(seen.has_name("X-CaSe") && !seen.has_name("x-case"));
    assert_eq!((seen.text().as_str(), seen.complete), ("abc", true));
    origin.expect_no_oddities();
}

#[test]
fn chunks_are_kept_as_they_came_and_decoded() {
    let origin = Origin::ok();
    let chunks = "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n";
    let head = "PUT /prod HTTP/1.1\r\n{host}\r\nTransfer-Encoding: chunked\r\n\r\n";
    client_of(&origin).send(ask(&format!("{head}{chunks}"))).read_response();

    let seen = origin.last_request();
    assert_eq!((seen.raw_body.as_slice(), seen.text().as_str()), (chunks.as_bytes(), "abcde"));
    assert_eq!(seen.trailer("x-sum"), Some("5"));
    origin.expect_no_oddities();
}

#[test]
fn connections_and_requests_are_counted_apart() {
    let origin = Origin::ok();
    let get = text_of("GET", &name(), "/prod", &[], b"");
    let mut first = client_of(&origin);
    first.send(&get).read_response();
    first.send(&get).read_response();
    client_of(&origin).send(&get).read_response();
    assert_eq!((origin.connections(), origin.handshakes()), (2, 2));
    let on: Vec<_> = origin.requests().iter().map(|request| request.connection).collect();
    assert_eq!(on, [0, 0, 1]);
}

#[test]
fn a_request_behind_a_request_is_odd() {
    let origin = Origin::ok();
    let mut client = client_of(&origin);
    let get = text_of("GET", &name(), "/prod", &[], b"");
    client.send([&get[..], &get].concat()).read_response();
    client.read_response();
    assert_eq!(origin.wait_for_requests(2)[0].extra, get);
    assert_eq!(origin.oddities().len(), 1, "{:?}", origin.oddities());
}

#[track_caller]
fn odd(request: &str, why: &str) {
    let origin = Origin::ok();
    let mut client = client_of(&origin);
    client.send(ask(request));
    client.half_close();
    client.read_to_end();
    origin.wait_until_closed();
    let oddities = origin.oddities().join("\n");
    assert!(oddities.contains(why), "{request:?} is {oddities:?}, not {why:?}");
}

#[test]
fn what_two_readers_could_read_differently_is_odd() {
    odd("POST / HTTP/1.1\r\n{host}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "ambiguous");
    odd("POST / HTTP/1.1\r\n{host}\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "ambiguous");
    odd("POST / HTTP/1.1\r\n{host}\r\nContent-Length: +1\r\n\r\na", "ambiguous");
    odd("POST / HTTP/1.1\r\n{host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "ambiguous");
    odd("GET / HTTP/1.1\r\n{host}\r\nHost: other.example\r\n\r\n", "2 Host headers");
    odd("GET / HTTP/1.1\r\n\r\n", "0 Host headers");
    odd("GET / HTTP/1.1\r\n{host}\r\nX: a\r\n folded\r\n\r\n", "no header field");
    odd("GET / HTTP/1.1\r\n{host}\r\nX : a\r\n\r\n", "no header field");
    odd("GET / HTTP/1.1\r\n{host}\nX: a\r\n\r\n", "a bare CR, LF or NUL");
    odd("GET / HTTP/1.0\r\n{host}\r\n\r\n", "no request line");
    odd("GET /a b HTTP/1.1\r\n{host}\r\n\r\n", "no request line");
    odd("GET / HTTP/1.1\n{host}\n\n", "ended in a head");
    odd("PUT / HTTP/1.1\r\n{host}\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", "no chunk size");
    odd("PUT / HTTP/1.1\r\n{host}\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", "a bare CR or LF");
    odd("PUT / HTTP/1.1\r\n{host}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "after a chunk");
}

#[test]
fn a_body_cut_off_is_incomplete_and_not_odd() {
    let origin = Origin::ok();
    let mut client = client_of(&origin);
    client.send(ask("POST /prod HTTP/1.1\r\n{host}\r\nContent-Length: 10\r\n\r\nabc"));
    origin.wait_until(|requests| requests.iter().any(|r| r.body == b"abc"));
    client.reset();
    origin.wait_until_closed();
    assert!(!origin.last_request().complete);
    origin.expect_no_oddities();
}

#[test]
fn an_early_script_answers_before_the_body() {
    let origin = Origin::start_early(|_| Reply::json(413, "{}").then_read_body());
    let mut client = client_of(&origin);
    client.send(ask("POST /prod HTTP/1.1\r\n{host}\r\nContent-Length: 3\r\n\r\n"));
    assert_eq!(client.read_response().status, 413);
    client.send("abc");
    assert_eq!(origin.wait_for_requests(1)[0].text(), "abc");
}

#[test]
fn an_expectation_is_met_before_the_answer() {
    let origin = Origin::ok();
    let mut client = client_of(&origin);
    client.send(ask("POST /prod HTTP/1.1\r\n{host}\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
    assert_eq!(client.read_head().status, 100);
    assert_eq!(client.send("a").read_response().status, 200);
}

#[test]
fn an_interim_answer_is_kept_apart() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let origin = Origin::start(move |_| Reply::raw(hints).then_raw("HTTP/1.1 204 No Content\r\n\r\n"));
    let answer = client_of(&origin).send(text_of("GET", &name(), "/", &[], b"")).read_response();
    assert_eq!((answer.status, answer.interim.len()), (204, 1));
    assert_eq!((answer.interim[0].status, answer.interim[0].header("link")), (103, Some("</a>")));
}

#[test]
fn a_gate_holds_the_rest_of_an_answer_back() {
    let gate = Gate::default();
    let script_gate = gate.clone();
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
    let origin = Origin::start(move |_| Reply::raw(head).then_wait(&script_gate).then_raw("0\r\nX-T: 1\r\n\r\n"));
    let mut client = client_of(&origin);
    assert_eq!(client.send(text_of("GET", &name(), "/", &[], b"")).read_head().status, 200);
    assert_eq!(client.read_exact(6), b"1\r\na\r\n");
    gate.open();
    assert_eq!(client.read_exact(13), b"0\r\nX-T: 1\r\n\r\n");
}

#[test]
fn a_chunked_answer_has_trailers_and_its_case() {
    let raw = "HTTP/1.1 200 Fine by me\r\nTRANSFER-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 2\r\n\r\n";
    let origin = Origin::start(move |_| Reply::raw(raw));
    let answer = client_of(&origin).send(text_of("GET", &name(), "/", &[], b"")).read_response();
    assert_eq!((answer.reason.as_str(), answer.text().as_str()), ("Fine by me", "ab"));
    assert_eq!((answer.headers[0].0.as_str(), answer.trailer("x-sum")), ("TRANSFER-encoding", Some("2")));
    assert_eq!(answer.raw, raw.as_bytes());
}

#[test]
fn an_answer_to_head_has_no_body() {
    let origin = Origin::ok();
    let mut client = client_of(&origin);
    let answer = client.send(text_of("HEAD", &name(), "/", &[], b"")).read_response_to_head();
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some("11"), 0));
    assert_eq!(client.send(text_of("GET", &name(), "/", &[], b"")).read_response().text(), "{\"ok\":true}");
}

#[test]
fn an_answer_without_framing_ends_with_the_connection() {
    let origin = Origin::start(|_| Reply::raw("HTTP/1.1 200 OK\r\n\r\nall of it").then_close());
    let answer = client_of(&origin).send(text_of("GET", &name(), "/", &[], b"")).read_response();
    assert_eq!((answer.text().as_str(), answer.connection_closed), ("all of it", true));
}

#[test]
fn a_reset_breaks_an_answer_off() {
    let origin = Origin::start(|_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart").then_reset());
    let mut client = client_of(&origin);
    client.send(text_of("GET", &name(), "/", &[], b""));
    let error = client.try_read_response(false).expect_err("half an answer");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    origin.expect_no_oddities();
}

#[test]
fn an_origin_can_refuse_tls() {
    let origin = Origin::refusing_tls();
    assert!(Client::try_connect_tls(origin.address(), &name()).is_err());
    assert_eq!((origin.connections(), origin.handshakes()), (1, 0));
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let origin = Origin::with_wrong_name();
    assert!(Client::try_connect_tls(origin.address(), &name()).is_err());
    origin.wait_until_closed();
    assert!(origin.requests().is_empty());
}
