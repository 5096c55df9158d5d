//! Connections that may hold memory for clients that do not take their responses, and which of them end first.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::budget::Share;

/// What a request in flight is taken to hold whose client does not take its response.
const HELD: u64 = 512 * 1024;
/// Connections that are remembered before those that have ended are first forgotten.
const FORGET_FROM: usize = 256;

/// A connection, as far as the memory that it holds is concerned.
pub(super) trait Holder: Send + Sync {
    /// Requests in flight.
    fn weight(&self) -> usize;

    /// Whose it is: the share that its requests count against, which is one for each client address.
    fn client(&self) -> Option<*const Share>;

    /// Reports whether it is ending already.
    fn is_shed(&self) -> bool;

    /// Ends it as soon as it waits for its client.
    fn shed(&self);
}

/// Connections that may wait for their clients: those of HTTP/2, and those that have waited once.
#[derive(Default)]
pub(super) struct Slow(Mutex<Known>);

#[derive(Default)]
struct Known {
    connections: Vec<Weak<dyn Holder>>,
    forget_at: usize,
}

impl Slow {
    pub(super) fn add(&self, connection: Weak<dyn Holder>) {
        let mut known = self.0.lock();
        if known.connections.len() >= known.forget_at.max(FORGET_FROM) {
            known.connections.retain(|connection| connection.strong_count() > 0);
            known.forget_at = 2 * known.connections.len();
        }
        known.connections.push(connection);
    }

    /// Ends connections until the others can hold no more than `bytes`; says how many.
    pub(super) fn shed(&self, bytes: u64) -> usize {
        let connections: Vec<_> = self.0.lock().connections.iter().filter_map(Weak::upgrade).collect();
        let busy: Vec<_> =
            connections.iter().filter(|connection| connection.weight() > 0 && !connection.is_shed()).collect();
        let mut held: u64 = busy.iter().map(|connection| held_by(connection.as_ref())).sum();
        let mut by_client: HashMap<_, Vec<&Arc<dyn Holder>>> = HashMap::new();
        for connection in busy {
            by_client.entry(connection.client()).or_default().push(connection);
        }
        let weight = |list: &[&Arc<dyn Holder>]| list.iter().map(|connection| connection.weight()).sum::<usize>();
        let mut clients: Vec<_> = by_client.into_values().map(|list| (weight(&list), list)).collect();
        clients.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let mut shed = 0;
        for (_, mut list) in clients {
            // Looked at once each: requests change it meanwhile.
            list.sort_by_cached_key(|connection| std::cmp::Reverse(connection.weight()));
            for connection in list {
                if held <= bytes {
                    return shed;
                }
                held = held.saturating_sub(held_by(connection.as_ref()));
                connection.shed();
                shed += 1;
            }
        }
        shed
    }
}

/// What a connection may come to hold.
fn held_by(connection: &dyn Holder) -> u64 {
    connection.weight() as u64 * HELD
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Held {
        weight: usize,
        client: Arc<Share>,
        shed: AtomicBool,
    }

    impl Holder for Held {
        fn weight(&self) -> usize {
            self.weight
        }

        fn client(&self) -> Option<*const Share> {
            Some(Arc::as_ptr(&self.client))
        }

        fn is_shed(&self) -> bool {
            self.shed.load(Ordering::Relaxed)
        }

        fn shed(&self) {
            self.shed.store(true, Ordering::Relaxed);
        }
    }

    /// Connections of clients that are numbered, each with so many requests; and which of them end.
    fn shed(connections: &[(usize, usize)], room: u64) -> Vec<bool> {
        let clients: Vec<Arc<Share>> = (0..4).map(|_| Arc::default()).collect();
        let held = |(client, weight): &(usize, usize)| {
            Arc::new(Held { weight: *weight, client: Arc::clone(&clients[*client]), shed: AtomicBool::new(false) })
        };
        let all: Vec<Arc<Held>> = connections.iter().map(held).collect();
        let slow = Slow::default();
        for connection in &all {
            let connection: Arc<dyn Holder> = Arc::clone(connection) as _;
            slow.add(Arc::downgrade(&connection));
        }
        let count = slow.shed(room * HELD);
        let ended: Vec<bool> = all.iter().map(|connection| connection.is_shed()).collect();
        assert_eq!(count, ended.iter().filter(|ended| **ended).count());
        ended
    }

    #[test]
    fn the_client_with_most_requests_goes_first_and_its_heaviest_connection_before_the_others() {
        assert_eq!(shed(&[(0, 30), (1, 40), (0, 20), (2, 1)], 75), [true, false, false, false]);
        assert_eq!(shed(&[(0, 30), (1, 40), (0, 20), (2, 1)], 41), [true, false, true, false]);
        assert_eq!(shed(&[(0, 30), (1, 40), (0, 20), (2, 1)], 1), [true, true, true, false]);
    }

    #[test]
    fn what_has_room_stays_and_so_does_what_holds_nothing() {
        assert_eq!(shed(&[(0, 3), (1, 4)], 7), [false, false]);
        assert_eq!(shed(&[(0, 0), (1, 4)], 0), [false, true]);
    }

    #[test]
    fn connections_that_have_ended_are_forgotten() {
        let slow = Slow::default();
        for _ in 0..10 * FORGET_FROM {
            let gone: Arc<dyn Holder> =
                Arc::new(Held { weight: 1, client: Arc::default(), shed: AtomicBool::new(false) });
            slow.add(Arc::downgrade(&gone));
        }
        assert!(slow.0.lock().connections.len() <= FORGET_FROM);
    }
}
