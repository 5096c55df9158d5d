//! What became of every request.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long after an address went down a request may still meet what it left: a connection that the
/// proxy has not seen close yet.
const AFTERMATH: Duration = Duration::from_millis(250);

/// Unexplained failures that are shown; all are counted.
const SHOWN: usize = 20;

/// When addresses went down.
#[derive(Default)]
pub struct Outages(Mutex<Vec<(Instant, Option<Instant>)>>);

impl Outages {
    pub fn begin(&self) {
        self.0.lock().expect("no panic while it is held").push((Instant::now(), None));
    }

    /// Everything the address had open is closed, and new connections are refused.
    pub fn is_down(&self) {
        if let Some(last) = self.0.lock().expect("no panic while it is held").last_mut() {
            last.1 = Some(Instant::now() + AFTERMATH);
        }
    }

    /// Whether an address went down while a request was on its way.
    fn explain(&self, began: Instant, ended: Instant) -> bool {
        let outages = self.0.lock().expect("no panic while it is held");
        outages.iter().any(|(from, to)| *from <= ended && to.is_none_or(|to| began <= to))
    }

    /// How long before a moment the last one was.
    fn before(&self, moment: Instant) -> String {
        let outages = self.0.lock().expect("no panic while it is held");
        let last = outages.iter().rev().find(|(from, _)| *from <= moment);
        let since = |(from, _): &(Instant, _)| format!("{:.1} s after an outage", (moment - *from).as_secs_f64());
        last.map_or_else(|| "before any outage".into(), since)
    }

    pub fn count(&self) -> usize {
        self.0.lock().expect("no panic while it is held").len()
    }
}

/// A request that did not get what it should have.
pub enum Failure {
    /// What an address that goes down does to a request that has been sent: a 502, or half an answer.
    CutOff(String),
    /// What nothing excuses.
    Wrong(String),
}

#[derive(Default)]
pub struct Tally {
    pub ok: u64,
    /// Failures that an outage explains: of methods that are never sent twice, and of the others.
    pub once: u64,
    pub idempotent: u64,
    pub unexplained: u64,
    pub connections: u64,
    pub body_bytes: u64,
    pub by_method: BTreeMap<&'static str, u64>,
    pub certificates: std::collections::BTreeSet<Vec<u8>>,
    pub shown: Vec<String>,
    /// The request that took longest, and what it was.
    pub longest: (Duration, String),
    /// Of requests that got what they should have, in microseconds.
    micros: Vec<u32>,
}

impl Tally {
    pub fn ok(&mut self, method: &'static str, began: Instant, outages: &Outages) {
        let took = began.elapsed();
        self.ok += 1;
        *self.by_method.entry(method).or_default() += 1;
        if took > self.longest.0 {
            self.longest = (took, format!("{method}, {}", outages.before(began)));
        }
        self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn failed(&mut self, method: &'static str, failure: Failure, began: Instant, outages: &Outages) {
        *self.by_method.entry(method).or_default() += 1;
        let what = match failure {
            Failure::CutOff(_) if outages.explain(began, Instant::now()) => {
                let never_twice = matches!(method, "POST" | "PATCH");
                *if never_twice { &mut self.once } else { &mut self.idempotent } += 1;
                return;
            }
            Failure::CutOff(what) | Failure::Wrong(what) => what,
        };
        self.unexplained += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(format!("{method}: {what}"));
        }
    }

    pub fn requests(&self) -> u64 {
        self.ok + self.once + self.idempotent + self.unexplained
    }

    pub fn add(&mut self, other: Tally) {
        self.ok += other.ok;
        self.once += other.once;
        self.idempotent += other.idempotent;
        self.unexplained += other.unexplained;
        self.connections += other.connections;
        self.body_bytes += other.body_bytes;
        for (method, count) in other.by_method {
            *self.by_method.entry(method).or_default() += count;
        }
        self.certificates.extend(other.certificates);
        if other.longest.0 > self.longest.0 {
            self.longest = other.longest;
        }
        self.shown.extend(other.shown);
        self.shown.truncate(SHOWN);
        self.micros.extend(other.micros);
    }

    /// Milliseconds that this share of the requests took at most.
    pub fn percentile(&mut self, share: f64) -> f64 {
        self.micros.sort_unstable();
        let at = ((self.micros.len() as f64 * share).ceil() as usize).clamp(1, self.micros.len().max(1)) - 1;
        self.micros.get(at).map_or(f64::NAN, |micros| f64::from(*micros) / 1_000.0)
    }
}
