//! `drift` against moto: another implementation of AWS's APIs than our stand-in, reached by the same requests. Its ACM
//! issues nothing by itself, so that is what is missing.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::kinds;
use crate::cli::policy::{SECRET, VPCE, mapping, run};
use crate::harness::client;
use crate::harness::moto::Moto;

/// Asks moto as a client that signs, whose signature it does not look at.
#[track_caller]
fn ask(
    moto: &Moto,
    (service, region): (&str, &str),
    line: (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> String {
    let address: SocketAddr = moto.url().trim_start_matches("http://").parse().expect("an address");
    let signed = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let headers = [&[("Authorization", &*signed), ("Connection", "close")], headers].concat();
    let host = format!("{service}.{region}.amazonaws.com");
    let response = client::request(address, line.0, &host, line.1, &headers, body.as_bytes());
    assert!((200..300).contains(&response.status), "{line:?}: {} {}", response.status, response.text());
    response.text()
}

/// What stands between two texts.
fn between(text: &str, before: &str, after: &str) -> String {
    let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    found.unwrap_or_else(|| panic!("{before} is not in {text}")).0.to_owned()
}

fn api_with_a_stage(moto: &Moto) -> String {
    let ask = |method: &str, path: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let json = [("Content-Type", "application/json")];
        serde_json::from_str::<Value>(&ask(moto, ("apigateway", "us-east-1"), (method, path), &json, &body))
            .expect("JSON")
    };
    let api = ask("POST", "/restapis", json!({ "name": "orders", "endpointConfiguration": { "types": ["PRIVATE"] } }));
    let id = api["id"].as_str().expect("an id").to_owned();
    let root = ask("GET", &format!("/restapis/{id}/resources"), Value::Null)["item"][0]["id"].clone();
    let method = format!("/restapis/{id}/resources/{}/methods/GET", root.as_str().expect("an id"));
    ask("PUT", &method, json!({ "authorizationType": "NONE" }));
    ask("PUT", &format!("{method}/integration"), json!({ "type": "MOCK" }));
    ask("POST", &format!("/restapis/{id}/deployments"), json!({ "stageName": "dev" }));
    id
}

/// A private hosted zone with a wildcard.
fn zone(moto: &Moto) {
    let xml = [("Content-Type", "application/xml")];
    let place = ("route53", "us-east-1");
    let body = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>in.example.com</Name><VPC>\
         <VPCRegion>us-east-1</VPCRegion><VPCId>vpc-1</VPCId></VPC><CallerReference>1</CallerReference><HostedZoneConfig>\
         <PrivateZone>true</PrivateZone></HostedZoneConfig></CreateHostedZoneRequest>";
    let made = ask(moto, place, ("POST", "/2013-04-01/hostedzone"), &xml, body);
    let id = between(&made, "<Id>/hostedzone/", "</Id>");
    let body = "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
                <Changes><Change><Action>CREATE</Action><ResourceRecordSet><Name>*.in.example.com</Name><Type>A</Type>\
                <TTL>60</TTL><ResourceRecords><ResourceRecord><Value>10.0.0.1</Value></ResourceRecord></ResourceRecords>\
                </ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
    ask(moto, place, ("POST", &format!("/2013-04-01/hostedzone/{id}/rrset")), &xml, body);
}

fn certificate(moto: &Moto) {
    let headers =
        [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "CertificateManager.RequestCertificate")];
    let body = json!({ "DomainName": "*.in.example.com", "ValidationMethod": "DNS" });
    ask(moto, ("acm", "us-east-1"), ("POST", "/"), &headers, &body.to_string());
}

#[test]
fn what_policy_apply_has_deployed_is_no_drift() {
    let (moto, _alone) = Moto::start();
    let id = api_with_a_stage(&moto);
    zone(&moto);
    certificate(&moto);
    let folder = tempfile::tempdir().expect("a directory");
    let text = mapping(&[("pay.in.example.com", &format!("{id}/dev/path1"), "GET")]);
    std::fs::write(folder.path().join("mapping.yaml"), text).expect("written");
    let url = moto.url();
    let environment = [
        ("AWS_ENDPOINT_URL", &*url),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let drift = || {
        // moto takes too long to begin with EC2.
        let words = ["drift", "mapping.yaml", "--vpce", VPCE, "--ignore", "vpc_endpoint_gone", "--format", "json"];
        run(folder.path(), &words, &environment).expect(1)
    };
    // moto says neither of a deployment nor in an export which policy a stage serves.
    let before = drift();
    assert_eq!(kinds(&before), ["outage policy_missing", "outage certificate_missing"], "{before:#?}");
    let apply = ["policy", "apply", "mapping.yaml", "--vpce", VPCE, "--api-id", &id, "--stage", "dev"];
    run(folder.path(), &apply, &environment).expect(0);
    let after = drift();
    assert_eq!(kinds(&after), ["outage certificate_missing"], "{after:#?}");
    assert!(after.out.contains("\"unknown\": []"), "{after:#?}");
}
