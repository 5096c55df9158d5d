//! The addresses behind one name, and whose turn it is.
//!
//! **Invariant:** no address is ever passed over for its failures while there is no better one: an
//! address that may work beats none.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::health::{EjectionPolicy, Health, instant, moment};

/// One address, for as long as it is among the answers.
#[derive(Debug)]
pub struct Address {
    /// Where to connect.
    pub socket: SocketAddr,
    /// Whether it is in our zone.
    pub local: bool,
    health: Arc<Health>,
}

/// An address that was picked; what becomes of it is told to the pool it came from.
pub(crate) type Picked = Arc<Address>;

/// How long an address is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooling {
    /// Since when, however often it was tried in between.
    pub since: Instant,
    /// When a request tries it next.
    pub until: Instant,
}

/// Addresses by zone and state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressCounts {
    /// In our zone: in use, and cooling down.
    pub local: [usize; 2],
    /// In other zones, or in zones unknown.
    pub other: [usize; 2],
}

#[derive(Debug, Default)]
struct Set {
    /// Those of our zone first.
    list: Vec<Picked>,
    local: usize,
}

/// The addresses behind one name.
#[derive(Debug)]
pub struct AddressPool {
    set: ArcSwap<Set>,
    turn: AtomicUsize,
    policy: EjectionPolicy,
    /// How long the request that tries an ejected address may take to connect.
    trial: Duration,
    began: Instant,
}

impl AddressPool {
    pub(crate) fn new(policy: EjectionPolicy, trial: Duration, began: Instant) -> AddressPool {
        AddressPool { set: ArcSwap::default(), turn: AtomicUsize::new(0), policy, trial, began }
    }

    /// These addresses are in use from now on. One that was before keeps what is known of it; one
    /// that is gone gets no new request, and what it is answering it finishes.
    pub(crate) fn set(&self, addresses: impl Iterator<Item = SocketAddr>, is_local: impl Fn(&SocketAddr) -> bool) {
        let before = self.set.load();
        let known = |socket: &SocketAddr| before.list.iter().find(|address| address.socket == *socket);
        let kept = |socket: SocketAddr| {
            let local = is_local(&socket);
            match known(&socket) {
                Some(same) if same.local == local => Arc::clone(same),
                Some(moved) => Arc::new(Address { socket, local, health: Arc::clone(&moved.health) }),
                None => Arc::new(Address { socket, local, health: Arc::default() }),
            }
        };
        let mut list: Vec<Picked> = addresses.map(kept).collect();
        list.sort_by_key(|address| !address.local);
        let local = list.iter().filter(|address| address.local).count();
        self.set.store(Arc::new(Set { list, local }));
    }

    /// The next address in turn that has not failed this request: of our zone where one works, else of
    /// another one, else one that is cooling down. Only the first attempt of a request takes a turn:
    /// were each retry to take one, then of two addresses the dead one would be every request's first.
    pub fn pick(&self, failed: &[Picked], now: Instant) -> Option<Picked> {
        let set = self.set.load();
        if set.list.is_empty() {
            return None;
        }
        let turn = if failed.is_empty() {
            self.turn.fetch_add(1, Ordering::Relaxed)
        } else {
            self.turn.load(Ordering::Relaxed)
        };
        let (local, other) = set.list.split_at(set.local);
        let untried = |address: &&Picked| !failed.iter().any(|failed| failed.socket == address.socket);
        let admitted = |address: &&Picked| self.claim(address, now);
        let near = in_turn(local, turn).chain(in_turn(other, turn));
        near.clone().filter(untried).find(admitted).or_else(|| near.clone().find(untried)).cloned()
    }

    /// Claims an address for a request, and reports whether the request may use it: it is in use, or its
    /// cool-down is over and nobody else tries it.
    pub fn claim(&self, address: &Address, now: Instant) -> bool {
        address.health.works() || address.health.claim(self.at(now), self.trial)
    }

    /// A connection to it failed, or broke before an answer began. Says whether that ejected it.
    pub fn failed(&self, address: &Address, now: Instant) -> bool {
        address.health.failed(self.policy, self.at(now))
    }

    /// An answer came from it. Says whether that ended an ejection.
    pub fn worked(&self, address: &Address) -> bool {
        address.health.worked()
    }

    /// The addresses in use.
    pub fn addresses(&self) -> Vec<Picked> {
        self.set.load().list.clone()
    }

    /// How long an address is left alone, if it is.
    pub fn cooling(&self, address: &Address) -> Option<Cooling> {
        let (since, until) = address.health.cooling()?;
        Some(Cooling { since: instant(self.began, since), until: instant(self.began, until) })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.set.load().list.is_empty()
    }

    /// How many there are of each kind.
    pub fn counts(&self) -> AddressCounts {
        let mut counts = AddressCounts::default();
        for address in &self.set.load().list {
            let kind = if address.local { &mut counts.local } else { &mut counts.other };
            kind[usize::from(!address.health.works())] += 1;
        }
        counts
    }

    fn at(&self, now: Instant) -> u64 {
        moment(self.began, now)
    }
}

fn in_turn(list: &[Picked], turn: usize) -> impl Iterator<Item = &Picked> + Clone {
    let (before, after) = list.split_at(turn.checked_rem(list.len()).unwrap_or(0));
    after.iter().chain(before)
}

#[cfg(test)]
mod tests;
