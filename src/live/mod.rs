//! What is in force now: one [`Snapshot`], swapped whole, and the requests that go by it.
//!
//! **Invariant:** a request reads one snapshot. It takes it when it starts; every later phase,
//! retries included, asks that one.

pub mod held_entries;
pub mod keeper;
pub(crate) mod probes;
pub mod rate;
pub mod reload;
mod rollout;
pub mod snapshot;
pub mod status;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;

use crate::telemetry::emf::MappingAge;
use crate::telemetry::metrics::Metrics;
use nameplate_core::mapping::regions::EndpointRegions;
use nameplate_core::settings::{DEFAULT_ENDPOINT, Settings};
use rollout::Rollout;
use snapshot::Snapshot;
use status::Status;

/// The active mapping, which the request threads, the admin listener and the keeper share.
pub struct Live {
    snapshot: ArcSwap<Snapshot>,
    /// The endpoints that an entry can name, in the order of `upstream::endpoints` after the default one.
    endpoints: Vec<String>,
    /// Their regions.
    regions: EndpointRegions,
    /// Every metric.
    pub metrics: Arc<Metrics>,
    /// How it stands with the mapping.
    pub mapping: Status,
    /// So many domains have series of their own.
    most_domains: usize,
    /// Whether the active mapping is new; `None` where nobody asks.
    rollout: Option<Rollout>,
}

impl Live {
    /// Nothing is in force yet.
    pub fn new(settings: &Settings, metrics: Arc<Metrics>) -> Live {
        Live {
            snapshot: ArcSwap::default(),
            endpoints: settings.endpoint_names(),
            regions: EndpointRegions::of(settings),
            metrics,
            mapping: Status::new(settings.mapping.to_string(), SystemTime::now()),
            most_domains: settings.metrics.max_domains,
            rollout: Rollout::new(settings.emf.new_mapping),
        }
    }

    /// The snapshot in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Reports whether a snapshot is the active one.
    pub fn is_active(&self, snapshot: &Arc<Snapshot>) -> bool {
        Arc::ptr_eq(&self.snapshot.load(), snapshot)
    }

    /// Returns whether the active mapping is new to this process or old; `None` where that is not known, or nobody
    /// asks by the settings.
    pub(crate) fn mapping_age(&self) -> Option<MappingAge> {
        self.rollout.as_ref()?.age(Instant::now())
    }

    /// The place of the endpoint that an entry names, among all of them; the default one is at 0.
    fn place_of(&self, name: Option<&str>) -> Option<usize> {
        match name {
            None => Some(0),
            Some(name) if name == DEFAULT_ENDPOINT => Some(0),
            Some(name) => self.endpoints.iter().position(|known| known == name).map(|at| at + 1),
        }
    }

    /// Brings those gauges up to date that nothing sets when they change. Called before each scrape.
    pub fn refresh_gauges(&self) {
        self.metrics.mapping.staleness(self.mapping.staleness(SystemTime::now()).as_secs_f64());
    }
}
