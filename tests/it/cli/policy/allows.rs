//! What policies let in, against what the entries say: nothing less, and nothing more.

use std::collections::BTreeSet;

use nameplate_core::domain::rewrite::rest_after;
use nameplate_core::domain::route::{RefererMode, Route};
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::compile::compile;
use nameplate_plan::policy::{ApiPolicy, EndpointIds, MAX_SIZE, Options, apis, grammar};
use proptest::prelude::*;
use serde_json::Value;

use super::iam::{Call, allows};

const VERBS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const STAGES: [&str; 2] = ["dev", "tst"];
/// Names that begin like each other, that are verbs and stages, and that mean something to IAM.
const SEGMENTS: [&str; 9] = ["a", "ab", "b", "GET", "dev", "a*", "%2A", "$a", "a$*"];
const DOMAINS: [&str; 3] = ["one.example.com", "two.example.com", "*.three.example.com"];
const OURS: [&str; 2] = ["vpce-11111111", "vpce-22222222"];

fn path(most: usize) -> impl Strategy<Value = String> {
    let segment = prop::sample::select(&SEGMENTS[..]);
    prop::collection::vec(segment, 0..=most).prop_map(|segments| segments.iter().map(|one| format!("/{one}")).collect())
}

/// An entry as a mapping has it, without what keeps its domain apart from the others'.
fn entry() -> impl Strategy<Value = String> {
    let verbs = prop_oneof![
        Just("ANY".to_owned()),
        prop::sample::subsequence(&VERBS[..], 1..=7).prop_map(|verbs| verbs.join(",")),
    ];
    let referer = prop::sample::select(&["domain", "preserve"][..]);
    let (domain, stage) = (prop::sample::select(&DOMAINS[..]), prop::sample::select(&STAGES[..]));
    (domain, stage, path(2), verbs, referer).prop_map(|(domain, stage, path, verbs, referer)| {
        // A mapping's path does not end in a wildcard.
        let path = if path.ends_with('*') { path + "/b" } else { path };
        format!(
            "  - CUSTOM_DOMAIN_URL: \"{domain}/UNIQUE\"\n    PRIVATE_API_URL: \
             https://1abc23.execute-api.us-east-1.amazonaws.com/{stage}{path}\n    VERBS: \"{verbs}\"\n    REFERER: {referer}\n"
        )
    })
}

fn table() -> impl Strategy<Value = MappingTable> {
    prop::collection::vec(entry(), 1..6).prop_map(|entries| {
        let apart = entries.iter().enumerate().map(|(at, entry)| entry.replace("UNIQUE", &at.to_string()));
        compile(&format!("APIS:\n{}", apart.collect::<String>()), "m", None).expect("a mapping")
    })
}

/// The path of a call: some have empty segments, and slashes at the end.
fn called() -> impl Strategy<Value = String> {
    (path(3), prop::sample::select(&["", "/", "//", "//a", "/a/"][..])).prop_map(|(path, end)| match path + end {
        root if root.is_empty() => "/".to_owned(),
        path => path,
    })
}

fn made(table: &MappingTable, options: &Options) -> ApiPolicy {
    let ids: BTreeSet<String> = OURS.iter().map(|id| (*id).to_owned()).collect();
    let ids = EndpointIds::from([("default".to_owned(), ids)]);
    apis(table)[0].policy(&ids, options).expect("it fits")
}

fn json(policy: &ApiPolicy) -> Value {
    serde_json::from_str(&policy.policy.text()).expect("JSON")
}

/// Whether an entry leads to this call.
fn says(route: &Route, call: &Call<'_>) -> bool {
    let upstream = format!("/{}{}", call.stage, call.path);
    route.choices.verbs.allows(call.verb) && rest_after(route.prefix_ref(), upstream.as_bytes()).is_some()
}

/// Whether an entry tells this Referer, or whatever the client sent.
fn told(route: &Route, referer: Option<&str>) -> bool {
    let Some(referer) = referer else { return route.choices.referer == RefererMode::Preserve };
    let own = match route.host().strip_prefix('*') {
        Some(parent) => referer.ends_with(parent),
        None => referer == route.host(),
    };
    own || route.choices.referer == RefererMode::Preserve
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_call_is_let_in_exactly_if_an_entry_leads_to_it(
        table in table(),
        stage in prop::sample::select(&STAGES[..]),
        verb in prop::sample::select(&VERBS[..]),
        path in called(),
        vpce in prop::sample::select(&[OURS[0], OURS[1], "vpce-99999999"][..]),
    ) {
        let call = Call { stage, verb, path: &path, vpce, referer: None };
        let made = made(&table, &Options::default());
        let want = OURS.contains(&vpce) && table.routes().iter().any(|route| says(route, &call));
        prop_assert_eq!(allows(&json(&made), &call), want, "{:?} by {}", call, made.policy.text());
        prop_assert_eq!(grammar::check(&made.policy.text(), MAX_SIZE), []);
    }

    #[test]
    fn with_the_referer_it_must_be_an_entry_of_that_domain(
        table in table(),
        stage in prop::sample::select(&STAGES[..]),
        verb in prop::sample::select(&VERBS[..]),
        path in called(),
        referer in prop::sample::select(&[None, Some("one.example.com"), Some("two.example.com"), Some("x.three.example.com"), Some("evil.example")][..]),
    ) {
        let call = Call { stage, verb, path: &path, vpce: OURS[0], referer };
        let made = made(&table, &Options { referer: true, ..Options::default() });
        let want = table.routes().iter().any(|route| says(route, &call) && told(route, referer));
        prop_assert_eq!(allows(&json(&made), &call), want, "{:?} by {}", call, made.policy.text());
        prop_assert_eq!(grammar::check(&made.policy.text(), MAX_SIZE), []);
    }

    #[test]
    fn folding_takes_nothing_away_and_leaves_the_endpoints(
        table in table(),
        verb in prop::sample::select(&VERBS[..]),
        path in called(),
        room in 0_usize..1_500,
    ) {
        let call = Call { stage: "dev", verb, path: &path, vpce: OURS[1], referer: None };
        let exact = made(&table, &Options::default());
        let least = 320;
        let fold = Options { fold: true, max_size: least + room, ..Options::default() };
        let ids: BTreeSet<String> = OURS.iter().map(|id| (*id).to_owned()).collect();
        let ids = EndpointIds::from([("default".to_owned(), ids)]);
        if let Ok(folded) = apis(&table)[0].policy(&ids, &fold) {
            let text = folded.policy.text();
            prop_assert!(text.len() <= fold.max_size);
            prop_assert!(!allows(&json(&exact), &call) || allows(&json(&folded), &call), "{:?} by {}", call, text);
            prop_assert_eq!(folded.widened.is_empty(), text == exact.policy.text(), "{:?} {} not {}", folded.widened, text, exact.policy.text());
            let elsewhere = Call { vpce: "vpce-99999999", ..call };
            prop_assert!(!allows(&json(&folded), &elsewhere), "{:?} by {}", elsewhere, text);
        }
    }
}
