//! The table in force, which one it is, and what is counted for each of its entries.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::rate::Limiter;
use crate::telemetry::metrics::{Domain, Metrics};
use crate::upstream::api_names::ApiName;
use crate::upstream::retry_budget::RetryShare;
use nameplate_core::domain::kept::{Kept, Tally};
use nameplate_core::domain::overrides::{Overrides, Timeouts};
use nameplate_core::domain::pace::Pace;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;

/// A mapping is taken and dropped on a thread that shares its core with requests.
pub(super) const PACE: Pace = Pace::new(std::thread::yield_now);

/// One version of the mapping.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// All routes.
    pub table: MappingTable,
    /// 1 for the first table, one more with each that took its place; 0 while there is none.
    pub generation: u64,
    /// Which mapping it is; `None` while there is none.
    pub version: Option<Version>,
    /// The names of the parts, by the marks of their routes; empty for a mapping of one document.
    pub parts: Arc<[Arc<str>]>,
    /// Of each of `table`'s routes.
    entries: Kept<Entry>,
    counted: Counted,
    /// The shards of `table` that have an entry to warn of.
    warned: Box<[bool]>,
}

/// What counts for each route's domain; empty until somebody counts.
#[derive(Debug, Default)]
struct Counted {
    /// For domains of their own, and at the end what the rest shares.
    domains: Vec<Arc<Domain>>,
    /// The places in there of the routes of a shard of the table, for shards that have a domain of its own.
    places: Vec<u32>,
    /// By shards, where theirs begin in `places`; [`ALL_SHARED`] for a shard without a domain of its own.
    shards: Box<[u32]>,
}

/// Of a shard in which all domains share what counts for them.
const ALL_SHARED: u32 = u32::MAX;

/// What is kept for an entry for as long as it says the same of requests, however often the mapping changes
/// around it. It goes with the entry.
#[derive(Debug)]
pub struct Entry {
    /// The generation that brought it.
    pub since: u64,
    requests: AtomicU64,
    special: Option<Box<Special>>,
    /// Its API's name, where the endpoint's private DNS is asked; found by the first request.
    pub name: OnceLock<Arc<ApiName>>,
    /// What it has taken of the retry budget.
    pub retries: RetryShare,
}

/// What few entries have.
#[derive(Debug)]
struct Special {
    /// The place of its endpoint among those of the settings.
    endpoint: usize,
    timeouts: Timeouts,
    limiter: Option<Limiter>,
}

/// Finds the place of the endpoint that an entry names.
pub type PlaceOf<'e> = &'e dyn Fn(Option<&str>) -> Option<usize>;

impl Entry {
    fn new(since: u64, route: &Route, place_of: PlaceOf<'_>) -> Entry {
        // A probe concerns no request.
        let of_requests = route.overrides().filter(|all| !Overrides::are_same_for_requests(Some(all), None));
        let special = of_requests.map(|overrides| {
            let Overrides { endpoint, timeouts, rate, probe: _ } = overrides;
            // The compiler has refused a name that the settings do not have; from a table made without
            // them, it is the default one.
            let endpoint = place_of(endpoint.as_deref()).unwrap_or(0);
            Box::new(Special { endpoint, timeouts: *timeouts, limiter: (*rate).and_then(Limiter::new) })
        });
        Entry { since, requests: AtomicU64::new(0), special, name: OnceLock::new(), retries: RetryShare::default() }
    }

    /// The place of its endpoint among those of the settings.
    pub fn endpoint(&self) -> usize {
        self.special.as_ref().map_or(0, |special| special.endpoint)
    }

    /// The timeouts that are not its endpoint's.
    pub fn timeouts(&self) -> Option<Timeouts> {
        self.special.as_ref().map(|special| special.timeouts)
    }

    /// Counts a request against its RATE_LIMIT, or says in how many seconds the next one may come.
    pub fn admit(&self) -> Result<(), u64> {
        match &self.special {
            Some(special) => special.limiter.as_ref().map_or(Ok(()), Limiter::admit),
            None => Ok(()),
        }
    }

    /// Requests that went by it.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// The entry that has decided a request, apart from the table it was found in.
#[derive(Debug)]
pub struct DecidedEntry {
    /// As it was compiled.
    pub route: Route,
    /// What is kept for it.
    pub entry: Arc<Entry>,
    /// The part that it stands in, where the mapping has parts.
    pub part: Option<Arc<str>>,
    domain: Option<Arc<Domain>>,
}

impl DecidedEntry {
    /// A request went by it. Returns what counts for its domain.
    pub fn count_request(&self) -> Option<&Domain> {
        self.entry.requests.fetch_add(1, Ordering::Relaxed);
        self.domain.as_deref()
    }
}

impl Snapshot {
    /// The snapshot that takes this one's place, and what that changes. An entry that says the same
    /// of requests keeps what was counted for it.
    pub fn next(&self, table: MappingTable, version: Version, place_of: PlaceOf<'_>) -> (Snapshot, Tally) {
        let generation = self.generation + 1;
        let new = |route: &Route| Entry::new(generation, route, place_of);
        let (entries, tally) = self.entries.next((&self.table, &table), new, PACE);
        let (counted, parts) = (Counted::default(), Arc::default());
        (Snapshot { table, generation, version: Some(version), parts, entries, counted, warned: Box::default() }, tally)
    }

    /// Looks for entries to warn of, where `before` has other ones. Returns a table of the shards that have any.
    pub(super) fn look_for_warnings(&mut self, before: &Snapshot, has_any: impl Fn(&[Route]) -> bool) -> MappingTable {
        let look = |shard: usize| match before.warned.get(shard) {
            Some(warned) if self.table.shares(shard, &before.table) => *warned,
            _ => has_any(self.table.routes_in(shard)),
        };
        self.warned = (0..self.table.shards()).map(look).collect();
        self.table.only(|shard| self.warned[shard])
    }

    /// From now on the series of `metrics` are those of this table's domains. The first `most` in the
    /// mapping's own order have one each: which they are is then the same on every task, and for whoever
    /// writes the mapping to say.
    pub(super) fn count_by(&mut self, metrics: &Metrics, most: usize) {
        // Of a mapping in parts, the first domains of all parts come before the second ones of any: none takes the places
        // of the others, however its text is laid out.
        let groups = self.table.first_domains(most, PACE);
        let names = groups.iter().map(|places| self.table.route(places.start).host());
        let mut domains = metrics.requests.list_domains(names);
        let (mut places, mut shards) = (Vec::new(), vec![ALL_SHARED; self.table.shards()]);
        for (at, group) in (0..).zip(&groups) {
            let ((shard, first), all) = (self.table.split(group.start), domains.len() as u32);
            if shards[shard] == ALL_SHARED {
                shards[shard] = places.len() as u32;
                places.resize(places.len() + self.table.routes_in(shard).len(), all);
            }
            let first = shards[shard] as usize + first;
            places[first..first + group.len()].fill(at);
        }
        domains.push(metrics.requests.other_domains());
        self.counted = Counted { domains, places, shards: shards.into() };
    }

    /// What counts for the domain of the route at a place of the table; `None` where nobody counts.
    pub fn domain(&self, index: u32) -> Option<&Domain> {
        self.shared_domain(index).map(Arc::as_ref)
    }

    fn shared_domain(&self, index: u32) -> Option<&Arc<Domain>> {
        let (shard, offset) = self.table.split(index);
        match *self.counted.shards.get(shard)? {
            ALL_SHARED => self.counted.domains.last(),
            start => self.counted.domains.get(self.counted.places[start as usize + offset] as usize),
        }
    }

    /// The entry at a place of the table, for a request that outlives the table.
    pub fn decided(&self, index: u32) -> DecidedEntry {
        DecidedEntry {
            route: self.table.route(index).to_owned_text(),
            entry: Arc::clone(self.entries.at(self.table.split(index))),
            part: self.parts.get(usize::from(self.table.route(index).part)).map(Arc::clone),
            domain: self.shared_domain(index).map(Arc::clone),
        }
    }

    /// Drops it in short steps.
    pub fn take_apart(self) {
        self.entries.take_apart(PACE);
        self.table.take_apart(PACE);
    }

    /// The part that a route is of, where the mapping has parts.
    pub fn part(&self, route: &Route) -> Option<&str> {
        self.part_of_mark(route.part)
    }

    /// The part whose routes have this mark, where the mapping has parts.
    pub fn part_of_mark(&self, mark: u16) -> Option<&str> {
        self.parts.get(usize::from(mark)).map(|name| &**name)
    }

    /// What is kept for the route at a place of the table.
    pub fn entry(&self, index: u32) -> &Entry {
        self.entries.at(self.table.split(index))
    }

    /// A request went by the route at this place.
    pub fn count_request(&self, index: u32) {
        self.entry(index).requests.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::limit::{CpuLimit, LimitSource};
    use nameplate_core::domain::api::PrivateApi;
    use nameplate_core::domain::base_path::BasePath;
    use nameplate_core::domain::host::Host;
    use nameplate_core::domain::route::{Choices, Route};
    use nameplate_core::mapping::load::version_of;

    fn next(before: &Snapshot, entries: &[(&str, &str)]) -> (Snapshot, Tally) {
        let route = |(line, (host, stage)): (u32, &(&str, &str))| {
            let api = format!("https://abc.execute-api.eu-west-1.amazonaws.com/{stage}");
            let api = PrivateApi::parse(&api).expect("an api");
            Route::new(&Host::parse(host).expect("a host"), &BasePath::default(), &api, Choices::default(), line)
        };
        let table = MappingTable::new((1..).zip(entries).map(route).collect());
        before.next(table, version_of(format!("{entries:?}").as_bytes()), &|_| Some(0))
    }

    fn counted(snapshot: &Snapshot, host: &str) -> (u64, u64) {
        let index = snapshot.table.lookup(host, b"/").expect("mapped").index;
        (snapshot.entry(index).since, snapshot.entry(index).requests())
    }

    #[test]
    fn an_entry_that_says_the_same_keeps_its_counts() {
        let (first, tally) = next(&Snapshot::default(), &[("a.example.com", "p"), ("b.example.com", "p")]);
        assert_eq!((first.generation, tally.added), (1, 2));
        let index = |host: &str| first.table.lookup(host, b"/").expect("mapped").index;
        for host in ["a.example.com", "a.example.com", "b.example.com"] {
            first.count_request(index(host));
        }
        let (second, tally) = next(&first, &[("0.example.com", "p"), ("a.example.com", "p"), ("b.example.com", "q")]);
        assert_eq!((second.generation, tally), (2, Tally { added: 1, removed: 0, changed: 1 }));
        assert_eq!(counted(&second, "a.example.com"), (1, 2), "it only moved");
        assert_eq!(counted(&second, "b.example.com"), (2, 0), "it is another one now");

        // A request that began before the change counts for the entry all the same.
        first.count_request(index("a.example.com"));
        assert_eq!(counted(&second, "a.example.com"), (1, 3));
    }

    #[test]
    fn what_was_kept_goes_with_its_entry() {
        let (first, _) = next(&Snapshot::default(), &[("a.example.com", "p"), ("b.example.com", "p")]);
        let place = first.table.lookup("b.example.com", b"/").expect("mapped").index;
        let gone = Arc::downgrade(&first.decided(place).entry);
        let (second, tally) = next(&first, &[("a.example.com", "p")]);
        assert_eq!(tally, Tally { removed: 1, ..Tally::default() });
        drop(first);
        assert_eq!(gone.strong_count(), 0);
        let (third, _) = next(&second, &[("a.example.com", "p"), ("b.example.com", "p")]);
        assert_eq!(counted(&third, "b.example.com"), (3, 0));
    }

    #[test]
    fn which_domains_count_for_themselves_is_for_the_order_of_the_mapping_to_say() {
        let metrics = Metrics::new(CpuLimit::new(1.0, LimitSource::Machine).expect("a limit"));
        let hosts = ["z.example.com", "m.example.com", "a.example.com"];
        let (mut snapshot, _) = next(&Snapshot::default(), &hosts.map(|host| (host, "p")));
        let named = |snapshot: &Snapshot, host: &str| {
            let index = snapshot.table.lookup(host, b"/").expect("mapped").index;
            snapshot.domain(index).map(|domain| format!("{domain:?}"))
        };
        assert_eq!(named(&snapshot, "z.example.com"), None, "nobody counts yet");
        snapshot.count_by(&metrics, 2);
        for (host, want) in hosts.iter().zip(["z.example.com", "m.example.com", "other"]) {
            assert_eq!(named(&snapshot, host), Some(format!("Domain({want})")), "{host}");
        }
        snapshot.count_by(&metrics, 0);
        assert_eq!(named(&snapshot, "z.example.com").as_deref(), Some("Domain(other)"));
    }

    #[test]
    fn entries_to_warn_of_are_looked_for_where_the_mapping_changed() {
        let (mut first, _) = next(&Snapshot::default(), &[("a.example.com", "p"), ("b.example.com", "p")]);
        let is_test = |routes: &[Route]| routes.iter().any(|route| route.prefix() == "/test");
        assert!(first.look_for_warnings(&Snapshot::default(), is_test).is_empty());
        let (mut second, _) = next(&first, &[("a.example.com", "p"), ("b.example.com", "test")]);
        assert_eq!(second.look_for_warnings(&first, is_test).len(), 2, "both are in the one shard there is");
        let table = second.table.with_replaced([], |_| false, Vec::new(), PACE);
        let (mut third, _) = second.next(table, version_of(b"third"), &|_| Some(0));
        let nobody_looks = |_: &[Route]| panic!("every shard is shared");
        assert_eq!(third.look_for_warnings(&second, nobody_looks).len(), 2);
    }
}
