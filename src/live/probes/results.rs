//! What the last probe of each target showed.

use std::collections::HashMap;
use std::time::SystemTime;

use super::plan::Target;
use nameplate_core::verdict::{Class, Standing, Verdict};

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

impl ProbeOutcome {
    fn fails(&self) -> bool {
        self.verdict.standing() != Standing::Answers
    }
}

/// One target, and the outcome that counts.
#[derive(Debug)]
struct Kept {
    place: u32,
    past: Past,
}

/// What is kept of a target's probes.
#[derive(Debug, Default)]
struct Past {
    /// `None` before the first outcome that counts.
    outcome: Option<ProbeOutcome>,
    /// Reports whether the last probe failed and the one before it did not: that does not count yet.
    has_failed_once: bool,
}

/// The outcomes of the targets of one snapshot, and of no others.
#[derive(Debug, Default)]
pub(super) struct Results {
    generation: u64,
    kept: HashMap<u64, Kept>,
    /// Entries that are not probed because they allow no safe method.
    pub(super) without_safe_verb: usize,
}

/// How many targets there are by what their last probe showed, in the order of [`Class::ALL`]; and how many have not been
/// probed yet.
pub(crate) type ProbeCounts = ([usize; Class::ALL.len()], usize);

impl Results {
    /// From now on the targets are these. Those that were before keep their outcomes.
    pub(super) fn set_targets(&mut self, generation: u64, targets: impl Iterator<Item = Target>) {
        let mut before = std::mem::take(&mut self.kept);
        let mut past = |key| before.remove(&key).map(|kept| kept.past).unwrap_or_default();
        self.generation = generation;
        self.kept = targets.map(|Target { key, place }| (key, Kept { place, past: past(key) })).collect();
    }

    /// A probe has ended. Of a target that is gone, nothing is kept. A failure counts if it is the second one in a row;
    /// returns `true` for the first, after which the target is to be asked again soon.
    pub(super) fn note(&mut self, key: u64, outcome: ProbeOutcome) -> bool {
        let Some(Kept { past, .. }) = self.kept.get_mut(&key) else { return false };
        let failed_before = past.has_failed_once || past.outcome.as_ref().is_some_and(ProbeOutcome::fails);
        past.has_failed_once = outcome.fails() && !failed_before;
        if !past.has_failed_once {
            past.outcome = Some(outcome);
        }
        past.has_failed_once
    }

    pub(super) fn of(&self, key: u64) -> Option<&ProbeOutcome> {
        self.kept.get(&key)?.past.outcome.as_ref()
    }

    pub(super) fn counts(&self) -> ProbeCounts {
        let (mut by_class, mut pending) = ProbeCounts::default();
        for kept in self.kept.values() {
            match &kept.past.outcome {
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
        let outcome = |kept: &Kept| Some((kept.place, kept.past.outcome.clone()?));
        let all = self.kept.values().filter(|_| generation == self.generation);
        let picked = |kept: &&Kept| kept.past.outcome.as_ref().is_some_and(&is);
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
        let marks = Response { status: 200, has_request_id: true, has_apigw_id: true, ..Response::default() };
        results.note(10, outcome(Outcome::Answered(marks)));
        assert!(results.note(11, dead()) && !results.note(11, dead()));
        assert!(!results.note(99, dead()));
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

    #[test]
    fn one_failure_among_answers_does_not_count() {
        let answers = || {
            let response = Response { status: 200, has_request_id: true, has_apigw_id: true, ..Response::default() };
            outcome(Outcome::Answered(response))
        };
        let mut results = Results::default();
        results.set_targets(1, [Target { key: 1, place: 0 }].into_iter());
        let class = |results: &Results| results.of(1).map(|outcome| outcome.verdict.class());
        assert!(results.note(1, dead()), "asked again soon");
        assert_eq!(class(&results), None, "pending");
        assert!(!results.note(1, answers()));
        assert!(results.note(1, dead()));
        assert_eq!(class(&results), Some(Class::Answers));
        results.set_targets(2, [Target { key: 1, place: 7 }].into_iter());
        assert!(!results.note(1, dead()), "the second, also after a change of the mapping");
        assert_eq!(class(&results), Some(Class::Unreachable));
        assert!(!results.note(1, dead()));
        assert!(!results.note(1, answers()));
        assert_eq!(class(&results), Some(Class::Answers), "one answer is enough");
    }
}
