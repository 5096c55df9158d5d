//! Mappings: any bytes, to a table or to faults with their places.

use std::fmt::Write as _;

use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::domain::decide::{Refused, RequestLimits, RequestView, decide};
use nameplate_core::domain::host::{HostBuffer, is_public_suffix};
use nameplate_core::domain::overrides::Timeouts;
use nameplate_core::domain::pace::Pace;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::verbs::VerbSet;
use nameplate_core::mapping::load::compile_bytes;
use nameplate_core::settings::DEFAULT_ENDPOINT;

const LIMITS: RequestLimits = RequestLimits { body: 10, headers: 10, url: 8_192 };

/// Two ends of a document that change nothing but who reads it: the quick reader gives up at `...`.
const ENDED: &[u8] = b"\n...\n";

/// Both readers say the same; what compiles is found, and compiles again from what it says.
pub fn mapping(input: &[u8]) {
    let found = compile_bytes(input, "fuzz.yaml", None);
    let whole = compile_bytes(&[input, ENDED].concat(), "fuzz.yaml", None);
    match found {
        Ok(table) => {
            let whole = whole.unwrap_or_else(|faults| panic!("the quick reader alone takes it:\n{faults}"));
            same(&table, &whole, true);
            again(&table);
            table.routes().iter().for_each(|route| reached(&table, route));
        }
        Err(faults) => {
            assert!(whole.is_err(), "refused, and taken with an end of document:\n{faults}");
            placed(input, &faults);
        }
    }
}

fn same(one: &MappingTable, other: &MappingTable, lines: bool) {
    assert_eq!((one.len(), one.domains()), (other.len(), other.domains()));
    for (a, b) in one.routes().iter().zip(other.routes()) {
        assert!(a.says_the_same(b), "{a:?}\n{b:?}");
        assert!(!lines || a.line == b.line, "{a:?}\n{b:?}");
    }
    assert_eq!(one.domains_missing_in(other, Pace::default()), 0);
}

/// A table written down, in the two forms there are, is the same table.
fn again(table: &MappingTable) {
    let (mut yaml, mut json) = ("APIS:\n".to_owned(), "{\"APIS\": [".to_owned());
    for (at, route) in table.routes().iter().enumerate() {
        let verbs = route.choices.verbs.to_string();
        let verbs = if route.choices.verbs == VerbSet::ALL { "ANY" } else { &verbs };
        let own = route.overrides().cloned().unwrap_or_default();
        let mut keys = vec![
            ("CUSTOM_DOMAIN_URL", format!("{}{}", route.host(), route.base())),
            ("PRIVATE_API_URL", format!("https://{}{}", route.api_host(), route.prefix())),
            ("VERBS", verbs.to_owned()),
            ("HOST", route.choices.host.name().to_owned()),
            ("REFERER", route.choices.referer.name().to_owned()),
            ("RESPONSE", route.choices.response.name().to_owned()),
            ("ENDPOINT", own.endpoint.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())),
        ];
        if own.timeouts != Timeouts::default() {
            keys.push(("TIMEOUT", own.timeouts.to_string()));
        }
        keys.extend(own.rate.map(|rate| ("RATE_LIMIT", rate.to_string())));
        keys.extend(own.probe.map(|probe| ("PROBE", probe.to_string())));
        json.push_str(if at == 0 { "{" } else { ", {" });
        for (number, (key, value)) in keys.iter().enumerate() {
            let (dash, comma) = if number == 0 { ("- ", "") } else { ("  ", ", ") };
            // Base paths may hold what single quotes do not pass unchanged, but no double quote and
            // no backslash.
            let _ = writeln!(yaml, "  {dash}{key}: \"{value}\"");
            let _ = write!(json, "{comma}\"{key}\": \"{value}\"");
        }
        json.push('}');
    }
    json.push_str("]}");
    for text in [yaml, json] {
        let written = compile_bytes(text.as_bytes(), "again.yaml", None);
        same(table, &written.unwrap_or_else(|faults| panic!("{text}\n{faults}")), false);
    }
}

/// A request for an entry's own domain and base path reaches that entry, at its stage.
fn reached(table: &MappingTable, route: &Route) {
    let parent = route.host().strip_prefix("*.");
    assert!(!is_public_suffix(parent.unwrap_or(route.host())), "{route:?}");
    let host = parent.map_or_else(|| route.host().to_owned(), |parent| format!("any-label-at-all.{parent}"));
    let base = if route.base().is_empty() { "/" } else { route.base() };
    let method = route.choices.verbs.names().next().expect("an entry allows a method");
    let (target, bytes) = (format!("{base}?q"), Some(host.as_bytes()));
    let request = RequestView {
        method,
        target: target.as_bytes(),
        host: bytes,
        host_optional: false,
        header_bytes: 0,
        content_length: None,
    };
    // A wildcard of the longest names leaves no room for the label it stands for, and a name with
    // entries of its own never falls back to a wildcard.
    if host.len() > 253 || parent.is_some() && table.routes().iter().any(|other| other.host() == host) {
        return;
    }
    let mut buffer = HostBuffer::default();
    let decision = match decide(table, &LIMITS, request, [], &mut buffer) {
        Ok(decision) => decision,
        // Two base paths with one plain spelling, and the other entry is the stricter one.
        Err(Refused { refusal: Refusal::AmbiguousPath, index: Some(index) }) => {
            return assert!(!table.route(index).says_the_same(route), "{route:?}");
        }
        Err(no) => panic!("{no:?}: {route:?}"),
    };
    let slash = if route.base().is_empty() { "/" } else { "" };
    assert_eq!(String::from_utf8_lossy(&decision.target), format!("{}{slash}?q", route.prefix()), "{route:?}");
    assert!(decision.route.says_the_same(route));
}

/// Every fault is somewhere in the text, says something, and stays on its lines.
fn placed(input: &[u8], faults: &Diagnostics) {
    assert!(!faults.is_empty());
    let text = String::from_utf8_lossy(input);
    // What is missing at the end of a text without a last line break is missing on the line after it.
    let lines = (text.matches(['\n', '\r']).count() + 2) as u32;
    let mut before = (0, 0);
    for fault in faults.iter() {
        assert!((1..=lines).contains(&fault.line) && fault.column >= 1, "{fault:?}");
        assert!(before <= (fault.line, fault.column), "out of order: {fault:?}");
        before = (fault.line, fault.column);
        assert!(!fault.what.is_empty() && !fault.help.is_empty(), "{fault:?}");
        for said in [&fault.what, &fault.text, &fault.help] {
            assert!(!said.chars().any(char::is_control), "{fault:?}");
        }
    }
    assert!(faults.to_string().ends_with(if faults.len() == 1 { "1 error" } else { " errors" }));
}
