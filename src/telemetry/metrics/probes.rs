//! What is said of probes.

use prometheus::{IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

use super::register::{add, clamp, counters};
use nameplate_core::verdict::Class;

/// Why a probe that was due was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeSkipped {
    /// More probes were due than are sent in their time.
    Late,
    /// The process had no descriptor or port left.
    Exhausted,
}

/// Counters and gauges of probes.
pub struct ProbeMetrics {
    ended: [IntCounter; Class::ALL.len()],
    skipped: [IntCounter; 2],
    targets: [IntGauge; Class::ALL.len()],
    pending: IntGauge,
}

impl ProbeMetrics {
    pub(super) fn register(r: &Registry) -> prometheus::Result<ProbeMetrics> {
        let classes = Class::ALL.map(Class::label);
        let targets = Opts::new(
            "nameplate_probe_targets",
            "APIs, each with a stage and a path, by what this task's last probe of them showed; pending: none yet.",
        );
        let targets = add(r, IntGaugeVec::new(targets, &["class"])?)?;
        Ok(ProbeMetrics {
            ended: counters(
                r,
                ("nameplate_probes_total", "Probes of APIs by what they showed. They are in no other counter."),
                ("class", classes),
            )?,
            skipped: counters(
                r,
                ("nameplate_probes_skipped_total", "Probes that were due and were not sent, by the reason."),
                ("reason", ["late", "exhausted"]),
            )?,
            targets: classes.map(|class| targets.with_label_values(&[class])),
            pending: targets.with_label_values(&["pending"]),
        })
    }

    /// A probe has ended.
    pub(crate) fn ended(&self, class: Class) {
        self.ended[class.index()].inc();
    }

    /// A probe was not sent.
    pub(crate) fn skipped(&self, why: ProbeSkipped) {
        self.skipped[why as usize].inc();
    }

    /// So many targets stand like this, by the places of [`Class::ALL`], and so many have not been probed.
    pub(crate) fn targets(&self, (by_class, pending): ([usize; Class::ALL.len()], usize)) {
        for (gauge, count) in self.targets.iter().zip(by_class) {
            gauge.set(clamp(count));
        }
        self.pending.set(clamp(pending));
    }
}
