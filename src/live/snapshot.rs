//! The table in force, and which one it is.

use crate::domain::table::MappingTable;
use crate::telemetry::metrics::Metrics;

/// One version of the mapping.
#[derive(Debug)]
pub struct Snapshot {
    /// All routes.
    pub table: MappingTable,
    /// 1 for the first, one more with each reload that changed what is in force.
    pub generation: u64,
}

impl Snapshot {
    /// The snapshot a process starts with.
    pub fn first(table: MappingTable) -> Snapshot {
        Snapshot { table, generation: 1 }
    }

    /// Writes what is in force into the metrics.
    pub fn report(&self, metrics: &Metrics) {
        metrics.mapping_in_force(self.generation, self.table.len(), self.table.domains());
    }
}
