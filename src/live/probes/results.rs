//! What the last probe of each target showed.

use std::collections::HashMap;
use std::time::SystemTime;

use super::plan::Target;
use nameplate_core::verdict::{Class, Verdict};

/// What a probe showed, and when.
#[derive(Clone, Debug)]
pub(crate) struct ProbeOutcome {
    /// Why the API does or does not answer.
    pub(crate) verdict: Verdict,
    /// The status of the response, where one came.
    pub(crate) status: Option<u16>,
    /// When the probe ended.
    pub(crate) at: SystemTime,
}

/// One target, and its last outcome; `None` before the first.
#[derive(Debug)]
struct Kept {
    place: u32,
    outcome: Option<ProbeOutcome>,
}

/// The outcomes of the targets of one snapshot, and of no others.
#[derive(Debug, Default)]
pub(super) struct Results {
    generation: u64,
    kept: HashMap<u64, Kept>,
}

/// How many targets there are by what their last probe showed, in the order of [`Class::ALL`]; and how many have not been
/// probed yet.
pub(crate) type ProbeCounts = ([usize; Class::ALL.len()], usize);

impl Results {
    /// From now on the targets are these. Those that were before keep their outcomes.
    pub(super) fn set_targets(&mut self, generation: u64, targets: impl Iterator<Item = Target>) {
        let mut before = std::mem::take(&mut self.kept);
        let outcome = |before: &mut HashMap<u64, Kept>, key| before.remove(&key).and_then(|kept| kept.outcome);
        self.generation = generation;
        self.kept =
            targets.map(|Target { key, place }| (key, Kept { place, outcome: outcome(&mut before, key) })).collect();
    }

    /// A probe has ended. Of a target that is gone, nothing is kept.
    pub(super) fn note(&mut self, key: u64, outcome: ProbeOutcome) {
        if let Some(kept) = self.kept.get_mut(&key) {
            kept.outcome = Some(outcome);
        }
    }

    pub(super) fn of(&self, key: u64) -> Option<&ProbeOutcome> {
        self.kept.get(&key)?.outcome.as_ref()
    }

    pub(super) fn counts(&self) -> ProbeCounts {
        let (mut by_class, mut pending) = ProbeCounts::default();
        for kept in self.kept.values() {
            match &kept.outcome {
                Some(outcome) => by_class[outcome.verdict.class().index()] += 1,
                None => pending += 1,
            }
        }
        (by_class, pending)
    }

    /// The first `most` targets of a snapshot whose outcome `is` picks, by place, with the
    /// places of their entries there; and how many more there are. Empty while the targets are another snapshot's.
    pub(super) fn pick(
        &self,
        generation: u64,
        most: usize,
        is: impl Fn(&ProbeOutcome) -> bool,
    ) -> (Vec<(u32, ProbeOutcome)>, usize) {
        let outcome = |kept: &Kept| Some((kept.place, kept.outcome.clone()?));
        let all = self.kept.values().filter(|_| generation == self.generation);
        let picked = |kept: &&Kept| kept.outcome.as_ref().is_some_and(&is);
        let mut found: Vec<&Kept> = all.filter(picked).collect();
        found.sort_unstable_by_key(|kept| kept.place);
        let more = found.len().saturating_sub(most);
        (found.into_iter().take(most).filter_map(outcome).collect(), more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::verdict::{Asked, ConnectError, Evidence, Outcome, Response, classify};

    fn outcome(outcome: Outcome) -> ProbeOutcome {
        let evidence = Evidence { asked: Asked::default(), outcome };
        ProbeOutcome { verdict: classify(&evidence), status: None, at: SystemTime::UNIX_EPOCH }
    }

    fn dead() -> ProbeOutcome {
        outcome(Outcome::NotConnected(ConnectError::Refused))
    }

    #[test]
    fn a_target_that_is_gone_takes_its_outcome_with_it() {
        let mut results = Results::default();
        let target = |key, place| Target { key, place };
        results.set_targets(1, [target(10, 0), target(11, 1)].into_iter());
        assert_eq!(results.counts().1, 2);
        results.note(10, outcome(Outcome::Answered(Response { status: 200, ..Response::default() })));
        results.note(11, dead());
        results.note(99, dead());
        let (by_class, pending) = results.counts();
        assert_eq!((pending, by_class.iter().sum::<usize>(), by_class[Class::Unreachable.index()]), (0, 2, 1));
        let is_dead = |outcome: &ProbeOutcome| outcome.verdict.class() == Class::Unreachable;
        assert_eq!(results.pick(1, 5, is_dead).0[0].0, 1);
        assert_eq!((results.pick(1, 0, is_dead).1, results.pick(2, 5, is_dead).0.len()), (1, 0));
        results.set_targets(2, [target(11, 0), target(12, 1)].into_iter());
        assert!(results.of(10).is_none() && results.of(11).is_some() && results.of(12).is_none());
        assert_eq!(results.pick(2, 5, is_dead).0[0].0, 0, "it has moved");
        results.note(10, dead());
        assert!(results.of(10).is_none(), "a probe that was under way");
    }
}
