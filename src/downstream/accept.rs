//! Clients' connections, from `accept` to Pingora's HTTP.
//!
//! Pingora's own service accepts connections too, but has no PROXY protocol, no limit to how many there
//! are, and nothing between TCP and HTTP that could be ours. See docs/decisions/0007-accept-loop.md.
//!
//! Stopping has two steps, each with a channel of its own: `accepting` ends the accept loops, which
//! closes their sockets; `serving` ends idle connections, and the others after what they have begun.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pingora::apps::{HttpPersistentSettings, HttpServerApp, ServerApp};
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::client_stream::{ClientStream, Transport};
use super::clients::{Clients, OpenConnection};
use super::over_limit::Refuser;
use super::port::Port;
use super::socket::Socket;
use super::tls::TlsConnection;
use super::unfinished::EndsWithResponse;
use crate::downstream::connection::{ClientConnection, ConnectionState};
use crate::downstream::send_rate::SendRate;
use crate::telemetry::exhaustion::is_exhaustion;
use crate::telemetry::metrics::Cut;
use nameplate_core::domain::proxy_header::{Addresses, ProxyHeader, ProxyHeaderError};
use nameplate_core::settings::{Client, Network, Settings};

/// The longest head that is read, unless the limits of requests are so large that twice them is more. What
/// is over the limits and under this has an answer that says which limit.
const HEAD: usize = 64 * 1024;

/// How long Pingora waits for each piece of a connection's first head.
const FIRST_HEAD: Duration = Duration::from_secs(60);

/// What a TLS connection begins with: the type of a record with a handshake (RFC 8446 section 5.1). No PROXY header does.
const TLS_HANDSHAKE: u8 = 22;

/// How long to wait for others to give back what the system has run out of.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Accepts connections and brings each to HTTP, which `A` serves. All listeners share one.
pub(crate) struct Acceptor<A> {
    clients: Arc<Clients>,
    /// Serves what they ask for. One for all of them, so that they share the connections to the endpoint.
    app: Arc<A>,
    /// The same, for HTTP/2.
    http2: Arc<EndsWithResponse<A>>,
    limits: Client,
    /// Bytes of a head that are read at the most.
    head: usize,
    refuser: Refuser,
    /// Whose X-Forwarded-For is believed.
    load_balancers: Vec<Network>,
    serving: ShutdownWatch,
}

impl<A: HttpServerApp + Send + Sync + 'static> Acceptor<A> {
    /// `serving` says when connections are to end.
    pub(crate) fn new(clients: Arc<Clients>, app: A, settings: &Settings, serving: ShutdownWatch) -> Acceptor<A> {
        let (limits, request) = (settings.client, settings.limits);
        let head = HEAD.max(2 * (request.headers + request.url));
        let load_balancers = settings.forwarded.trust.clone();
        let refuser = Refuser::default();
        let app = Arc::new(app);
        let http2 = Arc::new(EndsWithResponse::new(Arc::clone(&app), limits.read_timeout));
        Acceptor { clients, app, http2, limits, head, refuser, load_balancers, serving }
    }

    /// Accepts connections until told to stop, or for ever if nobody can tell; then the socket is closed.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener, port: Arc<Port>, mut accepting: ShutdownWatch) {
        let mut exhausted = false;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = accepting.wait_for(|stopped| *stopped) => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    exhausted = false;
                    self.take(tcp, peer, &port);
                }
                // Waiting may help; anything else concerns one connection.
                Err(e) if is_exhaustion(&e) => {
                    self.clients.metrics.clients.accept_failed();
                    // Once, and not ten times a second.
                    if !std::mem::replace(&mut exhausted, true) {
                        log::error!("{}: no connection can be accepted for now: {e}", port.address);
                    }
                    tokio::time::sleep(BACK_OFF).await;
                }
                // Its client has gone already.
                Err(e) => log::debug!("{}: a connection was not accepted: {e}", port.address),
            }
        }
    }

    /// Ends idle HTTP/1.1 connections now; `serving` tells the others.
    pub(crate) async fn end_idle(&self) {
        self.app.http_cleanup().await;
    }

    fn take(self: &Arc<Self>, tcp: TcpStream, peer: SocketAddr, port: &Arc<Port>) {
        let metrics = &self.clients.metrics;
        metrics.clients.connection_accepted();
        let trusted = port.proxy_protocol.as_ref().is_none_or(|rule| rule.trust.iter().any(|n| n.contains(peer.ip())));
        if !trusted {
            self.clients.cut(Cut::ProxyUntrusted, (port.address, peer), None);
            return;
        }
        let Some(open) = OpenConnection::begin(&self.clients) else {
            self.clients.cut(Cut::TooMany, (port.address, peer), None);
            if port.certificate.is_none() {
                self.refuser.refuse(tcp, &self.clients);
            }
            return;
        };
        let (acceptor, port) = (Arc::clone(self), Arc::clone(port));
        tokio::spawn(async move {
            acceptor.serve(tcp, peer, &port).await;
            drop(open);
        });
    }

    async fn serve(&self, tcp: TcpStream, peer: SocketAddr, port: &Port) {
        let (ends, requests) = ((port.address, peer), self.limits.requests_per_connection);
        let connection = Arc::new(ClientConnection::new(Arc::clone(&self.clients), ends, requests));
        let mut serving = self.serving.clone();
        let opened = tokio::select! {
            biased;
            _ = serving.wait_for(|ends| *ends) => return,
            // Boxed: what a handshake needs is given back with its end, and most connections are idle.
            opened = Box::pin(self.open(tcp, peer, port, &connection)) => opened,
        };
        let Some((stream, http2)) = opened else { return };
        if let Some(client) = stream.client().filter(|client| !self.stands_for_many(*client)) {
            connection.set_share(self.clients.shares.of(client));
        }
        if !http2 {
            self.serve_http1(Box::new(stream), &connection, &mut serving).await;
            return;
        }
        connection.note_slow();
        // Told to end by its own requests too, not only with all others.
        let ends = connection.speaks_http2();
        let mut told = ends.clone();
        let served = self.http2.process_new(Box::new(stream), &ends);
        tokio::pin!(served);
        tokio::select! {
            _ = &mut served => return,
            _ = told.wait_for(|ends| *ends) => {}
            _ = serving.wait_for(|ends| *ends) => connection.end(),
        }
        // Pingora then waits for the client to answer, and has no more patience than for ever.
        // Answers that were handed over are still on their way for as long as the client takes them.
        while timeout(self.limits.header_timeout, &mut served).await.is_err()
            && (connection.take_moved() || connection.is_busy())
        {}
    }

    /// Serves one request after the other. Between two of them Pingora has nothing to keep: most connections are idle,
    /// and its state for a request is the largest part of one.
    async fn serve_http1(
        &self,
        mut stream: Box<ClientStream>,
        connection: &ClientConnection,
        serving: &mut ShutdownWatch,
    ) {
        let idle = self.limits.keep_alive.max(Duration::from_secs(1));
        let mut kept = None;
        loop {
            let mut session = ServerSession::new_http1(stream);
            match kept {
                Some(settings) => HttpPersistentSettings::apply_to_session(settings, &mut session),
                None => {
                    session.set_keepalive((!*serving.borrow()).then_some(FIRST_HEAD.as_secs()));
                    let most = self.app.server_options().and_then(|options| options.keepalive_request_limit);
                    session.set_keepalive_reuses_remaining(most);
                }
            }
            let Some(reused) = self.app.process_new_http(session, serving).await else { return };
            let (reused, settings) = reused.consume();
            let Ok(same) = reused.into_any().downcast::<ClientStream>() else { return };
            (stream, kept) = (same, settings);
            if connection.has_read_ahead() {
                continue;
            }
            connection.set_state(ConnectionState::Idle);
            let speaks = tokio::select! {
                biased;
                _ = serving.wait_for(|ends| *ends) => return,
                // The client was told no less than a second. Pingora's timer: tokio's wakes its driver for each.
                speaks = pingora::time::timeout(idle, stream.next_request()) => speaks,
            };
            if !matches!(speaks, Ok(Ok(true))) {
                return;
            }
        }
    }

    /// Reports whether an address is a load balancer's, which speaks for its clients.
    fn stands_for_many(&self, client: IpAddr) -> bool {
        self.load_balancers.iter().any(|network| network.contains(client))
    }

    /// What comes before HTTP; says whether it is HTTP/2. `None` where nothing more comes of it.
    async fn open(
        &self,
        tcp: TcpStream,
        peer: SocketAddr,
        port: &Port,
        connection: &Arc<ClientConnection>,
    ) -> Option<(ClientStream, bool)> {
        let limits = &self.limits;
        let rate = SendRate::new(limits.min_send_rate, limits.write_timeout);
        let mut socket = Socket::new(tcp, peer, Arc::clone(connection), port.certificate.is_some(), rate);
        let inside = port.proxy_protocol.is_some() && self.begins_tls(&mut socket, port, connection).await?;
        if port.proxy_protocol.is_some() && !inside {
            let header = self.in_time(connection, socket.proxy_header()).await?.ok()??;
            if let Some(ends) = announced(header, connection)? {
                socket.stands_for(ends);
            }
        }
        let transport = match &port.certificate {
            None => Transport::Plain(socket),
            Some(certificate) => {
                let begun = Instant::now();
                match self.in_time(connection, certificate.acceptor().accept(socket)).await? {
                    Ok(tls) => {
                        let secured = TlsConnection::new(tls);
                        self.clients
                            .metrics
                            .clients
                            .client_shook_hands(secured.handshake(), begun.elapsed().as_secs_f64());
                        Transport::Tls(Box::new(secured))
                    }
                    Err(e) => {
                        // A health check of TCP alone says nothing and goes.
                        if connection.state() != ConnectionState::Opening {
                            connection.cut_because(Cut::Handshake, Some(&e));
                        }
                        log::debug!("{}: {peer}: {e}", port.address);
                        return None;
                    }
                }
            }
        };
        let agreed = matches!(&transport, Transport::Tls(tls) if tls.agreed_on_http2());
        let mut stream = ClientStream::new(transport, Arc::clone(connection), limits.header_timeout, self.head).ok()?;
        if inside {
            let header = self.in_time(connection, stream.proxy_header()).await?.ok()??;
            if let Some(ends) = announced(header, connection)? {
                stream.stands_for(ends);
            }
        }
        // Pingora waits 60 s for the first request, whatever the settings say.
        if !agreed && !timeout(limits.keep_alive, stream.speaks()).await.ok()?.ok()? {
            return None;
        }
        if !agreed && !port.h2c {
            return Some((stream, false));
        }
        let http2 = self.in_time(connection, stream.speaks_http2()).await?.ok()?;
        if agreed && !http2 {
            connection.cut(Cut::Preface);
            return None;
        }
        Some((stream, http2))
    }

    /// Whether TLS comes first, and the PROXY header inside of it: how a load balancer may do it that opens TLS of its own.
    async fn begins_tls(&self, socket: &mut Socket, port: &Port, connection: &ClientConnection) -> Option<bool> {
        if port.certificate.is_none() {
            return Some(false);
        }
        Some(self.in_time(connection, socket.peek()).await?.ok()?? == TLS_HANDSHAKE)
    }

    /// What must be done within `client.header_timeout`.
    async fn in_time<T>(&self, connection: &ClientConnection, work: impl Future<Output = T>) -> Option<T> {
        let done = timeout(self.limits.header_timeout, work).await;
        done.inspect_err(|_| connection.cut(Cut::HeaderTimeout)).ok()
    }
}

/// Whom a PROXY header speaks for, if not for who sent it; without one, the connection ends.
fn announced(
    header: Result<ProxyHeader, ProxyHeaderError>,
    connection: &ClientConnection,
) -> Option<Option<Addresses>> {
    let cut = match header {
        Ok(header) => return Some(header.addresses),
        Err(ProxyHeaderError::Missing) => Cut::ProxyMissing,
        Err(ProxyHeaderError::Malformed | ProxyHeaderError::Incomplete) => Cut::ProxyMalformed,
    };
    connection.cut(cut);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_waiting_mends_is_waited_for() {
        let mend = |errno: rustix::io::Errno| is_exhaustion(&errno.into());
        assert!(mend(rustix::io::Errno::MFILE) && mend(rustix::io::Errno::NFILE));
        assert!(!mend(rustix::io::Errno::CONNABORTED) && !is_exhaustion(&std::io::ErrorKind::Other.into()));
    }
}
