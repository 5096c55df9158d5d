//! The load, against a server that does what a proxy might.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use nameplate_testkit::wire::{Piece, Wire};

use crate::load::{Order, Outcome, run};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BAD: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
const LAST: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf of it";

/// What a server does with a request: an answer, or nothing, and whether the connection goes on.
type Behaviour = fn(request: usize) -> (&'static [u8], bool);

/// A server of one connection at a time, which ends with the test.
fn server(does: Behaviour) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut request = 0;
        for stream in listener.incoming() {
            serve(&mut stream.unwrap(), does, &mut request);
        }
    });
    address
}

fn serve(stream: &mut TcpStream, does: Behaviour, request: &mut usize) {
    let mut piece = [0; 4_096];
    while let Ok(1..) = stream.read(&mut piece) {
        *request += 1;
        let (answer, on) = does(*request);
        if stream.write_all(answer).is_err() || !on {
            return;
        }
    }
}

fn order(to: SocketAddr, limit: u64) -> Order {
    Order {
        to,
        ca: None,
        connections: 1,
        seconds: 30.0,
        rate: None,
        domains: 10,
        hot: 10,
        path: "/".into(),
        host: None,
        body: None,
        large_body: None,
        limit: Some(limit),
        until_input_ends: false,
    }
}

fn sent(does: Behaviour, limit: u64) -> Outcome {
    run(&order(server(does), limit)).unwrap()
}

#[test]
fn every_request_is_counted_once() {
    let outcome = sent(|_| (OK, true), 500);
    assert_eq!((outcome.sent, outcome.ok, outcome.failed, outcome.retried), (500, 500, 0, 0), "{outcome:?}");
    assert_eq!(outcome.bytes, 500 * OK.len() as u64);
}

#[test]
fn another_status_is_a_failure() {
    let outcome = sent(|request| (if request == 3 { BAD } else { OK }, true), 5);
    assert_eq!((outcome.ok, outcome.failed), (4, 1), "{outcome:?}");
    assert_eq!(outcome.first_failure.as_deref(), Some("status 502"));
}

#[test]
fn half_an_answer_is_a_failure() {
    let outcome = sent(|request| if request == 3 { (HALF, false) } else { (OK, true) }, 5);
    assert_eq!((outcome.ok, outcome.failed, outcome.retried), (4, 1, 0), "{outcome:?}");
}

/// The third request meets a connection that ends without an answer, as kept ones may.
#[test]
fn a_request_on_a_kept_connection_that_was_closed_is_sent_again() {
    let outcome = sent(|request| if request == 3 { (b"", false) } else { (OK, true) }, 5);
    assert_eq!((outcome.ok, outcome.failed, outcome.retried), (5, 0, 1), "{outcome:?}");
}

#[test]
fn a_first_request_that_gets_no_answer_has_failed() {
    let outcome = sent(|request| if request == 1 { (b"", false) } else { (OK, true) }, 5);
    assert_eq!((outcome.ok, outcome.failed, outcome.retried), (4, 1, 0), "{outcome:?}");
}

#[test]
fn a_connection_that_ends_with_its_answer_is_neither_a_failure_nor_sent_again() {
    let outcome = sent(|request| if request == 3 { (LAST, false) } else { (OK, true) }, 5);
    assert_eq!((outcome.ok, outcome.failed, outcome.retried), (5, 0, 0), "{outcome:?}");
}

/// One answer of a thousand comes 400 ms late. A client that waits with its next request until then would see one slow
/// request; one that sends on time sees what everybody else would have waited.
#[test]
fn what_waits_behind_a_slow_answer_is_in_the_latency() {
    let slow: Behaviour = |request| {
        if request == 100 {
            // Nobody sends there: the wait is the answer's time.
            let (_sender, never) = channel::<()>();
            let _ = never.recv_timeout(Duration::from_millis(400));
        }
        (OK, true)
    };
    let open = run(&Order { rate: Some(1_000.0), ..order(server(slow), 1_000) }).unwrap();
    // At 1,000 a second, 400 were due meanwhile, and 300 of them waited for over 100 ms.
    assert_eq!(open.ok, 1_000, "{open:?}");
    assert!(open.p99_us > 300_000.0, "{open:?}");
    assert!(open.longest_us >= 400_000.0, "{open:?}");
}

/// A server that reads whole requests slowly enough that the system takes a large one in pieces.
fn server_of_bodies() -> (SocketAddr, std::sync::mpsc::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, lengths) = channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut wire = Wire::new(stream);
        while let Ok(Some(mut head)) = wire.read_head() {
            let framing = head.check_request();
            assert_eq!((head.faults.as_slice(), head.header("host")), (&[][..], Some("pay.example.com")));
            let mut length = 0;
            let counted = wire.read_body(framing, &mut |piece| {
                if let Piece::Data(bytes) = piece {
                    length += bytes.len();
                }
            });
            if counted.is_err() || sender.send(length).is_err() || wire.stream.write_all(OK).is_err() {
                return;
            }
        }
    });
    (address, lengths)
}

#[test]
fn one_body_of_fifty_is_a_large_one_and_arrives_whole() {
    const LARGE: usize = 8 * 1024 * 1024;
    let (to, lengths) = server_of_bodies();
    let order =
        Order { host: Some("pay.example.com".into()), body: Some(1_024), large_body: Some(LARGE), ..order(to, 200) };
    let outcome = run(&order).unwrap();
    assert_eq!((outcome.ok, outcome.failed, outcome.retried), (200, 0, 0), "{outcome:?}");
    let lengths: Vec<usize> = lengths.iter().take(200).collect();
    assert!(lengths.iter().all(|length| [1_024, LARGE].contains(length)), "{lengths:?}");
    let large = lengths.iter().filter(|length| **length == LARGE).count();
    assert!((1..=20).contains(&large), "{large} of 200");
}
