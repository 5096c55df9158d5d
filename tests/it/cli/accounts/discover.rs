//! `nameplate discover`: which APIs are found, what is proposed for them, and what is said where something is in the way.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{REGION, Story, account, role};
use crate::harness::aws::HUB;

const DOMAIN: [&str; 4] = ["discover", "--domain", "{api}.{account}.in.example.com", "--region"];

fn discover(more: &[&'static str]) -> Vec<&'static str> {
    [&DOMAIN[..], &[REGION], more].concat()
}

#[test]
fn private_apis_become_entries_with_their_owners_and_others_do_not() {
    let story = Story::new();
    story.aws.has_api(HUB, REGION, ("b2", "Shop", "PRIVATE"), &["prod", "dev"], json!({ "Owner": "web" }));
    story.aws.has_api(HUB, REGION, ("a1", "Orders API", "PRIVATE"), &["live"], json!({}));
    story.aws.has_api(HUB, REGION, ("c3", "public", "REGIONAL"), &["prod"], json!({}));
    let ran = story.run(&discover(&[])).expect(0);
    let want = "\
APIS:
  # Orders API of account 999988887777
  - CUSTOM_DOMAIN_URL: orders-api.999988887777.in.example.com
    PRIVATE_API_URL: https://a1.execute-api.eu-west-1.amazonaws.com/live
  # Shop of account 999988887777, owner web
  - CUSTOM_DOMAIN_URL: shop.999988887777.in.example.com/dev
    PRIVATE_API_URL: https://b2.execute-api.eu-west-1.amazonaws.com/dev
  # Shop of account 999988887777, owner web
  - CUSTOM_DOMAIN_URL: shop.999988887777.in.example.com/prod
    PRIVATE_API_URL: https://b2.execute-api.eu-west-1.amazonaws.com/prod
";
    assert!(ran.out.ends_with(want) && ran.out.starts_with("# A draft of"), "{}", ran.out);
    assert_eq!(ran.err, "2 private APIs in 1 accounts: 3 new entries, 0 stages mapped already\n");
    story.file("mapping.yaml", &ran.out);
    story.run(&["check", "mapping.yaml"]).expect(0);
}

/// 50 accounts of 10 private APIs, of which each tenth has no stage, beside as many public ones.
#[test]
fn every_api_of_fifty_accounts_is_found_and_none_is_invented_though_aws_throttles() {
    let story = Story::new();
    let mut want = BTreeSet::new();
    let mut list = format!("REGIONS: [{REGION}]\nACCOUNTS:\n");
    for number in 0..50 {
        let id = account(number);
        list += &format!("  - NAME: team-{number}\n    ROLE: {}\n", role(&id));
        for api in 0..10 {
            let (api_id, name) = (format!("p{number:02}x{api}"), format!("api {api}"));
            let stages: &[&str] = if api == 9 { &[] } else { &["prod"] };
            story.aws.has_api(&id, REGION, (&api_id, &name, "PRIVATE"), stages, json!({}));
            story.aws.has_api(&id, REGION, (&format!("r{number:02}x{api}"), &name, "REGIONAL"), &["prod"], json!({}));
            want.insert(api_id);
        }
    }
    story.aws.pages_of(3);
    story.aws.throttles_one_in(7);
    story.file("accounts.yaml", &list);
    let words = ["discover", "--domain", "{api}.{account}.in.example.com", "--accounts", "accounts.yaml", "-f", "json"];
    let ran = story.run(&words).expect(0);
    assert!(story.aws.throttled() > 50, "{}", story.aws.throttled());
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let apis = report["apis"].as_array().expect("a list");
    let found: BTreeSet<String> = apis.iter().filter_map(|api| api["api_id"].as_str().map(str::to_owned)).collect();
    assert_eq!((apis.len(), found), (500, want));
    let ran = ran.says("500 private APIs in 50 accounts: 450 new entries");
    assert_eq!(ran.err.matches("it has no stage, so no entry can lead to it").count(), 50);
    let reads = |seen: &crate::harness::aws::Seen| seen.method == "GET" || seen.service == "sts";
    assert!(story.aws.seen().iter().all(reads), "nothing is changed");
}

#[test]
fn the_same_accounts_make_the_same_text_in_whatever_order_they_answer() {
    let texts: Vec<String> = [[0, 1, 2], [2, 0, 1]]
        .iter()
        .map(|order| {
            let story = Story::new();
            let mut words = vec!["discover".to_owned(), "--domain={api}.in.example.com".to_owned()];
            words.extend(["--region".to_owned(), "us-east-1".to_owned(), "--region".to_owned(), REGION.to_owned()]);
            for number in order {
                let id = account(*number);
                words.extend(["--role".to_owned(), role(&id)]);
                story.aws.has_api(&id, REGION, (&format!("a{number}"), "orders", "PRIVATE"), &["x"], json!({}));
                story.aws.has_api(&id, "us-east-1", (&format!("b{number}"), "orders", "PRIVATE"), &["x"], json!({}));
            }
            story.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(0).out
        })
        .collect();
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0].matches("CUSTOM_DOMAIN_URL").count(), 6);
    assert!(texts[0].contains("https://b2.execute-api.us-east-1.amazonaws.com/x"), "{}", texts[0]);
}

#[test]
fn an_account_that_cannot_be_read_is_named_and_holds_up_no_other() {
    let story = Story::new();
    let (good, bad) = (account(1), account(2));
    story.aws.has_api(&good, REGION, ("a1", "orders", "PRIVATE"), &["prod"], json!({}));
    story.aws.fails(&bad, (403, "AccessDenied", "not authorized to perform: sts:AssumeRole"));
    let (first, second) = (role(&good), role(&bad));
    let words = [&discover(&[])[..], &["--role", &first, "--role", &second]].concat();
    let ran = story.run(&words).expect(2);
    assert!(ran.out.contains("orders.111100000001.in.example.com"), "{}", ran.out);
    let ran = ran.says(&format!("error: the role `{second}`: no credentials: "));
    let ran = ran.says("not authorized to perform: sts:AssumeRole").says("its trust policy must let these credentials");
    assert!(ran.err.contains("1 private APIs in 1 accounts"), "{}", ran.err);
    let ran = story.run(&[&discover(&[])[..], &["--role", &second]].concat()).expect(2);
    assert_eq!(ran.out, "");
}

#[test]
fn what_aws_refuses_says_which_rights_are_missing() {
    let story = Story::new();
    story.aws.fails(HUB, (403, "AccessDeniedException", "User is not authorized to perform this"));
    // GetCallerIdentity is the first call that fails.
    story.run(&discover(&[])).expect(2).says("AccessDeniedException: User is not authorized");
    let story = Story::new();
    story.aws.has_api(&account(1), REGION, ("a1", "orders", "PRIVATE"), &["prod"], json!({}));
    story.aws.allows_only(r#"{"Statement": [{"Effect": "Allow", "Action": "apigateway:GET", "Resource": "arn:aws:apigateway:eu-west-1::/restapis/*/stages"}]}"#);
    let role = role(&account(1));
    let ran = story.run(&[&discover(&[])[..], &["--role", &role]].concat()).expect(2);
    ran.says("account 111100000001 in eu-west-1: cannot list the REST APIs: AccessDeniedException")
        .says("the credentials need apigateway:GET on arn:aws:apigateway:eu-west-1::/restapis");
}

#[test]
fn a_command_line_with_an_error_is_refused_at_its_place() {
    let story = Story::new();
    let ran = story.run(&["discover", "--domain", "{apii}.example.com", "--region", REGION]).expect(2);
    ran.says("column 1: unknown placeholder `{apii}`").says("write one of `{api}`");
    story.run(&["discover", "--region", REGION]).expect(2).says("--domain <TEMPLATE>");
    story
        .run(&["discover", "--domain", "{api}.example.com", "--region", "eu-west-1a"])
        .expect(2)
        .says("write `eu-west-1`");
    story.run(&["discover", "--domain", "{api}.example.com", "--role", "x"]).expect(2).says("not the ARN of a role");
    story
        .run(&["discover", "--domain", "{api}.example.com"])
        .expect(2)
        .says("error: the credentials at hand: no region");
    story.file("accounts.yaml", "ACCOUNTS:\n  - PROFIL: a\n");
    let words = ["discover", "--domain", "{api}.example.com", "--accounts", "accounts.yaml"];
    story.run(&words).expect(1).says("accounts.yaml:2:5: error: unknown key `PROFIL`").says("did you mean `PROFILE`?");
    story.run(&[&words[..4], &["none.yaml"]].concat()).expect(2).says("error: cannot read none.yaml");
}

#[test]
fn a_profile_is_the_account_of_its_keys() {
    let story = Story::new();
    let id = account(7);
    story.aws.has_api(&id, "us-east-1", ("a1", "orders", "PRIVATE"), &["prod"], json!({}));
    let keys = format!("[pay]\naws_access_key_id = AKIA{id}\naws_secret_access_key = s\n");
    story.file("credentials", &keys);
    story.file("config", "[profile pay]\nregion = us-east-1\n");
    story.file("accounts.yaml", "ACCOUNTS:\n  - PROFILE: pay\n    NAME: payments\n");
    let folder = story.path("");
    let (config, credentials) = (folder.join("config"), folder.join("credentials"));
    let mut environment: Vec<(String, String)> = story.aws.environment();
    environment.retain(|(name, _)| !name.ends_with("KEY") && !name.ends_with("KEY_ID"));
    environment.push(("AWS_CONFIG_FILE".into(), config.display().to_string()));
    environment.push(("AWS_SHARED_CREDENTIALS_FILE".into(), credentials.display().to_string()));
    let environment: Vec<_> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
    let words = ["discover", "--domain", "{api}.{account}.example.com", "--accounts", "accounts.yaml"];
    let ran = super::run(&folder, &words, &environment).expect(0);
    assert!(ran.out.contains("# orders of account payments (111100000007)"), "{}", ran.out);
    assert!(ran.out.contains("https://a1.execute-api.us-east-1.amazonaws.com/prod"), "{}", ran.out);
}

#[test]
fn an_api_that_is_deleted_or_refused_costs_no_other_one() {
    let story = Story::new();
    for (id, name) in [("a1", "orders"), ("b2", "gone"), ("c3", "refused")] {
        story.aws.has_api(HUB, REGION, (id, name, "PRIVATE"), &["prod"], json!({}));
    }
    let words = ["discover", "--domain", "{api}.example.com", "--region", REGION];
    story.aws.fails_at("/restapis/b2/stages", (404, "NotFoundException", "Invalid API identifier specified"));
    let ran = story.run(&words).expect(0);
    let ran = ran.says("note: account 999988887777 in eu-west-1: API b2 (gone) was deleted while the account was read");
    assert!(ran.out.contains("orders.example.com") && ran.out.contains("refused.example.com"), "{ran:?}");
    story.aws.fails_at("/restapis/c3/stages", (403, "AccessDeniedException", "not \u{1b}[2Jauthorized"));
    let ran =
        story.run(&words).expect(2).says("cannot read the stages of API `c3` in eu-west-1: AccessDeniedException");
    assert!(ran.out.contains("orders.example.com") && !ran.out.contains("refused.example.com"), "{ran:?}");
    assert!(!ran.err.contains('\u{1b}'), "{ran:?}");
}
