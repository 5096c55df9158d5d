//! SARIF 2.1.0, the format of code scanning: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::warnings::Warning;
use nameplate_core::diagnostic::Diagnostic;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The rules that results are of: id, and what it is.
const RULES: [(&str, &str); 2] = [
    ("mapping-error", "Nameplate refuses a mapping with such an error, and keeps the one it has"),
    ("mapping-warning", "Nameplate takes a mapping with such a warning; it may not do what its author wants"),
];
const ERROR: usize = 0;
const WARNING: usize = 1;

/// What a path may hold as it is in a URI: unreserved characters and `/` (RFC 3986 sections 2.3 and 3.3); and `:`, for
/// a source that is a URI itself.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');

/// What was found, of all mappings.
#[derive(Default)]
pub(super) struct Log {
    results: Vec<Value>,
    /// What kept a mapping from being looked at.
    failures: Vec<Value>,
}

impl Log {
    pub(super) fn error(&mut self, file: &str, error: &Diagnostic) {
        let region = json!({ "startLine": error.line, "startColumn": error.column });
        self.push(ERROR, file, region, &format!("{}\n{}", error.what, error.help));
    }

    pub(super) fn warn(&mut self, file: &str, warning: &Warning) {
        let region = json!({ "startLine": warning.line });
        self.push(WARNING, file, region, &format!("{}\n{}", warning.what, warning.help));
    }

    pub(super) fn unreadable(&mut self, what: &str) {
        self.failures.push(json!({ "level": "error", "message": { "text": what } }));
    }

    fn push(&mut self, rule: usize, file: &str, region: Value, text: &str) {
        let place = json!({ "artifactLocation": { "uri": uri_of(file) }, "region": region });
        self.results.push(json!({
            "ruleId": RULES[rule].0,
            "ruleIndex": rule,
            "level": if rule == ERROR { "error" } else { "warning" },
            "message": { "text": text },
            "locations": [{ "physicalLocation": place }],
        }));
    }

    /// The log as a document of its own.
    pub(super) fn into_json(self) -> Value {
        let rules = RULES.map(|(id, what)| json!({ "id": id, "shortDescription": { "text": what } }));
        json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": "Nameplate", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
                "columnKind": "unicodeCodePoints",
                "invocations": [{
                    "executionSuccessful": self.failures.is_empty(),
                    "toolExecutionNotifications": self.failures,
                }],
                "results": self.results,
            }],
        })
    }
}

fn uri_of(file: &str) -> String {
    let scheme = if file.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", utf8_percent_encode(file, ESCAPED))
}
