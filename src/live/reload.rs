//! A changed mapping file: compiled whole, then swapped in, or not at all.

use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use super::Live;
use super::snapshot::Snapshot;
use crate::config::load::{LoadFault, compile_file};
use crate::telemetry::metrics::Reload;

/// A mapping that is now in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// Its generation.
    pub generation: u64,
    /// How many entries it has.
    pub entries: usize,
}

/// A mapping that was not taken, and why. The one before it serves on.
#[derive(Debug, thiserror::Error)]
#[error("{fault}\nthe mapping in force is unchanged (generation {generation})")]
pub struct Rejected {
    fault: LoadFault,
    generation: u64,
}

impl Live {
    /// Reads the mapping file again and puts it in force. Blocking: call it off the request threads.
    pub fn reload(&self) -> Result<Reloaded, Rejected> {
        // Two reloads at once would race for the generation; the second one reads the newer file.
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.snapshot();
        let table = match compile_file(&self.mapping) {
            Ok(table) => table,
            Err(fault) => {
                self.metrics.mapping_reloaded(Reload::Rejected, SystemTime::now());
                return Err(Rejected { fault, generation: before.generation });
            }
        };
        let next = Snapshot { table, generation: before.generation + 1 };
        next.report(&self.metrics);
        let reloaded = Reloaded { generation: next.generation, entries: next.table.len() };
        self.snapshot.store(Arc::new(next));
        self.metrics.mapping_reloaded(Reload::Ok, SystemTime::now());
        Ok(reloaded)
    }
}
