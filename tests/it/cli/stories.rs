//! Stories of the command line in `tests/cases`, held byte for byte. A case is files, each after a line `---- NAME ----`,
//! then command lines, each `$ nameplate ...` with what it says after it: standard output, standard error, and the
//! exit code. `UPDATE_CASES=1` rewrites what they say.

use std::fs;

use super::folder::{Folder, repository};

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
            now.push_str(&folder.without_its_path(&output.stdout));
            now.push_str(&folder.said(&output));
            now.push_str(&format!("exit {}\n", output.status.code().expect("an exit code")));
        } else {
            panic!("neither a file nor a command: {line}");
        }
    }
    now
}

/// Holds every case of a folder of `tests/cases`, of which there are at least so many, against what it says now.
#[track_caller]
pub(super) fn hold(kind: &str, least: usize) {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let cases = fs::read_dir(repository("tests/cases").join(kind)).expect("cases");
    let mut paths: Vec<_> = cases.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    assert!(paths.len() >= least, "{paths:?}");
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
