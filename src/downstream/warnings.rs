//! Warnings about connections that Nameplate ends by itself: without one, a listener that closes every connection, because
//! its `proxy_protocol: trust` is wrong for example, is ready and says nothing.
//!
//! **Invariant:** a warning takes no lock, and a client cannot fill the log: there is one line for each cause in
//! [`PAUSE`], and it counts those that were left out.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::telemetry::metrics::Cut;

/// The time between two warnings of the same cause.
const PAUSE: Duration = Duration::from_secs(10);

/// The process's: its listeners share one log.
static WARNINGS: Warnings = Warnings([const { Pause::new() }; Cut::COUNT]);

/// When each cause may be warned of again.
struct Warnings([Pause; Cut::COUNT]);

/// One cause.
struct Pause {
    /// Milliseconds after the first warning of all.
    over_at: AtomicU64,
    left_out: AtomicU64,
}

/// Warns that the connection of `peer` to the listener at `listener` is ended, unless the same cause was warned of a moment
/// ago. `detail` is what is known beyond the cause; it may hold nothing that the client sent.
pub(super) fn warn(cut: Cut, listener: SocketAddr, peer: SocketAddr, detail: Option<&dyn Display>) {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let now = BEGAN.get_or_init(Instant::now).elapsed();
    let Some(left_out) = WARNINGS.0[cut as usize].begin(now) else { return };
    let (happened, advice) = words(cut);
    let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
    let more = if left_out > 0 { format!("; {left_out} more like it were not logged") } else { String::new() };
    log::warn!("{listener}: connection of {peer} closed: {happened}{detail}. {advice}{more}");
}

impl Pause {
    const fn new() -> Pause {
        Pause { over_at: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Begins another pause at `now`, unless one is not over yet. Returns how many warnings that one has left out.
    fn begin(&self, now: Duration) -> Option<u64> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (now, next) = (millis(now), millis(now + PAUSE));
        let over_at = self.over_at.load(Ordering::Relaxed);
        // Of several at the same moment, one warns.
        let begun = now >= over_at
            && self.over_at.compare_exchange(over_at, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !begun {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.left_out.swap(0, Ordering::Relaxed))
    }
}

/// What happened, and what to do about it.
fn words(cut: Cut) -> (&'static str, &'static str) {
    match cut {
        Cut::TooMany => (
            "as many connections are open as there may be",
            "Add tasks, or raise `client: max_connections` or the limit of file descriptors",
        ),
        Cut::ProxyUntrusted => (
            "the listener's `proxy_protocol: trust` does not contain its address",
            "If it is the load balancer's, add its network there",
        ),
        Cut::ProxyMissing => (
            "it did not begin with a PROXY header",
            "Switch the PROXY protocol on at the load balancer, or remove `proxy_protocol` from the listener",
        ),
        Cut::ProxyMalformed => (
            "its PROXY header is malformed",
            "Check that the load balancer speaks version 1 or 2 of the PROXY protocol to this port",
        ),
        Cut::Handshake => (
            "its TLS handshake failed",
            "Check that the client uses TLS 1.2 or 1.3 on this port and trusts the listener's certificate",
        ),
        Cut::HeaderTimeout => (
            "a handshake or the head of a request took longer than `client: header_timeout`",
            "Nothing is to be done unless a client that you know is that slow",
        ),
        Cut::Preface => {
            ("it agreed on HTTP/2 and sent something else", "Nothing is to be done unless a client that you know fails")
        }
        Cut::SlowReader => (
            "it took its response more slowly than `client: min_send_rate`",
            "Nothing is to be done unless a client that you know is that slow",
        ),
        Cut::Memory => (
            "memory is short and it does not take its responses",
            "Find out why this client does not read, or give the task more memory",
        ),
        Cut::Http2Flood => (
            "it sent far more HTTP/2 control frames than requests",
            "Nothing is to be done unless a client that you know is ended",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_warned_of_once_in_a_while_and_the_rest_is_counted() {
        let pause = Pause::new();
        let at = Duration::from_millis;
        assert_eq!([0, 1, 9_999].map(|now| pause.begin(at(now))), [Some(0), None, None]);
        assert_eq!([10_000, 10_001].map(|now| pause.begin(at(now))), [Some(2), None]);
        assert_eq!(pause.begin(at(100_000)), Some(1));
    }

    #[test]
    fn of_many_at_once_one_warns_and_none_is_lost() {
        let pause = Pause::new();
        let warned: u64 = std::thread::scope(|scope| {
            let begin = || (0..1_000).filter_map(|_| pause.begin(PAUSE)).count() as u64;
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!((warned, pause.begin(2 * PAUSE)), (1, Some(3_999)));
    }

    #[test]
    fn every_cause_has_words_of_its_own() {
        let cuts = [
            Cut::TooMany,
            Cut::ProxyUntrusted,
            Cut::ProxyMissing,
            Cut::ProxyMalformed,
            Cut::Handshake,
            Cut::HeaderTimeout,
            Cut::Preface,
            Cut::SlowReader,
            Cut::Memory,
            Cut::Http2Flood,
        ];
        let mut said: Vec<_> = cuts.map(|cut| words(cut).0).to_vec();
        said.sort_unstable();
        said.dedup();
        assert_eq!(said.len(), Cut::COUNT);
    }
}
