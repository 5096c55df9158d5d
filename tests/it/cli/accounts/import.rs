//! `nameplate import`: private custom domain names as entries, and what is named because it cannot be one.

use serde_json::{Value, json};

use super::{REGION, Story};
use crate::harness::aws::HUB;

/// Base path mappings of a name, each `base path, API, stage`.
fn mappings(story: &Story, name: &str, id: &str, all: &[(&str, &str, &str)]) {
    for (path, api, stage) in all {
        let mapping = json!({ "basePath": path, "restApiId": api, "stage": stage });
        story.aws.has(HUB, REGION, &format!("/domainnames/{name}/basepathmappings?{id}"), mapping);
    }
}

fn rule(priority: i64, conditions: Value, api: &str, strips: bool) -> Value {
    json!({
        "routingRuleId": format!("rule{priority}"), "priority": priority, "conditions": conditions,
        "actions": [{ "invokeApi": { "apiId": api, "stage": "prod", "stripBasePath": strips } }],
    })
}

const WORDS: [&str; 3] = ["import", "--region", REGION];

#[test]
fn names_with_base_paths_become_a_mapping() {
    let story = Story::new();
    story.aws.has_domain(HUB, REGION, ("pay.example.com", "d1"), json!({}));
    mappings(&story, "pay.example.com", "d1", &[("(none)", "a1", "prod"), ("v2", "b2", "live")]);
    story.aws.has_domain(HUB, REGION, ("shop.example.com", "d2"), json!({}));
    mappings(&story, "shop.example.com", "d2", &[("(none)", "c3", "prod")]);
    // A public name does not belong into a mapping.
    story.aws.has(
        HUB,
        REGION,
        "/domainnames",
        json!({ "domainName": "www.example.com", "endpointConfiguration": { "types": ["REGIONAL"] } }),
    );
    story.aws.pages_of(1);
    let ran = story.run(&WORDS).expect(0);
    let want = "\
# Made by `nameplate import` of API Gateway's private custom domain names.
APIS:
  # base path mapping `v2`, of account 999988887777
  - CUSTOM_DOMAIN_URL: pay.example.com/v2
    PRIVATE_API_URL: https://b2.execute-api.eu-west-1.amazonaws.com/live
  # the base path mapping without a base path, of account 999988887777
  - CUSTOM_DOMAIN_URL: pay.example.com
    PRIVATE_API_URL: https://a1.execute-api.eu-west-1.amazonaws.com/prod
  # the base path mapping without a base path, of account 999988887777
  - CUSTOM_DOMAIN_URL: shop.example.com
    PRIVATE_API_URL: https://c3.execute-api.eu-west-1.amazonaws.com/prod
";
    assert_eq!(ran.out, want);
    let ran = ran.says("2 private custom domain names: 3 new entries, 0 mapped already, 0 not carried over");
    let ran = ran.says("note: pay.example.com (999988887777, eu-west-1): certificate arn:aws:acm:");
    story.file("mapping.yaml", &ran.out);
    story.run(&["check", "mapping.yaml"]).expect(0);
    let again = story.run(&[&WORDS[..], &["--into", "mapping.yaml"]].concat()).expect(0);
    assert_eq!(again.out, want);
    again.says("0 new entries, 3 mapped already");
}

#[test]
fn rules_are_carried_over_by_path_and_named_where_they_look_at_headers() {
    let story = Story::new();
    let mode = json!({ "routingMode": "ROUTING_RULE_THEN_BASE_PATH_MAPPING" });
    story.aws.has_domain(HUB, REGION, ("pay.example.com", "d1"), mode);
    let rules = "/v2/domainnames/pay.example.com/routingrules?d1";
    let header = json!({ "matchHeaders": { "anyOf": [{ "header": "x-beta", "valueGlob": "*" }] } });
    let path = |path: &str| json!({ "matchBasePaths": { "anyOf": [path] } });
    story.aws.has(HUB, REGION, rules, rule(20, json!([path("users")]), "b2", true));
    story.aws.has(HUB, REGION, rules, rule(10, json!([header, path("users")]), "a1", true));
    story.aws.has(HUB, REGION, rules, rule(30, json!([path("v1/items")]), "c3", false));
    mappings(&story, "pay.example.com", "d1", &[("users", "d4", "prod"), ("(none)", "e5", "prod")]);
    story.aws.pages_of(2);
    let ran = story.run(&[&WORDS[..], &["--format", "json"]].concat()).expect(3);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let entries: Vec<_> = report["entries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|of| (of["custom_domain_url"].as_str().expect("text"), of["private_api_url"].as_str().expect("text")))
        .collect();
    let want = [
        ("pay.example.com/users", "https://b2.execute-api.eu-west-1.amazonaws.com/prod"),
        ("pay.example.com/v1/items", "https://c3.execute-api.eu-west-1.amazonaws.com/prod/v1/items"),
        ("pay.example.com", "https://e5.execute-api.eu-west-1.amazonaws.com/prod"),
    ];
    assert_eq!(entries, want);
    let ran = ran.says(
        "not carried over: routing rule rule10 (priority 10): it sends requests with the header `x-beta: *` to a1",
    );
    ran.says("not carried over: base path mapping `users`: API Gateway never reaches it: routing rule rule20");
    assert_eq!(report["not_carried_over"].as_array().map(Vec::len), Some(2));
    let text = story.run(&WORDS).expect(3).out;
    assert!(text.contains("# - pay.example.com (999988887777, eu-west-1): routing rule rule10"), "{text}");
}

#[test]
fn what_stands_around_a_name_is_named() {
    let story = Story::new();
    let more = json!({
        "policy": "{}", "mutualTlsAuthentication": { "truststoreUri": "s3://b/t.pem" },
    });
    story.aws.has_domain(HUB, REGION, ("pay.example.com", "d1"), more);
    mappings(&story, "pay.example.com", "d1", &[("(none)", "a1", "prod"), ("open", "b2", "(none)")]);
    let association = json!({
        "domainNameArn": format!("arn:aws:apigateway:{REGION}:{HUB}:/domainnames/pay.example.com+d1"),
        "accessAssociationSource": "vpce-0123456789abcdef0", "accessAssociationSourceType": "VPCE",
    });
    story.aws.has(HUB, REGION, "/domainnameaccessassociations", association);
    let ran = story.run(&WORDS).expect(3);
    ran.says("not carried over: mutual TLS: no listener of Nameplate asks for a client's certificate")
        .says("not carried over: base path mapping `open`: it has no stage")
        .says("note: pay.example.com (999988887777, eu-west-1): its resource policy: ")
        .says("VPC endpoint vpce-0123456789abcdef0 may call it: ");
}

#[test]
fn nothing_to_import_is_said_and_makes_no_mapping() {
    let story = Story::new();
    let ran = story.run(&WORDS).expect(0).says("0 private custom domain names: 0 new entries");
    assert_eq!(ran.out, "");
}

#[test]
fn a_name_that_is_deleted_or_refused_costs_no_other_one() {
    let story = Story::new();
    for (name, id) in [("pay.example.com", "d1"), ("gone.example.com", "d2"), ("shop.example.com", "d3")] {
        story.aws.has_domain(HUB, REGION, (name, id), json!({}));
        mappings(&story, name, id, &[("(none)", "a1", "prod")]);
    }
    let of = |name: &str| format!("/domainnames/{name}/basepathmappings");
    story.aws.fails_at(&of("gone.example.com"), (404, "NotFoundException", "Invalid domain name identifier specified"));
    let ran = story.run(&WORDS).expect(0);
    let ran = ran.says("note: account 999988887777 in eu-west-1: gone.example.com (d2) was deleted while the account");
    assert!(ran.out.contains("pay.example.com") && ran.out.contains("shop.example.com"), "{ran:?}");
    story.aws.fails_at(&of("shop.example.com"), (403, "AccessDeniedException", "not authorized"));
    let ran = story.run(&WORDS).expect(2).says("cannot list the base path mappings of shop.example.com");
    assert!(ran.out.contains("pay.example.com") && !ran.out.contains("shop.example.com"), "{ran:?}");
}
