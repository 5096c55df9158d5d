//! The main job: a request for a custom domain reaches its private API.

use crate::harness::client::text_of;
use crate::harness::http2::Call;
use crate::harness::origin::Origin;
use crate::harness::proxy::{entry, proxy};
use crate::harness::reply::Reply;

#[test]
fn a_request_for_a_custom_domain_reaches_its_private_api() {
    let api = Origin::start(|_| Reply::json(200, "{\"from\":\"api\"}"));
    let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).start();

    let answer = proxy.get("pay.example.com", "/charge?x=%20");

    assert_eq!((answer.status, answer.text().as_str()), (200, "{\"from\":\"api\"}"));
    let seen = api.last_request();
    assert_eq!(seen.target(), "/prod/charge?x=%20");
    assert_eq!(seen.header("host"), Some("abc123.execute-api.eu-west-1.amazonaws.com"));
    assert_eq!(seen.sni.as_deref(), seen.header("host"));
    api.expect_no_oddities();
}

#[test]
fn tls_and_http2_clients_reach_it_too() {
    let api = Origin::ok();
    let proxy = proxy().maps("pay.example.com", "abc123", "/prod").to(&api).tls(&["*.example.com"]).start();

    let mut tls = proxy.tls_client("pay.example.com");
    let get = text_of("GET", "pay.example.com", "/tls", &[], b"");
    assert_eq!(tls.send(get).read_response().status, 200);
    let call = Call::new("POST", "pay.example.com", "/h2").data("abc").last_data("");
    assert_eq!(proxy.call(call).expect("an answer").status, 200);

    let seen = api.wait_for_requests(2);
    assert_eq!((seen[0].target(), seen[1].target()), ("/prod/tls", "/prod/h2"));
    assert_eq!(seen[1].text(), "abc");
    api.expect_no_oddities();
}

#[test]
fn the_mapping_changes_while_it_runs() {
    let api = Origin::ok();
    let mut proxy =
        proxy().maps("pay.example.com", "abc123", "/prod").to(&api).settings("limits: { url: 100 }").start();
    assert_eq!(proxy.get("new.example.com", "/").status, 421);

    proxy.save_mapping("APIS: [oops");
    assert!(proxy.reload().is_err());
    assert_eq!(proxy.get("pay.example.com", "/").status, 200);

    proxy.save_mapping(&format!("APIS:\n{}", entry("new.example.com", "xyz789", "/v1", &[("VERBS", "[GET]")])));
    assert!(proxy.reload().is_ok());
    assert_eq!(proxy.get("new.example.com", "/").status, 200);
    assert_eq!(proxy.request("POST", "new.example.com", "/", &[], b"abc").status, 405);
    assert_eq!(proxy.get("new.example.com", &"/x".repeat(60)).status, 414);
    assert_eq!(proxy.admin_get("/readyz").status, 200);
    proxy.wait_for_metric("nameplate_requests_total{code=\"414\",method=\"GET\"}", 1.0);
    proxy.begin_stop().join().expect("stopped");
}
