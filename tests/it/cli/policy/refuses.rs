//! What a policy refuses of the calls that entries lead to: the search against the evaluator.

use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::compile::compile;
use nameplate_plan::policy::excess::Witness;
use nameplate_plan::policy::excess::shortfall::shortfall;
use nameplate_plan::policy::{EndpointIds, apis};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::iam::{Call, allows};

const OURS: &str = "vpce-11111111";
const PATHS: [&str; 6] = ["", "/a", "/a/b", "/ab", "/b", "/a/GET"];
const VERBS: [&str; 3] = ["GET", "PUT", "POST"];

fn table() -> impl Strategy<Value = MappingTable> {
    let path = prop::sample::select(&PATHS[..]);
    let verbs = prop::sample::select(&["ANY", "GET", "\"GET,PUT\""][..]);
    let referer = prop::sample::select(&["domain", "preserve"][..]);
    prop::collection::vec((path, verbs, referer), 1..4).prop_map(|entries| {
        let entry = |(at, (path, verbs, referer)): (usize, &(&str, &str, &str))| {
            format!(
                "  - CUSTOM_DOMAIN_URL: d{at}.in.example.com\n    PRIVATE_API_URL: \
                 https://1abc23.execute-api.us-east-1.amazonaws.com/dev{path}\n    VERBS: {verbs}\n    REFERER: {referer}\n"
            )
        };
        let entries: String = entries.iter().enumerate().map(entry).collect();
        compile(&format!("APIS:\n{entries}"), "m", None).expect("a mapping")
    })
}

fn statement() -> impl Strategy<Value = Value> {
    let resources = prop::sample::subsequence(
        &[
            "execute-api:/*",
            "execute-api:/dev/*",
            "execute-api:/dev/GET/*",
            "execute-api:/dev/*/a",
            "execute-api:/dev/GET/a*",
            "execute-api:/dev/P?T/*",
            "execute-api:/tst/*",
        ][..],
        1..=3,
    );
    let condition = prop::sample::select(&["", "ours", "others", "referer", "like"][..]);
    (prop::sample::select(&["Allow", "Allow", "Deny"][..]), resources, condition).prop_map(
        |(effect, resources, condition)| {
            let mut statement =
                json!({ "Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resources });
            let condition = match condition {
                "ours" => json!({ "StringEquals": { "aws:SourceVpce": [OURS] } }),
                "others" => json!({ "StringNotEquals": { "aws:SourceVpce": [OURS] } }),
                "referer" => json!({ "StringEquals": { "aws:Referer": ["d0.in.example.com"] } }),
                "like" => json!({ "StringLike": { "aws:Referer": ["d1.*"] } }),
                _ => return statement,
            };
            statement["Condition"] = condition;
            statement
        },
    )
}

fn policy() -> impl Strategy<Value = Value> {
    prop::collection::vec(statement(), 1..5)
        .prop_map(|statements| json!({ "Version": "2012-10-17", "Statement": statements }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_search_and_the_evaluator_agree(table in table(), policy in policy()) {
        let ids = EndpointIds::from([("default".to_owned(), [OURS.to_owned()].into())]);
        let found = shortfall(&policy.to_string(), &apis(&table)[0], &ids).expect("a policy");
        for refused in &found {
            let Witness::Call { stage, verb, path, origin, .. } = &refused.witness else { continue };
            let call = Call { stage, verb, path, vpce: &origin.vpce, referer: origin.referer.as_deref() };
            prop_assert!(!allows(&policy, &call), "{call:?} is let in");
            let below = format!("/{stage}{path}");
            let prefix = refused.route.prefix();
            prop_assert!(below == prefix || below.starts_with(&format!("{prefix}/")), "{prefix} does not lead to {below}");
            prop_assert!(refused.route.choices.verbs.names().any(|name| name == verb), "{verb}");
        }
        for route in table.routes() {
            let is_found = found.iter().any(|of| of.route.host() == route.host());
            let referer = route.host().to_owned();
            let preserves = route.choices.referer == nameplate_core::domain::route::RefererMode::Preserve;
            for (verb, end) in VERBS.iter().flat_map(|verb| ["", "/", "/a", "/a/b/c", "/z"].map(|end| (verb, end))) {
                if !route.choices.verbs.names().any(|name| name == *verb) {
                    continue;
                }
                let path = format!("{}{end}", route.prefix().strip_prefix("/dev").expect("the stage"));
                let path = if path.is_empty() { "/" } else { &*path };
                let call = Call { stage: "dev", verb, path, vpce: OURS, referer: (!preserves).then_some(&*referer) };
                prop_assert!(allows(&policy, &call) || is_found, "{call:?} is refused");
            }
        }
    }
}
