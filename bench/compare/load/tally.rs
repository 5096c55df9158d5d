//! What became of the requests.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest latency that is told apart, in nanoseconds: a minute.
const LONGEST: u64 = 60_000_000_000;

pub struct Tally {
    ok: u64,
    pub retried: u64,
    failed: u64,
    first_failure: Option<String>,
    bytes: u64,
    latencies: Histogram<u64>,
}

/// What a load has found. It is printed as one line of JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// From the first request to the last answer.
    pub seconds: f64,
    pub sent: u64,
    /// Answered with 200.
    pub ok: u64,
    /// Sent a second time, on another connection, because the first one had been closed.
    pub retried: u64,
    /// Another status, no answer, or half of one.
    pub failed: u64,
    pub first_failure: Option<String>,
    /// Heads and bodies of answers.
    pub bytes: u64,
    /// Of those answered with 200, in microseconds.
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub longest_us: f64,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.ok as f64 / self.seconds
    }
}

impl Tally {
    pub fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1_000, LONGEST, 3).expect("constants within its limits");
        Tally { ok: 0, retried: 0, failed: 0, first_failure: None, bytes: 0, latencies }
    }

    pub fn answer(&mut self, status: u16, bytes: u64, took: Duration) {
        self.bytes += bytes;
        if status == 200 {
            self.ok += 1;
            self.latencies.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(LONGEST));
        } else {
            self.failed(format!("status {status}"));
        }
    }

    pub fn failed(&mut self, why: String) {
        self.failed += 1;
        self.first_failure.get_or_insert(why);
    }

    pub fn outcome(self, sent: u64, took: Duration) -> Outcome {
        let micros = |share: f64| self.latencies.value_at_quantile(share) as f64 / 1_000.0;
        Outcome {
            seconds: took.as_secs_f64(),
            sent,
            ok: self.ok,
            retried: self.retried,
            failed: self.failed,
            bytes: self.bytes,
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
            longest_us: micros(1.0),
            first_failure: self.first_failure,
        }
    }
}
