//! Which part may have which names.
//!
//! With `owners.yaml`, a name belongs to the owner it is granted to. Without it, a host belongs to the part that has it
//! in use, all of its base paths included; of two parts that want it at once, the one that was written first gets it,
//! and of those the first by name.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::error::PartError;
use super::owners::{Owner, Owners};
use super::pick::{Pick, Use};
use super::set::{Part, PartVersion};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::domain::order::by_domain;
use crate::domain::route::Route;
use crate::domain::table::MappingTable;

/// The most errors that are listed for one part.
const MOST_LISTED: usize = 1_000;

/// A domain with a base path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Claim {
    host: Box<[u8]>,
    base: Box<[u8]>,
}

impl Claim {
    pub(super) fn of(route: &Route) -> Claim {
        Claim { host: route.host_ref().into(), base: route.base_ref().into() }
    }

    /// The domain.
    pub(super) fn host(&self) -> &[u8] {
        &self.host
    }
}

fn error(line: u32, text: String, what: String, help: String, code: Code) -> Diagnostic {
    Diagnostic { line, column: 1, what, text, help, severity: Severity::Error, code }
}

fn rejected(version: &PartVersion, path: &str, list: Vec<Diagnostic>) -> PartError {
    PartError::Rejected(version.version, sorted(path, list))
}

fn sorted(path: &str, mut list: Vec<Diagnostic>) -> Diagnostics {
    list.sort_by_key(|error| error.line);
    list.truncate(MOST_LISTED);
    Diagnostics::of_entries(path, list)
}

fn domain(route: &Route) -> String {
    format!("{}{}", route.host(), route.base())
}

/// Checks a part against the grants.
pub(super) fn authorize(name: &str, version: &PartVersion, owners: &Owners, path: &str) -> Result<(), Diagnostics> {
    let Some(owner) = owners.of_part(name) else {
        let (what, help) = match &version.head.owner {
            Some(stated) if owners.all().iter().any(|owner| owner.name == *stated) => (
                format!("owners.yaml does not give `{stated}` a part of this name"),
                format!("move the file, or add `{name}` to PARTS of `{stated}` in owners.yaml"),
            ),
            _ => (
                "owners.yaml gives nobody a part of this name".to_owned(),
                format!(
                    "move the file into the folder of an owner, or add `{name}` to an owner's PARTS in owners.yaml"
                ),
            ),
        };
        let line = version.head.owner_line.max(1);
        return Err(sorted(path, vec![error(line, name.to_owned(), what, help, Code::NotGranted)]));
    };
    let mut errors = Vec::new();
    if let Some(stated) = version.head.owner.as_ref().filter(|stated| **stated != owner.name) {
        let what = format!("OWNER is `{stated}`, and owners.yaml gives this part to `{}`", owner.name);
        let help = format!("write `OWNER: {}`, or change PARTS in owners.yaml", owner.name);
        errors.push(error(version.head.owner_line, stated.clone(), what, help, Code::NotGranted));
    }
    for route in &version.routes {
        let granted = owners.of_domain(route.host(), route.base());
        if granted.is_some_and(|granted| granted.name == owner.name) {
            continue;
        }
        let domain = domain(route);
        let (what, help) = match granted {
            Some(Owner { name, contact, .. }) => {
                let contact = contact.as_ref().map(|contact| format!(" ({contact})")).unwrap_or_default();
                let what = format!("`{domain}` is granted to `{name}`, and this part is of `{}`", owner.name);
                (what, format!("agree with `{name}`{contact}, and change DOMAINS in owners.yaml"))
            }
            None => (
                format!("`{domain}` is granted to nobody"),
                format!("add it to DOMAINS of `{}` in owners.yaml", owner.name),
            ),
        };
        errors.push(error(route.line, domain, what, help, Code::NotGranted));
        if errors.len() >= MOST_LISTED {
            break;
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(sorted(path, errors)) }
}

/// Reports whether an entry of a part is granted to the part's owner.
pub(super) fn is_granted(owners: &Owners, part: &str, route: &Route) -> bool {
    let owner = owners.of_part(part);
    owner.is_some() && owner == owners.of_domain(route.host(), route.base())
}

/// Keeps every owner within its MAX_ENTRIES: of the changes, those that come last by name are not used.
pub(super) fn cap_entries(picks: &mut [Pick<'_>], owners: Option<&Owners>, path: impl Fn(&Part) -> String) {
    let Some(owners) = owners.filter(|owners| owners.all().iter().any(|owner| owner.max_entries.is_some())) else {
        return;
    };
    let mut used: HashMap<&str, u64> = HashMap::new();
    for pick in picks.iter().filter(|pick| !pick.is_change()) {
        if let (Some(owner), Some(version)) = (owners.of_part(&pick.part.name), pick.version()) {
            *used.entry(&owner.name).or_default() += version.routes.len() as u64;
        }
    }
    for pick in picks.iter_mut() {
        let Use::Offered(Some(version)) = &pick.used else { continue };
        let Some((owner, most)) = owners.of_part(&pick.part.name).and_then(|o| Some((o, o.max_entries?))) else {
            continue;
        };
        let (new, before) = (version.routes.len() as u64, pick.part.used().map_or(0, |used| used.routes.len() as u64));
        let total = used.entry(&owner.name).or_default();
        if *total + new <= most || new <= before {
            *total += new;
            continue;
        }
        let what = format!("with this part, `{}` has {} entries; owners.yaml allows {most}", owner.name, *total + new);
        let help = "delete entries, or raise MAX_ENTRIES in owners.yaml".to_owned();
        *total += before;
        let list = vec![error(1, owner.name.clone(), what, help, Code::TooManyEntries)];
        let error = rejected(version, &path(pick.part), list);
        pick.keep(error);
    }
}

/// Settles who gets the names that several parts want. Returns the entries in use that have been granted to another
/// part.
pub(super) fn settle(
    picks: &mut [Pick<'_>],
    owners: Option<&Owners>,
    active: &MappingTable,
    path: impl Fn(&Part) -> String,
) -> HashSet<Claim> {
    let by_mark: HashMap<u16, usize> = picks
        .iter()
        .enumerate()
        .filter_map(|(at, pick)| pick.part.in_use.as_ref().map(|used| (used.mark, at)))
        .collect();
    let mut order: Vec<usize> = (0..picks.len()).filter(|at| picks[*at].is_change()).collect();
    // Whoever was there first; a source that does not say when comes last.
    order.sort_by_key(|at| {
        let part = picks[*at].part;
        (part.modified.is_none(), part.modified, Arc::clone(&part.name))
    });
    let offered = |at: usize| match &picks[at].used {
        Use::Offered(Some(version)) => Some((at, Arc::clone(version))),
        _ => None,
    };
    let mut offered: Vec<_> = order.into_iter().filter_map(offered).collect();
    loop {
        let mut round = Round {
            owners,
            active,
            by_mark: &by_mark,
            new: Taken::new(&offered, owners.is_none()),
            yielded: HashSet::new(),
        };
        let (mut again, mut kept) = (false, HashSet::new());
        for (nth, (at, version)) in offered.iter().enumerate() {
            let lost = round.conflicts(picks, nth, (*at, version));
            if !lost.is_empty() {
                // What it had may be what another part has just been given.
                again |= picks[*at].part.in_use.is_some();
                let error = rejected(version, &path(picks[*at].part), lost);
                picks[*at].keep(error);
                kept.insert(*at);
            }
        }
        if !again {
            return round.yielded;
        }
        offered.retain(|(at, _)| !kept.contains(at));
    }
}

/// The names that nobody has in use, and which part gets them: each by a route of a version that is offered.
struct Taken<'o> {
    offered: &'o [(usize, Arc<PartVersion>)],
    /// The places of a version in `offered`, and of a route in there.
    names: HashTable<(u32, u32)>,
    hasher: DefaultHashBuilder,
    /// A host is given with all of its base paths.
    by_host: bool,
}

impl<'o> Taken<'o> {
    fn new(offered: &'o [(usize, Arc<PartVersion>)], by_host: bool) -> Taken<'o> {
        let most = offered.iter().map(|(_, version)| version.routes.len()).sum();
        Taken { offered, names: HashTable::with_capacity(most), hasher: DefaultHashBuilder::default(), by_host }
    }

    /// What only one part may have.
    fn name(by_host: bool, route: &Route) -> (&[u8], &[u8]) {
        (route.host_ref(), if by_host { &[] } else { route.base_ref() })
    }

    /// The part that gets the name of a route, and the line where it has it.
    fn get(&self, route: &Route) -> Option<(usize, u32)> {
        let name = Taken::name(self.by_host, route);
        let route = |at: &(u32, u32)| &self.offered[at.0 as usize].1.routes[at.1 as usize];
        let is_same = |at: &(u32, u32)| Taken::name(self.by_host, route(at)) == name;
        let at = self.names.find(self.hasher.hash_one(name), is_same)?;
        Some((self.offered[at.0 as usize].0, route(at).line))
    }

    /// Gives the names of some routes of the `nth` version to its part.
    fn add(&mut self, nth: usize, routes: Vec<u32>) {
        let Taken { offered, names, hasher, by_host } = self;
        let hash =
            |at: &(u32, u32)| hasher.hash_one(Taken::name(*by_host, &offered[at.0 as usize].1.routes[at.1 as usize]));
        for at in routes.into_iter().map(|route| (nth as u32, route)) {
            names.insert_unique(hash(&at), at, hash);
        }
    }
}

/// One pass over the changes.
struct Round<'r> {
    owners: Option<&'r Owners>,
    active: &'r MappingTable,
    /// The places of the parts in use, by their marks.
    by_mark: &'r HashMap<u16, usize>,
    new: Taken<'r>,
    yielded: HashSet<Claim>,
}

impl Round<'_> {
    /// What a part wants that it cannot have; takes the rest. Its version is the `nth` that is offered.
    fn conflicts(&mut self, picks: &[Pick<'_>], nth: usize, (at, version): (usize, &PartVersion)) -> Vec<Diagnostic> {
        let (mut lost, mut wanted, mut yielded) = (Vec::new(), Vec::new(), Vec::new());
        let mut last: Option<&Route> = None;
        for (place, route) in (0..).zip(&version.routes) {
            // Without owners, what holds for a host holds for all of its base paths.
            if self.owners.is_none() && last.is_some_and(|last| last.host_ref() == route.host_ref()) {
                continue;
            }
            last = Some(route);
            let mut other = None;
            for held in self.holders(route) {
                let Some(holder) = self.by_mark.get(&held.part).copied().filter(|holder| *holder != at) else {
                    continue;
                };
                if !picks[holder].version().is_some_and(|version| version.has_entry(held)) {
                    continue;
                }
                if self.is_stale(picks[holder].part, held) {
                    yielded.push(Claim::of(held));
                } else {
                    other = Some((holder, held.line));
                    break;
                }
            }
            let other = other.or_else(|| self.new.get(route));
            match other {
                None => wanted.push(place),
                Some(_) if lost.len() >= MOST_LISTED => {}
                Some((holder, line)) => lost.push(taken(route, &picks[holder].part.name, line, self.owners.is_some())),
            }
        }
        if lost.is_empty() {
            self.new.add(nth, wanted);
            self.yielded.extend(yielded);
        }
        lost
    }

    /// The entries in use that a part of its own cannot stand beside.
    fn holders(&self, route: &Route) -> &[Route] {
        let same = self.active.routes_named(route.host_ref());
        match self.owners {
            None => same,
            Some(_) => match same.binary_search_by(|held| by_domain(held, route)) {
                Ok(at) => &same[at..=at],
                Err(_) => &[],
            },
        }
    }

    /// Whether an entry in use would not be granted to its part any more.
    fn is_stale(&self, part: &Part, held: &Route) -> bool {
        self.owners.is_some_and(|owners| !is_granted(owners, &part.name, held))
    }
}

/// The error of a version in use of which other parts have entries: each with the one in its place.
pub(super) fn lost_to<'n>(
    version: &PartVersion,
    path: &str,
    lost: &[(Route, Route)],
    holder: impl Fn(u16) -> &'n str,
) -> PartError {
    let errors = lost.iter().map(|(route, by)| taken(route, holder(by.part), by.line, false));
    rejected(version, path, errors.collect())
}

fn taken(route: &Route, holder: &str, line: u32, has_owners: bool) -> Diagnostic {
    let domain = domain(route);
    let (what, help) = if has_owners {
        let help = "delete one of the two entries: a domain with its base path stands for one API";
        (format!("`{domain}` is already mapped in {holder}, on line {line}"), help.to_owned())
    } else {
        let help =
            "agree with whoever has it, or grant the names in owners.yaml; without it, a host belongs to one part";
        (format!("`{}` is already mapped in {holder}, on line {line}", route.host()), help.to_owned())
    };
    error(route.line, domain, what, help, Code::DuplicateDomain)
}
