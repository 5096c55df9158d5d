//! Sockets that are bound before anything runs on them.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::sync::Arc;

use parking_lot::Mutex;
use pingora::apps::ServerApp;
use pingora::listeners::ListenerConfig;
use pingora::listeners::tls::TlsSettings;
use pingora::protocols::l4::stream::L4BufferSettings;
use pingora::server::{Fds, ListenFds, ShutdownWatch};
use pingora::services::Service as _;
use pingora::services::listening::Service;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::StartFault;
use super::certificates::Certificate;
use crate::config::settings::Listener;

/// Connections the kernel may hold for us between two accepts.
const BACKLOG: i32 = 4_096;
/// Bytes one read from a client can bring. Pingora's 64 KiB would be 640 MB of buffers at 10,000
/// connections; 16 KiB is one TLS record, and a request's headers fit at once.
const READ_BUFFER: usize = 16 * 1024;
/// Bytes gathered before a write.
const WRITE_BUFFER: usize = 8 * 1024;

/// A listener that is bound, and whose certificate has been read. Bound here and not by the service,
/// a port that is taken is an error with a name and not a panic on a service's thread, and port 0
/// has a number to tell. Dropped, it closes.
pub(super) struct Bound<'s> {
    pub(super) listener: &'s Listener,
    socket: std::net::TcpListener,
    pub(super) address: SocketAddr,
    /// What its clients are shown, and can be read again.
    pub(super) certificate: Option<Arc<Certificate>>,
    tls: Option<TlsSettings>,
}

impl<'s> Bound<'s> {
    pub(super) fn new(listener: &'s Listener) -> Result<Bound<'s>, StartFault> {
        let fault = |cause| StartFault::Listen { address: listener.address, cause };
        let certificate = listener.tls.as_ref().map(Certificate::read).transpose()?.map(Arc::new);
        let tls = certificate.as_ref().map(Certificate::settings).transpose()?;
        let socket = bind(listener.address).map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        Ok(Bound { listener, socket, address, certificate, tls })
    }
}

fn bind(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Runs a service on sockets that are bound already.
pub(super) fn serve<A: ServerApp + Send + Sync + 'static>(
    runtime: &Runtime,
    mut service: Service<A>,
    listeners: Vec<Bound<'_>>,
    stopped: ShutdownWatch,
) -> JoinHandle<()> {
    let mut sockets = Fds::new();
    for Bound { socket, address, tls, .. } in listeners {
        let address = address.to_string();
        let mut config =
            ListenerConfig::tcp(address.clone()).l4_buffer(L4BufferSettings::new(READ_BUFFER, WRITE_BUFFER));
        if let Some(tls) = tls {
            config = config.tls(tls);
        }
        service.add_listener(config);
        sockets.add(address, socket.into_raw_fd());
    }
    let sockets: ListenFds = Arc::new(Mutex::new(sockets));
    runtime.spawn(async move { service.start_service(Some(sockets), stopped, 1).await })
}
