//! Long work in short steps.
//!
//! A mapping of 100,000 entries is a tenth of a second of work. Where it shares a core with requests,
//! a scheduler may let a thread finish its turn of some milliseconds before it runs a request that
//! has become ready (Linux does since 6.6), whatever the threads' priorities. So the work offers the
//! core every hundred microseconds or so, which costs next to nothing where nobody wants it.

/// Counts steps, and offers the core after every so many.
#[derive(Debug)]
pub struct Pace {
    every: u32,
    left: u32,
}

impl Pace {
    /// Offers the core after every so many steps.
    pub fn of(every: u32) -> Pace {
        Pace { every, left: every }
    }

    /// A step is done.
    #[inline]
    pub fn step(&mut self) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.left = self.every;
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_round() {
        let mut pace = Pace::of(2);
        let left: Vec<u32> = (0..5)
            .map(|_| {
                pace.step();
                pace.left
            })
            .collect();
        assert_eq!(left, [1, 2, 1, 2, 1]);
        Pace::of(0).step();
    }
}
