//! Sockets that are bound before anything runs on them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::error::StartFault;
use super::handover::Inherited;
use crate::downstream::certificates::Certificate;
use crate::downstream::port::Port;
use crate::telemetry::metrics::Metrics;
use nameplate_core::settings::Listener;

/// Connections the kernel may hold for us between two accepts.
const BACKLOG: i32 = 4_096;
/// Bytes the kernel keeps unsent for a client that does not take them. Without a limit it is megabytes
/// each, and it is long before a slow client is told from a dead one.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

/// A listener that is bound, and whose certificate has been read. Bound first, a port that is taken is an
/// error with a name, and port 0 has a number to tell. Dropped, it closes, unless it was duplicated.
pub(super) struct Bound {
    /// The address of the settings, which is what a process that takes over knows it by.
    pub(crate) name: String,
    pub(crate) socket: TcpListener,
    pub(crate) port: Arc<Port>,
}

impl Bound {
    /// Takes the socket that is inherited, or binds one.
    pub(super) fn new(listener: &Listener, inherited: &mut Inherited, metrics: &Metrics) -> Result<Bound, StartFault> {
        let name = listener.address.to_string();
        let (socket, address) = take_or_bind(&name, listener.address, inherited)?;
        let read = |tls| Certificate::read(tls, address.to_string(), metrics);
        let certificate = listener.tls.as_ref().map(read).transpose()?.map(Arc::new);
        let proxy_protocol = listener.proxy_protocol.clone();
        // Over TLS, ALPN is what says HTTP/2.
        let h2c = listener.h2c && certificate.is_none();
        Ok(Bound { name, socket, port: Arc::new(Port { address, certificate, h2c, proxy_protocol }) })
    }
}

/// A socket that was inherited by its name, or else bound now, and its address.
pub(super) fn take_or_bind(
    name: &str,
    address: SocketAddr,
    inherited: &mut Inherited,
) -> Result<(TcpListener, SocketAddr), StartFault> {
    let Some(socket) = inherited.take(name) else { return bind(address) };
    let address = socket.local_addr().map_err(|cause| StartFault::Listen { address, cause })?;
    Ok((socket, address))
}

/// A bound socket, and its address.
fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartFault> {
    let bind = || {
        let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM.nonblocking(), None)?;
        socket.set_reuse_address(true)?;
        // The connections it accepts have these too, without a call for each.
        socket.set_tcp_nodelay(true)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_notsent_lowat(UNSENT)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    bind().map_err(|cause| StartFault::Listen { address, cause })
}

/// A duplicate of a socket, to be accepted from on this runtime.
pub(super) fn tokio_listener(runtime: &Runtime, socket: &TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    let _inside = runtime.enter();
    tokio::net::TcpListener::from_std(socket.try_clone()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn connections_have_what_their_listener_was_given() {
        let (listener, address) = bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        listener.set_nonblocking(false).expect("blocking");
        let _client = std::net::TcpStream::connect(address).expect("connected");
        let accepted = listener.accept().expect("a connection").0;
        assert!(accepted.nodelay().expect("an option"));
        assert_eq!(socket2::SockRef::from(&accepted).tcp_notsent_lowat().expect("an option"), UNSENT);
    }
}
