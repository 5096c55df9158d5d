//! How `policy apply` gets to AWS: whose credentials it uses, and over which connection.

use super::gateway::Gateway;
use super::{SECRET, Story, mapping};
use crate::harness::authority;
use crate::harness::origin::Origin;
use crate::harness::web::{Page, Web};

const API: &str = "1abc23";

fn story() -> (Gateway, Story) {
    let gateway = Gateway::with(API, &["dev"]);
    let story = Story::new(&gateway.url(), &mapping(&[("a.example.com", "1abc23/dev", "GET")]));
    (gateway, story)
}

#[test]
fn a_profile_signs() {
    let (gateway, story) = story();
    let keys = format!("[orders]\naws_access_key_id = AKIAORDERS\naws_secret_access_key = {SECRET}\n");
    let keys = story.file("credentials", &keys);
    let environment = [("AWS_PROFILE", "orders"), ("AWS_SHARED_CREDENTIALS_FILE", &*keys)];
    story.apply_as(&environment, API, "dev", &["--dry-run"]).expect(3);
    assert_eq!(gateway.signer(), "AKIAORDERS");
}

#[test]
fn a_tasks_role_signs() {
    let (gateway, story) = story();
    let role = Web::start(Page::text(&format!(
        "{{\"AccessKeyId\": \"ASIAROLE\", \"SecretAccessKey\": \"{SECRET}\", \"Token\": \"session-1\", \
         \"Expiration\": \"2999-01-01T00:00:00Z\"}}",
    )));
    let place = role.url("/v1/credentials");
    story.apply_as(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &place)], API, "dev", &["--dry-run"]).expect(3);
    assert_eq!(gateway.signer(), "ASIAROLE");
}

/// The proxy of the environment is asked for what is not excepted from it.
#[test]
fn the_environments_proxy_is_used() {
    let (gateway, story) = story();
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let url = gateway.url();
    let elsewhere = Story { url: "http://apigateway.example.invalid".into(), ..story };
    let proxied = [&keys[..], &[("HTTP_PROXY", &*url)]].concat();
    // It forwards to nobody, and answers by itself.
    elsewhere.apply_as(&proxied, API, "dev", &["--dry-run"]).expect(1).says("NotFoundException");
    let excepted = [&proxied[..], &[("NO_PROXY", "example.invalid")]].concat();
    elsewhere.apply_as(&excepted, API, "dev", &["--dry-run"]).expect(2).says("help: check the network");
}

#[test]
fn over_tls_the_certificate_is_verified() {
    let leaf = authority().issue(&["localhost".to_owned()]).expect("a certificate");
    let origin = Origin::with_tls(leaf.server_config().expect("a TLS configuration"));
    let (_gateway, story) = story();
    let ca = story.file("ca.pem", authority().pem());
    let story = Story { url: format!("https://localhost:{}", origin.address().port()), ..story };
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let trusting = [&keys[..], &[("SSL_CERT_FILE", &*ca)]].concat();
    // It answers an empty object: an API of no kind.
    story.apply_as(&trusting, API, "dev", &[]).expect(1).says("API `1abc23` is not PRIVATE");
    assert_eq!(origin.last_request().target(), "/restapis/1abc23");
    story.apply_as(&keys, API, "dev", &[]).expect(2).says("certificate");
}
