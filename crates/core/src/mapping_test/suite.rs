//! Tests, and what they expect.

use crate::diagnostic::Place;
use crate::domain::refusal::Refusal;
use crate::domain::table::MappingTable;
use crate::explain::{Explanation, Question, Verdict, explain};
use crate::mapping::files::Files;
use crate::settings::Settings;

/// The facts of an [`Explanation`] that are headers: of the request that the API receives, and of a refusal.
pub(super) const HEADERS: [&str; 5] = ["Host", "x-apigw-api-id", "X-Upstream-Domain", "Referer", "Allow"];

/// Tests of a file.
#[derive(Clone, Debug)]
pub struct Suite {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) tests: Vec<Test>,
}

/// A request, and what is expected to happen to it.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) request: String,
    pub(super) overrides: Vec<String>,
    /// At the places where they are written.
    pub(super) expected: Vec<(Place, Expected)>,
}

/// One thing that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// A fact of a forwarded request.
    Is(Fact, String),
    /// A header of the request that the API receives, or of the refusal.
    Header(String, String),
    /// A refusal with this status.
    Status(u16),
    /// This refusal.
    Refused(Refusal),
}

/// What a test can expect of a forwarded request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Api,
    Region,
    Stage,
    Target,
    Endpoint,
}

impl Suite {
    /// How many tests there are.
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// Reports whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }
}

impl Test {
    fn question(&self) -> Question<'_> {
        let (method, url) = self.request.split_once(' ').unwrap_or((&self.request, ""));
        let mut question = Question::of_url(method, url.trim().as_bytes());
        question.overrides = self.overrides.iter().map(String::as_bytes).collect();
        question
    }

    pub(super) fn explained(&self, table: &MappingTable, settings: &Settings, files: &Files) -> Explanation {
        explain(table, settings, files, &self.question())
    }

    /// Reports whether everything is as expected.
    pub(super) fn passes(&self, explanation: &Explanation) -> bool {
        self.expected.iter().all(|(_, expected)| expected.is_met_by(explanation))
    }
}

impl Expected {
    pub(super) fn is_met_by(&self, explanation: &Explanation) -> bool {
        match self {
            Expected::Is(fact, want) => fact.of(explanation).is_some_and(|is| is == *want),
            Expected::Header(name, want) => header(explanation, name).is_some_and(|is| is == want),
            Expected::Status(status) => refusal(explanation).is_some_and(|refusal| refusal.status() == *status),
            Expected::Refused(want) => refusal(explanation) == Some(*want),
        }
    }

    /// What is so instead.
    pub(super) fn unlike(&self, explanation: &Explanation) -> String {
        let (name, want, is) = match self {
            Expected::Is(fact, want) => (fact.name(), want.clone(), fact.of(explanation)),
            Expected::Header(name, want) => (name.as_str(), want.clone(), header(explanation, name).map(str::to_owned)),
            Expected::Status(status) => ("refused", status.to_string(), None),
            Expected::Refused(refusal) => ("refused", refusal.reason().to_owned(), None),
        };
        let is = is.map(|is| format!("`{is}`")).unwrap_or_else(|| match refusal(explanation) {
            Some(refusal) => format!("refused with {} {}", refusal.status(), refusal.reason()),
            None => "forwarded".to_owned(),
        });
        format!("{name} is expected to be `{want}`, and the request is {is}")
    }
}

pub(super) fn refusal(explanation: &Explanation) -> Option<Refusal> {
    match explanation.verdict {
        Verdict::Refused(refusal) => Some(refusal),
        Verdict::Forwarded => None,
    }
}

pub(super) fn fact<'e>(explanation: &'e Explanation, name: &str) -> Option<&'e str> {
    explanation.facts.iter().find(|(fact, _)| *fact == name).map(|(_, value)| value.as_str())
}

fn header<'e>(explanation: &'e Explanation, name: &str) -> Option<&'e str> {
    let known = HEADERS.into_iter().find(|known| known.eq_ignore_ascii_case(name))?;
    fact(explanation, known)
}

impl Fact {
    pub(super) const ALL: [Fact; 5] = [Fact::Api, Fact::Region, Fact::Stage, Fact::Target, Fact::Endpoint];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Fact::Api => "api",
            Fact::Region => "region",
            Fact::Stage => "stage",
            Fact::Target => "target",
            Fact::Endpoint => "endpoint",
        }
    }

    /// What it is for a forwarded request.
    pub(super) fn of(self, explanation: &Explanation) -> Option<String> {
        let upstream = || fact(explanation, "upstream")?.split_once("://").map(|(_, rest)| rest);
        let host = || upstream()?.split('/').next();
        let target = || Some(&upstream()?[host()?.len()..]);
        let told = match self {
            Fact::Api => fact(explanation, "x-apigw-api-id"),
            // `abc123.execute-api.eu-west-1.amazonaws.com`
            Fact::Region => host()?.split('.').nth(2),
            Fact::Stage => target()?.split(['/', '?']).nth(1),
            Fact::Target => target(),
            Fact::Endpoint => fact(explanation, "endpoint"),
        };
        told.map(str::to_owned)
    }
}
