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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::apis::Apis;
use super::authority::{Authority, AuthorityFault};
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
        let tls = authority.issue(&config.apis.certificate_names())?.server_config();
        let acceptor = TlsAcceptor::from(Arc::new(tls?));
        let mut listeners = Vec::with_capacity(config.addresses.len());
        let mut addresses = Vec::with_capacity(config.addresses.len());
        for address in config.addresses {
            let listener = StdListener::bind(address)?;
            listener.set_nonblocking(true)?;
            addresses.push(listener.local_addr()?);
            listeners.push(listener);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let service = Service { apis: Arc::new(config.apis), acceptor };
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
    acceptor: TlsAcceptor,
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
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, service.acceptor.accept(stream)).await else {
        return;
    };
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
