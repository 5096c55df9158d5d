//! Swaps a compiled mapping in.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::super::Live;
use super::super::snapshot::{PACE, Snapshot};
use super::super::status::Origin;
use nameplate_core::domain::kept::Tally;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::files::Files;
use nameplate_core::mapping::warnings::{has_any, summary};

impl Live {
    /// Makes a table the active one, for tests of what shows it.
    #[cfg(test)]
    pub fn put_in_force(&self, table: MappingTable, version: Version, origin: Origin, confirmed: SystemTime) {
        let (next, _) = self.next(table, version);
        self.swap(next, origin, confirmed);
    }

    /// Returns the snapshot that would replace the active one, and what that changes.
    pub(super) fn next(&self, table: MappingTable, version: Version) -> (Snapshot, Tally) {
        self.snapshot().next(table, version, &|name| self.place_of(name))
    }

    /// Activates a snapshot that was made from the active one. Returns the one it replaced, because
    /// dropping that takes time that no request should spend.
    pub(super) fn swap(&self, mut next: Snapshot, origin: Origin, confirmed: SystemTime) -> Arc<Snapshot> {
        next.count_by(&self.metrics, self.most_domains);
        let (generation, entries, domains) = (next.generation, next.table.len(), next.table.domains());
        if let (Some(rollout), Some(version)) = (&self.rollout, next.version) {
            rollout.record_active(version, origin, Instant::now());
        }
        let version = next.version.map(|version| version.to_string()).unwrap_or_default();
        let has_any = |routes: &[Route]| self.regions.has_stray(routes) || has_any(routes);
        let warned = next.look_for_warnings(&self.snapshot(), has_any);
        let files = Files::new("", Arc::clone(&next.parts));
        let warnings = [self.regions.warning(&warned, &files, PACE), summary(&warned, &files, PACE)];
        let before = self.snapshot.swap(Arc::new(next));
        // Not a moment before: whoever waits for the metric sends requests that rely on it.
        self.metrics.mapping.in_force(generation, entries, domains);
        self.metrics.mapping.version(&version, &self.mapping.source);
        self.metrics.mapping.set_from_cache(origin == Origin::Cache);
        self.mapping.record_active(origin, confirmed);
        for warning in warnings.into_iter().flatten() {
            log::warn!("mapping: {warning}");
        }
        before
    }
}
