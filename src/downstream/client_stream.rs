//! A client's connection above its TLS, watched for what Pingora does not tell or do.
//!
//! Pingora answers a head that is not HTTP before any of our code runs, with a 400 that has no body and
//! is in no metric; and it has a limit for each read of a head, none for all of them. Both show here:
//! what is written while no request is being served is such an answer, and becomes a refusal of ours; a
//! head whose end does not come in time is answered 408. HTTP/2 passes through.
//!
//! Pingora asks a stream for its digest once for each HTTP/1.1 request, before it reads the head. That
//! call is how the end of the request before is known; `downstream::not_http` in the tests holds it.

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;

use super::http2_frames::Frames;
use super::linger::{LINGER, LINGER_BYTES};
use super::refusal::{Early, refuse_early};
use super::socket::Socket;
use super::tls::TlsConnection;
use crate::downstream::connection::{ClientConnection, ConnectionState};
use crate::telemetry::metrics::Cut;
use nameplate_core::domain::proxy_header::{self, Addresses, ProxyHeader, ProxyHeaderError};
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::request_line::RequestLine;

/// What an HTTP/2 connection begins with (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// As much as nearly every head has.
const HEAD_BUFFER: usize = 4 * 1024;

/// Plaintext or TLS.
#[expect(
    clippy::large_enum_variant,
    reason = "all of it is in one box; that of TLS is for what plaintext does not need"
)]
#[derive(Debug)]
pub(super) enum Transport {
    Plain(Socket),
    Tls(Box<TlsConnection>),
}

/// The connection as Pingora gets it.
#[derive(Debug)]
pub(super) struct ClientStream {
    transport: Transport,
    connection: Arc<ClientConnection>,
    digest: Arc<ProxyDigest>,
    /// Read to learn which HTTP it is, and not yet passed on.
    first: BytesMut,
    header_timeout: Duration,
    /// Bytes of the head that is being read, and how many it may have: Pingora reads all of it again for
    /// each piece that comes, and would take 1 MiB.
    head: usize,
    most: usize,
    /// When the head that is being read must have come; there once a read had to wait.
    deadline: Option<Pin<Box<Sleep>>>,
    /// What an HTTP/2 client sends; there once it is known to be one.
    frames: Option<Box<Frames>>,
    /// What has not been written of the answer that ends the connection.
    answer: Option<BytesMut>,
    linger: Option<Linger>,
}

/// How much longer a client is heard that has had its last answer.
#[derive(Debug)]
struct Linger {
    until: Pin<Box<Sleep>>,
    unheard: usize,
}

impl Linger {
    fn new(time: Duration, unheard: usize) -> Linger {
        Linger { until: Box::pin(tokio::time::sleep(time)), unheard }
    }
}

impl ClientStream {
    pub(super) fn new(
        transport: Transport,
        connection: Arc<ClientConnection>,
        header_timeout: Duration,
        most: usize,
    ) -> pingora::Result<ClientStream> {
        let seen = Box::new(Arc::clone(&connection));
        let digest = Arc::new(ProxyDigest::new(Box::new(ResponseHeader::build(200, Some(0))?), Some(seen)));
        let first = BytesMut::new();
        Ok(ClientStream {
            transport,
            connection,
            digest,
            first,
            header_timeout,
            head: 0,
            most,
            deadline: None,
            frames: None,
            answer: None,
            linger: None,
        })
    }

    /// The client's address: the one its PROXY header names, if it has one.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.get_socket_digest()?.peer_addr()?.as_inet().map(SocketAddr::ip)
    }

    /// Reads the PROXY header that stands first, inside of TLS. `None` where the connection ends before its first byte.
    pub(super) async fn proxy_header(&mut self) -> io::Result<Option<Result<ProxyHeader, ProxyHeaderError>>> {
        loop {
            match proxy_header::parse(&self.first) {
                Err(ProxyHeaderError::Incomplete) => {}
                Ok(header) => {
                    self.first.advance(header.length);
                    return Ok(Some(Ok(header)));
                }
                Err(error) => return Ok(Some(Err(error))),
            }
            // A header is never longer than it may be, so this ends.
            if !self.read_first(PREFACE.len()).await? {
                return Ok(if self.first.is_empty() { None } else { Some(Err(ProxyHeaderError::Malformed)) });
            }
        }
    }

    /// From now on these are the ends of the connection.
    pub(super) fn stands_for(&mut self, ends: Addresses) {
        match &mut self.transport {
            Transport::Plain(socket) => socket.stands_for(ends),
            Transport::Tls(tls) => tls.stands_for(ends),
        }
    }

    /// Waits for the first byte; `false` if none comes.
    pub(super) async fn speaks(&mut self) -> io::Result<bool> {
        Ok(!self.first.is_empty() || self.read_first(1).await?)
    }

    /// Reads as much as it takes to know whether this is HTTP/2.
    pub(super) async fn speaks_http2(&mut self) -> io::Result<bool> {
        while PREFACE.starts_with(&self.first) {
            let missing = PREFACE.len() - self.first.len();
            if missing == 0 {
                return Ok(true);
            }
            if !self.read_first(missing).await? {
                break;
            }
        }
        Ok(false)
    }

    /// Waits for the first bytes of another request, and keeps nothing for them meanwhile; `false` if none come.
    pub(super) async fn next_request(&mut self) -> io::Result<bool> {
        poll_fn(|cx| {
            let mut bytes = [const { MaybeUninit::uninit() }; HEAD_BUFFER];
            let mut buffer = ReadBuf::uninit(&mut bytes);
            ready!(Pin::new(&mut self.transport).poll_read(cx, &mut buffer))?;
            self.first.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(!buffer.filled().is_empty()))
        })
        .await
    }

    async fn read_first(&mut self, most: usize) -> io::Result<bool> {
        let mut bytes = [0; PREFACE.len()];
        let count = self.transport.read(&mut bytes[..most]).await?;
        self.first.extend_from_slice(&bytes[..count]);
        Ok(count > 0)
    }

    /// A head is being read and its next byte is not there: an error once it is too late for it.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let limit = self.header_timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(deadline.as_mut().poll(cx));
        self.connection.cut(Cut::HeaderTimeout);
        self.begin_answer(Some(Refusal::RequestTimeout), limit);
        self.poll_answered(cx)
    }

    /// Answers the head that is being read. Without a refusal, its request line says what is wrong with it.
    fn begin_answer(&mut self, refusal: Option<Refusal>, after: Duration) {
        let head = self.connection.unclaimed_head();
        let line = RequestLine::read(&head);
        let refusal = refusal.unwrap_or_else(|| line.refusal());
        log::debug!("refused before its request was known: {refusal}");
        let client = self.get_socket_digest().and_then(|digest| digest.peer_addr()?.as_inet().copied());
        let answer = refuse_early(self.connection.clients(), Early { refusal, after, client, line });
        self.answer = Some(BytesMut::from(&answer[..]));
        self.linger = Some(Linger::new(LINGER, LINGER_BYTES));
    }

    /// Writes the answer; then nothing more is read.
    fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(cx))?;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(rest) = &mut self.answer else { return Poll::Ready(Ok(())) };
        while !rest.is_empty() {
            let written = ready!(Pin::new(&mut self.transport).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.advance(written);
        }
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    /// Hears the client out, for a while.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(linger) = &mut self.linger else { return Poll::Ready(()) };
        let mut bytes = [0; 1024];
        while linger.unheard > 0 && linger.until.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.transport).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    linger.unheard = linger.unheard.saturating_sub(buffer.filled().len());
                }
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.answer.is_none() && this.head > this.most && this.connection.state() == ConnectionState::Head {
            this.begin_answer(Some(Refusal::HeadersTooLarge), Duration::ZERO);
        }
        if this.answer.is_some() {
            return this.poll_answered(cx);
        }
        let before = buffer.filled().len();
        let read = if this.first.is_empty() {
            Pin::new(&mut this.transport).poll_read(cx, buffer)
        } else {
            let count = this.first.len().min(buffer.remaining());
            buffer.put_slice(&this.first[..count]);
            this.first.advance(count);
            if this.first.is_empty() {
                this.first = BytesMut::new();
            }
            Poll::Ready(Ok(()))
        };
        let count = buffer.filled().len() - before;
        if count > 0 && this.connection.state() == ConnectionState::Http2 {
            let new = || Box::new(Frames::new(PREFACE.len(), Instant::now()));
            if this.frames.get_or_insert_with(new).read(&buffer.filled()[before..], Instant::now).is_err() {
                this.connection.cut(Cut::Http2Flood);
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        } else if count > 0 && this.connection.note_read(&buffer.filled()[before..]).is_err() {
            buffer.set_filled(before);
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        match (&read, this.connection.state()) {
            (Poll::Pending, ConnectionState::Head) => this.poll_late(cx),
            // Whoever serves a request listens while it waits for more of the answer: what there is of it
            // must not wait too. Pingora flushes an answer with a length only at its end.
            (Poll::Pending, ConnectionState::Serving) => {
                if let Poll::Ready(Err(e)) = Pin::new(&mut this.transport).poll_flush(cx) {
                    return Poll::Ready(Err(e));
                }
                read
            }
            (Poll::Ready(Ok(())), ConnectionState::Idle) if count > 0 => {
                this.deadline = None;
                this.head = count;
                this.connection.set_state(ConnectionState::Head);
                read
            }
            (Poll::Ready(Ok(())), ConnectionState::Head) => {
                this.head += count;
                read
            }
            _ => read,
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !matches!(this.connection.state(), ConnectionState::Idle | ConnectionState::Head) {
            let written = Pin::new(&mut this.transport).poll_write(cx, bytes);
            if let (Poll::Ready(Ok(count)), Some(frames)) = (&written, &mut this.frames) {
                frames.sent(*count);
            }
            return written;
        }
        if this.answer.is_none() {
            this.begin_answer(None, Duration::ZERO);
        }
        ready!(this.poll_answer(cx))?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.transport).poll_shutdown(cx))?;
        this.poll_linger(cx).map(Ok)
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Transport::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
        }
    }
}

#[async_trait]
impl Shutdown for ClientStream {
    async fn shutdown(&mut self) {
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for ClientStream {
    fn id(&self) -> UniqueIDType {
        match &self.transport {
            Transport::Plain(socket) => socket.id(),
            Transport::Tls(tls) => tls.socket().id(),
        }
    }
}

impl Ssl for ClientStream {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        match &self.transport {
            Transport::Plain(_) => None,
            Transport::Tls(tls) => Some(tls.digest()),
        }
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        // By what was agreed on in TLS, or came as the first bytes without it.
        (self.connection.state() == ConnectionState::Http2).then_some(ALPN::H2)
    }
}

impl Peek for ClientStream {}

impl GetTimingDigest for ClientStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for ClientStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        if self.connection.state() != ConnectionState::Http2 {
            self.connection.set_state(ConnectionState::Idle);
        }
        Some(Arc::clone(&self.digest))
    }
}

impl GetSocketDigest for ClientStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        match &self.transport {
            Transport::Plain(socket) => socket.get_socket_digest(),
            Transport::Tls(tls) => tls.socket().get_socket_digest(),
        }
    }
}
