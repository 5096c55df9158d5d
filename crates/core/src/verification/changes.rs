//! The entries of a new mapping that lead somewhere else than in the active one.

use bytes::Bytes;

use crate::domain::order::by_domain;
use crate::domain::pace::Pace;
use crate::domain::route::Route;
use crate::domain::table::MappingTable;
use crate::settings::DEFAULT_ENDPOINT;

/// Entries compared between two offers of the core.
const COMPARED: u32 = 2_048;

/// Where requests for a domain lead: to an API, its stage and base path, through an endpoint. The domain is part of it
/// because a resource policy may decide by it, and PROBE because it says what is asked. Entries with the same target are
/// asked about once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    domain: Bytes,
    api_host: Bytes,
    prefix: Bytes,
    endpoint: Option<Box<str>>,
    probe: Option<Box<str>>,
}

impl Target {
    /// Returns the target of an entry.
    pub fn of(route: &Route) -> Target {
        Target {
            domain: route.host_bytes(),
            api_host: route.api_host_bytes(),
            prefix: route.prefix_bytes(),
            endpoint: endpoint(route).map(Box::from),
            probe: route
                .overrides()
                .and_then(|overrides| overrides.probe.as_ref())
                .map(|probe| probe.to_string().into()),
        }
    }
}

/// The name of an entry's endpoint; `None` for the default one, whether it is named or not.
fn endpoint(route: &Route) -> Option<&str> {
    let named = route.overrides().and_then(|overrides| overrides.endpoint.as_deref());
    named.filter(|name| *name != DEFAULT_ENDPOINT)
}

/// Reports whether two entries lead to the same place, whichever domain they are for.
pub fn has_same_target(one: &Route, other: &Route) -> bool {
    one.api_host() == other.api_host() && one.prefix_ref() == other.prefix_ref() && endpoint(one) == endpoint(other)
}

/// An entry that leads somewhere else than what answered for its name and path before.
#[derive(Clone, Debug)]
pub struct Change {
    /// The entry, as the new mapping has it.
    pub next: Route,
    /// What answered before.
    pub before: Before,
}

/// What answered for an entry's name and path before.
#[derive(Clone, Debug)]
pub enum Before {
    /// The entry itself, with another target.
    Entry(Route),
    /// Another entry: one with a shorter base path, or a wildcard.
    Wider(Route),
}

impl Change {
    /// The same change with texts of its own, so that it keeps no other entry of either mapping.
    pub(super) fn to_owned_text(&self) -> Change {
        let before = match &self.before {
            Before::Entry(route) => Before::Entry(route.to_owned_text()),
            Before::Wider(route) => Before::Wider(route.to_owned_text()),
        };
        Change { next: self.next.to_owned_text(), before }
    }
}

impl Before {
    /// Returns the entry that answered.
    pub fn route(&self) -> &Route {
        match self {
            Before::Entry(route) | Before::Wider(route) => route,
        }
    }
}

/// Returns the entries of `next` that lead somewhere else than in `active`, in the order of a table. A new entry is one
/// of them if another entry has answered for its name and path; a name that nothing answered for is not. Shards that both
/// tables share are not looked at.
pub fn changes(active: &MappingTable, next: &MappingTable, pace: Pace) -> Vec<Change> {
    let mut compared = pace.every(COMPARED);
    let mut found = Vec::new();
    let touched = (0..next.shards()).filter(|at| !next.shares(*at, active));
    for route in touched.flat_map(|at| next.routes_in(at)) {
        compared.step();
        let before = match active.place_like(route) {
            Some(place) => Some(Before::Entry(active.route(place).clone())),
            None => wider(active, route).map(Before::Wider),
        };
        if let Some(before) = before.filter(|before| !has_same_target(before.route(), route)) {
            found.push(Change { next: route.clone(), before });
        }
    }
    found.sort_unstable_by(|one, other| {
        compared.step();
        by_domain(&one.next, &other.next)
    });
    found
}

/// Returns the entry that answers for the name and path of one that the table does not have.
fn wider(table: &MappingTable, route: &Route) -> Option<Route> {
    table.lookup(route.host(), lookup_path(route)).ok().map(|found| found.route.clone())
}

/// The shortest path that an entry answers for.
pub(super) fn lookup_path(route: &Route) -> &[u8] {
    if route.base().is_empty() { b"/" } else { route.base_ref() }
}
