//! A DNS server with scripted answers, for every name or for some, which counts its queries.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::PATIENCE;

/// What it answers to a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Those of these addresses that are of the type asked for, with this TTL in seconds.
    Addresses(Vec<IpAddr>, u32),
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
        Answer::Addresses(last.iter().map(|last| Ipv4Addr::new(127, 0, 0, *last).into()).collect(), ttl)
    }
}

/// A type of record that holds an address (RFC 1035 section 3.2.2, RFC 3596 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// IPv4.
    A,
    /// IPv6.
    Aaaa,
}

impl Record {
    fn of(number: u16) -> Option<Record> {
        [Record::A, Record::Aaaa].into_iter().find(|record| record.number() == number)
    }

    fn number(self) -> u16 {
        match self {
            Record::A => 1,
            Record::Aaaa => 28,
        }
    }
}

struct State {
    /// To a question for A records.
    answer: Answer,
    /// To a question for AAAA records.
    answer_v6: Answer,
    by_name: HashMap<(String, Record), Answer>,
    asked: Vec<Asked>,
    stopping: bool,
}

struct Asked {
    at: Instant,
    name: String,
    record: Record,
}

impl State {
    fn answer(&self, name: &str, record: Option<Record>) -> &Answer {
        let own = |record| self.by_name.get(&(name.to_owned(), record));
        match record {
            Some(Record::A) => own(Record::A).unwrap_or(&self.answer),
            Some(Record::Aaaa) => own(Record::Aaaa).unwrap_or(&self.answer_v6),
            None => &Answer::Empty,
        }
    }

    fn times_asked(&self, record: Record) -> usize {
        self.asked.iter().filter(|asked| asked.record == record).count()
    }
}

/// A running server.
pub struct Dns {
    address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
    serving: Option<JoinHandle<()>>,
}

impl Dns {
    /// Answers this to questions for A records, on a free port of the loopback interface. There are no AAAA records.
    pub fn start(answer: Answer) -> Dns {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let shared = Arc::new((
            Mutex::new(State {
                answer,
                answer_v6: Answer::Empty,
                by_name: HashMap::new(),
                asked: Vec::new(),
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

    /// Answers this from now on, to questions for A records.
    pub fn answers(&self, answer: Answer) {
        self.lock().answer = answer;
    }

    /// Answers this from now on, to questions for AAAA records.
    pub fn answers_v6(&self, answer: Answer) {
        self.lock().answer_v6 = answer;
    }

    /// Answers this from now on, to questions for A records of this name.
    pub fn answers_for(&self, name: &str, answer: Answer) {
        self.answers_record_for(name, Record::A, answer);
    }

    /// Answers this from now on, to questions for this type of record of this name.
    pub fn answers_record_for(&self, name: &str, record: Record, answer: Answer) {
        self.lock().by_name.insert((name.to_owned(), record), answer);
    }

    /// How often it was asked for the IPv4 addresses of this name.
    pub fn asked_for(&self, name: &str) -> usize {
        self.lock().asked.iter().filter(|asked| asked.record == Record::A && asked.name == name).count()
    }

    /// When it was asked for IPv4 addresses so far.
    pub fn asked(&self) -> Vec<Instant> {
        self.asked_record(Record::A)
    }

    /// When it was asked for this type of record so far.
    pub fn asked_record(&self, record: Record) -> Vec<Instant> {
        self.lock().asked.iter().filter(|asked| asked.record == record).map(|asked| asked.at).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it was asked so often for IPv4 addresses.
    #[track_caller]
    pub fn wait_until_asked(&self, times: usize) {
        self.wait_until_asked_record(Record::A, times);
    }

    /// Waits until it was asked so often for this type of record.
    #[track_caller]
    pub fn wait_until_asked_record(&self, record: Record, times: usize) {
        let state = self.lock();
        let waiting = |state: &mut State| state.times_asked(record) < times;
        let waited = self.shared.1.wait_timeout_while(state, PATIENCE, waiting);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        let asked = state.times_asked(record);
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
        let (name, record) = (name_of(question), Record::of(kind));
        if let Some(record) = record {
            state.asked.push(Asked { at: Instant::now(), name: name.clone(), record });
            changed.notify_all();
        }
        let bytes = match state.answer(&name, record) {
            Answer::Silence => continue,
            Answer::Garbage => [&buffer[..2], b"garbage"].concat(),
            answer => message(&buffer[..2], question, kind, answer),
        };
        let _ = socket.send_to(&bytes, from);
    }
}

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

fn message(id: &[u8], question: &[u8], kind: u16, answer: &Answer) -> Vec<u8> {
    let (failed, addresses, ttl) = match answer {
        Answer::Addresses(addresses, ttl) => (0, &addresses[..], *ttl),
        Answer::Failure => (2, &[][..], 0),
        Answer::NoName => (3, &[][..], 0),
        _ => (0, &[][..], 0),
    };
    let data = addresses.iter().filter_map(|address| match (address, Record::of(kind)?) {
        (IpAddr::V4(address), Record::A) => Some(address.octets().to_vec()),
        (IpAddr::V6(address), Record::Aaaa) => Some(address.octets().to_vec()),
        _ => None,
    });
    let data: Vec<Vec<u8>> = data.collect();
    // A response, recursion desired and available; one question, and the answers.
    let count = u8::try_from(data.len()).expect("a short answer");
    let mut out = [id, &[0x81, 0x80 | failed, 0, 1, 0, count, 0, 0, 0, 0], question].concat();
    for address in data {
        // The name is that of the question, by reference.
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1]);
        out.extend_from_slice(&ttl.to_be_bytes());
        out.extend_from_slice(&u16::try_from(address.len()).expect("an address").to_be_bytes());
        out.extend_from_slice(&address);
    }
    out
}
