//! What is in force now: one [`Snapshot`], swapped whole, and the requests that go by it.
//!
//! **Invariant:** a request reads one snapshot. It takes it when it starts; every later phase,
//! retries included, asks that one.

pub mod connections;
pub mod refresh;
pub mod reload;
pub mod snapshot;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;

use crate::discovery::Endpoint;
use crate::telemetry::metrics::{Metrics, Reload};
use connections::Connections;
use snapshot::Snapshot;

/// Everything the request threads, the admin listener and the signals share.
pub struct Live {
    snapshot: ArcSwap<Snapshot>,
    /// The endpoint every API is reached through.
    pub endpoint: Endpoint,
    /// Client connections, and whether we are stopping.
    pub connections: Connections,
    /// Every metric.
    pub metrics: Arc<Metrics>,
    mapping: PathBuf,
    reloading: std::sync::Mutex<()>,
}

impl Live {
    /// Puts a first snapshot in force.
    pub fn new(first: Snapshot, endpoint: Endpoint, metrics: Arc<Metrics>, mapping: PathBuf) -> Live {
        first.report(&metrics);
        metrics.mapping_reloaded(Reload::Ok, SystemTime::now());
        let connections = Connections::new(Arc::clone(&metrics));
        Live {
            snapshot: ArcSwap::from_pointee(first),
            endpoint,
            connections,
            metrics,
            mapping,
            reloading: Default::default(),
        }
    }

    /// The snapshot in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }
}
