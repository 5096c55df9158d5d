//! The README's commands work as written.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

const README: &str = include_str!("../../../README.md");
const MAKEFILE: &str = include_str!("../../../Makefile");
const CI: &str = include_str!("../../../.ci/run");
const DEMO_CHECK: &str = include_str!("../../../scripts/demo-check.sh");

/// The lines of the README's shell blocks.
fn commands() -> Vec<&'static str> {
    let blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn nameplate(line: &str) -> Command {
    let mut words = line.split_whitespace().skip(1);
    let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
    command.args(words.by_ref()).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

#[test]
fn each_command_is_run_here_or_by_ci() {
    for line in commands() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["make", target] => {
                assert!(MAKEFILE.contains(&format!("\n{target}: ")), "no target {target}");
                assert!(CI.contains(line) || DEMO_CHECK.contains(line), "CI does not run `{line}`");
            }
            ["nameplate", "capacity" | "check" | "explain" | "plan" | "policy" | "test", ..] => {
                let output = nameplate(line).output().expect("the binary runs");
                assert!(output.status.success(), "`{line}` failed: {}", String::from_utf8_lossy(&output.stderr));
                assert!(!output.stdout.is_empty(), "`{line}` says nothing");
            }
            // They read AWS, and call nothing where they print what they need.
            ["nameplate", "discover" | "drift" | "import", ..] => {
                let line = format!("{} --print-policy", line.replace('\'', ""));
                let output = nameplate(&line).output().expect("the binary runs");
                assert!(output.status.success(), "`{line}` failed: {}", String::from_utf8_lossy(&output.stderr));
            }
            ["nameplate", "serve", ..] => serves(line),
            _ => panic!("nobody runs the README's `{line}`"),
        }
    }
}

/// Starts on free ports instead of the settings', is told to stop, and exits 0. The endpoint is this
/// machine's own name for itself, so that nobody else is asked for it.
fn serves(line: &str) {
    let endpoint = line.split_whitespace().last().expect("the line ends in the endpoint's name");
    assert!(endpoint.starts_with("vpce-"), "{line}");
    let mut child = nameplate(&line.replace(endpoint, "localhost"))
        .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut log = BufReader::new(child.stderr.take().expect("piped"));
    let mut seen = String::new();
    while !seen.contains("admin pages on") {
        let mut next = String::new();
        let read = log.read_line(&mut next).expect("a log line");
        seen.push_str(&next);
        assert!(read > 0, "`{line}` ended early:\n{seen}");
    }
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("the rest of the log");
    assert!(child.wait().expect("an exit code").success(), "{seen}{rest}");
}
