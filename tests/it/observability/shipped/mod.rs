//! What is shipped for Prometheus and Grafana: `deploy/observability`.

mod dashboard;
mod metric_names;
mod rules;
mod scraped;

use std::fs;

use serde_json::Value;

use crate::harness::prometheus::shipped;

/// A file of the folder, as it stands.
fn text(name: &str) -> String {
    fs::read_to_string(shipped().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A YAML file of the folder; what these have is in JSON too.
fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&text(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The rules of all groups of a file.
fn rules_of(file: &str) -> Vec<Value> {
    let groups = list(&yaml(file)["groups"]);
    groups.iter().flat_map(|group| list(&group["rules"])).collect()
}

/// Name and expression of each recording rule.
fn recorded() -> Vec<(String, String)> {
    rules_of("recording.rules.yaml").iter().map(|rule| (word(&rule["record"]), word(&rule["expr"]))).collect()
}

/// The elements, or none where there is no list.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The text, or an empty one where there is none.
fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
