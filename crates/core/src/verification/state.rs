//! One verification: whom to ask, and what follows from the verdicts. Without a clock: whoever runs it says when time is
//! up, by deciding.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::changes::{Change, Target, has_same_target};
use super::held::{HeldEntry, Reason};
use crate::domain::pace::Pace;
use crate::domain::route::Route;
use crate::settings::Unverified;
use crate::verdict::{Standing, Verdict};

/// Entries looked at between two offers of the core.
const LOOKED_AT: u32 = 1_024;

/// The verdicts on the targets that were asked.
pub type Verdicts = HashMap<Target, Verdict>;

/// A verification under way.
#[derive(Clone, Debug)]
pub struct Verification {
    changes: Arc<[Change]>,
    /// The places in `changes` of the entries with the same new target; of targets that may be asked or have a verdict.
    by_target: HashMap<Target, Vec<usize>>,
    verdicts: Verdicts,
    /// Whom to ask next; an entry with each target.
    queue: VecDeque<Route>,
    /// The targets that were put into the queue or have a verdict.
    known: HashSet<Target>,
    /// How many requests may still be sent.
    left: usize,
    /// How many were sent and have no verdict yet.
    open: usize,
}

/// What a verification has decided.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// The entries that keep what they had, in the order of a table.
    pub held: Vec<HeldEntry>,
    /// How many entries become active because they answer no worse than before.
    pub passed: usize,
    /// How many become active although nobody could ask.
    pub accepted: usize,
}

impl Verification {
    /// Begins a verification that sends up to `most` requests; each part of the mapping gets as many as any other.
    /// `verdicts` are known from one that it replaces.
    pub fn new(changes: impl Into<Arc<[Change]>>, most: usize, verdicts: Verdicts, pace: Pace) -> Verification {
        let (changes, mut looked_at) = (changes.into(), pace.every(LOOKED_AT));
        let mut by_target: HashMap<Target, Vec<usize>> = HashMap::new();
        let mut queue = VecDeque::new();
        let mut known: HashSet<Target> = verdicts.keys().cloned().collect();
        for at in in_turn(&changes, pace) {
            looked_at.step();
            let (next, target) = (&changes[at].next, Target::of(&changes[at].next));
            if !known.contains(&target) {
                if queue.len() >= most {
                    continue;
                }
                queue.push_back(next.clone());
                known.insert(target.clone());
            }
            by_target.entry(target).or_default().push(at);
        }
        let mut begun = Verification { changes, by_target, verdicts, queue, known, left: most, open: 0 };
        let bad: Vec<Target> = begun.by_target.keys().filter(|target| begun.answers_badly(target)).cloned().collect();
        bad.iter().for_each(|target| begun.ask_before(target));
        begun
    }

    /// Returns the entries that it is about.
    pub fn changes(&self) -> Arc<[Change]> {
        Arc::clone(&self.changes)
    }

    /// Takes the next entry whose target is to be asked; `None` where nobody is to be asked now.
    pub fn take_question(&mut self) -> Option<Route> {
        if self.left == 0 {
            return None;
        }
        let route = self.queue.pop_front()?;
        (self.left, self.open) = (self.left - 1, self.open + 1);
        Some(route)
    }

    /// Takes the verdict on the target of an entry that was to be asked; `None` where it could not be asked.
    pub fn record(&mut self, asked: &Route, verdict: Option<Verdict>) {
        self.open = self.open.saturating_sub(1);
        if let Some(verdict) = verdict {
            let target = Target::of(asked);
            self.verdicts.insert(target.clone(), verdict);
            if self.answers_badly(&target) {
                self.ask_before(&target);
            }
        }
    }

    /// Reports whether everybody was asked who is to be asked, and all verdicts are there.
    pub fn is_over(&self) -> bool {
        self.open == 0 && (self.queue.is_empty() || self.left == 0)
    }

    /// Decides, from the verdicts that are there. Each entry without one is `unverified`.
    pub fn decide(&self, unverified: Unverified) -> Decided {
        let mut decided = Decided::default();
        for change in self.changes.iter() {
            match (self.reason(change), unverified) {
                (None, _) => decided.passed += 1,
                (Some(Reason::Unverified), Unverified::Accept) => decided.accepted += 1,
                // It may stay held for long, and the mappings that it is from are replaced meanwhile.
                (Some(reason), _) => decided.held.push(HeldEntry { change: change.to_owned_text(), reason }),
            }
        }
        decided
    }

    /// Returns the verdicts that are there, for the verification that replaces this one.
    pub fn into_verdicts(self) -> Verdicts {
        self.verdicts
    }

    /// Returns why an entry does not answer as well as before; `None` if it does.
    fn reason(&self, change: &Change) -> Option<Reason> {
        let Some(verdict) = self.verdicts.get(&Target::of(&change.next)) else { return Some(Reason::Unverified) };
        let before = self.verdicts.get(&Target::of(change.before.route()));
        // What has served until now counts as answering, unless it was asked and does not.
        let standing = before.map_or(Standing::Answers, Verdict::standing);
        let is_worse = verdict.standing() < standing;
        is_worse.then(|| Reason::Worse { verdict: verdict.clone(), before: before.cloned() })
    }

    fn answers_badly(&self, target: &Target) -> bool {
        self.verdicts.get(target).is_some_and(|verdict| verdict.standing() < Standing::Answers)
    }

    /// Asks first what answered before for the entries with this new target: then it can be decided about them.
    fn ask_before(&mut self, target: &Target) {
        for at in self.by_target.get(target).into_iter().flatten() {
            let before = self.changes[*at].before.route();
            if self.known.insert(Target::of(before)) {
                self.queue.push_front(before.clone());
            }
        }
    }
}

/// Returns the places of the entries in the order in which they are asked about: the first target of each part, then the
/// second one of each, and so on, so that no part takes the requests of the others.
fn in_turn(changes: &[Change], pace: Pace) -> Vec<usize> {
    let mut looked_at = pace.every(LOOKED_AT);
    let mut last: HashMap<u16, (usize, &Route)> = HashMap::new();
    let mut turns = Vec::with_capacity(changes.len());
    for Change { next, .. } in changes {
        looked_at.step();
        let turn = match last.get(&next.part) {
            None => 0,
            // They are asked about together.
            Some((turn, before)) if before.host_ref() == next.host_ref() && has_same_target(before, next) => *turn,
            Some((turn, _)) => turn + 1,
        };
        last.insert(next.part, (turn, next));
        turns.push(turn);
    }
    let mut places: Vec<usize> = (0..changes.len()).collect();
    places.sort_by_key(|at| {
        looked_at.step();
        turns[*at]
    });
    places
}
