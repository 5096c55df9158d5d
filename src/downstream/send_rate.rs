//! Whether a client takes its answer fast enough.
//!
//! Only the time counts in which an answer waits for the client, and only what the client takes once
//! it has begun to wait: an API that is slow, and what a connection's buffers took at once, say nothing
//! of the client.

use std::time::{Duration, Instant};

/// What is known of one connection. Each `window` of waiting, a client must take so many bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendRate {
    window: Duration,
    least: u64,
    /// Since when something waits now.
    since: Option<Instant>,
    /// Waited before that, in this window.
    waited: Duration,
    /// Taken in this window.
    taken: u64,
    /// When the last waiting ended.
    ended: Option<Instant>,
}

impl SendRate {
    /// At least `rate` bytes a second, as the mean of a `window`; and at least one byte.
    pub(crate) fn new(rate: u32, window: Duration) -> SendRate {
        let least = (f64::from(rate) * window.as_secs_f64()) as u64;
        SendRate { window, least: least.max(1), since: None, waited: Duration::ZERO, taken: 0, ended: None }
    }

    /// Something waits for the client. Gives the time to ask [`SendRate::too_slow`], if it still does
    /// then; `None` where it waited already.
    pub(crate) fn waits(&mut self, now: Instant) -> Option<Instant> {
        if self.since.is_some() {
            return None;
        }
        if self.ended.is_some_and(|ended| now.duration_since(ended) > self.window) {
            // Long ago: another answer's, or this one's before the API paused.
            self.begin();
        }
        self.since = Some(now);
        Some(now + self.window.saturating_sub(self.waited))
    }

    /// The client has taken so many bytes.
    pub(crate) fn took(&mut self, bytes: usize, now: impl FnOnce() -> Instant) {
        if self.since.is_none() && self.ended.is_none() {
            // Nothing has waited for it yet: what the kernel took at once says nothing of the client.
            return;
        }
        self.taken = self.taken.saturating_add(bytes as u64);
        let Some(since) = self.since.take() else { return };
        let now = now();
        self.waited += now.duration_since(since);
        self.ended = Some(now);
        if self.waited >= self.window && self.taken >= self.least {
            self.begin();
        }
    }

    /// Whether a window has passed in which it took too little. If not, the next one begins, and
    /// [`SendRate::waits`] has the time of its end.
    pub(crate) fn too_slow(&mut self, now: Instant) -> bool {
        let waited = self.waited + self.since.map_or(Duration::ZERO, |since| now.duration_since(since));
        if waited < self.window {
            self.since = None;
            self.waited = waited;
            return false;
        }
        let too_slow = self.taken < self.least;
        self.since = None;
        self.begin();
        too_slow
    }

    fn begin(&mut self) {
        (self.waited, self.taken, self.ended) = (Duration::ZERO, 0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A client that takes `bytes` after each `pause`: after how many of them it is found too slow.
    fn found_after(rate: u32, pause: Duration, bytes: usize) -> Option<u32> {
        let start = Instant::now();
        let mut pace = SendRate::new(rate, 30 * SECOND);
        let mut ask = pace.waits(start).expect("it waits now");
        for turn in 1..1_000 {
            let now = start + turn * pause;
            while ask <= now {
                if pace.too_slow(ask) {
                    return Some(turn);
                }
                ask = pace.waits(ask).expect("it waits on");
            }
            pace.took(bytes, || now);
            ask = pace.waits(now).expect("it waits again");
        }
        None
    }

    #[test]
    fn what_was_taken_before_anything_waited_does_not_count() {
        let now = Instant::now();
        let mut pace = SendRate::new(1_024, 30 * SECOND);
        pace.took(1 << 20, || now);
        let ask = pace.waits(now).expect("it waits now");
        assert!(pace.too_slow(ask));
    }

    #[test]
    fn who_takes_nothing_is_found_after_one_window() {
        assert_eq!(found_after(1_024, SECOND, 0), Some(30));
        assert_eq!(found_after(0, SECOND, 0), Some(30));
    }

    #[test]
    fn who_trickles_is_found_however_the_pauses_fall() {
        assert_eq!(found_after(1_024, SECOND, 1_023), Some(30));
        assert_eq!(found_after(1_024, 29 * SECOND, 8_192), Some(2));
    }

    #[test]
    fn who_is_fast_enough_is_not() {
        assert_eq!(found_after(1_024, SECOND, 1_100), None);
        assert_eq!(found_after(1_024, 20 * SECOND, 40 * 1_024), None);
        assert_eq!(found_after(0, 29 * SECOND, 1), None);
    }

    #[test]
    fn what_went_before_it_waited_does_not_count_and_neither_does_long_ago() {
        let start = Instant::now();
        let mut pace = SendRate::new(1_024, 30 * SECOND);
        assert_eq!(pace.waits(start), Some(start + 30 * SECOND));
        assert_eq!(pace.waits(start + SECOND), None, "it waits already");
        pace.took(10, || start + 20 * SECOND);
        let soon = start + 25 * SECOND;
        assert_eq!(pace.waits(soon), Some(soon + 10 * SECOND));
        pace.took(10, || soon + SECOND);
        let later = start + 90 * SECOND;
        assert_eq!(pace.waits(later), Some(later + 30 * SECOND));
    }
}
