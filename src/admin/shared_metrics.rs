//! `/metrics` for many at once: one rendering that all who ask within a second share.
//!
//! **Invariant:** a response that is being sent is the only thing that keeps a rendering, so whoever asks alone gets a
//! new one.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;

/// How old a rendering that is still being sent may be for somebody else to get it too.
const SHARED: Duration = Duration::from_secs(1);

/// The rendering that is being sent, if one is.
#[derive(Default)]
pub(super) struct SharedMetrics(Mutex<Weak<Rendering>>);

struct Rendering {
    began: Instant,
    text: String,
}

/// What keeps a rendering while its bytes are sent.
struct Sent(Arc<Rendering>);

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        self.0.text.as_bytes()
    }
}

impl SharedMetrics {
    /// Returns the rendering that is shared now, or makes one. Others wait for it.
    pub(super) fn get(&self, now: Instant, render: impl FnOnce() -> String) -> Bytes {
        // Nothing in here leaves it half changed; a poisoned one is as good.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = last.upgrade().filter(|rendering| now.saturating_duration_since(rendering.began) < SHARED);
        let rendering = shared.unwrap_or_else(|| {
            let made = Arc::new(Rendering { began: now, text: render() });
            *last = Arc::downgrade(&made);
            made
        });
        Bytes::from_owner(Sent(rendering))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendering_is_shared_while_it_is_sent_and_for_a_second_at_most() {
        let (metrics, now) = (SharedMetrics::default(), Instant::now());
        let get = |after, text: &str| metrics.get(now + Duration::from_millis(after), || text.to_owned());
        let first = get(0, "1");
        let second = get(999, "2");
        assert_eq!((&first[..], &second[..]), (&b"1"[..], &b"1"[..]));
        assert_eq!(get(1_000, "3"), "3", "too old");
        drop((first, second));
        assert_eq!(get(1_001, "4"), "4", "nobody is sent one any more");
    }
}
