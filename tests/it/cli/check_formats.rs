//! `nameplate check --format`: what a workflow, code scanning and a pipeline read.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::server::nameplate;

const GOOD: &str = "APIS:\n  - CUSTOM_DOMAIN_URL: a.example.com\n    PRIVATE_API_URL: https://abc123.execute-api.eu-west-1.amazonaws.com/p\n";

/// A folder of mappings: one good, one with two errors, one with a warning.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let bad = GOOD.replace("a.example.com", "a..example.com").replace("/p\n", "\n    VERBS: GTE\n");
    let api = "PRIVATE_API_URL: https://abc123.execute-api.eu-west-1.amazonaws.com/p";
    let stricter = format!(
        "APIS:\n  - {{ CUSTOM_DOMAIN_URL: a.example.com, {api} }}\n  - {{ CUSTOM_DOMAIN_URL: a.example.com/admin, {api}, VERBS: [GET] }}\n"
    );
    for (name, text) in [("good.yaml", GOOD), ("bad.yaml", &bad), ("a warning.yaml", &stricter)] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

fn check(folder: &TempDir, files: &[&str], format: &str) -> (Option<i32>, String, String) {
    let paths = files.iter().map(|file| folder.path().join(file).display().to_string());
    let args: Vec<String> = ["check".into(), "--format".into(), format.into()].into_iter().chain(paths).collect();
    let Output { status, stdout, stderr } = nameplate(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let text =
        |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").replace(&folder.path().display().to_string(), "~");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_workflow_shows_each_error_at_its_line() {
    let (code, out, err) = check(&folder(), &["*.yaml"], "github");
    assert_eq!((code, &*err), (Some(1), ""));
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].starts_with("~/a warning.yaml: ok: 2 entries"), "{out}");
    let stricter = "::warning file=~/a warning.yaml,line=3,col=26,title=stricter-entry::";
    assert!(lines[1].starts_with(stricter), "{out}");
    assert!(lines[2].starts_with("::error file=~/bad.yaml,line=2,col="), "{out}");
    assert!(lines[2].contains("%0A"), "the cure is there as well: {out}");
    assert!(lines.iter().any(|line| line.starts_with("::error file=~/bad.yaml,line=4,col=")), "{out}");
    assert!(lines.last().is_some_and(|line| line.starts_with("~/good.yaml: ok: 1 entry")), "{out}");
}

#[test]
fn code_scanning_gets_one_log_of_all_mappings() {
    let (code, out, err) = check(&folder(), &["*.yaml"], "sarif");
    assert_eq!((code, &*err), (Some(1), ""));
    let log: Value = serde_json::from_str(&out).expect("one JSON document");
    assert_eq!((&log["version"], log["runs"].as_array().map(Vec::len)), (&json!("2.1.0"), Some(1)));
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    let results = run["results"].as_array().expect("results");
    let place = |result: &Value| result["locations"][0]["physicalLocation"].clone();
    assert_eq!(place(&results[0])["artifactLocation"]["uri"], "file://~/a%20warning.yaml");
    assert_eq!((&results[0]["level"], &place(&results[0])["region"]["startLine"]), (&json!("warning"), &json!(3)));
    let errors: Vec<_> = results.iter().filter(|result| result["level"] == "error").collect();
    assert!(errors.len() >= 2 && errors.iter().all(|e| place(e)["region"]["startColumn"].is_u64()), "{out}");
    for result in results {
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
    }
}

#[test]
fn a_mapping_that_cannot_be_read_is_told_in_every_format() {
    let folder = folder();
    let (code, out, _) = check(&folder, &["good.yaml", "none.yaml"], "sarif");
    let log: Value = serde_json::from_str(&out).expect("JSON");
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!((code, &invocation["executionSuccessful"]), (Some(2), &json!(false)));
    let text = invocation["toolExecutionNotifications"][0]["message"]["text"].as_str();
    assert!(text.is_some_and(|text| text.starts_with("cannot read ~/none.yaml")), "{out}");
    let (code, out, _) = check(&folder, &["none.yaml"], "github");
    assert!(code == Some(2) && out.starts_with("::error file=~/none.yaml::cannot read ~/none.yaml"), "{out}");
}

#[test]
fn a_pattern_that_matches_nothing_is_no_success() {
    let (code, out, err) = check(&folder(), &["*.yml"], "text");
    assert_eq!((code, &*out), (Some(2), ""));
    assert_eq!(err, "error: no file matches `~/*.yml`\n  help: name a mapping file, or `-` for standard input\n");
}

#[test]
fn colour_is_for_terminals() {
    for (variable, value) in [("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")] {
        let folder = folder();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nameplate"));
        let output = command.arg("check").arg(folder.path().join("bad.yaml")).env(variable, value).output();
        let err = String::from_utf8(output.expect("the binary runs").stderr).expect("text");
        assert_eq!(err.contains("\u{1b}[1m"), variable == "CLICOLOR_FORCE", "{variable}: {err}");
    }
}

/// A pull request may add files of any name, and what a workflow prints is read for commands.
#[test]
fn no_name_of_a_file_is_a_command_to_the_workflow() {
    let folder = folder();
    for name in ["a\n::set-output name=code::0\n.yaml", "##[add-path]x.yaml"] {
        fs::write(folder.path().join(name), GOOD).expect("written");
    }
    for (format, out) in ["github", "text"].map(|format| (format, check(&folder, &["*.yaml"], format).1)) {
        assert!(!out.lines().any(|line| line.starts_with("::set-output")), "{format}: {out}");
        assert!(format == "text" || !out.contains("##["), "{out}");
    }
}

#[test]
fn a_pattern_without_a_match_is_told_in_every_format() {
    let (code, out, _) = check(&folder(), &["*.yml"], "sarif");
    let log: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &log["runs"][0]["invocations"][0]["executionSuccessful"]), (Some(2), &json!(false)));
    let (code, out, _) = check(&folder(), &["*.yml"], "github");
    assert!(code == Some(2) && out.starts_with("::error::no file matches"), "{out}");
}
