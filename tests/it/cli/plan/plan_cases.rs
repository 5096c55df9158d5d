//! Stories in `tests/cases/plan`, held byte for byte. A case is files, each after a line `---- NAME ----`, then
//! command lines, each `$ nameplate ...` with what it says after it: standard output, standard error, and the
//! exit code. `UPDATE_CASES=1` rewrites what they say.

use std::fs;

use super::{Folder, repository};

/// What a case's text says now, with what its commands say now.
fn told(case: &str) -> String {
    let folder = Folder(tempfile::tempdir().expect("a folder"));
    let mut now = String::new();
    let mut rest = case.split_inclusive('\n').peekable();
    while let Some(line) = rest.next() {
        now.push_str(line);
        let is_head = |line: &str| line.starts_with("---- ") || line.starts_with("$ ");
        let mut body = String::new();
        while let Some(line) = rest.next_if(|line| !is_head(line)) {
            body.push_str(line);
        }
        if let Some(name) = line.strip_prefix("---- ").and_then(|name| name.trim_end().strip_suffix(" ----")) {
            folder.write(name, &body);
            now.push_str(&body);
        } else if let Some(words) = line.strip_prefix("$ nameplate ") {
            let output = folder.run(words);
            now.push_str(&String::from_utf8_lossy(&output.stdout));
            now.push_str(&folder.said(&output));
            now.push_str(&format!("exit {}\n", output.status.code().expect("an exit code")));
        } else {
            panic!("neither a file nor a command: {line}");
        }
    }
    now
}

#[test]
fn every_story_goes_as_its_file_tells() {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut paths: Vec<_> =
        fs::read_dir(repository("tests/cases/plan")).expect("cases").map(|file| file.expect("a file").path()).collect();
    paths.sort();
    assert!(paths.len() >= 8, "{paths:?}");
    let mut wrong = Vec::new();
    for path in paths {
        let case = fs::read_to_string(&path).expect("a case");
        let now = told(&case);
        if now == case {
            continue;
        }
        if update {
            fs::write(&path, now).expect("written");
        } else {
            wrong.push(format!("{}:\n{now}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "these differ; UPDATE_CASES=1 rewrites them\n{}", wrong.join("\n"));
}

/// The page's examples are what the cases hold.
#[test]
fn the_pages_examples_are_real() {
    let page = fs::read_to_string(repository("docs/plan.md")).expect("a page");
    let cases = fs::read_dir(repository("tests/cases/plan")).expect("cases");
    let cases: String = cases.map(|file| fs::read_to_string(file.unwrap().path()).unwrap().replace('@', "")).collect();
    let mut blocks = page.split("```text\n").skip(1).map(|block| block.split("```").next().unwrap()).peekable();
    assert!(blocks.peek().is_some());
    for block in blocks.filter(|block| block.starts_with("$ nameplate plan")) {
        for piece in block.split("...\n") {
            assert!(cases.contains(piece), "no case says\n{piece}");
        }
    }
}
