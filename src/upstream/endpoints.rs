//! The endpoints in use: what each has found, and what is counted of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::check::Checker;
use super::endpoint::{Endpoint, EndpointFault};
use super::retry_budget::RetryBudget;
use crate::telemetry::metrics::{EndpointCounts, Metrics};
use crate::upstream::pool::{Address, AddressCounts, AddressPool, Picked};
use nameplate_core::settings::{self, DEFAULT_ENDPOINT, Settings};

/// Every endpoint of the settings. They stay what they are until the process ends.
pub(crate) struct Endpoints {
    list: Vec<EndpointState>,
    /// Further attempts, of all requests together.
    pub budget: RetryBudget,
}

/// One endpoint: how its APIs are reached.
pub(crate) struct EndpointState {
    /// As the settings call it.
    pub label: String,
    /// Its addresses.
    pub endpoint: Endpoint,
    metrics: EndpointCounts,
    checks: Option<Checks>,
}

/// How addresses are tried while no request does.
struct Checks {
    checker: Checker,
    every: Duration,
}

impl Endpoints {
    /// Sets them up; nothing is looked up yet. `zone` is where we are, where that is known.
    pub(crate) fn new(
        settings: &Settings,
        zone: Option<&str>,
        metrics: &Arc<Metrics>,
    ) -> Result<Endpoints, EndpointFault> {
        let ca_file = settings.endpoint.ca_file.as_deref();
        let state = |label: &str, settings: &settings::Endpoint| {
            let checker = || Checker::new(ca_file, settings.tls_timeout);
            let checks = match settings.check_interval {
                Duration::ZERO => None,
                every => Some(Checks { checker: checker()?, every }),
            };
            let endpoint = Endpoint::new(settings, zone, metrics)?;
            Ok(EndpointState { label: label.to_owned(), endpoint, metrics: metrics.upstream.endpoint(label), checks })
        };
        let mut list = vec![state(DEFAULT_ENDPOINT, &settings.endpoint)?];
        for (label, settings) in &settings.endpoints {
            list.push(state(label, settings)?);
        }
        Ok(Endpoints { list, budget: RetryBudget::new(settings.endpoint.retry_budget, Instant::now()) })
    }

    /// The one at a place; the default one is at 0.
    pub(crate) fn at(&self, place: usize) -> &EndpointState {
        &self.list[place]
    }

    /// All of them, the default one first.
    pub(crate) fn all(&self) -> &[EndpointState] {
        &self.list
    }

    /// Sets the gauges of addresses.
    pub(crate) fn refresh_gauges(&self) {
        for state in &self.list {
            let AddressCounts { local, other } = state.counts();
            state.metrics.addresses(local, other);
        }
    }
}

impl EndpointState {
    /// How its addresses stand.
    pub(crate) fn counts(&self) -> AddressCounts {
        let mut sum = AddressCounts::default();
        self.each_pool(|pool| {
            let counts = pool.counts();
            for state in [0, 1] {
                sum.local[state] += counts.local[state];
                sum.other[state] += counts.other[state];
            }
        });
        sum
    }

    fn each_pool(&self, mut see: impl FnMut(&AddressPool)) {
        if let Some(pool) = self.endpoint.pool() {
            see(pool);
        }
        for name in self.endpoint.names().map(|names| names.all()).unwrap_or_default() {
            see(&name.pool);
        }
    }

    /// The address for a request's next attempt.
    pub(crate) fn pick(&self, pool: &AddressPool, failed: &[Picked], now: Instant) -> Option<Picked> {
        let picked = pool.pick(failed, now)?;
        self.metrics.picked(picked.local);
        Some(picked)
    }

    /// A connection to an address failed, or broke before an answer began.
    pub(crate) fn failed(&self, pool: &AddressPool, address: &Address, now: Instant) {
        if pool.failed(address, now) {
            self.metrics.ejected();
            log::warn!("endpoint {}: {} keeps failing and is left alone for a while", self.label, address.socket);
        }
    }

    /// An answer came from an address.
    pub(crate) fn worked(&self, pool: &AddressPool, address: &Address) {
        if pool.worked(address) {
            log::info!("endpoint {}: {} works again", self.label, address.socket);
        }
    }

    /// How often its addresses are to be tried, if they are.
    pub(crate) fn check_interval(&self) -> Option<Duration> {
        self.checks.as_ref().map(|checks| checks.every)
    }

    /// Tries each of its addresses once, all at the same time.
    pub(crate) async fn check(&self) {
        let Some(checks) = &self.checks else { return };
        let Some(pool) = self.endpoint.pool() else { return };
        let name = self.endpoint.name.as_deref();
        let now = Instant::now();
        // One that cools down has its time first: a handshake alone does not say that requests work.
        let due = pool.addresses().into_iter().filter(|address| pool.claim(address, now));
        let each = due.map(|address| async move {
            let outcome = checks.checker.check(address.socket, name).await;
            self.metrics.checked(outcome.is_ok());
            match outcome {
                Ok(()) => self.worked(pool, &address),
                Err(cause) => {
                    log::debug!("endpoint {}: {} did not pass its check: {cause}", self.label, address.socket);
                    self.failed(pool, &address, Instant::now());
                }
            }
        });
        join_all(each).await;
    }
}
