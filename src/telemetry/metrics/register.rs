//! Puts metrics into a registry.

use prometheus::core::Collector;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::super::histogram::Histogram;

pub(super) fn clamp(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

pub(super) fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounter> {
    add(registry, IntCounter::new(name, help)?)
}

pub(super) fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    add(registry, IntGauge::new(name, help)?)
}

pub(super) fn float(registry: &Registry, name: &str, help: &str) -> prometheus::Result<Gauge> {
    add(registry, Gauge::new(name, help)?)
}

pub(super) fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    bounds: &'static [f64],
) -> prometheus::Result<Histogram> {
    add(registry, Histogram::new(name, help, bounds)?)
}

/// One counter for each value of its one label, all there from the start: a series that appears
/// only with its first event hides that event from `increase()`.
pub(super) fn counters<const N: usize>(
    registry: &Registry,
    (name, help): (&str, &str),
    (label, values): (&str, [&str; N]),
) -> prometheus::Result<[IntCounter; N]> {
    let vec = add(registry, IntCounterVec::new(Opts::new(name, help), &[label])?)?;
    Ok(values.map(|value| vec.with_label_values(&[value])))
}
