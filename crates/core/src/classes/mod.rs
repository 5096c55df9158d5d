//! Every request that a mapping can tell apart, and what a change of the mapping does to each.
//!
//! Domains, base paths and verbs cut all requests into finitely many classes: the mapping treats the requests of one class
//! alike. Each class has a witness, a request that stands for all of them and that `nameplate explain` takes.
//!
//! **Invariant:** [`changes`] is complete. A request whose outcome differs between two tables belongs to one of the classes
//! that it returns, and the outcome of every witness that it returns differs. A property test holds both against every
//! request over a small alphabet.
//!
//! What no entry decides is left out: limits of sizes and rates, malformed targets, dot segments, CONNECT. An
//! `X-HTTP-Method-Override` passes where its verb does, so it has no classes of its own. The `Allow` of a 405 is no outcome.

mod hosts;
mod kind;
mod near;
mod outcome;
mod paths;
mod verbs;

use self::near::OnHost;
use crate::domain::table::MappingTable;

pub use self::hosts::HostClass;
pub use self::kind::Kind;
pub use self::outcome::{Forwarded, Outcome};
pub use self::paths::PathClass;
pub use self::verbs::{OTHER_VERB, VerbClass};

/// A request that stands for its class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness {
    /// The method.
    pub method: &'static str,
    /// The Host header.
    pub host: String,
    /// The request target.
    pub target: String,
}

impl Witness {
    /// The URL, as `nameplate explain` takes it.
    pub fn url(&self) -> String {
        format!("https://{}{}", self.host, self.target)
    }
}

/// Requests that two tables treat alike, and differently from each other.
#[derive(Clone, Debug)]
pub struct Changed<'t> {
    /// What kind of change it is.
    pub kind: Kind,
    /// The hosts.
    pub host: HostClass,
    /// The paths.
    pub path: PathClass,
    /// The verbs.
    pub verbs: VerbClass,
    /// One of the requests.
    pub witness: Witness,
    /// What the old table does with them.
    pub old: Outcome<'t>,
    /// What the new one does.
    pub new: Outcome<'t>,
}

/// Requests that a table treats alike.
#[derive(Clone, Debug)]
pub struct Class<'t> {
    /// The hosts.
    pub host: HostClass,
    /// The paths.
    pub path: PathClass,
    /// The verbs.
    pub verbs: VerbClass,
    /// One of the requests.
    pub witness: Witness,
    /// What the table does with them.
    pub outcome: Outcome<'t>,
}

/// The classes whose outcome differs, most dangerous first, then by domain and base path.
///
/// Only domains whose entries differ are looked at, and of their paths those that another entry decides, so the cost is that
/// of comparing the tables and of the change.
pub fn changes<'t>(old: &'t MappingTable, new: &'t MappingTable) -> Vec<Changed<'t>> {
    let mut found = Vec::new();
    for host in hosts::differing(old, new) {
        let (old_host, new_host) = (OnHost::new(old, &host.example), OnHost::new(new, &host.example));
        for (path, targets) in paths::differing(old, new, &host.example) {
            let mut seen: Vec<Changed<'t>> = Vec::new();
            for target in &targets {
                let (old_path, new_path) = (old_host.on_path(target), new_host.on_path(target));
                let both = verbs::grouped(|method| {
                    let (before, after) = (old_path.outcome(method, target), new_path.outcome(method, target));
                    (before != after).then_some((before, after))
                });
                for (verbs, (before, after)) in both {
                    let kind = Kind::of(&before, &after);
                    // A second target of one class tells something only where it ends otherwise.
                    if seen.iter().any(|other| other.kind == kind && other.verbs == verbs) {
                        continue;
                    }
                    let witness = witness(&verbs, &host, target);
                    let (host, path) = (host.clone(), path.clone());
                    seen.push(Changed { kind, host, path, verbs, witness, old: before, new: after });
                }
            }
            found.append(&mut seen);
        }
    }
    found.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.host.cmp(&b.host)).then_with(|| a.path.cmp(&b.path)));
    found
}

/// Every class of a table, by domain and base path; those of unknown domains come last.
pub fn classes(table: &MappingTable) -> Vec<Class<'_>> {
    let mut found = Vec::new();
    for host in hosts::all(table) {
        let on_host = OnHost::new(table, &host.example);
        for (path, targets) in paths::classes(&[table], &host.example) {
            let target = &targets[0];
            let on_path = on_host.on_path(target);
            for (verbs, outcome) in verbs::grouped(|method| Some(on_path.outcome(method, target))) {
                let witness = witness(&verbs, &host, target);
                found.push(Class { host: host.clone(), path: path.clone(), verbs, witness, outcome });
            }
        }
    }
    found
}

fn witness(verbs: &VerbClass, host: &HostClass, target: &str) -> Witness {
    Witness { method: verbs.example(), host: host.example.clone(), target: target.to_owned() }
}

#[cfg(test)]
mod tests;
