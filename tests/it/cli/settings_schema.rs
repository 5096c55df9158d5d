//! `docs/settings.schema.json`: what the command prints, and what it takes and refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use super::check_cases::{MARK, cases, split};
use crate::harness::server::nameplate;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The schema in a real validator.
struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn read() -> Schema {
        let text = fs::read_to_string(repository("docs/settings.schema.json")).expect("a schema");
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("settings.json", schema).expect("a resource");
        let index = compiler.compile("settings.json", &mut schemas).expect("a schema");
        Schema { schemas, index }
    }

    /// What is wrong with settings by the schema.
    fn errors(&self, settings: &Value) -> Option<String> {
        self.schemas.validate(settings, self.index).err().map(|error| format!("{error:#}"))
    }
}

#[test]
fn the_schema_in_the_docs_is_the_commands() {
    let Output { status, stdout, .. } = nameplate(&["schema", "settings"]);
    assert!(status.success());
    let printed = String::from_utf8(stdout).expect("text");
    let path = repository("docs/settings.schema.json");
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(&path, &printed).expect("written");
    }
    let kept = fs::read_to_string(&path).expect("a schema");
    assert!(kept == printed, "nameplate schema settings > docs/settings.schema.json");
}

#[test]
fn the_sample_is_as_the_schema_says_and_names_it() {
    let text = fs::read_to_string(repository("conf/nameplate.yaml")).expect("a file");
    let first = text.lines().next().expect("a line");
    let schema = first.strip_prefix("# yaml-language-server: $schema=").expect("the schema's place");
    assert!(repository("conf").join(schema).is_file(), "{schema}");
    assert_eq!(Schema::read().errors(&serde_yaml::from_str(&text).expect("YAML")), None);
}

#[test]
fn so_is_the_file_of_the_compose_file() {
    let text = fs::read_to_string(repository("docker/compose/nameplate.yaml")).expect("a file");
    assert_eq!(Schema::read().errors(&serde_yaml::from_str(&text).expect("YAML")), None);
}

/// The other way round does not hold: the schema knows no rule about several keys, for example.
#[test]
fn the_schema_refuses_nothing_that_is_taken() {
    let schema = Schema::read();
    let (mut taken, mut refused) = (0, 0);
    for path in cases("settings") {
        let case = fs::read(&path).expect("a case");
        let (input, output) = split(&case, MARK);
        let Ok(settings) = serde_yaml::from_slice::<Value>(input) else { continue };
        let errors = schema.errors(&settings);
        if output.starts_with(b"---- exit 0 ") {
            assert_eq!(errors, None, "{}", path.display());
            taken += 1;
        }
        refused += usize::from(errors.is_some());
    }
    assert!(taken > 5 && refused > 25, "{taken} cases are taken, {refused} are refused");
}

#[test]
fn what_is_written_wrong_is_refused() {
    let schema = Schema::read();
    for wrong in [
        json!({"threads": 0}),
        json!({"threads": "4"}),
        json!({"thread": 4}),
        json!({"admin": "localhost:9901"}),
        json!({"memory": "10M"}),
        json!({"listeners": []}),
        json!({"listeners": [{"h2c": true}]}),
        json!({"listeners": [{"address": ":8080"}]}),
        json!({"listeners": [{"address": "0.0.0.0:8080", "proxy_protocol": {"trust": []}}]}),
        json!({"endpoint": {"name": "https://vpce.example.com"}}),
        json!({"endpoint": {"read_timeout": "30 sec"}}),
        json!({"endpoint": {"sni": "host"}}),
        json!({"endpoints": {"a b": {"name": "vpce.example.com"}}}),
        json!({"endpoints": {"a": {"nmae": "vpce.example.com"}}}),
        json!({"access_log": {"sample": {"2xx": 101}}}),
        json!({"log": "debug"}),
    ] {
        assert!(schema.errors(&wrong).is_some(), "{wrong}");
    }
}

/// Editors show it.
#[test]
fn every_key_has_a_description() {
    let text = fs::read_to_string(repository("docs/settings.schema.json")).expect("a schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let tables = schema["$defs"].as_object().expect("tables").values().chain([&schema]);
    for (name, key) in tables.flat_map(|table| table["properties"].as_object().expect("keys")) {
        assert!(key["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}: {key}");
    }
}
