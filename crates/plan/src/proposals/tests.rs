//! The proposals, and their order.

use super::*;
use nameplate_core::mapping::load::compile_bytes;

fn api(account: &str, name: &str, id: &str, stages: &[&str]) -> FoundApi {
    FoundApi {
        account_id: "111122223333".into(),
        region: "eu-west-1".into(),
        name: name.into(),
        id: id.into(),
        account: account.into(),
        stages: stages.iter().map(|stage| (*stage).to_owned()).collect(),
        owner: None,
        is_closed: false,
    }
}

fn table(entries: &[(&str, &str)]) -> MappingTable {
    if entries.is_empty() {
        return MappingTable::default();
    }
    let entry = |(domain, api): &(&str, &str)| {
        format!(
            "- CUSTOM_DOMAIN_URL: {domain}\n  PRIVATE_API_URL: https://{}.execute-api.eu-west-1.amazonaws.com/{}\n",
            api.split_once('/').expect("a stage").0,
            api.split_once('/').expect("a stage").1
        )
    };
    let text = format!("APIS:\n{}", entries.iter().map(entry).collect::<String>());
    compile_bytes(text.as_bytes(), "m", None).expect("a mapping")
}

/// The domains of what is proposed; `=` before those that the mapping has.
#[track_caller]
fn proposes(template: &str, found: &[FoundApi], mapping: &[(&str, &str)], want: &[&str]) {
    let template = template.parse().expect("a template");
    let domains: Vec<_> = propose(found, &template, &table(mapping))
        .into_iter()
        .map(|of| match of.outcome {
            Outcome::New(entry) => entry.domain,
            Outcome::Mapped(domain) => format!("={domain}"),
            Outcome::LeftOut(why) => format!("!{why}"),
        })
        .collect();
    assert_eq!(domains, want);
}

const T: &str = "{api}.{account}.in.example.com";

#[test]
fn a_name_becomes_a_label_and_stages_become_base_paths() {
    proposes(T, &[api("pay", "Orders API", "a1", &["prod"])], &[], &["orders-api.pay.in.example.com"]);
    proposes(
        T,
        &[api("pay", "orders", "a1", &["prod", "dev"])],
        &[],
        &["orders.pay.in.example.com/dev", "orders.pay.in.example.com/prod"],
    );
    proposes(
        "{api}-{stage}.in.example.com",
        &[api("pay", "orders", "a1", &["prod", "Dev_1"])],
        &[],
        &["orders-dev-1.in.example.com", "orders-prod.in.example.com"],
    );
    proposes(
        "{id}.{account_id}.{region}.example.com",
        &[api("pay", "x", "a1", &["prod"])],
        &[],
        &["a1.111122223333.eu-west-1.example.com"],
    );
}

#[test]
fn a_domain_is_never_taken_from_another_api() {
    let two = [api("pay", "orders", "a1", &["prod"]), api("pay", "Orders", "b2", &["prod"])];
    proposes(T, &two, &[], &["orders.pay.in.example.com", "orders-b2.pay.in.example.com"]);
    let mapping = [("orders.pay.in.example.com", "c3/prod"), ("orders-a1.pay.in.example.com/", "d4/prod")];
    proposes(T, &two[..1], &mapping, &["a1.pay.in.example.com"]);
}

#[test]
fn a_name_that_makes_no_label_is_replaced_by_the_id() {
    proposes(T, &[api("pay", "注文", "a1", &["prod"])], &[], &["a1.pay.in.example.com"]);
    let long = "x".repeat(63);
    proposes("{api}-{stage}.example.com", &[api("pay", &long, "a1", &["prod"])], &[], &["a1-prod.example.com"]);
}

#[test]
fn what_the_mapping_has_is_not_proposed_again() {
    let mapping = [("pay.example.com/v1", "a1/prod/orders")];
    proposes(T, &[api("pay", "orders", "a1", &["prod"])], &mapping, &["=pay.example.com/v1"]);
    proposes(
        T,
        &[api("pay", "orders", "a1", &["prod", "dev"])],
        &mapping,
        &["orders.pay.in.example.com/dev", "=pay.example.com/v1"],
    );
}

#[test]
fn what_has_no_entry_is_named() {
    let account = "a".repeat(63);
    let long = format!("{{api}}.{}.{{account}}.{{account}}.{{account}}.example.com", "b".repeat(63));
    let found = [api(&account, "orders", "a1", &["prod"])];
    let mut closed = api("pay", "orders", "a1", &["prod"]);
    closed.is_closed = true;
    proposes(T, &[closed], &[], &["!its execute-api endpoint is disabled, so that Nameplate cannot call it"]);
    let outcome = propose(&found, &long.parse().expect("a template"), &MappingTable::default()).remove(0).outcome;
    assert!(matches!(&outcome, Outcome::LeftOut(why) if why.contains("is not a domain for it")), "{outcome:?}");
}

#[test]
fn what_people_wrote_in_aws_cannot_break_a_comment() {
    let mut found = api("pay", "a\nb: c", "a1", &["prod"]);
    found.owner = Some("x\n# y".into());
    assert_eq!(about(&found), "a\\nb: c of account pay (111122223333), owner x\\n# y");
}
