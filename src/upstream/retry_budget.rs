//! The retry budget: further attempts are a share of the requests there are, so that an outage of the
//! endpoint does not become several times the load on what is left of it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

/// One attempt, in the unit that percent of a request can be counted in.
const ATTEMPT: i64 = 100;

/// Attempts saved at most: enough to find out about every address of an endpoint at once.
const SAVED: i64 = 100 * ATTEMPT;

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

    /// Whether a request may make another one.
    pub(crate) fn spend(&self, now: Instant) -> bool {
        if self.percent == 0 {
            return false;
        }
        let second = now.saturating_duration_since(self.began).as_secs();
        let given = self.free_until.fetch_max(second, Ordering::Relaxed);
        let free =
            second.saturating_sub(given).saturating_mul(FREE).min(SAVED as u64 / ATTEMPT as u64) as i64 * ATTEMPT;
        let take = |saved: i64| {
            let left = saved.saturating_add(free).min(SAVED) - ATTEMPT;
            (left >= 0).then_some(left)
        };
        let spent = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        if !spent && free > 0 {
            self.saved.fetch_add(free, Ordering::Relaxed);
        }
        spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn spent(budget: &RetryBudget, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| budget.spend(now)).count()
    }

    #[test]
    fn what_is_saved_is_spent_and_then_a_share_of_the_requests() {
        let now = Instant::now();
        let budget = RetryBudget::new(20, now);
        assert_eq!(spent(&budget, now, 1_000), 100);
        (0..50).for_each(|_| budget.earn());
        assert_eq!(spent(&budget, now, 1_000), 10);
    }

    #[test]
    fn one_attempt_a_second_is_free() {
        let now = Instant::now();
        let budget = RetryBudget::new(20, now);
        assert_eq!(spent(&budget, now, 1_000), 100);
        assert_eq!(spent(&budget, now + Duration::from_secs(3), 1_000), 3);
        assert_eq!(spent(&budget, now + Duration::from_secs(3), 1_000), 0);
        assert_eq!(spent(&budget, now + Duration::from_secs(86_400), 1_000), 100, "and no more is saved than before");
    }

    #[test]
    fn no_budget_is_no_attempt() {
        let now = Instant::now();
        assert_eq!(spent(&RetryBudget::new(0, now), now + Duration::from_secs(9), 10), 0);
    }

    #[test]
    fn what_is_earned_in_health_is_not_saved_for_ever() {
        let now = Instant::now();
        let budget = RetryBudget::new(100, now);
        (0..100_000).for_each(|_| budget.earn());
        assert_eq!(spent(&budget, now, 1_000), 100);
    }
}
