//! APIs in other accounts than Nameplate's, and regions.

use super::aws::TEAM;
use super::{REGION, Story, VPCE, kinds};

#[test]
fn apis_are_found_in_the_accounts_of_their_teams() {
    let story = Story::across(TEAM, |aws| aws.api("def222").policy.clear());
    let accounts = format!("ACCOUNTS:\n  - NAME: shop\n    ROLE: arn:aws:iam::{TEAM}:role/nameplate-read\n");
    story.file("accounts.yaml", &accounts);
    let ran = story.drift(&["--accounts", "accounts.yaml", "--format", "json"]).expect(1);
    assert_eq!(kinds(&ran), ["outage policy_missing"]);
    let alone = story.drift(&["--format", "json"]).expect(1);
    assert_eq!(kinds(&alone), ["outage api_gone", "outage api_gone"], "the account at hand has none");
}

#[test]
fn an_account_is_read_in_its_regions_only() {
    let story = Story::across(TEAM, |_| {});
    let role = format!("  - ROLE: arn:aws:iam::{TEAM}:role/nameplate-read\n    REGIONS: [eu-central-1]\n");
    story.file("accounts.yaml", &format!("ACCOUNTS:\n{role}"));
    story.drift(&["--accounts", "accounts.yaml"]).expect(2).says("no account of --accounts has the region eu-west-1");
}

/// Without a region of the credentials, that of the mapping is taken where it has one alone.
#[test]
fn the_region_of_the_load_balancer() {
    let story = Story::with(|_| {});
    story.run(&["drift", "mapping.yaml", "--vpce", VPCE], &[]).expect(0);
    let elsewhere = story.drift(&["--proxy-region", "eu-central-1"]).expect(2);
    assert!(elsewhere.out.contains("  certificates\n"), "{}", elsewhere.out);
    let seen = story.aws.seen();
    let acm = seen.iter().filter(|of| of.service == "acm").map(|of| &*of.region).collect::<Vec<_>>();
    assert_eq!(acm, [REGION, "eu-central-1"]);
}

#[test]
fn one_api_can_be_compared_alone() {
    let story = Story::with(|aws| {
        aws.api("abc111").policy.clear();
        aws.apis.retain(|api| api.id != "def222");
    });
    let ran = story.drift(&["--api-id", "def222", "--format", "json"]).expect(1);
    assert_eq!(kinds(&ran), ["outage api_gone"]);
    assert!(ran.out.contains("\"domains\": 1"), "{}", ran.out);
}

/// API Gateway takes 10 requests in a second from an account.
#[test]
fn what_aws_throttles_is_asked_for_again() {
    let story = Story::with(|_| {});
    story.aws.pages_of(1);
    story.aws.throttles_one_in(3);
    story.drift(&[]).expect(0);
    assert!(story.aws.throttled() >= 3, "{}", story.aws.throttled());
}
