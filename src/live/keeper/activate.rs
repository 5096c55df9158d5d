//! A new mapping: held against the one in force, then swapped in, or not at all.

use std::sync::Arc;
use std::time::SystemTime;

use super::super::Live;
use super::super::reload::Held;
use super::super::snapshot::{Snapshot, Tally};
use super::super::status::Origin;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_plan::change::removes_too_many;

/// Whether a change may remove the domains it removes. `most` is in percent of those in force.
pub(super) fn may_shrink(before: &Snapshot, table: &MappingTable, version: Version, most: u8) -> Result<(), Held> {
    let domains = before.table.domains();
    let removed = before.table.domains_missing_in(table);
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
        self.mapping.record_active(origin, confirmed);
        before
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
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
}
