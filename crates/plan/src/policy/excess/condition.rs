//! Conditions of a policy, for a call through a VPC endpoint with or without a Referer.

use serde_json::Value;

use super::glob::{Glob, Unknown};

/// Where a call comes from, as far as conditions ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The VPC endpoint. A private API has no callers without one.
    pub vpce: String,
    /// The Referer.
    pub referer: Option<String>,
}

/// Whether a condition is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    Yes,
    No,
    /// It asks for what is not known here.
    Maybe,
}

/// Whether all of a statement's conditions are met.
pub(super) fn is_met(condition: &Value, origin: &Origin) -> Met {
    let Some(operators) = condition.as_object() else {
        return if condition.is_null() { Met::Yes } else { Met::Maybe };
    };
    let mut all = Met::Yes;
    for (operator, keys) in operators {
        let Some(keys) = keys.as_object() else { return Met::Maybe };
        for (key, values) in keys {
            match one(operator, key, values, origin) {
                Met::No => return Met::No,
                Met::Maybe => all = Met::Maybe,
                Met::Yes => {}
            }
        }
    }
    all
}

fn one(operator: &str, key: &str, values: &Value, origin: &Origin) -> Met {
    let told = match key.to_ascii_lowercase().as_str() {
        "aws:sourcevpce" => Some(origin.vpce.as_str()),
        "aws:referer" => origin.referer.as_deref(),
        _ => return Met::Maybe,
    };
    let Some(values) = texts(values) else { return Met::Maybe };
    // Nobody knows what a variable stands for.
    if values.iter().any(|value| value.contains("${")) {
        return Met::Maybe;
    }
    let is_like =
        |value: &&&str, told: &str| Glob::parse(value, false, Unknown::Anything).is_some_and(|glob| glob.matches(told));
    let any = |is: &dyn Fn(&&&str, &str) -> bool| told.map(|told| values.iter().any(|value| is(&value, told)));
    let equals = |value: &&&str, told: &str| **value == told;
    let met = match operator {
        "StringEquals" => any(&|value, told| equals(value, told)).unwrap_or(false),
        "StringLike" => any(&is_like).unwrap_or(false),
        // What is missing is unlike everything.
        "StringNotEquals" => !any(&|value, told| equals(value, told)).unwrap_or(false),
        "StringNotLike" => !any(&is_like).unwrap_or(false),
        _ => return Met::Maybe,
    };
    if met { Met::Yes } else { Met::No }
}

/// The values that a policy holds a key against, each with its wildcards filled in two ways.
pub(super) fn values_of(statements: &[Value], key: &str) -> Vec<String> {
    let operators =
        statements.iter().filter_map(|statement| statement["Condition"].as_object()).flat_map(|of| of.values());
    let keys = operators.filter_map(Value::as_object).flatten();
    let values =
        keys.filter(|(name, _)| name.eq_ignore_ascii_case(key)).filter_map(|(_, values)| texts(values)).flatten();
    let filled = |value: &str| [value.replace('*', "").replace('?', "0"), value.replace(['*', '?'], "0")];
    let mut all: Vec<String> = values.flat_map(filled).collect();
    all.sort();
    all.dedup();
    all
}

/// A text, or a list of texts.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(texts) => texts.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
