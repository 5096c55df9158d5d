//! All metrics of one proxy, and what is measured of the process.

use std::sync::Arc;

use prometheus::{IntGauge, Opts, Registry, TextEncoder};

use super::super::cpu::{CpuMeter, Gauges};
use super::super::limit::CpuLimit;
use super::super::process::ProcessCollector;
use super::super::traffic::Traffic;
use super::clients::ClientMetrics;
use super::mapping::MappingMetrics;
use super::memory::MemoryMetrics;
use super::probes::ProbeMetrics;
use super::register::{add, float};
use super::requests::RequestMetrics;
use super::runtime::{RuntimeGauges, register_logs};
use super::upstream::UpstreamMetrics;

/// All metrics of one proxy.
pub struct Metrics {
    pub(super) registry: Registry,
    /// Requests and refusals.
    pub requests: Arc<RequestMetrics>,
    /// The endpoint and the connections to it.
    pub upstream: UpstreamMetrics,
    /// The mapping.
    pub mapping: MappingMetrics,
    /// Connections of clients, and the listeners they come to.
    pub clients: ClientMetrics,
    /// Probes of APIs.
    pub probes: ProbeMetrics,
    /// The memory limit.
    pub memory: MemoryMetrics,
    /// The process's runtimes.
    pub runtimes: RuntimeGauges,
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
        register_logs(&r)?;
        let requests = Arc::new(RequestMetrics::register(&r)?);
        let traffic = Arc::new(Traffic::default());
        let cpu = register_cpu(&r)?;
        Ok(Metrics {
            limit,
            _meter: start_meter(cpu.clone(), limit, Arc::clone(&requests), Arc::clone(&traffic)),
            cpu,
            requests,
            traffic,
            upstream: UpstreamMetrics::register(&r)?,
            mapping: MappingMetrics::register(&r)?,
            clients: ClientMetrics::register(&r)?,
            probes: ProbeMetrics::register(&r)?,
            memory: MemoryMetrics::register(&r)?,
            runtimes: RuntimeGauges::register(&r)?,
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

fn start_meter(
    gauges: Gauges,
    limit: CpuLimit,
    requests: Arc<RequestMetrics>,
    traffic: Arc<Traffic>,
) -> Option<CpuMeter> {
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
