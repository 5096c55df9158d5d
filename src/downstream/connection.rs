//! What a client's connection and its requests tell each other.
//!
//! A connection's stream knows when bytes come and go, its requests know what they mean. Both hold the
//! same [`ClientConnection`]: the stream shows it to Pingora as part of its digest, which is how a
//! request finds it.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use nameplate_core::domain::chunks::MalformedChunks;
use nameplate_core::domain::refusal::Refusal;
use parking_lot::Mutex;
use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora_proxy::Session;
use tokio::sync::watch;

use super::budget::Share;
use super::client_info::ClientInfo;
use super::clients::{Clients, OpenConnection};
use super::framing::{BodyFraming, Framing, Malformed};
use super::slow::Holder;
use crate::telemetry::metrics::Cut;

/// Where an HTTP/1.1 connection stands; HTTP/2 has one state only, its streams stand in many places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ConnectionState {
    /// It is not known yet what it will be.
    Opening,
    /// No byte of the next request has come.
    Idle,
    /// Some of a request's head has come.
    Head,
    /// A request is being served.
    Serving,
    /// It is HTTP/2.
    Http2,
}

const STATES: [ConnectionState; 5] = [
    ConnectionState::Opening,
    ConnectionState::Idle,
    ConnectionState::Head,
    ConnectionState::Serving,
    ConnectionState::Http2,
];

/// One client connection.
pub(crate) struct ClientConnection {
    clients: Arc<Clients>,
    /// The listener's address, and whom it was accepted from.
    ends: (SocketAddr, SocketAddr),
    state: AtomicU8,
    /// Requests it may have yet, where it is HTTP/2.
    left: AtomicU32,
    /// Requests that are being served; over HTTP/1.1 one at most.
    active: AtomicUsize,
    /// What its client may have of the budget; `None` where its address stands for many clients.
    share: OnceLock<Arc<Share>>,
    /// It is to end, to give its memory back.
    shed: AtomicBool,
    /// Wakes the task that waits for its client.
    waiting: AtomicWaker,
    /// A response waits for its client now.
    is_waiting: AtomicBool,
    /// It was answered while its client was sending the request, where it is HTTP/1.1.
    sending: AtomicBool,
    /// Its client has taken bytes since somebody asked.
    moved: AtomicBool,
    /// Ends it once its streams have, where it is HTTP/2.
    end: OnceLock<watch::Sender<bool>>,
    /// What its first request saw of it.
    seen: OnceLock<ClientInfo>,
    /// Where its messages end, where it is HTTP/1.1. Stream and requests take turns, so the lock is free.
    framing: Mutex<Framing>,
    /// The body of its request is malformed.
    malformed: AtomicBool,
}

impl std::fmt::Debug for ClientConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientConnection({:?})", self.state())
    }
}

impl ClientConnection {
    /// A connection of at most `requests` requests between a listener and its peer, the `ends`.
    pub(crate) fn new(clients: Arc<Clients>, ends: (SocketAddr, SocketAddr), requests: u32) -> ClientConnection {
        let state = AtomicU8::new(ConnectionState::Opening as u8);
        ClientConnection {
            clients,
            ends,
            state,
            left: AtomicU32::new(requests),
            active: AtomicUsize::new(0),
            share: OnceLock::new(),
            shed: AtomicBool::new(false),
            waiting: AtomicWaker::new(),
            is_waiting: AtomicBool::new(false),
            sending: AtomicBool::new(false),
            moved: AtomicBool::new(false),
            end: OnceLock::new(),
            seen: OnceLock::new(),
            framing: Mutex::default(),
            malformed: AtomicBool::new(false),
        }
    }

    /// What it shares with all others.
    pub(super) fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Where it stands. Stream and requests take turns, each after the other has awaited it, so no order
    /// beyond the one of this value is needed.
    #[inline]
    pub(crate) fn state(&self) -> ConnectionState {
        STATES[usize::from(self.state.load(Ordering::Relaxed))]
    }

    /// It has come to this state.
    #[inline]
    pub(crate) fn set_state(&self, state: ConnectionState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// It is HTTP/2. What this gives says when it should end.
    pub(crate) fn speaks_http2(&self) -> watch::Receiver<bool> {
        self.set_state(ConnectionState::Http2);
        let (end, ends) = watch::channel(false);
        let _ = self.end.set(end);
        ends
    }

    /// Ends an HTTP/2 connection, once what it has begun is over: its client is told by GOAWAY.
    pub(crate) fn end(&self) {
        if let Some(end) = self.end.get() {
            end.send_if_modified(|ends| !std::mem::replace(ends, true));
        }
    }

    /// Reports whether it has requests that are being served.
    pub(crate) fn is_busy(&self) -> bool {
        self.active.load(Ordering::Relaxed) > 0
    }

    /// Its client took bytes.
    #[inline]
    pub(crate) fn note_moved(&self) {
        if !self.moved.load(Ordering::Relaxed) {
            self.moved.store(true, Ordering::Relaxed);
        }
    }

    /// Whether its client has taken bytes since this was asked the last time.
    pub(crate) fn take_moved(&self) -> bool {
        self.moved.swap(false, Ordering::Relaxed)
    }

    /// Whether its client may still be sending what nobody reads any more.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending.load(Ordering::Relaxed)
    }

    /// Counts it among the open ones once more, unless there are as many as may be.
    pub(crate) fn counted_again(&self) -> Option<OpenConnection> {
        OpenConnection::begin(&self.clients)
    }

    /// Its last request was answered before the whole of it had come.
    pub(crate) fn note_cut_short(&self) {
        if self.state() != ConnectionState::Http2 {
            self.sending.store(true, Ordering::Relaxed);
        }
    }

    /// Notes bytes that were read, where it is HTTP/1.1: an error where the chunks of a body are malformed.
    pub(super) fn note_read(&self, bytes: &[u8]) -> Result<(), MalformedChunks> {
        self.framing.lock().read(bytes).inspect_err(|_| self.malformed.store(true, Ordering::Relaxed))
    }

    /// A request of HTTP/1.1 begins, with this head as Pingora parsed it and a body framed like this: an error where
    /// another head came, or what has come of that body is malformed.
    pub(crate) fn begin_body(&self, head: &[u8], framing: BodyFraming) -> Result<(), Malformed> {
        self.framing.lock().begin(head, framing)
    }

    /// A copy of the head that has come and that no request was made of, where it is HTTP/1.1.
    pub(crate) fn unclaimed_head(&self) -> Vec<u8> {
        self.framing.lock().unclaimed().to_vec()
    }

    /// Reports whether some of its next request has been read with the one before.
    pub(super) fn has_read_ahead(&self) -> bool {
        self.framing.lock().has_unclaimed()
    }

    /// Reports whether the body of its request is malformed.
    pub(crate) fn is_malformed(&self) -> bool {
        self.malformed.load(Ordering::Relaxed)
    }

    /// Reports whether it is to end, to give its memory back.
    pub(crate) fn is_shed(&self) -> bool {
        self.shed.load(Ordering::Relaxed) && self.clients.budget.is_strained()
    }

    /// It may hold memory for a client that does not take its responses.
    pub(super) fn note_slow(self: &Arc<Self>) {
        let weak: Weak<Self> = Arc::downgrade(self);
        self.clients.slow.add(weak);
    }

    /// The task of `waker` waits for the client, and is to be woken if the connection is to end.
    pub(super) fn wait(&self, waker: &Waker) {
        self.waiting.register(waker);
    }

    /// Notes whether a response waits for the client.
    pub(super) fn set_waiting(&self, waits: bool) {
        self.is_waiting.store(waits, Ordering::Relaxed);
    }

    /// Counts that we ended it, and warns of it.
    pub(crate) fn cut(&self, cut: Cut) {
        self.cut_because(cut, None);
    }

    /// As [`ClientConnection::cut`]; `detail` is what is known beyond the cause.
    pub(super) fn cut_because(&self, cut: Cut, detail: Option<&dyn Display>) {
        self.clients.cut(cut, self.ends, detail);
    }

    /// The connection a request came on. `None` only where something else than our listeners made it.
    pub(crate) fn of(session: &Session) -> Option<&Arc<ClientConnection>> {
        session.digest()?.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
    }

    /// What is known of the client of a request.
    pub(crate) fn client_info(session: &Session) -> ClientInfo {
        match ClientConnection::of(session) {
            Some(connection) => connection.seen.get_or_init(|| look(session)).clone(),
            None => look(session),
        }
    }

    /// Its requests count against the share of its client's address from now on.
    pub(super) fn set_share(&self, share: Arc<Share>) {
        let _ = self.share.set(share);
    }

    /// One of its requests has been read: counts it, and says whether there is room for it in the budget. Keep what
    /// this gives until the request is over.
    pub(crate) fn begin_request(self: &Arc<Self>) -> (ActiveRequest, Result<(), Refusal>) {
        if self.shed.load(Ordering::Relaxed) && !self.clients.budget.is_strained() {
            self.shed.store(false, Ordering::Relaxed);
        }
        if self.state() != ConnectionState::Http2 {
            self.set_state(ConnectionState::Serving);
        } else if self.left.fetch_sub(1, Ordering::Relaxed) <= 1 {
            // Those that its client sends before it hears of the end still count below 0 and around.
            self.end();
        }
        let own = self.active.fetch_add(1, Ordering::Relaxed);
        let admitted = self.clients.budget.begin(self.share.get().map(Arc::as_ref), own);
        (ActiveRequest { connection: Arc::clone(self), admitted: admitted.is_ok() }, admitted)
    }
}

impl Holder for ClientConnection {
    // Over HTTP/2 a stream may wait for its window alone, which does not show here.
    fn weight(&self) -> usize {
        let holds = self.state() == ConnectionState::Http2 || self.is_waiting.load(Ordering::Relaxed);
        if holds { self.active.load(Ordering::Relaxed) } else { 0 }
    }

    fn client(&self) -> Option<*const Share> {
        self.share.get().map(Arc::as_ptr)
    }

    fn is_shed(&self) -> bool {
        ClientConnection::is_shed(self)
    }

    fn shed(&self) {
        // Once memory is no longer short, this says nothing.
        self.shed.store(true, Ordering::Relaxed);
        self.waiting.wake();
    }
}

fn look(session: &Session) -> ClientInfo {
    let inet = |address: Option<&PingoraAddr>| address.and_then(|a| a.as_inet().copied());
    let port = inet(session.server_addr()).map_or(0, |address| address.port());
    let tls = session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
    ClientInfo::new(inet(session.client_addr()), port, tls)
}

/// A request of a connection, counted until dropped.
pub(crate) struct ActiveRequest {
    connection: Arc<ClientConnection>,
    /// It counts in the budget.
    admitted: bool,
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let connection = &self.connection;
        connection.active.fetch_sub(1, Ordering::Relaxed);
        if self.admitted {
            connection.clients.budget.end(connection.share.get().map(Arc::as_ref));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_the_one_that_was_set() {
        for state in STATES {
            assert_eq!(STATES[usize::from(state as u8)], state);
        }
    }
}
