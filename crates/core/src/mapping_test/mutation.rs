//! Changes of a mapping that its tests should notice: each entry deleted, and each led to another API and another stage.

use std::collections::BTreeMap;
use std::fmt;

use super::run::reached;
use super::suite::{Suite, Test};
use crate::domain::api::PrivateApi;
use crate::domain::base_path::BasePath;
use crate::domain::host::Host;
use crate::domain::overrides::Overrides;
use crate::domain::route::{Drafts, Route};
use crate::domain::table::MappingTable;
use crate::mapping::files::Files;
use crate::settings::Settings;

/// A change of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// It is not there.
    Deleted,
    /// It leads to another API.
    OtherApi,
    /// It leads to another stage.
    OtherStage,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 3] = [Mutation::Deleted, Mutation::OtherApi, Mutation::OtherStage];
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mutation::Deleted => "deleted",
            Mutation::OtherApi => "led to another API",
            Mutation::OtherStage => "led to another stage",
        })
    }
}

/// The changes of one entry each that no test would notice, by the entry's place in the table. Only tests that an entry
/// decides can notice a change of it, so each is asked about its own entries alone.
pub fn survivors(suites: &[Suite], table: &MappingTable, settings: &Settings) -> Vec<(u32, Mutation)> {
    let mut by_entry: BTreeMap<u32, Vec<&Test>> = BTreeMap::new();
    for test in suites.iter().flat_map(|suite| &suite.tests) {
        let explanation = test.explained(table, settings, &Files::one(""));
        // One that fails as it is notices nothing.
        if test.passes(&explanation) {
            reached(table, &explanation).into_iter().for_each(|index| by_entry.entry(index).or_default().push(test));
        }
    }
    let mut survivors = Vec::new();
    for (index, _) in table.in_order() {
        let tests = by_entry.get(&index).map(Vec::as_slice).unwrap_or_default();
        for mutation in Mutation::ALL {
            let is_noticed = !tests.is_empty() && {
                let mutant = mutant(table, index, mutation);
                tests.iter().any(|test| !test.passes(&test.explained(&mutant, settings, &Files::one(""))))
            };
            if !is_noticed {
                survivors.push((index, mutation));
            }
        }
    }
    survivors
}

/// What a changed table has for the hosts of an entry: the other entries of its domain, and those of the wildcard that
/// covers it.
fn mutant(table: &MappingTable, index: u32, mutation: Mutation) -> MappingTable {
    let entry = table.route(index);
    let beside = table.routes_of(entry.host()).iter();
    let beside = beside.filter(|route| route.host_ref() == entry.host_ref() && route.base_ref() != entry.base_ref());
    let wildcard = entry.host().split_once('.').map(|(_, parent)| format!("*.{parent}"));
    let wildcard = wildcard.filter(|_| !entry.is_wildcard()).unwrap_or_default();
    let around = table.routes_named(wildcard.as_bytes()).iter();
    let changed = match mutation {
        Mutation::Deleted => None,
        Mutation::OtherApi => led_to(entry, |url| url.replacen(entry.api_id(), &other(entry.api_id()), 1)),
        Mutation::OtherStage => {
            let stage = entry.prefix()[1..].split('/').next().unwrap_or_default();
            led_to(entry, |url| url.replacen(&format!("/{stage}"), &format!("/{}", other(stage)), 1))
        }
    };
    MappingTable::new(beside.chain(around).cloned().chain(changed).collect())
}

/// A name that is another one, and as good.
fn other(name: &str) -> String {
    let first = if name.starts_with('x') { 'y' } else { 'x' };
    format!("{first}{}", &name[1..])
}

/// The same entry for a changed PRIVATE_API_URL.
fn led_to(entry: &Route, change: impl Fn(&str) -> String) -> Option<Route> {
    let url = format!("{}{}", entry.api_host(), entry.prefix());
    let api = PrivateApi::parse(&format!("https://{}", change(&url))).ok()?;
    let (host, base) = (Host::parse(entry.host()).ok()?, BasePath::parse(entry.base()).ok()?);
    let overrides = entry.overrides().cloned().unwrap_or_else(Overrides::default);
    let mut drafts = Drafts::default();
    drafts.push_with(&host, &base, &api, (entry.choices, overrides), entry.line);
    drafts.finish().pop()
}
