//! What is shipped for Prometheus and Grafana: `deploy/observability`.

mod dashboard;
mod names;
mod rules;
mod scraped;

use std::fs;

use serde_json::Value;

use crate::harness::prometheus::shipped;

/// NOT YET: what the rules and the dashboard ask for and the program does not have. Each entry must have no
/// data, or a test fails; an empty list is to be removed together with everything that names it.
const NOT_YET: [&str; 13] = [
    "nameplate_requests_total{domain!=\"\"}",
    "nameplate_request_bytes_total",
    "nameplate_response_bytes_total",
    "nameplate_upstream_tls_duration_seconds_bucket",
    "nameplate_upstream_tls_handshakes_total",
    "nameplate_client_tls_handshakes_total",
    "nameplate_upstream_connections_open",
    "nameplate_certificate_expiry_timestamp_seconds",
    "nameplate_log_lines_dropped_total",
    "nameplate_runtime_threads",
    "nameplate_runtime_tasks",
    "nameplate_runtime_queue_depth",
    "nameplate_runtime_busy_seconds_total",
];

/// Whether a query asks for what is not there yet.
fn not_yet(query: &str) -> bool {
    NOT_YET.iter().any(|name| query.contains(name))
}

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
