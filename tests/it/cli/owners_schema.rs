//! `docs/owners.schema.json`: the program prints it, and a validator that knows nothing else agrees with the program.

use std::fs;

use boon::{Compiler, Schemas};
use nameplate_core::parts::owners::Owners;
use nameplate_core::parts::schema::json_schema;
use serde_json::Value;

use super::folder::repository;
use crate::harness::server::nameplate;

const FILE: &str = "docs/owners.schema.json";

/// Files that the program takes.
const GOOD: [&str; 6] = [
    "OWNERS: []",
    "OWNERS:\n- OWNER: payments\n  CONTACT: '#pay'\n  DOMAINS: [pay.example.com, '*.pay.example.com', shop.example.com/x]\n  MAX_ENTRIES: 3",
    "OWNERS:\n- OWNER: web\n  DOMAINS: []\n  PARTS: [web/, 'team-*/', pages.yaml, 7]",
    "OWNERS:\n- OWNER: 7\n  CONTACT: 112\n  DOMAINS:\n  - a.example.com\n  PARTS: []\n  MAX_ENTRIES: '+5'",
    "{\"OWNERS\": [{\"OWNER\": \"a/b\", \"DOMAINS\": [\"https://A.example.com./\"], \"MAX_ENTRIES\": 1}]}",
    "OWNERS:\n- OWNER: true\n  DOMAINS: [a.example.com]",
];

/// Files with an error that a schema can know.
const BAD: [&str; 19] = [
    "",
    "[]",
    "OWNER: a",
    "OWNERS:",
    "OWNERS: 1",
    "OWNERS: [a]",
    "OWNERS: []\nMORE: 1",
    "OWNERS:\n- DOMAINS: [a.example.com]",
    "OWNERS:\n- OWNER: a",
    "OWNERS:\n- OWNER: null\n  DOMAINS: []",
    "OWNERS:\n- OWNER: the team\n  DOMAINS: []",
    "OWNERS:\n- OWNER: [a]\n  DOMAINS: []",
    "OWNERS:\n- OWNER: a\n  CONTACT: ' '\n  DOMAINS: []",
    "OWNERS:\n- OWNER: a\n  DOMAINS: a.example.com",
    "OWNERS:\n- OWNER: a\n  DOMAINS: [null]",
    "OWNERS:\n- OWNER: a\n  DOMAINS: []\n  PARTS: [/a]",
    "OWNERS:\n- OWNER: a\n  DOMAINS: []\n  MAX_ENTRIES: 0",
    "OWNERS:\n- OWNER: a\n  DOMAINS: []\n  MAX_ENTRIES: 1.5",
    "OWNERS:\n- OWNER: a\n  DOMAIN: [a.example.com]\n  DOMAINS: []",
];

/// Reports whether a validator takes a text by the schema.
fn takes(text: &str) -> bool {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("owners.json", serde_json::from_str(&json_schema()).expect("JSON")).expect("a resource");
    let index = compiler.compile("owners.json", &mut schemas).expect("a schema");
    let value: Value = serde_yaml::from_str(text).expect("YAML");
    schemas.validate(&value, index).is_ok()
}

#[test]
fn the_file_of_the_owners_schema_is_what_the_program_prints() {
    let run = nameplate(&["schema", "owners"]);
    assert!(run.status.success() && run.stderr.is_empty());
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(repository(FILE), &run.stdout).expect("written");
    }
    let file = fs::read_to_string(repository(FILE)).expect("a schema");
    assert_eq!(file, String::from_utf8_lossy(&run.stdout), "UPDATE_CASES=1 rewrites {FILE}");
}

#[test]
fn owners_that_the_program_takes_are_taken_by_the_schema() {
    for text in GOOD {
        assert!(Owners::parse(text.as_bytes(), "owners.yaml").is_ok(), "{text}");
        assert!(takes(text), "{text}");
    }
}

#[test]
fn errors_that_a_schema_can_know_are_refused_by_both() {
    for text in BAD {
        assert!(Owners::parse(text.as_bytes(), "owners.yaml").is_err(), "{text}");
        assert!(!takes(text), "{text}");
    }
}
