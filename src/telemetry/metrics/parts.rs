//! What is said of the parts of a mapping.

use std::time::UNIX_EPOCH;

use prometheus::{GaugeVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::register::{add, clamp, gauge};
use nameplate_core::parts::assembly::PartStatus;

/// The most parts that have series of their own: those with errors come first, then the first ones by name.
const MOST_NAMED: usize = 100;

/// The states of a part, by the label of its error.
const STATES: [&str; 4] = ["active", "rejected", "held", "failed"];

/// Gauges of the parts of a mapping.
pub struct PartMetrics {
    states: [IntGauge; STATES.len()],
    info: IntGaugeVec,
    error: IntGaugeVec,
    since: GaugeVec,
    owners_error: IntGauge,
}

impl PartMetrics {
    pub(super) fn register(r: &Registry) -> prometheus::Result<PartMetrics> {
        let states = Opts::new(
            "nameplate_mapping_parts",
            "Parts of the mapping by whether they are active as the source has them, or why they are not.",
        );
        let info = Opts::new(
            "nameplate_mapping_part_info",
            "Always 1; the labels say which version of a part is active, and whose it is.",
        );
        let error = Opts::new(
            "nameplate_mapping_part_error",
            "Always 1, for a part that is not active as the source has it, by the reason.",
        );
        let since = Opts::new(
            "nameplate_mapping_part_active_since_timestamp_seconds",
            "When the active version of a part became active, in seconds since the Unix epoch.",
        );
        let states = add(r, IntGaugeVec::new(states, &["state"])?)?;
        Ok(PartMetrics {
            states: STATES.map(|state| states.with_label_values(&[state])),
            info: add(r, IntGaugeVec::new(info, &["part", "owner", "version"])?)?,
            error: add(r, IntGaugeVec::new(error, &["part", "owner", "reason"])?)?,
            since: add(r, GaugeVec::new(since, &["part"])?)?,
            owners_error: gauge(
                r,
                "nameplate_mapping_owners_error",
                "1 while owners.yaml is not used as the source has it, else 0.",
            )?,
        })
    }

    /// The parts are in these states now, and `owners.yaml` may have an error.
    pub fn set(&self, parts: &[PartStatus], owners_have_error: bool) {
        let label = |part: &PartStatus| part.error.as_ref().map_or(STATES[0], |(error, _)| error.label());
        for (state, gauge) in STATES.iter().zip(&self.states) {
            gauge.set(clamp(parts.iter().filter(|part| label(part) == *state).count()));
        }
        self.info.reset();
        self.error.reset();
        self.since.reset();
        self.owners_error.set(i64::from(owners_have_error));
        let (bad, good): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.error.is_some());
        for part in bad.into_iter().chain(good).take(MOST_NAMED) {
            let (name, owner) = (&*part.name, part.owner.as_deref().unwrap_or_default());
            if let Some((error, _)) = &part.error {
                self.error.with_label_values(&[name, owner, error.label()]).set(1);
            }
            if let Some(version) = part.version {
                self.info.with_label_values(&[name, owner, &version.to_string()]).set(1);
            }
            if let Some(since) = part.since {
                let seconds = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
                self.since.with_label_values(&[name]).set(seconds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::mapping::load::version_of;
    use nameplate_core::parts::error::PartError;
    use std::time::Duration;

    fn part(at: usize, error: Option<PartError>) -> PartStatus {
        let since = UNIX_EPOCH + Duration::from_secs(5);
        PartStatus {
            name: format!("p{at:03}.yaml").into(),
            owner: Some("pay".into()),
            contact: None,
            version: Some(version_of(b"p")),
            since: Some(since),
            entries: 1,
            error: error.map(|error| (error, since)),
        }
    }

    #[test]
    fn as_many_parts_have_series_as_may_and_those_with_errors_come_first() {
        let registry = Registry::new();
        let metrics = PartMetrics::register(&registry).expect("registered");
        let mut parts: Vec<_> = (0..150).map(|at| part(at, None)).collect();
        parts[149] = part(149, Some(PartError::OwnersGone));
        metrics.set(&parts, true);
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).expect("text");
        for want in [
            "nameplate_mapping_parts{state=\"active\"} 149\n",
            "nameplate_mapping_parts{state=\"held\"} 1\n",
            "nameplate_mapping_part_error{owner=\"pay\",part=\"p149.yaml\",reason=\"held\"} 1\n",
            "nameplate_mapping_part_active_since_timestamp_seconds{part=\"p149.yaml\"} 5\n",
            "nameplate_mapping_owners_error 1\n",
        ] {
            assert!(text.contains(want), "{want}\n{text}");
        }
        assert_eq!(text.matches("nameplate_mapping_part_info{").count(), MOST_NAMED);
        metrics.set(&parts[..1], false);
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).expect("text");
        assert_eq!(text.matches("nameplate_mapping_part_info{").count(), 1);
        assert!(!text.contains("nameplate_mapping_part_error{") && text.contains("state=\"held\"} 0\n"));
    }
}
