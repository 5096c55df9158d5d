//! A client's TCP connection, as Pingora wants one: buffered, and with an eye on how fast the client
//! takes what it is sent.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::protocols::l4::socket::SocketAddr as AnyAddress;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::linger::read_out;
use crate::downstream::connection::{ClientConnection, ConnectionState};
use crate::downstream::send_rate::SendRate;
use crate::telemetry::metrics::Cut;
use nameplate_core::domain::proxy_header::{self, Addresses, ProxyHeader, ProxyHeaderError};

/// Bytes one read can bring where the reader asks for less: rustls reads 4 KiB at a time, a TLS record
/// has 16. Pingora's own 64 KiB would be 640 MB of buffers at 10,000 connections.
const READ_BUFFER: usize = 16 * 1024;
/// Bytes gathered before a write: a head and the first of its body leave together.
const WRITE_BUFFER: usize = 8 * 1024;

/// How long, and for how many bytes, a client is heard that is still sending the body of a request which
/// has been answered: API Gateway takes 10 MB.
const UPLOAD: Duration = Duration::from_secs(5);
const UPLOAD_BYTES: usize = 16 * 1024 * 1024;

/// One connection. Its buffers are there only while they are in use: most connections are idle.
pub(super) struct Socket {
    tcp: TcpStream,
    connection: Arc<ClientConnection>,
    digest: Arc<SocketDigest>,
    /// Read and not yet asked for.
    input: BytesMut,
    /// Whether to read ahead. Pingora reads plaintext into large buffers of its own.
    ahead: bool,
    /// Written and not yet sent.
    output: BytesMut,
    rate: SendRate,
    /// Something has waited for the client once.
    has_waited: bool,
    /// It was ended to free memory.
    has_ended: bool,
    /// When to ask whether the client is too slow; there once something has waited for it.
    ask: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(super) fn new(
        tcp: TcpStream,
        peer: SocketAddr,
        connection: Arc<ClientConnection>,
        ahead: bool,
        rate: SendRate,
    ) -> Socket {
        let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
        // Known, so that nobody asks the system.
        let _ = digest.peer_addr.set(Some(AnyAddress::Inet(peer)));
        let (input, output) = (BytesMut::new(), BytesMut::new());
        Socket {
            tcp,
            connection,
            digest: Arc::new(digest),
            input,
            ahead,
            output,
            rate,
            has_waited: false,
            has_ended: false,
            ask: None,
        }
    }

    /// The first byte, which stays where it is. `None` where the connection ends before it.
    pub(super) async fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.input.is_empty() {
            self.input.reserve(proxy_header::MOST);
            if self.tcp.read_buf(&mut self.input).await? > 0 {
                self.connection.set_state(ConnectionState::Idle);
            }
        }
        Ok(self.input.first().copied())
    }

    /// Reads the PROXY header that stands first. `None` where the connection ends before its first byte.
    pub(super) async fn proxy_header(&mut self) -> io::Result<Option<Result<ProxyHeader, ProxyHeaderError>>> {
        loop {
            match proxy_header::parse(&self.input) {
                Err(ProxyHeaderError::Incomplete) => {}
                Ok(header) => {
                    self.input.advance(header.length);
                    if !self.input.is_empty() {
                        self.connection.set_state(ConnectionState::Idle);
                    }
                    return Ok(Some(Ok(header)));
                }
                Err(fault) => return Ok(Some(Err(fault))),
            }
            // A header is never longer, so this ends.
            self.input.reserve(proxy_header::MOST);
            if self.tcp.read_buf(&mut self.input).await? == 0 {
                return Ok(if self.input.is_empty() { None } else { Some(Err(ProxyHeaderError::Malformed)) });
            }
        }
    }

    /// From now on these are the ends of the connection.
    pub(super) fn stands_for(&mut self, ends: Addresses) {
        let digest = SocketDigest::from_raw_fd(self.tcp.as_raw_fd());
        let _ = digest.peer_addr.set(Some(AnyAddress::Inet(ends.source)));
        let _ = digest.local_addr.set(Some(AnyAddress::Inet(ends.destination)));
        self.digest = Arc::new(digest);
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.reserve(READ_BUFFER);
        pin!(self.tcp.read_buf(&mut self.input)).poll(cx)
    }

    /// Something has come, or nothing has and nothing is kept for it.
    fn read(&mut self, read: &Poll<io::Result<usize>>, cx: &Context<'_>) {
        if read.is_pending() && self.connection.state() == ConnectionState::Http2 {
            self.connection.wait(cx.waker());
        }
        match (read, self.connection.state()) {
            (Poll::Pending, ConnectionState::Idle | ConnectionState::Http2 | ConnectionState::Opening) => {
                if self.input.is_empty() {
                    self.input = BytesMut::new();
                }
                if self.output.is_empty() {
                    self.output = BytesMut::new();
                }
            }
            (Poll::Ready(Ok(count)), ConnectionState::Opening) if *count > 0 => {
                self.connection.set_state(ConnectionState::Idle)
            }
            _ => {}
        }
    }

    /// Sends what has been gathered.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            match Pin::new(&mut self.tcp).poll_write(cx, &self.output) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(sent)) => {
                    self.output.advance(sent);
                    self.took(sent);
                }
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => return self.waits(cx).map(Err),
            }
        }
        self.output.clear();
        Poll::Ready(Ok(()))
    }

    fn took(&mut self, count: usize) {
        self.connection.note_moved();
        if self.has_waited {
            self.connection.set_waiting(false);
        }
        self.rate.took(count, Instant::now);
    }

    /// The client takes nothing now: an error once it has been too slow, or memory is short.
    fn waits(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if !std::mem::replace(&mut self.has_waited, true) && self.connection.state() != ConnectionState::Http2 {
            self.connection.note_slow();
        }
        self.connection.wait(cx.waker());
        self.connection.set_waiting(true);
        if self.connection.is_shed() {
            return Poll::Ready(self.shed());
        }
        if let Some(ask_at) = self.rate.waits(Instant::now()) {
            self.ask_at(ask_at);
        }
        while let Some(ask) = &mut self.ask {
            ready!(ask.as_mut().poll(cx));
            let now = Instant::now();
            if self.rate.too_slow(now) {
                self.connection.cut(Cut::SlowReader);
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            if let Some(ask_at) = self.rate.waits(now) {
                self.ask_at(ask_at);
            }
        }
        Poll::Pending
    }

    /// Counts that it is ended to free memory; the error to end it with.
    fn shed(&mut self) -> io::Error {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.connection.cut(Cut::Memory);
        }
        io::ErrorKind::OutOfMemory.into()
    }

    fn ask_at(&mut self, at: Instant) {
        match &mut self.ask {
            Some(ask) => ask.as_mut().reset(at.into()),
            none => *none = Some(Box::pin(tokio::time::sleep_until(at.into()))),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection.is_shed() && this.connection.state() == ConnectionState::Http2 {
            return Poll::Ready(Err(this.shed()));
        }
        if this.input.is_empty() {
            if !this.ahead || buffer.remaining() >= READ_BUFFER {
                let before = buffer.filled().len();
                let read = Pin::new(&mut this.tcp).poll_read(cx, buffer);
                let read = read.map_ok(|()| buffer.filled().len() - before);
                this.read(&read, cx);
                return read.map_ok(drop);
            }
            let read = this.poll_fill(cx);
            this.read(&read, cx);
            ready!(read)?;
        }
        let count = this.input.len().min(buffer.remaining());
        buffer.put_slice(&this.input[..count]);
        this.input.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.output.len() + bytes.len() > WRITE_BUFFER {
            ready!(this.poll_send(cx))?;
        }
        if bytes.len() < WRITE_BUFFER {
            if this.output.capacity() < WRITE_BUFFER {
                this.output.reserve(WRITE_BUFFER);
            }
            this.output.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        match Pin::new(&mut this.tcp).poll_write(cx, bytes) {
            Poll::Pending => this.waits(cx).map(Err),
            sent => {
                if let Poll::Ready(Ok(count)) = sent {
                    this.took(count);
                }
                sent
            }
        }
    }

    // All that rustls has: where a handshake fails it writes once, and its alert comes last.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = pieces.iter().map(|piece| piece.len()).sum();
        if this.output.len() + count > WRITE_BUFFER {
            let first = pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| piece);
            return Pin::new(this).poll_write(cx, first);
        }
        if this.output.capacity() < WRITE_BUFFER {
            this.output.reserve(WRITE_BUFFER);
        }
        pieces.iter().for_each(|piece| this.output.extend_from_slice(piece));
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }
}

/// An answer that breaks off is dropped with what had come of it: its client sees as much, and the end.
impl Drop for Socket {
    fn drop(&mut self) {
        if !self.output.is_empty() {
            let _ = self.tcp.try_write(&self.output);
        }
        if self.connection.is_sending() {
            self.hear_out();
        }
    }
}

impl Socket {
    /// Goes on reading for a client that was answered before it had sent its whole request: most read
    /// nothing before they have sent it all.
    fn hear_out(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        // It still has its place among the connections that may be open.
        let Some(open) = self.connection.counted_again() else { return };
        let Ok(duplicate) = socket2::SockRef::from(&self.tcp).try_clone() else { return };
        runtime.spawn(async move {
            if let Ok(mut tcp) = TcpStream::from_std(duplicate.into()) {
                let _ = tokio::time::timeout(UPLOAD, read_out(&mut tcp, UPLOAD_BYTES)).await;
            }
            drop(open);
        });
    }
}

#[async_trait]
impl Shutdown for Socket {
    async fn shutdown(&mut self) {
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Socket {
    fn id(&self) -> UniqueIDType {
        self.tcp.as_raw_fd()
    }
}

impl Ssl for Socket {}

impl Peek for Socket {}

impl GetTimingDigest for Socket {
    // Nobody asks for it, and Pingora would copy it for each request.
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Socket {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Socket {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.digest))
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Socket({})", self.tcp.as_raw_fd())
    }
}
