//! An object in S3, behind moto's real S3 API.

use std::fs;

use super::{expect_not_taken, expect_served};
use crate::harness::moto::Moto;
use crate::harness::origin::Origin;
use crate::harness::server::{mapping, server};
use crate::harness::web::{Page, Web};

fn old() -> String {
    mapping(&[("pay.example.com", "/prod")])
}

fn new() -> String {
    mapping(&[("pay.example.com", "/prod"), ("new.example.com", "/v2")])
}

#[test]
fn an_object_is_read_polled_by_its_etag_and_taken_when_it_changes() {
    let (api, (moto, _alone)) = (Origin::ok(), Moto::start());
    moto.make_bucket("maps");
    moto.put("/maps/team/mapping.yaml", old().as_bytes());
    let builder = server(&api).arguments(&["--mapping", "s3://maps/team/mapping.yaml"]);
    let server = moto.environment(builder).settings("reload: { poll: 1s, cache: '' }").start();
    assert_eq!(server.get("pay.example.com"), 200);
    let admin = server.admin();
    admin.wait_for_at_least("nameplate_mapping_reloads_total{result=\"unchanged\"}", 2.0);
    assert_eq!((admin.mapping()["source"].as_str(), admin.reloads("ok")), (Some("s3://maps/team/mapping.yaml"), 1.0));

    moto.put("/maps/team/mapping.yaml", new().as_bytes());
    expect_served(&server, 2.0, "new.example.com");

    moto.put("/maps/team/mapping.yaml", b"APIS: [oops");
    admin.wait_for_metric(&super::trouble("rejected"), 1.0);
    assert_eq!((server.get("new.example.com"), admin.metric(super::GENERATION)), (200, 2.0));
    server.wait_for("s3://maps/team/mapping.yaml:1:");

    moto.put("/maps/team/mapping.yaml", b"\x1f\x8b\x08\0");
    server.wait_for("s3://maps/team/mapping.yaml:1:1: error: it is compressed with gzip");
}

#[test]
fn an_object_is_asked_for_as_it_is() {
    let (api, web) = (Origin::ok(), Web::start(Page::status(403, "")));
    let server = server(&api)
        .settings(&format!("mapping: s3://maps/m.yaml\nreload: {{ cache: '', s3_endpoint: '{}' }}", web.url("")))
        .environment("AWS_ACCESS_KEY_ID", "a")
        .environment("AWS_SECRET_ACCESS_KEY", "b")
        .environment("AWS_REGION", "eu-west-1")
        .start();
    server.wait_for("cannot read s3://maps/m.yaml: ");
    assert_eq!(web.seen()[0].header("accept-encoding"), Some("identity"));
}

#[test]
fn an_object_that_is_not_there_or_too_large_says_what_to_do() {
    let (api, (moto, _alone)) = (Origin::ok(), Moto::start());
    moto.make_bucket("maps");
    moto.put("/maps/m.yaml", old().as_bytes());
    let builder = server(&api).settings("mapping: s3://maps/m.yaml\nreload: { poll: 1s, cache: '', max_bytes: 4000 }");
    let server = moto.environment(builder).start();
    server.wait_for("admin pages on");
    moto.put("/maps/m.yaml", "#".repeat(5_000).as_bytes());
    let trouble = expect_not_taken(&server, "failed", "pay.example.com");
    assert!(trouble["message"].as_str().is_some_and(|said| said.contains("it has 5000 bytes")), "{trouble}");

    let builder = crate::harness::server::server(&api).arguments(&["--mapping", "s3://maps/none.yaml"]);
    let server = moto.environment(builder).settings("reload: { cache: '' }").start();
    server.wait_for("cannot read s3://maps/none.yaml: ");
    server.wait_for("help: upload the mapping there");
    assert_eq!(server.get("pay.example.com"), 503);
}

/// As ECS and EKS hand them out: from a server beside the task, and not from the environment.
#[test]
fn the_roles_credentials_sign_the_request() {
    let (api, s3) = (Origin::ok(), Web::start(Page::text(&old()).with_etag("1")));
    let role = Web::start(Page::text(
        "{\"AccessKeyId\": \"ASIAROLE\", \"SecretAccessKey\": \"secret\", \"Token\": \"session-1\", \
         \"Expiration\": \"2999-01-01T00:00:00Z\"}",
    ));
    let builder = server(&api).settings("mapping: s3://maps/m.yaml\nreload: { poll: 1s, cache: '' }");
    fs::write(builder.path("role-token"), "role-token-1").expect("written");
    let token = builder.path("role-token").display().to_string();
    let server = builder
        .settings(&format!("# {}", s3.url("")))
        .environment("AWS_ENDPOINT_URL", &s3.url(""))
        .environment("AWS_DEFAULT_REGION", "eu-west-3")
        .environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", &role.url("/v1/credentials"))
        .environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token)
        .start();
    assert_eq!(server.get("pay.example.com"), 200);
    assert_eq!(role.seen()[0].header("authorization"), Some("role-token-1"));
    s3.wait_until_asked(2);
    let (seen, answered) = (s3.seen(), s3.answered());
    let signed = seen[0].header("authorization").unwrap_or_default();
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=ASIAROLE/"), "{signed}");
    assert!(signed.contains("/eu-west-3/s3/aws4_request"), "{signed}");
    assert_eq!(seen[0].header("x-amz-security-token"), Some("session-1"));
    assert!(seen[0].line.starts_with("GET /maps/m.yaml "), "{}", seen[0].line);
    assert_eq!((seen[1].header("if-none-match"), answered[1]), (Some("\"1\""), 304));
}

#[test]
fn who_may_not_read_it_is_told_what_the_role_needs() {
    let denied = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let (api, s3) = (Origin::ok(), Web::start(Page::status(403, denied)));
    let settings = format!("mapping: s3://maps/m.yaml\nreload: {{ cache: '', s3_endpoint: '{}' }}", s3.url(""));
    let server = server(&api)
        .settings(&settings)
        .environment("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .environment("AWS_SECRET_ACCESS_KEY", "secret")
        .start();
    server.wait_for("help: the task role needs s3:GetObject on arn:aws:s3:::maps/m.yaml");
    assert_eq!(server.get("pay.example.com"), 503);
}
