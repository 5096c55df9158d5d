//! How many connections and requests this process has room for: by its file descriptors and by its memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than any task needs; where there is no limit, or a senseless one.
const MOST_DESCRIPTORS: u64 = 1 << 20;
/// Kept back, whatever clients do: for files, threads' wake-ups, DNS, the admin listener's connections and those of
/// clients that are being refused.
const RESERVE: u64 = 320;
/// A connection to the endpoint has a second handle, to be cut off by.
const UPSTREAM: u64 = 2;
/// Memory, and no longer descriptors, is what limits connections beyond this.
const MOST_CONNECTIONS: u64 = 100_000;
const LEAST: u64 = 16;

/// What an idle connection of a client takes, over TLS, with what the kernel keeps for it, and half as much again.
const CONNECTION_BYTES: u64 = 32 * 1024;
/// What a request in flight takes while its client keeps up, with what the kernel keeps for it. When clients do not keep
/// up it is ten times as much; for that, the memory in use is watched.
const REQUEST_BYTES: u64 = 64 * 1024;

/// What there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Connections of clients.
    pub(super) connections: usize,
    /// Requests in flight, each with a connection to the endpoint.
    pub(super) requests: usize,
    /// Idle connections to the endpoint.
    pub(super) pool: usize,
}

impl Room {
    /// Divides the file descriptors among connections of clients, requests and up to `pool` idle connections to the
    /// endpoint; then takes no more than fits into a quarter (connections) and a half (requests) of `memory` bytes.
    pub(super) fn new(descriptors: u64, memory: Option<u64>, pool: usize) -> Room {
        let all = descriptors.saturating_sub(RESERVE);
        // A small limit is not given to idle ones alone.
        let pool = (pool as u64).min(all / 4 / UPSTREAM);
        let each = (all - UPSTREAM * pool) / (1 + UPSTREAM);
        let within = |bytes: Option<u64>, one: u64| bytes.map_or(u64::MAX, |bytes| bytes / one);
        let connections = each.min(within(memory.map(|bytes| bytes / 4), CONNECTION_BYTES));
        let requests = each.min(within(memory.map(|bytes| bytes / 2), REQUEST_BYTES));
        let count = |n: u64| usize::try_from(n.clamp(LEAST, MOST_CONNECTIONS)).unwrap_or(usize::MAX);
        Room { connections: count(connections), requests: count(requests), pool: pool as usize }
    }
}

/// Raises the soft limit of file descriptors to the hard one; gives what it is now.
pub(super) fn raise_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST_DESCRIPTORS).min(MOST_DESCRIPTORS);
    let current = current.unwrap_or(MOST_DESCRIPTORS).min(MOST_DESCRIPTORS);
    if wanted > current && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok() {
        wanted
    } else {
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn all_that_may_be_open_fits_into_the_descriptors() {
        // Fargate's limit, and that of a plain shell.
        assert_eq!(Room::new(65_535, None, 8_192), Room { connections: 16_304, requests: 16_304, pool: 8_151 });
        assert_eq!(Room::new(1_024, None, 8_192), Room { connections: 176, requests: 176, pool: 88 });
        for descriptors in [512, 1_024, 2_048, 20_000, 65_535] {
            let Room { connections, requests, pool } = Room::new(descriptors, None, 8_192);
            let most = connections as u64 + UPSTREAM * (requests + pool) as u64 + RESERVE;
            assert!(most <= descriptors, "{descriptors}: {most}");
        }
    }

    #[test]
    fn a_tasks_memory_is_not_promised_twice() {
        let room = |mib: u64| Room::new(65_535, Some(mib * MIB), 8_192);
        assert_eq!((room(512).connections, room(512).requests), (4_096, 4_096));
        assert_eq!((room(1_024).connections, room(1_024).requests), (8_192, 8_192));
        for mib in [256, 512, 1_024, 8_192] {
            let Room { connections, requests, .. } = room(mib);
            assert!(connections as u64 * CONNECTION_BYTES <= mib * MIB / 4, "{mib}");
            assert!(requests as u64 * REQUEST_BYTES <= mib * MIB / 2, "{mib}");
        }
    }

    #[test]
    fn there_is_some_however_small_the_limits_and_not_endless() {
        assert_eq!(Room::new(0, Some(0), 8_192), Room { connections: 16, requests: 16, pool: 0 });
        assert_eq!(Room::new(MOST_DESCRIPTORS, None, 8_192).connections, 100_000);
    }

    #[test]
    fn the_limit_is_raised_to_what_it_may_be() {
        let raised = raise_descriptors();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current.unwrap_or(MOST_DESCRIPTORS).min(MOST_DESCRIPTORS), raised);
        assert!(raised >= maximum.unwrap_or(MOST_DESCRIPTORS).min(MOST_DESCRIPTORS));
    }
}
