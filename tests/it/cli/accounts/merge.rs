//! `nameplate discover --into`: what people wrote stays, byte for byte.

use serde_json::json;

use super::{REGION, Story};
use crate::harness::aws::HUB;

const WRITTEN: &str = "\
# Ours, since 2019.  Do not sort!
OWNER:   web
APIS:
- CUSTOM_DOMAIN_URL:   \"shop.example.com\"   # the shop
  PRIVATE_API_URL: https://b2.execute-api.eu-west-1.amazonaws.com/prod/v1
  VERBS: [ GET,POST ]

# CONTACT: nobody
CONTACT: web@example.com
";

fn story() -> Story {
    let story = Story::new();
    story.aws.has_api(HUB, REGION, ("b2", "shop", "PRIVATE"), &["prod"], json!({}));
    story.aws.has_api(HUB, REGION, ("a1", "orders", "PRIVATE"), &["prod"], json!({}));
    story
}

const WORDS: [&str; 7] = ["discover", "--domain", "{api}.in.example.com", "--region", REGION, "--into", "mapping.yaml"];

#[test]
fn new_entries_go_behind_those_of_people_and_the_next_run_adds_none() {
    let story = story();
    story.file("mapping.yaml", WRITTEN);
    let ran = story.run(&WORDS).expect(0).says("1 new entries, 1 stages mapped already");
    let (before, after) = WRITTEN.split_at(WRITTEN.find("\n# CONTACT").expect("a comment"));
    let new = "\
# orders of account 999988887777
- CUSTOM_DOMAIN_URL: orders.in.example.com
  PRIVATE_API_URL: https://a1.execute-api.eu-west-1.amazonaws.com/prod
";
    assert_eq!(ran.out, format!("{before}{new}{after}"));
    assert_eq!(story.read("mapping.yaml"), WRITTEN, "nothing was to be written");
    let ran = story.run(&[&WORDS[..], &["-o", "mapping.yaml"]].concat()).expect(0);
    assert_eq!((ran.out, story.read("mapping.yaml")), (String::new(), format!("{before}{new}{after}")));
    let again = story.run(&[&WORDS[..], &["-o", "mapping.yaml"]].concat()).expect(0);
    assert!(again.err.contains("0 new entries, 2 stages mapped already"), "{}", again.err);
    assert_eq!(story.read("mapping.yaml"), format!("{before}{new}{after}"));
}

#[test]
fn a_mapping_with_an_error_is_not_touched() {
    let story = story();
    story.file("mapping.yaml", "APIS:\n- CUSTOM_DOMAIN: a.example.com\n");
    let ran = story.run(&[&WORDS[..], &["-o", "mapping.yaml"]].concat()).expect(1);
    ran.says("mapping.yaml:2:3: error: unknown key `CUSTOM_DOMAIN`");
    assert_eq!(story.read("mapping.yaml"), "APIS:\n- CUSTOM_DOMAIN: a.example.com\n");
    story.run(&[&WORDS[..6], &["none.yaml"]].concat()).expect(2).says("error: cannot read none.yaml");
}

#[test]
fn of_a_folder_what_it_lacks_is_printed_as_a_part() {
    let story = story();
    std::fs::create_dir(story.path("parts")).expect("a folder");
    story.file("parts/web.yaml", WRITTEN);
    let ran = story.run(&[&WORDS[..6], &["parts"]].concat()).expect(0);
    assert!(ran.out.contains("orders.in.example.com") && !ran.out.contains("shop"), "{}", ran.out);
}

#[test]
fn each_owner_has_a_part_that_the_next_run_keeps() {
    let story = Story::new();
    story.aws.has_api(HUB, REGION, ("a1", "orders", "PRIVATE"), &["prod"], json!({ "owner": "Payments" }));
    story.aws.has_api(HUB, REGION, ("b2", "shop", "PRIVATE"), &["prod"], json!({ "owner": "the web team" }));
    story.aws.has_api(HUB, REGION, ("c3", "old", "PRIVATE"), &["prod"], json!({}));
    let words = ["discover", "--domain", "{api}.in.example.com", "--region", REGION, "--parts", "parts"];
    story.run(&words).expect(0).says("parts/payments.yaml\nparts/the-web-team.yaml\nparts/unowned.yaml\n");
    let payments = story.read("parts/payments.yaml");
    assert!(
        payments.contains("OWNER: \"Payments\"\nAPIS:\n") && payments.contains("orders.in.example.com"),
        "{payments}"
    );
    assert!(story.read("parts/the-web-team.yaml").contains("OWNER: \"the-web-team\"\n"));
    story.run(&["check", "parts"]).expect(0).says("3 parts, 3 entries");
    let edited = payments.replace("orders.in", "pay.in") + "    VERBS: [GET] # ours\n";
    story.file("parts/payments.yaml", &edited);
    story.aws.has_api(HUB, REGION, ("d4", "cards", "PRIVATE"), &["prod"], json!({ "Owner": "Payments" }));
    story.run(&words).expect(0).says("1 new entries, 3 stages mapped already");
    let added = [
        "  # cards of account 999988887777, owner Payments",
        "  - CUSTOM_DOMAIN_URL: cards.in.example.com",
        "    PRIVATE_API_URL: https://d4.execute-api.eu-west-1.amazonaws.com/prod\n",
    ];
    let added = added.join("\n");
    assert_eq!(story.read("parts/payments.yaml"), edited + &added);
    story.run(&["check", "parts"]).expect(0).says("3 parts, 4 entries");
    // Another owner, whose name makes the same label.
    story.aws.has_api(HUB, REGION, ("e5", "desk", "PRIVATE"), &["prod"], json!({ "owner": "payments" }));
    story.run(&words).expect(0).says("parts/payments-2.yaml\n");
    assert!(story.read("parts/payments-2.yaml").contains("OWNER: \"payments\"\nAPIS:\n"));
}
