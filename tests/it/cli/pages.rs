//! What the command line says of itself: help, completions and the manual.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::server::nameplate;

/// What a command prints.
fn printed(args: &[&str]) -> String {
    let output = nameplate(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The subcommands that the help names.
fn commands() -> Vec<String> {
    let help = printed(&["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let name =
        |line: &str| line.strip_prefix("  ")?.split(' ').next().filter(|word| !word.is_empty()).map(str::to_owned);
    let names: Vec<_> = listed.filter_map(name).filter(|name| name != "help").collect();
    assert!(names.len() > 8, "{help}");
    names
}

#[test]
fn every_help_has_examples_and_fits_into_80_columns() {
    for command in commands() {
        for (flag, is_whole) in [("--help", true), ("-h", false)] {
            let help = printed(&[&command, flag]);
            let long: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(long.is_empty(), "{command} {flag}: {long:?}");
            assert!(!is_whole || help.contains("Examples:") || help.contains("Commands:"), "{command}: {help}");
        }
    }
}

#[test]
fn completions_name_every_command_and_bash_takes_them() {
    let folder = TempDir::new().expect("a folder");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        for command in commands() {
            assert!(script.contains(&command), "{shell} does not complete {command}");
        }
    }
    let script = folder.path().join("nameplate.bash");
    fs::write(&script, printed(&["completions", "bash"])).expect("written");
    let asked = "source \"$0\"; COMP_WORDS=(nameplate che); COMP_CWORD=1; _nameplate nameplate che nameplate; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", asked]).arg(&script).output().expect("bash");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "check", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    assert!(printed(&["man"]).contains(".TH nameplate 1"));
    let folder = TempDir::new().expect("a folder");
    printed(&["man", "--out", &folder.path().display().to_string()]);
    let files = fs::read_dir(folder.path()).expect("pages").map(|file| file.expect("a page").file_name());
    let pages: BTreeSet<_> = files.filter_map(|name| name.into_string().ok()).collect();
    for command in commands() {
        assert!(pages.contains(&format!("nameplate-{command}.1")), "{command}: {pages:?}");
    }
    let output = nameplate(&["man", "--out", "/does/not/exist"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.starts_with("error: cannot write to /does/not/exist"), "{said}");
}
