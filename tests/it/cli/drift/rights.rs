//! `--print-policy`: it allows the calls that are made, and no others; and every call only reads.

use serde_json::{Value, json};

use super::aws::TEAM;
use super::{REGION, Story};
use crate::harness::aws::{HUB, Policy, Seen};

/// An AWS where everything is asked for: exports, and a certificate that the list says too little of.
fn story(account: &str) -> Story {
    let story = Story::across(account, |aws| aws.api("def222").is_released_by_hand());
    let arn = format!("arn:aws:acm:{REGION}:{HUB}:certificate/1");
    let summary = json!({ "CertificateArn": arn, "DomainName": "*.in.example.com", "Status": "ISSUED" });
    let list = json!({ "CertificateSummaryList": [summary] });
    story.aws.answers(HUB, REGION, "ListCertificates", &list.to_string());
    let whole = json!({ "CertificateArn": arn, "DomainName": "*.in.example.com", "Status": "ISSUED", "InUseBy": ["lb"],
        "SubjectAlternativeNames": ["*.in.example.com"], "NotAfter": 4e9 });
    story.aws.answers(HUB, REGION, "DescribeCertificate", &json!({ "Certificate": whole }).to_string());
    story
}

/// Holds a policy to calls: each is allowed, and nothing is that none of them needs.
#[track_caller]
fn fits(policy: &str, calls: &[Seen]) {
    let policy = Policy::read(policy);
    let refused: Vec<_> = calls.iter().filter(|call| !policy.allows(call)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    assert_eq!(policy.needless(calls), [""; 0], "allowed, and never called");
}

#[test]
fn the_account_at_hand_needs_what_the_policy_allows() {
    let story = story(HUB);
    let policy = story.drift(&["--print-policy"]).expect(0);
    assert_eq!((&*policy.err, story.aws.seen().len()), ("", 0), "nothing is called");
    story.drift(&[]).expect(2);
    fits(&policy.out, &story.aws.seen());
    assert_eq!(story.drift(&["--print-policy=caller"]).expect(0).out, policy.out);
}

#[test]
fn with_roles_the_caller_and_the_roles_need_different_rights() {
    let story = story(TEAM);
    story.file("accounts.yaml", &format!("ACCOUNTS:\n  - ROLE: arn:aws:iam::{TEAM}:role/nameplate-read\n"));
    let accounts = ["--accounts", "accounts.yaml"];
    let reader = story.drift(&[&accounts[..], &["--print-policy"]].concat()).expect(0).out;
    let caller = story.drift(&[&accounts[..], &["--print-policy=caller"]].concat()).expect(0).out;
    story.drift(&accounts).expect(2);
    let (of_team, of_caller): (Vec<Seen>, _) = story.aws.seen().into_iter().partition(|of| of.account == TEAM);
    fits(&reader, &of_team);
    fits(&caller, &of_caller);
}

#[test]
fn what_is_ignored_is_not_asked_for() {
    let story = story(HUB);
    let ignored = ["--ignore", "record_missing", "--ignore", "not_deployed", "--ignore", "vpc_endpoint_gone"];
    let policy = story.drift(&[&ignored[..], &["--print-policy"]].concat()).expect(0).out;
    assert!(!policy.contains("route53") && !policy.contains("deployments") && !policy.contains("ec2"), "{policy}");
    story.drift(&ignored).expect(0);
    fits(&policy, &story.aws.seen());
}

#[test]
fn every_call_only_reads() {
    let story = story(HUB);
    story.drift(&[]).expect(2);
    for call in story.aws.seen() {
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let operation = call.target.split('.').nth(1).unwrap_or(call.parameter("Action"));
        let reads = ["Get", "List", "Describe"].iter().any(|verb| operation.starts_with(verb));
        assert!(call.method == "GET" || reads, "{call:?} {body}");
    }
}
