//! A DNS server with scripted answers, for every name or for some, which counts its queries.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::PATIENCE;

/// What it answers to a question for A records. Any other type has no record.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These addresses, with this TTL in seconds.
    Addresses(Vec<Ipv4Addr>, u32),
    /// The name exists and has no address.
    Empty,
    /// SERVFAIL.
    Failure,
    /// NXDOMAIN: there is no such name.
    NoName,
    /// Bytes that are no message.
    Garbage,
    /// No answer.
    Silence,
}

impl Answer {
    /// Loopback addresses by their last byte, with this TTL.
    pub fn loopback(last: &[u8], ttl: u32) -> Answer {
        Answer::Addresses(last.iter().map(|last| Ipv4Addr::new(127, 0, 0, *last)).collect(), ttl)
    }
}

struct State {
    answer: Answer,
    by_name: HashMap<String, Answer>,
    asked: Vec<Instant>,
    names: Vec<String>,
    stopping: bool,
}

/// A running server.
pub struct Dns {
    address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
    serving: Option<JoinHandle<()>>,
}

impl Dns {
    /// Answers this on a free port of the loopback interface.
    pub fn start(answer: Answer) -> Dns {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let shared = Arc::new((
            Mutex::new(State {
                answer,
                by_name: HashMap::new(),
                asked: Vec::new(),
                names: Vec::new(),
                stopping: false,
            }),
            Condvar::new(),
        ));
        let serving = {
            let shared = shared.clone();
            thread::spawn(move || serve(&socket, &shared))
        };
        Dns { address, shared, serving: Some(serving) }
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers this from now on.
    pub fn answers(&self, answer: Answer) {
        self.lock().answer = answer;
    }

    /// Answers this from now on, for this name.
    pub fn answers_for(&self, name: &str, answer: Answer) {
        self.lock().by_name.insert(name.to_owned(), answer);
    }

    /// How often it was asked for the addresses of this name.
    pub fn asked_for(&self, name: &str) -> usize {
        self.lock().names.iter().filter(|asked| *asked == name).count()
    }

    /// When it was asked for addresses so far.
    pub fn asked(&self) -> Vec<Instant> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it was asked so often.
    #[track_caller]
    pub fn wait_until_asked(&self, times: usize) {
        let state = self.lock();
        let waiting = |state: &mut State| state.asked.len() < times;
        let waited = self.shared.1.wait_timeout_while(state, PATIENCE, waiting);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        let asked = state.asked.len();
        // The lock is let go before a panic: dropping the server takes it again.
        drop(state);
        assert!(!timeout.timed_out(), "asked {asked} times, not {times}");
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.lock().stopping = true;
        // Wakes `serve`, which then sees that it should stop.
        let waker = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let _ = waker.send_to(b"", self.address);
        let _ = self.serving.take().map(JoinHandle::join);
    }
}

fn serve(socket: &UdpSocket, (state, changed): &(Mutex<State>, Condvar)) {
    let mut buffer = [0; 1_500];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stopping {
            return;
        }
        let Some((question, kind)) = question(&buffer[..length]) else { continue };
        let name = name_of(question);
        if kind == A {
            state.asked.push(Instant::now());
            state.names.push(name.clone());
            changed.notify_all();
        }
        let answer = state.by_name.get(&name).unwrap_or(&state.answer);
        let answer = if kind == A { answer } else { &Answer::Empty };
        let bytes = match answer {
            Answer::Silence => continue,
            Answer::Garbage => [&buffer[..2], b"garbage"].concat(),
            answer => message(&buffer[..2], question, answer),
        };
        let _ = socket.send_to(&bytes, from);
    }
}

/// The record type of an IPv4 address (RFC 1035 section 3.2.2).
const A: u16 = 1;
const HEADER: usize = 12;

/// The bytes of the first question, and which type it asks for.
fn question(query: &[u8]) -> Option<(&[u8], u16)> {
    let mut at = HEADER;
    loop {
        let label = usize::from(*query.get(at)?);
        at += 1 + label;
        if label == 0 {
            break;
        }
    }
    let kind = u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]);
    Some((query.get(HEADER..at + 4)?, kind))
}

/// The name in a question, without the dot at its end.
fn name_of(question: &[u8]) -> String {
    let (mut labels, mut rest) = (Vec::new(), question);
    while let [length @ 1..=63, after @ ..] = rest {
        let (label, after) = after.split_at(usize::from(*length).min(after.len()));
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        rest = after;
    }
    labels.join(".")
}

fn message(id: &[u8], question: &[u8], answer: &Answer) -> Vec<u8> {
    let (failed, addresses, ttl) = match answer {
        Answer::Addresses(addresses, ttl) => (0, &addresses[..], *ttl),
        Answer::Failure => (2, &[][..], 0),
        Answer::NoName => (3, &[][..], 0),
        _ => (0, &[][..], 0),
    };
    // A response, recursion desired and available; one question, and the answers.
    let count = u8::try_from(addresses.len()).expect("a short answer");
    let mut out = [id, &[0x81, 0x80 | failed, 0, 1, 0, count, 0, 0, 0, 0], question].concat();
    for address in addresses {
        // The name is that of the question, by reference.
        out.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1]);
        out.extend_from_slice(&ttl.to_be_bytes());
        out.extend_from_slice(&[0, 4]);
        out.extend_from_slice(&address.octets());
    }
    out
}
