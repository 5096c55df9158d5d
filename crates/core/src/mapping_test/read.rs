//! A file of tests: every error in it at its place, or the tests.

use super::suite::{Expected, Fact, HEADERS, Suite, Test};
use crate::diagnostic::nearest::did_you_mean;
use crate::diagnostic::{Code, Diagnostics, Fault, Faults, Place};
use crate::domain::refusal::Refusal;
use crate::mapping::encoding::document_of;
use crate::settings::tree::{self, Name, Node, Shape};

/// The keys of a test.
const KEYS: [&str; 9] = ["request", "override", "api", "region", "stage", "target", "endpoint", "headers", "refused"];

/// The most keys and values of a file: half a million tests.
const MAX_NODES: usize = 5_000_000;

/// How a file of tests begins, for help.
const SHAPE: &str =
    "write `tests:`, and below it a list: `- request: GET https://orders.example.com/v1`, `api: abc123`";

/// Reads a file of tests. Gives the tests, or every error.
pub fn read(bytes: &[u8], file: &str) -> Result<Suite, Diagnostics> {
    let text = document_of(bytes, file)?;
    let (root, faults) = tree::read_tests(text, MAX_NODES);
    let mut reader = Reader { faults };
    let tests = reader.root(root.as_ref());
    if !reader.faults.is_empty() {
        return Err(reader.faults.locate(text, file));
    }
    Ok(Suite { file: file.to_owned(), text: text.to_owned(), tests })
}

struct Reader {
    faults: Faults,
}

impl Reader {
    fn error(&mut self, code: Code, at: Place, what: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault::at(at, what, help).code(code));
    }

    fn root(&mut self, root: Option<&Node>) -> Vec<Test> {
        let start = Place { line: 1, column: 1 };
        let Some(root) = root else {
            if self.faults.is_empty() {
                self.error(Code::EmptyFile, start, "the file has no tests", SHAPE);
            }
            return Vec::new();
        };
        let Shape::Map(keys) = &root.shape else {
            let what = format!("tests must be below the key `tests`, and this is {}", root.shape.called());
            self.error(Code::WrongType, root.at, what, SHAPE);
            return Vec::new();
        };
        let mut tests = Vec::new();
        if keys.is_empty() {
            self.error(Code::EmptyFile, root.at, "the file has no tests", SHAPE);
        }
        for (name, node) in tree::unique(keys, &["tests"], &mut self.faults) {
            if name.text == "tests" {
                tests.extend(self.list(node));
            }
        }
        tests
    }

    fn list(&mut self, node: &Node) -> Vec<Test> {
        match &node.shape {
            Shape::List(items) if items.is_empty() => {
                self.error(Code::EmptyFile, node.at, "the file has no tests", SHAPE);
                Vec::new()
            }
            Shape::List(items) => items.iter().filter_map(|item| self.test(item)).collect(),
            Shape::Reported => Vec::new(),
            shape => {
                self.error(
                    Code::WrongType,
                    node.at,
                    format!("tests must be a list, and this is {}", shape.called()),
                    SHAPE,
                );
                Vec::new()
            }
        }
    }

    fn test(&mut self, node: &Node) -> Option<Test> {
        let Shape::Map(keys) = &node.shape else {
            if !matches!(node.shape, Shape::Reported) {
                let what = format!("a test must be keys with values, and this is {}", node.shape.called());
                self.error(Code::WrongType, node.at, what, SHAPE);
            }
            return None;
        };
        let mut test = Test { request: String::new(), overrides: Vec::new(), expected: Vec::new() };
        let keys = tree::unique(keys, &KEYS, &mut self.faults);
        for (name, value) in &keys {
            self.key(&mut test, name, value);
        }
        let has = |key: &str| keys.iter().any(|(name, _)| name.text == key);
        if !has("request") {
            self.error(Code::MissingKey, node.at, "the test has no request", "add `request: GET https://...`");
        }
        let is_about_forwarding = Fact::ALL.iter().any(|fact| has(fact.name()));
        if has("refused") && is_about_forwarding {
            let help = "a refused request reaches no API: keep `refused`, or what the API receives";
            self.error(Code::BadValue, node.at, "the test expects a refusal and an API", help);
        } else if !has("refused") && !is_about_forwarding && !has("headers") {
            let help = "add `api`, `stage`, `target`, `headers` or the like, or `refused`";
            self.error(Code::MissingKey, node.at, "the test expects nothing", help);
        }
        Some(test)
    }

    fn key(&mut self, test: &mut Test, name: &Name, node: &Node) {
        match name.text.as_str() {
            "request" => test.request = self.request(node).unwrap_or_default(),
            "override" => match &node.shape {
                Shape::List(items) => {
                    let texts: Vec<_> = items.iter().filter_map(|item| self.text(item, "override")).collect();
                    test.overrides.extend(texts);
                }
                _ => test.overrides.extend(self.text(node, "override")),
            },
            "headers" => self.headers(test, node),
            "refused" => {
                let expected = self.refused(node);
                test.expected.extend(expected.map(|expected| (node.at, expected)));
            }
            key => {
                let Some(fact) = Fact::ALL.into_iter().find(|fact| fact.name() == key) else { return };
                let text = self.text(node, key);
                test.expected.extend(text.map(|text| (node.at, Expected::Is(fact, text))));
            }
        }
    }

    /// A value that is text, or a number that is meant as text.
    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        match &node.shape {
            Shape::Text(scalar) if scalar.is_null => {
                self.error(Code::MissingValue, node.at, format!("{key} has no value"), "write one, or delete the key");
                None
            }
            Shape::Text(scalar) => Some(scalar.text.clone()),
            Shape::Reported => None,
            shape => {
                let what = format!("{key} must be text, and this is {}", shape.called());
                self.error(Code::WrongType, node.at, what, "write one value");
                None
            }
        }
    }

    fn request(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "request")?;
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            // A target may have any byte, so that a test can say what is refused.
            [method, _, ..] if !method.contains(['/', ':']) => Some(text),
            _ => {
                let help = "write the method and the URL: `GET https://orders.example.com/v1/items?state=open`";
                self.error(Code::BadValue, node.at, format!("`{text}` is not a request"), help);
                None
            }
        }
    }

    fn headers(&mut self, test: &mut Test, node: &Node) {
        let Shape::Map(keys) = &node.shape else {
            if !matches!(node.shape, Shape::Reported) {
                let what = format!("headers must be names with values, and this is {}", node.shape.called());
                self.error(Code::WrongType, node.at, what, "write `headers:`, and below it `Host: value`");
            }
            return;
        };
        for (name, value) in keys {
            if !HEADERS.iter().any(|known| known.eq_ignore_ascii_case(&name.text)) {
                let what = format!("`{}` is not a header that the mapping decides", name.text);
                self.error(Code::UnknownKey, name.at, what, did_you_mean(&name.text, &HEADERS));
                continue;
            }
            let text = self.text(value, &name.text);
            test.expected.extend(text.map(|text| (value.at, Expected::Header(name.text.clone(), text))));
        }
    }

    fn refused(&mut self, node: &Node) -> Option<Expected> {
        let text = self.text(node, "refused")?;
        let by_reason = Refusal::ALL.into_iter().find(|refusal| refusal.reason() == text);
        let status = text.parse().ok().filter(|status| Refusal::ALL.iter().any(|refusal| refusal.status() == *status));
        let expected = by_reason.map(Expected::Refused).or(status.map(Expected::Status));
        if expected.is_none() {
            let reasons = Refusal::ALL.map(Refusal::reason);
            let help = format!("{}, or a status such as 405", did_you_mean(&text, &reasons));
            self.error(Code::BadValue, node.at, format!("`{text}` is neither a refusal nor the status of one"), help);
        }
        expected
    }
}
