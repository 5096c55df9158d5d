//! A new mapping: compiled whole, held against the one in force, then swapped in, or not at all.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::Live;
use super::snapshot::{PACE, Snapshot, Tally};
use super::status::Origin;
use crate::source::FetchFault;
use crate::telemetry::metrics::Reload;
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::domain::table::{MappingTable, removes_too_many};
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::load::{compile_bytes_paced, version_of_paced};

/// A mapping that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// Its generation.
    pub generation: u64,
    /// How many entries it has.
    pub entries: usize,
    /// Whether it was not in force before.
    pub changed: bool,
}

/// Why a mapping was not taken. The one before it serves on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// It could not be read.
    #[error("{0}")]
    Failed(#[from] FetchFault),
    /// It has faults.
    #[error("{}", .0.first(MOST_LOGGED))]
    Rejected(Diagnostics),
    /// It removes more than a change may.
    #[error("{0}")]
    Held(Held),
    /// It was being written.
    #[error("it is being written; it is read again in a moment")]
    Unsettled,
}

impl Cause {
    /// What the metrics count it as.
    pub fn result(&self) -> Reload {
        match self {
            Cause::Failed(_) | Cause::Unsettled => Reload::Failed,
            Cause::Rejected(_) => Reload::Rejected,
            Cause::Held(_) => Reload::Held,
        }
    }
}

/// The most faults that are logged; `check` prints them all.
const MOST_LOGGED: usize = 50;

/// A mapping that removes more of the domains in force than a change may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "version {version} removes {removed} of {domains} domains, and {most} % is the most a change may remove\n  help: \
     if that is meant, `nameplate reload --allow-shrink` takes it, or the setting `reload: allow_shrink`"
)]
pub struct Held {
    /// The version that is held.
    pub version: Version,
    /// How many domains in force it does not have.
    pub removed: usize,
    /// How many domains are in force.
    pub domains: usize,
    /// `max_removed`, in percent.
    pub most: u8,
}

/// A mapping that was not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{cause}\nthe mapping in force is unchanged (generation {generation})")]
pub struct NotTaken {
    /// Why.
    pub cause: Cause,
    /// The generation that serves on.
    pub generation: u64,
}

/// A mapping that has been read, not yet compiled.
pub(super) struct Document {
    pub(super) bytes: Bytes,
    pub(super) version: Version,
}

impl Document {
    pub(super) fn new(bytes: Bytes) -> Document {
        Document { version: version_of_paced(&bytes, PACE), bytes }
    }

    /// `name` is how faults name the source, `endpoints` what ENDPOINT may say. Were there a text that makes the compiler panic, it is
    /// not taken, and the next one can be.
    pub(super) fn compile(&self, name: &str, endpoints: &[String]) -> Result<MappingTable, Cause> {
        std::panic::catch_unwind(|| compile_bytes_paced(&self.bytes, name, Some(endpoints), PACE))
            .map_err(|_| Cause::Failed(FetchFault::internal(name)))?
            .map_err(Cause::Rejected)
    }
}

/// Whether a change may remove the domains it removes. `most` is in percent of those in force.
pub(super) fn may_shrink(before: &Snapshot, table: &MappingTable, version: Version, most: u8) -> Result<(), Held> {
    let domains = before.table.domains();
    let removed = before.table.domains_missing_in(table, PACE);
    if removes_too_many(removed, domains, most) { Err(Held { version, removed, domains, most }) } else { Ok(()) }
}

impl Live {
    /// Puts a table in force.
    pub fn put_in_force(&self, table: MappingTable, version: Version, origin: Origin, confirmed: SystemTime) {
        let (next, _) = self.next(table, version);
        self.swap(next, origin, confirmed);
    }

    /// The snapshot that would take the place of the one in force, and what that changes.
    pub(super) fn next(&self, table: MappingTable, version: Version) -> (Snapshot, Tally) {
        self.snapshot().next(table, version, &|name| self.endpoints.place_of(name))
    }

    /// Puts a snapshot in force that was made from the one in force. That one comes back, because
    /// dropping it takes time that no request should spend.
    pub(super) fn swap(&self, mut next: Snapshot, origin: Origin, confirmed: SystemTime) -> Arc<Snapshot> {
        next.count_by(&self.metrics, self.most_domains);
        let (generation, entries, domains) = (next.generation, next.table.len(), next.table.domains());
        let version = next.version.map(|version| version.to_string()).unwrap_or_default();
        let before = self.snapshot.swap(Arc::new(next));
        // Not a moment before: who waits for the metric sends requests that count on it.
        self.metrics.mapping_in_force(generation, entries, domains);
        self.metrics.mapping_version(&version, &self.mapping.source);
        self.metrics.mapping_from_cache(origin == Origin::Cache);
        self.mapping.taken(origin, confirmed);
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(domains: std::ops::Range<usize>) -> Document {
        let entry = |n| {
            let api = "https://abc.execute-api.eu-west-1.amazonaws.com/p";
            format!("  - CUSTOM_DOMAIN_URL: d{n}.example.com\n    PRIVATE_API_URL: {api}\n")
        };
        Document::new(format!("APIS:\n{}", domains.map(entry).collect::<String>()).into())
    }

    #[track_caller]
    fn check(old: std::ops::Range<usize>, new: std::ops::Range<usize>, most: u8, want: Result<(), usize>) {
        let old = document(old);
        let (before, _) = Snapshot::default().next(old.compile("m", &[]).expect("valid"), old.version, &|_| Some(0));
        let new = document(new);
        let got = may_shrink(&before, &new.compile("m", &[]).expect("valid"), new.version, most);
        assert_eq!(got.map_err(|held| held.removed), want);
    }

    #[test]
    fn more_than_the_share_is_held_and_the_share_is_not() {
        check(0..10, 0..5, 50, Ok(()));
        check(0..10, 0..4, 50, Err(6));
        check(0..10, 10..30, 50, Err(10));
        check(0..1, 1..2, 50, Err(1));
        check(0..10, 1..10, 0, Err(1));
        check(0..10, 0..20, 0, Ok(()));
        check(0..10, 20..21, 100, Ok(()));
    }

    #[test]
    fn what_is_not_taken_says_what_serves_on_and_what_to_do() {
        let held = Held { version: document(0..1).version, removed: 6, domains: 10, most: 50 };
        let said = NotTaken { cause: Cause::Held(held), generation: 7 }.to_string();
        assert!(said.contains("removes 6 of 10 domains") && said.contains("--allow-shrink"), "{said}");
        assert!(said.ends_with("\nthe mapping in force is unchanged (generation 7)"), "{said}");
    }
}
