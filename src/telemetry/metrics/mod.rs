//! Every metric, once: its name, its help with the unit, its labels, and the one method that
//! records it.
//!
//! **Invariant:** recording a request takes no lock, hashes no label and allocates nothing. Each
//! counter is resolved before it is needed: those of a domain when the mapping is put in force.
//!
//! Each [`Metrics`] has a registry of its own, so that several proxies can live in one process.

mod clients;
mod domains;
mod mapping;
mod requests;
mod runtime;
mod scraped;
mod upstream;

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use super::cpu::{CpuMeter, Gauges};
use super::histogram::Histogram;
use super::limit::CpuLimit;
use super::process::ProcessCollector;
use super::traffic::Traffic;
use clients::Clients;
pub use clients::{CertificateExpiry, Cut, Handshake};
pub use domains::Domain;
use mapping::Mapping;
pub use mapping::ReadResult;
use requests::Requests;
pub use requests::{Done, InFlight};
use runtime::Runtimes;
use upstream::Upstream;
pub use upstream::{ConnectFailure, Discovery, EndpointCounts, Retry, UpstreamConnection, UpstreamConnections};

/// The content type of [`Metrics::render`]: the text exposition format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of one proxy.
pub struct Metrics {
    registry: Registry,
    requests: Arc<Requests>,
    upstream: Upstream,
    mapping: Mapping,
    clients: Clients,
    runtimes: Runtimes,
    traffic: Arc<Traffic>,
    limit: CpuLimit,
    cpu: Gauges,
    /// `None` where no thread could be had.
    _meter: Option<CpuMeter>,
}

impl Metrics {
    /// A registry with all metrics at 0, and a thread that measures CPU utilization against
    /// `limit` until this is dropped. A thread does not survive a fork: build this after it.
    pub fn new(limit: CpuLimit) -> Metrics {
        // Only a name that is not valid or there twice can make this fail, and all are constants.
        Metrics::register(limit).expect("metric names are valid and each is there once; every test registers them")
    }

    fn register(limit: CpuLimit) -> prometheus::Result<Metrics> {
        let r = Registry::new();
        register_constants(&r, limit)?;
        r.register(Box::new(ProcessCollector::new()?))?;
        runtime::register_logs(&r)?;
        let requests = Arc::new(Requests::register(&r)?);
        let traffic = Arc::new(Traffic::default());
        let cpu = register_cpu(&r)?;
        Ok(Metrics {
            limit,
            _meter: start_meter(cpu.clone(), limit, Arc::clone(&requests), Arc::clone(&traffic)),
            cpu,
            requests,
            traffic,
            upstream: Upstream::register(&r)?,
            mapping: Mapping::register(&r)?,
            clients: Clients::register(&r)?,
            runtimes: Runtimes::register(&r)?,
            registry: r,
        })
    }

    /// What went through in the last minute.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The share of the CPU limit in use, mean of the last 15 seconds; `None` where it is not measured.
    pub fn cpu_utilization(&self) -> Option<f64> {
        Some(self.cpu.utilization.get()).filter(|ratio| ratio.is_finite())
    }

    /// CPU seconds for each request, mean of the last 15 seconds that had any; 0 before the first.
    pub fn cpu_per_request(&self) -> f64 {
        self.cpu.per_request.get()
    }

    /// CPU this process may use, in cores.
    pub fn cpu_limit(&self) -> f64 {
        self.limit.cores()
    }

    /// All metrics in the text exposition format, as [`CONTENT_TYPE`] says.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(fault) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            log::error!("metrics: {fault}");
        }
        text
    }
}

fn clamp(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounter> {
    add(registry, IntCounter::new(name, help)?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    add(registry, IntGauge::new(name, help)?)
}

fn float(registry: &Registry, name: &str, help: &str) -> prometheus::Result<Gauge> {
    add(registry, Gauge::new(name, help)?)
}

fn histogram(registry: &Registry, name: &str, help: &str, bounds: &'static [f64]) -> prometheus::Result<Histogram> {
    add(registry, Histogram::new(name, help, bounds)?)
}

/// One counter for each value of its one label, all there from the start: a series that appears
/// only with its first event hides that event from `increase()`.
fn counters<const N: usize>(
    registry: &Registry,
    (name, help): (&str, &str),
    (label, values): (&str, [&str; N]),
) -> prometheus::Result<[IntCounter; N]> {
    let vec = add(registry, IntCounterVec::new(Opts::new(name, help), &[label])?)?;
    Ok(values.map(|value| vec.with_label_values(&[value])))
}

/// What never changes after the start.
fn register_constants(registry: &Registry, limit: CpuLimit) -> prometheus::Result<()> {
    let build = Opts::new("nameplate_build_info", "Always 1; the label says what is running.")
        .const_label("version", env!("CARGO_PKG_VERSION"));
    add(registry, IntGauge::with_opts(build)?)?.set(1);
    float(registry, "nameplate_cpu_limit_cores", "CPU this process may use, in cores.")?.set(limit.cores());
    Ok(())
}

fn register_cpu(registry: &Registry) -> prometheus::Result<Gauges> {
    Ok(Gauges {
        utilization: float(
            registry,
            "nameplate_cpu_utilization_ratio",
            "CPU time used over CPU time allowed by the limit, mean of the last 15 seconds.",
        )?,
        per_request: float(
            registry,
            "nameplate_cpu_seconds_per_request",
            "CPU time used over requests answered, mean of the last 15 seconds that had any, in seconds.",
        )?,
    })
}

fn start_meter(gauges: Gauges, limit: CpuLimit, requests: Arc<Requests>, traffic: Arc<Traffic>) -> Option<CpuMeter> {
    let utilization = gauges.utilization.clone();
    let count = move |now| {
        let totals = requests.totals();
        traffic.sample(now, totals);
        totals.requests()
    };
    let meter = CpuMeter::start(limit, gauges, count).inspect_err(|fault| {
        log::warn!("CPU utilization is not measured: no thread: {fault}");
        utilization.set(f64::NAN);
    });
    meter.ok()
}

#[cfg(test)]
mod tests;
