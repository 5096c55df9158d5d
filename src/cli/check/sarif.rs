//! SARIF 2.1.0, the format of code scanning: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use nameplate_core::diagnostic::{Code, Diagnostic};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

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
    /// An error or a warning.
    pub(super) fn add(&mut self, file: &str, found: &Diagnostic) {
        let region = json!({ "startLine": found.line, "startColumn": found.column });
        let place = json!({ "artifactLocation": { "uri": uri_of(file) }, "region": region });
        self.results.push(json!({
            "ruleId": found.code,
            "ruleIndex": Code::ALL.iter().position(|code| *code == found.code),
            "level": found.severity,
            "message": { "text": format!("{}\n{}", found.what, found.help) },
            "locations": [{ "physicalLocation": place }],
        }));
    }

    pub(super) fn unreadable(&mut self, what: &str) {
        self.failures.push(json!({ "level": "error", "message": { "text": what } }));
    }

    /// The log as a document of its own.
    pub(super) fn into_json(self) -> Value {
        let rule = |code: &Code| json!({ "id": code, "shortDescription": { "text": code.about() } });
        let rules: Vec<_> = Code::ALL.iter().map(rule).collect();
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
