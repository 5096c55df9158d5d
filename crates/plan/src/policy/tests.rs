//! From entries to policies, and what does not fit.

use super::*;
use nameplate_core::domain::api::PrivateApi;
use nameplate_core::domain::base_path::BasePath;
use nameplate_core::domain::host::Host;
use nameplate_core::domain::overrides::Overrides;
use nameplate_core::domain::route::{Choices, Drafts};
use nameplate_core::domain::verbs::VerbSet;

/// An entry: its domain, what follows `https://` of its API without the suffix, its verbs, its endpoint.
#[derive(Clone, Copy)]
struct Entry<'e> {
    domain: &'e str,
    api: &'e str,
    path: &'e str,
    verbs: &'e str,
    endpoint: &'e str,
    referer: RefererMode,
}

const GET_A: Entry<'_> = Entry {
    domain: "a.example.com",
    api: "abc123",
    path: "/dev/a",
    verbs: "GET",
    endpoint: "",
    referer: RefererMode::Domain,
};

fn table(entries: &[Entry<'_>]) -> MappingTable {
    let mut drafts = Drafts::default();
    for (at, entry) in entries.iter().enumerate() {
        let url = format!("https://{}.execute-api.us-east-1.amazonaws.com{}", entry.api, entry.path);
        let verbs = entry.verbs.split(' ').filter(|verb| !verb.is_empty());
        let listed = verbs.fold(VerbSet::NONE, |set, verb| set.with(verb).expect("a verb"));
        let verbs = if listed == VerbSet::NONE { VerbSet::ALL } else { listed };
        let choices = Choices { verbs, referer: entry.referer, ..Choices::default() };
        let endpoint = Some(entry.endpoint.to_owned()).filter(|name| !name.is_empty());
        let overrides = Overrides { endpoint, ..Overrides::default() };
        let host = Host::parse(entry.domain).expect("a host");
        drafts.push_with(
            &host,
            &BasePath::default(),
            &PrivateApi::parse(&url).expect("an api"),
            (choices, overrides),
            at as u32 + 1,
        );
    }
    MappingTable::new(drafts.finish())
}

fn ids(of: &[(&str, &[&str])]) -> EndpointIds {
    let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    of.iter().map(|(name, ids)| ((*name).to_owned(), set(ids))).collect()
}

fn made(entries: &[Entry<'_>], options: &Options) -> Result<Vec<ApiPolicy>, PolicyFault> {
    let table = table(entries);
    let ids = ids(&[("default", &["vpce-2", "vpce-1", "vpce-1"]), ("far", &["vpce-9"])]);
    apis(&table).iter().map(|api| api.policy(&ids, options)).collect()
}

fn referer() -> Options {
    Options { referer: true, ..Options::default() }
}

/// What is allowed, by the Referer's condition.
fn allowed(policy: &ApiPolicy) -> Vec<(String, String)> {
    let allows = policy.policy.statements.iter().filter(|statement| statement.effect == Effect::Allow);
    let line = |statement: &Statement| {
        let condition = statement.condition.as_ref();
        let who = condition.map(|c| format!("{} {}", c.operator, c.values.join(",")));
        (who.unwrap_or_default(), statement.resources.join(" ").replace("execute-api:", ""))
    };
    allows.map(line).collect()
}

#[test]
fn one_policy_an_api_and_it_follows_the_grammar() {
    let entries = [
        GET_A,
        Entry { domain: "b.example.com", path: "/prod", verbs: "", ..GET_A },
        Entry { domain: "c.example.com", api: "1xyz", endpoint: "far", ..GET_A },
    ];
    let made = made(&entries, &Options::default()).expect("they fit");
    let told: Vec<_> = made.iter().map(|made| (&*made.api_id, made.stages.join(","), made.domains.join(","))).collect();
    let want = [
        ("1xyz", "dev".to_owned(), "c.example.com".to_owned()),
        ("abc123", "dev,prod".to_owned(), "a.example.com,b.example.com".to_owned()),
    ];
    assert_eq!(told, want);
    let text = made[1].policy.text();
    assert!(text.contains(r#""Condition":{"StringNotEquals":{"aws:SourceVpce":["vpce-1","vpce-2"]}}"#), "{text}");
    assert!(
        text.ends_with(r#""Resource":["execute-api:/dev/GET/a","execute-api:/dev/GET/a/*","execute-api:/prod/*"]}]}"#)
    );
    assert!(made[0].policy.text().contains(r#"["vpce-9"]"#));
    for made in &made {
        assert_eq!(grammar::check(&made.policy.text(), MAX_SIZE), []);
        assert!(made.warnings.is_empty() && made.widened.is_empty(), "{made:?}");
    }
}

#[test]
fn the_order_of_entries_makes_no_difference() {
    let entries = [GET_A, Entry { domain: "b.example.com", path: "/dev/b", ..GET_A }];
    let text = |entries: &[Entry<'_>]| made(entries, &referer()).expect("they fit")[0].policy.text();
    assert_eq!(text(&entries), text(&[entries[1], entries[0]]));
}

#[test]
fn an_endpoint_without_an_id_is_named_with_the_entrys_line() {
    let entries = [GET_A, Entry { domain: "b.example.com", endpoint: "shared", ..GET_A }];
    let fault = made(&entries, &Options::default()).expect_err("no id");
    let domain = "b.example.com".to_owned();
    assert_eq!(fault, PolicyFault::NoEndpointId { endpoint: "shared".to_owned(), line: 2, domain });
}

#[test]
fn the_referer_is_the_domain_and_domains_that_may_do_the_same_are_together() {
    let entries = [
        GET_A,
        Entry { domain: "b.example.com", ..GET_A },
        Entry { domain: "*.c.example.com", path: "/dev/c", ..GET_A },
    ];
    let made = made(&entries, &referer()).expect("they fit");
    let want = [
        ("StringLike *.c.example.com".to_owned(), "/dev/GET/c /dev/GET/c/*".to_owned()),
        ("StringEquals a.example.com,b.example.com".to_owned(), "/dev/GET/a /dev/GET/a/*".to_owned()),
    ];
    assert_eq!(allowed(&made[0]), want);
    assert_eq!(grammar::check(&made[0].policy.text(), MAX_SIZE), []);
}

#[test]
fn a_preserved_referer_cannot_be_told_by_it() {
    let entries = [
        Entry { referer: RefererMode::Preserve, ..GET_A },
        Entry { domain: "b.example.com", ..GET_A },
        Entry { domain: "c.example.com", verbs: "GET PUT", ..GET_A },
    ];
    let made = made(&entries, &referer()).expect("they fit");
    let want = [
        (String::new(), "/dev/GET/a /dev/GET/a/*".to_owned()),
        ("StringEquals c.example.com".to_owned(), "/dev/PUT/a /dev/PUT/a/*".to_owned()),
    ];
    assert_eq!(allowed(&made[0]), want);
    assert_eq!(made[0].warnings.len(), 1);
    assert!(made[0].warnings[0].starts_with("line 1: a.example.com has REFERER: preserve"), "{:?}", made[0].warnings);
}

#[test]
fn encoded_paths_and_stars_are_warned_of() {
    let made = made(&[Entry { path: "/dev/a%20*/b", ..GET_A }], &Options::default()).expect("it fits");
    assert_eq!(allowed(&made[0])[0].1, "/dev/GET/a%20${*}/b /dev/GET/a%20${*}/b/*");
    assert!(made[0].warnings[0].contains("try /dev/a%20*/b before you rely on it"), "{:?}", made[0].warnings);
}

fn many(paths: &[String], verbs: &'static str) -> MappingTable {
    let domains: Vec<String> = (0..paths.len()).map(|at| format!("d{at}.example.com")).collect();
    let entry = |(path, domain): (&'static str, &'static str)| Entry { domain, path, verbs, ..GET_A };
    let leak = |text: &String| -> &'static str { text.clone().leak() };
    table(&paths.iter().map(leak).zip(domains.iter().map(leak)).map(entry).collect::<Vec<_>>())
}

fn policy_of_one(table: &MappingTable, options: &Options) -> Result<ApiPolicy, PolicyFault> {
    apis(table)[0].policy(&ids(&[("default", &["vpce-1"])]), options)
}

#[test]
fn what_does_not_fit_says_what_takes_most_and_what_to_do() {
    let mut paths: Vec<String> = (0..30).map(|at| format!("/dev/path-{at:02}")).collect();
    paths.push(format!("/dev/{}", "long".repeat(40)));
    let fault = policy_of_one(&many(&paths, ""), &Options::default()).expect_err("too large");
    let PolicyFault::TooLarge(fault) = fault else { panic!("{fault:?}") };
    assert_eq!((fault.largest.len(), fault.paths), (5, 31));
    let told = fault.to_string();
    assert!(told.starts_with("the resource policy of API `abc123` has "), "{told}");
    assert!(told.contains(" characters, and 8192 are the most\n    /dev/longlong"), "{told}");
    assert!(told.contains("    and 26 more paths\n  help: map fewer paths of this API, or --fold "), "{told}");
}

#[test]
fn folding_goes_no_further_than_it_must_and_says_what_it_did() {
    let paths = |count: usize| -> Vec<String> { (0..count).map(|at| format!("/dev/path-{at:03}")).collect() };
    let fold = Options { fold: true, ..Options::default() };
    let folded = |count: usize, verbs: &'static str| {
        let made = policy_of_one(&many(&paths(count), verbs), &fold).expect("it fits");
        assert!(made.policy.text().len() <= MAX_SIZE);
        (allowed(&made)[0].1.clone(), made.widened)
    };
    assert_eq!(folded(3, "").1, [""; 0], "what fits is not folded");
    let (resources, widened) = folded(40, "");
    assert!(resources.starts_with("/dev/*/path-000 /dev/*/path-000/* "), "{resources}");
    assert_eq!(widened.len(), 40);
    assert_eq!(widened[0], "/dev/path-000: also paths of the stage that hold /path-000 further on");
    let (resources, widened) = folded(80, "GET PUT");
    assert!(resources.starts_with("/dev/*/path-000 "), "{resources}");
    assert!(widened[0].starts_with("/dev/path-000: every verb instead of GET, PUT; "), "{widened:?}");
    let (resources, widened) = folded(400, "GET");
    assert_eq!((&*resources, widened.len()), ("/dev/*", 400));
}

#[test]
fn a_policy_that_aws_writes_out_longer_than_its_quota_is_warned_of() {
    let paths: Vec<String> = (0..60).map(|at| format!("/dev/path-{at:03}")).collect();
    let made = policy_of_one(&many(&paths, "GET"), &Options::default()).expect("it fits");
    assert!(made.warnings[0].starts_with("AWS keeps the policy with whole ARNs, which makes "), "{:?}", made.warnings);
    let raised = Options { max_size: 16_384, ..Options::default() };
    assert!(policy_of_one(&many(&paths, "GET"), &raised).expect("it fits").warnings.is_empty());
}

#[test]
fn a_plan_has_a_place_for_the_ids_and_counts_them() {
    let entries = [
        GET_A,
        Entry { domain: "b.example.com", api: "1xyz", endpoint: "far", ..GET_A },
        Entry { domain: "c.example.com", api: "1xyz", path: "/prod", ..GET_A },
    ];
    let plan = planned(&table(&entries));
    let told: Vec<_> = plan.iter().map(|of| (&*of.api_id, &*of.region, of.endpoints.join(","))).collect();
    assert_eq!(told, [("1xyz", "us-east-1", "default,far".to_owned()), ("abc123", "us-east-1", "default".to_owned())]);
    let text = plan[1].policy.as_ref().expect("it fits");
    assert!(text.contains(r#""aws:SourceVpce":["VPC_ENDPOINT_ID"]"#), "{text}");
    let put = text.replace(PLACEHOLDER, "vpce-0123456789abcdef0");
    assert_eq!(grammar::check(&put, MAX_SIZE), []);
}

/// The longest path that fits with a real id, and one character more.
#[test]
fn a_plans_policy_fits_exactly_when_the_real_one_does() {
    let long = |padding: usize| {
        let mut paths: Vec<String> = (0..10).map(|at| format!("/dev/{at}{}", "x".repeat(300))).collect();
        paths.push(format!("/dev/p{}", "y".repeat(padding)));
        many(&paths, "GET")
    };
    let real = |table: &MappingTable| {
        let id = "vpce-0123456789abcdef0";
        apis(table)[0].policy(&ids(&[("default", &[id])]), &Options::default()).is_ok()
    };
    let fits = |padding: usize| {
        let table = long(padding);
        let planned = planned(&table)[0].policy.is_ok();
        assert_eq!(planned, real(&table), "{padding}");
        planned
    };
    let edge = (0..1_000).find(|padding| !fits(*padding)).expect("some path is too long");
    assert!(edge > 0 && fits(edge - 1));
}

#[test]
fn an_arn_names_the_partition_of_its_region() {
    assert_eq!(managed_arn("eu-west-1", "1abc23"), "arn:aws:apigateway:eu-west-1::/restapis/1abc23");
    assert_eq!(managed_arn("cn-north-1", "1abc23"), "arn:aws-cn:apigateway:cn-north-1::/restapis/1abc23");
    assert_eq!(managed_arn("us-gov-west-1", "1"), "arn:aws-us-gov:apigateway:us-gov-west-1::/restapis/1");
}
