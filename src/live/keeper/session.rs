//! A verification under way: it asks several APIs at once, beside the readings of the source.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::snapshot::PACE;
use super::candidate::Candidate;
use nameplate_core::domain::route::Route;
use nameplate_core::verdict::Verdict;
use nameplate_core::verification::changes::Change;
use nameplate_core::verification::state::{Verdicts, Verification};

/// How many APIs are asked at once: enough that those which stay silent hold up few others.
const AT_ONCE: usize = 64;

/// Asks the API of an entry how it answers; `None` where this process could not ask.
pub type Ask = Arc<dyn Fn(Route) -> BoxFuture<'static, Option<Verdict>> + Send + Sync>;

/// The verification that is under way, and what it is for.
pub(super) struct UnderWay {
    pub(super) session: Session,
    pub(super) what_for: WhatFor,
}

/// What is verified.
pub(super) enum WhatFor {
    /// A mapping, before it becomes active; and when the first of those began that have replaced each other.
    Mapping(Box<Candidate>, Instant),
    /// The held entries of the active mapping at these places.
    Held(Vec<usize>),
}

/// A verification that asks. Dropped, it stops asking.
pub(super) struct Session {
    task: JoinHandle<Verification>,
    /// What it is about, should it fail.
    changes: Arc<[Change]>,
    stop: Option<oneshot::Sender<()>>,
}

impl Session {
    /// Begins to ask, on the runtime of the caller.
    pub(super) fn start(verification: Verification, ask: &Ask, deadline: Instant) -> Session {
        let (stop, stopped) = oneshot::channel();
        let changes = verification.changes();
        let task = tokio::spawn(run(verification, Arc::clone(ask), deadline, stopped));
        Session { task, changes, stop: Some(stop) }
    }

    /// Returns the verification once everybody was asked, or time is up; one that has asked nobody if it failed. Can be
    /// called again after it was cancelled.
    pub(super) async fn over(&mut self) -> Verification {
        (&mut self.task).await.unwrap_or_else(|error| {
            log::error!("a verification has failed, and its entries are unverified: {error}");
            Verification::new(Arc::clone(&self.changes), 0, Verdicts::new(), PACE)
        })
    }

    /// Stops asking. Returns what is known so far.
    pub(super) async fn stop(mut self) -> Verification {
        drop(self.stop.take());
        self.over().await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    mut verification: Verification,
    ask: Ask,
    deadline: Instant,
    mut stopped: oneshot::Receiver<()>,
) -> Verification {
    let mut open = FuturesUnordered::new();
    loop {
        while open.len() < AT_ONCE
            && let Some(route) = verification.take_question()
        {
            open.push(asked(&ask, route));
        }
        if open.is_empty() {
            return verification;
        }
        tokio::select! {
            Some((route, verdict)) = open.next() => verification.record(&route, verdict),
            _ = &mut stopped => return verification,
            () = tokio::time::sleep_until(deadline) => return verification,
        }
    }
}

/// An asker that panics has asked nobody.
fn asked(ask: &Ask, route: Route) -> impl Future<Output = (Route, Option<Verdict>)> + Send + use<> {
    let verdict = AssertUnwindSafe(ask(route.clone())).catch_unwind();
    async move { (route, verdict.await.unwrap_or(None)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::domain::api::PrivateApi;
    use nameplate_core::domain::base_path::BasePath;
    use nameplate_core::domain::host::Host;
    use nameplate_core::domain::pace::Pace;
    use nameplate_core::domain::route::Choices;
    use nameplate_core::domain::table::MappingTable;
    use nameplate_core::settings::Unverified;
    use nameplate_core::verdict::{Asked, Evidence, Outcome, classify};
    use nameplate_core::verification::changes::changes;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(20);

    fn table(api: &str) -> MappingTable {
        let route = |n: usize| {
            let api = PrivateApi::parse(&format!("https://{api}.execute-api.eu-west-1.amazonaws.com/p{n}"));
            let host = Host::parse(&format!("d{n}.example.com")).expect("a host");
            Route::new(&host, &BasePath::default(), &api.expect("an API"), Choices::default(), 1)
        };
        MappingTable::new((0..100).map(route).collect())
    }

    fn verification() -> Verification {
        Verification::new(changes(&table("old"), &table("new"), Pace::default()), 1_000, Verdicts::new(), PACE)
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
    }

    /// What is decided where each API is asked like this, within a time.
    fn decided(within: Duration, ask: fn(Route) -> BoxFuture<'static, Option<Verdict>>) -> (usize, usize, usize) {
        let ask: Ask = Arc::new(ask);
        runtime().block_on(async {
            let mut session = Session::start(verification(), &ask, Instant::now() + within);
            let decided = session.over().await.decide(Unverified::Accept);
            (decided.held.len(), decided.passed, decided.accepted)
        })
    }

    fn verdict() -> Option<Verdict> {
        Some(classify(&Evidence { asked: Asked::default(), outcome: Outcome::NotResolved }))
    }

    #[test]
    fn apis_that_are_silent_for_ever_end_with_the_time() {
        assert_eq!(decided(Duration::from_millis(20), |_| Box::pin(std::future::pending())), (0, 0, 100));
    }

    #[test]
    fn an_asker_that_panics_leaves_the_entry_unverified() {
        assert_eq!(decided(LONG, |_| Box::pin(async { panic!("a defect") })), (0, 0, 100));
    }

    #[test]
    fn a_verification_that_panics_leaves_every_entry_unverified() {
        assert_eq!(decided(LONG, |_| panic!("a defect")), (0, 0, 100));
    }

    #[test]
    fn apis_are_asked_at_the_same_time_and_not_more_of_them_than_may() {
        static OPEN: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let slow = |route: Route| -> BoxFuture<'static, Option<Verdict>> {
            Box::pin(async move {
                MOST.fetch_max(OPEN.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(2)).await;
                OPEN.fetch_sub(1, Ordering::Relaxed);
                verdict().filter(|_| route.api_id() == "new")
            })
        };
        // What could not be asked before counts as answering.
        assert_eq!(decided(LONG, slow), (100, 0, 0));
        assert_eq!(MOST.load(Ordering::Relaxed), AT_ONCE);
    }

    #[test]
    fn what_is_known_outlives_a_session_that_is_stopped() {
        let ask: Ask = Arc::new(|route: Route| {
            Box::pin(async move {
                if route.prefix() != "/p0" {
                    std::future::pending::<()>().await;
                }
                verdict()
            })
        });
        runtime().block_on(async {
            let session = Session::start(verification(), &ask, Instant::now() + LONG);
            tokio::time::sleep(Duration::from_millis(20)).await;
            let known = session.stop().await.into_verdicts();
            assert_eq!(known.len(), 2, "the new target and the old one");
        });
    }
}
