//! Decides whether a client sends the body of its request fast enough. Silence has a timeout; this is for bodies that
//! trickle.

use std::time::{Duration, Instant};

/// What is known of one request's body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReceiveRate {
    /// When the current window began.
    since: Option<Instant>,
    /// Bytes that came in it.
    received: u64,
}

impl ReceiveRate {
    /// Takes note of `bytes` that came at `now`, and says whether the client is too slow: in the last `window` it sent
    /// less than `rate` bytes a second. The time that an API needs to take the bytes counts too, but what has piled up
    /// meanwhile comes at once.
    #[must_use]
    pub(crate) fn received(&mut self, bytes: usize, now: Instant, rate: u32, window: Duration) -> bool {
        let since = *self.since.get_or_insert(now);
        self.received = self.received.saturating_add(bytes as u64);
        if now.duration_since(since) < window {
            return false;
        }
        let least = (f64::from(rate) * window.as_secs_f64()) as u64;
        let too_slow = self.received < least;
        *self = ReceiveRate { since: Some(now), received: 0 };
        too_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A client that sends `bytes` after each `pause`: after how many of them it is found too slow.
    fn found_after(rate: u32, pause: Duration, bytes: usize) -> Option<u32> {
        let start = Instant::now();
        let mut receiving = ReceiveRate::default();
        (0..1_000).find(|turn| receiving.received(bytes, start + *turn * pause, rate, 30 * SECOND))
    }

    #[test]
    fn who_trickles_is_found_after_one_window() {
        assert_eq!(found_after(1_024, 2 * SECOND, 1), Some(15));
        assert_eq!(found_after(1_024, SECOND, 512), Some(30));
        assert_eq!(found_after(1_024, 29 * SECOND, 1_024), Some(2));
    }

    #[test]
    fn who_is_fast_enough_is_not() {
        assert_eq!(found_after(1_024, SECOND, 1_100), None);
        assert_eq!(found_after(1_024, 20 * SECOND, 40 * 1_024), None);
        assert_eq!(found_after(0, 2 * SECOND, 1), None, "a rate of 0 is no limit");
    }
}
