//! An origin that fails below HTTP: each connection is in the hands of the test's script, from the
//! first byte.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::wire::{Framing, Head, Wire};
use crate::{API_DOMAIN, PATIENCE, origin};

type Script = dyn Fn(Peer) -> io::Result<()> + Send + Sync;

#[derive(Default)]
struct Record {
    connections: usize,
    requests: Vec<Head>,
    poured: Option<usize>,
    stopping: bool,
}

struct Shared {
    record: Mutex<Record>,
    changed: Condvar,
    script: Box<Script>,
    tls: Arc<ServerConfig>,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running origin. Dropped, it accepts no more; what is open ends with its script.
pub struct Faulty {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Faulty {
    /// Runs the script for each connection. An error ends it: the other side went away.
    pub fn start(script: impl Fn(Peer) -> io::Result<()> + Send + Sync + 'static) -> Faulty {
        let (script, tls) = (Box::new(script), Arc::new(origin::tls_for(API_DOMAIN)));
        let shared = Arc::new(Shared { record: Mutex::default(), changed: Condvar::new(), script, tls });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let accepting = {
            let shared = shared.clone();
            thread::spawn(move || accept(&listener, &shared))
        };
        Faulty { address, shared, accepting: Some(accepting) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// The heads of the requests that scripts have read.
    pub fn requests(&self) -> Vec<Head> {
        self.shared.lock().requests.clone()
    }

    /// Waits until [`Secure::pour`] has ended; says how many bytes were taken.
    #[track_caller]
    pub fn poured(&self) -> usize {
        let waiting = |record: &mut Record| record.poured.is_none();
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), PATIENCE, waiting);
        let (record, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let poured = record.poured;
        // The lock is let go before a panic: dropping the origin takes it again.
        drop(record);
        poured.expect("the proxy takes it all")
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.shared.change(|record| record.stopping = true);
        // Wakes `accept`, which then sees that it should stop.
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let number = shared.change(|record| {
            record.connections += 1;
            (!record.stopping).then_some(record.connections - 1)
        });
        let Some(number) = number else { return };
        let _ = (stream.set_read_timeout(Some(PATIENCE)), stream.set_write_timeout(Some(PATIENCE)));
        let peer = Peer { number, stream, shared: shared.clone() };
        thread::spawn(move || {
            let shared = peer.shared.clone();
            (shared.script)(peer)
        });
    }
}

/// One accepted connection, before TLS.
pub struct Peer {
    /// Which one, from 0.
    pub number: usize,
    stream: TcpStream,
    shared: Arc<Shared>,
}

impl Peer {
    /// Reads the beginning of the ClientHello.
    pub fn read_hello(&mut self) -> io::Result<()> {
        self.stream.read(&mut [0; 4_096]).map(drop)
    }

    /// Bytes as they are, whatever TLS makes of them.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads the ClientHello and sends half of what answers it.
    pub fn half_a_handshake(&mut self) -> io::Result<()> {
        let mut tls = ServerConnection::new(self.shared.tls.clone()).map_err(io::Error::other)?;
        while !tls.wants_write() {
            tls.read_tls(&mut self.stream)?;
            tls.process_new_packets().map_err(io::Error::other)?;
        }
        let mut flight = Vec::new();
        tls.write_tls(&mut flight)?;
        self.stream.write_all(&flight[..flight.len() / 2])
    }

    /// FIN.
    pub fn close(mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        self.wait_until_closed()
    }

    /// RST.
    pub fn reset(self) -> io::Result<()> {
        origin::reset(self.stream)
    }

    /// Says nothing for as long as the other side stays.
    pub fn wait_until_closed(&mut self) -> io::Result<()> {
        while self.stream.read(&mut [0; 4_096])? > 0 {}
        Ok(())
    }

    /// Shakes hands in order.
    pub fn secure(mut self) -> io::Result<Secure> {
        let mut tls = ServerConnection::new(self.shared.tls.clone()).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut self.stream)?;
        }
        Ok(Secure { wire: Wire::new(StreamOwned::new(tls, self.stream)), shared: self.shared })
    }
}

/// A connection after the handshake.
pub struct Secure {
    wire: Wire<StreamOwned<ServerConnection, TcpStream>>,
    shared: Arc<Shared>,
}

impl Secure {
    /// Reads the head of a request; says how its body ends.
    pub fn read_head(&mut self) -> io::Result<Framing> {
        let mut head = self.wire.read_head()?.ok_or(ErrorKind::UnexpectedEof)?;
        let framing = head.check_request();
        self.shared.change(|record| record.requests.push(head));
        Ok(framing)
    }

    /// Reads a whole request.
    pub fn read_request(&mut self) -> io::Result<()> {
        let framing = self.read_head()?;
        self.wire.read_body(framing, &mut |_| ())
    }

    /// Writes these bytes over TLS.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.stream.write_all(bytes.as_ref())?;
        self.wire.stream.flush()
    }

    /// Writes this again and again, until the other side has had enough or `most` bytes are out.
    pub fn pour(&mut self, piece: &[u8], most: usize) {
        let mut poured = 0;
        while poured < most && self.write(piece).is_ok() {
            poured += piece.len();
        }
        self.shared.change(|record| record.poured = (poured < most).then_some(poured));
    }

    /// close_notify, then FIN: an end in order.
    pub fn close(mut self) -> io::Result<()> {
        self.wire.stream.conn.send_close_notify();
        self.wire.stream.flush()?;
        self.cut()
    }

    /// FIN without close_notify: whether all was said, TLS cannot tell.
    pub fn cut(mut self) -> io::Result<()> {
        self.wire.stream.sock.shutdown(Shutdown::Write)?;
        while self.wire.fill()? > 0 {}
        Ok(())
    }

    /// RST.
    pub fn reset(self) -> io::Result<()> {
        origin::reset(self.wire.stream.sock)
    }
}
