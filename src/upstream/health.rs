//! Whether an address may be used now: failures in a row eject it for a while.
//!
//! **Invariant:** asking and telling take no lock. An address that works costs a request one load.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When an address is ejected, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EjectionPolicy {
    /// Failures in a row.
    pub(crate) after: u32,
    /// How long the first time; each time in a row twice as long.
    pub(crate) cool_down: Duration,
    /// The longest.
    pub(crate) most: Duration,
}

/// What is known of one address. Times are milliseconds since some beginning, and never 0.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: AtomicU32,
    /// When the last one was.
    failed_at: AtomicU64,
    /// When the first ejection of those in a row was.
    ejected_at: AtomicU64,
    /// Until when the last ejection was to last.
    ejected_until: AtomicU64,
    /// Ejections in a row.
    ejections: AtomicU32,
    /// 0 while it is in use.
    cooling_until: AtomicU64,
}

impl Health {
    /// Whether it is in use.
    pub(crate) fn works(&self) -> bool {
        self.cooling_until.load(Ordering::Relaxed) == 0
    }

    /// Since when it has been left alone, and when it is tried next; `None` while it is in use.
    pub(crate) fn cooling(&self) -> Option<(u64, u64)> {
        let until = self.cooling_until.load(Ordering::Relaxed);
        (until != 0).then(|| (self.ejected_at.load(Ordering::Relaxed), until))
    }

    /// Claims it for a request at `now`, and reports whether the request may use it. The first claim after a
    /// cool-down is a trial: for as long as `trial` the others still pass the address over.
    pub(crate) fn claim(&self, now: u64, trial: Duration) -> bool {
        let until = self.cooling_until.load(Ordering::Relaxed);
        let again = now.saturating_add(millis(trial));
        // Whoever moves the time on is the one who tries.
        until == 0
            || now >= until
                && self.cooling_until.compare_exchange(until, again, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// It failed at `now`. Says whether that ejected it.
    pub(crate) fn failed(&self, policy: EjectionPolicy, now: u64) -> bool {
        let last = self.failed_at.swap(now, Ordering::Relaxed);
        if !self.works() {
            // The trial failed, or something that was under way when it was ejected. The latter must not
            // make the cool-down longer.
            let until = self.cooling_until.load(Ordering::Relaxed);
            return now >= self.ejected_until.load(Ordering::Relaxed) && self.eject(policy, now, until);
        }
        // Failures that are far apart are not in a row.
        if last.saturating_add(millis(policy.most)) < now {
            self.failures.store(0, Ordering::Relaxed);
        }
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        failures >= policy.after && self.eject(policy, now, 0)
    }

    fn eject(&self, policy: EjectionPolicy, now: u64, from: u64) -> bool {
        let before = self.ejections.load(Ordering::Relaxed);
        let time = policy.cool_down.saturating_mul(1 << before.min(16)).min(policy.most);
        let until = now.saturating_add(millis(time)).max(1);
        // Of several that see the same failure, one ejects.
        let first = self.cooling_until.compare_exchange(from, until, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if first {
            if before == 0 {
                self.ejected_at.store(now, Ordering::Relaxed);
            }
            self.ejected_until.store(until, Ordering::Relaxed);
            self.ejections.store(before.saturating_add(1), Ordering::Relaxed);
        }
        first
    }

    /// It worked. Says whether that ended an ejection.
    pub(crate) fn worked(&self) -> bool {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.works() {
            return false;
        }
        self.ejections.store(0, Ordering::Relaxed);
        self.cooling_until.swap(0, Ordering::Relaxed) != 0
    }
}

/// A time as a [`Health`] counts it.
pub(crate) fn moment(began: Instant, time: Instant) -> u64 {
    millis(time.saturating_duration_since(began)).saturating_add(1)
}

/// The reverse of [`moment`].
pub(crate) fn instant(began: Instant, moment: u64) -> Instant {
    began + Duration::from_millis(moment.saturating_sub(1))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: EjectionPolicy =
        EjectionPolicy { after: 3, cool_down: Duration::from_secs(5), most: Duration::from_secs(60) };
    const TRIAL: Duration = Duration::from_secs(3);

    fn ejected_at(now: u64) -> Health {
        let health = Health::default();
        assert_eq!([now - 2, now - 1, now].map(|at| health.failed(POLICY, at)), [false, false, true]);
        health
    }

    #[test]
    fn failures_in_a_row_eject() {
        let health = ejected_at(1_000);
        assert!(!health.works());
        assert!(!health.claim(5_999, TRIAL));
    }

    #[test]
    fn a_success_between_failures_starts_the_row_anew() {
        let health = Health::default();
        assert!(!health.failed(POLICY, 1) && !health.failed(POLICY, 2));
        assert!(!health.worked(), "it was not ejected");
        assert!(!health.failed(POLICY, 3) && !health.failed(POLICY, 4) && health.works());
    }

    #[test]
    fn failures_far_apart_are_no_row() {
        let health = Health::default();
        assert_eq!([1, 100_000, 200_000, 300_000].map(|at| health.failed(POLICY, at)), [false; 4]);
    }

    #[test]
    fn after_the_cool_down_one_request_tries() {
        let health = ejected_at(1_000);
        assert!(health.claim(6_000, TRIAL), "the first");
        assert!(!health.claim(6_000, TRIAL), "the second, while the first is under way");
        assert!(health.claim(9_000, TRIAL), "the trial never ended");
    }

    #[test]
    fn a_trial_that_works_ends_it() {
        let health = ejected_at(1_000);
        assert!(health.claim(6_000, TRIAL));
        assert!(health.worked());
        assert_eq!(health.cooling(), None);
        assert!(health.works() && health.claim(6_001, TRIAL));
    }

    #[test]
    fn a_trial_that_fails_doubles_the_cool_down_up_to_a_limit() {
        let health = ejected_at(1_000);
        let mut now = 6_000;
        for seconds in [10, 20, 40, 60, 60] {
            assert!(health.claim(now, TRIAL) && health.failed(POLICY, now + 100));
            now += 100 + seconds * 1_000;
            assert_eq!(health.cooling(), Some((1_000, now)), "since the first, until this one is over");
            assert!(!health.claim(now - 1, TRIAL), "{seconds}");
        }
    }

    #[test]
    fn what_was_under_way_when_it_was_ejected_changes_nothing() {
        let health = ejected_at(1_000);
        assert!(!health.failed(POLICY, 1_001) && !health.failed(POLICY, 1_900));
        assert!(health.claim(6_000, TRIAL));
    }
}
