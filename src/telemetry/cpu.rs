//! How much of its CPU limit the process uses, as an autoscaler wants to read it.
//!
//! A thread of its own reads the CPU time once a second, and the gauge holds the mean of about the
//! last [`WINDOW`]. The scrape only reads the gauge, so any number of scrapers, at any interval, see
//! the same value.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use prometheus::Gauge;

use super::limit::CpuLimit;
use super::process;

/// The time the utilization is a mean over: long enough that one burst is no reason to scale, and
/// as long as the usual scrape interval. Who scrapes that often misses no load.
pub const WINDOW: Duration = Duration::from_secs(15);

/// How often the CPU time is read.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// CPU time against the clock over the last [`WINDOW`].
#[derive(Debug, Default)]
pub struct CpuWindow {
    samples: VecDeque<(Instant, f64)>,
}

impl CpuWindow {
    /// Takes a sample: the CPU time used since the process started. Answers with the mean number
    /// of cores in use since the youngest sample that is at least [`WINDOW`] old, or the first one
    /// while all are younger. `None` for the first sample.
    pub fn sample(&mut self, now: Instant, cpu_seconds: f64) -> Option<f64> {
        let is_old = |at: Instant| now.saturating_duration_since(at) >= WINDOW;
        while self.samples.get(1).is_some_and(|(at, _)| is_old(*at)) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, cpu_seconds));
        let (then, used_then) = self.samples.front()?;
        let wall = now.saturating_duration_since(*then).as_secs_f64();
        (wall > 0.0).then(|| ((cpu_seconds - used_then) / wall).max(0.0))
    }
}

/// Keeps a gauge at the process's share of its CPU limit, until dropped.
pub struct CpuMeter {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl CpuMeter {
    /// Starts measuring. The gauge is 0 until the second sample, a second later, and NaN where the
    /// system does not tell the CPU time.
    pub fn start(limit: CpuLimit, gauge: Gauge) -> io::Result<CpuMeter> {
        let (stop, stopped) = mpsc::channel();
        let mut window = CpuWindow::default();
        let mut measure = move || match process::cpu_seconds() {
            Some(used) => gauge.set(window.sample(Instant::now(), used).unwrap_or(0.0) / limit.cores()),
            None => gauge.set(f64::NAN),
        };
        let thread = thread::Builder::new().name("cpu-meter".into()).spawn(move || {
            measure();
            while stopped.recv_timeout(SAMPLE_EVERY) == Err(RecvTimeoutError::Timeout) {
                measure();
            }
        })?;
        Ok(CpuMeter { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for CpuMeter {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It wakes at once; that it may have panicked is no reason to panic here.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::limit::LimitSource;

    const SECOND: Duration = Duration::from_secs(1);

    /// Feeds one sample a second, each having used `cores` since the one before.
    fn run(window: &mut CpuWindow, start: Instant, cores: &[f64]) -> Option<f64> {
        let mut used = 100.0;
        let mut last = None;
        for (at, cores) in (0..).zip(cores) {
            used += cores;
            last = window.sample(start + SECOND * at, used);
        }
        last
    }

    #[track_caller]
    fn check(cores: &[f64], want: Option<f64>) {
        let got = run(&mut CpuWindow::default(), Instant::now(), cores);
        let close = match (got, want) {
            (Some(got), Some(want)) => (got - want).abs() < 1e-9,
            (got, want) => got == want,
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
        let after = window.sample(start + SECOND * 119, 140.0).expect("a mean");
        assert!((after - 0.2).abs() < 1e-9, "{after}");
    }

    #[test]
    fn neither_clock_nor_counter_running_backwards_gives_nonsense() {
        let mut window = CpuWindow::default();
        let start = Instant::now() + SECOND * 60;
        assert_eq!(window.sample(start, 5.0), None);
        assert_eq!(window.sample(start, 5.0), None);
        assert_eq!(window.sample(start - SECOND, 5.0), None);
        assert_eq!(window.sample(start + SECOND, 1.0), Some(0.0));
    }

    #[test]
    fn the_thread_ends_with_the_meter() {
        let gauge = Gauge::new("t", "A test.").expect("a valid name");
        let limit = CpuLimit::new(2.0, LimitSource::Machine).expect("a limit");
        drop(CpuMeter::start(limit, gauge.clone()).expect("a thread"));
        // Dropping joined it, so this is the only value it will ever have set.
        assert_eq!(gauge.get(), 0.0);
    }
}
