//! The rules by themselves: promtool's opinion of them, and that its tests leave out none.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{list, recorded, rules_of, text, word, yaml};
use crate::harness::prometheus::{promtool, shipped};

/// The files for `promtool test rules`, from the folder of what is shipped.
fn tests() -> Vec<String> {
    let entries = fs::read_dir(shipped().join("tests")).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| format!("tests/{}", entry.expect("an entry").file_name().display())).collect();
    names.sort();
    names
}

/// All cases of all these files.
fn cases() -> Vec<Value> {
    tests().iter().flat_map(|file| list(&yaml(file)["tests"])).collect()
}

#[track_caller]
fn agrees(words: &[&str]) {
    let output = promtool(words);
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "promtool {words:?}:\n{}", String::from_utf8_lossy(&said));
}

#[test]
fn promtool_accepts_rules_and_configuration() {
    agrees(&["check", "rules", "--lint-fatal", "recording.rules.yaml", "alerts.rules.yaml"]);
    agrees(&["check", "config", "--lint-fatal", "prometheus.yaml"]);
}

#[test]
fn the_rules_pass_their_tests() {
    let files = tests();
    assert!(!files.is_empty());
    agrees(&[&["test", "rules"], &files.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
}

/// Name and severity: an alert may be there twice.
type Alert = (String, String);

fn alerts() -> BTreeSet<Alert> {
    let rules = rules_of("alerts.rules.yaml");
    rules.iter().map(|rule| (word(&rule["alert"]), word(&rule["labels"]["severity"]))).collect()
}

#[test]
fn each_alert_fires_in_a_test_and_keeps_quiet_in_another() {
    let (mut fires, mut quiet) = (BTreeSet::new(), BTreeSet::new());
    for test in cases().iter().flat_map(|case| list(&case["alert_rule_test"])) {
        let expected = list(&test["exp_alerts"]);
        let severities: BTreeSet<_> = expected.iter().map(|one| word(&one["exp_labels"]["severity"])).collect();
        for alert in alerts().into_iter().filter(|(name, _)| *name == word(&test["alertname"])) {
            if severities.contains(&alert.1) {
                fires.insert(alert)
            } else {
                quiet.insert(alert)
            };
        }
    }
    assert!(!alerts().is_empty());
    assert_eq!((fires, quiet), (alerts(), alerts()));
}

#[test]
fn each_recording_rule_has_a_value_in_a_test() {
    let tests = cases();
    let tests = tests.iter().flat_map(|case| list(&case["promql_expr_test"]));
    let valued: Vec<_> =
        tests.filter(|test| !list(&test["exp_samples"]).is_empty()).map(|test| word(&test["expr"])).collect();
    let asked = |name: &str| valued.iter().any(|query| query == name || query == &format!("round({name}, 0.001)"));
    let left: Vec<_> = recorded().into_iter().map(|(name, _)| name).filter(|name| !asked(name)).collect();
    assert!(left.is_empty() && !recorded().is_empty(), "{left:?}");
}

#[test]
fn each_alert_says_what_to_do() {
    let page = include_str!("../../../../docs/observability.md");
    for rule in rules_of("alerts.rules.yaml") {
        let name = word(&rule["alert"]);
        assert!(rule["for"].is_string(), "{name} fires at once");
        assert!(["critical", "warning"].contains(&word(&rule["labels"]["severity"]).as_str()), "{name}");
        for annotation in ["summary", "description"] {
            assert!(word(&rule["annotations"][annotation]).len() > 20, "{name} has no {annotation}");
        }
        assert_eq!(rule["annotations"]["runbook"], "docs/observability.md#alerts", "{name}");
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let severity = word(&rule["labels"]["severity"]);
        assert!(row.is_some_and(|row| row.contains(&severity)), "{name}, {severity}: no row in docs/observability.md");
    }
    assert!(page.contains("\n## Alerts\n"));
}

#[test]
fn the_page_has_no_alert_that_is_not_there() {
    let (page, rules) = (include_str!("../../../../docs/observability.md"), text("alerts.rules.yaml"));
    for name in page.lines().filter_map(|line| line.strip_prefix("| `Nameplate")?.split('`').next()) {
        assert!(rules.contains(&format!("alert: Nameplate{name}\n")), "Nameplate{name}");
    }
}
