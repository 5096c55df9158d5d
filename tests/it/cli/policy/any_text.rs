//! Any text at all, where a policy is read: nobody's policy makes the command fall over. And any policy that
//! follows the grammar: it is the same however AWS writes it, and what is kept of it stays.

use nameplate_plan::policy::document::{Condition, Effect, Policy, Statement, WHOLE_API};
use nameplate_plan::policy::in_force::InForce;
use nameplate_plan::policy::{MAX_SIZE, grammar};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Pieces that policies are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\\"",
            "\\",
            "\\/",
            "\"Version\":\"2012-10-17\"",
            "\"Statement\":",
            "\"Effect\":\"Allow\"",
            "\"Principal\":\"*\"",
            "\"Action\":\"execute-api:Invoke\"",
            "\"Resource\":",
            "\"execute-api:/dev/GET/${*}\"",
            "\"arn:aws:execute-api:us-east-1:1:a\"",
            "\"Condition\":",
            "null",
            "1",
            "ä",
        ][..],
    );
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A text, or a list without anything twice.
fn one_or_more(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(of).prop_map(Value::from),
        prop::sample::subsequence(of, 1..=of.len()).prop_map(Value::from),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    let operator = prop::sample::select(&["StringEquals", "StringNotEquals", "StringLike"][..]);
    let key = prop::sample::select(&["aws:SourceVpce", "aws:Referer", "aws:SourceVpc"][..]);
    let values = one_or_more(&["vpce-1", "vpce-2", "a \"quoted\" \\ name", "ä/b", "${aws:username}"]);
    (operator, key, values).prop_map(|(operator, key, values)| json!({ operator: { key: values } }))
}

/// Some have the form of ours, and some do not.
fn statement() -> impl Strategy<Value = Value> {
    let principal = prop_oneof![
        4 => Just(json!("*")),
        1 => one_or_more(&["*", "arn:aws:iam::123456789012:role/x"]).prop_map(|who| json!({ "AWS": who })),
    ];
    let resources = one_or_more(&[
        "execute-api:/*",
        "execute-api:/dev/*",
        "execute-api:/dev/GET/a${*}b",
        "arn:aws:execute-api:us-east-1:123456789012:1abc23/dev/GET/path1",
        "arn:aws:execute-api:us-east-1:123456789012:other1/dev/*",
    ]);
    let action = prop_oneof![3 => Just(json!("execute-api:Invoke")), 1 => Just(json!(["execute-api:*"]))];
    let effect = prop::sample::select(&["Allow", "Deny"][..]);
    (effect, principal, action, resources, prop::option::of(condition()), any::<bool>()).prop_map(
        |(effect, principal, action, resources, condition, named)| {
            let mut statement =
                json!({ "Effect": effect, "Principal": principal, "Action": action, "Resource": resources });
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            if named {
                statement["Sid"] = "SID".into();
            }
            statement
        },
    )
}

/// A policy that follows the grammar. Its Sids look like those that we give.
fn document() -> impl Strategy<Value = Value> {
    let version = prop::sample::select(&["2012-10-17", "2008-10-17"][..]);
    let id = prop::option::of(prop::sample::select(&["theirs", "\"Statement\":[]}"][..]));
    (version, id, prop::collection::vec(statement(), 1..5)).prop_map(|(version, id, mut statements)| {
        for (at, statement) in statements.iter_mut().enumerate().filter(|(_, statement)| !statement["Sid"].is_null()) {
            statement["Sid"] = format!("kept{at}").into();
        }
        let mut document = json!({ "Version": version, "Statement": statements });
        if let Some(id) = id {
            document["Id"] = id.into();
        }
        document
    })
}

/// As the inside of a JSON text, with or without its slashes escaped.
fn escaped(text: &str, slashes: bool) -> String {
    let quoted = Value::from(text).to_string();
    let inside = &quoted[1..quoted.len() - 1];
    if slashes { inside.replace('/', "\\/") } else { inside.to_owned() }
}

fn ours() -> Policy {
    let condition = Condition { operator: "StringNotEquals", key: "aws:SourceVpce", values: vec!["vpce-1".to_owned()] };
    let allowed = vec!["execute-api:/dev/GET/path1".to_owned(), "execute-api:/dev/GET/path1/*".to_owned()];
    Policy {
        statements: vec![
            Statement { effect: Effect::Deny, resources: vec![WHOLE_API.to_owned()], condition: Some(condition) },
            Statement { effect: Effect::Allow, resources: allowed, condition: None },
        ],
    }
}

fn read(text: &str) -> InForce {
    InForce::read(text, "us-east-1", "1abc23").unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

proptest! {
    #[test]
    fn a_policy_is_the_same_however_it_is_written(document in document()) {
        let text = document.to_string();
        prop_assert_eq!(grammar::check(&text, usize::MAX), []);
        let spaced = serde_json::to_string_pretty(&document).expect("JSON");
        for other in [escaped(&text, false), escaped(&text, true), escaped(&spaced, true), spaced.clone()] {
            prop_assert_eq!(read(&text), read(&other), "{}", other);
        }
    }

    #[test]
    fn what_is_kept_stays_run_after_run(document in document(), disowned in any::<bool>()) {
        let mut in_force = read(&document.to_string());
        if disowned {
            in_force.disown(&ours());
        }
        let kept = in_force.kept_beside(&ours());
        prop_assert_eq!(grammar::check(&kept, usize::MAX), [], "{}", kept);
        let again = read(&escaped(&kept, true));
        prop_assert!(again.change_to(&ours()).is_none(), "{kept}");
        prop_assert_eq!(again.foreign().len(), in_force.foreign().len(), "{}", kept);
        prop_assert_eq!(again.kept_beside(&ours()), kept);
    }

    #[test]
    fn reading_and_checking_any_text_ends_in_an_answer(text in prop_oneof![pieces(), any::<String>()]) {
        let read = InForce::read(&text, "us-east-1", "1abc23");
        let faults = grammar::check(&text, MAX_SIZE);
        // What follows the grammar can be read.
        prop_assert!(!faults.is_empty() || read.is_ok(), "{text}: {read:?}");
    }
}
