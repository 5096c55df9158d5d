//! Addresses of our own zone come first.

use super::*;
use crate::harness::dns::{Answer, Dns};

const NAME: &str = "vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com";
const ZONAL: &str = "vpce-0123456789abcdef0-abcdefgh-eu-west-1a.execute-api.eu-west-1.vpce.amazonaws.com";

/// Two addresses, of which the zonal name has the second.
fn two_zones() -> (Origin, Origin, Dns) {
    let far = Origin::ok();
    let near = far.beside(2);
    let dns = Dns::start(Answer::loopback(&[1, 2], 60));
    dns.answers_for(ZONAL, Answer::loopback(&[2], 60));
    (far, near, dns)
}

fn start(dns: &Dns, api: &Origin, more: &str) -> Proxy {
    let (port, server) = (api.address().port(), dns.address());
    let endpoint = format!("endpoint: {{ name: {NAME}, port: {port}, nameservers: ['{server}'], {more} }}");
    pay().settings(&endpoint).start()
}

fn ask(proxy: &Proxy, times: usize) {
    for _ in 0..times {
        assert_eq!(get(proxy).status, 200);
    }
}

#[test]
fn requests_stay_in_the_zone_of_the_settings() {
    let (far, near, dns) = two_zones();
    let proxy = start(&dns, &far, "zone: eu-west-1a");
    ask(&proxy, 4);
    assert_eq!((requests(&near), requests(&far)), (4, 0));
    assert_eq!((share(&proxy, "local"), share(&proxy, "other")), (4.0, 0.0));
    assert_eq!((addresses(&proxy, "local", "in_use"), addresses(&proxy, "other", "in_use")), (1.0, 1.0));
}

#[test]
fn the_zonal_name_can_be_another_one() {
    let (far, near, dns) = two_zones();
    dns.answers_for("near.example.com", Answer::loopback(&[2], 60));
    let proxy = start(&dns, &far, "zonal_name: near.example.com");
    ask(&proxy, 3);
    assert_eq!((requests(&near), requests(&far)), (3, 0));
}

#[test]
fn other_zones_take_over_when_ours_fails_and_give_back_when_it_works() {
    let (far, near, dns) = two_zones();
    let proxy = start(&dns, &far, "zone: eu-west-1a, eject_after: 1, cool_down: 1s");
    ask(&proxy, 2);
    let at = near.address();
    drop(near);
    ask(&proxy, 3);
    assert_eq!(requests(&far), 3, "one of them was tried in our zone first");
    assert_eq!((addresses(&proxy, "local", "cooling"), share(&proxy, "other")), (1.0, 3.0));
    let near = far.beside(2);
    assert_eq!(near.address(), at);
    while requests(&near) == 0 {
        ask(&proxy, 1);
    }
    assert_eq!(addresses(&proxy, "local", "in_use"), 1.0);
}

#[test]
fn without_a_zone_or_with_one_the_endpoint_is_not_in_all_are_alike() {
    let (far, near, dns) = two_zones();
    for (more, zonal) in [("zone: ''", Answer::loopback(&[2], 60)), ("zone: eu-west-1a", Answer::Empty)] {
        dns.answers_for(ZONAL, zonal);
        let proxy = start(&dns, &far, more);
        ask(&proxy, 4);
        assert_eq!((share(&proxy, "local"), share(&proxy, "other")), (0.0, 4.0), "{more}");
    }
    assert_eq!((requests(&near), requests(&far)), (4, 4));
}
