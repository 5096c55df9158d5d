//! `nameplate check`, case by case: what it says of a mapping, byte for byte.
//!
//! A case in `tests/cases/check` is a mapping, a line `---- exit N ----`, and the output; one in
//! `tests/cases/against` is an old mapping, a line `---- new ----`, the new one, and the output as
//! text and as JSON. `UPDATE_CASES=1` rewrites the output.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nameplate::cli::check::{CheckArgs, FAULTS, Format, check};
use nameplate_core::settings::MappingSource;
use tempfile::TempDir;

pub(super) const MARK: &[u8] = b"---- exit ";

const NEW: &[u8] = b"---- new ----\n";

pub(super) fn cases(kind: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(kind);
    let mut cases: Vec<PathBuf> =
        fs::read_dir(dir).expect("a directory of cases").map(|f| f.expect("a file").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
    cases.sort();
    assert!(!cases.is_empty(), "no case in {kind}");
    cases
}

/// The exit code and the output, as a case file holds them. The directory is not part of them.
fn run_with(args: &CheckArgs, dir: &Path) -> (u8, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = check(args, &mut &b""[..], &mut out, &mut err);
    out.append(&mut err);
    let dir = format!("{}/", dir.display());
    (code, String::from_utf8(out).expect("output is text").replace(&dir, "").into_bytes())
}

fn run(mapping: &Path) -> (u8, Vec<u8>) {
    let args = CheckArgs::of(vec![MappingSource::File(mapping.to_owned())]);
    run_with(&args, mapping.parent().expect("a directory"))
}

pub(super) fn split<'c>(case: &'c [u8], mark: &[u8]) -> (&'c [u8], &'c [u8]) {
    let at = (0..case.len()).find(|at| case[*at..].starts_with(mark)).unwrap_or(case.len());
    case.split_at(at)
}

/// Holds each case's output against what its input gives now.
pub(super) fn hold(kind: &str, output: impl Fn(&[u8]) -> Vec<u8>) {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut wrong = Vec::new();
    for path in cases(kind) {
        let case = fs::read(&path).expect("a case");
        let (input, want) = split(&case, MARK);
        let got = output(input);
        if got == want {
            continue;
        }
        if update {
            fs::write(&path, [input, &got].concat()).expect("written");
        } else {
            wrong.push(format!("{}:\n{}", path.display(), String::from_utf8_lossy(&got)));
        }
    }
    assert!(wrong.is_empty(), "these differ; UPDATE_CASES=1 rewrites them\n{}", wrong.join("\n"));
}

#[test]
fn every_case_says_what_its_file_holds() {
    let dir = TempDir::new().expect("a directory");
    let mapping = dir.path().join("mapping.yaml");
    hold("check", |text| {
        fs::write(&mapping, text).expect("written");
        let (code, output) = run(&mapping);
        [format!("---- exit {code} ----\n").as_bytes(), &output].concat()
    });
}

#[test]
fn every_change_says_what_its_file_holds() {
    let dir = TempDir::new().expect("a directory");
    let (old, new) = (dir.path().join("old.yaml"), dir.path().join("new.yaml"));
    hold("against", |input| {
        let (before, after) = split(input, NEW);
        fs::write(&old, before).expect("written");
        fs::write(&new, &after[NEW.len()..]).expect("written");
        let mut args = CheckArgs::of(vec![MappingSource::File(new.clone())]);
        args.against = Some(MappingSource::File(old.clone()));
        let (code, text) = run_with(&args, dir.path());
        args.format = Format::Json;
        let (json_code, json) = run_with(&args, dir.path());
        assert_eq!(code, json_code);
        serde_json::from_slice::<serde_json::Value>(&json).expect("JSON on one line");
        [format!("---- exit {code} ----\n").as_bytes(), &text, &json].concat()
    });
}

#[test]
fn a_file_of_a_gigabyte_is_refused_unread() {
    let dir = TempDir::new().expect("a directory");
    let mapping = dir.path().join("mapping.yaml");
    File::create(&mapping).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let start = Instant::now();
    let (code, output) = run(&mapping);
    assert!(start.elapsed() < Duration::from_secs(1), "took {:?}", start.elapsed());
    let output = String::from_utf8(output).expect("text");
    assert_eq!(code, FAULTS);
    assert!(
        output.starts_with(
            "mapping.yaml:1:1: error: the file is too large: it has 1073741824 bytes, and 268435456 bytes are the most\n"
        ),
        "{output}"
    );
}

#[test]
fn all_shows_what_the_first_fifty_leave_out() {
    let dir = TempDir::new().expect("a directory");
    let mapping = dir.path().join("mapping.yaml");
    let entries: String = (0..70).map(|at| format!("  - CUSTOM_DOMAIN_URL: a{at}..example.com\n")).collect();
    fs::write(&mapping, format!("APIS:\n{entries}")).expect("written");
    let mut args = CheckArgs::of(vec![MappingSource::File(mapping)]);
    let shown = |args: &CheckArgs| String::from_utf8(run_with(args, dir.path()).1).expect("text");
    let first = shown(&args);
    assert_eq!(first.matches(": error: ").count(), 50);
    assert!(first.ends_with("\nand 90 more; `--all` shows them\n140 errors\n"), "{first}");
    args.all = true;
    let all = shown(&args);
    assert_eq!(all.matches(": error: ").count(), 140);
    assert!(all.ends_with("\n140 errors\n") && !all.contains("more"), "{all}");
}

/// Once, each error looked for the end of its line: ten thousand times hundreds of megabytes.
#[test]
fn many_errors_in_one_long_line_take_no_longer_than_in_many() {
    let entry = "{\"CUSTOM_DOMAIN_URL\": \"a..b\", \"PRIVATE_API_URL\": \"x\"}";
    let dir = TempDir::new().expect("a directory");
    let mapping = dir.path().join("mapping.yaml");
    fs::write(&mapping, format!("{{\"APIS\": [{}]}}", [entry; 120_000].join(","))).expect("written");
    let start = Instant::now();
    let (code, output) = run(&mapping);
    assert!(start.elapsed() < Duration::from_secs(30), "took {:?}", start.elapsed());
    assert_eq!(code, FAULTS);
    assert!(String::from_utf8(output).expect("text").ends_with(" errors\n"));
}

#[test]
fn the_sample_mapping_is_without_fault() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/mapping.yaml");
    let (code, output) = run(&sample);
    let output = String::from_utf8(output).expect("text");
    assert!(code == 0 && !output.contains("warning"), "{output}");
}
