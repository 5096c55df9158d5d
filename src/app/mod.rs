//! Builds listeners and services from the settings: the only wiring.
//!
//! Pingora's own `Server` sleeps for a fixed time when it stops, whatever is in flight, and its
//! admin listener closes with the rest. This runs the same services on runtimes of its own, so
//! that a stop fails readiness first, waits for exactly what is in flight, and ends.

mod certificates;
// mod handover;
mod listeners;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpServerOptions, ServerApp};
use pingora::protocols::Stream;
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use pingora::services::listening::Service;
use pingora_proxy::{HttpProxy, http_proxy};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::Admin;
use crate::config::settings::{Listener, Settings, Shutdown};
use crate::discovery::EndpointFault;
use crate::live::Live;
use crate::live::connections::Connection;
use crate::live::endpoints::Endpoints;
use crate::live::keeper::{self, FirstFault, Handle};
use crate::live::refresh::keep_fresh;
use crate::live::reload::{NotTaken, Reloaded};
use crate::proxy::Proxy;
use crate::telemetry::limit::CpuLimit;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::task::Task;
use certificates::{Certificate, certificates};
use listeners::{Bound, serve};

/// How long a start waits for the endpoint's first addresses; after that it goes on, unready.
const FIRST_LOOKUP: Duration = Duration::from_secs(3);
/// Why the process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// There is no mapping to start with, and none to wait for.
    #[error("{0}")]
    Mapping(#[from] FirstFault),
    /// The endpoint cannot be discovered.
    #[error("{0}")]
    Endpoint(#[from] EndpointFault),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// A listener's certificate or key, or the endpoint's `ca_file`, cannot be used.
    #[error("{file}: {cause}", file = .file.display())]
    Pem {
        /// Which file.
        file: PathBuf,
        /// Why.
        cause: String,
    },
    /// The system gave no thread or timer, or the metrics could not be set up.
    #[error("cannot start: {0}")]
    System(String),
}

/// A running Nameplate.
pub struct Running {
    live: Arc<Live>,
    mapping: Handle,
    certificates: Vec<Arc<Certificate>>,
    addresses: Vec<SocketAddr>,
    admin: SocketAddr,
    stopping: Shutdown,
    stop: watch::Sender<bool>,
    stop_admin: watch::Sender<bool>,
    services: Vec<JoinHandle<()>>,
    proxying: Runtime,
    minding: Runtime,
}

/// Starts everything; returns when the listeners accept connections.
pub fn start(settings: Settings) -> Result<Running, StartFault> {
    let mapping = keeper::start(settings.mapping.clone(), settings.reload.clone(), settings.endpoint_names())?;
    let task = Task::detect();
    let limit = CpuLimit::detect(&task);
    let threads = settings.threads.unwrap_or_else(|| limit.threads());
    let metrics = Arc::new(Metrics::new(limit));
    let conf = Arc::new(server_conf(&settings, threads)?);
    let endpoints = Endpoints::new(&settings, task.zone.as_deref(), &metrics)?;

    let system = |e: std::io::Error| StartFault::System(e.to_string());
    let proxying = runtime("proxy", threads).map_err(system)?;
    let minding = runtime("admin", 1).map_err(system)?;

    let live = Arc::new(Live::new(settings.mapping.to_string(), endpoints, metrics));
    let mapping = mapping.begin(Arc::clone(&live));
    // Not found in time: unready, and looked up again at once.
    let _ = minding.block_on(async { tokio::time::timeout(FIRST_LOOKUP, live.refresh_all()).await });
    keep_fresh(&live, minding.handle());

    // Every socket before any service: a port that is taken must not leave another one open.
    let bound: Vec<Bound<'_>> = settings.listeners.iter().map(Bound::new).collect::<Result<_, _>>()?;
    let admin_listener = Listener { address: settings.admin, tls: None, h2c: false };
    let admin_bound = Bound::new(&admin_listener)?;
    let certificates = bound.iter().filter_map(|bound| bound.certificate.clone()).collect();
    let (addresses, admin) = (bound.iter().map(|b| b.address).collect(), admin_bound.address);

    let (stop, stopped) = watch::channel(false);
    let mut services = Vec::new();
    // HTTP/2 with prior knowledge is a choice of the application, not of a listener, in Pingora.
    let (h2c, plain): (Vec<_>, Vec<_>) = bound.into_iter().partition(|bound| bound.listener.h2c);
    for (h2c, bound) in [(true, h2c), (false, plain)] {
        if bound.is_empty() {
            continue;
        }
        let mut proxy = http_proxy(&conf, Proxy::new(Arc::clone(&live), &settings));
        proxy.server_options = Some(server_options(h2c, settings.client.keep_alive));
        let patience = h2c.then_some(settings.client.read_timeout);
        let door = Door { proxy: Arc::new(proxy), live: Arc::clone(&live), patience };
        services.push(serve(&proxying, Service::new("proxy".into(), door), bound, stopped.clone()));
    }

    let (stop_admin, admin_stopped) = watch::channel(false);
    let pages = Admin { live: Arc::clone(&live) };
    serve(&minding, Service::new("admin".into(), pages), vec![admin_bound], admin_stopped);

    let stopping = settings.shutdown;
    Ok(Running {
        live,
        mapping,
        certificates,
        addresses,
        admin,
        stopping,
        stop,
        stop_admin,
        services,
        proxying,
        minding,
    })
}

impl Running {
    /// Where the listeners listen, in the order of the settings (those with `h2c` last).
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the admin listener listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Reads the listeners' certificates again, and asks for the mapping to be read. What comes of
    /// it is logged. Of many asked for at once, one reading serves all.
    pub fn order_reload(&self, allow_shrink: bool) {
        self.reload_certificates();
        self.mapping.order(allow_shrink);
    }

    /// Reads the mapping again and puts it in force, or changes nothing; with `allow_shrink`, also
    /// one that is held because it removes too many domains. `None` if nobody keeps it any more.
    pub fn reload(&self, allow_shrink: bool) -> Option<Result<Reloaded, NotTaken>> {
        self.mapping.reload(allow_shrink)
    }

    fn reload_certificates(&self) {
        for certificate in &self.certificates {
            let read = certificate.reload();
            self.live.metrics.certificate_reloaded(read.is_ok());
            match read {
                Ok(()) => log::info!("certificate read again: {}", certificate.file().display()),
                Err(fault) => log::error!("certificate rejected: {fault}; the one before serves on"),
            }
        }
    }

    /// Entries in force.
    pub fn entries(&self) -> usize {
        self.live.snapshot().table.len()
    }

    /// Fails readiness, closes the listeners, lets what is in flight finish, and returns when
    /// nothing is left or the grace period is over; says how many connections that cut off.
    pub fn stop(self) -> usize {
        self.live.connections.drain();
        let cut_off = self.minding.block_on(async {
            if !self.stopping.delay.is_zero() {
                tokio::time::sleep(self.stopping.delay).await;
            }
            let _ = self.stop.send(true);
            let finish = async {
                for service in self.services {
                    let _ = service.await;
                }
                self.live.connections.all_closed().await;
            };
            let _ = tokio::time::timeout(self.stopping.grace_period, finish).await;
            self.live.connections.open()
        });
        self.proxying.shutdown_timeout(Duration::from_millis(100));
        let _ = self.stop_admin.send(true);
        self.minding.shutdown_timeout(Duration::from_millis(100));
        cut_off
    }
}

fn runtime(name: &str, threads: usize) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).thread_name(name).enable_all().build()
}

fn server_conf(settings: &Settings, threads: usize) -> Result<ServerConf, StartFault> {
    let endpoint = &settings.endpoint;
    if let Some(file) = &endpoint.ca_file {
        // Pingora panics on a file it cannot use, so it never sees one.
        certificates(file)?;
    }
    Ok(ServerConf {
        threads,
        // Pingora counts attempts, the first included.
        max_retries: endpoint.connect_attempts,
        upstream_keepalive_pool_size: endpoint.pool_size,
        ca_file: endpoint.ca_file.as_ref().map(|file| file.to_string_lossy().into_owned()),
        ..ServerConf::default()
    })
}

fn server_options(h2c: bool, idle: Duration) -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.h2c = h2c;
    // What `keep_alive` is to HTTP/1.1, which Pingora takes for each request instead.
    options.h2_idle_timeout = Some(idle);
    // Not to proxy it: so that it is refused like everything else, with a reason and a count.
    options.allow_connect_method_proxying = true;
    options
}

/// The proxy, behind the count of its connections.
struct Door {
    proxy: Arc<HttpProxy<Proxy>>,
    live: Arc<Live>,
    /// How long a connection may take to show which HTTP it speaks, where it could be either.
    patience: Option<Duration>,
}

#[async_trait]
impl ServerApp for Door {
    async fn process_new(self: &Arc<Self>, mut stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let _counted = Connection::begin(&self.live);
        if let Some(patience) = self.patience
            && stream.get_ssl_digest().is_none()
        {
            speaks_in_time(&mut stream, patience, shutdown.clone()).await?;
        }
        self.proxy.process_new(stream, shutdown).await
    }

    async fn cleanup(&self) {
        self.proxy.cleanup().await;
    }
}

/// Waits for as many bytes as HTTP/2's preface has. Pingora waits for them too, but for ever and
/// deaf to a stop; the bytes stay in the stream, so its own wait is then over at once.
async fn speaks_in_time(stream: &mut Stream, patience: Duration, mut shutdown: ShutdownWatch) -> Option<()> {
    let mut preface = [0; 24];
    tokio::select! {
        peeked = tokio::time::timeout(patience, stream.try_peek(&mut preface)) => peeked.ok()?.ok().map(drop),
        _ = shutdown.wait_for(|stopping| *stopping) => None,
    }
}
