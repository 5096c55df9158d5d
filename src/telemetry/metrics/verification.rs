//! What is said of verified changes.

use prometheus::{IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

use super::register::{add, clamp, counters, gauge};
use nameplate_core::verification::held::labels;

/// How an entry left a verification.
const RESULTS: [&str; 3] = ["passed", "accepted", "held"];

/// Gauges of the entries that are held or being verified, and counts of those that were.
pub struct VerificationMetrics {
    under_way: IntGauge,
    held: Vec<(&'static str, IntGauge)>,
    verified: [IntCounter; RESULTS.len()],
}

impl VerificationMetrics {
    pub(super) fn register(r: &Registry) -> prometheus::Result<VerificationMetrics> {
        let held = Opts::new(
            "nameplate_mapping_held_entries",
            "Entries that keep their old target because the new one answers worse, by how that answers.",
        );
        let held = add(r, IntGaugeVec::new(held, &["class"])?)?;
        Ok(VerificationMetrics {
            under_way: gauge(
                r,
                "nameplate_mapping_verifying_entries",
                "Entries that are being verified before the mapping which leads them elsewhere becomes active.",
            )?,
            held: labels().map(|label| (label, held.with_label_values(&[label]))).collect(),
            verified: counters(
                r,
                ("nameplate_mapping_verified_entries_total", "Entries that were verified, by what became of them."),
                ("result", RESULTS),
            )?,
        })
    }

    /// This many entries are being verified; 0 for none.
    pub fn under_way(&self, entries: usize) {
        self.under_way.set(clamp(entries));
    }

    /// The entries with these labels are held.
    pub fn held<'l>(&self, held: impl Iterator<Item = &'l str>) {
        let held: Vec<&str> = held.collect();
        for (label, gauge) in &self.held {
            gauge.set(clamp(held.iter().filter(|held| *held == label).count()));
        }
    }

    /// So many entries have passed, have been accepted without being asked, and are held.
    pub fn verified(&self, passed: usize, accepted: usize, held: usize) {
        for (counter, entries) in self.verified.iter().zip([passed, accepted, held]) {
            counter.inc_by(entries as u64);
        }
    }
}
