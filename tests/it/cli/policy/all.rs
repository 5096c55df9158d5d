//! `policy apply --all`: many APIs, of which one is not like the others.

use serde_json::Value;

use super::gateway::Gateway;
use super::{Ran, Story, VPCE, mapping};

const TWO: [(&str, &str, &str); 2] = [("a.example.com", "1abc23/dev", "GET"), ("b.example.com", "2def45/dev", "GET")];

fn story() -> (Gateway, Story) {
    let gateway = Gateway::with("1abc23", &["dev"]).and("2def45", &["dev"]);
    let story = Story::new(&gateway.url(), &mapping(&TWO));
    let written = story.policy(&["manifest", "mapping.yaml"]).expect(0).out;
    story.file("manifest.yaml", &written);
    (gateway, story)
}

fn apply(story: &Story, more: &[&str]) -> Ran {
    let words = ["apply", "mapping.yaml", "--vpce", VPCE, "--all", "manifest.yaml", "--interval", "0"];
    story.policy(&[&words, more].concat())
}

#[test]
fn a_dry_run_says_what_is_to_do_and_changes_nothing() {
    let (gateway, story) = story();
    apply(&story, &["--dry-run"]).expect(3).says("API 1abc23 (orders)").says("2 stages: 2 to do");
    assert_eq!(gateway.changes(), [""; 0]);
    apply(&story, &[]).expect(0).says("2 of 2 to do").says("2 stages: 2 done");
    assert_eq!(gateway.changes().len(), 4, "each is put and deployed");
    apply(&story, &[]).expect(0).says("2 stages: 2 nothing to do");
    assert_eq!(gateway.changes(), [""; 0]);
}

#[test]
fn an_api_that_is_refused_holds_up_no_other() {
    let (gateway, story) = story();
    gateway.change("1abc23", |api| drop(api.canaries.insert("dev".into(), "canary7".into())));
    let ran = apply(&story, &["--report", "report.json"]).expect(1).says("2 stages: 1 done, 1 refused");
    assert!(ran.err.contains("error: API `1abc23` in us-east-1, stage `dev`: refused; see above"), "{}", ran.err);
    assert!(gateway.changes().iter().all(|change| change.contains("2def45")));
    let report: Vec<Value> = serde_json::from_str(&story.read("report.json")).expect("JSON");
    let of = |id: &str| report.iter().find(|of| of["api_id"] == id).expect("an API");
    assert_eq!((&of("1abc23")["outcome"], &of("2def45")["outcome"]), (&"refused".into(), &"done".into()));
    assert!(of("1abc23")["said"].as_str().is_some_and(|said| said.contains("has a canary")));
    // And once it may be changed, the next run does what is left.
    gateway.change("1abc23", |api| api.canaries.clear());
    apply(&story, &[]).expect(0).says("1 of 2 to do");
    assert!(gateway.changes().iter().all(|change| change.contains("1abc23")));
}

#[test]
fn a_run_that_was_broken_off_is_finished_by_the_next_one() {
    let (gateway, story) = story();
    gateway.fails("POST", (403, "AccessDeniedException", "User is not authorized to perform this"));
    apply(&story, &[]).expect(4).says("1 done, 1 half done");
    gateway.changes();
    apply(&story, &[]).expect(0).says("1 of 2 to do");
    assert_eq!(gateway.changes().len(), 1, "only the deployment is missing");
}

#[test]
fn a_manifest_that_is_older_than_the_mapping_is_refused_before_anything_changes() {
    let (gateway, story) = story();
    let gateway = gateway.and("3ghi67", &["dev"]);
    let three = [&TWO[..], &[("c.example.com", "3ghi67/dev", "GET")]].concat();
    story.save(&mapping(&three));
    apply(&story, &[]).expect(1).says("manifest.yaml: error: it does not list API `3ghi67` in us-east-1");
    assert_eq!(gateway.changes(), [""; 0]);
    story.save(&mapping(&TWO[..1]));
    apply(&story, &[]).expect(0).says("warning: API `2def45` in us-east-1: no entry maps to it any more");
}

#[test]
fn writing_it_anew_keeps_the_roles() {
    let (_gateway, story) = story();
    let role = "arn:aws:iam::111122223333:role/nameplate-policy";
    let with_role = story.read("manifest.yaml").replacen("role: null", &format!("role: {role}\n  external_id: x1"), 1);
    story.file("manifest.yaml", &with_role);
    story.save(&mapping(&[TWO[0], ("c.example.com", "3ghi67/dev", "GET")]));
    let ours = "arn:aws:iam::444455556666:role/p";
    let anew = story.policy(&["manifest", "mapping.yaml", "--from", "manifest.yaml", "--role", ours]).expect(0).out;
    let anew: serde_yaml::Value = serde_yaml::from_str(&anew).expect("YAML");
    let apis = anew["apis"].as_sequence().expect("a list");
    assert_eq!(apis.len(), 2);
    assert_eq!((apis[0]["role"].as_str(), apis[0]["external_id"].as_str()), (Some(role), Some("x1")));
    assert_eq!((apis[1]["api_id"].as_str(), apis[1]["role"].as_str()), (Some("3ghi67"), Some(ours)));
}

#[test]
fn a_manifest_with_an_error_is_told_where() {
    let (_gateway, story) = story();
    let text = story.read("manifest.yaml");
    for (wrong, told) in [
        (text.replace("api_id: 1abc23", "api: 1abc23"), "manifest.yaml: error: apis[0]: unknown field `api`"),
        (text.replacen("role: null", "role: admin", 1), "API `1abc23`: `admin` is not a role's ARN"),
        (text.replace("2def45", "1abc23"), "API `1abc23` in us-east-1 is there twice"),
    ] {
        story.file("manifest.yaml", &wrong);
        apply(&story, &[]).expect(1).says(told);
    }
    let ran = story.policy(&["apply", "mapping.yaml", "--vpce", VPCE, "--all", "none.yaml"]);
    ran.expect(2).says("make one with nameplate policy manifest");
    story.policy(&["apply", "mapping.yaml", "--vpce", VPCE, "--api-id", "1abc23"]).expect(2).says("--stage <STAGE>");
}
