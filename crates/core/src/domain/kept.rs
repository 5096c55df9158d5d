//! What is kept for each route of a table, from one table to the next.
//!
//! **Invariant:** a value stays the same one for as long as its route says the same of requests. What is kept for the routes of a shard
//! is shared where the shard is.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::sync::Arc;

use super::order::by_domain;
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
        // As the table of no entry has it.
        Kept { shards: Box::new([Arc::new([])]) }
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
        let mut of_route = |route: &Route, place: Option<(usize, usize)>| {
            compared.step();
            match place {
                None => tally.added += 1,
                Some((shard, offset)) => {
                    stayed += 1;
                    let before = &old.routes_in(shard)[offset];
                    let says_the_same = before.says_the_same(route);
                    tally.changed += usize::from(!says_the_same);
                    if says_the_same || before.is_same_for_requests(route) {
                        return Arc::clone(&self.shards[shard][offset]);
                    }
                }
            }
            Arc::new(make(route))
        };
        let mut shared = 0;
        let of_shard = |at: usize| {
            let routes = new.routes_in(at);
            if old.shares(at, new) {
                shared += routes.len();
                return Arc::clone(&self.shards[at]);
            }
            if !old.is_cut_like(new) {
                return routes.iter().map(|route| of_route(route, place_of(route, old))).collect();
            }
            let mut olds = (0..).zip(old.routes_in(at)).peekable();
            routes.iter().map(|route| of_route(route, next_like(route, &mut olds).map(|offset| (at, offset)))).collect()
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

/// The shard and the offset of a route's domain in a table.
fn place_of(route: &Route, table: &MappingTable) -> Option<(usize, usize)> {
    // A start asks for every entry there is.
    if table.is_empty() { None } else { table.place_like(route).map(|place| table.split(place)) }
}

/// The offset of a route's domain in a shard, of which those that come before it are passed over.
fn next_like<'r>(route: &Route, shard: &mut Peekable<impl Iterator<Item = (usize, &'r Route)>>) -> Option<usize> {
    while let Some((offset, before)) = shard.peek() {
        // Nearly every route is the same one, and its texts are not looked at.
        let order = if before.is(route) { Ordering::Equal } else { by_domain(before, route) };
        match order {
            Ordering::Less => drop(shard.next()),
            Ordering::Equal => return Some(*offset),
            Ordering::Greater => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::PrivateApi;
    use crate::domain::base_path::BasePath;
    use crate::domain::host::Host;
    use crate::domain::overrides::{Overrides, RateLimit};
    use crate::domain::probe::Probe;
    use crate::domain::route::{Choices, Drafts};

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

    #[test]
    fn a_change_of_the_probe_alone_counts_and_keeps_the_value() {
        let table = |probe: Option<Probe>, requests: u32| {
            let per = std::time::Duration::from_secs(1);
            let overrides = Overrides { rate: Some(RateLimit { requests, per }), probe, ..Overrides::default() };
            let host = Host::parse("h.example.com").expect("a host");
            let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/p").expect("an api");
            let mut drafts = Drafts::default();
            drafts.push_with(&host, &BasePath::default(), &api, (Choices::default(), overrides), 1);
            MappingTable::new(drafts.finish())
        };
        let (first, probed, limited) = (table(None, 5), table(Some(Probe::Off), 5), table(Some(Probe::Off), 6));
        let none = MappingTable::default();
        let (kept, _) = Kept::default().next((&none, &first), |_| "first", Pace::default());
        let (kept, tally) = kept.next((&first, &probed), |_| "probed", Pace::default());
        assert_eq!((**kept.at((0, 0)), tally), ("first", Tally { changed: 1, ..Tally::default() }));
        let (kept, tally) = kept.next((&probed, &limited), |_| "limited", Pace::default());
        assert_eq!((**kept.at((0, 0)), tally), ("limited", Tally { changed: 1, ..Tally::default() }));
    }

    #[test]
    fn values_stay_with_their_routes_in_a_table_that_is_cut_anew() {
        for (hosts, more) in [(60, 1), (60, 10), (2_000, 3_000)] {
            let table = MappingTable::new((0..hosts).map(|host| route(host, "one")).collect());
            let none = MappingTable::default();
            let host = |route: &Route| route.host().to_owned();
            let (kept, _) = Kept::default().next((&none, &table), host, Pace::default());
            let next = MappingTable::new((1..hosts + more).map(|host| route(host, "one")).collect());
            let (after, tally) = kept.next((&table, &next), |_| "new".to_owned(), Pace::default());
            assert_eq!(tally, Tally { added: more, removed: 1, changed: 0 }, "{hosts} {more}");
            for (place, route) in next.in_any_order() {
                let value = after.at(next.split(place));
                let is_old = table.place_like(route).is_some();
                assert_eq!(**value, if is_old { route.host() } else { "new" }, "{hosts} {more}");
            }
        }
    }
}
