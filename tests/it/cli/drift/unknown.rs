//! What cannot be looked at is told, and never counts as in order.

use serde_json::Value;

use super::aws::TEAM;
use super::{MAPPING, REGION, Story, VPCE, kinds};
use crate::harness::aws::HUB;

fn unknown(printed: &str) -> Vec<String> {
    let printed: Value = serde_json::from_str(printed).expect("JSON");
    let unknown = printed["unknown"].as_array().expect("a list").iter();
    unknown.map(|of| of["about"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn a_deployment_of_others_whose_export_has_no_policy() {
    let story = Story::with(|aws| aws.api("def222").is_released_by_hand());
    let ran = story.drift(&["--format", "json"]).expect(2);
    assert_eq!((kinds(&ran), unknown(&ran.out)), (vec![], vec!["API def222 in eu-west-1, stage v1".to_owned()]));
    story.drift(&["--ignore", "not_deployed"]).expect(0).says("no drift");
}

#[test]
fn records_that_aws_does_not_show() {
    let story = Story::with(|_| {});
    story.aws.answers(HUB, "us-east-1", "/2013-04-01/hostedzone/ZINEXAMPLECOM/rrset", "<html>Blocked</html>");
    let ran = story.drift(&[]).expect(2);
    assert!(ran.out.contains("Could not be looked at\n  private hosted zone in.example.com\n    why: "), "{}", ran.out);
    assert!(ran.out.ends_with("no drift; 1 could not be looked at\n"), "{}", ran.out);
    story.drift(&["--ignore", "record_missing"]).expect(0);
}

#[test]
fn drift_outweighs_what_is_unknown() {
    let story = Story::with(|aws| {
        aws.api("def222").is_released_by_hand();
        aws.certificates.clear();
    });
    story.drift(&[]).expect(1).says("1 difference: 0 exposure, 1 outage, 0 risk; 1 could not be looked at");
}

#[test]
fn credentials_that_aws_refuses() {
    let story = Story::with(|_| {});
    story.aws.fails(HUB, (403, "InvalidClientTokenId", "The security token included in the request is invalid."));
    let ran = story.drift(&["--format", "json"]).expect(2);
    let want = [
        "API abc111 in eu-west-1",
        "API def222 in eu-west-1",
        &format!("VPC endpoint {VPCE}"),
        "certificates",
        "private hosted zones",
    ];
    assert_eq!(unknown(&ran.out), want);
    assert_eq!(kinds(&ran), [""; 0]);
}

/// An API of an account that cannot be read is not gone.
#[test]
fn one_of_two_accounts_cannot_be_read() {
    let story = Story::across(TEAM, |_| {});
    let other = "444455556666";
    story.aws.fails(other, (403, "AccessDenied", "User is not authorized to perform: sts:AssumeRole"));
    let role = |account: &str| format!("  - ROLE: arn:aws:iam::{account}:role/nameplate-read\n");
    story.file("accounts.yaml", &format!("REGIONS: [{REGION}]\nACCOUNTS:\n{}{}", role(TEAM), role(other)));
    story.drift(&["--accounts", "accounts.yaml"]).expect(0).says("no drift");
    story.file("mapping.yaml", &MAPPING.replace("def222", "eee333"));
    let ran = story.drift(&["--accounts", "accounts.yaml", "--format", "json"]).expect(2);
    assert_eq!(unknown(&ran.out), ["API eee333 in eu-west-1"]);
    assert!(ran.out.contains("444455556666"), "{}", ran.out);
}

/// 1 always means drift: what nothing can be said of is 2.
#[test]
fn a_mapping_or_a_command_line_with_an_error() {
    let story = Story::with(|_| {});
    story.file("mapping.yaml", "APIS: [");
    story.drift(&[]).expect(2).says("mapping.yaml:1:");
    story.file("mapping.yaml", &MAPPING.replace("VERBS: [GET]", "ENDPOINT: far"));
    story.drift(&[]).expect(2).says("add --vpce far=vpce-...");
    story.file("mapping.yaml", MAPPING);
    story.drift(&["--accounts", "accounts.yaml"]).expect(2).says("cannot read accounts.yaml");
    story.drift(&["--ignore", "canaries"]).expect(2).says("'canary'");
    story.drift(&["--proxy-region", "eu-west-1a"]).expect(2).says("write `eu-west-1`");
    assert_eq!(story.aws.seen(), []);
}
