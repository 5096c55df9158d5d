//! The load: one thread, many kept connections, HTTP/1.1. A process of its own, so that it can have a CPU of
//! its own, and be as fast as the proxies are.
//!
//! Without a rate, each connection sends as soon as it has its answer. With one, requests are due at fixed times
//! whatever became of those before, and a latency counts from when a request was due: what waits for a slow proxy
//! waits in the figures, too.

mod connection;
mod tally;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use connection::{Connection, Door, Read};
pub use tally::Outcome;
use tally::Tally;

use crate::mapping;

/// An answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often connections are searched for those.
const SEARCH_EVERY: Duration = Duration::from_millis(500);
/// The longest wait for anything, so that the end is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// What to send.
#[derive(clap::Args, Clone, Debug)]
pub struct Order {
    /// Where the proxy listens.
    #[arg(long)]
    pub to: SocketAddr,
    /// Over TLS, with a certificate that one of these authorities has signed; plaintext without it.
    #[arg(long)]
    pub ca: Option<PathBuf>,
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// How long to send. What is under way then is waited for.
    #[arg(long, default_value_t = 4.0)]
    pub seconds: f64,
    /// Requests a second; as many as there can be without it.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Domains in the mapping.
    #[arg(long, default_value_t = 1)]
    pub domains: usize,
    /// How many of them, evenly spread, get requests.
    #[arg(long, default_value_t = 10)]
    pub hot: usize,
    #[arg(long, default_value = mapping::SMALL)]
    pub path: String,
    /// Requests go to this host, instead of the mapping's domains. Its name is that of the certificate, too.
    #[arg(long)]
    pub host: Option<String>,
    /// POST with a body of this many bytes, instead of GET.
    #[arg(long)]
    pub body: Option<usize>,
    /// With `--body`, one request of fifty has a body of this many bytes.
    #[arg(long)]
    pub large_body: Option<usize>,
    /// The end after so many requests.
    #[arg(long)]
    pub limit: Option<u64>,
    /// The end when standard input ends.
    #[arg(long)]
    pub until_input_ends: bool,
}

/// Sends all of it.
pub fn run(order: &Order) -> io::Result<Outcome> {
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1_000));
    let told = Arc::new(AtomicBool::new(false));
    if order.until_input_ends {
        let told = Arc::clone(&told);
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            told.store(true, Ordering::Relaxed);
        });
    }
    Generator::new(order)?.run(&told)
}

struct Generator<'o> {
    order: &'o Order,
    epoll: OwnedFd,
    door: Door,
    requests: Vec<Vec<u8>>,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    began: Instant,
    /// Between two requests, where there is a rate.
    period: Option<f64>,
    sent: u64,
    tally: Tally,
    random: fastrand::Rng,
    searched: Instant,
}

impl<'o> Generator<'o> {
    fn new(order: &'o Order) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let now = Instant::now();
        Ok(Generator {
            order,
            door: Door::new(order.to, order.ca.as_deref(), &host(order, 0))?,
            requests: requests(order),
            connections: (0..order.connections).map(|_| Connection::new(now)).collect(),
            idle: (0..order.connections).rev().collect(),
            epoll,
            began: now,
            period: order.rate.map(|rate| 1.0 / rate),
            sent: 0,
            tally: Tally::new(),
            // Every proxy gets the same domains in the same order.
            random: fastrand::Rng::with_seed(7),
            searched: now,
        })
    }

    fn run(mut self, told: &AtomicBool) -> io::Result<Outcome> {
        for at in 0..self.connections.len() {
            self.connections[at].open(&self.door, &self.epoll, at)?;
        }
        self.began = Instant::now();
        let end = self.began + Duration::from_secs_f64(self.order.seconds);
        let limit = self.order.limit.unwrap_or(u64::MAX);
        let mut events = Vec::with_capacity(256);
        let ended = loop {
            let now = Instant::now();
            let sending = now < end && self.sent < limit && !told.load(Ordering::Relaxed);
            if sending {
                self.send_what_is_due(limit);
            } else if self.idle.len() == self.connections.len() {
                break now;
            }
            let wait = self.wait(sending);
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait))?;
            for event in events.drain(..) {
                let at = usize::try_from(event.data.u64()).expect("an index");
                // The system packs its fields, so they are copied out.
                let flags = event.flags;
                if flags.contains(epoll::EventFlags::OUT) && self.connections[at].is_sending() {
                    self.send(at);
                }
                // An error or the end of the connection is found by reading, too.
                if flags != epoll::EventFlags::OUT {
                    self.receive(at);
                }
            }
            self.give_up_late_ones();
        };
        Ok(self.tally.outcome(self.sent, ended - self.began))
    }

    fn due(&self) -> Instant {
        self.period.map_or(self.began, |period| self.began + Duration::from_secs_f64(self.sent as f64 * period))
    }

    fn send_what_is_due(&mut self, limit: u64) {
        while self.sent < limit && !self.idle.is_empty() {
            let now = Instant::now();
            let due = if self.period.is_some() { self.due() } else { now };
            if due > now {
                break;
            }
            let at = self.idle.pop().expect("it is not empty");
            let request = self.random.usize(..self.requests.len());
            self.sent += 1;
            self.connections[at].take(due, request);
            if !self.send(at) {
                // The proxy refuses connections: no reason to ask again at once.
                break;
            }
        }
    }

    /// Sends a request, or what is left of it; returns whether the connection takes it. If not, it has failed.
    fn send(&mut self, at: usize) -> bool {
        let connection = &mut self.connections[at];
        let bytes = &self.requests[connection.request];
        let sent = connection
            .open_if_closed(&self.door, &self.epoll, at)
            .and_then(|()| connection.send(bytes, &self.epoll, at));
        match sent {
            Ok(()) => true,
            Err(e) => self.broke(at, &e),
        }
    }

    /// A connection has broken. A request on a kept connection that got no byte of an answer is sent once more, as
    /// clients do (RFC 9112, 9.3.1); any other has failed. Whether it was sent.
    fn broke(&mut self, at: usize, why: &io::Error) -> bool {
        let connection = &mut self.connections[at];
        connection.close();
        if !connection.busy {
            return true;
        }
        if connection.may_be_sent_again() {
            self.tally.retried += 1;
            connection.tries += 1;
            return self.send(at);
        }
        self.tally.failed(format!("connection: {why}"));
        connection.busy = false;
        self.idle.insert(0, at);
        false
    }

    fn wait(&self, sending: bool) -> Timespec {
        let until_due = match self.period {
            Some(_) if sending && !self.idle.is_empty() => self.due().saturating_duration_since(Instant::now()),
            _ => LONGEST_WAIT,
        };
        let wait = until_due.min(LONGEST_WAIT);
        Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() }
    }

    fn receive(&mut self, at: usize) {
        match self.connections[at].receive() {
            Ok(Read::More) => {}
            Ok(Read::Answer { status, bytes, last }) => {
                let connection = &mut self.connections[at];
                self.tally.answer(status, bytes, connection.due.elapsed());
                connection.busy = false;
                connection.used = true;
                // What answers before it has the whole request wants no more of it.
                if last || connection.is_sending() {
                    connection.close();
                }
                self.idle.push(at);
            }
            Err(e) => {
                self.broke(at, &e);
            }
        }
    }

    fn give_up_late_ones(&mut self) {
        if self.searched.elapsed() < SEARCH_EVERY {
            return;
        }
        self.searched = Instant::now();
        for at in 0..self.connections.len() {
            let connection = &mut self.connections[at];
            if connection.busy && connection.sent.elapsed() > PATIENCE {
                connection.close();
                connection.busy = false;
                self.tally.failed(format!("no answer within {} s", PATIENCE.as_secs()));
                self.idle.push(at);
            }
        }
    }
}

/// The host of a domain's requests.
fn host(order: &Order, domain: usize) -> String {
    order.host.clone().unwrap_or_else(|| mapping::domain(domain))
}

/// The requests that are drawn from: one for each domain that gets requests, or with `--large-body` fifty for each,
/// the last of which is the large one.
fn requests(order: &Order) -> Vec<Vec<u8>> {
    const SHARE: usize = 50;
    let hot = if order.host.is_some() { 1 } else { order.hot.min(order.domains).max(1) };
    let hosts = (0..hot).map(|at| host(order, at * order.domains / hot));
    let bodies = match (order.body, order.large_body) {
        (Some(small), Some(large)) => [vec![Some(small); SHARE - 1], vec![Some(large)]].concat(),
        (small, _) => vec![small],
    };
    hosts
        .flat_map(|host| bodies.iter().map(move |body| request(&host, &order.path, *body)).collect::<Vec<_>>())
        .collect()
}

fn request(host: &str, path: &str, body: Option<usize>) -> Vec<u8> {
    let (method, about_body) = match body {
        None => ("GET", String::new()),
        Some(length) => ("POST", format!("Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n")),
    };
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: compare\r\nAccept: */*\r\n{about_body}\r\n");
    [head.into_bytes(), vec![b'x'; body.unwrap_or_default()]].concat()
}
