//! `policy apply` against moto's API Gateway: another implementation of the API than our stand-in, reached by
//! the same SDK. It takes any text for a policy, gives it back unescaped, and deploys nothing with it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{SECRET, Story, VPCE, mapping};
use crate::harness::client;
use crate::harness::moto::Moto;

/// Asks moto as a client that signs, whose signature it does not look at.
#[track_caller]
fn ask(moto: &Moto, method: &str, path: &str, body: &Value) -> Value {
    let address: SocketAddr = moto.url().trim_start_matches("http://").parse().expect("an address");
    let signed = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/apigateway/aws4_request, \
                  SignedHeaders=host, Signature=0";
    let headers = [("Authorization", signed), ("Content-Type", "application/json"), ("Connection", "close")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer =
        client::request(address, method, "apigateway.us-east-1.amazonaws.com", path, &headers, body.as_bytes());
    assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
    serde_json::from_str(&answer.text()).expect("JSON")
}

/// An API with a method, and a stage.
fn api_with_a_stage(moto: &Moto) -> String {
    let configuration = json!({ "types": ["PRIVATE"], "vpcEndpointIds": [VPCE] });
    let api = ask(moto, "POST", "/restapis", &json!({ "name": "orders", "endpointConfiguration": configuration }));
    let id = api["id"].as_str().expect("an id").to_owned();
    let root = ask(moto, "GET", &format!("/restapis/{id}/resources"), &Value::Null)["item"][0]["id"].clone();
    let method = format!("/restapis/{id}/resources/{}/methods/GET", root.as_str().expect("an id"));
    ask(moto, "PUT", &method, &json!({ "authorizationType": "NONE" }));
    ask(moto, "PUT", &format!("{method}/integration"), &json!({ "type": "MOCK" }));
    ask(moto, "POST", &format!("/restapis/{id}/deployments"), &json!({ "stageName": "dev" }));
    id
}

#[test]
fn a_policy_is_put_and_the_stage_deployed_once() {
    let (moto, _alone) = Moto::start();
    let id = api_with_a_stage(&moto);
    let story = Story::new(&moto.url(), &mapping(&[("a.example.com", &format!("{id}/dev/path1"), "GET")]));
    story.apply(&id, "dev", &["--dry-run"]).expect(3);
    let count =
        || ask(&moto, "GET", &format!("/restapis/{id}/deployments"), &Value::Null)["item"].as_array().map(Vec::len);
    assert_eq!(count(), Some(1));

    story.apply(&id, "dev", &[]).expect(0).says("deployed stage `dev`");
    let api = ask(&moto, "GET", &format!("/restapis/{id}"), &Value::Null);
    let policy = api["policy"].as_str().expect("a policy");
    assert!(policy.contains("execute-api:/dev/GET/path1/*") && policy.contains(VPCE), "{policy}");
    let stage = ask(&moto, "GET", &format!("/restapis/{id}/stages/dev"), &Value::Null);
    let deployment = stage["deploymentId"].as_str().expect("a deployment");
    let made = ask(&moto, "GET", &format!("/restapis/{id}/deployments/{deployment}"), &Value::Null);
    assert!(made["description"].as_str().is_some_and(|said| said.starts_with("nameplate policy ")), "{made}");
    assert_eq!(count(), Some(2));

    story.apply(&id, "dev", &[]).expect(0).says("nothing to do");
    assert_eq!(count(), Some(2));
}

/// As a platform team's pipeline that applies the policies of all accounts.
#[test]
fn each_api_is_applied_with_the_role_that_the_manifest_names() {
    let (moto, _alone) = Moto::start();
    let id = api_with_a_stage(&moto);
    let story = Story::new(&moto.url(), &mapping(&[("a.example.com", &format!("{id}/dev"), "GET")]));
    let apply = |account: &str| {
        let role = format!("arn:aws:iam::{account}:role/nameplate-policy");
        let written = story.policy(&["manifest", "mapping.yaml", "--role", &role]).expect(0).out;
        story.file("manifest.yaml", &written);
        story.policy(&["apply", "mapping.yaml", "--vpce", VPCE, "--all", "manifest.yaml", "--report", "report.json"])
    };
    // Of another account, in which no such API is.
    apply("111122223333").expect(1).says("cannot read API").says("1 stages: 1 refused");
    apply("123456789012").expect(0).says("deployed stage `dev`").says("1 stages: 1 done");
    let report: Value = serde_json::from_str(&story.read("report.json")).expect("JSON");
    assert_eq!((&report[0]["api_id"], &report[0]["outcome"]), (&json!(id), &json!("done")));
    assert_eq!(report[0]["role"], "arn:aws:iam::123456789012:role/nameplate-policy");
}

/// As a pipeline that assumes the role of an API's account.
#[test]
fn a_role_of_another_account_is_assumed_by_its_profile() {
    let (moto, _alone) = Moto::start();
    let id = api_with_a_stage(&moto);
    let story = Story::new(&moto.url(), &mapping(&[("a.example.com", &format!("{id}/dev"), "GET")]));
    let role = "arn:aws:iam::123456789012:role/nameplate-policy";
    let config = story.file("config", &format!("[profile orders]\nrole_arn = {role}\nsource_profile = pipeline\n"));
    let keys = format!("[pipeline]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = {SECRET}\n");
    let keys = story.file("credentials", &keys);
    let environment =
        [("AWS_PROFILE", "orders"), ("AWS_CONFIG_FILE", &*config), ("AWS_SHARED_CREDENTIALS_FILE", &*keys)];
    story.apply_as(&environment, &id, "dev", &[]).expect(0).says("deployed stage `dev`");
}
