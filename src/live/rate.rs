//! An entry's RATE_LIMIT: how many requests may go by it, in this task.

use std::num::NonZeroU32;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use nameplate_core::domain::overrides::RateLimit;

/// Lets so many requests by at once, and then as many in each such time, evenly. One atomic word: no lock, no queue.
#[derive(Debug)]
pub struct Limiter(RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<std::time::Instant>>);

impl Limiter {
    /// `None` for a limit of nothing, which no mapping can have.
    pub(super) fn new(limit: RateLimit) -> Option<Limiter> {
        let requests = NonZeroU32::new(limit.requests)?;
        let quota = Quota::with_period(limit.per / limit.requests)?.allow_burst(requests);
        Some(Limiter(RateLimiter::direct_with_clock(quota, MonotonicClock)))
    }

    /// Counts a request, or says in how many seconds, rounded up, the next one may come.
    pub fn admit(&self) -> Result<(), u64> {
        self.0.check().map_err(|until| {
            let wait = until.wait_time_from(MonotonicClock.now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limiter(requests: u32, seconds: u64) -> Limiter {
        Limiter::new(RateLimit { requests, per: Duration::from_secs(seconds) }).expect("a limit")
    }

    #[test]
    fn as_many_as_the_limit_may_come_at_once_and_no_more() {
        let limiter = limiter(5, 60);
        let admitted = (0..20).filter(|_| limiter.admit().is_ok()).count();
        assert_eq!(admitted, 5);
        let wait = limiter.admit().expect_err("used up");
        assert!((1..=12).contains(&wait), "one of five in a minute comes back within 12 s, not {wait}");
    }

    #[test]
    fn a_limit_is_held_under_contention() {
        let limiter = limiter(1_000, 60);
        let admitted: usize = std::thread::scope(|scope| {
            let count = || (0..1_000).filter(|_| limiter.admit().is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert!((1_000..1_100).contains(&admitted), "{admitted}");
    }

    #[test]
    fn the_fastest_limit_is_one() {
        assert!(limiter(1_000_000_000, 1).admit().is_ok());
    }
}
