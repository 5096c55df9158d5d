//! `nameplate check`, case by case: what it says of a mapping, byte for byte.
//!
//! A case in `tests/cases/check` is a mapping, a line `---- exit N ----`, and the output.
//! `UPDATE_CASES=1` rewrites the output.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nameplate::cli::check::{CheckArgs, FAULTS, check};
use nameplate::config::settings::MappingSource;
use tempfile::TempDir;

const MARK: &[u8] = b"---- exit ";

fn cases() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/check");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(dir).expect("a directory of cases").map(|f| f.expect("a file").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
    cases.sort();
    cases
}

/// The exit code and the output, as a case file holds them. The directory is not part of them.
fn run(mapping: &Path) -> (u8, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = CheckArgs::of(vec![MappingSource::File(mapping.to_owned())]);
    let code = check(&args, &mut &b""[..], &mut out, &mut err);
    out.append(&mut err);
    let dir = format!("{}/", mapping.parent().expect("a directory").display());
    (code, String::from_utf8(out).expect("output is text").replace(&dir, "").into_bytes())
}

fn split(case: &[u8]) -> (&[u8], &[u8]) {
    let at = (0..case.len()).find(|at| case[*at..].starts_with(MARK)).unwrap_or(case.len());
    case.split_at(at)
}

#[test]
fn every_case_says_what_its_file_holds() {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let dir = TempDir::new().expect("a directory");
    let mapping = dir.path().join("mapping.yaml");
    let mut wrong = Vec::new();
    for path in cases() {
        let case = fs::read(&path).expect("a case");
        let (text, want) = split(&case);
        fs::write(&mapping, text).expect("written");
        let (code, output) = run(&mapping);
        let got = [format!("---- exit {code} ----\n").as_bytes(), &output].concat();
        if got == want {
            continue;
        }
        if update {
            fs::write(&path, [text, &got].concat()).expect("written");
        } else {
            wrong.push(format!("{}:\n{}", path.display(), String::from_utf8_lossy(&got)));
        }
    }
    assert!(wrong.is_empty(), "these differ; UPDATE_CASES=1 rewrites them\n{}", wrong.join("\n"));
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
fn the_sample_mapping_is_without_fault() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/mapping.yaml");
    let (code, output) = run(&sample);
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&output));
}
