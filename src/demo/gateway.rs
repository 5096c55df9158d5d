//! A stand-in for the execute-api VPC endpoint: TLS and HTTP/1.1 on loopback addresses, served by a
//! thread of its own.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::apis::Apis;
use super::authority::{Authority, AuthorityFault, Leaf};
use super::failures::Handshake;
use super::reply;
use nameplate_core::settings::endpoint::CLOSED_BY_API_GATEWAY;

/// How long a client may take over its handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may wait for its next request, and a request's head may take. One that is closed earlier than
/// API Gateway closes it may be just then given a request.
const IDLE: Duration = CLOSED_BY_API_GATEWAY;

/// What to serve, and where.
pub(crate) struct Config {
    /// The APIs that exist.
    pub apis: Apis,
    /// Where to listen; port 0 takes a free one. Default: `127.0.0.1:0` alone.
    pub addresses: Vec<SocketAddr>,
}

impl Config {
    /// These APIs on one free port of the loopback interface.
    pub(crate) fn new(apis: Apis) -> Config {
        Config { apis, addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0))] }
    }
}

/// Why the stand-in did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayFault {
    /// Its certificate could not be made.
    #[error(transparent)]
    Certificate(#[from] AuthorityFault),
    /// An address is taken, or the system is out of threads or files.
    #[error("listen as API Gateway: {0}")]
    Listen(#[from] io::Error),
}

/// A running stand-in. Dropped or stopped, it closes its connections.
pub(crate) struct Gateway {
    addresses: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Listens; when this returns, clients can connect. The certificate is signed by `authority`
    /// for the names of all the APIs.
    pub(crate) fn start(config: Config, authority: &Authority) -> Result<Gateway, GatewayFault> {
        let tls = Arc::new(Handshakes::new(&config.apis.certificate_names(), authority)?);
        let mut listeners = Vec::with_capacity(config.addresses.len());
        let mut addresses = Vec::with_capacity(config.addresses.len());
        for address in config.addresses {
            let listener = StdListener::bind(address)?;
            listener.set_nonblocking(true)?;
            addresses.push(listener.local_addr()?);
            listeners.push(listener);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let service = Service { apis: Arc::new(config.apis), tls };
        let listeners = {
            let _inside = runtime.enter();
            listeners.into_iter().map(TcpListener::from_std).collect::<Result<Vec<_>, _>>()?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("api-gateway".into()).spawn(move || {
            for listener in listeners {
                runtime.spawn(accept(listener, service.clone()));
            }
            // A dropped sender stops it as a sent signal does. Dropping the runtime then drops the
            // tasks, and with them the connections.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Gateway { addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, in the order of [`Config::addresses`].
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops listening, closes its connections and waits until that is done.
    pub(crate) fn stop(self) {
        drop(self);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported when it happened; there is nothing left to save.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Service {
    apis: Arc<Apis>,
    tls: Arc<Handshakes>,
}

/// The certificates: one that is as it should be, and those of handshakes that fail.
struct Handshakes {
    sound: Arc<ServerConfig>,
    other_region: Arc<ServerConfig>,
    other_names: Arc<ServerConfig>,
    untrusted: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
}

impl Handshakes {
    fn new(names: &[String], authority: &Authority) -> Result<Handshakes, AuthorityFault> {
        let moved: Vec<String> = names.iter().map(|name| of_another_region(name)).collect();
        let config = |leaf: Leaf| leaf.server_config().map(Arc::new);
        Ok(Handshakes {
            sound: config(authority.issue(names)?)?,
            other_region: config(authority.issue(&moved)?)?,
            other_names: config(authority.issue(&["intranet.example.com".to_owned()])?)?,
            untrusted: config(Authority::new()?.issue(names)?)?,
            expired: config(authority.issue_expired(names)?)?,
        })
    }

    /// The certificate of a handshake; `None` where it ends before one is sent.
    fn of(&self, failure: Option<Handshake>) -> Option<Arc<ServerConfig>> {
        let config = match failure {
            None => &self.sound,
            Some(Handshake::OtherRegion) => &self.other_region,
            Some(Handshake::OtherNames) => &self.other_names,
            Some(Handshake::Untrusted) => &self.untrusted,
            Some(Handshake::Expired) => &self.expired,
            Some(Handshake::Closed) => return None,
        };
        Some(Arc::clone(config))
    }
}

/// `*.execute-api.{region}.{suffix}` with a region that it is not.
fn of_another_region(name: &str) -> String {
    let mut labels: Vec<&str> = name.split('.').collect();
    if let Some(region) = labels.get_mut(2) {
        *region = if *region == "us-west-2" { "us-east-1" } else { "us-west-2" };
    }
    labels.join(".")
}

async fn accept(listener: TcpListener, service: Service) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, service.clone()));
            }
            // Out of files, most likely: give connections time to end instead of spinning.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, service: Service) {
    // Small answers leave at once; without it each waits for the client's delayed ACK.
    let _ = stream.set_nodelay(true);
    let Ok(Some(stream)) = tokio::time::timeout(PATIENCE, shake(stream, &service)).await else { return };
    let sni = stream.get_ref().1.server_name().map(str::to_owned);
    let answer = service_fn(|request| {
        let (service, sni) = (service.clone(), sni.clone());
        async move { reply::answer(&service.apis, sni.as_deref(), request).await }
    });
    // A client that goes away or sends what is not HTTP ends its own connection and nothing else.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

/// Shakes hands, as the API that the client names does it.
async fn shake(stream: TcpStream, service: &Service) -> Option<TlsStream<TcpStream>> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await.ok()?;
    let failure = service.apis.handshake(hello.client_hello().server_name());
    hello.into_stream(service.tls.of(failure)?).await.ok()
}
