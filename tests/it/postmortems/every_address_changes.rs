//! "Dynamic DNS Resolution in Nginx", Yongjie Lim for TrueCar, with logs of 25 April 2019,
//! <https://medium.com/driven-by-code/dynamic-dns-resolution-in-nginx-22133c22e3ab>.
//!
//! AWS replaced the nodes of a load balancer, and all their addresses with them. The NGINX before it had looked the name up
//! once, when it started, and went on to connect to addresses that nobody answered at, so that clients got 504.
//!
//! Here every address of the endpoint is replaced while clients never stop. The guards: the name is looked up again
//! whenever its TTL runs out, and what cannot connect to an address tries the next one.

use std::time::{Duration, Instant};

use crate::harness::PATIENCE;
use crate::harness::client::{Client, text_of};
use crate::harness::dns::{Answer, Dns};
use crate::harness::load::Load;
use crate::harness::origin::Origin;
use crate::harness::server::{Server, mapping, server};

const DOMAIN: &str = "pay.example.com";
const CONNECT_RETRIES: &str = "nameplate_upstream_retries_total{cause=\"connect\"}";
/// In seconds.
const TTL: u32 = 1;

/// Nodes of an endpoint at 127.0.0.1 and 127.0.0.2, and those that take over from them, at 127.0.0.3 and 127.0.0.4.
fn nodes() -> ([Origin; 2], [Origin; 2]) {
    let first = Origin::ok();
    let [second, third, fourth] = [2, 3, 4].map(|last| first.beside(last));
    ([first, second], [third, fourth])
}

fn before(dns: &Dns, node: &Origin) -> Server {
    let (port, nameserver) = (node.address().port(), dns.address());
    let endpoint = format!(
        "name: vpce-1.example.com, port: {port}, nameservers: ['{nameserver}'], min_ttl: 100ms, ip_family: ipv4"
    );
    server(node).mapping(&mapping(&[(DOMAIN, "/prod")])).endpoint(&endpoint).start()
}

#[test]
fn requests_follow_the_name_and_none_is_lost() {
    let (old, new) = nodes();
    let dns = Dns::start(Answer::loopback(&[1, 2], TTL));
    let server = before(&dns, &old[0]);
    let load = Load::start(server.address(), DOMAIN, 4);
    load.wait_for(50);
    assert!(old.iter().all(|node| !node.requests().is_empty()));

    dns.answers(Answer::loopback(&[3, 4], TTL));
    let changed = Instant::now();
    new.iter().for_each(|node| drop(node.wait_for_requests(1)));
    // The TTL, and three seconds for a machine that is busy.
    assert!(changed.elapsed() < Duration::from_secs(u64::from(TTL) + 3), "{:?}", changed.elapsed());
    // What had begun at the old nodes has ended by then, and the nodes go.
    load.wait_for(100);
    let at_the_old = old.each_ref().map(|node| node.requests().len());
    load.wait_for(100);
    assert_eq!(old.each_ref().map(|node| node.requests().len()), at_the_old);
    drop(old);
    load.wait_for(100);

    let outcome = load.stop();
    assert!(outcome.failures.is_empty(), "{outcome:?}");
    assert_eq!(server.admin().metric("nameplate_endpoint_addresses"), 2.0);
}

#[test]
fn nodes_that_go_before_their_ttl_cost_a_retry_and_no_request() {
    let ([first, second], new) = nodes();
    let dns = Dns::start(Answer::loopback(&[1, 2], TTL));
    let server = before(&dns, &first);
    let mut client = server.client();
    let get = |client: &mut Client| client.send(text_of("GET", DOMAIN, "/x", &[], b"")).read_response().status;
    assert_eq!([get(&mut client), get(&mut client)], [200, 200]);

    // Nobody knows yet that it has gone.
    drop(first);
    assert_eq!([(); 4].map(|()| get(&mut client)), [200; 4]);
    assert!(server.admin().metric(CONNECT_RETRIES) >= 1.0);
    dns.answers(Answer::loopback(&[3, 4], TTL));
    let give_up = Instant::now() + PATIENCE;
    while new.iter().any(|node| node.requests().is_empty()) {
        assert_eq!(get(&mut client), 200);
        assert!(Instant::now() < give_up, "requests do not follow");
    }
    drop(second);
    assert_eq!([(); 20].map(|()| get(&mut client)), [200; 20]);
}
