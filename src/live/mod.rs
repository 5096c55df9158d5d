//! What is in force now: one [`Snapshot`], swapped whole, and the requests that go by it.
//!
//! **Invariant:** a request reads one snapshot. It takes it when it starts; every later phase,
//! retries included, asks that one.

pub mod keeper;
pub mod rate;
pub mod reload;
pub mod snapshot;
pub mod status;

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;

use crate::downstream::connections::Connections;
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::lines;
use crate::telemetry::metrics::Metrics;
use crate::upstream::endpoints::Endpoints;
use nameplate_core::settings::Settings;
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
    /// A line for each request, where the settings want one.
    pub access_log: Option<AccessLog>,
    /// How it stands with the mapping.
    pub mapping: Status,
    /// So many domains have series of their own.
    most_domains: usize,
}

impl Live {
    /// Nothing is in force yet.
    pub fn new(settings: &Settings, endpoints: Endpoints, metrics: Arc<Metrics>) -> Live {
        Live {
            snapshot: ArcSwap::default(),
            endpoints,
            connections: Connections::new(Arc::clone(&metrics)),
            metrics,
            access_log: AccessLog::new(settings.access_log, lines::stdout),
            mapping: Status::new(settings.mapping.to_string(), SystemTime::now()),
            most_domains: settings.metrics.max_domains,
        }
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
