//! Entries that are held, and the table that is active while they are.

use super::changes::{Before, Change, has_same_target, lookup_path};
use crate::domain::order::by_domain;
use crate::domain::pace::Pace;
use crate::domain::route::Route;
use crate::domain::table::MappingTable;
use crate::verdict::{Class, Verdict};

/// An entry that keeps what answered for its name and path before.
#[derive(Clone, Debug)]
pub struct HeldEntry {
    /// What the new mapping would change.
    pub change: Change,
    /// Why it is held.
    pub reason: Reason,
}

/// Why an entry is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its new target answers worse than the old one.
    Worse {
        /// How the new target answers.
        verdict: Verdict,
        /// How the old one does; `None` where it was not asked in time, and counts as answering.
        before: Option<Verdict>,
    },
    /// Its new target was not asked in time, or not for the number of requests.
    Unverified,
}

impl Reason {
    /// Returns the class of the new target's verdict, as metrics label it.
    pub fn label(&self) -> &'static str {
        match self {
            Reason::Worse { verdict, .. } => verdict.class().label(),
            Reason::Unverified => UNVERIFIED,
        }
    }
}

/// The label of [`Reason::Unverified`].
pub const UNVERIFIED: &str = "unverified";

/// Returns every label that [`Reason::label`] can have.
pub fn labels() -> impl Iterator<Item = &'static str> {
    Class::ALL.into_iter().map(Class::label).chain([UNVERIFIED])
}

/// Leaves out the entries that are active already, because somebody has consented to them. `active` is the active table.
pub fn still_held(held: Vec<HeldEntry>, active: &MappingTable) -> Vec<HeldEntry> {
    let is_active = |held: &HeldEntry| {
        let next = &held.change.next;
        let mut named = active.routes_named(next.host_ref()).iter();
        named.any(|route| by_domain(route, next).is_eq() && has_same_target(route, next))
    };
    held.into_iter().filter(|held| !is_active(held)).collect()
}

/// Returns a table in which requests for each held entry lead where they led before. `held` is in the order of a table.
pub fn with_held(next: &MappingTable, held: &[HeldEntry], pace: Pace) -> MappingTable {
    let is_held = |route: &Route| held.binary_search_by(|held| by_domain(&held.change.next, route)).is_ok();
    let kept = held.iter().filter_map(|HeldEntry { change: Change { next, before }, .. }| match before {
        // It stands in the new mapping's part and line: whoever looks for the entry finds it there.
        Before::Entry(old) => Some(old.at(next.part, next.line)),
        // The wider entry answers for it, as before, if it still can.
        Before::Wider(_) => None,
    });
    let table = next.with_replaced(hosts(held), is_held, kept.collect(), pace);
    let missing = led_elsewhere(&table, held);
    if missing.is_empty() { table } else { table.with_replaced([], |_| false, missing, pace) }
}

fn hosts(held: &[HeldEntry]) -> impl Iterator<Item = &[u8]> {
    held.iter().map(|held| held.change.next.host_ref())
}

/// Returns an entry for each held one that the wider entry does not answer for any more: the wider entry leads elsewhere or
/// is gone, or the name has other entries by now and no longer falls back to a wildcard.
fn led_elsewhere(table: &MappingTable, held: &[HeldEntry]) -> Vec<Route> {
    let mut missing = Vec::new();
    for of_host in held.chunk_by(|one, other| one.change.next.host_ref() == other.change.next.host_ref()) {
        let wider = of_host.iter().filter_map(|HeldEntry { change: Change { next, before }, .. }| match before {
            Before::Wider(wider) => Some((next, wider)),
            Before::Entry(_) => None,
        });
        // One entry of its own ends the fallback to a wildcard for all others of the name.
        if wider.clone().any(|(next, wider)| !is_led_by(table, next, wider)) {
            missing.extend(wider.map(|(next, wider)| next.led_by(wider)));
        }
    }
    missing
}

/// Reports whether a table leads requests for the name and path of an entry by the wider entry, to where it led before.
fn is_led_by(table: &MappingTable, route: &Route, wider: &Route) -> bool {
    let found = table.lookup(route.host(), lookup_path(route));
    found.is_ok_and(|found| by_domain(found.route, wider).is_eq() && has_same_target(found.route, wider))
}
