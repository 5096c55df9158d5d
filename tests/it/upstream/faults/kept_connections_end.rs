//! A kept connection that takes a request and ends: in order, with FIN alone, or with a reset. TLS tells these apart, a
//! request does not.

use std::io;
use std::net::{SocketAddr, TcpListener};

use super::{DOMAIN, RETRIES, get, is_counted, is_refusal, pay, post};
use crate::harness::Gate;
use crate::harness::client::Response;
use crate::harness::faulty::{Faulty, Secure};
use crate::harness::proxy::Proxy;

const ENDS: [fn(Secure) -> io::Result<()>; 3] = [Secure::close, Secure::cut, Secure::reset];
const WHOLE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// An API that answers every request but the second of its first connections, `dying` in number: after such a one it
/// says this, and ends the connection like this.
fn ends_the_second(dying: usize, said: &'static str, end: fn(Secure) -> io::Result<()>) -> Faulty {
    Faulty::start(move |peer| {
        let dies = peer.number < dying;
        let mut peer = peer.secure()?;
        loop {
            peer.read_request()?;
            peer.write(WHOLE)?;
            if dies {
                peer.read_request()?;
                peer.write(said)?;
                return end(peer);
            }
        }
    })
}

fn before(addresses: Vec<SocketAddr>) -> Proxy {
    pay().to_addresses(addresses).settings("endpoint: { eject_after: 1 }").start()
}

fn ask(proxy: &Proxy, method: &str) -> Response {
    proxy.request(method, DOMAIN, "/x", &[], if method == "PUT" { b"body" } else { b"" })
}

fn ejections(proxy: &Proxy) -> f64 {
    proxy.metric("nameplate_endpoint_ejections_total{endpoint=\"default\"}")
}

#[test]
fn every_idempotent_request_is_sent_again_however_the_connection_ends() {
    for end in ENDS {
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
            let api = ends_the_second(1, "", end);
            let proxy = before(vec![api.address()]);
            assert_eq!(get(&proxy).status, 200);
            assert_eq!(ask(&proxy, method).status, 200, "{method}");
            assert_eq!((api.requests().len(), api.connections(), proxy.metric(RETRIES)), (3, 2, 1.0), "{method}");
            assert_eq!(ejections(&proxy), 0.0, "that an idle connection ends says nothing of its address");
        }
    }
}

#[test]
fn a_post_is_sent_once_however_the_connection_ends() {
    for end in ENDS {
        let api = ends_the_second(1, "", end);
        let proxy = before(vec![api.address()]);
        assert_eq!(get(&proxy).status, 200);
        is_refusal(&post(&proxy), 502, "bad_answer");
        is_counted(&proxy, "bad_answer");
        assert_eq!((api.requests().len(), api.connections(), proxy.metric(RETRIES)), (2, 1, 0.0));
        assert_eq!(ejections(&proxy), 0.0);
    }
}

/// Bytes of a response: the API has acted on the request.
#[test]
fn nothing_is_sent_again_once_a_response_has_begun() {
    for end in ENDS {
        for said in ["H", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nX-A: half", "HTTP/1.1 103 Early Hints\r\n\r\n"] {
            let api = ends_the_second(1, said, end);
            let proxy = before(vec![api.address()]);
            assert_eq!(get(&proxy).status, 200);
            is_refusal(&get(&proxy), 502, "bad_answer");
            is_counted(&proxy, "bad_answer");
            assert_eq!((api.requests().len(), proxy.metric(RETRIES)), (2, 0.0), "{said:?}");
            assert_eq!(ejections(&proxy), 0.0, "{said:?}");
        }
    }
}

/// Three connections are kept, and all of them are dead when they are needed.
#[test]
fn one_dead_connection_after_another_costs_one_further_attempt() {
    for end in ENDS {
        let gate = Gate::default();
        let wait = gate.clone();
        let api = Faulty::start(move |peer| {
            let dies = peer.number < 3;
            let mut peer = peer.secure()?;
            loop {
                peer.read_request()?;
                wait.wait();
                peer.write(WHOLE)?;
                if dies {
                    peer.read_request()?;
                    return end(peer);
                }
            }
        });
        let proxy = before(vec![api.address()]);
        std::thread::scope(|scope| {
            let asking = [(); 3].map(|()| scope.spawn(|| get(&proxy).status));
            proxy.wait_for_metric("nameplate_requests_in_flight", 3.0);
            proxy.wait_for_metric("nameplate_upstream_connections_open", 3.0);
            gate.open();
            assert_eq!(asking.map(|asks| asks.join().expect("an answer")), [200; 3]);
        });
        assert_eq!(get(&proxy).status, 200);
        assert_eq!((api.connections(), proxy.metric(RETRIES)), (4, 1.0), "the next attempt is on a new one");
    }
}

/// The first attempt finds no connection; the second is the last, and the connection that is kept for it is dead.
#[test]
fn a_last_attempt_is_on_a_new_connection() {
    for end in ENDS {
        let api = ends_the_second(1, "", end);
        let dead = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let settings = "endpoint: { connect_attempts: 2, eject_after: 100 }";
        let proxy = pay().to_addresses(vec![api.address(), dead]).settings(settings).start();
        assert_eq!((get(&proxy).status, api.connections()), (200, 1));
        assert_eq!((get(&proxy).status, api.connections()), (200, 2), "not on the one that is kept");
    }
}
