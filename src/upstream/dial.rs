//! Connections to the endpoint, each with a handle it can be cut off by.
//!
//! Pingora has one timeout for every read from an API and none for a whole request, and only it holds
//! the connection. A second handle on the socket lets a `DeadlineWatch` end what has
//! taken too long, wherever in its life that is; Pingora then sees a connection that broke. The handle also
//! knows since when there is a connection, and counts it for as long as there is.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora::connectors::l4::Connect;
use pingora::http::ResponseHeader;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{Digest, GetProxyDigest};
use pingora::{Error, ErrorType, OrErr, Result};
use tokio::net::TcpStream;

use super::handshakes;
use crate::telemetry::exhaustion::is_exhaustion;
use crate::telemetry::metrics::{UpstreamConnection, UpstreamConnections};

/// Opens connections.
#[derive(Debug)]
pub(crate) struct Dialer {
    connect_timeout: Duration,
    open: UpstreamConnections,
}

impl Dialer {
    pub(crate) fn new(connect_timeout: Duration, open: &UpstreamConnections) -> Dialer {
        Dialer { connect_timeout, open: open.clone() }
    }
}

/// The second handle. It lives as long as the connection does, so that closing still closes it.
struct ConnectionHandle {
    socket: socket2::Socket,
    /// When TCP was there, and TLS began.
    since: Instant,
    _open: UpstreamConnection,
}

#[async_trait]
impl Connect for Dialer {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let Some(inet) = address.as_inet() else {
            return Error::e_explain(ErrorType::InternalError, "an endpoint's address is an internet address");
        };
        handshakes::begin();
        let connected = tokio::time::timeout(self.connect_timeout, TcpStream::connect(inet)).await;
        let tcp = connected
            .map_err(|_| {
                let context = format!("no TCP connection to {inet} within {:?}", self.connect_timeout);
                Error::explain(ErrorType::ConnectTimedout, context)
            })?
            .map_err(|e| Error::because(kind_of(&e), format!("connecting to {inet}"), e))?;
        let socket = socket2::SockRef::from(&tcp).try_clone().or_err(ErrorType::SocketError, "a second handle")?;
        let handle = ConnectionHandle { socket, since: Instant::now(), _open: self.open.opened() };
        let mut stream = Stream::from(tcp);
        let nothing = Box::new(ResponseHeader::build_no_case(200, Some(0))?);
        stream.set_proxy_digest(ProxyDigest::new(nothing, Some(Box::new(handle))));
        Ok(stream)
    }
}

fn kind_of(e: &std::io::Error) -> ErrorType {
    if is_exhaustion(e) {
        return ErrorType::SocketError;
    }
    match e.kind() {
        // No port of ours is left.
        std::io::ErrorKind::AddrNotAvailable => ErrorType::SocketError,
        std::io::ErrorKind::ConnectionRefused => ErrorType::ConnectRefused,
        std::io::ErrorKind::TimedOut => ErrorType::ConnectTimedout,
        std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => ErrorType::ConnectNoRoute,
        _ => ErrorType::ConnectError,
    }
}

/// What can cut a connection off.
#[derive(Clone)]
pub(crate) struct CancelHandle(Arc<ProxyDigest>);

impl CancelHandle {
    /// For a connection that a [`Dialer`] opened.
    pub(crate) fn of(digest: Option<&Digest>) -> Option<CancelHandle> {
        digest?.proxy_digest.clone().map(CancelHandle)
    }

    /// When TCP was there.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.handle().map(|handle| handle.since)
    }

    /// Ends the connection, both ways.
    pub(crate) fn cut(&self) {
        if let Some(ConnectionHandle { socket, .. }) = self.handle() {
            // It may have ended by itself.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn handle(&self) -> Option<&ConnectionHandle> {
        self.0.user_data.as_ref().and_then(|data| data.downcast_ref())
    }
}
