//! The JSON Schema of `owners.yaml`, for editors.
//!
//! It refuses nothing that the program takes. The program knows more: what a domain is, and what is there twice.

use serde_json::{Value, json};

/// The schema of `owners.yaml`, as JSON with a line break at its end.
pub fn json_schema() -> String {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Nameplate owners",
        "description": "Which owner may map which domains, and which parts of a mapping belong to whom.",
        "type": "object",
        "required": ["OWNERS"],
        "properties": {
            "OWNERS": {
                "description": "One entry for each owner.",
                "type": "array",
                "items": owner()
            }
        },
        "additionalProperties": false
    });
    serde_json::to_string_pretty(&schema).expect("text and numbers alone") + "\n"
}

fn owner() -> Value {
    json!({
        "description": "An owner, and what it may map.",
        "type": "object",
        "required": ["OWNER", "DOMAINS"],
        "properties": {
            "OWNER": {
                "description": "The owner's name, once in the file: letters, digits, `-`, `_`, `.` and `/`.",
                "type": SCALAR,
                "pattern": "^[A-Za-z0-9._/-]{1,64}$",
                "examples": ["payments"]
            },
            "CONTACT": {
                "description": "How to reach the owner. Errors of others that claim its names show it.",
                "type": SCALAR,
                "pattern": "\\S",
                "maxLength": 200,
                "examples": ["payments@example.com", "#payments"]
            },
            "DOMAINS": {
                "description": "The domains that parts of this owner may map: a host with all of its base paths, a host \
                                with one base path, or `*.example.com` for every name one label below and for the \
                                wildcard itself. The most specific grant decides.",
                "type": "array",
                "items": { "type": "string", "pattern": r"^\S+$" },
                "examples": [["pay.example.com", "*.pay.example.com", "shop.example.com/checkout"]]
            },
            "PARTS": {
                "description": "The parts of this owner: paths below the root, folders that end in `/`, or paths with `*` \
                                for any characters within one segment. Without it: NAME.yaml, NAME.yml, NAME.json and \
                                NAME/, where NAME is the owner.",
                "type": "array",
                "items": { "type": SCALAR, "pattern": "^[^/]", "maxLength": 1024 },
                "examples": [["payments.yaml", "payments/", "teams/pay-*/"]]
            },
            "MAX_ENTRIES": {
                "description": "The most entries that all parts of this owner may have together.",
                "type": ["integer", "string"],
                "minimum": 1,
                "pattern": r"^\+?[0-9]+$",
                "examples": [100]
            }
        },
        "additionalProperties": false
    })
}

/// A name may look like a number or a truth value to YAML, and is text to the program.
const SCALAR: [&str; 3] = ["string", "number", "boolean"];
