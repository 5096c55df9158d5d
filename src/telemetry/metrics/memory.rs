//! What is known of the memory limit.

use prometheus::{IntGauge, Registry};

use super::register::gauge;

/// The memory of the process against its limit. Both are 0 where no limit is known.
pub struct MemoryMetrics {
    limit: IntGauge,
    used: IntGauge,
}

impl MemoryMetrics {
    pub(super) fn register(r: &Registry) -> prometheus::Result<MemoryMetrics> {
        Ok(MemoryMetrics {
            limit: gauge(r, "nameplate_memory_limit_bytes", "Memory the process may use, in bytes; 0 if unlimited.")?,
            used: gauge(
                r,
                "nameplate_memory_used_bytes",
                "Memory in use that counts against the limit, in bytes; 0 if unlimited.",
            )?,
        })
    }

    /// The process may use this much.
    pub fn limit(&self, bytes: u64) {
        self.limit.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// It uses this much.
    pub fn used(&self, bytes: u64) {
        self.used.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
