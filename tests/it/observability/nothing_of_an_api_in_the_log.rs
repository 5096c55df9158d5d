//! What an API sends stays between it and its clients: not a byte of it reaches the log, whatever is wrong with it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::client::{self, Client};
use crate::harness::faulty::{Faulty, Secure};
use crate::harness::server::{Server, mapping, server_before};

const DOMAIN: &str = "pay.example.com";
const SECRET: &str = "S3CR3T";
/// Longer than any line of the log about a request.
const MOST: usize = 420;

/// Responses that are wrong in one place each, with the secret there or right before it.
const WRONG: [&str; 26] = [
    "S3CR3T\r\n\r\n",
    "S3CR3T/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 S3CR3T OK\r\n\r\n",
    "HTTP/1.1 200 S3CR3T\x01\r\n\r\n",
    "HTTP/1.1 2000 S3CR3T\r\n\r\n",
    "HTTP/1.1 200 OK\r\nSet-Cookie: id=S3CR3T\r\nno colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\nS3CR3T name: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-S3CR3T\x00: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-A: S3CR3T\x00\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-A: S3CR3T\r\n  S3CR3T folded\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-A: S3CR3T\rX-B: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: S3CR3T\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\nX-A: S3CR3T\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\nX-A: S3CR3T\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: S3CR3T\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nS3CR3T\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;S3CR3T=\x00\r\nhello\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloS3CR3T\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nS3CR3T trailer\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-A: S3CR3T\r\n\r\nS3CR3T",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokS3CR3T HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 101 S3CR3T\r\nUpgrade: S3CR3T\r\nConnection: upgrade\r\n\r\nS3CR3T",
    "HTTP/1.1 103 S3CR3T\r\nLink: S3CR3T\r\n\r\nS3CR3T\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-A: S3CR3T",
    "HTTP/1.1 200 OK\r\nLocation: https://S3CR3T\x7f/\r\nSet-Cookie: S3CR3T\r\n\r\nS3CR3T",
    "HTTP/0.9 200 S3CR3T\r\n\r\n",
];

/// A response with the secret in every place.
const WHOLE: &str = "HTTP/1.1 200 S3CR3T\r\nSet-Cookie: id=S3CR3T\r\nX-S3CR3T: S3CR3T\r\nTransfer-Encoding: chunked\r\n\
                     \r\n6;S3CR3T=S3CR3T\r\nS3CR3T\r\n0\r\nX-T: S3CR3T\r\n\r\n";

const ENDS: [fn(Secure) -> std::io::Result<()>; 3] = [Secure::close, Secure::cut, Secure::reset];

/// Sends one request for each of these responses.
fn answered_with(said: Vec<Vec<u8>>, settings: &str) -> (Server, Faulty) {
    let next = AtomicUsize::new(0);
    let all = said.len();
    let said = Mutex::new(said);
    let api = Faulty::start(move |peer| {
        let mut peer = peer.secure()?;
        peer.read_request()?;
        let at = next.fetch_add(1, Ordering::Relaxed);
        let bytes = said.lock().expect("no panic")[at].clone();
        peer.write(bytes)?;
        ENDS[at % 3](peer)
    });
    let server = server_before(api.address()).mapping(&mapping(&[(DOMAIN, "/prod")])).settings(settings).start();
    for _ in 0..all {
        let mut client = Client::connect(server.address());
        client.send(client::text_of("GET", DOMAIN, "/x", &[("Connection", "close")], b""));
        // Whatever comes of it, it is over when the connection is.
        let _ = client.read_to_end();
    }
    (server, api)
}

#[track_caller]
fn says_nothing_of_it(server: &mut Server) {
    server.signal("-TERM");
    let (_, log) = server.wait_for_end();
    assert!(log.contains("refused with 502 bad_answer"), "{log}");
    for line in log.lines() {
        assert!(!line.contains(SECRET) && line.len() < MOST && !line.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn no_malformed_response_reaches_the_log() {
    for level in ["info", "debug"] {
        let said = WRONG.iter().map(|said| said.as_bytes().to_vec()).collect();
        let (mut server, _api) = answered_with(said, &format!("log: {{ level: {level} }}"));
        says_nothing_of_it(&mut server);
    }
}

/// A response with a byte changed here and there, from a seed.
#[test]
fn no_response_that_was_damaged_reaches_the_log() {
    let mut random = fastrand::Rng::with_seed(18);
    let damaged = (0..150).map(|_| {
        let mut bytes = WHOLE.as_bytes().to_vec();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            match random.u8(..3) {
                0 => bytes[at] = random.u8(..),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, *random.choice(b"\r\n\0 :;".iter()).expect("one of them")),
            }
        }
        bytes
    });
    let (mut server, _api) = answered_with(damaged.collect(), "log: { level: debug }");
    says_nothing_of_it(&mut server);
}

/// A hundred thousand bytes of a head that never ends.
#[test]
fn a_long_head_makes_no_long_line() {
    let said = format!("HTTP/1.1 200 OK\r\nSet-Cookie: {}\r\nno colon\r\n\r\n", SECRET.repeat(20_000));
    let (mut server, _api) = answered_with(vec![said.into_bytes()], "log: { level: debug }");
    says_nothing_of_it(&mut server);
}

#[test]
fn a_response_that_breaks_off_is_no_refusal() {
    let said = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello".to_vec();
    let (mut server, api) = answered_with(vec![said], "");
    server.signal("-TERM");
    let (_, log) = server.wait_for_end();
    let said = format!(
        "{DOMAIN}: a 200 response broke off after 5 bytes of its body: Upstream ConnectionClosed at {}",
        api.address()
    );
    assert!(log.contains(&said) && !log.contains("refused with"), "{log}");
}
