//! What is printed: for people by owner, for programs as docs/drift.md describes it.

use serde_json::Value;

use super::aws::{Aws, policy};
use super::{REGION, Story, VPCE};
use nameplate_plan::drift::kind::Kind;

/// Two owners, and an AWS with a difference for each and one for both.
fn two_owners() -> Story {
    let story = Story::with(|aws| {
        let api = aws.api("abc111");
        api.policy = policy(&["execute-api:/dev/GET/*", "execute-api:/prod/*"]);
        for stage in &mut api.stages {
            (stage.deployment, stage.exported) = ("old1", Some(api.policy.clone()));
        }
        aws.api("def222").stages[0].canary = Some("next1");
        aws.certificates[0].2 = 10;
    });
    let part = |owner: &str, domain: &str, api: &str| {
        format!(
            "OWNER: {owner}\nAPIS:\n  - CUSTOM_DOMAIN_URL: {domain}.in.example.com\n    PRIVATE_API_URL: \
             https://{api}.execute-api.eu-west-1.amazonaws.com"
        )
    };
    story.file("mapping/payments.yaml", &(part("payments", "pay", "abc111") + "/dev/a\n    VERBS: [GET]\n"));
    story.file("mapping/orders.yaml", &(part("payments", "orders", "abc111") + "/prod\n"));
    story.file("mapping/shop.yaml", &(part("web", "shop", "def222") + "/v1\n"));
    story
}

fn page() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/drift.md");
    std::fs::read_to_string(path).expect("the page")
}

#[test]
fn people_read_what_is_most_dangerous_first_by_owner() {
    let story = two_owners();
    let words = ["drift", "mapping", "--vpce", VPCE];
    let ran = story.run(&words, &[("AWS_REGION", REGION)]).expect(1);
    let printed = ran.out.split_once("\n\n").expect("a first line").1;
    assert!(page().contains(printed.trim_end()), "docs/drift.md does not have this output:\n{}", ran.out);
    let at = |text: &str| printed.find(text).unwrap_or_else(|| panic!("{text} is not in {printed}"));
    assert!(at("payments\n  exposure policy_wider") < at("web\n  risk certificate_ending"), "{printed}");
    assert_eq!(printed.matches("certificate_ending").count(), 2, "it concerns both owners");
}

#[test]
fn programs_read_what_the_page_describes() {
    let story = two_owners();
    let words = ["drift", "mapping", "--vpce", VPCE, "--format", "json"];
    let ran = story.run(&words, &[("AWS_REGION", REGION)]).expect(1);
    let printed: Value = serde_json::from_str(&ran.out).expect("JSON");
    let page = page();
    let named = |key: &String| assert!(page.contains(&format!("`{key}`")), "docs/drift.md does not name `{key}`");
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    for object in [&printed, &printed["mapping"], &printed["compared"], &printed["counts"], &printed["findings"][0]] {
        keys(object).iter().for_each(named);
    }
    assert_eq!(printed["counts"]["exposure"], 1);
    assert_eq!(printed["findings"][0]["owners"], serde_json::json!(["payments"]));
    assert_eq!(printed["findings"][0]["kind"], "policy_wider");
}

#[test]
fn the_page_names_every_kind() {
    let page = page();
    for kind in Kind::ALL {
        assert!(page.contains(&format!("| `{}` |", kind.name())), "docs/drift.md does not have {}", kind.name());
    }
}

#[test]
fn domains_of_nobody_stand_under_no_owner() {
    let ran = Story::with(|aws: &mut Aws| aws.certificates.clear()).drift(&[]).expect(1);
    assert!(ran.out.contains("\n\nno owner\n  outage certificate_missing: *.in.example.com\n"), "{}", ran.out);
}
