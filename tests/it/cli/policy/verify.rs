//! `policy verify`: a policy in a file against a mapping, without AWS.

use serde_json::Value;

use super::{Ran, Story, VPCE, mapping};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
 {"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*",
  "Condition":{"StringNotEquals":{"aws:SourceVpce":["vpce-0123456789abcdef0"]}}},
 {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke",
  "Resource":["execute-api:/dev/GET/path1","execute-api:/dev/*/path1"]}]}"#;

fn story() -> Story {
    let entries = [("a.example.com", "apiid1/dev/path1", "GET"), ("b.example.com", "apiid2/dev", "ANY")];
    Story::new("http://127.0.0.1:9", &mapping(&entries))
}

fn verify(story: &Story, policy: &str, more: &[&str]) -> Ran {
    let file = story.file("policy.json", policy);
    story.policy(&[&["verify", "mapping.yaml", "--vpce", VPCE, "--policy", &file], more].concat())
}

#[test]
fn what_a_policy_grants_too_much_has_a_call() {
    let ran = verify(&story(), POLICY, &["--api-id", "apiid1"]).expect(1);
    let ran = ran.says("statement 2: execute-api:/dev/*/path1 grants more than the mapping needs\n  PUT /dev/path1 through vpce-0123456789abcdef0\n");
    ran.says("\n1 violation\n");
    let ran = verify(&story(), POLICY, &["--api-id", "apiid1", "--format", "json"]).expect(1);
    let said: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((&said["ok"], &said["violations"][0]["call"]["path"]), (&Value::from(false), &Value::from("/path1")));
}

#[test]
fn the_policy_that_the_mapping_makes_is_fine() {
    let story = story();
    let made = story.policy(&["mapping.yaml", "--vpce", VPCE, "--api-id", "apiid1"]).expect(0).out;
    verify(&story, &made, &["--api-id", "apiid1"]).expect(0).says("ok: it grants nothing of API apiid1 in us-east-1");
    // As AWS gives it back to the command line: the inside of a JSON text.
    let escaped = made.trim_end().replace('"', r#"\""#).replace('/', r"\/");
    verify(&story, &escaped, &["--api-id", "apiid1"]).expect(0);
}

#[test]
fn a_resource_of_more_than_65535_characters_is_verified() {
    let long = "x".repeat(70_000);
    let of = |resource: &str| POLICY.replace("dev/*/path1", &format!("{resource}/{long}"));
    verify(&story(), &of("dev/GET/path1"), &["--api-id", "apiid1"])
        .expect(0)
        .says("ok: it grants nothing of API apiid1");
    let ran = verify(&story(), &of("dev/PUT/path1"), &["--api-id", "apiid1"]).expect(1);
    ran.says(&format!("\n  PUT /dev/path1/{long} through vpce-0123456789abcdef0\n")).says("1 violation\n");
}

#[test]
fn what_cannot_be_verified_says_why() {
    verify(&story(), POLICY, &[]).expect(2).says("say which one has the policy, with --api-id");
    verify(&story(), "{", &["--api-id", "apiid1"]).expect(2).says("the policy in force cannot be read");
    verify(&story(), POLICY, &["--api-id", "apiid3"]).expect(1).says("did you mean");
    verify(&story(), &" ".repeat((1 << 20) + 1), &["--api-id", "apiid1"]).expect(2).says("more than 1048576 bytes");
    let no_file = ["verify", "mapping.yaml", "--vpce", VPCE, "--api-id", "apiid1", "--policy", "nowhere.json"];
    story().policy(&no_file).expect(2).says("cannot read nowhere.json");
}
