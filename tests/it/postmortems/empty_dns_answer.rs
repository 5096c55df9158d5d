//! "Summary of the Amazon DynamoDB Service Disruption in the Northern Virginia (US-EAST-1) Region", Amazon Web Services,
//! October 2025, <https://aws.amazon.com/message/101925/>.
//!
//! On 20 October 2025 two workers of DynamoDB's DNS automation overtook each other: a late one put back an old plan, which
//! the other was just deleting, and the regional endpoint's name was left without a single address. The automation could
//! not repair that state, and until people did, whoever looked the name up had nowhere to connect to.
//!
//! Here the name of the VPC endpoint loses its addresses in every way that DNS knows. The guard: an answer without any
//! address is an error, and the last good addresses stay in use until there are others.

use crate::harness::dns::{Answer, Dns};
use crate::harness::origin::Origin;
use crate::harness::server::{mapping, server};

const DOMAIN: &str = "pay.example.com";
const FAILED: &str = "nameplate_endpoint_discoveries_total{result=\"failed\"}";
const ADDRESSES: &str = "nameplate_endpoint_addresses";

#[test]
fn a_name_without_addresses_keeps_the_last_good_ones() {
    let (api, dns) = (Origin::ok(), Dns::start(Answer::loopback(&[1], 0)));
    let endpoint = format!(
        "name: vpce-1.example.com, port: {}, nameservers: ['{}'], min_ttl: 100ms, ip_family: ipv4",
        api.address().port(),
        dns.address()
    );
    let server = server(&api).mapping(&mapping(&[(DOMAIN, "/prod")])).endpoint(&endpoint).start();
    let admin = server.admin();
    assert_eq!(server.get(DOMAIN), 200);

    for answer in [Answer::Empty, Answer::NoName, Answer::Failure, Answer::Empty] {
        dns.answers(answer.clone());
        // A look-up may have been under way when the answer changed.
        admin.wait_for_at_least(FAILED, admin.metric(FAILED) + 3.0);
        // The connections that are open do not count: whoever needs a new one has to know an address.
        api.close_connections();
        assert_eq!((server.get(DOMAIN), admin.metric(ADDRESSES)), (200, 1.0), "{answer:?}");
        assert_eq!(admin.get("/readyz").status, 200, "{answer:?}");
    }
    server.wait_for("endpoint `vpce-1.example.com`: ");

    // The record is repaired, and leads elsewhere.
    let other = api.beside(2);
    dns.answers(Answer::loopback(&[2], 0));
    let asked = dns.asked().len();
    dns.wait_until_asked(asked + 2);
    api.close_connections();
    let before = api.requests().len();
    assert_eq!((server.get(DOMAIN), other.requests().len(), api.requests().len()), (200, 1, before));
}
