//! Metrics that nobody sets: they are read when they are scraped.

use std::collections::HashMap;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, MetricFamily, MetricType};

use crate::telemetry::process::{family, metric};

/// Name, help and type of a metric.
pub(super) type Kind = (&'static str, &'static str, MetricType);

/// What a scrape finds for one value of the label: the values, in the order of the metrics.
pub(super) type Found<const N: usize> = (&'static str, [f64; N]);

/// `N` metrics with one label, and where they are read.
pub(super) struct Scraped<const N: usize, F> {
    kinds: [Kind; N],
    label: &'static str,
    descs: Vec<Desc>,
    read: F,
}

impl<const N: usize, F: Fn() -> Vec<Found<N>>> Scraped<N, F> {
    pub(super) fn new(kinds: [Kind; N], label: &'static str, read: F) -> prometheus::Result<Scraped<N, F>> {
        let desc =
            |(name, help, _): &Kind| Desc::new((*name).into(), (*help).into(), vec![label.into()], HashMap::new());
        let descs = kinds.iter().map(desc).collect::<Result<_, _>>()?;
        Ok(Scraped { kinds, label, descs, read })
    }

    fn series(&self, kind: MetricType, name: &str, value: f64) -> prometheus::proto::Metric {
        let mut series = metric(kind, value);
        series.set_label(vec![label(self.label, name.into())]);
        series
    }
}

/// A label and its value.
pub(super) fn label(name: &str, value: String) -> LabelPair {
    let mut label = LabelPair::default();
    label.set_name(name.into());
    label.set_value(value);
    label
}

impl<const N: usize, F: Fn() -> Vec<Found<N>> + Send + Sync> Collector for Scraped<N, F> {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let found = (self.read)();
        // A family without series is a fault to whoever writes it down.
        if found.is_empty() {
            return Vec::new();
        }
        let kinds = self.kinds.iter().enumerate();
        kinds
            .map(|(at, (name, help, kind))| {
                let series = found.iter().map(|(label, values)| self.series(*kind, label, values[at]));
                family(name, help, *kind, series.collect())
            })
            .collect()
    }
}
