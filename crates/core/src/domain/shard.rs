//! A shard of a table: the routes of those hosts whose hashes fall into it.

use hashbrown::HashTable;

use super::limits;
use super::order::by_domain;
use super::route::Route;

/// Routes of some hosts, immutable, with a hash table of where the routes of each host begin.
pub(super) struct Shard {
    /// In the order of [`by_domain`]: those of one host stand side by side, longest base path first.
    routes: Box<[Route]>,
    hosts: HashTable<Group>,
    /// Where the routes stand beside which a stricter one leads to the same stage: seldom any.
    wider: Box<[u32]>,
    /// The least [`Route::rank`] of its routes.
    least_rank: u32,
}

/// Where the routes of one host stand in a shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Shard {
    /// Builds a shard of routes in any order. `hash` hashes a host.
    pub(super) fn new(mut routes: Vec<Route>, hash: impl Fn(&[u8]) -> u64) -> Shard {
        routes.sort_unstable_by(by_domain);
        let routes = routes.into_boxed_slice();
        let mut hosts = HashTable::with_capacity(chunks(&routes).count());
        for group in groups(&routes) {
            let host = |group: &Group| hash(routes[group.start as usize].host_ref());
            hosts.insert_unique(host(&group), group, host);
        }
        let wider = limits::places_of_wider(&routes).into();
        let least_rank = routes.iter().map(Route::rank).min().unwrap_or(u32::MAX);
        Shard { routes, hosts, wider, least_rank }
    }

    /// The least rank of its routes.
    pub(super) fn least_rank(&self) -> u32 {
        self.least_rank
    }

    /// Its routes, in the order of [`by_domain`].
    #[inline]
    pub(super) fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// How many hosts it has.
    pub(super) fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// The routes of a group of its own.
    #[inline]
    pub(super) fn group(&self, group: Group) -> &[Route] {
        &self.routes[group.start as usize..group.end as usize]
    }

    /// Every group, in the order of the hosts.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group> + '_ {
        groups(&self.routes)
    }

    /// Finds the routes whose domain is exactly this, `*.` included.
    #[inline]
    pub(super) fn find(&self, hash: u64, host: &[u8]) -> Option<Group> {
        self.hosts.find(hash, |group| self.routes[group.start as usize].host_ref() == host).copied()
    }

    /// Reports whether a stricter route leads to the same stage as the one at this place.
    #[inline]
    pub(super) fn is_wider(&self, place: u32) -> bool {
        !self.wider.is_empty() && self.wider.binary_search(&place).is_ok()
    }

    /// Reports whether there is such a route in a group.
    pub(super) fn has_wider(&self, group: Group) -> bool {
        let first = self.wider.partition_point(|place| *place < group.start);
        self.wider.get(first).is_some_and(|place| *place < group.end)
    }

    /// Every pair of a stricter route and the wider one above it.
    pub(super) fn stricter_below_wider(&self) -> Vec<(&Route, &Route)> {
        // Without a wider route there is no pair, and nearly no shard has one.
        if self.wider.is_empty() { Vec::new() } else { limits::stricter_below_wider(&self.routes) }
    }
}

fn chunks(routes: &[Route]) -> impl Iterator<Item = &[Route]> {
    routes.chunk_by(|a, b| a.host_ref() == b.host_ref())
}

fn groups(routes: &[Route]) -> impl Iterator<Item = Group> + '_ {
    let mut start = 0;
    chunks(routes).map(move |chunk| {
        let group = Group { start, end: start + chunk.len() as u32 };
        start = group.end;
        group
    })
}
