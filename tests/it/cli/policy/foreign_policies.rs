//! `policy apply` where somebody else wrote a policy before.

use serde_json::{Value, json};

use super::gateway::Gateway;
use super::iam::{Call, allows};
use super::{Story, VPCE, mapping};

const API: &str = "1abc23";

fn story() -> (Gateway, Story) {
    let gateway = Gateway::with(API, &["dev"]);
    let story = Story::new(&gateway.url(), &mapping(&[("a.example.com", "1abc23/dev/path1", "GET")]));
    (gateway, story)
}

const BOTH: [&str; 2] = ["PATCH /restapis/1abc23", "POST /restapis/1abc23/deployments"];

/// A policy of somebody else beside ours, or alone.
fn theirs(statement: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

fn by_address() -> Value {
    json!({ "Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*",
            "Condition": { "NotIpAddress": { "aws:VpcSourceIp": ["10.0.0.0/8"] } } })
}

#[test]
fn what_others_wrote_is_not_dropped_unasked() {
    let (gateway, story) = story();
    gateway.has_policy(API, &theirs(&by_address()));
    let before = gateway.api(API).policy;
    let told =
        "has a statement that Nameplate did not write; nothing was changed\n    {\"Action\":\"execute-api:Invoke\",";
    for more in [&[][..], &["--dry-run"]] {
        story.apply(API, "dev", more).expect(1).says(told).says("--keep leaves them in force beside ours");
    }
    assert_eq!((gateway.changes(), gateway.api(API).policy), (Vec::<String>::new(), before));
}

#[test]
fn what_others_wrote_is_kept_or_replaced_when_asked() {
    let (gateway, story) = story();
    gateway.has_policy(API, &theirs(&by_address()));
    story.apply(API, "dev", &["--keep"]).expect(0).says(" characters, 1 of them not ours\n");
    assert_eq!(gateway.serves(API, "dev")["Statement"].as_array().map(Vec::len), Some(3));
    gateway.changes();
    story.apply(API, "dev", &["--keep"]).expect(0).says("nothing to do");
    assert_eq!(gateway.changes(), [""; 0]);
    story
        .apply(API, "dev", &["--replace"])
        .expect(0)
        .says("  - {\"Action\":\"execute-api:Invoke\",\"Condition\":{\"NotIpAddress\"");
    assert_eq!(gateway.serves(API, "dev")["Statement"].as_array().map(Vec::len), Some(2));
    assert_eq!(gateway.changes(), BOTH);
}

/// A policy of the very form of ours, for other endpoints and more stages, that was never ours.
fn by_hand() -> Value {
    let condition = json!({ "StringNotEquals": { "aws:SourceVpce": ["vpce-88888888", "vpce-99999999"] } });
    let allow = json!({ "Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke",
                        "Resource": ["execute-api:/dev/*", "execute-api:/other/*"] });
    let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke",
                       "Resource": "execute-api:/*", "Condition": condition });
    json!({ "Version": "2012-10-17", "Statement": [deny, allow] })
}

#[test]
fn a_form_like_ours_is_not_ours_where_we_never_deployed() {
    let (gateway, story) = story();
    gateway.has_policy(API, &by_hand().to_string());
    let told = "has 2 statements that Nameplate did not write; nothing was changed\n";
    story.apply(API, "dev", &[]).expect(1).says(told).says("no deployment of this API is Nameplate's");
    assert_eq!(gateway.changes(), [""; 0]);
    story.apply(API, "dev", &["--replace"]).expect(0).says("  - {\"Action\"");
    assert_eq!(gateway.changes(), BOTH);

    // From then on what has our form is ours.
    story.save(&mapping(&[("a.example.com", "1abc23/dev/path2", "GET")]));
    story.apply(API, "dev", &[]).expect(0).says("      - execute-api:/dev/GET/path1\n");
}

#[test]
fn what_has_our_form_and_is_kept_stays_kept() {
    let (gateway, story) = story();
    let mut theirs = by_hand();
    theirs["Statement"].as_array_mut().expect("statements").remove(0);
    gateway.has_policy(API, &theirs.to_string());
    let other = Call { stage: "other", verb: "PUT", path: "/", vpce: VPCE, referer: None };
    story.apply(API, "dev", &["--keep"]).expect(0).says(", 1 of them not ours\n");
    assert!(allows(&gateway.serves(API, "dev"), &other));
    gateway.changes();
    story.apply(API, "dev", &["--keep"]).expect(0).says("nothing to do");
    assert_eq!(gateway.changes(), [""; 0]);
    story.apply(API, "dev", &[]).expect(1).says("\"Sid\":\"kept1\"");
}

#[test]
fn a_policy_that_only_gains_is_not_asked_about() {
    let (gateway, story) = story();
    let mut theirs = by_hand();
    theirs["Statement"][0]["Condition"]["StringNotEquals"]["aws:SourceVpce"] = json!([VPCE]);
    theirs["Statement"][1]["Resource"] = json!(["execute-api:/dev/GET/path1"]);
    gateway.has_policy(API, &theirs.to_string());
    story.apply(API, "dev", &[]).expect(0).says("      + execute-api:/dev/GET/path1/*\n        1 resource unchanged");
}

#[test]
fn an_old_version_is_brought_up_unless_that_changes_what_is_kept() {
    let (gateway, story) = story();
    let mut theirs = by_address();
    theirs["Condition"] = json!({ "StringEquals": { "aws:Referer": "${a}" } });
    gateway.has_policy(API, &json!({ "Version": "2008-10-17", "Id": "old", "Statement": [theirs] }).to_string());
    story.apply(API, "dev", &["--keep"]).expect(1).says("is of version 2008-10-17").says("bring the policy to that");
    assert_eq!(gateway.changes(), [""; 0]);
    let told = "  ~ Version 2008-10-17 becomes 2012-10-17\n";
    story.apply(API, "dev", &["--replace"]).expect(0).says(told).says("  - Id old\n");
    assert_eq!(gateway.serves(API, "dev")["Version"], "2012-10-17");
}

#[test]
fn the_id_of_a_policy_is_kept_with_its_statements() {
    let (gateway, story) = story();
    let theirs = json!({ "Version": "2012-10-17", "Id": "theirs", "Statement": [by_address()] });
    gateway.has_policy(API, &theirs.to_string());
    story.apply(API, "dev", &["--keep"]).expect(0);
    assert_eq!(gateway.serves(API, "dev")["Id"], "theirs");
    gateway.changes();
    story.apply(API, "dev", &["--keep"]).expect(0).says("nothing to do");
    assert_eq!(gateway.changes(), [""; 0]);
}
