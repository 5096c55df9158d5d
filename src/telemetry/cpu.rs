//! How much of its CPU limit the process uses, as an autoscaler wants to read it.
//!
//! A thread of its own reads the CPU time and the count of requests once a second, and the gauges hold
//! means of about the last [`WINDOW`]. The scrape only reads the gauges, so any number of scrapers, at
//! any interval, see the same value.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use prometheus::Gauge;

use super::limit::CpuLimit;
use super::process;
use super::ticker::Ticker;

/// The time the utilization is a mean over: long enough that one burst is no reason to scale, and
/// as long as the usual scrape interval. Who scrapes that often misses no load.
pub(crate) const WINDOW: Duration = Duration::from_secs(15);

/// How often the CPU time is read.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// CPU time against the clock, and against requests, over the last [`WINDOW`].
#[derive(Debug, Default)]
pub(crate) struct CpuWindow {
    samples: VecDeque<Sample>,
}

/// Counts since the process started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When it was taken.
    pub at: Instant,
    /// CPU time used.
    pub cpu_seconds: f64,
    /// Requests answered.
    pub requests: u64,
}

/// Means over a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Use {
    /// Cores in use.
    pub cores: f64,
    /// CPU seconds for each request; `None` where there was none.
    pub per_request: Option<f64>,
}

impl CpuWindow {
    /// Takes a sample. Answers with the means since the youngest sample that is at least [`WINDOW`] old,
    /// or the first one while all are younger. `None` for the first sample.
    pub(crate) fn sample(&mut self, now: Sample) -> Option<Use> {
        let is_old = |sample: &Sample| now.at.saturating_duration_since(sample.at) >= WINDOW;
        while self.samples.get(1).is_some_and(is_old) {
            self.samples.pop_front();
        }
        self.samples.push_back(now);
        let then = self.samples.front()?;
        let wall = now.at.saturating_duration_since(then.at).as_secs_f64();
        let used = (now.cpu_seconds - then.cpu_seconds).max(0.0);
        let requests = now.requests.saturating_sub(then.requests);
        let per_request = (requests > 0).then(|| used / requests as f64);
        (wall > 0.0).then(|| Use { cores: used / wall, per_request })
    }
}

/// What the meter keeps up to date.
#[derive(Clone)]
pub(crate) struct Gauges {
    /// The share of the limit in use. 0 until the second sample, a second later, and NaN where the
    /// system does not tell the CPU time.
    pub utilization: Gauge,
    /// CPU seconds for each request. Keeps its value while there are none; 0 before the first.
    pub per_request: Gauge,
}

impl Gauges {
    fn set(&self, limit: CpuLimit, used: Option<Use>) {
        self.utilization.set(used.map_or(0.0, |used| used.cores / limit.cores()));
        if let Some(per_request) = used.and_then(|used| used.per_request) {
            self.per_request.set(per_request);
        }
    }
}

/// Keeps the gauges up to date, until dropped.
pub(crate) struct CpuMeter(#[expect(dead_code, reason = "its end is the end of its thread")] Ticker);

impl CpuMeter {
    /// Starts measuring. `requests` tells how many were answered since the start, and is called once
    /// a second.
    pub(crate) fn start(
        limit: CpuLimit,
        gauges: Gauges,
        mut requests: impl FnMut(Instant) -> u64 + Send + 'static,
    ) -> io::Result<CpuMeter> {
        let mut window = CpuWindow::default();
        let measure = move || {
            let at = Instant::now();
            let requests = requests(at);
            match process::cpu_seconds() {
                Some(cpu_seconds) => gauges.set(limit, window.sample(Sample { at, cpu_seconds, requests })),
                None => gauges.utilization.set(f64::NAN),
            }
        };
        Ticker::start("cpu-meter", SAMPLE_EVERY, measure).map(CpuMeter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::limit::LimitSource;

    const SECOND: Duration = Duration::from_secs(1);

    /// Feeds one sample a second, each having used `cores` and answered 10 requests since the one before.
    fn run(window: &mut CpuWindow, start: Instant, cores: &[f64]) -> Option<Use> {
        let mut cpu_seconds = 100.0;
        let mut last = None;
        for (second, cores) in (0..).zip(cores) {
            cpu_seconds += cores;
            last = window.sample(Sample { at: start + SECOND * second, cpu_seconds, requests: u64::from(second) * 10 });
        }
        last
    }

    #[track_caller]
    fn check(cores: &[f64], want: Option<f64>) {
        let got = run(&mut CpuWindow::default(), Instant::now(), cores);
        let close = match (got, want) {
            (Some(got), Some(want)) => {
                let per_request = got.per_request.expect("requests");
                (got.cores - want).abs() < 1e-9 && (per_request - want / 10.0).abs() < 1e-9
            }
            (got, want) => got.is_none() && want.is_none(),
        };
        assert!(close, "{got:?}, not {want:?}");
    }

    #[test]
    fn one_sample_tells_nothing() {
        check(&[1.0], None);
    }

    #[test]
    fn before_the_window_is_full_the_mean_is_since_the_start() {
        check(&[9.0, 1.0, 0.0], Some(0.5));
    }

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        let mut load = vec![4.0; 30];
        load.extend([1.0; 15]);
        check(&load, Some(1.0));
        load.push(1.0);
        check(&load, Some(1.0));
    }

    #[test]
    fn the_ring_stays_small() {
        let mut window = CpuWindow::default();
        run(&mut window, Instant::now(), &[0.1; 1_000]);
        assert_eq!(window.samples.len(), 16);
    }

    #[test]
    fn a_process_that_was_stopped_for_a_while_shows_no_spike() {
        let mut window = CpuWindow::default();
        let start = Instant::now();
        run(&mut window, start, &[1.0; 20]);
        // The sample before the gap is kept: 20 s of CPU time over 100 s.
        let late = Sample { at: start + SECOND * 119, cpu_seconds: 140.0, requests: 190 };
        let after = window.sample(late).expect("a mean");
        assert!((after.cores - 0.2).abs() < 1e-9, "{after:?}");
    }

    #[test]
    fn neither_clock_nor_counter_running_backwards_gives_nonsense() {
        let mut window = CpuWindow::default();
        let start = Instant::now() + SECOND * 60;
        let mut sample = |at, cpu_seconds, requests| window.sample(Sample { at, cpu_seconds, requests });
        assert_eq!(sample(start, 5.0, 7), None);
        assert_eq!(sample(start, 5.0, 7), None);
        assert_eq!(sample(start - SECOND, 5.0, 7), None);
        assert_eq!(sample(start + SECOND, 1.0, 6), Some(Use { cores: 0.0, per_request: None }));
    }

    fn gauges() -> (Gauges, Gauge, Gauge) {
        let gauge = |name| Gauge::new(name, "A test.").expect("a valid name");
        let (utilization, per_request) = (gauge("u"), gauge("p"));
        (Gauges { utilization: utilization.clone(), per_request: per_request.clone() }, utilization, per_request)
    }

    fn two_cores() -> CpuLimit {
        CpuLimit::new(2.0, LimitSource::Machine).expect("a limit")
    }

    #[test]
    fn a_quiet_time_keeps_the_cost_of_a_request() {
        let (gauges, utilization, per_request) = gauges();
        gauges.set(two_cores(), Some(Use { cores: 1.0, per_request: Some(0.25) }));
        gauges.set(two_cores(), Some(Use { cores: 0.5, per_request: None }));
        assert_eq!((utilization.get(), per_request.get()), (0.25, 0.25));
    }

    #[test]
    fn the_thread_ends_with_the_meter() {
        let (gauges, utilization, _) = gauges();
        drop(CpuMeter::start(two_cores(), gauges, |_| 0).expect("a thread"));
        // Dropping joined it, so this is the only value it will ever have set.
        assert_eq!(utilization.get(), 0.0);
    }
}
