//! What somebody should look at in a mapping without errors.
//!
//! What many entries have in common is one warning, at the first of them: a page of equal ones hides the others.

use std::collections::{BTreeMap, HashMap};

use super::document::{Node, Nodes, Reader, Stop, Text};
use super::entry::{Key, OBSOLETE};
use crate::diagnostic::{Code, Diagnostics, Fault, Faults, Place};
use crate::domain::limits::has_stricter_entry;
use crate::domain::pace::Pace;
use crate::domain::region::{is_announced, nearest_to};
use crate::domain::route::Route;
use crate::domain::table::MappingTable;
use crate::domain::verbs::VerbSet;
use crate::mapping::files::Files;

/// Entries looked at between two offers of the core.
const LOOKED_AT: u32 = 1_024;

/// The methods that browsers ask about with OPTIONS before they send one (Fetch, "CORS-preflight request").
const PREFLIGHTED: [&str; 4] = ["DELETE", "PATCH", "POST", "PUT"];

/// The stage that the console's test button calls a method at. It is deployed for nobody else.
const TEST_STAGE: &str = "test-invoke-stage";

/// A warning about an entry.
struct Notice<'t> {
    /// The entry, which is on the line of its CUSTOM_DOMAIN_URL.
    route: &'t Route,
    /// The key it is about, and the part of its value.
    key: Key,
    part: String,
    what: String,
    help: String,
    code: Code,
}

/// Every warning of a mapping, with its place in the text that the table was compiled from.
pub fn warnings(text: &str, table: &MappingTable, file: &str) -> Diagnostics {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let notices = notices(table, &Files::one(file), Pace::default());
    let has_obsolete = memchr::memmem::find(text.as_bytes(), OBSOLETE.as_bytes()).is_some();
    if notices.is_empty() && !has_obsolete {
        return Diagnostics::default();
    }
    let mut by_line: HashMap<u32, Vec<Notice<'_>>> = HashMap::new();
    for notice in notices {
        by_line.entry(notice.route.line).or_default().push(notice);
    }
    let mut placed = Placed { by_line, found: Faults::default() };
    // It compiled, so it is read to its end.
    let _ = placed.document(&mut Reader::new(text));
    placed.found.locate(text, file)
}

/// One line about a mapping's warnings for the log, or `None` if there is none. `files` names the parts of the mapping.
pub fn summary(table: &MappingTable, files: &Files, pace: Pace) -> Option<String> {
    let notices = notices(table, files, pace);
    let Notice { route, what, help, .. } = notices.first()?;
    let count = if notices.len() == 1 { "1 warning".to_owned() } else { format!("{} warnings", notices.len()) };
    let line = files.line(route);
    Some(format!("{count}; the first is on {line}: {what} ({help}). `nameplate check` shows them all"))
}

/// Reports whether [`summary`] would have something to tell of these entries, which are all of their domains.
pub fn has_any(routes: &[Route]) -> bool {
    let mut shared = Shared::default();
    routes.iter().for_each(|route| shared.look_at(route));
    !shared.is_empty() || has_stricter_entry(routes)
}

/// The warnings that a table tells, those first that are most likely errors.
fn notices<'t>(table: &'t MappingTable, files: &Files, pace: Pace) -> Vec<Notice<'t>> {
    let mut shared = Shared::default();
    let mut steps = pace.every(LOOKED_AT);
    for (_, route) in table.in_any_order() {
        steps.step();
        shared.look_at(route);
    }
    let mut notices = shared.notices();
    notices.extend(table.stricter_below_wider().into_iter().map(|pair| stricter(files, pair)));
    notices.sort_by_key(|notice| (notice.code == Code::NoOptions, place_of(notice.route)));
    notices
}

/// What entries are sorted by: the part, and the line in it.
fn place_of(route: &Route) -> (u16, u32) {
    (route.part, route.line)
}

/// How many entries have something in common, and the first one.
#[derive(Clone, Copy)]
struct Same<'t> {
    first: &'t Route,
    entries: usize,
}

impl<'t> Same<'t> {
    fn with(self, route: &'t Route) -> Same<'t> {
        let first = if place_of(route) < place_of(self.first) { route } else { self.first };
        Same { first, entries: self.entries + 1 }
    }

    /// What is said of the others.
    fn others(self) -> String {
        match self.entries {
            1 => String::new(),
            2 => " (here and in 1 more entry)".into(),
            n => format!(" (here and in {} more entries)", n - 1),
        }
    }
}

/// What entries have in common.
#[derive(Default)]
struct Shared<'t> {
    regions: BTreeMap<&'t str, Same<'t>>,
    /// The last region that was looked up; nearly always the next one, too.
    announced: &'t str,
    test_stage: Option<Same<'t>>,
    no_options: Option<(Same<'t>, VerbSet)>,
}

impl<'t> Shared<'t> {
    fn look_at(&mut self, route: &'t Route) {
        let none = Same { first: route, entries: 0 };
        let region = route.region();
        if region != self.announced && is_announced(region) {
            self.announced = region;
        } else if region != self.announced {
            let same = self.regions.entry(region).or_insert(none);
            *same = same.with(route);
        }
        if route.prefix()[1..].split('/').next() == Some(TEST_STAGE) {
            self.test_stage = Some(self.test_stage.unwrap_or(none).with(route));
        }
        let verbs = route.choices.verbs;
        if !verbs.allows("OPTIONS") && PREFLIGHTED.iter().any(|verb| verbs.allows(verb)) {
            let (same, first) = self.no_options.unwrap_or((none, verbs));
            let first = if place_of(route) <= place_of(same.first) { verbs } else { first };
            self.no_options = Some((same.with(route), first));
        }
    }

    fn is_empty(&self) -> bool {
        self.regions.is_empty() && self.test_stage.is_none() && self.no_options.is_none()
    }

    fn notices(self) -> Vec<Notice<'t>> {
        let region = |(region, same): (&'t str, Same<'t>)| Notice {
            route: same.first,
            key: Key::Api,
            part: format!(".{region}."),
            what: format!("AWS has announced no region `{region}`{}", same.others()),
            help: match nearest_to(region) {
                Some(meant) => format!("did you mean `{meant}`? If the region is new, it is fine"),
                None => "correct it; if the region is new, it is fine".into(),
            },
            code: Code::UnannouncedRegion,
        };
        let test = |same: Same<'t>| Notice {
            route: same.first,
            key: Key::Api,
            part: format!("/{TEST_STAGE}"),
            what: format!("`{TEST_STAGE}` is the stage of the console's test button{}", same.others()),
            help: "write a stage that the API is deployed to, for example `/prod`".into(),
            code: Code::TestStage,
        };
        let options = |(same, verbs): (Same<'t>, VerbSet)| {
            let asked: Vec<_> = verbs.names().filter(|verb| PREFLIGHTED.contains(verb)).collect();
            Notice {
                route: same.first,
                key: Key::Verbs,
                part: String::new(),
                what: format!("VERBS has {} without OPTIONS{}", asked.join(", "), same.others()),
                help:
                    "add OPTIONS where browsers call from another origin: they ask with it first (CORS), and get 405; \
                       other clients never do"
                        .into(),
                code: Code::NoOptions,
            }
        };
        let regions = self.regions.into_iter().map(region);
        regions.chain(self.test_stage.map(test)).chain(self.no_options.map(options)).collect()
    }
}

/// Warns of an entry that allows less than one above it, and that other spellings of its paths would go round.
fn stricter<'t>(files: &Files, (strict, wide): (&'t Route, &Route)) -> Notice<'t> {
    let name = |route: &Route| format!("`{}{}`", route.host(), route.base());
    Notice {
        route: strict,
        key: Key::Domain,
        part: String::new(),
        what: format!(
            "{} allows less than {} ({}), which leads to the same API and stage",
            name(strict),
            name(wide),
            files.line(wide)
        ),
        help:
            "other spellings of its paths (`//x`, `/%78`) are refused with `ambiguous_path`; what nobody may call is \
               best refused by the API as well"
                .into(),
        code: Code::StricterEntry,
    }
}

/// Finds the places that notices are about.
struct Placed<'n> {
    by_line: HashMap<u32, Vec<Notice<'n>>>,
    found: Faults,
}

impl Placed<'_> {
    fn document<'t>(&mut self, reader: &mut Reader<'t>) -> Result<(), Stop> {
        reader.open()?;
        while let Node::Text(_) = reader.node()? {
            match reader.value()? {
                Node::List(_) => while self.entry(reader)? {},
                other => reader.skip(&other)?,
            }
        }
        Ok(())
    }

    /// Reads an entry. Returns `false` at the end of the list.
    fn entry<'t>(&mut self, reader: &mut Reader<'t>) -> Result<bool, Stop> {
        if !matches!(reader.node()?, Node::Map(_)) {
            return Ok(false);
        }
        let mut values: Vec<(Key, Place, Option<Text<'t>>)> = Vec::new();
        while let Node::Text(name) = reader.node()? {
            if name.value == OBSOLETE {
                let help = "delete it; `nameplate plan --validation-zone` says this now";
                let what = format!("{OBSOLETE} has no effect");
                self.found.push(Fault::at(name.at, what, help).code(Code::ObsoleteKey).into_warning());
            }
            let value = reader.value()?;
            reader.skip(&value)?;
            let text = if let Node::Text(text) = value { Some(text) } else { None };
            values.extend(Key::named(&name.value).map(|key| (key, name.at, text)));
        }
        let domain = values.iter().find(|(key, ..)| *key == Key::Domain);
        let line = domain.and_then(|(.., text)| text.as_ref()).map_or(0, |text| text.at.line);
        for notice in self.by_line.remove(&line).into_iter().flatten() {
            let Some((_, name_at, text)) = values.iter().find(|(key, ..)| *key == notice.key) else { continue };
            let fault = match text {
                Some(text) => {
                    let offset = text.value.to_ascii_lowercase().find(&notice.part).unwrap_or(0);
                    let offset = offset + usize::from(offset > 0);
                    Fault::in_value(text.at, &text.value, offset, notice.what, notice.help)
                }
                None => Fault::at(*name_at, notice.what, notice.help),
            };
            self.found.push(fault.code(notice.code).into_warning());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::compile::compile;

    fn entry(domain: &str, rest: &str, verbs: &str) -> String {
        format!(
            "  - CUSTOM_DOMAIN_URL: {domain}\n    PRIVATE_API_URL: https://abc.execute-api.{rest}\n    VERBS: {verbs}\n"
        )
    }

    fn found(entries: &[String]) -> String {
        let text = format!("APIS:\n{}", entries.concat());
        let table = compile(&text, "m", None).expect("a mapping");
        let warnings = warnings(&text, &table, "m");
        if warnings.is_empty() { String::new() } else { warnings.to_string() }
    }

    #[test]
    fn a_mapping_as_it_should_be_has_no_warning() {
        let good = |verbs| entry("a.example.com", "eu-west-1.amazonaws.com/p", verbs);
        for verbs in ["ANY", "GET", "[GET, HEAD]", "[POST, OPTIONS]"] {
            assert_eq!(found(&[good(verbs)]), "", "{verbs}");
        }
    }

    #[test]
    fn what_entries_have_in_common_is_said_once() {
        let far = |domain: &str| entry(domain, "eu-west-9.amazonaws.com/p", "[GET, POST]");
        let said = found(&[far("a.example.com"), far("b.example.com"), far("c.example.com")]);
        assert!(
            said.starts_with("m:3:46: warning: AWS has announced no region `eu-west-9` (here and in 2 more"),
            "{said}"
        );
        assert!(
            said.contains("m:4:5: warning: VERBS has POST without OPTIONS (here and in 2 more entries)\n"),
            "{said}"
        );
        assert!(said.ends_with("\n2 warnings"), "{said}");
    }

    #[test]
    fn the_log_gets_one_line() {
        let text = format!("APIS:\n{}", entry("a.example.com", "eu-west-9.amazonaws.com/test-invoke-stage", "PUT"));
        let table = compile(&text, "m", None).expect("a mapping");
        let line = summary(&table, &Files::one("m"), Pace::default()).expect("warnings");
        assert!(line.starts_with("3 warnings; the first is on line 2: AWS has announced no region"), "{line}");
        assert!(!line.contains('\n'));
    }

    #[test]
    fn the_log_names_the_part_of_the_first_warning() {
        let part = |mark: u16, text: &str| {
            let table = compile(&format!("APIS:\n{text}"), "m", None).expect("a mapping");
            table.routes().iter().map(|route| route.of_part(mark)).collect::<Vec<_>>()
        };
        let good = entry("a.example.com", "eu-west-1.amazonaws.com/p", "ANY");
        let bad = entry("b.example.com", "eu-west-9.amazonaws.com/p", "ANY");
        let routes = [part(0, &[good.clone(), good.replace("a.", "c.")].concat()), part(1, &bad)].concat();
        let files = Files::new("mapping", ["pay.yaml".into(), "web/shop.yaml".into()].into());
        let line = summary(&MappingTable::new(routes), &files, Pace::default()).expect("a warning");
        assert!(line.starts_with("1 warning; the first is on line 2 of web/shop.yaml: AWS has announced no"), "{line}");
    }
}
