//! What is kept for each route of a table, from one table to the next.
//!
//! **Invariant:** a value stays the same one for as long as its route says the same. What is kept for the routes of a shard
//! is shared where the shard is.

use std::sync::Arc;

use super::pace::Pace;
use super::route::Route;
use super::table::MappingTable;

/// Routes compared between two offers of the core.
const COMPARED: u32 = 1_024;

/// A value for each route of a table.
#[derive(Debug)]
pub struct Kept<T> {
    shards: Box<[Arc<[Arc<T>]>]>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept { shards: Box::default() }
    }
}

/// How many entries a change touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Only the new mapping has them.
    pub added: usize,
    /// Only the old one had them.
    pub removed: usize,
    /// Both have them, and they say something else.
    pub changed: usize,
}

impl<T> Kept<T> {
    /// What is kept for the routes of `new`, where this is what is kept for those of `old`; `make` makes what is missing.
    /// Also returns what changes from one table to the other.
    pub fn next(
        &self,
        (old, new): (&MappingTable, &MappingTable),
        make: impl Fn(&Route) -> T,
        pace: Pace,
    ) -> (Kept<T>, Tally) {
        let (mut tally, mut stayed) = (Tally::default(), 0);
        let mut compared = pace.every(COMPARED);
        let mut of_route = |route: &Route| {
            compared.step();
            match old.place_like(route) {
                None => tally.added += 1,
                Some(place) => {
                    stayed += 1;
                    if old.route(place).says_the_same(route) {
                        return Arc::clone(self.at(old.split(place)));
                    }
                    tally.changed += 1;
                }
            }
            Arc::new(make(route))
        };
        let mut shared = 0;
        let of_shard = |at: usize| {
            if old.shares(at, new) {
                shared += new.routes_in(at).len();
                return Arc::clone(&self.shards[at]);
            }
            new.routes_in(at).iter().map(&mut of_route).collect()
        };
        let shards = (0..new.shards()).map(of_shard).collect();
        tally.removed = old.len() - stayed - shared;
        (Kept { shards }, tally)
    }

    /// What is kept for a route, by what [`MappingTable::split`] gives for its place.
    #[inline]
    pub fn at(&self, (shard, offset): (usize, usize)) -> &Arc<T> {
        &self.shards[shard][offset]
    }

    /// How many shards it shares with another one.
    pub fn shared_with(&self, other: &Kept<T>) -> usize {
        self.shards.iter().zip(&other.shards).filter(|(one, other)| Arc::ptr_eq(one, other)).count()
    }

    /// Drops it in short steps. What another one shares stays.
    pub fn take_apart(self, pace: Pace) {
        let mut dropped = pace.every(COMPARED / 16);
        for shard in self.shards {
            drop(shard);
            dropped.step();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::PrivateApi;
    use crate::domain::base_path::BasePath;
    use crate::domain::host::Host;
    use crate::domain::route::Choices;

    fn route(host: usize, api: &str) -> Route {
        let api = PrivateApi::parse(&format!("https://{api}.execute-api.eu-west-1.amazonaws.com/p")).expect("an api");
        let host = Host::parse(&format!("h{host}.example.com")).expect("a host");
        Route::new(&host, &BasePath::default(), &api, Choices::default(), 1)
    }

    #[test]
    fn a_change_of_one_entry_shares_what_is_kept_for_all_other_shards() {
        let table = MappingTable::new((0..10_000).map(|host| route(host, "one")).collect());
        let none = MappingTable::default();
        let (kept, tally) = Kept::default().next((&none, &table), |_| (), Pace::default());
        assert_eq!(tally, Tally { added: 10_000, ..Tally::default() });
        let changed = route(7, "two");
        let is_gone = |route: &Route| route.host_ref() == changed.host_ref();
        let next = table.with_replaced([changed.host_ref()], is_gone, vec![changed.clone()], Pace::default());
        let (after, tally) = kept.next((&table, &next), |_| (), Pace::default());
        assert_eq!(tally, Tally { changed: 1, ..Tally::default() });
        assert_eq!((after.shared_with(&kept), next.shards()), (table.shards() - 1, table.shards()));
    }
}
