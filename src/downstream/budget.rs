//! The budget of requests in flight, and what share of it one client may have.
//!
//! A request holds memory, and a connection to the endpoint, for as long as its client and its API like. So there is
//! a limit to how many there may be, and no client address gets all of it: while less than half of the budget is used
//! everybody is admitted; beyond that each address has an equal part, with one part left over for an address that has
//! none yet, and the last eighth is for such addresses alone. A connection that has no request in flight may go on to
//! three quarters of the budget: clients that share an address with a greedy one still get their turn. The address of a
//! load balancer stands for many clients and has no share.
//!
//! **Invariant:** a request takes no lock. Only a new connection does, to find its address's [`Share`].

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use nameplate_core::domain::refusal::Refusal;
use parking_lot::Mutex;

/// Addresses that are remembered before those without a connection are first forgotten.
const FORGET_FROM: usize = 1_024;

/// The requests of one client address that are in flight.
#[derive(Debug, Default)]
pub(crate) struct Share(AtomicUsize);

/// The shares of all addresses that have a connection.
#[derive(Debug, Default)]
pub(crate) struct Shares(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_address: HashMap<IpAddr, Weak<Share>>,
    forget_at: usize,
}

impl Shares {
    /// The share of an address. An IPv6 address stands for its /64, which is one client's.
    pub(crate) fn of(&self, address: IpAddr) -> Arc<Share> {
        let mut known = self.0.lock();
        if known.by_address.len() >= known.forget_at.max(FORGET_FROM) {
            known.by_address.retain(|_, share| share.strong_count() > 0);
            known.forget_at = 2 * known.by_address.len();
        }
        let place = known.by_address.entry(client_of(address)).or_default();
        place.upgrade().unwrap_or_else(|| {
            let share = Arc::default();
            *place = Arc::downgrade(&share);
            share
        })
    }
}

fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// How short of memory the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Strain {
    /// It has enough.
    None,
    /// Clients that have more than their share get nothing new.
    High,
    /// Hardly anybody does.
    Critical,
}

/// Requests in flight, of all clients together.
#[derive(Debug)]
pub(crate) struct Budget {
    most: AtomicUsize,
    in_flight: AtomicUsize,
    /// Addresses with a share that have a request in flight.
    busy: AtomicUsize,
    /// A [`Strain`].
    strain: AtomicU8,
}

impl Default for Budget {
    /// Without a limit.
    fn default() -> Budget {
        Budget { most: usize::MAX.into(), in_flight: 0.into(), busy: 0.into(), strain: (Strain::None as u8).into() }
    }
}

impl Budget {
    /// Admits no more than `most` requests at once from now on.
    pub(crate) fn limit(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Sets how short of memory the process is.
    pub(crate) fn set_strain(&self, strain: Strain) {
        self.strain.store(strain as u8, Ordering::Relaxed);
    }

    /// Reports whether the process is short of memory.
    pub(crate) fn is_strained(&self) -> bool {
        self.strain.load(Ordering::Relaxed) != Strain::None as u8
    }

    /// Counts one more request, or refuses it. `own` is how many its connection had before. Call [`Budget::end`] when one
    /// that was admitted is over; one that was refused does not count, however long its client takes to read that.
    pub(super) fn begin(&self, share: Option<&Share>, own: usize) -> Result<(), Refusal> {
        self.judge(share, own).inspect_err(|_| self.end(share))
    }

    fn judge(&self, share: Option<&Share>, own: usize) -> Result<(), Refusal> {
        let theirs = share.map(|share| share.0.fetch_add(1, Ordering::Relaxed));
        if theirs == Some(0) {
            self.busy.fetch_add(1, Ordering::Relaxed);
        }
        let all = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let most = self.most.load(Ordering::Relaxed);
        let strain = self.strain.load(Ordering::Relaxed);
        if all < most / 2 && strain == Strain::None as u8 {
            return Ok(());
        }
        let most = match strain {
            strain if strain == Strain::None as u8 => most,
            strain if strain == Strain::High as u8 => most.min(all.saturating_add(all / 3).max(LEAST)),
            _ => LEAST,
        };
        verdict(InFlight { all, theirs, own }, most, self.busy.load(Ordering::Relaxed))
    }

    /// A request that was begun is over.
    pub(super) fn end(&self, share: Option<&Share>) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if share.is_some_and(|share| share.0.fetch_sub(1, Ordering::Relaxed) == 1) {
            self.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Requests that there may be however short of memory the process is.
const LEAST: usize = 16;

/// What was in flight before a request came.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    all: usize,
    /// Of its client's address; `None` where that stands for many clients.
    theirs: Option<usize>,
    /// Of its connection.
    own: usize,
}

/// Decides about a request where `most` may be in flight, and `busy` addresses have one.
fn verdict(InFlight { all, theirs, own }: InFlight, most: usize, busy: usize) -> Result<(), Refusal> {
    if all >= most {
        return Err(Refusal::Overloaded);
    }
    let Some(theirs) = theirs else { return Ok(()) };
    let (equal, hard) = (most / (busy + 1), most - most / 4);
    // The last eighth is for addresses that have nothing yet.
    let is_left_over = all < most - most / 8 || theirs == 0;
    if is_left_over && (theirs < equal || own == 0 && theirs < hard) { Ok(()) } else { Err(Refusal::ClientShare) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins up to `times` requests of one client, each connection having `each`; says how many were admitted.
    fn admitted(budget: &Budget, share: Option<&Share>, times: usize, each: usize) -> usize {
        let begin = |at: &usize| budget.begin(share, at % each).is_ok();
        (0..times).filter(begin).count()
    }

    fn in_flight(share: &Share) -> usize {
        share.0.load(Ordering::Relaxed)
    }

    fn budget(most: usize) -> Budget {
        let budget = Budget::default();
        budget.limit(most);
        budget
    }

    #[test]
    fn one_client_gets_half_and_never_all_of_it() {
        let (budget, greedy) = (budget(100), Share::default());
        assert_eq!(admitted(&budget, Some(&greedy), 1_000, 1_000), 50, "over one connection");
        assert_eq!(admitted(&budget, Some(&greedy), 1_000, 1), 25, "over as many connections as it likes");
        assert_eq!(in_flight(&greedy), 75);
        let other = Share::default();
        assert_eq!(admitted(&budget, Some(&other), 1_000, 1_000), 13, "there is room for somebody else");
        let more: Vec<Share> = (0..20).map(|_| Share::default()).collect();
        let firsts = more.iter().map(|share| admitted(&budget, Some(share), 10, 10)).sum::<usize>();
        assert_eq!(firsts, 12, "and for the first request of others");
        assert_eq!(budget.begin(Some(&Share::default()), 0), Err(Refusal::Overloaded));
    }

    #[test]
    fn many_clients_have_equal_parts_and_leave_one_over() {
        let budget = budget(100);
        let shares: Vec<Share> = (0..4).map(|_| Share::default()).collect();
        // They take turns, so that nobody is first.
        for _ in 0..100 {
            shares.iter().for_each(|share| _ = admitted(&budget, Some(share), 1, 2));
        }
        let each: Vec<usize> = shares.iter().map(in_flight).collect();
        assert!(each.iter().all(|own| (18..=25).contains(own)), "{each:?}");
    }

    #[test]
    fn an_address_that_stands_for_many_clients_may_have_all_of_it() {
        let budget = budget(100);
        assert_eq!(admitted(&budget, None, 1_000, 1_000), 100);
        assert_eq!(budget.begin(None, 0), Err(Refusal::Overloaded));
    }

    #[test]
    fn what_is_over_makes_room() {
        let (budget, share) = (budget(4), Share::default());
        for _ in 0..1_000 {
            assert_eq!(budget.begin(Some(&share), 0), Ok(()));
            budget.end(Some(&share));
        }
        assert_eq!((in_flight(&share), budget.busy.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn short_of_memory_the_greedy_get_nothing_new_and_then_nobody_does() {
        let (budget, greedy, modest) = (budget(1_000), Share::default(), Share::default());
        assert_eq!(admitted(&budget, Some(&greedy), 300, 300), 300);
        budget.set_strain(Strain::High);
        assert_eq!(budget.begin(Some(&greedy), 300), Err(Refusal::ClientShare));
        assert_eq!(budget.begin(Some(&modest), 0), Ok(()));
        budget.set_strain(Strain::Critical);
        assert_eq!(budget.begin(Some(&modest), 1), Err(Refusal::Overloaded));
        budget.set_strain(Strain::None);
        assert_eq!(admitted(&budget, Some(&greedy), 1, 1), 1);
    }

    #[test]
    fn an_address_has_one_share_for_as_long_as_somebody_uses_it() {
        let shares = Shares::default();
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let first = shares.of(ip("10.0.0.1"));
        assert!(Arc::ptr_eq(&first, &shares.of(ip("::ffff:10.0.0.1"))));
        assert!(!Arc::ptr_eq(&first, &shares.of(ip("10.0.0.2"))));
        let network = shares.of(ip("2001:db8::1"));
        assert!(Arc::ptr_eq(&network, &shares.of(ip("2001:db8::ffff:1"))));
        assert!(!Arc::ptr_eq(&network, &shares.of(ip("2001:db8:0:1::1"))));
    }

    #[test]
    fn addresses_without_a_connection_are_forgotten() {
        let shares = Shares::default();
        let kept = shares.of(IpAddr::from([10, 0, 0, 1]));
        for n in 0..100_000_u32 {
            drop(shares.of(IpAddr::from((0x0b00_0000 + n).to_be_bytes())));
        }
        assert!(shares.0.lock().by_address.len() <= FORGET_FROM);
        assert!(Arc::ptr_eq(&kept, &shares.of(IpAddr::from([10, 0, 0, 1]))));
    }
}
