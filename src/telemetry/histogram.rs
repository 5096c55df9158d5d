//! A histogram of seconds that costs two atomic additions to record.
//!
//! The prometheus crate's own takes no lock in `observe`, but it does four atomic operations on
//! cache lines that all threads share, one of them a compare-and-swap loop on a float sum; and its
//! `collect` spins until the recording threads have caught up. That makes a scrape consistent to
//! the last observation, which nobody needs here: a request is recorded in up to three histograms.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::process::family;

const NANOS_PER_SECOND: f64 = 1e9;

/// Durations counted into fixed buckets. Clones share their counts.
#[derive(Clone)]
pub(crate) struct Histogram(Arc<Inner>);

struct Inner {
    desc: Desc,
    bounds: &'static [f64],
    /// One per bound, not cumulative, and one for what is over the last bound.
    buckets: Box<[AtomicU64]>,
    /// Whole nanoseconds, so that adding is one instruction; 584 years until it wraps.
    nanos: AtomicU64,
}

impl Histogram {
    /// A histogram whose buckets hold what is at most each bound, in seconds and rising.
    pub(crate) fn new(name: &str, help: &str, bounds: &'static [f64]) -> prometheus::Result<Histogram> {
        let desc = Desc::new(name.into(), help.into(), Vec::new(), HashMap::new())?;
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Ok(Histogram(Arc::new(Inner { desc, bounds, buckets, nanos: AtomicU64::new(0) })))
    }

    /// Records one duration. What is no duration (negative, NaN) counts as 0.
    pub(crate) fn observe(&self, seconds: f64) {
        let seconds = seconds.max(0.0);
        let at = self.0.bounds.partition_point(|bound| *bound < seconds);
        self.0.buckets[at].fetch_add(1, Relaxed);
        self.0.nanos.fetch_add((seconds * NANOS_PER_SECOND) as u64, Relaxed);
    }

    /// How many durations were recorded.
    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        self.0.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    /// The count is summed from the buckets, so the two always agree; the sum of seconds may be
    /// ahead of or behind them by what is being recorded right now.
    fn snapshot(&self) -> proto::Histogram {
        let counts = self.0.buckets.iter().map(|bucket| bucket.load(Relaxed));
        let cumulative: Vec<u64> = counts
            .scan(0, |sum, count| {
                *sum += count;
                Some(*sum)
            })
            .collect();
        let buckets = self.0.bounds.iter().zip(&cumulative).map(|(bound, count)| {
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(*count);
            bucket
        });
        let mut out = proto::Histogram::default();
        out.set_bucket(buckets.collect());
        out.set_sample_count(cumulative.last().copied().unwrap_or(0));
        out.set_sample_sum(self.0.nanos.load(Relaxed) as f64 / NANOS_PER_SECOND);
        out
    }
}

impl Collector for Histogram {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0.desc]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let mut metric = proto::Metric::default();
        metric.set_histogram(self.snapshot());
        vec![family(&self.0.desc.fq_name, &self.0.desc.help, proto::MetricType::HISTOGRAM, vec![metric])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> Histogram {
        Histogram::new("t_seconds", "A test.", &[0.1, 1.0]).expect("a valid name")
    }

    fn counts(histogram: &Histogram) -> Vec<u64> {
        histogram.snapshot().get_bucket().iter().map(|b| b.cumulative_count()).collect()
    }

    #[test]
    fn a_bucket_holds_what_is_at_most_its_bound() {
        let h = histogram();
        for seconds in [0.05, 0.1, 0.5, 1.0, 7.0] {
            h.observe(seconds);
        }
        assert_eq!(counts(&h), [2, 4]);
        assert_eq!(h.count(), 5);
        assert!((h.snapshot().get_sample_sum() - 8.65).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_duration_counts_as_zero() {
        let h = histogram();
        h.observe(-1.0);
        h.observe(f64::NAN);
        assert_eq!(counts(&h), [2, 2]);
        assert_eq!(h.snapshot().get_sample_sum(), 0.0);
    }

    #[test]
    fn clones_share_their_counts() {
        let h = histogram();
        h.clone().observe(0.5);
        assert_eq!(h.count(), 1);
    }
}
