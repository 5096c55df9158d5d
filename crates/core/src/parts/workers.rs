//! Work on many parts, shared among threads.

use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// Does each job, on up to `threads` threads, and returns the results in the order of the jobs. A thread that cannot be
/// started leaves its jobs to the others; the caller's own does some in any case.
pub(super) fn do_all<J: Send, R: Send>(jobs: Vec<J>, threads: usize, work: impl Fn(J) -> R + Sync) -> Vec<R> {
    let count = jobs.len();
    if threads <= 1 || count <= 1 {
        return jobs.into_iter().map(work).collect();
    }
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let done = Mutex::new(Vec::with_capacity(count));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work_on = || {
        while let Some((at, job)) = next() {
            let result = work(job);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(count) {
            if Builder::new().name("parts".into()).spawn_scoped(scope, work_on).is_err() {
                break;
            }
        }
        work_on();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_jobs() {
        for (jobs, threads) in [(0, 4), (1, 4), (100, 1), (100, 4), (3, 64)] {
            let results = do_all((0..jobs).collect(), threads, |job| job * 2);
            assert_eq!(results, (0..jobs).map(|job| job * 2).collect::<Vec<_>>(), "{jobs} jobs, {threads} threads");
        }
    }
}
