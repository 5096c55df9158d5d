//! Every metric, once: its name, its help with the unit, its labels, and the one method that
//! records it.
//!
//! **Invariant:** recording a request takes no lock, hashes no label and allocates nothing. Each
//! counter is resolved before it is needed; the only ones that are not, the statuses, are kept
//! after their first use.
//!
//! Each [`Metrics`] has a registry of its own, so that several proxies can live in one process.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::core::Collector;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use super::cpu::CpuMeter;
use super::histogram::Histogram;
use super::limit::CpuLimit;
use super::process::ProcessCollector;
use crate::domain::refusal::Refusal;
use crate::domain::verbs::VERBS;

/// The content type of [`Metrics::render`]: the text exposition format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// For whole requests and first bytes, in seconds. Our own part and a Lambda that is warm are in
/// the lower half, ten buckets to the second. In the upper half, 29 s is when API Gateway gives up
/// on an integration and 30 s when we give up on API Gateway, by default: whoever runs into one of
/// them has a bucket of its own, (28.5, 30]. 60 s and more are streams and raised limits.
const REQUEST_SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 28.5, 30.0, 60.0];

/// For TCP and TLS together, in seconds: 1 to 5 ms inside a region, 1 s and 3 s are the default
/// timeouts of the two.
const CONNECT_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0];

/// One slot for each status from 100 to 599, and one for what is outside.
const CODES: usize = 501;

/// Why a new upstream connection did not come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFailure {
    /// The address refused the connection.
    Refused,
    /// TCP or TLS took too long.
    Timeout,
    /// The handshake failed or the certificate is not what it must be.
    Tls,
    /// Anything else, such as no route.
    Other,
}

/// The labels of [`ConnectFailure`], in its order.
const CAUSES: [&str; 4] = ["refused", "timeout", "tls", "other"];

/// How reading the mapping ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// A new table is in force.
    Ok,
    /// It has faults; the old table serves on.
    Rejected,
    /// It is what it was the last time.
    Unchanged,
    /// It removes more than a change may; the old table serves on.
    Held,
    /// It could not be read; the old table serves on.
    Failed,
}

impl Reload {
    /// As the metrics label it.
    pub fn label(self) -> &'static str {
        RELOADS[self as usize]
    }
}

/// The labels of [`Reload`], in its order.
const RELOADS: [&str; 5] = ["ok", "rejected", "unchanged", "held", "failed"];

/// Those of [`RELOADS`] after which what the source has is not in force.
const TROUBLES: [Reload; 3] = [Reload::Rejected, Reload::Held, Reload::Failed];

/// How looking up the endpoint's addresses ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// With at least one address.
    Ok,
    /// With an error or no address; the last good ones serve on.
    Failed,
}

/// The labels of [`Discovery`], in its order.
const DISCOVERIES: [&str; 2] = ["ok", "failed"];

/// The labels of certificates that were read again: index 0 for good ones.
const CERTIFICATES: [&str; 2] = ["ok", "rejected"];

/// The labels of upstream connections: index 0 for new ones, 1 for reused ones.
const KINDS: [&str; 2] = ["new", "reused"];

/// One request in flight, until dropped.
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// All metrics of one proxy.
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    upstream: Upstream,
    mapping: Mapping,
    endpoint_addresses: IntGauge,
    endpoint_discoveries: [IntCounter; DISCOVERIES.len()],
    certificate_reloads: [IntCounter; CERTIFICATES.len()],
    draining: IntGauge,
    /// `None` where no thread could be had.
    _cpu: Option<CpuMeter>,
}

struct Requests {
    total: IntCounterVec,
    /// `total`'s counters by method and status, each resolved when first used.
    by_status: Box<[OnceLock<IntCounter>]>,
    refusals: [IntCounter; Refusal::ALL.len()],
    client_aborts: IntCounter,
    in_flight: IntGauge,
    duration: Histogram,
}

struct Upstream {
    connections: [IntCounter; KINDS.len()],
    connect_failures: [IntCounter; CAUSES.len()],
    retries: IntCounter,
    connect_duration: Histogram,
    first_byte_duration: Histogram,
}

struct Mapping {
    generation: IntGauge,
    entries: IntGauge,
    domains: IntGauge,
    tables: IntGauge,
    info: IntGaugeVec,
    reloads: [IntCounter; RELOADS.len()],
    troubles: [IntGauge; TROUBLES.len()],
    from_cache: IntGauge,
    last_success: Gauge,
    staleness: Gauge,
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
        Ok(Metrics {
            requests: Requests::register(&r)?,
            upstream: Upstream::register(&r)?,
            mapping: Mapping::register(&r)?,
            endpoint_addresses: gauge(&r, "nameplate_endpoint_addresses", "Addresses of the endpoint in use.")?,
            endpoint_discoveries: counters(
                &r,
                ("nameplate_endpoint_discoveries_total", "Times the endpoint's addresses were looked up."),
                ("result", DISCOVERIES),
            )?,
            certificate_reloads: counters(
                &r,
                ("nameplate_certificate_reloads_total", "Times a listener's certificate was read again."),
                ("result", CERTIFICATES),
            )?,
            draining: gauge(&r, "nameplate_draining", "1 while the process is stopping, else 0.")?,
            _cpu: start_meter(&r, limit)?,
            registry: r,
        })
    }

    /// A request begins. Keep what this gives until it is over, however it ends.
    #[must_use]
    pub fn request_begun(&self) -> InFlight {
        self.requests.in_flight.inc();
        InFlight(self.requests.in_flight.clone())
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> u64 {
        self.requests.in_flight.get().max(0) as u64
    }

    /// A request was answered with `status`, after `seconds`.
    pub fn request_done(&self, method: &http::Method, status: u16, seconds: f64) {
        self.requests.counter(method, status).inc();
        self.requests.duration.observe(seconds);
    }

    /// A request was refused. It also counts in [`Metrics::request_done`].
    pub fn refused(&self, refusal: Refusal) {
        self.requests.refusals[refusal.index()].inc();
    }

    /// A client went away before its answer was complete.
    pub fn client_aborted(&self) {
        self.requests.client_aborts.inc();
    }

    /// A request got a new connection to the endpoint; TCP and TLS together took `seconds`.
    pub fn upstream_connected(&self, seconds: f64) {
        self.upstream.connections[0].inc();
        self.upstream.connect_duration.observe(seconds);
    }

    /// A request got a connection to the endpoint that an earlier one had left.
    pub fn upstream_reused(&self) {
        self.upstream.connections[1].inc();
    }

    /// An attempt to connect to the endpoint failed.
    pub fn upstream_connect_failed(&self, cause: ConnectFailure) {
        self.upstream.connect_failures[cause as usize].inc();
    }

    /// A request gets another attempt.
    pub fn upstream_retried(&self) {
        self.upstream.retries.inc();
    }

    /// The header of the API's answer arrived `seconds` after the request had its connection.
    pub fn upstream_first_byte(&self, seconds: f64) {
        self.upstream.first_byte_duration.observe(seconds);
    }

    /// This table is in force now.
    pub fn mapping_in_force(&self, generation: u64, entries: usize, domains: usize) {
        self.mapping.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.mapping.entries.set(clamp(entries));
        self.mapping.domains.set(clamp(domains));
    }

    /// This mapping is in force now, from this source: the one series of its kind.
    pub fn mapping_version(&self, version: &str, source: &str) {
        self.mapping.info.reset();
        self.mapping.info.with_label_values(&[version, source]).set(1);
    }

    /// The source was asked for the mapping.
    pub fn mapping_read(&self, result: Reload) {
        self.mapping.reloads[result as usize].inc();
    }

    /// The source was asked for the mapping, and what is in force is what it has.
    pub fn mapping_confirmed(&self, result: Reload, now: SystemTime) {
        self.mapping_read(result);
        let epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.mapping.last_success.set(epoch.as_secs_f64());
    }

    /// Why what the source has is not in force, or that it is.
    pub fn mapping_trouble(&self, why: Option<Reload>) {
        for (trouble, gauge) in TROUBLES.iter().zip(&self.mapping.troubles) {
            gauge.set(i64::from(why == Some(*trouble)));
        }
    }

    /// The mapping in force was read from disk, because its source was away.
    pub fn mapping_from_cache(&self, from_cache: bool) {
        self.mapping.from_cache.set(i64::from(from_cache));
    }

    /// How old the last sign is that what is in force is what the source has.
    pub fn mapping_staleness(&self, seconds: f64) {
        self.mapping.staleness.set(seconds);
    }

    /// This many tables are in memory: the one in force, and those that requests still read.
    pub fn mapping_tables(&self, count: usize) {
        self.mapping.tables.set(clamp(count));
    }

    /// The endpoint's addresses were looked up.
    pub fn endpoint_discovered(&self, result: Discovery) {
        self.endpoint_discoveries[result as usize].inc();
    }

    /// This many addresses of the endpoint are in use now.
    pub fn endpoint_addresses(&self, count: usize) {
        self.endpoint_addresses.set(clamp(count));
    }

    /// A listener's certificate was read again, and is served if it was good.
    pub fn certificate_reloaded(&self, good: bool) {
        self.certificate_reloads[usize::from(!good)].inc();
    }

    /// The process begins to stop, or does not.
    pub fn draining(&self, draining: bool) {
        self.draining.set(i64::from(draining));
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

impl Requests {
    fn register(r: &Registry) -> prometheus::Result<Requests> {
        let total = Opts::new("nameplate_requests_total", "Requests answered, by the API or by us.");
        Ok(Requests {
            total: add(r, IntCounterVec::new(total, &["method", "code"])?)?,
            by_status: (0..(VERBS.len() + 1) * CODES).map(|_| OnceLock::new()).collect(),
            refusals: counters(
                r,
                ("nameplate_refusals_total", "Requests we answered instead of the API."),
                ("reason", Refusal::ALL.map(Refusal::reason)),
            )?,
            client_aborts: counter(
                r,
                "nameplate_client_aborts_total",
                "Requests whose client went away before its answer was complete.",
            )?,
            in_flight: gauge(r, "nameplate_requests_in_flight", "Requests being answered now.")?,
            duration: histogram(
                r,
                "nameplate_request_duration_seconds",
                "Time from a request's header to the end of its answer, in seconds.",
                &REQUEST_SECONDS,
            )?,
        })
    }

    fn counter(&self, method: &http::Method, status: u16) -> &IntCounter {
        let verb = VERBS.iter().position(|verb| *verb == method.as_str());
        let code = status.checked_sub(100).map(usize::from).filter(|at| *at < CODES - 1);
        let slot = verb.unwrap_or(VERBS.len()) * CODES + code.unwrap_or(CODES - 1);
        self.by_status[slot].get_or_init(|| {
            let method = verb.map_or("other", |at| VERBS[at]);
            let code = code.map_or("other".into(), |_| status.to_string());
            self.total.with_label_values(&[method, &code])
        })
    }
}

impl Upstream {
    fn register(r: &Registry) -> prometheus::Result<Upstream> {
        Ok(Upstream {
            connections: counters(
                r,
                ("nameplate_upstream_connections_total", "Connections to the endpoint that requests were sent on."),
                ("kind", KINDS),
            )?,
            connect_failures: counters(
                r,
                (
                    "nameplate_upstream_connect_failures_total",
                    "Attempts to connect to the endpoint that failed, retried ones included.",
                ),
                ("cause", CAUSES),
            )?,
            retries: counter(r, "nameplate_upstream_retries_total", "Attempts after the first for the same request.")?,
            connect_duration: histogram(
                r,
                "nameplate_upstream_connect_duration_seconds",
                "Time to open a new connection to the endpoint, TCP and TLS, in seconds.",
                &CONNECT_SECONDS,
            )?,
            first_byte_duration: histogram(
                r,
                "nameplate_upstream_first_byte_duration_seconds",
                "Time from having a connection to the header of the API's answer, in seconds.",
                &REQUEST_SECONDS,
            )?,
        })
    }
}

impl Mapping {
    fn register(r: &Registry) -> prometheus::Result<Mapping> {
        let info = Opts::new("nameplate_mapping_info", "Always 1; the labels say which mapping is in force.");
        let trouble = Opts::new(
            "nameplate_mapping_trouble",
            "1 while what the source has is not in force, by the reason; else 0.",
        );
        let trouble = add(r, IntGaugeVec::new(trouble, &["reason"])?)?;
        Ok(Mapping {
            generation: gauge(
                r,
                "nameplate_mapping_generation",
                "How many tables have been in force in this process, the present one included.",
            )?,
            entries: gauge(r, "nameplate_mapping_entries", "Entries of the mapping in force.")?,
            domains: gauge(r, "nameplate_mapping_domains", "Custom domains of the mapping in force.")?,
            tables: gauge(
                r,
                "nameplate_mapping_tables",
                "Tables in memory: the one in force, and those that requests still read.",
            )?,
            info: add(r, IntGaugeVec::new(info, &["version", "source"])?)?,
            reloads: counters(
                r,
                ("nameplate_mapping_reloads_total", "Times the source was asked for the mapping."),
                ("result", RELOADS),
            )?,
            troubles: TROUBLES.map(|reason| trouble.with_label_values(&[reason.label()])),
            from_cache: gauge(
                r,
                "nameplate_mapping_from_cache",
                "1 while the mapping in force was read from disk because its source was away, else 0.",
            )?,
            last_success: float(
                r,
                "nameplate_mapping_last_success_timestamp_seconds",
                "When the source last had the mapping that is in force, in seconds since the Unix epoch; 0 for never.",
            )?,
            staleness: float(
                r,
                "nameplate_mapping_staleness_seconds",
                "Time since the source last had the mapping that is in force, in seconds.",
            )?,
        })
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

fn start_meter(registry: &Registry, limit: CpuLimit) -> prometheus::Result<Option<CpuMeter>> {
    let ratio = float(
        registry,
        "nameplate_cpu_utilization_ratio",
        "CPU time used over CPU time allowed by the limit, mean of the last 15 seconds.",
    )?;
    let meter = CpuMeter::start(limit, ratio.clone()).inspect_err(|fault| {
        log::warn!("CPU utilization is not measured: no thread: {fault}");
        ratio.set(f64::NAN);
    });
    Ok(meter.ok())
}

#[cfg(test)]
mod tests;
