//! `policy apply` against the stand-in: what is put, deployed, kept and refused.

use serde_json::Value;

use super::gateway::Gateway;
use super::iam::{Call, allows};
use super::{Story, VPCE, mapping};

const API: &str = "1abc23";

/// Two domains of one API, with a path and a stage of its own each.
fn two() -> String {
    mapping(&[("a.example.com", "1abc23/dev/path1", "GET"), ("b.example.com", "1abc23/prod", "ANY")])
}

fn story(stages: &[&str]) -> (Gateway, Story) {
    let gateway = Gateway::with(API, stages);
    let story = Story::new(&gateway.url(), &two());
    (gateway, story)
}

const BOTH: [&str; 2] = ["PATCH /restapis/1abc23", "POST /restapis/1abc23/deployments"];

fn call<'c>(stage: &'c str, verb: &'c str, path: &'c str) -> Call<'c> {
    Call { stage, verb, path, vpce: VPCE, referer: None }
}

#[test]
fn a_first_policy_is_put_and_deployed_and_works() {
    let (gateway, story) = story(&["dev", "prod"]);
    let ran = story.apply(API, "dev", &[]).expect(0);
    let want = "\
API 1abc23 (orders) in us-east-1, stage dev
  + Deny everybody where StringNotEquals aws:SourceVpce vpce-0123456789abcdef0
      + execute-api:/*
  + Allow everybody
      + execute-api:/dev/GET/path1
      + execute-api:/dev/GET/path1/*
      + execute-api:/prod/*
";
    assert!(ran.out.starts_with(want), "{}", ran.out);
    assert!(
        ran.out.contains("\ndeployed stage `dev`: deployment made1\nnot deployed: prod; run this for each of them\n")
    );
    assert_eq!(gateway.changes(), BOTH);
    let policy = gateway.serves(API, "dev");
    assert!(allows(&policy, &call("dev", "GET", "/path1/x")) && allows(&policy, &call("prod", "PUT", "/")), "{policy}");
    assert!(!allows(&policy, &call("dev", "PUT", "/path1")), "{policy}");
    assert!(!allows(&policy, &Call { vpce: "vpce-99999999", ..call("dev", "GET", "/path1") }), "{policy}");
    assert_eq!(gateway.serves(API, "prod"), Value::Null, "only the stage that was named is deployed");
}

#[test]
fn the_deployment_says_what_it_is_of() {
    let (gateway, story) = story(&["dev", "prod"]);
    story.apply(API, "dev", &[]).expect(0).says("put the policy of mapping ").says(" characters\n");
    let description = gateway.api(API).deployments[1].description.clone();
    let version = nameplate_core::mapping::load::version_of(two().as_bytes());
    assert!(description.starts_with("nameplate policy "), "{description}");
    assert!(description.ends_with(&format!(" of mapping {version} for stage dev")), "{description}");
}

#[test]
fn a_second_run_does_nothing_unless_told_to() {
    let (gateway, story) = story(&["dev", "prod"]);
    story.apply(API, "dev", &[]).expect(0);
    gateway.changes();
    story.apply(API, "dev", &[]).expect(0).says("nothing to do: stage `dev` has this policy since deployment made1\n");
    story.apply(API, "dev", &["--dry-run"]).expect(0).says("nothing to do");
    assert_eq!(gateway.changes(), [""; 0]);
    story.apply(API, "dev", &["--redeploy"]).expect(0).says("deployed stage `dev`: deployment made2\n");
    assert_eq!(gateway.changes(), BOTH[1..]);
}

#[test]
fn each_stage_is_deployed_by_itself() {
    let (gateway, story) = story(&["dev", "prod"]);
    story.apply(API, "dev", &[]).expect(0);
    gateway.changes();
    let told =
        "the policy is on the API, and nothing says that it is deployed\ndeployed stage `prod`: deployment made2\n";
    story.apply(API, "prod", &[]).expect(0).says(told);
    assert_eq!(gateway.changes(), BOTH[1..]);
    assert!(allows(&gateway.serves(API, "prod"), &call("prod", "PUT", "/")));
}

/// The stage `prod` is released by others while a wider policy is on the API, which then goes back.
#[test]
fn a_stage_that_others_released_is_deployed_with_the_policy_that_came_back() {
    let (gateway, story) = story(&["dev", "prod"]);
    let narrow = mapping(&[("a.example.com", "1abc23/dev", "ANY"), ("b.example.com", "1abc23/prod", "GET")]);
    story.save(&narrow);
    story.apply(API, "dev", &[]).expect(0);
    story.apply(API, "prod", &[]).expect(0);
    story.save(&two());
    story.apply(API, "dev", &[]).expect(0);
    gateway.releases(API, "prod");
    story.save(&narrow);
    story.apply(API, "dev", &[]).expect(0);
    assert!(allows(&gateway.serves(API, "prod"), &call("prod", "PUT", "/")));
    story.apply(API, "prod", &[]).expect(0).says("deployed stage `prod`");
    assert!(!allows(&gateway.serves(API, "prod"), &call("prod", "PUT", "/")));
}

#[test]
fn a_change_is_shown_resource_by_resource() {
    let (gateway, story) = story(&["dev", "prod"]);
    story.apply(API, "dev", &[]).expect(0);
    story.save(&mapping(&[("a.example.com", "1abc23/dev/path2", "GET"), ("b.example.com", "1abc23/prod", "ANY")]));
    let diff = "  = Deny everybody where StringNotEquals aws:SourceVpce vpce-0123456789abcdef0
        1 resource unchanged
  ~ Allow everybody
      - execute-api:/dev/GET/path1
      - execute-api:/dev/GET/path1/*
      + execute-api:/dev/GET/path2
      + execute-api:/dev/GET/path2/*
        1 resource unchanged
";
    story.apply(API, "dev", &[]).expect(0).says(diff);
    assert!(!allows(&gateway.serves(API, "dev"), &call("dev", "GET", "/path1")));
}

#[test]
fn a_dry_run_changes_nothing_and_says_so_by_its_code() {
    let (gateway, story) = story(&["dev", "prod"]);
    let told = "would deploy stage `dev`, with whatever else of the API is not deployed yet\n";
    story.apply(API, "dev", &["--dry-run"]).expect(3).says("would put the policy of mapping ").says(told);
    assert_eq!((gateway.changes(), gateway.api(API).policy), (Vec::<String>::new(), String::new()));
}

#[test]
fn a_policy_put_by_other_means_is_deployed() {
    let (gateway, story) = story(&["dev", "prod"]);
    story.apply(API, "dev", &[]).expect(0);
    let policy = gateway.api(API).policy;
    let (gateway, story) = (Gateway::with(API, &["dev", "prod"]), story);
    gateway.has_policy(API, &policy);
    let story = Story { url: gateway.url(), ..story };
    story.apply(API, "dev", &["--dry-run"]).expect(3).says("would deploy stage `dev`");
    story.apply(API, "dev", &[]).expect(0).says("nothing says that it is deployed");
    assert_eq!(gateway.changes(), BOTH[1..]);
}

#[test]
fn a_stage_that_was_set_back_is_left_alone() {
    let (gateway, story) = story(&["dev", "prod"]);
    story.apply(API, "dev", &[]).expect(0);
    gateway.change(API, |api| *api.stages.get_mut("dev").expect("a stage") = "first1".into());
    gateway.changes();
    story
        .apply(API, "dev", &[])
        .expect(0)
        .says("was set back to the older deployment first1 since\n  help: --redeploy");
    assert_eq!(gateway.changes(), [""; 0]);
}

#[test]
fn an_api_that_is_not_private_would_be_shut() {
    let (gateway, story) = story(&["dev"]);
    gateway.change(API, |api| api.kind = "REGIONAL".into());
    story
        .apply(API, "dev", &[])
        .expect(1)
        .says("API `1abc23` is not PRIVATE")
        .says("help: it is REGIONAL; make it private");
    assert_eq!(gateway.changes(), [""; 0]);
}

#[test]
fn a_stage_must_be_the_mappings_and_the_apis() {
    let (gateway, story) = story(&["dev", "test"]);
    story.apply(API, "prod", &[]).expect(1).says("API `1abc23` has no stage `prod`\n  help: it has dev, test\n");
    story.apply(API, "test", &[]).expect(1).says("no entry maps to stage `test`").says("the mapping has dev, prod");
    story.apply(API, "dev", &["--dry-run"]).expect(3).says("no entry maps to its stage `test`: once that is deployed");
    assert_eq!(gateway.changes(), [""; 0]);
}

#[test]
fn a_mapped_stage_that_the_api_lacks_is_warned_of_and_not_to_be_deployed() {
    let (_gateway, story) = story(&["dev"]);
    let ran = story.apply(API, "dev", &[]).expect(0).says("it has no stage `prod`, which entries map to");
    assert!(!ran.out.contains("not deployed"), "{}", ran.out);
}

#[test]
fn an_association_with_other_endpoints_is_warned_of() {
    let (gateway, story) = story(&["dev", "prod"]);
    gateway.change(API, |api| api.endpoint_ids = vec!["vpce-77777777".into()]);
    story.apply(API, "dev", &["--dry-run"]).expect(3).says(
        "it is associated with vpce-77777777, not with vpce-0123456789abcdef0: the name 1abc23-vpce-0123456789abcdef0",
    );
}

#[test]
fn the_command_line_names_one_api_that_is_mapped() {
    let (gateway, story) = story(&["dev"]);
    story
        .apply("1abc32", "dev", &[])
        .expect(1)
        .says("no entry of mapping.yaml maps to API `1abc32`")
        .says("did you mean `1abc23`?");
    story
        .apply(API, "dev", &["--region", "eu-west-1"])
        .expect(1)
        .says("is in us-east-1 by mapping.yaml, not in eu-west-1");
    story.apply(API, "dev", &["--keep", "--replace"]).expect(2).says("cannot be used with");
    let words = ["policy", "apply", "mapping.yaml", "--vpce", VPCE, "--stage", "dev"];
    super::run(story.folder.path(), &words, &[]).expect(2).says("--api-id is missing");
    assert!(gateway.changes().is_empty());
}
