//! An origin over TLS that records every byte of every request, and answers as a script says.

mod connection;
mod record;

use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::ServerConfig;

use crate::reply::Reply;
use crate::{API_DOMAIN, PATIENCE, authority, show};
use connection::Connection;
use record::{Kind, Record, Shared};
pub use record::{Received, reset};

/// How long an origin under load keeps an idle connection: longer than API Gateway does, so that the proxy closes first.
const IDLE_UNDER_LOAD: Duration = Duration::from_secs(360);

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

    /// Asks the script as soon as a head is there. The body is read where
    /// [`Step::ReadBody`](crate::reply::Step::ReadBody) stands, or after the last step.
    pub fn start_early(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Origin {
        Origin::launch(Kind::Early, API_DOMAIN, script)
    }

    /// As [`Origin::start`], where the test chose the address.
    pub fn on(listener: TcpListener, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Origin {
        Origin::serve(listener, Kind::Whole, true, tls_for(API_DOMAIN), script)
    }

    /// As [`Origin::on`], and forgets each request once it is answered: for a load, which sends more than fits into
    /// memory. [`Origin::served`] counts them.
    pub fn under_load(listener: TcpListener, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Origin {
        Origin::serve(listener, Kind::Whole, false, tls_for(API_DOMAIN), script)
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
        Origin::serve(TcpListener::bind("127.0.0.1:0").expect("a port"), kind, true, tls, script)
    }

    fn serve(
        listener: TcpListener,
        kind: Kind,
        keeps: bool,
        tls: ServerConfig,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Origin {
        let shared = Arc::new(Shared {
            record: Mutex::default(),
            changed: Condvar::new(),
            script: Box::new(script),
            kind,
            keeps,
            tls: Arc::new(tls),
        });
        let address = listener.local_addr().expect("an address");
        let accepting = {
            let shared = shared.clone();
            thread::spawn(move || accept(&listener, &shared))
        };
        Origin { address, shared, accepting: Some(accepting) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, also those still arriving.
    pub fn requests(&self) -> Vec<Received> {
        self.record().requests.clone()
    }

    /// The request that began last.
    #[track_caller]
    pub fn last_request(&self) -> Received {
        self.record().requests.last().expect("the origin saw a request").clone()
    }

    /// Waits until this many requests are complete.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) -> Vec<Received> {
        self.wait_until(|requests| requests.iter().filter(|r| r.complete).count() >= count)
    }

    /// Waits until the requests so far are as they should be.
    #[track_caller]
    pub fn wait_until(&self, done: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let (record, in_time) = self.shared.wait(|record| done(&record.requests));
        let requests = record.requests.clone();
        // The lock is let go before a panic: dropping the origin takes it again.
        drop(record);
        assert!(in_time, "what the test waits for did not reach the origin");
        requests
    }

    /// Waits until every connection has ended.
    #[track_caller]
    pub fn wait_until_closed(&self) {
        let (record, in_time) = self.shared.wait(|record| record.open.is_empty());
        drop(record);
        assert!(in_time, "a connection to the origin stays open");
    }

    /// How many requests were answered.
    pub fn served(&self) -> u64 {
        self.record().served
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

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        let mut record = shared.lock();
        if record.stopping {
            return;
        }
        let number = record.connections;
        record.connections += 1;
        let patience = if shared.keeps { PATIENCE } else { IDLE_UNDER_LOAD };
        let _ = stream.set_read_timeout(Some(patience));
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let _ = stream.set_nodelay(true);
        if shared.kind == Kind::RefusesTls {
            let _ = stream.shutdown(Shutdown::Both);
            continue;
        }
        record.open.insert(number, stream.try_clone().expect("a second handle"));
        let inner = shared.clone();
        record.threads.retain(|thread| !thread.is_finished());
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

/// Shows a certificate of the trusted authority for what is under this domain.
pub fn tls_for(domain: &str) -> ServerConfig {
    let leaf = authority().issue(&[format!("*.{domain}")]).expect("a certificate");
    leaf.server_config().expect("a TLS configuration")
}
