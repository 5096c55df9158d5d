//! The retry budget: further attempts are a share of the requests there are, so that an outage of the
//! endpoint does not become several times the load on what is left of it.
//!
//! Every entry has a share of its own, in proportion to its requests. One entry alone can take the first half of what is
//! saved; the second half is for entries that keep within their share. So an entry whose every request fails takes
//! no retry from the others.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use crate::telemetry::metrics::UsedUp;

/// One attempt, in the unit that percent of a request can be counted in.
const ATTEMPT: i64 = 100;

/// Attempts saved at most: enough to find out about every address of an endpoint at once.
const SAVED: i64 = 100 * ATTEMPT;

/// What one entry cannot take from the others: further attempts beyond its own share leave this much saved.
const RESERVE: i64 = SAVED / 2;

/// Attempts that an entry has saved at most.
const ENTRY_SAVED: u64 = 10 * ATTEMPT as u64;

/// Attempts that are free in each second, so that a task with few requests can retry at all.
const FREE: u64 = 1;

/// How many further attempts may be made.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    /// What a request earns.
    percent: i64,
    saved: AtomicI64,
    /// Until when the free ones have been given, in seconds after the beginning.
    free_until: AtomicU64,
    began: Instant,
}

impl RetryBudget {
    pub(crate) fn new(percent: u8, began: Instant) -> RetryBudget {
        let percent = i64::from(percent);
        let saved = if percent == 0 { 0 } else { SAVED };
        RetryBudget { percent, saved: AtomicI64::new(saved), free_until: AtomicU64::new(0), began }
    }

    /// A request makes its first attempt.
    pub(crate) fn earn(&self) {
        // In health it is full, and this only reads.
        if self.saved.load(Ordering::Relaxed) < SAVED {
            self.saved.fetch_add(self.percent, Ordering::Relaxed);
        }
    }

    /// Takes another attempt for a request of an entry that has had `requests` so far, or says what is used up.
    pub(crate) fn spend(&self, share: &RetryShare, requests: u64, now: Instant) -> Result<(), UsedUp> {
        if self.percent == 0 {
            return Err(UsedUp::Shared);
        }
        let own = share.take(requests, self.percent.unsigned_abs());
        if self.spend_above(if own { 0 } else { RESERVE }, now) {
            return Ok(());
        }
        if own {
            share.give_back();
        }
        Err(if own || self.saved.load(Ordering::Relaxed) < ATTEMPT { UsedUp::Shared } else { UsedUp::Entry })
    }

    /// Takes another attempt, if that leaves `least`.
    fn spend_above(&self, least: i64, now: Instant) -> bool {
        let second = now.saturating_duration_since(self.began).as_secs();
        let given = self.free_until.fetch_max(second, Ordering::Relaxed);
        let free =
            second.saturating_sub(given).saturating_mul(FREE).min(SAVED as u64 / ATTEMPT as u64) as i64 * ATTEMPT;
        let take = |saved: i64| {
            let left = saved.saturating_add(free).min(SAVED) - ATTEMPT;
            (left >= least).then_some(left)
        };
        let spent = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        if !spent && free > 0 {
            self.saved.fetch_add(free, Ordering::Relaxed);
        }
        spent
    }
}

/// What one entry has taken of its share. It costs nothing until a request of the entry needs another attempt.
///
/// Its clock is the entry's own count of requests: at each request the share grows by the budget's percentage.
#[derive(Debug, Default)]
pub struct RetryShare {
    /// How much of all that the entry has ever earned is used up.
    used: AtomicU64,
}

impl RetryShare {
    /// Takes an attempt from the share of an entry that has had `requests`, and returns whether it had one.
    fn take(&self, requests: u64, percent: u64) -> bool {
        let earned = requests.saturating_mul(percent).saturating_add(ENTRY_SAVED);
        let take = |used: u64| {
            let used = used.max(earned - ENTRY_SAVED) + ATTEMPT.unsigned_abs();
            (used <= earned).then_some(used)
        };
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn give_back(&self) {
        self.used.fetch_sub(ATTEMPT.unsigned_abs(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// How many of so many further attempts an entry gets that has had no other request.
    fn spent(budget: &RetryBudget, share: &RetryShare, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| budget.spend(share, 0, now).is_ok()).count()
    }

    /// As [`spent`], each for an entry of its own.
    fn spent_by_many(budget: &RetryBudget, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| budget.spend(&RetryShare::default(), 0, now).is_ok()).count()
    }

    #[test]
    fn what_is_saved_is_spent_and_then_a_share_of_the_requests() {
        let now = Instant::now();
        let budget = RetryBudget::new(20, now);
        assert_eq!(spent_by_many(&budget, now, 1_000), 100);
        (0..50).for_each(|_| budget.earn());
        assert_eq!(spent_by_many(&budget, now, 1_000), 10);
    }

    #[test]
    fn one_attempt_a_second_is_free() {
        let now = Instant::now();
        let budget = RetryBudget::new(20, now);
        assert_eq!(spent_by_many(&budget, now, 1_000), 100);
        assert_eq!(spent_by_many(&budget, now + Duration::from_secs(3), 1_000), 3);
        assert_eq!(spent_by_many(&budget, now + Duration::from_secs(3), 1_000), 0);
        let later = now + Duration::from_secs(86_400);
        assert_eq!(spent_by_many(&budget, later, 1_000), 100, "and no more is saved than before");
    }

    #[test]
    fn no_budget_is_no_attempt() {
        let now = Instant::now();
        assert_eq!(spent_by_many(&RetryBudget::new(0, now), now + Duration::from_secs(9), 10), 0);
    }

    #[test]
    fn what_is_earned_in_health_is_not_saved_for_ever() {
        let now = Instant::now();
        let budget = RetryBudget::new(100, now);
        (0..100_000).for_each(|_| budget.earn());
        assert_eq!(spent_by_many(&budget, now, 1_000), 100);
    }

    #[test]
    fn one_entry_leaves_half_of_what_is_saved_to_the_others() {
        let now = Instant::now();
        let budget = RetryBudget::new(20, now);
        let (greedy, other) = (RetryShare::default(), RetryShare::default());
        assert_eq!(spent(&budget, &greedy, now, 1_000), 50);
        assert_eq!(budget.spend(&greedy, 0, now), Err(UsedUp::Entry), "the others have theirs");
        assert_eq!(spent(&budget, &other, now, 10), 10);
        assert_eq!(spent(&budget, &other, now, 1_000), 0, "its share is used up, too");
        assert_eq!(spent(&budget, &greedy, now, 1_000), 0);
        assert_eq!(spent_by_many(&budget, now, 1_000), 40);
        assert_eq!(budget.spend(&greedy, 0, now), Err(UsedUp::Shared));
        assert_eq!(budget.spend(&RetryShare::default(), 0, now), Err(UsedUp::Shared));
    }

    #[test]
    fn a_share_grows_with_the_requests_of_its_entry() {
        let share = RetryShare::default();
        let taken = |requests: u64| (0..1_000).filter(|_| share.take(requests, 20)).count();
        assert_eq!([taken(0), taken(0), taken(10), taken(10)], [10, 0, 2, 0]);
        assert_eq!(taken(1_000_000), 10, "no more is saved than at the beginning");
        share.give_back();
        assert_eq!(taken(1_000_000), 1);
    }
}
