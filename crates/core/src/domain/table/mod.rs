//! All routes, immutable, looked up by host, then by longest base path.
//!
//! **Invariant:** a table is cut into shards by the hashes of its hosts. A table that differs in a few hosts from the one
//! before it shares all other shards with it: a change takes as long as it is large, and as much memory.

use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use hashbrown::DefaultHashBuilder;

use super::limits;
use super::order::by_domain;
use super::pace::Pace;
use super::refusal::Refusal;
use super::rewrite::rest_after;
use super::route::Route;
use super::shard::{Group, Shard};

/// Routes moved, compared or dropped between two offers of the core.
const MOVED: u32 = 512;

/// A table with more routes than this for each of its shards is cut into twice as many.
const MOST_IN_SHARD: usize = 64;
/// Of a table with fewer, half of the shards are enough.
const LEAST_IN_SHARD: usize = 16;
/// With 2^16 shards, 2^16 routes fit in each: see [`MappingTable::split`].
const MOST_BITS: u32 = 16;

/// One seed for all tables of the process: two of them can share shards. Nobody outside can tell which hosts fall together.
static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// The mapping as requests see it.
///
/// Routes of one host stand side by side in one shard, longest base path first; the hash table of a shard holds only where
/// they start. A lookup allocates nothing.
pub struct MappingTable {
    /// A power of two of them.
    shards: Box<[Arc<Shard>]>,
    /// How many bits of a hash tell the shard.
    bits: u32,
    hasher: DefaultHashBuilder,
    len: usize,
    domains: usize,
}

/// What a lookup found.
#[derive(Clone, Copy, Debug)]
pub struct Match<'t, 'p> {
    /// The entry.
    pub route: &'t Route,
    /// Its place in the table, for [`MappingTable::route`].
    pub index: u32,
    /// What follows its base path in the request's path.
    pub rest: &'p [u8],
}

/// Where the routes of a host stand.
#[derive(Clone, Copy)]
struct Found<'t> {
    shard: &'t Shard,
    group: Group,
    /// The place of the shard's first route in the table.
    first: u32,
}

impl Found<'_> {
    fn places(&self) -> Range<u32> {
        self.first + self.group.start..self.first + self.group.end
    }
}

impl Default for MappingTable {
    fn default() -> Self {
        MappingTable::new(Vec::new())
    }
}

impl MappingTable {
    /// Builds a table. No two routes may have the same host and base path; the compiler of the
    /// mapping sees to that.
    pub fn new(routes: Vec<Route>) -> MappingTable {
        MappingTable::new_paced(routes, Pace::default())
    }

    /// As [`MappingTable::new`], in short steps.
    pub fn new_paced(routes: Vec<Route>, pace: Pace) -> MappingTable {
        let (hasher, mut bits) = (HASHER.clone(), bits_for(routes.len()));
        let mut parted = part(routes, bits, &hasher, pace);
        // One host may have more base paths than a shard has places for: then fewer, larger shards are made.
        loop {
            let fitting = bits_that_fit(bits, parted.iter().map(Vec::len).max().unwrap_or_default());
            if fitting == bits {
                break;
            }
            bits = fitting;
            parted = part(parted.into_iter().flatten().collect(), bits, &hasher, pace);
        }
        let mut moved = pace.every(MOVED);
        let shard = |routes: Vec<Route>| {
            routes.iter().for_each(|_| moved.step());
            Arc::new(Shard::new(routes, |host| hasher.hash_one(host)))
        };
        let shards: Box<[_]> = parted.into_iter().map(shard).collect();
        let len = shards.iter().map(|shard| shard.routes().len()).sum();
        let domains = shards.iter().map(|shard| shard.hosts()).sum();
        MappingTable { shards, bits, hasher, len, domains }
    }

    /// The table with other routes in place of some of its own, which share all shards that stay the same. `hosts` are
    /// those of all routes that are gone by `is_gone`; other hosts are not looked at.
    pub fn with_replaced<'h>(
        &self,
        hosts: impl IntoIterator<Item = &'h [u8]>,
        is_gone: impl Fn(&Route) -> bool,
        added: Vec<Route>,
        pace: Pace,
    ) -> MappingTable {
        let mut touched: BTreeMap<usize, Vec<Route>> = BTreeMap::new();
        for host in hosts {
            touched.entry(self.shard_of(self.hasher.hash_one(host))).or_default();
        }
        let mut moved = pace.every(MOVED);
        for route in added {
            moved.step();
            touched.entry(self.shard_of(self.hasher.hash_one(route.host_ref()))).or_default().push(route);
        }
        let (mut len, mut domains, mut most) = (self.len, self.domains, 0);
        for (at, routes) in &mut touched {
            let before = self.shards[*at].routes();
            moved.step();
            routes.extend(before.iter().filter(|route| !is_gone(route)).cloned());
            len = len + routes.len() - before.len();
            most = most.max(routes.len());
        }
        let (fits, shards) = (bits_that_fit(self.bits, most) == self.bits, self.shards.len());
        let is_cut_well = len <= shards * MOST_IN_SHARD && (shards == 1 || len >= shards * LEAST_IN_SHARD);
        if !fits || !is_cut_well && bits_for(len) != self.bits {
            let others = (0..).zip(&self.shards).filter(|(at, _)| !touched.contains_key(at));
            let others: Vec<Route> = others.flat_map(|(_, shard)| shard.routes().iter().cloned()).collect();
            return MappingTable::new_paced(others.into_iter().chain(touched.into_values().flatten()).collect(), pace);
        }
        let mut shards = self.shards.clone();
        for (at, routes) in touched {
            routes.iter().for_each(|_| moved.step());
            let shard = Shard::new(routes, |host| self.hasher.hash_one(host));
            domains = domains + shard.hosts() - shards[at].hosts();
            shards[at] = Arc::new(shard);
        }
        MappingTable { shards, bits: self.bits, hasher: self.hasher.clone(), len, domains }
    }

    /// The route for a normalized host and a path: exact name, then wildcard; of those, the longest
    /// base path that matches on a segment boundary. A name with entries of its own never falls
    /// back to a wildcard.
    #[inline]
    pub fn lookup<'p>(&self, host: &str, path: &'p [u8]) -> Result<Match<'_, 'p>, Refusal> {
        let unknown = || if self.is_empty() { Refusal::NoMapping } else { Refusal::UnknownHost };
        let Found { shard, group, first } = self.found(host).ok_or_else(unknown)?;
        for (index, route) in (first + group.start..).zip(shard.group(group)) {
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
        let (shard, offset) = self.split(found.index);
        if !self.shards[shard].is_wider(offset as u32) {
            return None;
        }
        let Found { shard, group, first } = self.found(host)?;
        let met = limits::stricter_by_plain_path(shard.group(group), found.route, path)?;
        Some(first + group.start + met as u32)
    }

    /// Reports whether the spelling of a path can matter on a host: whether one of its entries has a stricter one beside it.
    pub fn has_wider_entry(&self, host: &str) -> bool {
        self.found(host).is_some_and(|found| found.shard.has_wider(found.group))
    }

    /// Every pair of a stricter entry and the wider one that has the next base path above it, in the order of the
    /// stricter ones; see `limits::stricter_below_wider`.
    pub fn stricter_below_wider(&self) -> Vec<(&Route, &Route)> {
        let mut pairs: Vec<_> = self.shards.iter().flat_map(|shard| shard.stricter_below_wider()).collect();
        pairs.sort_by(|(one, _), (other, _)| by_domain(one, other));
        pairs
    }

    /// The routes that answer for a host, exactly or by wildcard, longest base path first.
    pub fn routes_of(&self, host: &str) -> &[Route] {
        self.found(host).map_or(&[], |found| found.shard.group(found.group))
    }

    /// The places of [`MappingTable::routes_of`].
    pub fn places_of(&self, host: &str) -> Range<u32> {
        self.found(host).map_or(0..0, |found| found.places())
    }

    #[inline]
    fn found(&self, host: &str) -> Option<Found<'_>> {
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
        self.named(host).map_or(&[], |found| found.shard.group(found.group))
    }

    /// The place of the route with the domain and base path of another one.
    pub fn place_like(&self, route: &Route) -> Option<u32> {
        let found = self.named(route.host_ref())?;
        let at = found.shard.group(found.group).binary_search_by(|other| by_domain(other, route)).ok()?;
        Some(found.places().start + at as u32)
    }

    /// The place of the route with this domain, `*.` included, and base path.
    pub fn place_named(&self, host: &[u8], base: &[u8]) -> Option<u32> {
        let found = self.named(host)?;
        let at = found.shard.group(found.group).iter().position(|route| route.base_ref() == base)?;
        Some(found.places().start + at as u32)
    }

    /// The routes whose domain is exactly this, `*.` included.
    #[inline]
    fn named(&self, host: &[u8]) -> Option<Found<'_>> {
        let hash = self.hasher.hash_one(host);
        let at = self.shard_of(hash);
        let shard = &*self.shards[at];
        Some(Found { shard, group: shard.find(hash, host)?, first: self.first_place(at) })
    }

    /// The shard of a host with this hash. The hash table of a shard uses the highest and the lowest bits.
    #[inline]
    fn shard_of(&self, hash: u64) -> usize {
        shard_of(hash, self.bits)
    }

    #[inline]
    fn first_place(&self, shard: usize) -> u32 {
        ((shard as u64) << (32 - self.bits)) as u32
    }

    /// Which shard a place is in, and which of its routes it is.
    #[inline]
    pub fn split(&self, index: u32) -> (usize, usize) {
        let offset_bits = 32 - self.bits;
        ((u64::from(index) >> offset_bits) as usize, (u64::from(index) & ((1 << offset_bits) - 1)) as usize)
    }

    /// The route at an index that [`Match::index`] gave.
    #[inline]
    pub fn route(&self, index: u32) -> &Route {
        let (shard, offset) = self.split(index);
        &self.shards[shard].routes()[offset]
    }

    /// Drops it in short steps. What another table shares stays.
    pub fn take_apart(self, pace: Pace) {
        let mut dropped = pace.every(MOVED / MOST_IN_SHARD as u32);
        for shard in self.shards {
            drop(shard);
            dropped.step();
        }
    }

    /// How many shards it has.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The routes of a shard, in the order of [`by_domain`].
    pub fn routes_in(&self, shard: usize) -> &[Route] {
        self.shards[shard].routes()
    }

    /// The places of a shard's routes, domain by domain.
    pub fn groups_in(&self, shard: usize) -> impl Iterator<Item = Range<u32>> + '_ {
        let first = self.first_place(shard);
        self.shards[shard].groups().map(move |group| first + group.start..first + group.end)
    }

    /// Reports whether hosts fall into the same shards as in another table.
    pub fn is_cut_like(&self, other: &MappingTable) -> bool {
        self.bits == other.bits
    }

    /// Reports whether it shares a shard with another table that is cut in the same way.
    pub fn shares(&self, shard: usize, other: &MappingTable) -> bool {
        self.is_cut_like(other) && Arc::ptr_eq(&self.shards[shard], &other.shards[shard])
    }

    /// Every route with its place, in no order that would be the same for another process.
    pub fn in_any_order(&self) -> impl Iterator<Item = (u32, &Route)> + '_ {
        (0..).zip(&self.shards).flat_map(|(at, shard)| (self.first_place(at)..).zip(shard.routes()))
    }

    /// Every route with its place, by host, then longest base path. They are sorted for it: this is for those who show a
    /// mapping.
    pub fn in_order(&self) -> Vec<(u32, &Route)> {
        let mut all: Vec<_> = self.in_any_order().collect();
        all.sort_unstable_by(|(_, one), (_, other)| by_domain(one, other));
        all
    }

    /// Every route, as [`MappingTable::in_order`].
    pub fn routes(&self) -> Vec<&Route> {
        self.in_order().into_iter().map(|(_, route)| route).collect()
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many domains they map; a wildcard is one.
    pub fn domains(&self) -> usize {
        self.domains
    }

    /// The places of the routes of each domain, in the order of the domains. They are sorted for it.
    pub fn groups(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        let mut groups: Vec<_> = (0..self.shards()).flat_map(|shard| self.groups_in(shard)).collect();
        groups.sort_unstable_by(|a, b| self.route(a.start).host_ref().cmp(self.route(b.start).host_ref()));
        groups.into_iter()
    }

    /// The places of those domains that come first in the mapping, by their ranks and names: `most` of them, or all.
    pub fn first_domains(&self, most: usize, pace: Pace) -> Vec<Range<u32>> {
        let mut shards: Vec<_> = (0..self.shards()).map(|at| (self.shards[at].least_rank(), at)).collect();
        shards.sort_unstable();
        let mut first: BinaryHeap<(u32, &[u8], u32, u32)> = BinaryHeap::with_capacity(most.min(self.domains));
        let mut compared = pace.every(MOVED);
        for (least, at) in shards {
            if first.len() >= most && first.peek().is_none_or(|(rank, ..)| *rank < least) {
                break;
            }
            for places in self.groups_in(at) {
                compared.step();
                let rank = places.clone().map(|place| self.route(place).rank()).min().unwrap_or_default();
                first.push((rank, self.route(places.start).host_ref(), places.start, places.end));
                if first.len() > most {
                    first.pop();
                }
            }
        }
        first.into_sorted_vec().into_iter().map(|(_, _, start, end)| start..end).collect()
    }

    /// The shards that are wanted of this table, and no route of the others.
    pub fn only(&self, is_wanted: impl Fn(usize) -> bool) -> MappingTable {
        let none = Arc::new(Shard::new(Vec::new(), |_| 0));
        let shard = |(at, shard): (usize, &Arc<Shard>)| Arc::clone(if is_wanted(at) { shard } else { &none });
        let shards: Box<[_]> = self.shards.iter().enumerate().map(shard).collect();
        let len = shards.iter().map(|shard| shard.routes().len()).sum();
        let domains = shards.iter().map(|shard| shard.hosts()).sum();
        MappingTable { shards, bits: self.bits, hasher: self.hasher.clone(), len, domains }
    }

    /// How many of these domains another table does not have; counted in short steps.
    pub fn domains_missing_in(&self, other: &MappingTable, pace: Pace) -> usize {
        let mut compared = pace.every(MOVED);
        let mut missing = 0;
        for at in (0..self.shards()).filter(|at| !self.shares(*at, other)) {
            for group in self.shards[at].groups() {
                compared.step();
                let host = self.shards[at].group(group)[0].host_ref();
                missing += usize::from(other.named(host).is_none());
            }
        }
        missing
    }

    /// Whether there is no entry at all.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// How many bits of a hash tell the shard, in a table of this many routes.
fn bits_for(len: usize) -> u32 {
    len.div_ceil(MOST_IN_SHARD).next_power_of_two().trailing_zeros().min(MOST_BITS)
}

/// No more bits than leave a place to each of the `most` routes that a shard has.
fn bits_that_fit(bits: u32, most: usize) -> u32 {
    bits.min(32_u32.saturating_sub(most.next_power_of_two().trailing_zeros()))
}

#[inline]
fn shard_of(hash: u64, bits: u32) -> usize {
    (hash >> 24) as usize & ((1 << bits) - 1)
}

/// Parts routes by the shards of their hosts.
fn part(routes: Vec<Route>, bits: u32, hasher: &DefaultHashBuilder, pace: Pace) -> Vec<Vec<Route>> {
    let mut moved = pace.every(MOVED);
    let shards: Vec<u32> = routes
        .iter()
        .map(|route| {
            moved.step();
            shard_of(hasher.hash_one(route.host_ref()), bits) as u32
        })
        .collect();
    let mut sizes = vec![0_usize; 1 << bits];
    shards.iter().for_each(|shard| sizes[*shard as usize] += 1);
    let mut parted: Vec<Vec<Route>> = sizes.into_iter().map(Vec::with_capacity).collect();
    for (route, shard) in routes.into_iter().zip(shards) {
        moved.step();
        parted[shard as usize].push(route);
    }
    parted
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
mod tests;
