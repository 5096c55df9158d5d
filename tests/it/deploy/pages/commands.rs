//! Every `nameplate` command line of the pages is one that the program takes.

use std::fs;
use std::process::Command;

use super::{COST, DEPLOY, blocks, spans};

/// Command lines, those that are continued on the next line in one piece.
fn lines() -> Vec<String> {
    let texts = blocks(DEPLOY, "text").into_iter().chain(blocks(COST, "text"));
    let joined = texts.map(|block| block.replace("\\\n", " "));
    let lines: Vec<String> = joined.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let spans = spans(DEPLOY).into_iter().chain(spans(COST));
    let commands = lines.into_iter().chain(spans).filter_map(|line| {
        let line = line.trim_start_matches("$ ");
        line.starts_with("nameplate ").then(|| line.to_owned())
    });
    commands.collect()
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

/// With `--help` behind it, the program does nothing, but takes no command and no flag that it does not know.
#[test]
fn the_program_takes_them() {
    let lines = lines();
    assert!(lines.len() > 15, "{lines:?}");
    let fault = |line: &String| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
        let output = command.args(words(line)).arg("--help").output().expect("the binary runs");
        (!output.status.success()).then(|| format!("`{line}`: {}", String::from_utf8_lossy(&output.stderr)))
    };
    let faults: Vec<_> = lines.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Those that need nothing but a mapping are run, in the order of the page, in a folder like the repository.
#[test]
fn what_needs_only_a_mapping_is_run() {
    let folder = tempfile::tempdir().expect("a folder");
    for inner in ["deploy/terraform", "deploy/cdk"] {
        fs::create_dir_all(folder.path().join(inner)).expect("a folder");
    }
    fs::write(folder.path().join("mapping.yaml"), include_str!("../../../../conf/mapping.yaml")).expect("written");
    let mut run = Vec::new();
    let texts = blocks(DEPLOY, "text");
    for line in texts.iter().flat_map(|block| block.lines()) {
        let words = words(line);
        let alone = matches!(words.first().map(String::as_str), Some("check" | "plan" | "policy"));
        if !line.starts_with("nameplate ") || !alone || words.contains(&"apply".to_owned()) {
            continue;
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
        let output = command.args(&words).current_dir(folder.path()).output().expect("the binary runs");
        assert!(output.status.success(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
        run.push(line);
    }
    assert_eq!(run.len(), 5, "{run:#?}");
    for made in ["plan.json", "deploy/terraform/nameplate.auto.tfvars.json", "deploy/cdk/plan.json", "policies"] {
        assert!(folder.path().join(made).exists(), "{made} was not written");
    }
}
