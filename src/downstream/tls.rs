//! A client's connection after its TLS handshake.
//!
//! rustls's own stream and not Pingora's around it: that does not tell whether a session was resumed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pingora::protocols::tls::SslDigest;
use rustls::{HandshakeKind, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::socket::Socket;
use crate::telemetry::metrics::Handshake;
use nameplate_core::domain::proxy_header::Addresses;

/// The connection, and what Pingora may be asked of it.
#[derive(Debug)]
pub(super) struct TlsConnection {
    tls: TlsStream<Socket>,
    digest: Arc<SslDigest>,
}

impl TlsConnection {
    pub(super) fn new(tls: TlsStream<Socket>) -> TlsConnection {
        let session = tls.get_ref().1;
        let cipher = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        let version = session.protocol_version().and_then(|version| version.as_str());
        let (cipher, version) = (cipher.unwrap_or_default(), version.unwrap_or_default());
        let digest = Arc::new(SslDigest::new(cipher, version, None, None, Vec::new()));
        TlsConnection { tls, digest }
    }

    /// How the handshake went.
    pub(super) fn handshake(&self) -> Handshake {
        match self.session().handshake_kind() {
            Some(HandshakeKind::Resumed) => Handshake::Resumed,
            Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest) | None => Handshake::Full,
        }
    }

    /// Whether ALPN says HTTP/2.
    pub(super) fn agreed_on_http2(&self) -> bool {
        self.session().alpn_protocol() == Some(b"h2")
    }

    pub(super) fn digest(&self) -> Arc<SslDigest> {
        Arc::clone(&self.digest)
    }

    /// The connection below.
    pub(super) fn socket(&self) -> &Socket {
        self.tls.get_ref().0
    }

    /// From now on these are the ends of the connection.
    pub(super) fn stands_for(&mut self, ends: Addresses) {
        self.tls.get_mut().0.stands_for(ends);
    }

    fn session(&self) -> &ServerConnection {
        self.tls.get_ref().1
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tls).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_shutdown(cx)
    }
}
