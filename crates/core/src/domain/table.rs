//! All routes, immutable, looked up by host, then by longest base path.

use std::cmp::Ordering;
use std::fmt;
use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::limits;
use super::pace::Pace;
use super::refusal::Refusal;
use super::rewrite::rest_after;
use super::route::Route;

/// Routes compared, and domains inserted, between two offers of the core.
const COMPARED: u32 = 2_048;
const INSERTED: u32 = 512;

/// The mapping as requests see it.
///
/// Routes of one host stand side by side, longest base path first; the hash table holds only where
/// they start. A lookup allocates nothing.
#[derive(Default)]
pub struct MappingTable {
    routes: Vec<Route>,
    hosts: HashTable<Group>,
    hasher: DefaultHashBuilder,
    /// Where the routes stand beside which a stricter one leads to the same stage: seldom any.
    wider: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Group {
    start: u32,
    end: u32,
}

/// What a lookup found.
#[derive(Clone, Copy, Debug)]
pub struct Match<'t, 'p> {
    /// The entry.
    pub route: &'t Route,
    /// Where it stands in [`MappingTable::routes`].
    pub index: u32,
    /// What follows its base path in the request's path.
    pub rest: &'p [u8],
}

impl MappingTable {
    /// Builds a table. No two routes may have the same host and base path; the compiler of the
    /// mapping sees to that.
    pub fn new(routes: Vec<Route>) -> MappingTable {
        MappingTable::new_paced(routes, Pace::default())
    }

    /// As [`MappingTable::new`], in short steps.
    pub fn new_paced(mut routes: Vec<Route>, pace: Pace) -> MappingTable {
        sort_routes(&mut routes, pace);
        MappingTable::of_sorted(routes, pace)
    }

    /// The table with other routes in place of some of its own. `added` are in a table's order.
    pub fn with_replaced(&self, is_gone: impl Fn(&Route) -> bool, added: Vec<Route>, pace: Pace) -> MappingTable {
        let mut routes = Vec::with_capacity(self.routes.len() + added.len());
        let mut compared = pace.every(COMPARED);
        let mut added = added.into_iter().peekable();
        for route in self.routes.iter().filter(|route| !is_gone(route)) {
            compared.step();
            while let Some(new) = added.next_if(|new| by_domain(new, route) == Ordering::Less) {
                routes.push(new);
            }
            routes.push(route.clone());
        }
        routes.extend(added);
        MappingTable::of_sorted(routes, pace)
    }

    /// Builds a table of routes in its order.
    fn of_sorted(mut routes: Vec<Route>, pace: Pace) -> MappingTable {
        // To make it fit is to copy it, and the allocator holds on to what was copied for a second. What was
        // never written to takes no memory.
        if routes.len() < routes.capacity() / 2 {
            routes.shrink_to_fit();
        }
        let hasher = DefaultHashBuilder::default();
        let groups = routes.chunk_by(|a, b| a.host_ref() == b.host_ref()).count();
        let mut hosts = HashTable::with_capacity(groups);
        let host_of = |group: &Group| routes[group.start as usize].host_ref();
        let mut start = 0;
        let mut inserted = pace.every(INSERTED);
        for chunk in routes.chunk_by(|a, b| a.host_ref() == b.host_ref()) {
            inserted.step();
            let group = Group { start, end: start + chunk.len() as u32 };
            start = group.end;
            hosts.insert_unique(hasher.hash_one(chunk[0].host_ref()), group, |g| hasher.hash_one(host_of(g)));
        }
        let wider = limits::places_of_wider(&routes, pace);
        MappingTable { routes, hosts, hasher, wider }
    }

    /// The route for a normalized host and a path: exact name, then wildcard; of those, the longest
    /// base path that matches on a segment boundary. A name with entries of its own never falls
    /// back to a wildcard.
    #[inline]
    pub fn lookup<'p>(&self, host: &str, path: &'p [u8]) -> Result<Match<'_, 'p>, Refusal> {
        let unknown = || if self.is_empty() { Refusal::NoMapping } else { Refusal::UnknownHost };
        let group = self.group(host).ok_or_else(unknown)?;
        for index in group.start..group.end {
            let route = &self.routes[index as usize];
            if let Some(rest) = rest_after(route.base_ref(), path) {
                return Ok(Match { route, index, rest });
            }
        }
        Err(Refusal::UnknownPath)
    }

    /// The stricter entry that the plain spelling of a path would have met, where another one was found for the path as
    /// it is.
    #[inline]
    pub fn stricter_entry(&self, found: &Match<'_, '_>, host: &str, path: &[u8]) -> Option<u32> {
        if self.wider.is_empty() || self.wider.binary_search(&found.index).is_err() {
            return None;
        }
        let places = self.places_of(host);
        let group = &self.routes[places.start as usize..places.end as usize];
        limits::stricter_by_plain_path(group, found.route, path).map(|at| places.start + at as u32)
    }

    /// Reports whether the spelling of a path can matter on a host: whether one of its entries has a stricter one beside it.
    pub fn has_wider_entry(&self, host: &str) -> bool {
        let places = self.places_of(host);
        let first = self.wider.partition_point(|place| *place < places.start);
        self.wider.get(first).is_some_and(|place| *place < places.end)
    }

    /// The routes that answer for a host, exactly or by wildcard, longest base path first.
    pub fn routes_of(&self, host: &str) -> &[Route] {
        let places = self.places_of(host);
        &self.routes[places.start as usize..places.end as usize]
    }

    /// Where they stand in [`MappingTable::routes`].
    pub fn places_of(&self, host: &str) -> Range<u32> {
        self.group(host).map_or(0..0, |group| group.start..group.end)
    }

    #[inline]
    fn group(&self, host: &str) -> Option<Group> {
        self.named(host.as_bytes()).or_else(|| {
            let (_, parent) = host.split_once('.')?;
            // Built on the stack: a request's host never allocates.
            let mut wildcard = [0_u8; super::host::MAX_HOST + 2];
            let wildcard = wildcard.get_mut(..parent.len() + 2)?;
            wildcard[..2].copy_from_slice(b"*.");
            wildcard[2..].copy_from_slice(parent.as_bytes());
            self.named(wildcard)
        })
    }

    /// The routes whose domain is exactly this, `*.` included, longest base path first.
    pub fn routes_named(&self, host: &[u8]) -> &[Route] {
        self.named(host).map_or(&[], |group| &self.routes[group.start as usize..group.end as usize])
    }

    /// The routes whose domain is exactly this, `*.` included.
    #[inline]
    fn named(&self, host: &[u8]) -> Option<Group> {
        self.hosts.find(self.hasher.hash_one(host), |g| self.host_at(g) == host).copied()
    }

    #[inline]
    fn host_at(&self, group: &Group) -> &[u8] {
        self.routes[group.start as usize].host_ref()
    }

    /// The route at an index that [`Match::index`] gave.
    #[inline]
    pub fn route(&self, index: u32) -> &Route {
        &self.routes[index as usize]
    }

    /// Drops it in short steps.
    pub fn take_apart(self, pace: Pace) {
        let mut dropped = pace.every(INSERTED);
        for route in self.routes {
            drop(route);
            dropped.step();
        }
    }

    /// Every route, by host, then longest base path.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// How many domains they map; a wildcard is one.
    pub fn domains(&self) -> usize {
        self.hosts.len()
    }

    /// Where the routes of each domain stand, domain by domain.
    pub fn groups(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        let mut start = 0;
        self.routes.chunk_by(|a, b| a.host_ref() == b.host_ref()).map(move |group| {
            let places = start..start + group.len() as u32;
            start = places.end;
            places
        })
    }

    /// How many of these domains another table does not have; counted in short steps.
    pub fn domains_missing_in(&self, other: &MappingTable, pace: Pace) -> usize {
        let mut compared = pace.every(INSERTED);
        // Both are in the order of hosts: side by side is cheaper than a look-up each.
        let mut theirs = other.routes.iter().map(Route::host_ref).peekable();
        let ours = self.routes.chunk_by(|a, b| a.host_ref() == b.host_ref()).map(|group| group[0].host_ref());
        let missing = |host: &&[u8]| {
            compared.step();
            while theirs.next_if(|other| other < host).is_some() {}
            theirs.peek() != Some(host)
        };
        ours.filter(missing).count()
    }

    /// Whether there is no entry at all.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }
}

/// Puts routes into the order of a table, in short steps.
pub fn sort_routes(routes: &mut [Route], pace: Pace) {
    let mut compared = pace.every(COMPARED);
    routes.sort_unstable_by(|a, b| {
        compared.step();
        by_domain(a, b)
    });
}

/// The order of [`MappingTable::routes`].
pub fn by_domain(a: &Route, b: &Route) -> Ordering {
    a.host_ref()
        .cmp(b.host_ref())
        .then_with(|| b.base_ref().len().cmp(&a.base_ref().len()))
        .then_with(|| a.base_ref().cmp(b.base_ref()))
}

/// What became of one custom domain and base path from one table to the next. The numbers are places
/// in [`MappingTable::routes`].
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
pub fn steps<'t>(old: &'t MappingTable, new: &'t MappingTable) -> impl Iterator<Item = Step> + 't {
    let (mut at_old, mut at_new) = (0_u32, 0_u32);
    std::iter::from_fn(move || {
        let order = match (old.routes.get(at_old as usize), new.routes.get(at_new as usize)) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => by_domain(before, after),
        };
        let step = match order {
            Ordering::Less => Step::Gone(at_old),
            Ordering::Greater => Step::New(at_new),
            Ordering::Equal => Step::Stayed(at_old, at_new),
        };
        at_old += u32::from(order.is_le());
        at_new += u32::from(order.is_ge());
        Some(step)
    })
}

/// Whether a change removes more of the domains there were than `most` percent.
pub fn removes_too_many(removed: usize, domains: usize, most: u8) -> bool {
    removed as u128 * 100 > domains as u128 * u128::from(most)
}

/// Reports whether a change grows a mapping beyond `most`, in entries or bytes. One that was larger already may stay so.
pub fn grows_beyond(next: u64, before: u64, most: u64) -> bool {
    next > most && next > before
}

impl fmt::Debug for MappingTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MappingTable({} entries)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api::PrivateApi;
    use crate::domain::base_path::BasePath;
    use crate::domain::host::Host;
    use crate::domain::route::Choices;

    fn table(entries: &[(&str, &str, &str)]) -> MappingTable {
        MappingTable::new(
            entries
                .iter()
                .map(|(host, base, id)| {
                    let api = PrivateApi::parse(&format!("https://{id}.execute-api.eu-west-1.amazonaws.com/p"))
                        .expect("an api");
                    let base = BasePath::parse(base).expect("a base path");
                    Route::new(&Host::parse(host).expect("a host"), &base, &api, Choices::default(), 1)
                })
                .collect(),
        )
    }

    #[track_caller]
    fn check(host: &str, path: &str, want: Result<(&str, &str), Refusal>) {
        let table = table(&[
            ("pay.example.com", "", "pay"),
            ("pay.example.com", "/v1", "payv1"),
            ("pay.example.com", "/v1/cards", "cards"),
            ("only.example.com", "/v1", "only"),
            ("*.example.com", "", "any"),
            ("*.deep.example.com", "/x", "deep"),
        ]);
        let found = table.lookup(host, path.as_bytes());
        let got = found.map(|m| (m.route.api_id().to_owned(), String::from_utf8_lossy(m.rest).into_owned()));
        assert_eq!((table.len(), table.domains()), (6, 4));
        assert_eq!(got, want.map(|(id, rest)| (id.to_owned(), rest.to_owned())), "{host} {path}");
    }

    #[test]
    fn the_longest_base_path_wins() {
        check("pay.example.com", "/", Ok(("pay", "/")));
        check("pay.example.com", "/v1", Ok(("payv1", "")));
        check("pay.example.com", "/v1/card", Ok(("payv1", "/card")));
        check("pay.example.com", "/v1/cards/7", Ok(("cards", "/7")));
        check("pay.example.com", "/v10", Ok(("pay", "/v10")));
    }

    #[test]
    fn an_exact_name_comes_before_a_wildcard_and_does_not_fall_back() {
        check("shop.example.com", "/x", Ok(("any", "/x")));
        check("only.example.com", "/v1/x", Ok(("only", "/x")));
        check("only.example.com", "/v2", Err(Refusal::UnknownPath));
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        check("a.b.example.com", "/", Err(Refusal::UnknownHost));
        check("a.deep.example.com", "/x", Ok(("deep", "")));
        check("example.com", "/", Err(Refusal::UnknownHost));
    }

    #[test]
    fn a_longer_or_shorter_name_is_another_host() {
        for host in ["pay.example.com.evil.test", "xpay.example.org", "com", "pay"] {
            check(host, "/", Err(Refusal::UnknownHost));
        }
    }

    #[test]
    fn two_tables_are_gone_through_side_by_side() {
        let old =
            table(&[("b.example.com", "", "one"), ("b.example.com", "/v1", "two"), ("c.example.com", "", "three")]);
        let new =
            table(&[("a.example.com", "", "one"), ("b.example.com", "/v1", "two"), ("d.example.com", "", "three")]);
        let found: Vec<_> = steps(&old, &new).collect();
        let want = [Step::New(0), Step::Stayed(0, 1), Step::Gone(1), Step::Gone(2), Step::New(2)];
        assert_eq!(found, want);
        assert_eq!(steps(&MappingTable::default(), &old).count(), 3);
        let missing = |table: &MappingTable, other: &MappingTable| table.domains_missing_in(other, Pace::default());
        assert_eq!((missing(&old, &new), missing(&new, &old)), (1, 2));
        assert_eq!((missing(&old, &MappingTable::default()), missing(&old, &old)), (2, 0));
    }

    #[test]
    fn an_empty_table_is_no_mapping_yet() {
        assert!(matches!(MappingTable::default().lookup("a.example", b"/"), Err(Refusal::NoMapping)));
    }
}
