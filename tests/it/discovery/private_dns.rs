//! Private DNS: each API's own name is looked up.

use crate::harness::API_DOMAIN;
use crate::harness::client::is_refusal;
use crate::harness::dns::{Answer, Dns};
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;
use crate::upstream::endpoints::{addresses, get, pay, requests};

fn name(id: &str) -> String {
    format!("{id}.{API_DOMAIN}")
}

fn asking(dns: &Dns, api: &Origin) -> Proxy {
    let (port, server) = (api.address().port(), dns.address());
    let settings = format!(
        "endpoint: {{ private_dns: true, port: {port}, nameservers: ['{server}'], min_ttl: 100ms, ip_family: ipv4 }}"
    );
    pay().maps("shop.example.com", "xyz789", "/prod").settings(&settings).start()
}

#[test]
fn an_api_is_found_by_its_own_name_when_it_is_first_asked_for() {
    let first = Origin::ok();
    let second = first.beside(2);
    let dns = Dns::start(Answer::Failure);
    dns.answers_for(&name("abc123"), Answer::loopback(&[1], 60));
    dns.answers_for(&name("xyz789"), Answer::loopback(&[2], 60));
    let proxy = asking(&dns, &first);
    assert_eq!((proxy.admin_get("/readyz").status, dns.asked().len()), (200, 0), "nothing was asked for yet");
    for _ in 0..3 {
        assert_eq!((get(&proxy).status, proxy.get("shop.example.com", "/").status), (200, 200));
    }
    assert_eq!((requests(&first), requests(&second)), (3, 3));
    assert_eq!((dns.asked_for(&name("abc123")), dns.asked_for(&name("xyz789"))), (1, 1));
    assert_eq!(addresses(&proxy, "other", "in_use"), 2.0);
}

#[test]
fn a_name_without_an_address_is_refused_and_asked_for_again() {
    let api = Origin::ok();
    let dns = Dns::start(Answer::Empty);
    let proxy = asking(&dns, &api);
    is_refusal(&get(&proxy), 503, "no_upstream");
    is_refusal(&get(&proxy), 503, "no_upstream");
    assert_eq!(dns.asked().len(), 1, "not for each request, but once in `min_ttl`");
    dns.answers(Answer::loopback(&[1], 60));
    while get(&proxy).status != 200 {}
    let discoveries = |result| proxy.metric(&format!("nameplate_endpoint_discoveries_total{{result=\"{result}\"}}"));
    assert_eq!(discoveries("failed"), 1.0);
}

#[test]
fn a_name_is_looked_up_again_on_its_ttl_and_its_last_good_address_kept() {
    let api = Origin::ok();
    let dns = Dns::start(Answer::loopback(&[1], 0));
    let proxy = asking(&dns, &api);
    assert_eq!(get(&proxy).status, 200);
    dns.answers(Answer::Failure);
    while dns.asked().len() < 3 {
        assert_eq!(get(&proxy).status, 200, "the last good address serves on");
    }
}

#[test]
fn requests_that_wait_for_the_same_name_ask_once() {
    let api = Origin::ok();
    let dns = Dns::start(Answer::loopback(&[1], 60));
    let proxy = asking(&dns, &api);
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| get(&proxy).status)).collect();
        assert!(calls.into_iter().all(|call| call.join().expect("an answer") == 200));
    });
    assert_eq!(dns.asked().len(), 1);
}
