//! The client and the origins, against each other.

use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use nameplate_testkit::API_DOMAIN;
use nameplate_testkit::client::{Client, Target, get, text_of, tls_config};
use nameplate_testkit::faulty::Faulty;
use nameplate_testkit::origin::Origin;
use nameplate_testkit::reply::Reply;
use nameplate_testkit::wire::{Framing, Head, Piece, Wire};

fn host() -> String {
    format!("abc123.{API_DOMAIN}")
}

fn target(origin: &Origin) -> Target {
    Target { address: origin.address(), tls: Some((Arc::new(tls_config()), host())) }
}

#[test]
fn an_origin_records_what_the_client_sent() {
    let origin = Origin::start(|request| Reply::json(200, &format!("{{\"length\":{}}}", request.body.len())));
    let mut client = Client::connect_tls(origin.address(), &host());
    let response = client.exchange(&text_of("POST", &host(), "/prod/a%2Fb?c=", &[("X-One", "1")], b"abc"), false);
    assert_eq!(response.expect("a response").json()["length"], 3);
    let request = origin.last_request();
    assert_eq!((request.method(), request.target(), request.header("x-one")), ("POST", "/prod/a%2Fb?c=", Some("1")));
    assert_eq!((request.sni.as_deref(), request.text().as_str()), (Some(host().as_str()), "abc"));
    assert!(request.has_name("X-One") && request.complete);
    origin.expect_no_oddities();
}

#[test]
fn an_origin_tells_of_what_two_readers_could_read_differently() {
    let origin = Origin::ok();
    let mut client = target(&origin).connect().expect("a connection");
    let two = format!("GET / HTTP/1.1\r\nHost: {}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", host());
    assert_eq!(client.exchange(two.as_bytes(), false).expect("a response").status, 400);
    assert!(origin.oddities().iter().any(|odd| odd.contains("ambiguous")), "{:?}", origin.oddities());
}

#[test]
fn an_origin_under_load_counts_and_forgets() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = Origin::under_load(listener, |_| Reply::json(200, "{}"));
    let mut client = target(&origin).connect().expect("a connection");
    for _ in 0..20 {
        let response = client.exchange(&text_of("POST", &host(), "/", &[], b"body"), false).expect("a response");
        assert_eq!((response.status, response.ends_connection()), (200, false));
    }
    drop(client);
    origin.wait_until_closed();
    assert_eq!(origin.served(), 20);
    assert!(origin.requests().iter().all(|request| request.body.is_empty()), "{:?}", origin.requests());
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_client_shows_the_server_s_certificate_and_trusts_one_authority() {
    let origin = Origin::ok();
    let client = target(&origin).connect().expect("a connection");
    assert!(client.peer_certificate().is_some_and(|certificate| !certificate.is_empty()));
    let wrong = Origin::with_wrong_name();
    assert!(target(&wrong).connect().is_err());
}

#[test]
fn a_reset_is_no_end_in_order() {
    let origin = Origin::start(|_| Reply::default().then_reset());
    let mut client = target(&origin).connect().expect("a connection");
    let error = client.exchange(&text_of("GET", &host(), "/", &[], b""), false).expect_err("no response");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
}

#[test]
fn an_early_origin_answers_before_the_body_has_come() {
    let origin = Origin::start_early(|_| Reply::json(200, "{}"));
    let mut client = target(&origin).connect().expect("a connection");
    client.send(format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\n", host()));
    assert_eq!(client.read_response().status, 200);
    client.send("body");
    assert_eq!(origin.wait_for_requests(1)[0].body, b"body");
}

#[test]
fn a_faulty_origin_does_what_its_script_says_below_http() {
    let origin = Faulty::start(|peer| match peer.number {
        0 => peer.reset(),
        _ => {
            let mut secure = peer.secure()?;
            secure.read_request()?;
            secure.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")?;
            secure.cut()
        }
    });
    let target = Target { address: origin.address(), tls: Some((Arc::new(tls_config()), host())) };
    assert!(target.connect().is_err());
    let mut client = target.connect().expect("a connection");
    let error = client.exchange(&text_of("GET", &host(), "/", &[], b""), false).expect_err("half a response");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
    assert_eq!((origin.connections(), origin.requests().len()), (2, 1));
}

/// What a plaintext server answers to one GET.
fn got(answer: &'static [u8]) -> std::io::Result<nameplate_testkit::client::Response> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = thread::spawn(move || {
        let mut wire = Wire::new(listener.accept().expect("a connection").0);
        wire.read_head().expect("a head");
        wire.stream.write_all(answer).expect("written");
    });
    let got = nameplate_testkit::client::try_get(address, "a.example", "/");
    serving.join().expect("it serves");
    got
}

#[test]
fn a_response_is_read_strictly() {
    let body = |answer| got(answer).map(|response| response.text()).map_err(|e| e.kind());
    assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Ok("ok".into()));
    assert_eq!(body(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), Ok("ok".into()));
    assert_eq!(body(b"HTTP/1.1 200 OK\r\n\r\nto the end"), Ok("to the end".into()));
    assert_eq!(body(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"), Ok(String::new()));
    for bad in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Name: 1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
    ] {
        assert_eq!(body(bad), Err(ErrorKind::InvalidData), "{}", bad.escape_ascii());
    }
    assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Err(ErrorKind::UnexpectedEof));
}

#[test]
fn a_chunked_body_is_read_piece_by_piece_with_its_trailers() {
    let mut wire = Wire::new(&b"3;a=b\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\nnext"[..]);
    let (mut raw, mut data, mut trailers) = (Vec::new(), Vec::new(), Vec::new());
    let read = wire.read_body(Framing::Chunked, &mut |piece| match piece {
        Piece::Wire(bytes) => raw.extend_from_slice(bytes),
        Piece::Data(bytes) => data.extend_from_slice(bytes),
        Piece::Trailer(name, value) => trailers.push((name, value)),
    });
    read.expect("a whole body");
    assert_eq!((raw.len(), data.as_slice(), wire.buffer.as_slice()), (27, &b"abc"[..], &b"next"[..]));
    assert_eq!(trailers, [("X-Sum".to_owned(), "6".to_owned())]);
}

#[test]
fn a_request_s_head_has_one_host_and_one_length() {
    let faults = |text: &str| {
        let mut head = Head::parse(text.as_bytes().to_vec());
        head.check_request();
        head.faults.len()
    };
    assert_eq!(faults("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    assert_eq!(faults("GET / HTTP/1.1\r\n\r\n"), 1);
    assert_eq!(faults("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 1);
    assert_eq!(faults("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), 1);
}

#[test]
fn a_get_has_a_connection_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = thread::spawn(move || {
        let mut wire = Wire::new(listener.accept().expect("a connection").0);
        let head = wire.read_head().expect("a head").expect("a request");
        wire.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("written");
        (head.start, wire.read_head().expect("the end").is_none())
    });
    assert_eq!(get(address, "a.example", "/x").status, 200);
    assert_eq!(serving.join().expect("it serves"), ("GET /x HTTP/1.1".to_owned(), true));
}
