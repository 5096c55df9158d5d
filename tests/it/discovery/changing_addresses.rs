//! Addresses that come and go while requests run.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::Gate;
use crate::harness::client::{Client, text_of};
use crate::harness::dns::{Answer, Dns};
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;
use crate::harness::reply::Reply;
use crate::upstream::faults::{DOMAIN, pay};

const OK: &str = "nameplate_endpoint_discoveries_total{result=\"ok\"}";

/// Two APIs on one port, the first at 127.0.0.1 and the other at 127.0.0.2. Each says which it is;
/// what is asked of `/held` is answered when the gate opens.
fn two(gate: &Gate) -> [Origin; 2] {
    let (one, other) = std::iter::repeat_with(|| {
        let one = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = one.local_addr().expect("an address").port();
        (one, TcpListener::bind(("127.0.0.2", port)))
    })
    // Somebody else may have the same port there.
    .find_map(|(one, other)| Some((one, other.ok()?)))
    .expect("a port that is free twice");
    [(one, "one"), (other, "other")].map(|(listener, name)| {
        let gate = gate.clone();
        Origin::on(listener, move |request| match request.target() {
            "/prod/held" => Reply::default()
                .then_wait(&gate)
                .then_raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len())),
            _ => Reply::json(200, name),
        })
    })
}

/// A proxy that looks up again every 100 ms.
fn asking(dns: &Dns, api: &Origin) -> Proxy {
    let (port, server) = (api.address().port(), dns.address());
    pay()
        .settings(&format!(
            "endpoint: {{ name: vpce-1.example.com, port: {port}, nameservers: ['{server}'], min_ttl: 100ms, ip_family: ipv4 }}"
        ))
        .start()
}

fn who(proxy: &Proxy) -> String {
    proxy.get(DOMAIN, "/x").text()
}

/// Changes the answer, and waits until a look-up that began after that is in force.
fn moves_to(dns: &Dns, proxy: &Proxy, answer: Answer) {
    dns.answers(answer);
    let known = proxy.metric(OK);
    proxy.pages().wait_for_at_least(OK, known + 2.0);
}

fn held(proxy: &Proxy, api: &Origin) -> Client {
    let mut client = proxy.client();
    client.send(text_of("GET", DOMAIN, "/held", &[], b""));
    api.wait_until(|requests| requests.iter().any(|request| request.target() == "/prod/held"));
    client
}

#[test]
fn an_address_that_goes_finishes_what_it_has_and_gets_no_more() {
    let gate = Gate::default();
    let [one, other] = two(&gate);
    let dns = Dns::start(Answer::loopback(&[1], 0));
    let proxy = asking(&dns, &one);
    // A connection to it stays open, and one is under way.
    assert_eq!(who(&proxy), "one");
    let mut under_way = held(&proxy, &one);

    moves_to(&dns, &proxy, Answer::loopback(&[2], 0));
    let before = one.requests().len();
    for _ in 0..4 {
        assert_eq!(who(&proxy), "other");
    }
    assert_eq!((one.requests().len(), other.requests().len()), (before, 4));

    gate.open();
    assert_eq!(under_way.read_response().text(), "one");
}

#[test]
fn an_address_that_comes_takes_its_turns() {
    let [one, other] = two(&Gate::default());
    let dns = Dns::start(Answer::loopback(&[1], 0));
    let proxy = asking(&dns, &one);
    assert_eq!(who(&proxy), "one");
    moves_to(&dns, &proxy, Answer::loopback(&[1, 2], 0));
    let mut said: Vec<_> = (0..4).map(|_| who(&proxy)).collect();
    said.sort();
    assert_eq!(said, ["one", "one", "other", "other"]);
    assert_eq!(other.requests().len(), 2);
}

/// Clients that never stop asking, while the addresses change under them.
#[test]
fn no_request_is_lost_while_addresses_change() {
    let [one, other] = two(&Gate::default());
    let dns = Dns::start(Answer::loopback(&[1], 0));
    let proxy = asking(&dns, &one);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut client = proxy.client();
            let mut asked = 0;
            while !done.load(Ordering::Relaxed) {
                let answer = client.send(text_of("POST", DOMAIN, "/x", &[], b"body")).read_response();
                assert_eq!(answer.status, 200);
                asked += 1;
            }
            asked
        });
        for answer in [&[2][..], &[1, 2], &[1], &[2, 1]] {
            moves_to(&dns, &proxy, Answer::loopback(answer, 0));
        }
        // Names that fail between the changes take nothing away.
        dns.answers(Answer::Failure);
        proxy.pages().wait_for_at_least("nameplate_endpoint_discoveries_total{result=\"failed\"}", 1.0);
        moves_to(&dns, &proxy, Answer::loopback(&[2], 0));
        done.store(true, Ordering::Relaxed);
        let asked: usize = asked.join().expect("every request was answered");
        assert_eq!(one.requests().len() + other.requests().len(), asked, "each was sent once");
    });
    assert!(one.requests().len() > 1 && other.requests().len() > 1);
}
