//! Tables that were replaced, held until no request reads them.

use std::sync::Arc;
use std::time::Duration;

use super::super::snapshot::Snapshot;

/// Large enough that the allocator does not keep it for the next allocation.
const NUDGE: usize = 8 * 1024 * 1024;
/// How long after a change the keeper cleans up, and how often it tries again while a request still
/// reads a replaced table.
const CLEAN_UP: Duration = Duration::from_secs(1);

/// The tables that were replaced and may still be read.
#[derive(Default)]
pub(super) struct ReplacedTables {
    tables: Vec<Arc<Snapshot>>,
    /// Nothing is left of the last change to clean up.
    clean: bool,
}

impl ReplacedTables {
    /// Holds a table that was replaced just now.
    pub(super) fn add(&mut self, table: Arc<Snapshot>) {
        self.tables.push(table);
        self.clean = false;
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.tables.len()
    }

    /// Drops those that no request reads any more: here, so that no request has to.
    pub(super) fn drop_unread(&mut self) {
        for table in std::mem::take(&mut self.tables) {
            match Arc::try_unwrap(table) {
                Ok(unread) => unread.take_apart(),
                Err(still_read) => self.tables.push(still_read),
            }
        }
    }

    /// Returns how long until [`ReplacedTables::clean_up`] is due; `None` if nothing is left to clean up.
    pub(super) fn clean_up_in(&self) -> Option<Duration> {
        (!self.clean).then_some(CLEAN_UP)
    }

    /// Cleans up after a change, some time later.
    pub(super) fn clean_up(&mut self) {
        // The allocator gives memory back to the system some time after it was freed, and only while
        // something else is freed. Nothing is written here, so this costs no memory itself.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(NUDGE)));
        self.clean = self.tables.is_empty();
        self.drop_unread();
    }
}
