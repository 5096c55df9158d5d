//! What is in force now: one [`Snapshot`], swapped whole, and the requests that go by it.
//!
//! **Invariant:** a request reads one snapshot. It takes it when it starts; every later phase,
//! retries included, asks that one.

pub mod connections;
pub mod keeper;
pub mod refresh;
pub mod reload;
pub mod snapshot;
pub mod status;

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;

use crate::discovery::Endpoint;
use crate::telemetry::metrics::Metrics;
use connections::Connections;
use snapshot::Snapshot;
use status::Status;

/// Everything the request threads, the admin listener and the signals share.
pub struct Live {
    snapshot: ArcSwap<Snapshot>,
    /// The endpoint every API is reached through.
    pub endpoint: Endpoint,
    /// Client connections, and whether we are stopping.
    pub connections: Connections,
    /// Every metric.
    pub metrics: Arc<Metrics>,
    /// How it stands with the mapping.
    pub mapping: Status,
}

impl Live {
    /// Nothing is in force yet; `source` is the name of where the mapping will come from.
    pub fn new(source: String, endpoint: Endpoint, metrics: Arc<Metrics>) -> Live {
        let connections = Connections::new(Arc::clone(&metrics));
        let mapping = Status::new(source, SystemTime::now());
        Live { snapshot: ArcSwap::default(), endpoint, connections, metrics, mapping }
    }

    /// The snapshot in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Brings those gauges up to date that nothing sets when they change. Called before each scrape.
    pub fn refresh_gauges(&self) {
        self.metrics.mapping_staleness(self.mapping.staleness(SystemTime::now()).as_secs_f64());
    }
}
