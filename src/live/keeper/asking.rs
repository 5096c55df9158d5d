//! How the keeper asks the API of an entry.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::super::Live;
use super::session::Ask;
use crate::upstream::ask::Asker;
use crate::upstream::ask::question::{Question, SafeVerb, below_stage};
use crate::upstream::endpoints::Endpoints;
use nameplate_core::domain::probe::Probe;
use nameplate_core::domain::route::Route;
use nameplate_core::verdict::{Evidence, Outcome, Verdict, classify};

/// The longest that one API may take. One that takes longer is asked again later, if it is held for that.
const LONGEST: Duration = Duration::from_secs(5);
/// And the share of a verification's time: of an API that stays silent, what answered before can still be asked.
const SHARE: u32 = 3;

/// How often an API is asked that sends no response, each time at another address where there is one: an address that has
/// just died says nothing of the API.
const TRIES: usize = 2;
/// The share of its time that the last try has at least. The first one has more: an API may be slow.
const LAST_SHARE: u32 = 3;

/// Returns what asks with one GET, HEAD or OPTIONS, whichever the entry allows, without credentials: at the address that
/// a request would go to, over a connection of its own.
/// `time` is that of a whole verification.
pub(crate) fn asking(live: Arc<Live>, asker: Asker, endpoints: Arc<Endpoints>, time: Duration) -> Ask {
    let within = LONGEST.min(time / SHARE);
    let (asker, turn) = (Arc::new(asker), Arc::new(AtomicUsize::new(0)));
    Arc::new(move |route| {
        let (asker, endpoints, live) = (Arc::clone(&asker), Arc::clone(&endpoints), Arc::clone(&live));
        let turn = turn.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { ask((&live, &asker, &endpoints), &route, turn, within).await })
    })
}

async fn ask(
    (live, asker, endpoints): (&Live, &Asker, &Endpoints),
    route: &Route,
    turn: usize,
    within: Duration,
) -> Option<Verdict> {
    let place = live.place_of(route.overrides().and_then(|overrides| overrides.endpoint.as_deref()))?;
    let target = target(route)?;
    let question = Question::new(route, SafeVerb::allowed_by(route), &target, None)?;
    let until = Instant::now() + within;
    let mut best: Option<Evidence> = None;
    for (at, turn) in (turn..).take(TRIES).enumerate() {
        let reserved = if at + 1 < TRIES { within / LAST_SHARE } else { Duration::ZERO };
        let left = until.saturating_duration_since(Instant::now()).saturating_sub(reserved);
        let finding = match asker.ask(endpoints, place, &question, turn, left).await {
            Ok(finding) => finding,
            Err(exhausted) => {
                // One line for each would be thousands: how many could not be asked is logged at the end.
                log::debug!("an API cannot be asked before a change: {exhausted}");
                return None;
            }
        };
        best = Some(further(best, finding.evidence));
        if best.as_ref().is_some_and(|best| matches!(best.outcome, Outcome::Answered(_))) {
            break;
        }
    }
    best.as_ref().map(classify)
}

/// Returns the evidence of the try that got further; of two that got as far, the second one's.
fn further(first: Option<Evidence>, second: Evidence) -> Evidence {
    let steps = |evidence: &Evidence| match evidence.outcome {
        Outcome::NotResolved => 0,
        Outcome::NotConnected(_) => 1,
        Outcome::NotSecured(_) => 2,
        Outcome::NotAnswered(_) => 3,
        Outcome::Answered(_) => 4,
    };
    match first {
        Some(first) if steps(&first) > steps(&second) => first,
        _ => second,
    }
}

/// The path that is asked for: PROBE, else the entry's own base path. `None` where PROBE says that nobody asks.
fn target(route: &Route) -> Option<Cow<'_, str>> {
    match route.overrides().and_then(|overrides| overrides.probe.as_ref()) {
        None => Some(Cow::Borrowed(route.prefix())),
        Some(Probe::Path(path)) => Some(Cow::Owned(below_stage(route, path))),
        Some(Probe::Off) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::verdict::{Asked, ConnectError, ResponseError};

    #[test]
    fn a_second_try_that_gets_less_far_says_nothing_of_the_api() {
        let evidence = |outcome| Evidence { asked: Asked::default(), outcome };
        let silent = evidence(Outcome::NotAnswered(ResponseError::TimedOut));
        let closed = evidence(Outcome::NotAnswered(ResponseError::Closed));
        let dead = evidence(Outcome::NotConnected(ConnectError::TimedOut));
        assert_eq!(further(Some(silent.clone()), dead.clone()), silent);
        assert_eq!(further(Some(dead.clone()), silent.clone()), silent);
        assert_eq!(further(Some(silent), closed.clone()), closed);
        assert_eq!(further(None, dead.clone()), dead);
    }
}
