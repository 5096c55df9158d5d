//! What would become of a request, and why: the proxy's own decision, for people to read.

mod cures;
mod nearest;
mod question;

use std::fmt;

use crate::domain::decide::{Decision, Refused, RequestView, decide};
use crate::domain::host::{HostBuffer, normalize};
use crate::domain::limits::plain_spelling;
use crate::domain::overrides::{Overrides, Timeouts};
use crate::domain::refusal::Refusal;
use crate::domain::route::{HostMode, RefererMode, ResponseMode, Route};
use crate::domain::table::MappingTable;
use crate::domain::target::{Target, first_unknown_byte};
use crate::domain::token::is_token;
use crate::domain::verbs::VerbSet;
use crate::mapping::files::Files;
use crate::settings::{DEFAULT_ENDPOINT, Endpoint, Settings, Sni};
use cures::{cure, warning_for_method};
use nearest::nearest_domain;

pub use question::Question;

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An API gets it.
    Forwarded,
    /// We answer it ourselves.
    Refused(Refusal),
}

/// The answer to a [`Question`]. As text it is what `nameplate explain` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What becomes of the request.
    pub verdict: Verdict,
    /// The entry that decides it, where one does.
    pub entry: Option<Place>,
    /// What else is known, each by its name.
    pub facts: Vec<(&'static str, String)>,
    /// What to do about it, where that is known.
    pub help: Option<String>,
    /// The timeouts that a forwarded request would have. Not in the text, which says what the entry
    /// overrides.
    pub timeouts: Timeouts,
}

/// Answers it. `files` are what the mapping's files are called.
pub fn explain(table: &MappingTable, settings: &Settings, files: &Files, question: &Question<'_>) -> Explanation {
    let view = RequestView {
        method: question.method,
        target: question.sent_target(),
        host: Some(question.host.as_bytes()),
        host_optional: false,
        header_bytes: 0,
        content_length: None,
    };
    let overrides = question.overrides.iter().copied();
    let place = |route: &Route| Place {
        domain: route.host().to_owned(),
        base_path: route.base().to_owned(),
        file: files.of(route),
        line: route.line,
    };
    // Over HTTP, the parser has looked at the method before.
    let is_method = !question.method.is_empty() && question.method.bytes().all(is_token);
    let decided = match is_method {
        true => decide(table, &settings.limits.into(), view, overrides, &mut HostBuffer::default()),
        false => Err(Refusal::MalformedMessage.into()),
    };
    match decided {
        Ok(decision) => {
            let own = decision.route.overrides().cloned().unwrap_or_default();
            let endpoint = endpoint_of(&own, settings);
            Explanation {
                verdict: Verdict::Forwarded,
                entry: Some(place(decision.route)),
                facts: forwarded(&decision, question, &own, endpoint),
                help: warning_for_method(question.method),
                timeouts: endpoint.map_or(own.timeouts, |endpoint| own.timeouts.or(endpoint.timeouts())),
            }
        }
        Err(refused) => Explanation {
            verdict: Verdict::Refused(refused.refusal),
            entry: refused.index.map(|index| place(table.route(index))),
            facts: refusal(table, refused, question, files),
            help: cure(refused.refusal, question),
            timeouts: Timeouts::default(),
        },
    }
}

/// A host as it is looked up; one that cannot be was refused before.
fn normal<'b>(asked: &'b str, buffer: &'b mut HostBuffer) -> &'b str {
    normalize(asked.as_bytes(), buffer).unwrap_or(asked)
}

/// The endpoint of an entry. The compiler has refused a name that the settings do not have, unless it did
/// not know them.
fn endpoint_of<'s>(own: &Overrides, settings: &'s Settings) -> Option<&'s Endpoint> {
    own.endpoint.as_ref().map_or(Some(&settings.endpoint), |name| settings.endpoints.get(name))
}

fn forwarded(
    decision: &Decision<'_>,
    question: &Question<'_>,
    own: &Overrides,
    endpoint: Option<&Endpoint>,
) -> Vec<(&'static str, String)> {
    let route = decision.route;
    let shared = endpoint.filter(|endpoint| endpoint.sni == Sni::Shared).and_then(|endpoint| endpoint.name.as_deref());
    let target = String::from_utf8_lossy(&decision.target);
    let asked = question.host.as_ref();
    let host = if route.choices.host == HostMode::Preserve { asked } else { route.api_host() };
    let mut buffer = HostBuffer::default();
    let domain = if route.is_wildcard() { normal(asked, &mut buffer) } else { route.host() };
    let referer = if route.choices.referer == RefererMode::Preserve { "(as the client sends it)" } else { domain };
    let answers = match route.choices.response {
        ResponseMode::Translate => "Location, Content-Location and cookies of this API in the domain's terms",
        ResponseMode::Untouched => "as the API sends them",
    };
    let timeouts = (own.timeouts != Timeouts::default()).then(|| ("timeouts", own.timeouts.to_string()));
    let rate = own.rate.map(|rate| ("rate limit", format!("{rate} for each task")));
    let probe = own.probe.as_ref().map(|probe| ("probe", probe.to_string()));
    let mut facts = vec![
        ("upstream", format!("{} https://{}{target}", question.method, route.api_host())),
        ("endpoint", own.endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT).to_owned()),
        ("SNI", shared.unwrap_or(route.api_host()).to_owned()),
        ("Host", host.to_owned()),
        ("x-apigw-api-id", route.api_id().to_owned()),
        ("X-Upstream-Domain", domain.to_owned()),
        ("Referer", referer.to_owned()),
        ("verbs", if route.choices.verbs == VerbSet::ALL { "all".to_owned() } else { route.choices.verbs.to_string() }),
    ];
    facts.extend(timeouts.into_iter().chain(rate).chain(probe));
    facts.push(("answers", answers.to_owned()));
    facts
}

fn refusal(
    table: &MappingTable,
    refused: Refused,
    question: &Question<'_>,
    files: &Files,
) -> Vec<(&'static str, String)> {
    match (refused.refusal, refused.index) {
        (Refusal::MethodNotAllowed, Some(index)) => {
            vec![("Allow", table.route(index).choices.verbs.to_string())]
        }
        (Refusal::AmbiguousPath, _) => {
            let path = Target::parse(question.sent_target()).map_or(&b""[..], |target| target.path);
            vec![("read as", plain_spelling(path).escape_ascii().to_string())]
        }
        (Refusal::UnknownPath, _) => {
            let mut buffer = HostBuffer::default();
            let bases: Vec<&str> =
                table.routes_of(normal(&question.host, &mut buffer)).iter().map(Route::base).collect();
            vec![("mapped paths", bases.join(", "))]
        }
        (Refusal::UnknownHost, _) => {
            let mut buffer = HostBuffer::default();
            let nearest = nearest_domain(table, normal(&question.host, &mut buffer));
            let told = |route: &Route| format!("{} ({}:{})", route.host(), files.of(route), route.line);
            nearest.map(|route| ("nearest domain", told(route))).into_iter().collect()
        }
        (Refusal::MalformedTarget, _) => {
            http2_error(question.sent_target()).map(|error| ("over HTTP/2", error.to_owned())).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What becomes over HTTP/2 of a target with a byte that its parser refuses before there is a request to answer. The
/// parser takes every byte that [`Target`] does, and the backslash.
fn http2_error(target: &[u8]) -> Option<&'static str> {
    if std::str::from_utf8(target).is_err() {
        return Some("the connection ends: PROTOCOL_ERROR");
    }
    let without_backslashes: Vec<u8> = target.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
    first_unknown_byte(&without_backslashes).map(|_| "the stream is reset: PROTOCOL_ERROR")
}

/// An entry, and where the mapping has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The domain, `*.` included.
    pub domain: String,
    /// The base path; empty without one.
    pub base_path: String,
    /// The mapping's file, or its part.
    pub file: String,
    /// The line of the entry.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} ({}:{})", self.domain, self.base_path, self.file, self.line)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.verdict, &self.entry) {
            (Verdict::Forwarded, Some(entry)) => writeln!(f, "forwarded: {entry}")?,
            (Verdict::Forwarded, None) => writeln!(f, "forwarded")?,
            (Verdict::Refused(refusal), entry) => {
                writeln!(f, "refused: {} {} ({refusal})", refusal.status(), refusal.reason())?;
                if let Some(entry) = entry {
                    writeln!(f, "  {:<18} {entry}", "entry")?;
                }
            }
        }
        for (name, value) in &self.facts {
            writeln!(f, "  {name:<18} {value}")?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "  help: {help}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::PrivateApi;
    use crate::domain::base_path::BasePath;
    use crate::domain::host::Host;
    use crate::domain::route::Choices;
    use crate::mapping::compile::compile;

    fn told(method: &str, url: &str) -> (bool, String) {
        let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/prod").expect("an api");
        let (host, base) =
            (Host::parse("pay.example.com").expect("a host"), BasePath::parse("/v1").expect("a base path"));
        let route = Route::new(&host, &base, &api, Choices::default(), 3);
        let table = MappingTable::new(vec![route]);
        let told =
            explain(&table, &Settings::default(), &Files::one("m.yaml"), &Question::of_url(method, url.as_bytes()));
        (told.verdict == Verdict::Forwarded, told.to_string())
    }

    #[test]
    fn a_forwarded_request_shows_where_it_goes() {
        let (forwarded, text) = told("GET", "https://PAY.example.com/v1/x?y=1#z");
        assert!(forwarded, "{text}");
        assert!(text.starts_with("forwarded: pay.example.com/v1 (m.yaml:3)\n"), "{text}");
        assert!(text.contains("GET https://abc.execute-api.eu-west-1.amazonaws.com/prod/x?y=1\n"), "{text}");
    }

    #[test]
    fn what_an_entry_overrides_is_told() {
        let text = "APIS:\n  - CUSTOM_DOMAIN_URL: pay.example.com\n    PRIVATE_API_URL: \
                    https://abc.execute-api.eu-west-1.amazonaws.com/p\n    ENDPOINT: far\n    TIMEOUT: total=15m\n    \
                    RATE_LIMIT: 5/s\n";
        let table = compile(text, "m.yaml", None).expect("a mapping");
        let settings =
            Settings::parse("endpoints: { far: { name: far.example, sni: shared } }", "s").expect("settings");
        let told = explain(&table, &settings, &Files::one("m.yaml"), &Question::of_url("GET", b"pay.example.com"));
        assert_eq!(told.verdict, Verdict::Forwarded);
        let out = told.to_string();
        for line in ["endpoint           far\n", "SNI                far.example\n", "timeouts           total=15m\n"] {
            assert!(out.contains(line), "{line:?} in\n{out}");
        }
        assert!(out.contains("rate limit         5/s for each task\n"), "{out}");
        let told = told.timeouts.to_string();
        assert_eq!(told, "connect=1s, tls=3s, first_byte=30s, read=30s, write=30s, total=15m");
    }

    #[test]
    fn a_path_that_is_another_entrys_shows_how_it_is_read() {
        let text = "APIS:\n  - { CUSTOM_DOMAIN_URL: a.example.com, PRIVATE_API_URL: \
                    'https://abc.execute-api.eu-west-1.amazonaws.com/p' }\n  - { CUSTOM_DOMAIN_URL: \
                    a.example.com/admin, PRIVATE_API_URL: 'https://abc.execute-api.eu-west-1.amazonaws.com/p/admin', \
                    VERBS: GET }\n";
        let table = compile(text, "m.yaml", None).expect("a mapping");
        let told = explain(
            &table,
            &Settings::default(),
            &Files::one("m.yaml"),
            &Question::of_url("GET", b"a.example.com/%61dmin//x"),
        );
        let want = "refused: 400 ambiguous_path (The path can be read as another one)\n  entry              \
                    a.example.com/admin (m.yaml:3)\n  read as            /admin/x\n  help: Send the path as `read as` \
                    shows it.\n";
        assert_eq!(told.to_string(), want);
    }

    #[test]
    fn a_refused_request_shows_why() {
        let (forwarded, text) = told("GET", "pay.example.com/v2");
        assert!(!forwarded);
        assert!(text.starts_with("refused: 404 unknown_path"), "{text}");
        assert!(text.contains("mapped paths       /v1\n"), "{text}");
        assert!(told("GET", "https://pay.example.com/v1/../x").1.starts_with("refused: 400 dot_segment"));
        assert!(told("GET", "https://pay.example.com/v1/..%e0%80%2fx").1.starts_with("refused: 400 dot_segment"));
        assert!(told("GET", "https://other.example/").1.starts_with("refused: 421 unknown_host"));
        assert!(told("GET", "pay.example.com/v1?u=https://x").0, "a URL inside the query is no scheme");
        assert!(told("GET", "https:///x").1.starts_with("refused: 400 missing_host"));
        assert!(told("G@T", "pay.example.com/v1").1.starts_with("refused: 400 malformed_message"));
        assert!(told("", "pay.example.com/v1").1.starts_with("refused: 400 malformed_message"));
    }

    #[test]
    fn a_refused_request_shows_what_would_help() {
        for (method, url, want) in [
            ("GET", "pay.example.com/v1?q=<b>", "help: Percent-encode `<` in the query: send `%3C`.\n"),
            ("GET", "pay.example.com/v1/a b", "help: Percent-encode 0x20 in the path: send `%20`.\n"),
            ("GET", "pay.example.com/v1/a b", "over HTTP/2        the stream is reset: PROTOCOL_ERROR\n"),
            ("GET", "pai.example.com/v1", "nearest domain     pay.example.com (m.yaml:3)\n"),
            ("get", "pay.example.com/v1", "help: Methods are case-sensitive: send `GET`, not `get`.\n"),
            ("CONNECT", "pay.example.com/v1", "help: CONNECT asks for a tunnel, and an API has none.\n"),
        ] {
            let text = told(method, url).1;
            assert!(text.contains(want), "{want} in {text}");
        }
        let no_reset = told("GET", "pay.example.com/v1\\x").1;
        assert!(no_reset.starts_with("refused: 400 malformed_target") && !no_reset.contains("HTTP/2"), "{no_reset}");
    }
}
