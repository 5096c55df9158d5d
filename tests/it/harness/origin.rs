//! An origin over TLS that records every byte of every request, and answers as a script says.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::reply::{Reply, Step};
use super::wire::{Framing, Head, Piece, Wire, find_all};
use super::{API_DOMAIN, PATIENCE, authority, show};

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Which connection it came on, from 0.
    pub connection: usize,
    pub sni: Option<String>,
    pub head: Head,
    /// The body as it came, framing included.
    pub raw_body: Vec<u8>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// Whether it came to its end.
    pub complete: bool,
    /// What had already come after that end, before it was answered.
    pub extra: Vec<u8>,
    /// Why this is not a strict message.
    pub faults: Vec<String>,
}

impl Received {
    pub fn method(&self) -> &str {
        self.head.part(0)
    }

    /// Path and query, byte for byte.
    pub fn target(&self) -> &str {
        self.head.part(1)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.head.all(name)
    }

    /// Whether a header has exactly this name, case included.
    pub fn has_name(&self, name: &str) -> bool {
        self.head.headers.iter().any(|(field, _)| field == name)
    }

    pub fn trailer(&self, name: &str) -> Option<&str> {
        find_all(&self.trailers, name).first().copied()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What an origin is besides its script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// The script sees whole requests.
    #[default]
    Whole,
    /// The script is asked when the head is there, and says itself when the body is read.
    Early,
    /// Closes every connection before the handshake.
    RefusesTls,
}

type Script = dyn Fn(&Received) -> Reply + Send + Sync;

#[derive(Default)]
struct Record {
    requests: Vec<Received>,
    connections: usize,
    handshakes: usize,
    /// Handshakes that failed, and bytes that began a request and never became one.
    oddities: Vec<String>,
    open: HashMap<usize, TcpStream>,
    threads: Vec<JoinHandle<()>>,
    stopping: bool,
}

struct Shared {
    record: Mutex<Record>,
    changed: Condvar,
    script: Box<Script>,
    kind: Kind,
    tls: Arc<ServerConfig>,
}

/// A running origin. Dropped, it closes its connections; in a failed test it prints what it saw.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Origin {
    /// Answers each whole request as the script says.
    pub fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Origin {
        Origin::launch(Kind::Whole, API_DOMAIN, script)
    }

    /// Asks the script as soon as a head is there. The body is read where [`Step::ReadBody`]
    /// stands, or after the last step.
    pub fn start_early(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Origin {
        Origin::launch(Kind::Early, API_DOMAIN, script)
    }

    /// As [`Origin::start`], where the test chose the address.
    pub fn on(listener: TcpListener, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Origin {
        Origin::serve(listener, Kind::Whole, tls_for(API_DOMAIN), script)
    }

    /// Answers 200 with a short body, whatever is asked.
    pub fn ok() -> Origin {
        Origin::start(|_| Reply::json(200, "{\"ok\":true}"))
    }

    /// Accepts connections and closes them at once.
    pub fn refusing_tls() -> Origin {
        Origin::launch(Kind::RefusesTls, API_DOMAIN, |_| Reply::close())
    }

    /// Has a certificate of the trusted authority, for another name.
    pub fn with_wrong_name() -> Origin {
        Origin::launch(Kind::Whole, "execute-api.example.com", |_| Reply::json(200, "{}"))
    }

    /// Shows a certificate of the test's own making.
    pub fn with_tls(tls: ServerConfig) -> Origin {
        Origin::listen(Kind::Whole, tls, |_| Reply::json(200, "{}"))
    }

    /// As [`Origin::ok`], on the port of another one, at the loopback address with this last byte.
    pub fn beside(&self, last: u8) -> Origin {
        let listener = TcpListener::bind(format!("127.0.0.{last}:{}", self.address.port())).expect("a port");
        Origin::on(listener, |_| Reply::json(200, "{\"ok\":true}"))
    }

    fn launch(kind: Kind, domain: &str, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Origin {
        Origin::listen(kind, tls_for(domain), script)
    }

    fn listen(kind: Kind, tls: ServerConfig, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Origin {
        Origin::serve(TcpListener::bind("127.0.0.1:0").expect("a port"), kind, tls, script)
    }

    fn serve(
        listener: TcpListener,
        kind: Kind,
        tls: ServerConfig,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Origin {
        let shared = Arc::new(Shared {
            record: Mutex::default(),
            changed: Condvar::new(),
            script: Box::new(script),
            kind,
            tls: Arc::new(tls),
        });
        let address = listener.local_addr().expect("an address");
        let accepting = {
            let shared = shared.clone();
            thread::spawn(move || accept(&listener, &shared))
        };
        Origin { address, shared, accepting: Some(accepting) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, also those still arriving.
    pub fn requests(&self) -> Vec<Received> {
        self.record().requests.clone()
    }

    #[track_caller]
    pub fn last_request(&self) -> Received {
        self.record().requests.last().expect("the origin saw a request").clone()
    }

    /// Waits until so many requests came to their end.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) -> Vec<Received> {
        self.wait_until(|requests| requests.iter().filter(|r| r.complete).count() >= count)
    }

    /// Waits until the requests so far are as they should be.
    #[track_caller]
    pub fn wait_until(&self, done: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let waiting = |record: &mut Record| !done(&record.requests);
        let (record, timeout) = self.shared.changed.wait_timeout_while(self.record(), PATIENCE, waiting).unwrap();
        let requests = record.requests.clone();
        // The lock is let go before a panic: dropping the origin takes it again.
        drop(record);
        assert!(!timeout.timed_out(), "what the test waits for did not reach the origin");
        requests
    }

    /// Waits until every connection has ended.
    #[track_caller]
    pub fn wait_until_closed(&self) {
        let waiting = |record: &mut Record| !record.open.is_empty();
        let (record, timeout) = self.shared.changed.wait_timeout_while(self.record(), PATIENCE, waiting).unwrap();
        drop(record);
        assert!(!timeout.timed_out(), "a connection to the origin stays open");
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.record().connections
    }

    /// How many of them shook hands.
    pub fn handshakes(&self) -> usize {
        self.record().handshakes
    }

    /// Whatever was not a strict, whole request: faults, bytes after a message, broken handshakes.
    pub fn oddities(&self) -> Vec<String> {
        let record = self.record();
        let mut all = record.oddities.clone();
        for request in &record.requests {
            all.extend(request.faults.clone());
            if !request.extra.is_empty() {
                all.push(format!("after {:?} came {}", request.head.start, show(&request.extra)));
            }
        }
        all
    }

    /// Fails if anything reached the origin that two readers could read differently.
    #[track_caller]
    pub fn expect_no_oddities(&self) {
        let oddities = self.oddities();
        assert!(oddities.is_empty(), "{oddities:#?}");
    }

    /// Ends all connections there are now; new ones are accepted.
    pub fn close_connections(&self) {
        self.record().close_all();
        self.wait_until_closed();
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.shared.lock()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        {
            let mut record = self.record();
            record.stopping = true;
            record.close_all();
        }
        // Wakes `accept`, which then sees that it should stop.
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().map(JoinHandle::join);
        let threads = std::mem::take(&mut self.record().threads);
        for thread in threads {
            let _ = thread.join();
        }
        if thread::panicking() {
            let record = self.record();
            eprintln!("origin {}: {} connections", self.address, record.connections);
            for request in &record.requests {
                let Received { connection, sni, complete, .. } = request;
                eprintln!("  on {connection}, sni {sni:?}, complete {complete}, faults {:?}", request.faults);
                eprintln!("    {}{}", show(&request.head.raw), show(&request.raw_body));
            }
            eprintln!("  oddities: {:#?}", record.oddities);
        }
    }
}

impl Record {
    fn close_all(&mut self) {
        for stream in self.open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        let mut record = shared.lock();
        if record.stopping {
            return;
        }
        let number = record.connections;
        record.connections += 1;
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let _ = stream.set_nodelay(true);
        if shared.kind == Kind::RefusesTls {
            let _ = stream.shutdown(Shutdown::Both);
            continue;
        }
        record.open.insert(number, stream.try_clone().expect("a second handle"));
        let inner = shared.clone();
        record.threads.push(thread::spawn(move || {
            let connection = Connection::open(inner.clone(), stream, number);
            let ended = connection.and_then(Connection::serve);
            inner.change(|record| {
                record.open.remove(&number);
                let odd = ended.err().filter(|e| !went_away(e));
                record.oddities.extend(odd.map(|e| format!("connection {number}: {e}")));
            });
        }));
    }
}

/// Whether the other side only left: in a handshake, a body or an answer.
fn went_away(e: &io::Error) -> bool {
    use ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof, WouldBlock,
    };
    matches!(
        e.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut | UnexpectedEof | WouldBlock
    )
}

/// One accepted connection.
struct Connection {
    shared: Arc<Shared>,
    number: usize,
    sni: Option<String>,
    wire: Wire<StreamOwned<ServerConnection, TcpStream>>,
}

impl Connection {
    fn open(shared: Arc<Shared>, mut stream: TcpStream, number: usize) -> io::Result<Connection> {
        let mut tls = ServerConnection::new(shared.tls.clone()).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        let sni = tls.server_name().map(str::to_owned);
        shared.change(|record| record.handshakes += 1);
        Ok(Connection { shared, number, sni, wire: Wire::new(StreamOwned::new(tls, stream)) })
    }

    /// Serves until either side ends it. A connection that ends or idles between two requests is
    /// no fault.
    fn serve(mut self) -> io::Result<()> {
        loop {
            let mut head = match self.wire.read_head() {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(()),
                Err(_) if self.wire.buffer.is_empty() => return Ok(()),
                Err(e) => return Err(io::Error::other(format!("{e}: {}", show(&self.wire.buffer)))),
            };
            let framing = head.check_request();
            let faults = head.faults.clone();
            let refuse = !faults.is_empty();
            let received =
                Received { connection: self.number, sni: self.sni.clone(), head, faults, ..Received::default() };
            let index = self.shared.change(|record| {
                record.requests.push(received);
                record.requests.len() - 1
            });
            if refuse {
                self.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
                return self.close();
            }
            let mut exchange = Exchange { index, body_left: Some(framing) };
            if self.shared.kind != Kind::Early {
                self.continue_and_read(&mut exchange)?;
            }
            let asked = self.shared.lock().requests[index].clone();
            let reply = (self.shared.script)(&asked);
            for step in reply.steps {
                match step {
                    Step::Write(bytes) => self.write(&bytes)?,
                    Step::WriteBody(_) if asked.method() == "HEAD" => {}
                    Step::WriteBody(bytes) => self.write(&bytes)?,
                    // A gate that stays shut fails the test; the origin only stops waiting.
                    Step::Wait(gate) => drop(gate.wait()),
                    Step::ReadBody => self.read_body(&mut exchange)?,
                    Step::Close => return self.close(),
                    Step::Reset => return self.reset(),
                }
            }
            self.read_body(&mut exchange)?;
            if asked.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close")) {
                return self.close();
            }
        }
    }

    fn continue_and_read(&mut self, exchange: &mut Exchange) -> io::Result<()> {
        let expects = |r: &Received| r.header("expect").is_some_and(|v| v.eq_ignore_ascii_case("100-continue"));
        if expects(&self.shared.lock().requests[exchange.index]) {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        self.read_body(exchange)
    }

    fn read_body(&mut self, exchange: &mut Exchange) -> io::Result<()> {
        let Some(framing) = exchange.body_left.take() else { return Ok(()) };
        let (shared, index) = (self.shared.clone(), exchange.index);
        let read = self.wire.read_body(framing, &mut |piece| {
            shared.change(|record| {
                let request = &mut record.requests[index];
                match piece {
                    Piece::Wire(bytes) => request.raw_body.extend_from_slice(bytes),
                    Piece::Data(bytes) => request.body.extend_from_slice(bytes),
                    Piece::Trailer(name, value) => request.trailers.push((name, value)),
                }
            });
        });
        let extra = std::mem::take(&mut self.wire.buffer);
        self.shared.change(|record| {
            let request = &mut record.requests[index];
            match &read {
                Ok(()) => {
                    request.complete = true;
                    request.extra = extra.clone();
                }
                // Cut off is what a client that goes away makes of a message: incomplete, and
                // nobody reads it differently.
                Err(e) if e.kind() == ErrorKind::InvalidData => request.faults.push(e.to_string()),
                Err(_) => {}
            }
        });
        self.wire.buffer = extra;
        read
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.stream.write_all(bytes)?;
        self.wire.stream.flush()
    }

    /// Says that no more comes, then reads what the other side still sends: closing with unread
    /// bytes would turn into a reset and might take the answer with it.
    fn close(&mut self) -> io::Result<()> {
        self.wire.stream.conn.send_close_notify();
        let _ = self.wire.stream.flush();
        let _ = self.wire.stream.sock.shutdown(Shutdown::Write);
        while let Ok(1..) = self.wire.fill() {}
        let late = std::mem::take(&mut self.wire.buffer);
        if late.is_empty() {
            return Ok(());
        }
        Err(io::Error::other(format!("after the close came {}", show(&late))))
    }

    fn reset(self) -> io::Result<()> {
        self.shared.change(|record| record.open.remove(&self.number));
        reset(self.wire.stream.sock)
    }
}

/// A request being answered.
struct Exchange {
    index: usize,
    /// How its body ends, until it is read.
    body_left: Option<Framing>,
}

/// Shows a certificate of the trusted authority for what is under this domain.
pub fn tls_for(domain: &str) -> ServerConfig {
    let leaf = authority().issue(&[format!("*.{domain}")]).expect("a certificate");
    leaf.server_config().expect("a TLS configuration")
}

/// Ends a connection with RST. The standard library cannot ask for that yet; tokio can.
pub fn reset(socket: TcpStream) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    socket.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(socket)?.set_zero_linger()
}
