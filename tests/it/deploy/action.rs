//! The action of deploy/action: its last step run as GitHub runs it, with the inputs that a workflow gives.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

const MAPPING: &str = "APIS:\n  - CUSTOM_DOMAIN_URL: a.example.com\n    PRIVATE_API_URL: https://abc123.execute-api.eu-west-1.amazonaws.com/p\n";

#[derive(Deserialize)]
struct Action {
    inputs: BTreeMap<String, Input>,
    runs: Runs,
}

#[derive(Deserialize)]
struct Input {
    default: String,
}

#[derive(Deserialize)]
struct Runs {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    id: String,
    env: BTreeMap<String, String>,
    run: String,
}

/// What came of the step.
struct Outcome {
    exit: Option<i32>,
    said: String,
    /// What it gave the workflow: `code=N`.
    output: String,
}

fn folder_of_the_action() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/action")
}

/// Runs the step in a folder, with these inputs; the others have their defaults.
fn run(folder: &Path, inputs: &[(&str, &str)]) -> Outcome {
    let text = fs::read_to_string(folder_of_the_action().join("action.yml")).expect("the action");
    let action: Action = serde_yaml::from_str(&text).expect("an action");
    let step = action.runs.steps.into_iter().find(|step| step.id == "check").expect("the step");
    let mut values: BTreeMap<_, _> = action.inputs.into_iter().map(|(name, input)| (name, input.default)).collect();
    for (name, value) in inputs {
        assert!(values.insert((*name).into(), (*value).into()).is_some(), "no input {name}");
    }
    let output = folder.join("github-output");
    let _ = fs::remove_file(&output);
    let mut command = Command::new("bash");
    // As GitHub calls it for `shell: bash`.
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &step.run]).current_dir(folder);
    command.env("GITHUB_ACTION_PATH", folder_of_the_action()).env("GITHUB_OUTPUT", &output);
    for (variable, expression) in &step.env {
        let name = expression.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}"));
        // The other expression is the program, out of an image if there is one.
        let name = name.filter(|name| values.contains_key(*name));
        match name {
            Some(name) => command.env(variable, &values[name]),
            None => command.env(variable, env!("CARGO_BIN_EXE_nameplate")),
        };
    }
    let done = command.output().expect("bash");
    let said = [&done.stdout[..], &done.stderr].concat();
    Outcome {
        exit: done.status.code(),
        said: String::from_utf8(said).expect("text"),
        output: fs::read_to_string(output).unwrap_or_default(),
    }
}

#[test]
fn a_mapping_without_errors_passes_and_one_with_errors_is_annotated() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("mapping.yaml"), MAPPING).expect("written");
    let Outcome { exit, said, output } = run(folder.path(), &[]);
    assert_eq!((exit, &*output), (Some(0), "code=0\n"), "{said}");
    assert!(said.starts_with("mapping.yaml: ok: 1 entry"), "{said}");

    fs::create_dir(folder.path().join("teams")).expect("a folder");
    fs::write(folder.path().join("teams/a.yaml"), MAPPING.replace("a.example", "a..example")).expect("written");
    let inputs = [("mappings", "mapping.yaml\nteams/*.yaml"), ("sarif", "found.sarif")];
    let Outcome { exit, said, output } = run(folder.path(), &inputs);
    assert_eq!((exit, &*output), (Some(1), "code=1\n"), "{said}");
    assert!(said.contains("\n::error file=teams/a.yaml,line=2,col="), "{said}");
    let log = fs::read(folder.path().join("found.sarif")).expect("a SARIF file");
    let log: Value = serde_json::from_slice(&log).expect("JSON");
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_a_change_needs_is_an_output_and_no_failure() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("mapping.yaml"), MAPPING).expect("written");
    fs::write(folder.path().join("none.yaml"), "").expect("written");
    let Outcome { exit, said, output } = run(folder.path(), &[("against", "none.yaml")]);
    assert_eq!((exit, &*output), (Some(0), "code=3\n"), "{said}");
}

#[test]
fn what_a_change_does_to_requests_and_to_access_is_one_comment_on_disk() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("mapping.yaml"), MAPPING).expect("written");
    fs::write(folder.path().join("old.yaml"), MAPPING.replace("abc123", "old999")).expect("written");
    let Outcome { exit, said, .. } = run(folder.path(), &[("against", "old.yaml"), ("comment", "comment.md")]);
    assert_eq!(exit, Some(0), "{said}");
    let comment = fs::read_to_string(folder.path().join("comment.md")).expect("a comment");
    for line in [
        "### Mapping `mapping.yaml`\n",
        "#### Requests: 1 class changes, most dangerous first\n",
        "| another API | `a.example.com`, every verb | API old999 in eu-west-1, stage p `/p/example (old.yaml:2)` | API \
         abc123 in eu-west-1, stage p `/p/example (mapping.yaml:2)` | `GET https://a.example.com/example` |\n",
        "#### Access: 1 granted, 1 revoked by resource policies\n",
        "| granted | abc123 in eu-west-1 | every verb | `/p` | `GET /p/example` |\n",
    ] {
        assert!(comment.contains(line), "{line:?} is not in\n{comment}");
    }
    // Errors are told there, too.
    fs::write(folder.path().join("mapping.yaml"), "APIS: []\n").expect("written");
    assert_eq!(run(folder.path(), &[("comment", "comment.md")]).exit, Some(1));
    let comment = fs::read_to_string(folder.path().join("comment.md")).expect("a comment");
    assert!(
        comment.starts_with("### Mapping `mapping.yaml`: errors\n\n```text\nmapping.yaml:1:1: error: "),
        "{comment}"
    );
}

#[test]
fn an_input_is_text_and_never_a_command() {
    let folder = TempDir::new().expect("a folder");
    let evil = "$(touch${IFS}here) `touch here` --config=x ;touch here";
    let Outcome { exit, said, .. } = run(folder.path(), &[("mappings", evil)]);
    assert_eq!(exit, Some(2), "{said}");
    assert!(!folder.path().join("here").exists());
    assert_eq!(run(folder.path(), &[("mappings", " \n")]).exit, Some(2));
}
