//! `--print-policy`: it allows what a command calls, and nothing that it does not call.

use serde_json::{Value, json};

use super::{REGION, Story, account, role};

/// Runs a command with no more rights than it prints, against an account that has everything.
#[track_caller]
fn runs_with_its_policy(words: &[&str]) {
    let story = Story::new();
    let (id, role) = (account(1), role(&account(1)));
    story.aws.has_api(&id, REGION, ("a1", "orders", "PRIVATE"), &["prod"], json!({}));
    story.aws.has_domain(
        &id,
        REGION,
        ("pay.example.com", "d1"),
        json!({ "routingMode": "ROUTING_RULE_THEN_BASE_PATH_MAPPING" }),
    );
    let mapping = json!({ "basePath": "(none)", "restApiId": "a1", "stage": "prod" });
    story.aws.has(&id, REGION, "/domainnames/pay.example.com/basepathmappings?d1", mapping);
    let words = [words, &["--region", REGION, "--role", &role]].concat();
    let policy = story.run(&[&words[..], &["--print-policy"]].concat()).expect(0);
    assert_eq!((&*policy.err, story.aws.seen().len()), ("", 0), "nothing is called");
    assert!(policy.out.contains("arn:aws:apigateway:eu-west-1:"), "{}", policy.out);
    story.aws.allows_only(&policy.out);
    story.run(&words).expect(0);
    assert_eq!(story.aws.needless(), [""; 0], "allowed, and never called");
}

#[test]
fn discover_needs_what_its_policy_allows() {
    runs_with_its_policy(&["discover", "--domain", "{api}.example.com"]);
}

#[test]
fn import_needs_what_its_policy_allows() {
    runs_with_its_policy(&["import"]);
}

#[test]
fn who_assumes_the_roles_needs_that_alone() {
    let story = Story::new();
    let role = role(&account(1));
    let words = ["discover", "--print-policy=caller", "--role", &role];
    let policy: Value = serde_json::from_str(&story.run(&words).expect(0).out).expect("JSON");
    assert_eq!(policy["Statement"], json!([{ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [role] }]));
    story.run(&["discover", "--print-policy=caller"]).expect(2).says("there are no roles to assume");
}
