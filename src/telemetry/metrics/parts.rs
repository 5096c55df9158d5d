//! What is said of the parts of a mapping.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use parking_lot::Mutex;
use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::scraped::label;
use crate::telemetry::process::{family, metric};
use nameplate_core::parts::assembly::PartStatus;

/// The most parts that have series of their own: those with errors come first, then the first ones by name.
const MOST_NAMED: usize = 100;

/// The states of a part, by the label of its error.
const STATES: [&str; 4] = ["active", "rejected", "held", "failed"];

/// A metric: its name, its help and its labels.
type Kind = (&'static str, &'static str, &'static [&'static str]);

const PARTS: Kind = (
    "nameplate_mapping_parts",
    "Parts of the mapping by whether they are active as the source has them, or why they are not.",
    &["state"],
);
const INFO: Kind = (
    "nameplate_mapping_part_info",
    "Always 1; the labels say which version of a part is active, and whose it is.",
    &["part", "owner", "version"],
);
const ERROR: Kind = (
    "nameplate_mapping_part_error",
    "Always 1, for a part that is not active as the source has it, by the reason.",
    &["part", "owner", "reason"],
);
const SINCE: Kind = (
    "nameplate_mapping_part_active_since_timestamp_seconds",
    "When the active version of a part became active, in seconds since the Unix epoch.",
    &["part"],
);
const OWNERS: Kind =
    ("nameplate_mapping_owners_error", "1 while owners.yaml is not used as the source has it, else 0.", &[]);

/// Series of the parts of a mapping. A scrape sees those before a change or those after it, never some of both.
pub struct PartMetrics(Arc<Mutex<Arc<[MetricFamily]>>>);

/// Gives a scrape the series as they are.
struct Shown {
    descs: Vec<Desc>,
    families: Arc<Mutex<Arc<[MetricFamily]>>>,
}

impl Collector for Shown {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let families = Arc::clone(&self.families.lock());
        families.to_vec()
    }
}

impl PartMetrics {
    pub(super) fn register(r: &Registry) -> prometheus::Result<PartMetrics> {
        let desc = |(name, help, labels): &Kind| {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            Desc::new((*name).into(), (*help).into(), labels, HashMap::new())
        };
        let descs = [PARTS, INFO, ERROR, SINCE, OWNERS].iter().map(desc).collect::<Result<_, _>>()?;
        let families = Arc::new(Mutex::new(families(&[], false)));
        r.register(Box::new(Shown { descs, families: Arc::clone(&families) }))?;
        Ok(PartMetrics(families))
    }

    /// The parts are in these states now, and `owners.yaml` may have an error.
    pub fn set(&self, parts: &[PartStatus], owners_have_error: bool) {
        // Built before it is swapped in: no scrape waits for it.
        let families = families(parts, owners_have_error);
        *self.0.lock() = families;
    }
}

fn families(parts: &[PartStatus], owners_have_error: bool) -> Arc<[MetricFamily]> {
    let state_of = |part: &PartStatus| part.error.as_ref().map_or(STATES[0], |(error, _)| error.label());
    let in_state = |state: &str| parts.iter().filter(|part| state_of(part) == state).count();
    let states = STATES.map(|state| series(PARTS, &[state], in_state(state) as f64));
    let (bad, good): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.error.is_some());
    let (mut info, mut error, mut since) = (Vec::new(), Vec::new(), Vec::new());
    for part in bad.into_iter().chain(good).take(MOST_NAMED) {
        let (name, owner) = (&*part.name, part.owner.as_deref().unwrap_or_default());
        error.extend(part.error.as_ref().map(|(why, _)| series(ERROR, &[name, owner, why.label()], 1.0)));
        info.extend(part.version.map(|version| series(INFO, &[name, owner, &version.to_string()], 1.0)));
        since.extend(part.since.map(|since| {
            let seconds = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            series(SINCE, &[name], seconds)
        }));
    }
    let owners = series(OWNERS, &[], f64::from(u8::from(owners_have_error)));
    let all = [(PARTS, states.to_vec()), (INFO, info), (ERROR, error), (SINCE, since), (OWNERS, vec![owners])];
    // A family without series is an error to whoever writes it down.
    let all = all.into_iter().filter(|(_, series)| !series.is_empty());
    all.map(|((name, help, _), series)| family(name, help, MetricType::GAUGE, series)).collect()
}

fn series((_, _, labels): Kind, values: &[&str], value: f64) -> Metric {
    let mut series = metric(MetricType::GAUGE, value);
    // In the order of their names, as everywhere else.
    let mut pairs: Vec<_> = labels.iter().zip(values).map(|(name, value)| label(name, (*value).into())).collect();
    pairs.sort_by(|one, other| one.name().cmp(other.name()));
    series.set_label(pairs);
    series
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

    #[test]
    fn a_scrape_during_a_change_sees_all_parts() {
        let registry = Registry::new();
        let metrics = PartMetrics::register(&registry).expect("registered");
        let parts: Vec<_> = (0..50).map(|at| part(at, None)).collect();
        metrics.set(&parts, false);
        std::thread::scope(|scope| {
            let changes = scope.spawn(|| (0..200).for_each(|_| metrics.set(&parts, false)));
            while !changes.is_finished() {
                let families = registry.gather();
                let info = families.iter().find(|family| family.name() == INFO.0).expect("the family is there");
                assert_eq!(info.get_metric().len(), 50);
            }
        });
    }
}
