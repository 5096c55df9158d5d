//! Continuous load: clients that keep their connections, and count what became of every request.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::client::{Client, text_of};

/// What became of the requests.
#[derive(Default)]
struct Counts {
    answered: AtomicUsize,
    /// Connections that the answer said would end, and that the client left.
    told: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

/// Clients at work. Dropped, they stop.
pub struct Load {
    target: Arc<Mutex<SocketAddr>>,
    counts: Arc<Counts>,
    stopping: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

/// What was counted.
#[derive(Debug)]
pub struct Outcome {
    pub answered: usize,
    pub told: usize,
    pub failures: Vec<String>,
}

impl Load {
    /// So many clients, each with one request at a time, GET and POST in turn.
    pub fn start(target: SocketAddr, host: &'static str, clients: usize) -> Load {
        let (target, counts) = (Arc::new(Mutex::new(target)), Arc::<Counts>::default());
        let stopping = Arc::<AtomicBool>::default();
        let clients = (0..clients).map(|_| {
            let (target, counts, stopping) = (target.clone(), counts.clone(), stopping.clone());
            thread::spawn(move || run(&target, host, &counts, &stopping))
        });
        Load { clients: clients.collect(), target, counts, stopping }
    }

    /// New connections go there from now on, as a load balancer would send them.
    pub fn turn_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = target;
    }

    /// Waits until so many more requests have been answered.
    pub fn wait_for(&self, more: usize) {
        let until = self.counts.answered.load(Ordering::Relaxed) + more;
        let give_up = std::time::Instant::now() + super::PATIENCE;
        while self.counts.answered.load(Ordering::Relaxed) < until {
            assert!(std::time::Instant::now() < give_up, "the load stands still: {:?}", self.counts.failures);
            thread::yield_now();
        }
    }

    /// Stops the clients and says what they saw.
    pub fn stop(mut self) -> Outcome {
        self.halt();
        Outcome {
            answered: self.counts.answered.load(Ordering::Relaxed),
            told: self.counts.told.load(Ordering::Relaxed),
            failures: std::mem::take(&mut self.counts.failures.lock().unwrap()),
        }
    }

    fn halt(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.halt();
    }
}

fn run(target: &Mutex<SocketAddr>, host: &str, counts: &Counts, stopping: &AtomicBool) {
    let mut connection: Option<Client> = None;
    let mut turn = 0;
    while !stopping.load(Ordering::Relaxed) {
        let address = *target.lock().unwrap();
        let kept = connection.is_some();
        match ask(connection.take(), address, host, turn) {
            Ok((client, closes)) => {
                counts.answered.fetch_add(1, Ordering::Relaxed);
                counts.told.fetch_add(usize::from(closes), Ordering::Relaxed);
                connection = (!closes).then_some(client);
            }
            Err(fault) => {
                let on = if kept { "a kept connection" } else { "a new connection" };
                counts.failures.lock().unwrap().push(format!("on {on} to {address}: {fault}"));
            }
        }
        turn += 1;
    }
}

fn ask(kept: Option<Client>, address: SocketAddr, host: &str, turn: usize) -> io::Result<(Client, bool)> {
    let mut client = match kept {
        Some(client) => client,
        None => Client::try_connect(address)?,
    };
    let request = if turn.is_multiple_of(2) {
        text_of("GET", host, "/", &[], b"")
    } else {
        text_of("POST", host, "/", &[], b"body")
    };
    client.try_send(request)?;
    let answer = client.try_read_response(false)?;
    if answer.status != 200 {
        return Err(io::Error::other(format!("status {}", answer.status)));
    }
    Ok((client, answer.ends_connection()))
}
