//! Two tables side by side.

use std::cmp::Ordering;

use super::order::by_domain;
use super::table::MappingTable;

/// What became of one custom domain and base path from one table to the next. The numbers are places
/// in these tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Only the old table has it.
    Gone(u32),
    /// Only the new table has it.
    New(u32),
    /// Both have it: there, and here.
    Stayed(u32, u32),
}

/// Goes through two tables side by side, in the order of their routes.
pub fn steps(old: &MappingTable, new: &MappingTable) -> impl Iterator<Item = Step> {
    let (olds, news) = (old.in_order(), new.in_order());
    let (mut at_old, mut at_new) = (0, 0);
    std::iter::from_fn(move || {
        let (before, after) = (olds.get(at_old), news.get(at_new));
        let (order, step) = match (before, after) {
            (None, None) => return None,
            (Some((gone, _)), None) => (Ordering::Less, Step::Gone(*gone)),
            (None, Some((new, _))) => (Ordering::Greater, Step::New(*new)),
            (Some((old, before)), Some((new, after))) => match by_domain(before, after) {
                Ordering::Less => (Ordering::Less, Step::Gone(*old)),
                Ordering::Greater => (Ordering::Greater, Step::New(*new)),
                Ordering::Equal => (Ordering::Equal, Step::Stayed(*old, *new)),
            },
        };
        at_old += usize::from(order.is_le());
        at_new += usize::from(order.is_ge());
        Some(step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::PrivateApi;
    use crate::domain::base_path::BasePath;
    use crate::domain::host::Host;
    use crate::domain::pace::Pace;
    use crate::domain::route::{Choices, Route};

    fn table(entries: &[(&str, &str)]) -> MappingTable {
        let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/p").expect("an api");
        let route = |(line, (host, base)): (u32, &(&str, &str))| {
            let (host, base) = (Host::parse(host).expect("a host"), BasePath::parse(base).expect("a base path"));
            Route::new(&host, &base, &api, Choices::default(), line)
        };
        MappingTable::new((0..).zip(entries).map(route).collect())
    }

    #[test]
    fn two_tables_are_gone_through_side_by_side() {
        let old = table(&[("b.example.com", ""), ("b.example.com", "/v1"), ("c.example.com", "")]);
        let new = table(&[("a.example.com", ""), ("b.example.com", "/v1"), ("d.example.com", "")]);
        let line = |table: &MappingTable, place: u32| table.route(place).line;
        let found: Vec<_> = steps(&old, &new)
            .map(|step| match step {
                Step::Gone(at) => (Some(line(&old, at)), None),
                Step::New(at) => (None, Some(line(&new, at))),
                Step::Stayed(there, here) => (Some(line(&old, there)), Some(line(&new, here))),
            })
            .collect();
        let want = [(None, Some(0)), (Some(1), Some(1)), (Some(0), None), (Some(2), None), (None, Some(2))];
        assert_eq!(found, want);
        assert_eq!(steps(&MappingTable::default(), &old).count(), 3);
        let missing = |table: &MappingTable, other: &MappingTable| table.domains_missing_in(other, Pace::default());
        assert_eq!((missing(&old, &new), missing(&new, &old)), (1, 2));
        assert_eq!((missing(&old, &MappingTable::default()), missing(&old, &old)), (2, 0));
    }
}
