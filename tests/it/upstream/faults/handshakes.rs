//! Before a request can be sent: nothing has reached the API, so every method may try elsewhere.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{RETRIES, before, failures, get, is_counted, is_refusal, pay, post, seen};
use crate::harness::faulty::{Faulty, Peer};
use crate::harness::origin::Origin;
use crate::harness::reply::Reply;

/// A fault as it is alone: this refusal, this cause. As one of two addresses: nobody notices.
#[track_caller]
fn is_a_failure_of(cause: &str, fault: impl Fn(Peer) -> io::Result<()> + Send + Sync + 'static) {
    let fault = Arc::new(fault);
    let faulty = || {
        let fault = fault.clone();
        Faulty::start(move |peer| fault(peer))
    };
    let alone = faulty();
    let proxy = before(alone.address());
    let (status, reason) = if cause == "timeout" { (504, "upstream_timeout") } else { (502, "tls_failed") };
    is_refusal(&get(&proxy), status, reason);
    is_counted(&proxy, reason);
    assert_eq!((failures(&proxy, cause), alone.connections()), (1.0, 1));
    is_passed_over(faulty().address(), cause);
}

/// Four requests to two addresses, one of which is this: each is answered, and sent once.
#[track_caller]
fn is_passed_over(faulty: SocketAddr, cause: &str) {
    let api = Origin::start(|request| Reply::json(200, request.method()));
    // What is quick enough for the other address, even on a machine that has much else to do.
    let settings = if cause == "timeout" { "endpoint: { connect_timeout: 400ms, tls_timeout: 400ms }" } else { "{}" };
    let proxy = pay().to_addresses(vec![faulty]).to(&api).settings(settings).start();
    let answers: Vec<_> = [get, post, get, post].iter().map(|ask| ask(&proxy).text()).collect();
    assert_eq!(answers, ["GET", "POST", "GET", "POST"]);
    let (get, post) = (("GET".to_owned(), String::new()), ("POST".to_owned(), "body".to_owned()));
    assert_eq!(seen(&api), [get.clone(), post.clone(), get, post]);
    // Two took the other address first.
    assert_eq!((failures(&proxy, cause), proxy.metric(RETRIES)), (2.0, 2.0));
}

/// Whether TCP had connected is a matter of a moment: either is true.
#[test]
fn reset_on_accept() {
    let resets = Faulty::start(Peer::reset);
    let answer = get(&before(resets.address()));
    let reason = answer.header("x-nameplate-refusal").unwrap_or_default();
    assert_eq!((answer.status, ["connect_failed", "tls_failed"].contains(&reason)), (502, true), "{reason}");
    is_passed_over(resets.address(), "tls or other");
}

#[test]
fn closed_on_accept() {
    is_a_failure_of("tls", Peer::close);
}

#[test]
fn reset_after_the_hello() {
    is_a_failure_of("tls", |mut peer| {
        peer.read_hello()?;
        peer.reset()
    });
}

#[test]
fn closed_after_the_hello() {
    is_a_failure_of("tls", |mut peer| {
        peer.read_hello()?;
        peer.close()
    });
}

#[test]
fn reset_in_the_middle() {
    is_a_failure_of("tls", |mut peer| {
        peer.half_a_handshake()?;
        peer.reset()
    });
}

#[test]
fn closed_in_the_middle() {
    is_a_failure_of("tls", |mut peer| {
        peer.half_a_handshake()?;
        peer.close()
    });
}

/// A record with a fatal alert, `handshake_failure` (RFC 8446 section 6), in place of the ServerHello.
#[test]
fn an_alert_for_an_answer() {
    is_a_failure_of("tls", |mut peer| {
        peer.read_hello()?;
        peer.write(&[0x15, 3, 3, 0, 2, 2, 40])?;
        peer.close()
    });
}

#[test]
fn plaintext_for_an_answer() {
    is_a_failure_of("tls", |mut peer| {
        peer.read_hello()?;
        peer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
        peer.wait_until_closed()
    });
}

#[test]
fn zeros_for_an_answer() {
    is_a_failure_of("tls", |mut peer| {
        peer.read_hello()?;
        peer.write(&[0; 1_000])?;
        peer.wait_until_closed()
    });
}

#[test]
fn silence_after_half_of_it() {
    let faulty = Faulty::start(|mut peer| {
        peer.half_a_handshake()?;
        peer.wait_until_closed()
    });
    is_passed_over(faulty.address(), "timeout");
}

/// It listens and never accepts: TCP connects, TLS gets no answer.
fn silent() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a port")
}

#[test]
fn an_address_that_never_accepts() {
    let silent = silent();
    is_passed_over(silent.local_addr().expect("an address"), "timeout");
}

/// A queue that is full: Linux then answers no SYN, like a host that is gone.
#[test]
fn an_address_that_never_answers() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    socket.listen(0).expect("listening");
    let address = socket.local_addr().expect("an address").as_socket().expect("an IP address");
    let _queued = TcpStream::connect(address).expect("one fits");
    is_passed_over(address, "timeout");
}

/// It depends on the name that an entry asks for, so the next address would show the same one.
#[test]
fn a_certificate_for_another_name() {
    let (wrong, api) = (Origin::with_wrong_name(), Origin::ok());
    let proxy = pay().to(&wrong).to(&api).start();
    let statuses = [get, post, get, post].map(|ask| ask(&proxy).status);
    assert_eq!(statuses.iter().filter(|status| **status == 502).count(), 2, "{statuses:?}");
    assert_eq!((failures(&proxy, "tls"), proxy.metric(RETRIES)), (2.0, 0.0));
    assert_eq!((wrong.requests().len(), api.requests().len()), (0, 2));
}

/// All addresses dead: the attempts are counted, and the client waits for no more.
#[test]
fn when_no_address_is_left_the_client_is_told() {
    let closes = || Faulty::start(Peer::close);
    let (one, other) = (closes(), closes());
    let settings = "endpoint: { connect_attempts: 2 }";
    let proxy = pay().to_addresses(vec![one.address(), other.address()]).settings(settings).start();
    is_refusal(&post(&proxy), 502, "tls_failed");
    assert_eq!((one.connections(), other.connections()), (1, 1));
    is_counted(&proxy, "tls_failed");
    assert_eq!(failures(&proxy, "tls"), 2.0);
}

#[test]
fn when_every_address_is_silent_the_client_does_not_wait_for_ever() {
    let held = [silent(), silent()];
    let addresses = held.iter().map(|silent| silent.local_addr().expect("an address")).collect();
    let settings = "endpoint: { connect_timeout: 100ms, tls_timeout: 100ms, connect_attempts: 2 }";
    let proxy = pay().to_addresses(addresses).settings(settings).start();
    let began = Instant::now();
    is_refusal(&post(&proxy), 504, "upstream_timeout");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    is_counted(&proxy, "upstream_timeout");
    assert_eq!(failures(&proxy, "timeout"), 2.0);
}
