//! `docs/mapping.schema.json`: the program prints it, and a validator that knows nothing else agrees with `check`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boon::{Compiler, SchemaIndex, Schemas};
use nameplate_core::diagnostic::Code;
use nameplate_core::mapping::load::compile_bytes;
use nameplate_core::mapping::schema::json_schema;
use serde_json::Value;

const FILE: &str = "docs/mapping.schema.json";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The schema as a validator reads it.
struct Validator {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Validator {
    fn new() -> Validator {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let schema: Value = serde_json::from_str(&json_schema()).expect("JSON");
        compiler.add_resource("mapping.json", schema).expect("a resource");
        let index = compiler.compile("mapping.json", &mut schemas).expect("a schema");
        Validator { schemas, index }
    }

    fn takes(&self, mapping: &Value) -> bool {
        self.schemas.validate(mapping, self.index).is_ok()
    }
}

/// The input of each case, and its name.
fn cases() -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(repository("tests/cases/check")).expect("cases").map(|file| file.expect("a file").path());
    let input = |path: PathBuf| {
        let case = fs::read(&path).expect("a case");
        let end = case.windows(10).position(|at| at == b"---- exit ").expect("an exit code");
        (path.file_name().expect("a name").to_string_lossy().into_owned(), case[..end].to_vec())
    };
    files.map(input).collect()
}

/// A text as an editor's YAML parser hands it to a validator; `None` where it cannot.
fn parsed(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?.trim_start_matches('\u{feff}');
    serde_yaml::from_str(text).ok()
}

#[test]
fn the_file_is_what_the_program_prints() {
    let run = Command::new(env!("CARGO_BIN_EXE_nameplate")).args(["schema", "mapping"]).output().expect("a run");
    assert!(run.status.success() && run.stderr.is_empty());
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(repository(FILE), &run.stdout).expect("written");
    }
    let file = fs::read_to_string(repository(FILE)).expect("a schema");
    assert_eq!(file, String::from_utf8_lossy(&run.stdout), "UPDATE_CASES=1 rewrites {FILE}");
}

#[test]
fn every_mapping_that_check_takes_is_taken() {
    let validator = Validator::new();
    let mut taken = 0;
    let sample = ("the sample".to_owned(), fs::read(repository("conf/mapping.yaml")).expect("the sample"));
    for (name, input) in cases().into_iter().chain([sample]) {
        if compile_bytes(&input, "m", None).is_ok() {
            assert!(validator.takes(&parsed(&input).expect("YAML")), "{name}");
            taken += 1;
        }
    }
    assert!(taken > 15, "{taken} cases");
}

#[test]
fn what_a_schema_can_know_is_refused() {
    let validator = Validator::new();
    let mut refused = 0;
    let known =
        [Code::UnknownKey, Code::WrongType, Code::MissingKey, Code::MissingValue, Code::BadVerb, Code::WrongFile];
    for (name, input) in cases() {
        let Err(errors) = compile_bytes(&input, "m", None) else { continue };
        // Aliases are what makes a small file a large one, for whoever expands them.
        if errors.iter().any(|error| error.code == Code::YamlFeature) {
            continue;
        }
        let Some(mapping) = parsed(&input) else { continue };
        // `ANY` beside other verbs is a rule about several values.
        if errors.iter().any(|error| known.contains(&error.code)) && name != "bad-verb.case" {
            assert!(!validator.takes(&mapping), "{name}");
            refused += 1;
        }
    }
    assert!(refused > 15, "{refused} cases");
}
