//! A and AAAA are two queries: what one of them brings, or fails to, takes nothing from the other.

use std::net::{IpAddr, Ipv6Addr};

use crate::harness::client::Response;
use crate::harness::dns::{Answer, Dns, Record};
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;
use crate::upstream::endpoints::{addresses, get, pay};

const NAME: &str = "vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com";
const ZONAL: &str = "vpce-0123456789abcdef0-abcdefgh-eu-west-1a.execute-api.eu-west-1.vpce.amazonaws.com";
const OK: &str = "nameplate_endpoint_discoveries_total{result=\"ok\"}";
const FAILED: &str = "nameplate_endpoint_discoveries_total{result=\"failed\"}";

fn ipv6(ttl: u32) -> Answer {
    Answer::Addresses(vec![IpAddr::V6(Ipv6Addr::LOCALHOST)], ttl)
}

/// A proxy whose endpoint is a name, behind the port of this origin.
fn asking(dns: &Dns, api: &Origin, more: &str) -> Proxy {
    let (port, server) = (api.address().port(), dns.address());
    let settings =
        format!("endpoint: {{ name: {NAME}, port: {port}, nameservers: ['{server}'], min_ttl: 100ms, {more} }}");
    pay().settings(&settings).start()
}

/// Waits until that many more queries have failed than now.
fn wait_for_failures(proxy: &Proxy, more: f64) {
    let before = proxy.metric(FAILED);
    proxy.pages().wait_for_at_least(FAILED, before + more);
}

fn endpoints(proxy: &Proxy) -> Response {
    proxy.admin_get("/endpoints")
}

#[test]
fn a_failed_a_query_and_no_aaaa_records_keep_the_zones_addresses() {
    let api = Origin::ok();
    let dns = Dns::start(Answer::loopback(&[1, 2], 0));
    dns.answers_for(ZONAL, Answer::loopback(&[1], 0));
    let proxy = asking(&dns, &api, "ip_family: both, zone: eu-west-1a");
    assert_eq!((addresses(&proxy, "local", "in_use"), addresses(&proxy, "other", "in_use")), (1.0, 1.0));
    dns.answers_for(ZONAL, Answer::Failure);
    wait_for_failures(&proxy, 2.0);
    assert_eq!((addresses(&proxy, "local", "in_use"), addresses(&proxy, "other", "in_use")), (1.0, 1.0));
    let page = endpoints(&proxy).text();
    assert!(page.contains(&format!("endpoint `{ZONAL}`: the A query was answered SERVFAIL")), "{page}");
}

#[test]
fn a_failed_a_query_keeps_the_ipv4_addresses_beside_ipv6_ones() {
    let api = Origin::ok();
    let dns = Dns::start(Answer::loopback(&[1], 0));
    dns.answers_v6(ipv6(0));
    let proxy = asking(&dns, &api, "ip_family: both");
    assert_eq!(addresses(&proxy, "other", "in_use"), 2.0);
    dns.answers(Answer::Failure);
    wait_for_failures(&proxy, 2.0);
    assert_eq!(addresses(&proxy, "other", "in_use") + addresses(&proxy, "other", "cooling"), 2.0);
    assert_eq!(get(&proxy).status, 200, "IPv4 has the only address that listens");
}

#[test]
fn a_dropped_aaaa_query_does_not_delay_the_start() {
    let api = Origin::ok();
    let dns = Dns::start(Answer::loopback(&[1], 60));
    dns.answers_v6(Answer::Silence);
    let proxy = asking(&dns, &api, "ip_family: both");
    // Nothing has given up on the query yet, and it is not waited for.
    assert_eq!((proxy.admin_get("/readyz").status, get(&proxy).status), (200, 200));
    assert_eq!((proxy.metric(OK), proxy.metric(FAILED)), (1.0, 0.0));
    assert_eq!(dns.asked_record(Record::Aaaa).len(), 1);
    // What answers late counts all the same.
    dns.answers_v6(ipv6(60));
    proxy.wait_for_metric(OK, 2.0);
    assert_eq!(addresses(&proxy, "other", "in_use"), 2.0);
}

#[test]
fn aaaa_records_are_asked_for_as_the_settings_say() {
    let api = Origin::ok();
    let dns = Dns::start(Answer::loopback(&[1], 60));
    dns.answers_v6(ipv6(60));
    for (family, asked, known) in [("ipv4", (1, 0), 1.0), ("both", (1, 1), 2.0), ("ipv6", (0, 1), 1.0)] {
        let before = [Record::A, Record::Aaaa].map(|record| dns.asked_record(record).len());
        let proxy = asking(&dns, &api, &format!("ip_family: {family}"));
        let [a, aaaa] = [Record::A, Record::Aaaa].map(|record| dns.asked_record(record).len());
        assert_eq!((a - before[0], aaaa - before[1]), asked, "{family}");
        assert_eq!(addresses(&proxy, "other", "in_use"), known, "{family}");
    }
}

#[test]
fn a_name_that_does_not_exist_is_told_from_one_without_records() {
    let api = Origin::ok();
    let dns = Dns::start(Answer::NoName);
    dns.answers_v6(Answer::NoName);
    let proxy = asking(&dns, &api, "ip_family: both");
    let page = endpoints(&proxy).text();
    let want = format!(
        "endpoint `{NAME}`: the A query was answered NXDOMAIN: the name does not exist; the AAAA query was answered NXDOMAIN"
    );
    assert!(page.contains(&want), "{page}");

    dns.answers(Answer::Empty);
    dns.answers_v6(Answer::Empty);
    let ok = proxy.metric(OK);
    wait_for_failures(&proxy, 4.0);
    let page = endpoints(&proxy).text();
    assert!(page.contains(&format!("endpoint `{NAME}`: the name exists and has no A and no AAAA record")), "{page}");
    assert!(proxy.metric(OK) <= ok + 1.0, "the first of the two cannot know yet that the other has none either");
}

#[test]
fn an_error_of_the_resolver_is_in_our_own_words() {
    let api = Origin::ok();
    let dns = Dns::start(Answer::Failure);
    let proxy = asking(&dns, &api, "ip_family: ipv4");
    for (answer, want) in
        [(Answer::Failure, "the A query was answered SERVFAIL"), (Answer::Empty, "the name exists and has no A record")]
    {
        dns.answers(answer);
        wait_for_failures(&proxy, 2.0);
        let page = endpoints(&proxy).text();
        assert!(page.contains(want), "{page}");
        assert!(!page.contains("Name(") && !page.contains("Query {"), "{page}");
    }
}
