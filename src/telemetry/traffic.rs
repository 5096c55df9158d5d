//! What went through in the last minute, second by second: for people, and for a mean over a window.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How much of the past is kept.
pub(crate) const KEPT: Duration = Duration::from_secs(60);

/// Counts since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Requests answered, by the first digit of the status from 1 to 5; at 0, those with another one.
    pub classes: [u64; 6],
    /// Requests we answered instead of the API.
    pub refused: u64,
}

impl Totals {
    /// Requests answered.
    pub(crate) fn requests(&self) -> u64 {
        self.classes.iter().sum()
    }
}

/// Totals, once a second for as long as [`KEPT`].
#[derive(Debug, Default)]
pub struct Traffic {
    samples: Mutex<VecDeque<(Instant, Totals)>>,
}

/// What went through over some time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    /// Answers a second, by the first digit of the status; at 0, those with another one.
    pub classes: [f64; 6],
    /// Refusals a second; they are among the answers, too.
    pub refused: f64,
}

impl Rates {
    /// Requests answered a second.
    pub fn requests(&self) -> f64 {
        self.classes.iter().sum()
    }
}

impl Traffic {
    /// Takes a sample.
    pub(super) fn sample(&self, now: Instant, totals: Totals) {
        let mut samples = self.samples.lock();
        while samples.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= KEPT) {
            samples.pop_front();
        }
        samples.push_back((now, totals));
    }

    /// Means over the last `window`, or since the first sample; all 0 until there are two.
    pub fn rates(&self, window: Duration) -> Rates {
        let samples = self.samples.lock();
        let Some((now, newest)) = samples.back() else { return Rates::default() };
        let young = |(at, _): &&(Instant, Totals)| now.saturating_duration_since(*at) <= window;
        let Some((then, oldest)) = samples.iter().find(young) else { return Rates::default() };
        let seconds = now.saturating_duration_since(*then).as_secs_f64();
        if seconds <= 0.0 {
            return Rates::default();
        }
        let rate = |new: u64, old: u64| new.saturating_sub(old) as f64 / seconds;
        let mut classes = [0.0; 6];
        for (at, class) in classes.iter_mut().enumerate() {
            *class = rate(newest.classes[at], oldest.classes[at]);
        }
        Rates { classes, refused: rate(newest.refused, oldest.refused) }
    }

    /// Requests answered in each of the last seconds, the oldest first: at most as many as [`KEPT`] has.
    pub fn by_second(&self) -> Vec<u64> {
        let samples = self.samples.lock();
        let requests = samples.iter().map(|(_, totals)| totals.requests());
        requests.clone().zip(requests.skip(1)).map(|(before, after)| after.saturating_sub(before)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ok(requests: u64, refused: u64) -> Totals {
        Totals { classes: [0, 0, requests - refused, 0, refused, 0], refused }
    }

    fn sampled(totals: impl IntoIterator<Item = Totals>) -> Traffic {
        let (traffic, start) = (Traffic::default(), Instant::now());
        for (at, totals) in (0..).zip(totals) {
            traffic.sample(start + SECOND * at, totals);
        }
        traffic
    }

    #[test]
    fn nothing_is_known_before_the_second_sample() {
        for samples in [0, 1] {
            let traffic = sampled((0..samples).map(|n| ok(n * 10, 0)));
            assert_eq!(traffic.rates(KEPT), Rates::default());
            assert!(traffic.by_second().is_empty());
        }
    }

    #[test]
    fn a_rate_is_the_mean_over_its_window() {
        // 20 requests a second, then 100 of which a tenth is refused.
        let traffic = sampled((0..=30).map(|n: u64| {
            let late = n.saturating_sub(20);
            ok(20 * (n - late) + 100 * late, 10 * late)
        }));
        let rates = traffic.rates(SECOND * 10);
        assert_eq!((rates.requests(), rates.refused, rates.classes[4]), (100.0, 10.0, 10.0));
        assert_eq!(traffic.rates(SECOND * 20).requests(), 60.0);
        assert_eq!(traffic.by_second()[18..22], [20, 20, 100, 100]);
    }

    #[test]
    fn a_minute_is_kept() {
        let traffic = sampled((0..500).map(|n| ok(n, 0)));
        assert_eq!(traffic.by_second(), [1; 60]);
    }
}
