//! What holds the sources in order and no compiler does: which room uses which, which libraries stay where, that
//! no files use each other in a circle, and what every file keeps to.

mod circles;
mod habits;
mod modules;
mod paths;
mod rooms;

use std::fs;
use std::path::{Path, PathBuf};

use modules::{Modules, Use};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

/// The paths of what stands in a folder.
fn entries(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    entries.map(|entry| format!("{folder}/{}", entry.expect("an entry").file_name().to_string_lossy())).collect()
}

/// Every use of the binary, the library and the crates beside them.
fn uses(tests: bool) -> Vec<Use> {
    let mut crates = vec![("main".to_owned(), "src/main.rs".to_owned()), ("nameplate".into(), "src/lib.rs".into())];
    for folder in entries("crates") {
        let manifest = read(&format!("{folder}/Cargo.toml")).expect("a manifest");
        let name = manifest.split("name = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a name");
        crates.push((name.replace('-', "_"), format!("{folder}/src/lib.rs")));
    }
    Modules::of(&crates, tests, &read).uses()
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} of them:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn arrows_point_right_and_libraries_stay_in_their_rooms() {
    none(&uses(true).iter().filter_map(rooms::fault).collect::<Vec<_>>());
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    none(&circles::circles(&uses(false)));
}

#[test]
fn files_are_short_and_whole() {
    let mut paths: Vec<PathBuf> = ["src", "tests", "crates"].map(PathBuf::from).to_vec();
    let (mut files, mut faults) = (0, Vec::new());
    while let Some(path) = paths.pop() {
        let name = path.display().to_string();
        if root().join(&path).is_dir() {
            paths.extend(entries(&name).into_iter().map(PathBuf::from));
        } else if name.ends_with(".rs") {
            files += 1;
            faults.extend(habits::faults(&name, &read(&name).expect("a source")));
        }
    }
    assert!(files > 100, "{files}");
    none(&faults);
}
