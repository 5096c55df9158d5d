//! The routes that are carried over, and the parts that are named instead.

use super::*;
use nameplate_core::mapping::load::compile_bytes;

fn mapping(base: Option<&str>, api: &str, stage: Option<&str>) -> BasePathTarget {
    BasePathTarget { base_path: base.map(str::to_owned), api_id: api.into(), stage: stage.map(str::to_owned) }
}

fn rule(priority: i64, paths: &[&str], api: &str) -> Rule {
    Rule {
        id: format!("r{priority}"),
        priority,
        base_paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        api_id: Some(api.into()),
        stage: "prod".into(),
        strips_base_path: true,
        ..Rule::default()
    }
}

fn domain(mode: RoutingMode, mappings: Vec<BasePathTarget>, rules: Vec<Rule>) -> CustomDomainName {
    CustomDomainName {
        name: "pay.example.com".into(),
        account: "pay (111122223333)".into(),
        region: "eu-west-1".into(),
        mode,
        mappings,
        rules,
        ..CustomDomainName::default()
    }
}

/// The entries as `domain -> id/stage/path`, and what is left as `what: why`.
fn imported(domains: &[CustomDomainName]) -> (Vec<String>, Vec<String>) {
    let Imported { entries, left, .. } = import(domains, &MappingTable::default());
    let entries = entries.iter().map(|of| {
        let api = of.api.replace("https://", "").replace(".execute-api.eu-west-1.amazonaws.com", "");
        format!("{} -> {api}", of.domain)
    });
    (entries.collect(), left.iter().map(|of| format!("{}: {}", of.what, of.why)).collect())
}

#[track_caller]
fn carries(of: CustomDomainName, entries: &[&str], left: &[&str]) {
    let found = imported(&[of]);
    assert_eq!(found.0, entries, "{found:#?}");
    assert_eq!(found.1.len(), left.len(), "{found:#?}");
    for (found, want) in found.1.iter().zip(left) {
        assert!(found.contains(want), "{found:?} {want:?}");
    }
}

#[test]
fn base_path_mappings_become_entries() {
    let mappings = vec![mapping(None, "a1", Some("prod")), mapping(Some("orders"), "b2", Some("live"))];
    let entries = ["pay.example.com/orders -> b2/live", "pay.example.com -> a1/prod"];
    carries(domain(RoutingMode::Mappings, mappings, vec![]), &entries, &[]);
}

#[test]
fn a_mapping_without_a_stage_is_named() {
    let mappings = vec![mapping(Some("x"), "a1", None), mapping(None, "b2", Some("prod"))];
    let left = ["base path mapping `x`: it has no stage, so that callers name one in the path"];
    carries(domain(RoutingMode::Mappings, mappings, vec![]), &["pay.example.com -> b2/prod"], &left);
}

#[test]
fn rules_by_path_become_entries_with_or_without_their_base_path() {
    let mut kept = rule(2, &["v1/orders"], "b2");
    kept.strips_base_path = false;
    let rules = vec![rule(1, &["users", "people"], "a1"), kept, rule(3, &[], "c3")];
    let entries = [
        "pay.example.com/users -> a1/prod",
        "pay.example.com/people -> a1/prod",
        "pay.example.com/v1/orders -> b2/prod/v1/orders",
        "pay.example.com -> c3/prod",
    ];
    carries(domain(RoutingMode::Rules, vec![], rules), &entries, &[]);
}

#[test]
fn a_rule_that_asks_for_a_header_is_named_and_takes_nothing_away() {
    let mut by_header = rule(1, &["users"], "a1");
    by_header.headers = vec!["x-version: v2*".into()];
    let rules = vec![by_header, rule(2, &["users"], "b2")];
    let left = ["routing rule r1 (priority 1): it sends requests with the header `x-version: v2*` to a1"];
    carries(domain(RoutingMode::Rules, vec![], rules), &["pay.example.com/users -> b2/prod"], &left);
}

#[test]
fn what_api_gateway_never_reaches_is_named() {
    let rules = vec![rule(1, &["a"], "a1"), rule(2, &["a/b"], "b2"), rule(3, &["ab"], "c3")];
    let mappings = vec![mapping(Some("a"), "d4", Some("prod")), mapping(None, "e5", Some("prod"))];
    let entries = ["pay.example.com/a -> a1/prod", "pay.example.com/ab -> c3/prod", "pay.example.com -> e5/prod"];
    let left = [
        "routing rule r2 (priority 2): API Gateway never reaches it: routing rule r1 (priority 1) takes",
        "base path mapping `a`: API Gateway never reaches it: routing rule r1",
    ];
    carries(domain(RoutingMode::RulesThenMappings, mappings, rules), &entries, &left);
}

#[test]
fn what_the_routing_mode_ignores_is_named() {
    let (mappings, rules) = (vec![mapping(None, "a1", Some("prod"))], vec![rule(1, &[], "b2")]);
    let of = |mode| domain(mode, mappings.clone(), rules.clone());
    carries(of(RoutingMode::Rules), &["pay.example.com -> b2/prod"], &["the routing mode ignores base path mappings"]);
    carries(of(RoutingMode::Mappings), &["pay.example.com -> a1/prod"], &["the routing mode ignores routing rules"]);
    let other = RoutingMode::named(Some("SOMETHING_NEW"));
    let left = ["does not know `SOMETHING_NEW`", "routing rules", "base path mappings", "the name itself"];
    carries(of(other), &[], &left);
}

#[test]
fn whatever_else_cannot_be_said_in_a_mapping_is_named() {
    let mut odd = rule(1, &["a"], "a1");
    odd.is_unknown = true;
    let mut none = rule(2, &["b"], "b2");
    none.api_id = None;
    let mut mutual =
        domain(RoutingMode::Rules, vec![], vec![odd, none, rule(3, &["a*"], "c3"), rule(4, &["c"], "d 4")]);
    mutual.has_mutual_tls = true;
    let left = [
        "it has a condition or an action that Nameplate does not know",
        "it invokes no API",
        "routing rule r3 (priority 3): ",
        "routing rule r4 (priority 4): ",
        "mutual TLS: ",
        "the name itself",
    ];
    carries(mutual, &[], &left);
    carries(domain(RoutingMode::Mappings, vec![], vec![]), &[], &["the name itself: it leads nowhere"]);
}

#[test]
fn one_name_in_two_accounts_leads_to_one_api() {
    let first = domain(RoutingMode::Mappings, vec![mapping(None, "a1", Some("prod"))], vec![]);
    let second = domain(RoutingMode::Mappings, vec![mapping(None, "b2", Some("prod"))], vec![]);
    let (entries, left) = imported(&[first, second]);
    assert_eq!(entries, ["pay.example.com -> a1/prod"]);
    assert!(left[0].contains("leads to https://a1.execute-api.eu-west-1.amazonaws.com/prod already"), "{left:?}");
}

#[test]
fn what_the_mapping_has_stays_as_it_is() {
    let text = "APIS:\n- CUSTOM_DOMAIN_URL: pay.example.com\n  PRIVATE_API_URL: https://a1.execute-api.eu-west-1.amazonaws.com/prod\n";
    let table = compile_bytes(text.as_bytes(), "m", None).expect("a mapping");
    let same = domain(RoutingMode::Mappings, vec![mapping(None, "a1", Some("prod"))], vec![]);
    let found = import(&[same], &table);
    assert_eq!((found.entries.len(), found.known, found.left.len()), (0, 1, 0));
    let other = domain(RoutingMode::Mappings, vec![mapping(None, "b2", Some("prod"))], vec![]);
    let found = import(&[other], &table);
    assert_eq!((found.entries.len(), found.known), (0, 0));
    assert!(found.left[0].why.contains("is in the mapping, and leads to https://a1."), "{:?}", found.left);
}

#[test]
fn every_mapping_and_rule_is_an_entry_or_is_named() {
    let rules: Vec<Rule> = (0..40).map(|at| rule(at, &[&format!("p{}", at % 7)], "a1")).collect();
    let mappings: Vec<_> = (0..10).map(|at| mapping(Some(&format!("p{at}")), "b2", Some("prod"))).collect();
    for mode in [RoutingMode::Mappings, RoutingMode::Rules, RoutingMode::RulesThenMappings] {
        let (entries, left) = imported(&[domain(mode, mappings.clone(), rules.clone())]);
        assert_eq!(entries.len() + left.len(), 50);
    }
}
