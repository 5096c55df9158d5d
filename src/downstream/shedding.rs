//! Giving memory back before the system takes the whole process.
//!
//! How much a response holds while its client does not take it cannot be known in advance: several hundred KiB, times
//! the streams of an HTTP/2 connection. So a thread looks at the memory in use twenty times a second. When it nears the
//! limit, clients that have more than their share get nothing new ([`super::budget`]), and connections that wait for
//! their clients are ended: those of the client address first whose connections wait with the most requests. Others
//! notice nothing.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::budget::Strain;
use super::clients::Clients;
use crate::telemetry::memory::Memory;
use crate::telemetry::ticker::Ticker;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What ends gives its memory back in this time: the allocator keeps freed pages for a while.
const SETTLE: Duration = Duration::from_millis(500);
/// In percent of the limit: where the strain begins, where it is critical, and where it ends.
const HIGH: u64 = 70;
const CRITICAL: u64 = 85;
const ENOUGH: u64 = 65;
/// What a request may hold at the most, and a connection without one.
const MOST_OF_A_REQUEST: u64 = 1024 * 1024;
const MOST_OF_A_CONNECTION: u64 = 64 * 1024;
/// In percent of the limit: what those that wait for their clients may come to hold while memory is short.
const FOR_SLOW: u64 = 40;

/// Reports whether clients can hold a tenth of what is used, at the most each could: a large mapping may fill a task by
/// itself, and refusing or ending clients would free nothing.
fn is_held_by_clients(used: u64, clients: &Clients) -> bool {
    let requests = clients.metrics.requests.in_flight() * MOST_OF_A_REQUEST;
    let connections = clients.open() as u64 * MOST_OF_A_CONNECTION;
    requests + connections >= used / 10
}

/// Decides how short of memory a process is that uses so much, and was as short as `before`.
fn strain(used: u64, limit: u64, before: Strain) -> Strain {
    let percent = used.saturating_mul(100) / limit.max(1);
    match before {
        _ if percent >= CRITICAL => Strain::Critical,
        _ if percent >= HIGH => Strain::High,
        Strain::High | Strain::Critical if percent >= ENOUGH => Strain::High,
        _ => Strain::None,
    }
}

/// Looks at the memory in use, until dropped.
pub(crate) struct Watchman(#[expect(dead_code, reason = "its end is the end of its thread")] Ticker);

impl Watchman {
    pub(crate) fn start(memory: Memory, clients: Arc<Clients>) -> io::Result<Watchman> {
        clients.metrics.memory.limit(memory.limit());
        let (mut now, mut shed_at) = (Strain::None, None);
        let look = move || look(&memory, &clients, &mut now, &mut shed_at);
        Ticker::start("memory", LOOK_EVERY, look).map(Watchman)
    }
}

fn look(memory: &Memory, clients: &Clients, now: &mut Strain, shed_at: &mut Option<Instant>) {
    // Where it cannot be read, memory is not short.
    let used = memory.used().unwrap_or_default();
    clients.metrics.memory.used(used);
    let next = if is_held_by_clients(used, clients) { strain(used, memory.limit(), *now) } else { Strain::None };
    let before = std::mem::replace(now, next);
    clients.budget.set_strain(*now);
    let (used_mib, limit_mib) = (used >> 20, memory.limit() >> 20);
    if before == Strain::None && *now != Strain::None {
        log::warn!(
            "memory is short: {used_mib} of {limit_mib} MiB are in use; clients over their share of the requests in \
             flight are refused, and connections that hold most are ended"
        );
    } else if before != Strain::None && *now == Strain::None {
        log::info!("memory is no longer short: {used_mib} of {limit_mib} MiB are in use");
    }
    let settled = shed_at.is_none_or(|at| at.elapsed() >= SETTLE);
    if *now == Strain::Critical || *now == Strain::High && settled {
        // Critical, it grows faster than what was ended gives back.
        let room = if *now == Strain::Critical { FOR_SLOW / 4 } else { FOR_SLOW };
        let shed = clients.slow.shed(memory.limit() / 100 * room);
        if shed > 0 {
            *shed_at = Some(Instant::now());
            log::warn!("ended the {shed} connections that hold most, to free memory");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strain_ends_later_than_it_begins() {
        let after = |percents: &[u64]| percents.iter().fold(Strain::None, |before, used| strain(*used, 100, before));
        assert_eq!(after(&[69]), Strain::None);
        assert_eq!(after(&[70]), Strain::High);
        assert_eq!(after(&[70, 66]), Strain::High);
        assert_eq!(after(&[70, 64]), Strain::None);
        assert_eq!(after(&[85]), Strain::Critical);
        assert_eq!(after(&[85, 80]), Strain::High);
        assert_eq!(after(&[200, 64]), Strain::None);
    }
}
