//! The table in force, which one it is, and what is counted for each of its entries.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::rate::Limiter;
use crate::telemetry::metrics::{Domain, Metrics};
use crate::upstream::api_names::ApiName;
use crate::upstream::retry_budget::RetryShare;
use nameplate_core::domain::overrides::{Overrides, Timeouts};
use nameplate_core::domain::pace::Pace;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::{MappingTable, Step, steps};
use nameplate_core::domain::version::Version;

/// A mapping is taken and dropped on a thread that shares its core with requests.
pub(super) const PACE: Pace = Pace::new(std::thread::yield_now);

/// Entries compared between two offers of the core.
const COMPARED: u32 = 1_024;

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
    /// By the places of `table`'s routes.
    entries: Box<[Arc<Entry>]>,
    counted: Counted,
}

/// What counts for each route's domain; empty until somebody counts.
#[derive(Debug, Default)]
struct Counted {
    /// For domains of their own, and at the end what the rest shares.
    domains: Vec<Arc<Domain>>,
    /// The places in there, by the places of the table's routes.
    places: Box<[u32]>,
}

/// What is kept for an entry for as long as it says the same, however often the mapping changes
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
        let special = route.overrides().map(|overrides| {
            let Overrides { endpoint, timeouts, rate } = overrides;
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

impl Snapshot {
    /// The snapshot that takes this one's place, and what that changes. An entry that says the same
    /// keeps what was counted for it.
    pub fn next(&self, table: MappingTable, version: Version, place_of: PlaceOf<'_>) -> (Snapshot, Tally) {
        let generation = self.generation + 1;
        let mut tally = Tally::default();
        let mut entries = Vec::with_capacity(table.len());
        let new = |at: u32| Arc::new(Entry::new(generation, table.route(at), place_of));
        let mut pace = PACE.every(COMPARED);
        for step in steps(&self.table, &table) {
            pace.step();
            match step {
                Step::Gone(_) => tally.removed += 1,
                Step::New(now) => {
                    tally.added += 1;
                    entries.push(new(now));
                }
                Step::Stayed(old, now) if self.table.route(old).says_the_same(table.route(now)) => {
                    entries.push(Arc::clone(&self.entries[old as usize]));
                }
                Step::Stayed(_, now) => {
                    tally.changed += 1;
                    entries.push(new(now));
                }
            }
        }
        let counted = Counted::default();
        let parts = Arc::default();
        (Snapshot { table, generation, version: Some(version), parts, entries: entries.into(), counted }, tally)
    }

    /// From now on the series of `metrics` are those of this table's domains. The first `most` in the
    /// mapping's own order have one each: which they are is then the same on every task, and for whoever
    /// writes the mapping to say.
    pub(super) fn count_by(&mut self, metrics: &Metrics, most: usize) {
        // Of a mapping in parts, the first domains of all parts come before the second ones of any: none takes the places
        // of the others, however its text is laid out.
        let mut ranks: HashMap<u16, u32> = HashMap::new();
        let mut first_line = |places: &Range<u32>| match self.parts.is_empty() {
            true => (places.clone().map(|place| self.table.route(place).line).min(), places.start),
            false => {
                let rank = ranks.entry(self.table.route(places.start).part).or_default();
                *rank += 1;
                (Some(*rank), places.start)
            }
        };
        let mut pace = PACE.every(COMPARED);
        let with_line = |places: Range<u32>| {
            pace.step();
            (first_line(&places), places)
        };
        let mut groups: Vec<_> = self.table.groups().map(with_line).collect();
        if groups.len() > most {
            groups.select_nth_unstable_by_key(most, |(line, _)| *line);
            groups.truncate(most);
        }
        let names = groups.iter().map(|(_, places)| self.table.route(places.start).host());
        let mut domains = metrics.requests.list_domains(names);
        let mut places = vec![domains.len() as u32; self.table.len()];
        for (at, (_, group)) in (0..).zip(&groups) {
            places[group.start as usize..group.end as usize].fill(at);
        }
        domains.push(metrics.requests.other_domains());
        self.counted = Counted { domains, places: places.into() };
    }

    /// What counts for the domain of the route at a place of the table; `None` where nobody counts.
    pub fn domain(&self, index: u32) -> Option<&Domain> {
        self.shared_domain(index).map(Arc::as_ref)
    }

    fn shared_domain(&self, index: u32) -> Option<&Arc<Domain>> {
        let place = *self.counted.places.get(index as usize)?;
        self.counted.domains.get(place as usize)
    }

    /// The entry at a place of the table, for a request that outlives the table.
    pub fn decided(&self, index: u32) -> DecidedEntry {
        DecidedEntry {
            route: self.table.route(index).to_owned_text(),
            entry: Arc::clone(&self.entries[index as usize]),
            part: self.parts.get(usize::from(self.table.route(index).part)).map(Arc::clone),
            domain: self.shared_domain(index).map(Arc::clone),
        }
    }

    /// Drops it in short steps.
    pub fn take_apart(self) {
        let mut pace = PACE.every(COMPARED);
        for entry in self.entries {
            drop(entry);
            pace.step();
        }
        self.table.take_apart(PACE);
    }

    /// The part that a route is of, where the mapping has parts.
    pub fn part(&self, route: &Route) -> Option<&str> {
        self.parts.get(usize::from(route.part)).map(|name| &**name)
    }

    /// What is kept for the route at a place of the table.
    pub fn entry(&self, index: u32) -> &Entry {
        &self.entries[index as usize]
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
        for index in [0, 0, 1] {
            first.count_request(index);
        }
        let (second, tally) = next(&first, &[("0.example.com", "p"), ("a.example.com", "p"), ("b.example.com", "q")]);
        assert_eq!((second.generation, tally), (2, Tally { added: 1, removed: 0, changed: 1 }));
        assert_eq!(counted(&second, "a.example.com"), (1, 2), "it only moved");
        assert_eq!(counted(&second, "b.example.com"), (2, 0), "it is another one now");

        // A request that began before the change counts for the entry all the same.
        first.count_request(0);
        assert_eq!(counted(&second, "a.example.com"), (1, 3));
    }

    #[test]
    fn what_was_kept_goes_with_its_entry() {
        let (first, _) = next(&Snapshot::default(), &[("a.example.com", "p"), ("b.example.com", "p")]);
        let gone = Arc::downgrade(&first.entries[1]);
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
}
