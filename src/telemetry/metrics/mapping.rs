//! What is said of the mapping.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{Gauge, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

use super::parts::PartMetrics;
use super::register::{add, clamp, counters, float, gauge};
use super::verification::VerificationMetrics;

/// How reading the mapping ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadResult {
    /// A new table is in force.
    Ok,
    /// It has faults; the old table serves on.
    Rejected,
    /// It is what it was the last time.
    Unchanged,
    /// It removes more than a change may; the old table serves on.
    Held,
    /// It could not be read; the old table serves on.
    Failed,
}

impl ReadResult {
    /// As the metrics label it.
    pub fn label(self) -> &'static str {
        RESULTS[self as usize]
    }
}

/// The labels of [`ReadResult`], in its order.
const RESULTS: [&str; 5] = ["ok", "rejected", "unchanged", "held", "failed"];

/// Those of [`RESULTS`] after which what the source has is not in force.
const TROUBLES: [ReadResult; 3] = [ReadResult::Rejected, ReadResult::Held, ReadResult::Failed];

/// Gauges of the active mapping, and counts of its readings.
pub struct MappingMetrics {
    generation: IntGauge,
    entries: IntGauge,
    domains: IntGauge,
    tables: IntGauge,
    info: IntGaugeVec,
    reloads: [IntCounter; RESULTS.len()],
    troubles: [IntGauge; TROUBLES.len()],
    from_cache: IntGauge,
    last_success: Gauge,
    staleness: Gauge,
    /// Of a mapping in parts.
    pub parts: PartMetrics,
    /// Of verified changes.
    pub verification: VerificationMetrics,
}

impl MappingMetrics {
    pub(super) fn register(r: &Registry) -> prometheus::Result<MappingMetrics> {
        let info = Opts::new("nameplate_mapping_info", "Always 1; the labels say which mapping is in force.");
        let trouble = Opts::new(
            "nameplate_mapping_trouble",
            "1 while what the source has is not in force, by the reason; else 0.",
        );
        let trouble = add(r, IntGaugeVec::new(trouble, &["reason"])?)?;
        Ok(MappingMetrics {
            parts: PartMetrics::register(r)?,
            verification: VerificationMetrics::register(r)?,
            generation: gauge(
                r,
                "nameplate_mapping_generation",
                "How many tables have been in force in this process, the present one included.",
            )?,
            entries: gauge(r, "nameplate_mapping_entries", "Entries of the mapping in force.")?,
            domains: gauge(r, "nameplate_mapping_domains", "Custom domains of the mapping in force.")?,
            tables: gauge(
                r,
                "nameplate_mapping_tables",
                "Tables in memory: the one in force, and those that requests still read.",
            )?,
            info: add(r, IntGaugeVec::new(info, &["version", "source"])?)?,
            reloads: counters(
                r,
                ("nameplate_mapping_reloads_total", "Times the source was asked for the mapping."),
                ("result", RESULTS),
            )?,
            troubles: TROUBLES.map(|reason| trouble.with_label_values(&[reason.label()])),
            from_cache: gauge(
                r,
                "nameplate_mapping_from_cache",
                "1 while the mapping in force was read from disk because its source was away, else 0.",
            )?,
            last_success: float(
                r,
                "nameplate_mapping_last_success_timestamp_seconds",
                "When the source last had the mapping that is in force, in seconds since the Unix epoch; 0 for never.",
            )?,
            staleness: float(
                r,
                "nameplate_mapping_staleness_seconds",
                "Time since the source last had the mapping that is in force, in seconds.",
            )?,
        })
    }
}

impl MappingMetrics {
    /// This table is in force now.
    pub fn in_force(&self, generation: u64, entries: usize, domains: usize) {
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.entries.set(clamp(entries));
        self.domains.set(clamp(domains));
    }

    /// This mapping is in force now, from this source: the one series of its kind.
    pub fn version(&self, version: &str, source: &str) {
        self.info.reset();
        self.info.with_label_values(&[version, source]).set(1);
    }

    /// The source was asked for the mapping.
    pub fn read(&self, result: ReadResult) {
        self.reloads[result as usize].inc();
    }

    /// The source was asked for the mapping, and what is in force is what it has.
    pub fn confirmed(&self, result: ReadResult, now: SystemTime) {
        self.read(result);
        let epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_success.set(epoch.as_secs_f64());
    }

    /// Why what the source has is not in force, or that it is.
    pub fn trouble(&self, why: Option<ReadResult>) {
        for (trouble, gauge) in TROUBLES.iter().zip(&self.troubles) {
            gauge.set(i64::from(why == Some(*trouble)));
        }
    }

    /// The mapping in force was read from disk, because its source was away.
    pub fn set_from_cache(&self, from_cache: bool) {
        self.from_cache.set(i64::from(from_cache));
    }

    /// How old the last sign is that what is in force is what the source has.
    pub fn staleness(&self, seconds: f64) {
        self.staleness.set(seconds);
    }

    /// This many tables are in memory: the one in force, and those that requests still read.
    pub fn tables(&self, count: usize) {
        self.tables.set(clamp(count));
    }
}
