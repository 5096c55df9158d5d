//! The admin listener's connections: how many there are, and which one gives way.
//!
//! Pingora's own service has no limit to them, and descriptors that they hold are the proxy's. One connection too many
//! closes the one on which nothing has happened for longest, so that a health check gets in however many others are
//! open and silent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pingora::protocols::Stream;
use pingora::protocols::l4::stream::Stream as TcpConnection;
use pingora::server::ShutdownWatch;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::connection::Pages;
use crate::telemetry::exhaustion::is_exhaustion;

/// How long to wait for others to give back what the system has run out of.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How often it is logged, at most, that connections give way.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The connections that are open, those first on which nothing has happened for longest.
struct Open {
    most: usize,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    by_age: BTreeMap<u64, AbortHandle>,
    next: u64,
    /// When it was logged last that one gave way.
    said: Option<Instant>,
}

/// A connection's place among those that are open, which it leaves when dropped.
struct Place {
    open: Arc<Open>,
    at: u64,
}

/// Accepts connections until told to stop; then the socket is closed, and connections that wait for a request with it.
pub(crate) async fn accept(pages: Pages, most: usize, listener: TcpListener, mut stopped: ShutdownWatch) {
    let pages = Arc::new(pages);
    let open = Arc::new(Open { most, list: Mutex::default() });
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => open.begin(&pages, Box::new(TcpConnection::from(tcp)), peer, &stopped),
            Err(e) if is_exhaustion(&e) => tokio::time::sleep(BACK_OFF).await,
            // Its client has gone already.
            Err(e) => log::debug!("admin pages: a connection was not accepted: {e}"),
        }
    }
}

impl Open {
    fn begin(self: &Arc<Self>, pages: &Arc<Pages>, stream: Stream, peer: SocketAddr, stopped: &ShutdownWatch) {
        let (pages, stopped) = (Arc::clone(pages), stopped.clone());
        let mut list = self.lock();
        if list.by_age.len() >= self.most {
            list.close_oldest(self.most, peer);
        }
        let at = list.take_number();
        let mut place = Place { open: Arc::clone(self), at };
        // Under the lock: the connection may be over before it stands in the list.
        let task = tokio::spawn(async move { pages.serve(stream, stopped, || place.moves()).await });
        list.by_age.insert(at, task.abort_handle());
    }

    // Nothing in here panics while it holds the lock; a poisoned one still holds good data.
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn close_oldest(&mut self, most: usize, newcomer: SocketAddr) {
        if let Some((_, oldest)) = self.by_age.pop_first() {
            oldest.abort();
        }
        let now = Instant::now();
        if self.said.is_none_or(|said| now.saturating_duration_since(said) >= SAY_EVERY) {
            self.said = Some(now);
            log::warn!(
                "admin pages: {most} connections are open, which is the most; each new one, now from {newcomer}, closes the \
                 one that was silent for longest (`admin_pages: max_connections`)"
            );
        }
    }
}

impl Place {
    /// Puts the connection behind all others.
    fn moves(&mut self) {
        let mut list = self.open.lock();
        // It is not there any more where it was closed to make room, and ends in a moment.
        if let Some(task) = list.by_age.remove(&self.at) {
            self.at = list.take_number();
            list.by_age.insert(self.at, task);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.lock().by_age.remove(&self.at);
    }
}
