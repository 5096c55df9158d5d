//! How many connections the system lets us have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than any task needs; where there is no limit, or a senseless one.
const MOST_DESCRIPTORS: u64 = 1 << 20;
/// For files, threads' wake-ups, the admin pages, DNS, and what else is open beside connections.
const RESERVE: u64 = 256;
/// Memory, and no longer descriptors, is what limits connections beyond this.
const MOST_CONNECTIONS: u64 = 100_000;

/// Raises the soft limit of file descriptors to the hard one; gives what it is now.
pub(super) fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST_DESCRIPTORS).min(MOST_DESCRIPTORS);
    let current = current.unwrap_or(MOST_DESCRIPTORS).min(MOST_DESCRIPTORS);
    if wanted > current && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok() {
        wanted
    } else {
        current
    }
}

/// A connection to the endpoint has a second handle, to be cut off by.
const UPSTREAM: u64 = 2;

/// Clients' connections there may be with so many descriptors, where `pool` connections to the endpoint
/// may be idle. Each client may need another one of those. A small limit is not given to idle ones alone.
pub(super) fn connections(descriptors: u64, pool: usize) -> usize {
    let idle = (UPSTREAM * pool as u64).min(descriptors / 4);
    let clients = (descriptors.saturating_sub(idle + RESERVE) / (1 + UPSTREAM)).clamp(16, MOST_CONNECTIONS);
    usize::try_from(clients).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_and_their_upstreams_fit() {
        // Fargate's limit, and that of a plain shell.
        assert_eq!(connections(65_535, 8_192), 16_298);
        assert_eq!(connections(1_024, 8_192), 170);
        for descriptors in [512, 1_024, 4_096, 65_535] {
            let clients = connections(descriptors, 8_192) as u64;
            assert!((1 + UPSTREAM) * clients + RESERVE <= descriptors, "{descriptors}");
        }
    }

    #[test]
    fn there_are_some_however_small_the_limit_and_not_endless_many() {
        assert_eq!(connections(0, 8_192), 16);
        assert_eq!(connections(MOST_DESCRIPTORS, 8_192), 100_000);
    }

    #[test]
    fn the_limit_is_raised_to_what_it_may_be() {
        let raised = raise();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current.unwrap_or(MOST_DESCRIPTORS).min(MOST_DESCRIPTORS), raised);
        assert!(raised >= maximum.unwrap_or(MOST_DESCRIPTORS).min(MOST_DESCRIPTORS));
    }
}
