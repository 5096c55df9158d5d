//! Clients that count every outcome.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::world::ENTRIES;

/// The largest body that is sent.
const MOST_BODY: usize = 100 * 1024;

/// What all clients share.
pub struct Load {
    proxy: SocketAddr,
    pub stop: AtomicBool,
    /// An address is going down: what breaks there now is explained.
    pub explaining: AtomicBool,
    answered: AtomicUsize,
    outcomes: Mutex<Outcomes>,
}

/// What was counted.
#[derive(Default)]
pub struct Outcomes {
    pub ok: usize,
    pub explained: BTreeMap<String, usize>,
    pub unexplained: BTreeMap<String, usize>,
    /// In microseconds.
    pub times: Vec<u32>,
}

/// A way through random numbers of one's own; the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

impl Load {
    pub fn new(proxy: SocketAddr) -> Load {
        Load {
            proxy,
            stop: AtomicBool::new(false),
            explaining: AtomicBool::new(false),
            answered: AtomicUsize::new(0),
            outcomes: Mutex::default(),
        }
    }

    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    pub fn outcomes(&self) -> std::sync::MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// One client, until told to stop.
    pub fn run(&self, seed: u64) {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut kept: Option<BufReader<TcpStream>> = None;
        let mut mine = Outcomes::default();
        while !self.stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            let explained_before = self.explaining.load(Ordering::Relaxed);
            let outcome = self.ask(&mut kept, &mut dice);
            let explained = explained_before || self.explaining.load(Ordering::Relaxed);
            self.answered.fetch_add(1, Ordering::Relaxed);
            match outcome {
                Ok((200, _)) => mine.ok += 1,
                // The API had the request when it died: sent again it might count twice.
                Ok((502, reason)) if explained && reason == "bad_answer" => {
                    *mine.explained.entry(format!("502 {reason}")).or_default() += 1;
                }
                Ok((status, reason)) => *mine.unexplained.entry(format!("{status} {reason}")).or_default() += 1,
                Err(e) => {
                    kept = None;
                    *mine.unexplained.entry(e.to_string()).or_default() += 1;
                }
            }
            mine.times.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
            if mine.times.len() >= 1_024 {
                self.hand_in(&mut mine);
            }
            // Now and then a connection of its own, and now and then a pause.
            if dice.roll(50) == 0 {
                kept = None;
            }
            std::thread::sleep(Duration::from_millis(dice.roll(4)));
        }
        self.hand_in(&mut mine);
    }

    fn hand_in(&self, mine: &mut Outcomes) {
        let mut all = self.outcomes();
        all.ok += std::mem::take(&mut mine.ok);
        all.times.append(&mut mine.times);
        for (outcome, count) in std::mem::take(&mut mine.explained) {
            *all.explained.entry(outcome).or_default() += count;
        }
        for (outcome, count) in std::mem::take(&mut mine.unexplained) {
            *all.unexplained.entry(outcome).or_default() += count;
        }
    }

    /// One request, on a kept connection if there is one. Gives its status, and why it was refused.
    fn ask(&self, kept: &mut Option<BufReader<TcpStream>>, dice: &mut Dice) -> io::Result<(u16, String)> {
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect_timeout(&self.proxy, Duration::from_secs(10))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(60)))?;
                BufReader::new(stream)
            }
        };
        let method = ["GET", "GET", "GET", "PUT", "POST", "DELETE"][dice.roll(6) as usize];
        let body = if matches!(method, "PUT" | "POST") { dice.roll(MOST_BODY as u64) as usize } else { 0 };
        let host = dice.roll(ENTRIES as u64);
        let head = format!(
            "{method} /soak/{host}?x=1 HTTP/1.1\r\nHost: d{host}.soak.example.com\r\nContent-Length: {body}\r\n\r\n"
        );
        stream.get_mut().write_all(&[head.as_bytes(), &vec![b'x'; body]].concat())?;
        let answer = read_answer(&mut stream)?;
        if !answer.closes {
            *kept = Some(stream);
        }
        Ok((answer.status, answer.refusal))
    }
}

struct Answer {
    status: u16,
    refusal: String,
    closes: bool,
}

fn read_answer(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let bad = |what: &str| io::Error::other(what.to_owned());
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(bad("closed without an answer"));
    }
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| bad("no status"))?;
    let mut answer = Answer { status, refusal: String::new(), closes: false };
    let mut length = None;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok(),
            "connection" => answer.closes = value.eq_ignore_ascii_case("close"),
            "x-nameplate-refusal" => value.clone_into(&mut answer.refusal),
            _ => {}
        }
    }
    let length: usize = length.ok_or_else(|| bad("an answer without a length"))?;
    let read = io::copy(&mut stream.take(length as u64), &mut io::sink())?;
    if read == length as u64 { Ok(answer) } else { Err(bad("an answer that breaks off")) }
}
