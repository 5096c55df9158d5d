//! A file of tests that says what a mapping does now.

use std::fmt::Write;

use super::suite::{Fact, fact, refusal};
use crate::classes::classes;
use crate::domain::table::MappingTable;
use crate::explain::{Question, explain};
use crate::mapping::files::Files;
use crate::settings::Settings;

/// A test for each class of requests that the mapping can tell apart, as a file of tests has them.
pub fn written(table: &MappingTable, settings: &Settings) -> String {
    let mut text = "# Tests of a mapping: nameplate test tests.yaml --mapping mapping.yaml\ntests:\n".to_owned();
    for class in classes(table) {
        let (method, url) = (class.witness.method, class.witness.url());
        let explanation = explain(table, settings, &Files::one(""), &Question::of_url(method, url.as_bytes()));
        let _ = writeln!(text, "  - request: {}", quoted(&format!("{method} {url}")));
        match refusal(&explanation) {
            Some(refusal) => {
                let _ = writeln!(text, "    refused: {}", refusal.reason());
            }
            None => {
                for fact in [Fact::Api, Fact::Region, Fact::Target] {
                    let value = fact.of(&explanation).unwrap_or_default();
                    let _ = writeln!(text, "    {}: {}", fact.name(), quoted(&value));
                }
                let endpoint = fact(&explanation, "endpoint").filter(|name| *name != crate::settings::DEFAULT_ENDPOINT);
                let _ = endpoint.map(|endpoint| writeln!(text, "    endpoint: {}", quoted(endpoint)));
            }
        }
    }
    text
}

/// A text in quotes, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
