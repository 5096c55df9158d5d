//! Which version of each part is used, decided for all of them together, and the table that follows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::OWNERS_FILE;
use super::claims::{self, Claim};
use super::error::{NotInUse, PartError};
use super::guards;
pub use super::guards::Limits;
use super::owners::{Owner, Owners};
use super::pick::{Pick, Use};
use super::set::{Found, InUse, Part, PartVersion, Parts, version_of_parts};
use crate::domain::order::{by_domain, sort_routes};
use crate::domain::pace::Pace;
use crate::domain::route::Route;
use crate::domain::table::MappingTable;
use crate::domain::version::Version;

/// Every mark that a route can have.
const MARKS: usize = u16::MAX as usize + 1;

/// A part, for those who look at a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartStatus {
    /// Its path below the folder or prefix.
    pub name: Arc<str>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How to reach the owner.
    pub contact: Option<String>,
    /// The version in use; `None` where none is.
    pub version: Option<Version>,
    /// Since when.
    pub since: Option<SystemTime>,
    /// How many entries are in use.
    pub entries: usize,
    /// Why what the source has is not in use, and since when.
    pub error: Option<(PartError, SystemTime)>,
}

/// A table of all parts, and what it takes to use it.
#[derive(Debug)]
pub struct Assembly {
    /// The table.
    pub table: MappingTable,
    list: BTreeMap<Arc<str>, Part>,
    owners_version: Option<Version>,
    /// The owners that the parts were checked by.
    checked_by: Option<Version>,
    drops_owners: bool,
}

impl Parts {
    /// Decides which version of each part is used, and builds the table. `active` is the table that the last committed
    /// assembly gave. With `consent`, what is held is used.
    pub fn assemble(
        &self,
        active: &MappingTable,
        limits: &Limits,
        consent: bool,
        now: SystemTime,
        pace: Pace,
    ) -> Assembly {
        let drops_owners = consent && self.owners.version.is_none() && self.owners.is_gone_known;
        let owners = self.owners.in_use.as_deref().filter(|_| !drops_owners);
        let check_all = self.owners.is_changed || drops_owners;
        // Owners that were never read grant nothing, and nobody knows what they would: a start does not guess.
        let is_open = owners.is_some() || drops_owners || !active.is_empty() || self.owners.error.is_none();
        let mut picks: Vec<Pick<'_>> =
            self.list.values().map(|part| self.first_pick(part, owners, check_all)).collect();
        for pick in picks.iter_mut().filter(|_| !is_open) {
            pick.used = Use::Before;
        }
        guards::each(&mut picks, active, limits, consent);
        // What is held does not make room for others.
        claims::cap_entries(&mut picks, owners, |part| self.path(&part.name));
        let mut yielded;
        loop {
            yielded = claims::settle(&mut picks, owners, active, |part| self.path(&part.name));
            if !guards::all(&mut picks, active, limits, consent) {
                break;
            }
        }
        // Every new version was checked against the grants, and against the others.
        let is_whole = check_all && picks.iter().any(|pick| !pick.is_change() && pick.version().is_some());
        Assembly { drops_owners, ..self.build(&picks, (&yielded, is_whole), owners, active, (now, pace)) }
    }

    fn first_pick<'p>(&self, part: &'p Part, owners: Option<&Owners>, check_all: bool) -> Pick<'p> {
        let (used, error) = match &part.found {
            Found::Bad(error) => (Use::Before, Some(error.clone())),
            Found::Gone => (Use::Offered(None), None),
            Found::Good(version) => {
                let is_offered = part.offered().is_some();
                let checked = match owners {
                    Some(owners) if is_offered || check_all || part.error.is_some() => {
                        claims::authorize(&part.name, version, owners, &self.path(&part.name))
                    }
                    _ => Ok(()),
                };
                match checked {
                    Err(errors) => (Use::Before, Some(PartError::Rejected(version.version, errors))),
                    Ok(()) if is_offered => (Use::Offered(Some(Arc::clone(version))), None),
                    Ok(()) => (Use::Before, part.in_use.as_ref().and_then(|used| used.lost.clone())),
                }
            }
        };
        Pick { part, used, error }
    }

    /// Builds the table of what is picked. `yielded` are the entries in use that another part has been granted. A table
    /// that is `whole` is built of all entries, and not of what changes alone.
    fn build(
        &self,
        picks: &[Pick<'_>],
        (yielded, is_whole): (&HashSet<Claim>, bool),
        owners: Option<&Owners>,
        active: &MappingTable,
        (now, pace): (SystemTime, Pace),
    ) -> Assembly {
        let mut marks = Marks::of(picks);
        let mut list = BTreeMap::new();
        let mut gone: HashMap<u16, &PartVersion> = HashMap::new();
        let mut added: Vec<Route> = Vec::new();
        for pick in picks {
            let before = pick.part.in_use.as_ref();
            let is_added = pick.is_change() || is_whole;
            let in_use = pick.version().map(|version| {
                let kept = before.filter(|_| !pick.is_change());
                let mark = before.map_or_else(|| marks.take_next(), |used| used.mark);
                let lost = kept.filter(|_| !is_whole).and_then(|used| used.lost.clone());
                InUse { version: Arc::clone(version), mark, since: kept.map_or(now, |used| used.since), lost }
            });
            if is_added {
                gone.extend(before.map(|used| (used.mark, &*used.version)));
                let used = in_use.iter();
                added.extend(used.flat_map(|used| used.version.routes.iter().map(|route| route.of_part(used.mark))));
            }
            if in_use.is_some() || !matches!(pick.part.found, Found::Gone) {
                let error = pick.error.clone().map(|error| {
                    let since = since(pick.part, &error, now);
                    (error, since)
                });
                list.insert(Arc::clone(&pick.part.name), Part { in_use, error, ..pick.part.clone() });
            }
        }
        if is_whole {
            sort_routes(&mut added, pace);
            let name_of = |part: &Part| Some((part.in_use.as_ref()?.mark, Arc::clone(&part.name)));
            let names: HashMap<u16, Arc<str>> = list.values().filter_map(name_of).collect();
            let lost = keep_one_of_each(&mut added, active, |route| match owners {
                Some(owners) => names.get(&route.part).is_some_and(|name| claims::is_granted(owners, name, route)),
                None => true,
            });
            self.note_lost(&mut list, lost, &names, now);
        }
        let is_gone = |route: &Route| {
            gone.contains_key(&route.part) || !yielded.is_empty() && yielded.contains(&Claim::of(route))
        };
        let table = match active.is_empty() || is_whole {
            true => MappingTable::new_paced(added, pace),
            false => {
                let of_gone = gone.values().flat_map(|version| version.hosts());
                let hosts = of_gone.chain(yielded.iter().map(Claim::host));
                active.with_replaced(hosts, is_gone, added, pace)
            }
        };
        let owners_version = self.owners.version_in_use.filter(|_| owners.is_some());
        let checked_by = self.owners.version_in_use;
        Assembly { table, list, owners_version, checked_by, drops_owners: false }
    }

    /// Gives parts an error that keep a version in use of which another part has an entry: without owners, nothing else
    /// says so.
    fn note_lost(
        &self,
        list: &mut BTreeMap<Arc<str>, Part>,
        lost: Vec<(Route, Route)>,
        names: &HashMap<u16, Arc<str>>,
        now: SystemTime,
    ) {
        let mut by_part: HashMap<&Arc<str>, Vec<(Route, Route)>> = HashMap::new();
        for (route, by) in lost {
            if let Some(name) = names.get(&route.part) {
                by_part.entry(name).or_default().push((route, by));
            }
        }
        for (name, lost) in by_part {
            let Some(part) = list.get_mut(name) else { continue };
            let Some(in_use) = &mut part.in_use else { continue };
            let holder = |mark: u16| names.get(&mark).map_or("another part", |name| name);
            let error = claims::lost_to(&in_use.version, &self.path(name), &lost, holder);
            in_use.lost = Some(error.clone());
            part.error.get_or_insert((error, now));
        }
    }

    /// Makes an assembly what is in use. What readings have found since stays found.
    pub fn commit(&mut self, assembly: Decided) {
        let found_before = std::mem::replace(&mut self.list, assembly.list);
        for (name, part) in found_before {
            match self.list.get_mut(&name) {
                Some(decided) => (decided.found, decided.modified) = (part.found, part.modified),
                None if matches!(part.found, Found::Gone) => {}
                None => drop(self.list.insert(name, Part { in_use: None, error: None, ..part })),
            }
        }
        self.owners.is_changed &= self.owners.version_in_use != assembly.checked_by;
        self.owners.is_gone_known = matches!(self.owners.error, Some(PartError::OwnersGone));
        if assembly.drops_owners {
            (self.owners.in_use, self.owners.version_in_use, self.owners.error) = (None, None, None);
        }
    }

    /// Every part, in the order of their names.
    pub fn status(&self) -> Vec<PartStatus> {
        self.list.values().map(|part| self.status_of(part)).collect()
    }

    /// Every part that is not in use as the source has it, and `owners.yaml`.
    pub fn errors(&self) -> Vec<NotInUse> {
        let of_owners = |error: &PartError| NotInUse { name: OWNERS_FILE.into(), owner: None, error: error.clone() };
        let parts = self.list.values().filter(|part| part.error.is_some()).filter_map(|part| {
            let PartStatus { name, owner, error, .. } = self.status_of(part);
            Some(NotInUse { name, owner, error: error?.0 })
        });
        self.owners.error.iter().map(of_owners).chain(parts).collect()
    }

    /// What is wrong with `owners.yaml`, if anything is.
    pub fn owners_error(&self) -> Option<&PartError> {
        self.owners.error.as_ref()
    }

    fn status_of(&self, part: &Part) -> PartStatus {
        let version = part.used().or(match &part.found {
            Found::Good(version) => Some(version),
            _ => None,
        });
        let head = version.map(|version| &version.head);
        let granted = self.owners.in_use.as_deref().and_then(|owners| owners.of_part(&part.name));
        let stated = || head.and_then(|head| head.owner.clone());
        let contact = head.and_then(|head| head.contact.clone());
        PartStatus {
            name: Arc::clone(&part.name),
            owner: granted.map(|owner: &Owner| owner.name.clone()).or_else(stated),
            contact: contact.or_else(|| granted.and_then(|owner| owner.contact.clone())),
            version: part.used().map(|used| used.version),
            since: part.in_use.as_ref().map(|used| used.since),
            entries: part.used().map_or(0, |used| used.routes.len()),
            error: part.error.clone(),
        }
    }

    /// The name of the part that each mark of a route stands for.
    pub fn names_by_mark(&self) -> Vec<Arc<str>> {
        let used = || self.list.values().filter_map(|part| part.in_use.as_ref().map(|used| (used.mark, &part.name)));
        let most = used().map(|(mark, _)| usize::from(mark) + 1).max().unwrap_or_default();
        let mut names = vec![Arc::from(""); most];
        for (mark, name) in used() {
            names[usize::from(mark)] = Arc::clone(name);
        }
        names
    }
}

/// An assembly without its table, which has gone into use.
#[derive(Debug)]
pub struct Decided {
    list: BTreeMap<Arc<str>, Part>,
    checked_by: Option<Version>,
    drops_owners: bool,
}

impl Assembly {
    /// The table, and what [`Parts::commit`] wants.
    pub fn into_table(self) -> (MappingTable, Decided) {
        let Assembly { table, list, checked_by, drops_owners, .. } = self;
        (table, Decided { list, checked_by, drops_owners })
    }

    /// Which mapping is in use with it: that of the source, where no part has an error.
    pub fn version(&self) -> Version {
        let used = self.list.values().filter_map(|part| Some((&*part.name, part.used().map(|used| used.version)?)));
        version_of_parts(self.owners_version, used.map(|(name, version)| (name, Some(version))))
    }

    /// How many parts are not in use as the source has them.
    pub fn errors(&self) -> usize {
        self.list.values().filter(|part| part.error.is_some()).count()
    }
}

/// When an error was first found: it stays the same while its kind and its version do.
fn since(part: &Part, error: &PartError, now: SystemTime) -> SystemTime {
    let is_same = |before: &PartError| before.label() == error.label() && before.version() == error.version();
    part.error.as_ref().filter(|(before, _)| is_same(before)).map_or(now, |(_, since)| *since)
}

/// Leaves one entry for each domain and base path, and none that its part has neither been granted nor active: of several,
/// the granted one comes first, then the active one. `routes` are in a table's order. Returns those that another one stands
/// in the place of, with that one.
fn keep_one_of_each(
    routes: &mut Vec<Route>,
    active: &MappingTable,
    is_granted: impl Fn(&Route) -> bool,
) -> Vec<(Route, Route)> {
    let is_active = |route: &Route| {
        let mut named = active.routes_named(route.host_ref()).iter();
        named.any(|held| held.base_ref() == route.base_ref() && held.part == route.part)
    };
    routes.retain(|route| is_granted(route) || is_active(route));
    let mut lost = Vec::new();
    routes.dedup_by(|later, earlier| {
        let is_same = by_domain(later, earlier).is_eq();
        let rank = |route: &Route| (is_granted(route), is_active(route));
        if is_same && rank(later) > rank(earlier) {
            std::mem::swap(later, earlier);
        }
        if is_same {
            lost.push((later.clone(), earlier.clone()));
        }
        is_same
    });
    lost
}

/// Marks that no part has.
struct Marks {
    taken: Vec<bool>,
    from: usize,
}

impl Marks {
    fn of(picks: &[Pick<'_>]) -> Marks {
        let mut taken = vec![false; MARKS.min(2 * picks.len() + 1)];
        for used in picks.iter().filter_map(|pick| pick.part.in_use.as_ref()) {
            let mark = usize::from(used.mark);
            if mark >= taken.len() {
                taken.resize(mark + 1, false);
            }
            taken[mark] = true;
        }
        Marks { taken, from: 0 }
    }

    /// The source reads fewer parts than there are marks.
    fn take_next(&mut self) -> u16 {
        while self.taken.get(self.from).copied().unwrap_or(false) {
            self.from += 1;
        }
        if self.from >= self.taken.len() {
            self.taken.resize(self.from + 1, false);
        }
        self.taken[self.from] = true;
        self.from as u16
    }
}
