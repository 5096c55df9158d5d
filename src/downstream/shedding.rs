//! Giving memory back before the system takes the whole process.
//!
//! How much a response holds while its client does not take it cannot be known in advance: several hundred KiB, times
//! the streams of an HTTP/2 connection. So a thread looks at the memory in use twenty times a second. When it nears the
//! limit, clients that have more than their share get nothing new ([`super::budget`]), and connections that wait for
//! their clients are ended: those of the client address first whose connections wait with the most requests. Others
//! notice nothing.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::budget::Strain;
use super::clients::Clients;
use super::connection::ClientConnection;
use crate::telemetry::memory::Memory;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What ends gives its memory back in this time: the allocator keeps freed pages for a while.
const SETTLE: Duration = Duration::from_millis(500);
/// In percent of the limit: where the strain begins, where it is critical, and where it ends.
const HIGH: u64 = 70;
const CRITICAL: u64 = 85;
const ENOUGH: u64 = 65;
/// In percent of the limit: what those that wait for their clients may come to hold while memory is short.
const FOR_SLOW: u64 = 40;
/// What a request in flight is taken to hold whose client does not take its response.
const HELD: u64 = 512 * 1024;
/// Connections that are remembered before those that have ended are first forgotten.
const FORGET_FROM: usize = 256;

/// Connections that may wait for their clients: those of HTTP/2, and those that have waited once.
#[derive(Debug, Default)]
pub(super) struct Slow(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    connections: Vec<Weak<ClientConnection>>,
    forget_at: usize,
}

impl Slow {
    pub(super) fn add(&self, connection: &Arc<ClientConnection>) {
        let mut known = self.0.lock();
        if known.connections.len() >= known.forget_at.max(FORGET_FROM) {
            known.connections.retain(|connection| connection.strong_count() > 0);
            known.forget_at = 2 * known.connections.len();
        }
        known.connections.push(Arc::downgrade(connection));
    }

    /// Ends connections until the others can hold no more than `bytes`; says how many.
    fn shed(&self, bytes: u64) -> usize {
        let connections: Vec<_> = self.0.lock().connections.iter().filter_map(Weak::upgrade).collect();
        let busy: Vec<_> =
            connections.iter().filter(|connection| connection.weight() > 0 && !connection.is_shed()).collect();
        let mut held: u64 = busy.iter().map(|connection| held_by(connection)).sum();
        let mut by_client: HashMap<_, Vec<&Arc<ClientConnection>>> = HashMap::new();
        for connection in busy {
            by_client.entry(connection.share().map(Arc::as_ptr)).or_default().push(connection);
        }
        let weight = |list: &[&Arc<ClientConnection>]| list.iter().map(|connection| connection.weight()).sum::<usize>();
        let mut clients: Vec<_> = by_client.into_values().map(|list| (weight(&list), list)).collect();
        clients.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let mut shed = 0;
        for (_, mut list) in clients {
            list.sort_by_key(|connection| std::cmp::Reverse(connection.weight()));
            for connection in list {
                if held <= bytes {
                    return shed;
                }
                held = held.saturating_sub(held_by(connection));
                connection.shed();
                shed += 1;
            }
        }
        shed
    }
}

/// What a connection may come to hold.
fn held_by(connection: &ClientConnection) -> u64 {
    connection.weight() as u64 * HELD
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

/// Looks at the memory in use until dropped.
pub(crate) struct Watchman {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchman {
    pub(crate) fn start(memory: Memory, clients: Arc<Clients>) -> io::Result<Watchman> {
        let (stop, stopped) = mpsc::channel();
        clients.metrics.memory.limit(memory.limit());
        let thread = thread::Builder::new().name("memory".into()).spawn(move || {
            let (mut now, mut shed_at) = (Strain::None, None);
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                look(&memory, &clients, &mut now, &mut shed_at);
            }
        })?;
        Ok(Watchman { stop: Some(stop), thread: Some(thread) })
    }
}

fn look(memory: &Memory, clients: &Clients, now: &mut Strain, shed_at: &mut Option<Instant>) {
    let Some(used) = memory.used() else { return };
    clients.metrics.memory.used(used);
    let before = std::mem::replace(now, strain(used, memory.limit(), *now));
    clients.budget.set_strain(*now);
    let (used_mib, limit_mib) = (used >> 20, memory.limit() >> 20);
    if before == Strain::None && *now != Strain::None {
        log::warn!(
            "memory is short: {used_mib} of {limit_mib} MiB are in use; clients over their share of the requests in \
             flight are refused, and connections whose clients do not take their responses are ended"
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
            log::warn!("ended {shed} connections whose clients did not take their responses, to free memory");
        }
    }
}

impl Drop for Watchman {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It wakes at once; that it may have panicked is no reason to panic here.
            let _ = thread.join();
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
