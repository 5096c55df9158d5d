//! What a change grants and revokes, and what a policy grants too much, held against how IAM decides.
//!
//! Mappings and policies are drawn once, and every pair of them is looked at: what IAM makes of each call is asked once for
//! each policy, not for each pair.

use std::collections::BTreeSet;

use nameplate_core::domain::rewrite::rest_after;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::compile::compile;
use nameplate_plan::policy::access::{AccessChange, Direction, changes};
use nameplate_plan::policy::excess::{Excess, Witness, excess};
use nameplate_plan::policy::{EndpointIds, Options, apis};
use serde_json::{Value, json};

use super::iam::{Call, allows};

/// The two endpoints of the settings, and one of somebody else.
const ENDPOINTS: [(&str, &str); 2] = [("default", "vpce-11111111"), ("far", "vpce-22222222")];
const FOREIGN: &str = "vpce-99999999";

const VERBS: [&str; 3] = ["GET", "PUT", "DELETE"];
const STAGES: [&str; 2] = ["dev", "tst"];
const PATHS: [&str; 9] = ["", "/a", "/ab", "/a/b", "/b", "/GET/a", "/a*/b", "/a/example", "/example"];

/// Numbers that are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

fn table(draw: &mut Draw) -> MappingTable {
    let entries: String = (0..=draw.below(3))
        .map(|at| {
            let verbs = if draw.below(4) == 0 { "ANY".to_owned() } else { draw.of(&["GET", "PUT", "[GET, PUT]"]).to_owned() };
            let (stage, path, far) = (draw.of(&STAGES), draw.of(&PATHS), draw.below(4) == 0);
            let endpoint = if far { "far" } else { "default" };
            format!(
                "  - CUSTOM_DOMAIN_URL: d{at}.example.com\n    PRIVATE_API_URL: \
                 https://abc.execute-api.us-east-1.amazonaws.com/{stage}{path}\n    VERBS: {verbs}\n    ENDPOINT: {endpoint}\n"
            )
        })
        .collect();
    compile(&format!("APIS:\n{entries}"), "m", None).expect("a mapping")
}

fn ids() -> EndpointIds {
    ENDPOINTS.iter().map(|(name, id)| ((*name).to_owned(), BTreeSet::from([(*id).to_owned()]))).collect()
}

fn policy_of(table: &MappingTable) -> Value {
    let made = apis(table)[0].policy(&ids(), &Options::default()).expect("it fits");
    serde_json::from_str(&made.policy.text()).expect("JSON")
}

/// Calls at each path, below it and above it, through each endpoint.
fn calls() -> Vec<Call<'static>> {
    let paths =
        ["/", "/a", "/ab", "/a/b", "/a/b/c", "/b/x", "/GET/a", "/a*/b", "/ax/b", "/a/example", "/example", "/c", "//a"];
    let mut calls = Vec::new();
    for (stage, verb) in STAGES.iter().flat_map(|stage| VERBS.iter().map(move |verb| (*stage, *verb))) {
        for vpce in [ENDPOINTS[0].1, ENDPOINTS[1].1, FOREIGN] {
            calls.extend(paths.iter().map(|path| Call { stage, verb, path, vpce, referer: None }));
        }
    }
    calls
}

/// Which of the calls a policy lets in.
fn let_in(policy: &Value, calls: &[Call<'_>]) -> BTreeSet<usize> {
    calls.iter().enumerate().filter(|(_, call)| allows(policy, call)).map(|(at, _)| at).collect()
}

fn id_of(endpoint: &str) -> &'static str {
    ENDPOINTS.iter().find(|(name, _)| *name == endpoint).expect("an endpoint").1
}

/// Reports whether a change tells of a call.
fn tells_of(change: &AccessChange, call: &Call<'_>) -> bool {
    change.stage == call.stage
        && change.verbs.contains(&call.verb)
        && change.endpoints.iter().any(|name| id_of(name) == call.vpce)
        && rest_after(change.path.as_bytes(), call.path.as_bytes()).is_some()
}

/// 450 mappings are 101,025 pairs.
#[test]
fn a_change_of_access_is_told_exactly_where_iam_decides_otherwise() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let calls = calls();
    let drawn: Vec<_> = (0..450)
        .map(|_| {
            let table = table(&mut draw);
            let policy = policy_of(&table);
            let verdicts = let_in(&policy, &calls);
            (table, policy, verdicts)
        })
        .collect();
    let (mut pairs, mut told) = (0, 0);
    for (at, (old, before, were)) in drawn.iter().enumerate() {
        for (new, after, are) in &drawn[at..] {
            pairs += 1;
            let found = changes(old, new);
            told += found.len();
            for at in were.symmetric_difference(are) {
                let (call, is_granted) = (&calls[*at], are.contains(at));
                let direction = if is_granted { Direction::Granted } else { Direction::Revoked };
                let is_told = found.iter().any(|change| change.direction == direction && tells_of(change, call));
                assert!(is_told, "{call:?} is {direction:?}, and is not in {found:?}");
            }
            // Of each pair one witness, and so each change many times over.
            for change in found.iter().skip(pairs % found.len().max(1)).take(1) {
                let call = Call {
                    stage: &change.stage,
                    verb: change.verbs[0],
                    path: &change.example,
                    vpce: id_of(&change.endpoints[0]),
                    referer: None,
                };
                let now = (allows(before, &call), allows(after, &call));
                assert_eq!(
                    now,
                    (change.direction == Direction::Revoked, change.direction == Direction::Granted),
                    "{change:?}"
                );
            }
        }
    }
    assert!(pairs > 100_000 && told > pairs, "{told} changes of {pairs} pairs");
}

/// A policy that somebody wrote.
fn foreign(draw: &mut Draw) -> Value {
    let statements: Vec<Value> = (0..=draw.below(3))
        .map(|_| {
            let resource = draw.of(&[
                "execute-api:/*",
                "execute-api:/dev/*",
                "execute-api:/dev/GET/*",
                "execute-api:/dev/GET/a",
                "execute-api:/dev/GET/a/*",
                "execute-api:/dev/*/a",
                "execute-api:/tst/PUT/a?",
                "execute-api:/tst/P*",
                "execute-api:/dev/GET/a${*}/b",
                "arn:aws:execute-api:us-east-1:123456789012:abc/tst/*",
            ]);
            let effect = if draw.below(3) == 0 { "Deny" } else { "Allow" };
            let mut statement =
                json!({ "Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource });
            let id = draw.of(&["vpce-11111111", "vpce-22222222", FOREIGN]);
            match draw.below(5) {
                0 => statement["Condition"] = json!({ "StringNotEquals": { "aws:SourceVpce": [id] } }),
                1 => statement["Condition"] = json!({ "StringEquals": { "aws:SourceVpce": id } }),
                2 => statement["Condition"] = json!({ "StringLike": { "aws:SourceVpce": "vpce-*" } }),
                3 => statement["Condition"] = json!({ "StringEquals": { "aws:Referer": "d0.example.com" } }),
                _ => {}
            }
            statement
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What `excess` says, against IAM: each witness is let in and not needed, and where there is none nothing is.
fn held((policy, text): (&Value, &str), table: &MappingTable, needed: &Value, beyond: Option<&Call<'_>>) -> usize {
    let found = excess(text, &apis(table)[0], &ids()).expect("a policy");
    for Excess { witness, .. } in &found {
        let Witness::Call { stage, verb, path, origin, is_conditional } = witness else { panic!("{policy}") };
        let call = Call { stage, verb, path, vpce: &origin.vpce, referer: origin.referer.as_deref() };
        assert!(!is_conditional && allows(policy, &call), "{call:?} is not let in by {policy}");
        assert!(!allows(needed, &call), "{call:?} is needed by {needed}");
    }
    assert!(beyond.is_none() || !found.is_empty(), "{beyond:?} is let in by {policy}, and not by {needed}");
    found.len()
}

/// How many policies, and as many mappings, are drawn: every pair of them is looked at. `make policy-pairs` sets 320, for
/// more than 100,000 pairs.
fn drawn() -> usize {
    std::env::var("NAMEPLATE_POLICIES").ok().and_then(|count| count.parse().ok()).unwrap_or(100)
}

/// Every pair of 100 policies, a quarter of them a mapping's own, and 100 mappings.
#[test]
fn a_policy_grants_too_much_exactly_where_iam_lets_in_what_no_entry_leads_to() {
    let mut draw = Draw(0x2545_f491_4f6c_dd1d);
    let referers = [None, Some("d0.example.com")];
    let calls: Vec<Call<'_>> =
        calls().into_iter().flat_map(|call| referers.map(|referer| Call { referer, ..call })).collect();
    let mappings: Vec<_> = (0..drawn())
        .map(|_| {
            let table = table(&mut draw);
            let needed = policy_of(&table);
            let are_needed = let_in(&needed, &calls);
            (table, needed, are_needed)
        })
        .collect();
    let (mut pairs, mut violations, mut fine) = (0, 0, 0);
    for at in 0..mappings.len() {
        let policy = if at % 4 == 0 { mappings[at].1.clone() } else { foreign(&mut draw) };
        let (allowed, text) = (let_in(&policy, &calls), policy.to_string());
        for (table, needed, are_needed) in &mappings {
            let beyond = allowed.difference(are_needed).next().map(|at| &calls[*at]);
            let found = held((&policy, &text), table, needed, beyond);
            pairs += 1;
            violations += found;
            fine += usize::from(found == 0);
        }
    }
    assert_eq!(pairs, mappings.len() * mappings.len());
    assert!(violations > pairs / 4 && fine > pairs / 20, "{violations} of {pairs}, {fine} without any");
}
