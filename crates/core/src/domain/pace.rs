//! Long work in short steps.
//!
//! A mapping of 100,000 entries is a tenth of a second of work. Where it shares a core with requests,
//! a scheduler may let a thread finish its turn of some milliseconds before it runs a request that
//! has become ready (Linux does since 6.6), whatever the threads' priorities. So the work offers the
//! core every hundred microseconds or so, which costs next to nothing where nobody wants it.
//!
//! How a thread offers its core is for the caller to say.

/// What long work calls between two steps. By default, nothing.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    offer: fn(),
}

impl Default for Pace {
    fn default() -> Self {
        Pace::new(|| {})
    }
}

impl Pace {
    /// A pace that calls `offer`: `std::thread::yield_now`, for a thread that shares its core.
    pub const fn new(offer: fn()) -> Pace {
        Pace { offer }
    }

    /// Offers the core after every `count` steps.
    pub fn every(self, count: u32) -> Steps {
        Steps { pace: self, every: count, left: count }
    }
}

/// Counts steps, and offers the core after every few of them.
#[derive(Debug)]
pub struct Steps {
    pace: Pace,
    every: u32,
    left: u32,
}

impl Steps {
    /// Counts one step as done.
    #[inline]
    pub fn step(&mut self) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.left = self.every;
            (self.pace.offer)();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local!(static OFFERED: Cell<u32> = const { Cell::new(0) });

    #[track_caller]
    fn check(every: u32, steps: u32, want: u32) {
        OFFERED.set(0);
        let mut counted = Pace::new(|| OFFERED.set(OFFERED.get() + 1)).every(every);
        (0..steps).for_each(|_| counted.step());
        assert_eq!(OFFERED.get(), want, "{steps} steps, every {every}");
    }

    #[test]
    fn the_core_is_offered_after_every_few_steps() {
        check(2, 1, 0);
        check(2, 5, 2);
        check(1, 5, 5);
        check(0, 5, 5);
    }

    #[test]
    fn by_default_nothing_is_called() {
        Pace::default().every(1).step();
    }
}
