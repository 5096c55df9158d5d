//! What is in force now: one [`Snapshot`], swapped whole, and the requests that go by it.
//!
//! **Invariant:** a request reads one snapshot. It takes it when it starts; every later phase,
//! retries included, asks that one.

pub mod budget;
pub mod connections;
pub mod endpoints;
pub mod keeper;
pub mod rate;
pub mod refresh;
pub mod reload;
pub mod snapshot;
pub mod status;

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;

use crate::telemetry::metrics::Metrics;
use connections::Connections;
use endpoints::Endpoints;
use snapshot::Snapshot;
use status::Status;

/// Everything the request threads, the admin listener and the signals share.
pub struct Live {
    snapshot: ArcSwap<Snapshot>,
    /// The endpoints that APIs are reached through.
    pub endpoints: Endpoints,
    /// Client connections, and whether we are stopping.
    pub connections: Connections,
    /// Every metric.
    pub metrics: Arc<Metrics>,
    /// How it stands with the mapping.
    pub mapping: Status,
}

impl Live {
    /// Nothing is in force yet; `source` is the name of where the mapping will come from.
    pub fn new(source: String, endpoints: Endpoints, metrics: Arc<Metrics>) -> Live {
        let connections = Connections::new(Arc::clone(&metrics));
        let mapping = Status::new(source, SystemTime::now());
        Live { snapshot: ArcSwap::default(), endpoints, connections, metrics, mapping }
    }

    /// The snapshot in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Brings those gauges up to date that nothing sets when they change. Called before each scrape.
    pub fn refresh_gauges(&self) {
        self.endpoints.refresh_gauges();
        self.metrics.mapping_staleness(self.mapping.staleness(SystemTime::now()).as_secs_f64());
    }
}
