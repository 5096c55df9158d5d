//! `nameplate policy`, case by case: what the binary says, byte for byte.
//!
//! A case in `tests/cases/policy` is a mapping, a line with the rest of the command line, a line
//! `---- exit N ----`, standard output, and standard error behind a line `---- error ----`.
//! `UPDATE_CASES=1` rewrites what the binary says.

use std::fs;
use std::path::Path;

use super::run;

const COMMAND: &str = "---- nameplate policy mapping.yaml ";

#[test]
fn every_case_says_what_its_file_holds() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/policy");
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in fs::read_dir(cases).expect("a directory of cases") {
        let path = file.expect("a file").path();
        let case = fs::read_to_string(&path).expect("a case");
        let (mapping, rest) = case.split_once(COMMAND).expect("a command");
        let (words, _) = rest.split_once(" ----\n").expect("the end of the command line");
        let folder = tempfile::tempdir().expect("a directory");
        fs::write(folder.path().join("mapping.yaml"), mapping).expect("written");
        let line: Vec<&str> = ["policy", "mapping.yaml"].into_iter().chain(words.split(' ')).collect();
        let ran = run(folder.path(), &line, &[]);
        let err = if ran.err.is_empty() { String::new() } else { format!("---- error ----\n{}", ran.err) };
        let got = format!("{mapping}{COMMAND}{words} ----\n---- exit {} ----\n{}{err}", ran.code, ran.out);
        seen += 1;
        if got != case && update {
            fs::write(&path, got).expect("written");
        } else if got != case {
            wrong.push(format!("{}:\n{got}", path.display()));
        }
    }
    assert!(seen > 10, "{seen} cases");
    assert!(wrong.is_empty(), "these differ; UPDATE_CASES=1 rewrites them\n{}", wrong.join("\n"));
}

#[test]
fn each_policy_goes_to_a_file_of_its_own() {
    let folder = tempfile::tempdir().expect("a directory");
    let entries = [
        ("a.example.com", "1abc23/dev/path1", "GET"),
        ("b.example.com", "def456/dev", "ANY"),
        ("c.example.com", "1abc23/dev", "PUT"),
    ];
    fs::write(folder.path().join("m.yaml"), super::mapping(&entries)).expect("written");
    let line = ["policy", "m.yaml", "--vpce", super::VPCE, "--output-dir", "out/policies"];
    let ran = run(folder.path(), &line, &[]).expect(0);
    assert_eq!(ran.out, "out/policies/1abc23.us-east-1.json\nout/policies/def456.us-east-1.json\n");
    let alone = run(folder.path(), &["policy", "m.yaml", "--vpce", super::VPCE, "--api-id", "1abc23"], &[]).expect(0);
    let written = fs::read_to_string(folder.path().join("out/policies/1abc23.us-east-1.json")).expect("a policy");
    assert_eq!(written, alone.out);
}

#[test]
fn a_folder_for_files_is_no_file_and_takes_json_only() {
    let folder = tempfile::tempdir().expect("a directory");
    fs::write(folder.path().join("m.yaml"), super::mapping(&[("a.example.com", "1abc23/dev", "GET")]))
        .expect("written");
    fs::write(folder.path().join("file"), "").expect("written");
    let to = |words: &[&str]| {
        let line = ["policy", "m.yaml", "--vpce", super::VPCE, "--output-dir"];
        run(folder.path(), &[&line, words].concat(), &[]).expect(2)
    };
    to(&["file"]).says("error: --output-dir file is a file\n  help: name a folder; one that is not there is made\n");
    to(&["file/below"]).says("help: name a folder that can be written");
    to(&["out", "--format", "text"]).says("error: --output-dir writes JSON, and --format says text\n");
    assert!(!folder.path().join("out").exists());
}

#[test]
fn the_settings_say_which_endpoints_there_are() {
    let folder = tempfile::tempdir().expect("a directory");
    let mapping = super::mapping(&[("a.example.com", "1abc23/dev", "GET")]) + "    ENDPOINT: fra\n";
    fs::write(folder.path().join("m.yaml"), mapping).expect("written");
    fs::write(folder.path().join("s.yaml"), "endpoints: { far: { name: far.example } }\n").expect("written");
    let line = ["policy", "m.yaml", "--vpce", "fra=vpce-0a1b2c3d", "--config", "s.yaml"];
    run(folder.path(), &line, &[]).expect(1).says("m.yaml:5:15: error: ").says("`far`");
    let (settings, line) = ("endpoints: { far: { name: far.example } }", &line[..4]);
    run(folder.path(), line, &[("NAMEPLATE_SETTINGS", settings)]).expect(1).says("m.yaml:5:15: error: ").says("`far`");
    run(folder.path(), line, &[("NAMEPLATE_SETTINGS", "no")]).expect(1).says("<settings>");
    run(folder.path(), line, &[]).expect(0);
    let apply = ["policy", "apply", "m.yaml", "--vpce", "fra=vpce-0a1b2c3d", "--api-id", "1abc23", "--stage", "dev"];
    run(folder.path(), &apply, &[("NAMEPLATE_SETTINGS", settings)]).expect(1).says("m.yaml:5:15: error: ");
}
