//! What an origin has seen so far, and how it is to answer.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;

use crate::PATIENCE;
use crate::reply::Reply;
use crate::wire::{Head, find_all};

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Which connection it came on, from 0.
    pub connection: usize,
    /// The server name of the handshake.
    pub sni: Option<String>,
    /// Request line and headers.
    pub head: Head,
    /// The body as it came, framing included.
    pub raw_body: Vec<u8>,
    /// The content, without framing.
    pub body: Vec<u8>,
    /// In order, names in the case they came in.
    pub trailers: Vec<(String, String)>,
    /// Whether it came to its end.
    pub complete: bool,
    /// What had already come after that end, before it was answered.
    pub extra: Vec<u8>,
    /// Why this is not a strict message.
    pub faults: Vec<String>,
}

impl Received {
    /// The method.
    pub fn method(&self) -> &str {
        self.head.part(0)
    }

    /// Path and query, byte for byte.
    pub fn target(&self) -> &str {
        self.head.part(1)
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// Every header of this name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.head.all(name)
    }

    /// Whether a header has exactly this name, case included.
    pub fn has_name(&self, name: &str) -> bool {
        self.head.headers.iter().any(|(field, _)| field == name)
    }

    /// The first trailer of this name.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        find_all(&self.trailers, name).first().copied()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What an origin is besides its script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// The script sees whole requests.
    #[default]
    Whole,
    /// The script is asked when the head is there, and says itself when the body is read.
    Early,
    /// Closes every connection before the handshake.
    RefusesTls,
}

pub(super) type Script = dyn Fn(&Received) -> Reply + Send + Sync;

#[derive(Default)]
pub(super) struct Record {
    pub(super) requests: Vec<Received>,
    /// Places in `requests` that may be used again, where none is kept.
    pub(super) free: Vec<usize>,
    pub(super) served: u64,
    pub(super) connections: usize,
    pub(super) handshakes: usize,
    /// Handshakes that failed, and bytes that began a request and never became one.
    pub(super) oddities: Vec<String>,
    pub(super) open: HashMap<usize, TcpStream>,
    pub(super) threads: Vec<JoinHandle<()>>,
    pub(super) stopping: bool,
}

impl Record {
    /// Records a request whose head has come; returns its place.
    pub(super) fn begin(&mut self, received: Received) -> usize {
        if let Some(index) = self.free.pop() {
            self.requests[index] = received;
            return index;
        }
        self.requests.push(received);
        self.requests.len() - 1
    }

    /// Counts a request that was answered, or broke off.
    pub(super) fn end(&mut self, index: usize, keeps: bool) {
        self.served += 1;
        if !keeps {
            self.requests[index] = Received::default();
            self.free.push(index);
        }
    }

    pub(super) fn close_all(&mut self) {
        for stream in self.open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

pub(super) struct Shared {
    pub(super) record: Mutex<Record>,
    pub(super) changed: Condvar,
    pub(super) script: Box<Script>,
    pub(super) kind: Kind,
    /// Whether a request stays recorded after it was answered.
    pub(super) keeps: bool,
    pub(super) tls: Arc<ServerConfig>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this holds; returns whether that happened in time.
    pub(super) fn wait(&self, done: impl Fn(&Record) -> bool) -> (MutexGuard<'_, Record>, bool) {
        let waiting = |record: &mut Record| !done(record);
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, waiting);
        let (record, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (record, !timeout.timed_out())
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }
}

/// Ends a connection with RST.
pub fn reset(socket: TcpStream) -> io::Result<()> {
    rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    drop(socket);
    Ok(())
}
