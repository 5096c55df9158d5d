//! Connections that were kept, and are dead when they are needed.

use super::{DOMAIN, RETRIES, get, is_counted, is_refusal, pay, post, seen};
use crate::harness::Gate;
use crate::harness::faulty::Faulty;
use crate::harness::origin::{Origin, Received};
use crate::harness::proxy::Proxy;
use crate::harness::reply::Reply;

/// An API that answers the first request of its first connection, and resets it at the second.
fn resets_the_second() -> (Origin, Proxy) {
    let api = Origin::start(|request: &Received| match (request.connection, request.target()) {
        (0, "/prod/first") | (1.., _) => Reply::json(200, "{}"),
        _ => Reply::default().then_reset(),
    });
    let proxy = pay().to(&api).start();
    assert_eq!(proxy.get(DOMAIN, "/first").status, 200);
    (api, proxy)
}

#[test]
fn a_get_that_is_reset_is_sent_again() {
    let (api, proxy) = resets_the_second();
    assert_eq!(get(&proxy).status, 200);
    assert_eq!((api.requests().len(), api.connections(), proxy.metric(RETRIES)), (3, 2, 1.0));
}

#[test]
fn what_is_sent_again_counts_once() {
    let api = Origin::start(|request: &Received| match (request.connection, request.target()) {
        (0, "/prod/first") | (1.., _) => Reply::json(200, "{}"),
        _ => Reply::default().then_reset(),
    });
    // Twice this body is over the limit.
    let proxy = pay().settings("limits: { body: 1000 }\n").to(&api).start();
    assert_eq!(proxy.get(DOMAIN, "/first").status, 200);
    assert_eq!(proxy.request("PUT", DOMAIN, "/x", &[], &[b'x'; 600]).status, 200);
    assert_eq!(proxy.metric(RETRIES), 1.0);
    proxy.wait_for_metric("nameplate_request_bytes_total", 600.0);
}

#[test]
fn a_post_that_is_reset_is_not() {
    let (api, proxy) = resets_the_second();
    is_refusal(&post(&proxy), 502, "bad_answer");
    is_counted(&proxy, "bad_answer");
    assert_eq!((api.requests().len(), api.connections(), proxy.metric(RETRIES)), (2, 1, 0.0));
    // The next one is nobody's second try.
    assert_eq!((post(&proxy).status, api.requests().len()), (200, 3));
}

/// An API that answers, and ends the connection like this when the gate opens.
#[track_caller]
fn dies_while_idle(end: impl Fn(Reply) -> Reply + Send + Sync + 'static) {
    for ask in [get, post] {
        let gate = Gate::default();
        let reply = end(Reply::json(200, "{}").then_wait(&gate));
        let api = Origin::start(move |request| match request.connection {
            0 => reply.clone(),
            _ => Reply::json(200, "{}"),
        });
        let proxy = pay().to(&api).start();
        assert_eq!(ask(&proxy).status, 200);
        gate.open();
        api.wait_until_closed();
        proxy.wait_for_metric("nameplate_upstream_connections_open", 0.0);
        // The proxy has heard of it: even a POST is safe, because it is not sent on the dead one.
        assert_eq!(ask(&proxy).status, 200);
        assert_eq!((seen(&api).len(), api.connections()), (2, 2));
    }
}

#[test]
fn one_that_is_reset_while_idle_costs_no_request() {
    dies_while_idle(Reply::then_reset);
}

/// The two addresses' kept connections both die under a GET: each is tried, and then a new one.
#[test]
fn a_get_survives_one_dead_connection_after_another() {
    let dying = || {
        Faulty::start(|peer| {
            let number = peer.number;
            let mut peer = peer.secure()?;
            loop {
                peer.read_request()?;
                peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")?;
                if number == 0 {
                    peer.read_request()?;
                    return peer.reset();
                }
            }
        })
    };
    let (one, other) = (dying(), dying());
    let proxy = pay().to_addresses(vec![one.address(), other.address()]).start();
    assert_eq!((get(&proxy).status, get(&proxy).status), (200, 200));
    assert_eq!((one.connections(), other.connections()), (1, 1));
    for _ in 0..2 {
        assert_eq!(get(&proxy).status, 200);
    }
    // Two answered before, two after, and one lost on each dead connection.
    assert_eq!((one.requests().len() + other.requests().len(), proxy.metric(RETRIES)), (6, 2.0));
}

/// An answer, and the end of what the API has to say: what it would still read is not sent to it.
#[test]
fn one_that_is_half_closed_after_an_answer_is_not_used_again() {
    let api = Faulty::start(|peer| {
        let mut peer = peer.secure()?;
        peer.read_request()?;
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")?;
        peer.cut()
    });
    let proxy = pay().to_addresses(vec![api.address()]).start();
    for ask in [post, get, post] {
        assert_eq!(ask(&proxy).status, 200);
        // The end comes after the answer, and may come after the next request: that race is another story.
        proxy.wait_for_metric("nameplate_upstream_connections_open", 0.0);
    }
    assert_eq!((api.requests().len(), api.connections()), (3, 3));
}
