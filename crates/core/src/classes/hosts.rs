//! Hosts that a mapping tells apart: each of its domains, the other names under each wildcard, and all other hosts.

use std::cmp::Ordering;

use crate::domain::host::MAX_HOST;
use crate::domain::table::MappingTable;

/// What stands for the pattern of all hosts that no entry names.
const ANY_OTHER: &str = "*";

/// The first label of an example.
const EXAMPLE: &str = "example";

/// Hosts that share their entries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostClass {
    /// The domain, as an entry writes it; `*` for every host that no entry names.
    pub pattern: String,
    /// One of the hosts. Below a wildcard, no entry names it.
    pub example: String,
}

/// The hosts whose entries differ between two tables, in order.
pub(super) fn differing(old: &MappingTable, new: &MappingTable) -> Vec<HostClass> {
    let (mut olds, mut news) = (old.groups().peekable(), new.groups().peekable());
    let mut found = Vec::new();
    loop {
        let order = match (olds.peek(), news.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => old.route(before.start).host_ref().cmp(new.route(after.start).host_ref()),
        };
        let before = if order.is_le() { olds.next().unwrap_or_default() } else { 0..0 };
        let after = if order.is_ge() { news.next().unwrap_or_default() } else { 0..0 };
        let is_same = before.len() == after.len()
            && before.clone().zip(after.clone()).all(|(one, two)| old.route(one).says_the_same(new.route(two)));
        if !is_same {
            let route = if order.is_le() { old.route(before.start) } else { new.route(after.start) };
            found.extend(class_of(route.host(), &[old, new]));
        }
    }
    if old.is_empty() != new.is_empty() {
        found.extend(any_other(&[old, new]));
    }
    found
}

/// Every class of hosts of a table, in order.
pub(super) fn all(table: &MappingTable) -> Vec<HostClass> {
    let named = table.groups().filter_map(|group| class_of(table.route(group.start).host(), &[table]));
    named.chain(any_other(&[table])).collect()
}

/// The class of a domain; none where entries name every host under a wildcard.
fn class_of(domain: &str, tables: &[&MappingTable]) -> Option<HostClass> {
    let example = match domain.strip_prefix("*.") {
        None => domain.to_owned(),
        Some(parent) => {
            let is_named = |host: &str| {
                let exact =
                    |table: &&MappingTable| table.routes_of(host).first().is_some_and(|route| !route.is_wildcard());
                tables.iter().any(exact)
            };
            labels(MAX_HOST - parent.len() - 1).map(|label| format!("{label}.{parent}")).find(|host| !is_named(host))?
        }
    };
    Some(HostClass { pattern: domain.to_owned(), example })
}

fn any_other(tables: &[&MappingTable]) -> Option<HostClass> {
    let is_unknown = |host: &String| tables.iter().all(|table| table.routes_of(host).is_empty());
    // Two labels of their own: a wildcard takes away the names under one parent.
    let example = labels(EXAMPLE.len() + 9).map(|label| format!("{label}.{label}.invalid")).find(is_unknown)?;
    Some(HostClass { pattern: ANY_OTHER.to_owned(), example })
}

/// Labels up to this length: `example`, `example2` and so on; where those do not fit, every possible label.
fn labels(room: usize) -> Box<dyn Iterator<Item = String>> {
    const CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-_";
    if room >= EXAMPLE.len() + 9 {
        let numbered = (2_u32..).map(|number| format!("{EXAMPLE}{number}"));
        return Box::new(std::iter::once(EXAMPLE.to_owned()).chain(numbered));
    }
    let of_length = |length: u32| {
        let count = (CHARACTERS.len() as u64).saturating_pow(length);
        (0..count).map(move |number| {
            let digit = |at: u32| CHARACTERS[(number / (CHARACTERS.len() as u64).pow(at)) as usize % CHARACTERS.len()];
            (0..length).map(|at| char::from(digit(at))).collect()
        })
    };
    Box::new((1..=room.min(6) as u32).flat_map(of_length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fit_where_they_stand() {
        assert_eq!(labels(60).take(2).collect::<Vec<_>>(), ["example", "example2"]);
        let short: Vec<String> = labels(1).collect();
        assert_eq!((short.len(), short[0].as_str(), short[37].as_str()), (38, "a", "_"));
        assert_eq!(labels(2).count(), 38 + 38 * 38);
        assert_eq!(labels(0).count(), 0);
    }
}
