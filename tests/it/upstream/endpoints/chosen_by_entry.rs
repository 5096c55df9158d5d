use super::*;
use crate::harness::API_DOMAIN;
use crate::harness::authority;
use crate::harness::dns::{Answer, Dns};
use crate::harness::proxy::entry;

fn other(api: &Origin) -> String {
    format!("endpoints: {{ other: {{ fixed: ['{}'] }} }}", api.address())
}

#[test]
fn an_entry_picks_its_endpoint_and_the_rest_go_to_the_default_one() {
    let (default, second) = (Origin::ok(), Origin::ok());
    let proxy = pay()
        .maps_with("shop.example.com", "xyz789", "/prod", &[("ENDPOINT", "other")])
        .maps_with("news.example.com", "xyz789", "/prod", &[("ENDPOINT", "default")])
        .to(&default)
        .settings(&other(&second))
        .start();
    for host in ["pay.example.com", "shop.example.com", "news.example.com"] {
        assert_eq!(proxy.get(host, "/").status, 200, "{host}");
    }
    assert_eq!((requests(&default), requests(&second)), (2, 1));
    assert_eq!(second.last_request().header("host"), Some(&*format!("xyz789.{API_DOMAIN}")));
    let to_other = "nameplate_upstream_requests_total{endpoint=\"other\",zone=\"other\"}";
    assert_eq!((share(&proxy, "other"), proxy.metric(to_other)), (2.0, 1.0));
}

#[test]
fn an_endpoint_of_no_settings_is_a_fault_of_the_mapping() {
    let api = Origin::ok();
    let proxy = pay().to(&api).settings(&other(&api)).start();
    let keys = [("ENDPOINT", "otter")];
    proxy.save_mapping(&format!("APIS:\n{}", entry("pay.example.com", "abc123", "/v2", &keys)));
    let said = proxy.reload().expect_err("not taken").to_string();
    assert!(said.contains(":4:15: error: the settings have no endpoint `otter`"), "{said}");
    assert!(said.contains("did you mean `other`?"), "{said}");
    assert_eq!((get(&proxy).status, api.last_request().target()), (200, "/prod/x"));
}

#[test]
fn an_entry_can_move_to_another_endpoint_while_it_runs() {
    let (default, second) = (Origin::ok(), Origin::ok());
    let proxy = pay().to(&default).settings(&other(&second)).start();
    get(&proxy);
    let keys = [("ENDPOINT", "other")];
    proxy.save_mapping(&format!("APIS:\n{}", entry("pay.example.com", "abc123", "/prod", &keys)));
    proxy.reload().expect("taken");
    get(&proxy);
    assert_eq!((requests(&default), requests(&second)), (1, 1));
}

/// Two APIs behind a name, whose SNI is that of the endpoint or of each API.
fn two_apis(sni: &str) -> (Origin, Proxy) {
    const NAME: &str = "vpce-1.execute-api.eu-west-1.vpce.amazonaws.com";
    let leaf = authority().issue(&[NAME.to_owned(), format!("*.{API_DOMAIN}")]).expect("a certificate");
    let api = Origin::with_tls(leaf.server_config().expect("a TLS configuration"));
    let dns = Dns::start(Answer::loopback(&[1], 60));
    let (port, server) = (api.address().port(), dns.address());
    let settings =
        format!("endpoint: {{ name: {NAME}, port: {port}, nameservers: ['{server}'], sni: {sni}, zone: '' }}");
    let proxy = pay().maps("shop.example.com", "xyz789", "/prod").settings(&settings).start();
    for host in ["pay.example.com", "shop.example.com", "pay.example.com"] {
        assert_eq!(proxy.get(host, "/").status, 200, "{host}");
    }
    (api, proxy)
}

#[test]
fn with_a_shared_sni_apis_share_connections_and_keep_their_hosts() {
    let (api, _proxy) = two_apis("shared");
    assert_eq!(api.handshakes(), 1);
    for (request, id) in api.requests().iter().zip(["abc123", "xyz789", "abc123"]) {
        assert_eq!(request.sni.as_deref(), Some("vpce-1.execute-api.eu-west-1.vpce.amazonaws.com"));
        assert_eq!(request.header("host"), Some(&*format!("{id}.{API_DOMAIN}")));
        assert_eq!(request.header("x-apigw-api-id"), Some(id));
    }
}

#[test]
fn without_they_do_not() {
    let (api, _proxy) = two_apis("api");
    assert_eq!(api.handshakes(), 2);
    assert!(api.requests().iter().all(|request| request.sni.as_deref() == request.header("host")));
}
