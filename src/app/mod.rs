//! Builds listeners and services from the settings: the only wiring.
//!
//! Pingora's own `Server` sleeps for a fixed time when it stops, whatever is in flight, and its
//! admin listener closes with the rest. This has accept loops and runtimes of its own, so that a stop
//! fails readiness first, waits for exactly what is in flight, and ends.

pub mod error;
mod handover;
pub(crate) mod listeners;
mod room;
mod stopping;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pingora::apps::HttpServerOptions;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::server::configuration::ServerConf;
use pingora_proxy::{HttpProxy, http_proxy};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::connection::Pages;
use crate::admin::listener;
use crate::admin::sources::Admin;
use crate::downstream::accept::Acceptor;
use crate::downstream::certificates::{Certificate, certificates, keep_current};
use crate::downstream::clients::Clients;
use crate::downstream::shedding::Watchman;
use crate::live::Live;
use crate::live::keeper::{self, Handle};
use crate::live::probes::Probes;
use crate::live::probes::run::Probing;
use crate::live::reload::{NotTaken, Reloaded};
use crate::proxy::Proxy;
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::emf::Report;
use crate::telemetry::limit::CpuLimit;
use crate::telemetry::lines;
use crate::telemetry::memory::Memory;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::task::Task;
use crate::upstream::ask::Asker;
use crate::upstream::endpoints::Endpoints;
use crate::upstream::handshakes;
use crate::upstream::refresh::keep_fresh;
use error::StartFault;
use handover::{Inherited, Pause, Place};
use listeners::{Bound, take_or_bind, tokio_listener};
use nameplate_core::settings::{Client, Emf, Settings, Shutdown};
use room::Room;

/// How long a process that takes over waits for the one that it replaces.
const TAKE_OVER: Duration = Duration::from_secs(300);
/// How long a start waits for the endpoint's first addresses; after that it goes on, unready.
const FIRST_LOOKUP: Duration = Duration::from_secs(3);
/// Requests one HTTP/2 connection may have under way.
const STREAMS: u32 = 100;
/// Bytes of a request's headers over HTTP/2, before `limits.headers` has its say.
const HEADER_LIST: u32 = 64 * 1024;
/// Bytes of one request's body that may wait to be forwarded, and of all of a connection's. One request
/// that stands still does not hold up the others.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Bytes of one answer that may wait for its client. h2's own default is 400 KiB, for each stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams a client may open and reset before we have seen them, and that it may make us reset, until the
/// connection is ended ("rapid reset", CVE-2023-44487).
const RESETS: usize = 20;
const OWN_RESETS: usize = 256;

/// A running Nameplate.
pub struct Running {
    live: Arc<Live>,
    mapping: Handle,
    certificates: Vec<Arc<Certificate>>,
    /// The sockets of the listeners; each accept loop has a duplicate.
    listeners: Vec<Bound>,
    addresses: Vec<SocketAddr>,
    admin: SocketAddr,
    /// As the settings say it, where the system may pick the port.
    admin_as_set: SocketAddr,
    admin_socket: TcpListener,
    stopping: Shutdown,
    clients: Arc<Clients>,
    /// Where a memory limit is known.
    _watchman: Option<Watchman>,
    acceptor: Arc<Acceptor<HttpProxy<Proxy>>>,
    /// Ends the accept loops.
    stop_accepting: watch::Sender<bool>,
    accepting: Vec<JoinHandle<()>>,
    /// Ends connections, once what they have begun is over.
    stop_serving: watch::Sender<bool>,
    stop_admin: watch::Sender<bool>,
    proxying: Runtime,
    minding: Runtime,
}

/// Starts everything; returns when the listeners accept connections.
pub fn start(settings: Settings) -> Result<Running, StartFault> {
    start_on(settings, || Ok(Inherited::default()))
}

/// As [`start`], on the sockets of a running process, which hands them over and then ends. `pause` waits between two
/// looks at whether it has, and says when to give up.
pub fn take_over(settings: Settings, pause: Pause<'_>) -> Result<Running, StartFault> {
    let path = upgrade_socket(&settings.shutdown).map_err(StartFault::Upgrade)?.to_owned();
    start_on(settings, move || {
        let fault = |e: std::io::Error| StartFault::Upgrade(format!("{}: {e}", path.display()));
        let place = Place::new(&path).map_err(fault)?;
        log::info!("ready to take over: waiting at {} for SIGQUIT to the process to be replaced", path.display());
        place.wait(TAKE_OVER, pause).map_err(fault)?.ok_or(StartFault::Stopped)
    })
}

fn upgrade_socket(settings: &Shutdown) -> Result<&Path, String> {
    settings.upgrade_socket.as_deref().ok_or_else(|| "the setting `shutdown: upgrade_socket` says not where".to_owned())
}

/// `inherit` is asked once everything else is there, so that nothing is missing when it returns.
fn start_on(
    settings: Settings,
    inherit: impl FnOnce() -> Result<Inherited, StartFault>,
) -> Result<Running, StartFault> {
    handshakes::install();
    let mapping = keeper::start(settings.mapping.clone(), settings.reload.clone(), settings.endpoint_names())?;
    let task = Task::detect();
    let limit = CpuLimit::detect(&task);
    let threads = settings.threads.unwrap_or_else(|| limit.threads());
    let metrics = Arc::new(Metrics::new(limit));
    let memory = Memory::detect(settings.memory, &task);
    let room = find_room(&settings, memory.as_ref());
    let conf = Arc::new(server_conf(&settings, threads, room.pool)?);
    let endpoints = Arc::new(Endpoints::new(&settings, task.zone.as_deref(), &metrics)?);

    let system = |e: std::io::Error| StartFault::System(e.to_string());
    let proxying = runtime("proxy", threads).map_err(system)?;
    let minding = runtime("admin", 1).map_err(system)?;
    metrics.runtimes.watch_runtime("proxy", proxying.handle());
    metrics.runtimes.watch_runtime("admin", minding.handle());

    let live = Arc::new(Live::new(&settings, Arc::clone(&metrics)));
    let access_log = AccessLog::new(settings.access_log, lines::stdout).map(Arc::new);
    let clients = Arc::new(Clients::new(metrics, access_log));
    let asker = settings.reload.verify.then(|| Asker::new(&settings)).transpose()?;
    let time = settings.reload.verify_timeout;
    let ask = asker.map(|asker| keeper::asking(Arc::clone(&live), asker, Arc::clone(&endpoints), time));
    let mapping = mapping.begin(Arc::clone(&live), ask);
    // Not found in time: unready, and looked up again at once.
    let _ = minding.block_on(async { tokio::time::timeout(FIRST_LOOKUP, endpoints.refresh_all()).await });
    keep_fresh(&endpoints, minding.handle());
    let probes = Probes::new(&settings);
    if let Some(probes) = &probes {
        minding.spawn(Probing::new(probes, &live, &endpoints, &settings)?.run());
    }

    let mut inherited = inherit()?;
    let (listeners, admin_socket, admin) = bind_all(&settings, &mut inherited, &live.metrics)?;
    let addresses = listeners.iter().map(|bound| bound.port.address).collect();
    let certificates: Vec<_> = listeners.iter().filter_map(|bound| bound.port.certificate.clone()).collect();
    minding.spawn(keep_current(certificates.clone(), settings.reload.timeout, Arc::clone(&live.metrics)));

    report(&live, &clients, minding.handle(), &settings.emf, &task);
    clients.limit(room.connections, room.requests);
    let watchman = memory.map(|memory| Watchman::start(memory, Arc::clone(&clients))).transpose().map_err(system)?;
    let (stop_serving, serving) = watch::channel(false);
    let proxy = Proxy::new(Arc::clone(&live), Arc::clone(&endpoints), Arc::clone(&clients), &settings);
    let acceptor = Acceptor::new(Arc::clone(&clients), http(proxy, &conf, &settings), &settings, serving);
    let acceptor = Arc::new(acceptor);
    let (stop_accepting, accepting) = watch::channel(false);
    let accepting = accept(&proxying, &acceptor, &listeners, &accepting).map_err(system)?;

    let (stop_admin, admin_stopped) = watch::channel(false);
    let pages = Pages::new(Admin {
        live: Arc::clone(&live),
        endpoints,
        clients: Arc::clone(&clients),
        probes,
        settings: Arc::new(settings.clone()),
    });
    let most = settings.admin_pages.max_connections;
    let admin_listener = tokio_listener(&minding, &admin_socket).map_err(system)?;
    minding.spawn(listener::accept(pages, most, admin_listener, admin_stopped));
    if let Err(e) = inherited.serving() {
        log::warn!("the process that was replaced is gone already: {e}");
    }

    let stopping = settings.shutdown;
    Ok(Running {
        live,
        mapping,
        certificates,
        listeners,
        addresses,
        admin,
        admin_as_set: settings.admin,
        admin_socket,
        stopping,
        clients,
        _watchman: watchman,
        acceptor,
        stop_accepting,
        accepting,
        stop_serving,
        stop_admin,
        proxying,
        minding,
    })
}

/// Every socket before anything runs: a port that is taken must not leave another one open.
fn bind_all(
    settings: &Settings,
    inherited: &mut Inherited,
    metrics: &Metrics,
) -> Result<(Vec<Bound>, TcpListener, SocketAddr), StartFault> {
    let bound = |listener| Bound::new(listener, inherited, metrics);
    let listeners = settings.listeners.iter().map(bound).collect::<Result<_, _>>()?;
    let (admin_socket, admin) = take_or_bind(&admin_name(settings.admin), settings.admin, inherited)?;
    Ok((listeners, admin_socket, admin))
}

fn http(proxy: Proxy, conf: &Arc<ServerConf>, settings: &Settings) -> HttpProxy<Proxy> {
    let mut proxy = http_proxy(conf, proxy);
    proxy.server_options = Some(server_options(&settings.client));
    proxy.h2_options = Some(h2_options());
    proxy
}

/// Says on standard output how it goes, at every interval until the stop begins: then the load leaves, and
/// what is left is no measure of it.
fn report(live: &Arc<Live>, clients: &Arc<Clients>, runtime: &tokio::runtime::Handle, settings: &Emf, task: &Task) {
    let Some(report) = Report::new(settings, task.service.as_deref()) else { return };
    let (live, clients) = (Arc::clone(live), Arc::clone(clients));
    runtime.spawn(async move { report.run(&live.metrics, || live.mapping_age(), || clients.draining()).await });
}

/// What there may be at once, by the settings or else by what the process has.
fn find_room(settings: &Settings, memory: Option<&Memory>) -> Room {
    let descriptors = room::raise_descriptors();
    let mut room = Room::new(descriptors, memory.map(Memory::limit), settings.endpoint.pool_size);
    room.connections = settings.client.max_connections.unwrap_or(room.connections);
    room.requests = settings.client.max_requests.unwrap_or(room.requests);
    let Room { connections, requests, .. } = room;
    log::info!(
        "up to {connections} connections of clients and {requests} requests in flight, with {descriptors} file \
         descriptors"
    );
    room
}

/// An accept loop for each listener, on a duplicate of its socket.
fn accept(
    runtime: &Runtime,
    acceptor: &Arc<Acceptor<HttpProxy<Proxy>>>,
    listeners: &[Bound],
    accepting: &watch::Receiver<bool>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let start = |bound: &Bound| {
        let socket = tokio_listener(runtime, &bound.socket)?;
        Ok(runtime.spawn(Arc::clone(acceptor).accept(socket, Arc::clone(&bound.port), accepting.clone())))
    };
    listeners.iter().map(start).collect()
}

impl Running {
    /// Where the listeners listen, in the order of the settings.
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
        self.order_certificates();
        self.mapping.order(allow_shrink);
    }

    /// Reads the mapping again and puts it in force, or changes nothing; with `allow_shrink`, also
    /// one that is held because it removes too many domains or grows too much, and entries that are held because their new
    /// target answers worse. `None` if nobody keeps it any more.
    pub fn reload(&self, allow_shrink: bool) -> Option<Result<Reloaded, NotTaken>> {
        self.mapping.reload(allow_shrink)
    }

    fn order_certificates(&self) {
        for certificate in &self.certificates {
            certificate.order_reload();
        }
    }

    /// Entries in force.
    pub fn entries(&self) -> usize {
        self.live.snapshot().table.len()
    }
}

/// What a process that takes over knows the admin listener by: its address alone may be a listener's too,
/// where the system picks the port.
fn admin_name(address: SocketAddr) -> String {
    format!("admin {address}")
}

fn runtime(name: &str, threads: usize) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).thread_name(name).enable_all().build()
}

fn server_conf(settings: &Settings, threads: usize, pool: usize) -> Result<ServerConf, StartFault> {
    let endpoint = &settings.endpoint;
    if let Some(file) = &endpoint.ca_file {
        // Pingora panics on a file it cannot use, so it never sees one.
        certificates(file)?;
    }
    Ok(ServerConf {
        threads,
        // Pingora counts attempts, the first included.
        max_retries: endpoint.connect_attempts,
        // For each thread, in Pingora.
        upstream_keepalive_pool_size: pool.div_ceil(threads),
        ca_file: endpoint.ca_file.as_ref().map(|file| file.to_string_lossy().into_owned()),
        ..ServerConf::default()
    })
}

fn server_options(client: &Client) -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    // What `keep_alive` is to HTTP/1.1, which Pingora takes for each request instead.
    options.h2_idle_timeout = Some(client.keep_alive);
    // Pingora counts those after the first.
    options.keepalive_request_limit = Some(client.requests_per_connection - 1);
    // Not to proxy it: so that it is refused like everything else, with a reason and a count.
    options.allow_connect_method_proxying = true;
    options
}

fn h2_options() -> H2Options {
    let mut options = default_h2_options();
    options
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_LIST)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(Some(OWN_RESETS));
    options
}
