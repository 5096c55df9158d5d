//! What the process's runtimes and logs tell of themselves when they are scraped.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::Registry;
use prometheus::proto::MetricType;
use tokio::runtime::{Handle, RuntimeMetrics};

use super::scraped::{Found, Kind, Scraped};
use crate::telemetry::lines::Log;

const RUNTIMES: [Kind; 4] = [
    ("nameplate_runtime_threads", "Worker threads of the runtime.", MetricType::GAUGE),
    ("nameplate_runtime_tasks", "Tasks of the runtime that have not ended.", MetricType::GAUGE),
    (
        "nameplate_runtime_queue_depth",
        "Tasks that are ready to run and that no worker thread of the runtime has taken.",
        MetricType::GAUGE,
    ),
    (
        "nameplate_runtime_busy_seconds_total",
        "Time that the worker threads of the runtime did not wait for work, in seconds.",
        MetricType::COUNTER,
    ),
];

const LOST: [Kind; 1] = [(
    "nameplate_log_lines_dropped_total",
    "Lines of a log that were dropped because nobody took them in time.",
    MetricType::COUNTER,
)];

/// The runtimes there are. Locked where one is added and where they are scraped, and nowhere else.
#[derive(Clone, Default)]
pub struct RuntimeGauges(Arc<Mutex<Vec<(&'static str, RuntimeMetrics)>>>);

impl RuntimeGauges {
    pub(super) fn register(r: &Registry) -> prometheus::Result<RuntimeGauges> {
        let runtimes = RuntimeGauges::default();
        let watched = runtimes.clone();
        r.register(Box::new(Scraped::new(RUNTIMES, "runtime", move || watched.read())?))?;
        Ok(runtimes)
    }

    fn read(&self) -> Vec<Found<{ RUNTIMES.len() }>> {
        self.0.lock().iter().map(|(name, runtime)| (*name, values(runtime))).collect()
    }
}

fn values(runtime: &RuntimeMetrics) -> [f64; RUNTIMES.len()] {
    let workers = runtime.num_workers();
    let busy: f64 = (0..workers).map(|worker| runtime.worker_total_busy_duration(worker).as_secs_f64()).sum();
    [workers as f64, runtime.num_alive_tasks() as f64, runtime.global_queue_depth() as f64, busy]
}

/// The logs are the process's, so every registry tells the same of them.
pub(super) fn register_logs(r: &Registry) -> prometheus::Result<()> {
    let read = || Log::ALL.map(|log| (log.name(), [log.lost() as f64])).to_vec();
    r.register(Box::new(Scraped::new(LOST, "log", read)?))
}

impl RuntimeGauges {
    /// Tells of this runtime from now on.
    pub fn watch_runtime(&self, name: &'static str, runtime: &Handle) {
        self.0.lock().push((name, runtime.metrics()));
    }
}
