//! The shortest call that one pattern matches and others do not.
//!
//! It reads all patterns at once, character by character, and follows every character that makes a difference to one of
//! them; all others are alike, and one stands for them. What was read leads to the same places in the patterns again and
//! again, so there are finitely many steps.

use std::collections::{BTreeSet, HashSet};

use super::glob::{Glob, Globs, Places};
use nameplate_core::domain::verbs::VERBS;

/// After how many states the search gives up, beyond one for each character of the patterns.
const MOST_STATES: usize = 50_000;

/// What is searched for: calls that the wanted patterns match and the unwanted ones do not.
pub(super) struct Search<'g> {
    /// What stands before a stage in every ARN.
    pub(super) before: &'g str,
    /// One of these must match; or none of them, where `is_inverted`.
    pub(super) wanted: Vec<Glob>,
    /// `NotResource`.
    pub(super) is_inverted: bool,
    /// This one must match as well.
    pub(super) within: Option<Glob>,
    /// None of these may match.
    pub(super) unwanted: Vec<Glob>,
}

/// What a search finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The call, as its ARN ends: `{stage}/{VERB}/{path}`.
    Call(String),
    /// There is none.
    Nothing,
    /// The patterns are too many, or too much alike, to find out.
    TooMany,
}

/// How much of a call was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// Of its stage, whether there is a character.
    Stage(bool),
    /// Of its verb, the verbs that it may be, as bits, and how many characters.
    Verb(u8, u8),
    /// Something of its path.
    Path,
}

impl Part {
    /// After one more character; none where no call goes on like this.
    fn step(self, c: char) -> Option<Part> {
        match self {
            Part::Stage(true) if c == '/' => Some(Part::Verb(0x7f, 0)),
            Part::Stage(_) => (c.is_ascii_alphanumeric() || c == '_' || c == '-').then_some(Part::Stage(true)),
            Part::Verb(verbs, at) => {
                let is_bit = |number: usize| verbs & (1 << number) != 0;
                let mut left = VERBS.iter().enumerate().filter(|(number, _)| is_bit(*number));
                if c == '/' {
                    return left.any(|(_, verb)| verb.len() == usize::from(at)).then_some(Part::Path);
                }
                let is_next =
                    |verb: &str| verb.as_bytes().get(usize::from(at)).is_some_and(|next| char::from(*next) == c);
                let bits = left.filter(|(_, verb)| is_next(verb)).fold(0, |bits, (number, _)| bits | 1 << number);
                (bits != 0).then_some(Part::Verb(bits, at + 1))
            }
            Part::Path => (!c.is_whitespace() && !c.is_control() && !"?#".contains(c)).then_some(Part::Path),
        }
    }
}

/// What was read, how far each pattern was read with it, and how it was reached.
struct State {
    part: Part,
    places: Places,
    /// The last character, and the number of the state before it. None at the start.
    last: Option<(usize, char)>,
}

impl Search<'_> {
    /// Searches, the shortest calls first.
    pub(super) fn run(self) -> Found {
        let Search { before, wanted, is_inverted, within, unwanted } = self;
        let alphabet = alphabet(wanted.iter().chain(&unwanted).chain(&within));
        let globs = Globs::new(&wanted, &unwanted, within.as_ref());
        let places = globs.after_before(before);
        let mut seen = HashSet::from([(Part::Stage(false), places.clone())]);
        let mut states = vec![State { part: Part::Stage(false), places, last: None }];
        let mut next = (Part::Path, Places::default());
        let (mut at, most) = (0, MOST_STATES + globs.len());
        while let Some(State { part, places, .. }) = states.get(at) {
            let (part, places, named) = (*part, places.clone(), globs.characters_at(places));
            let verdict = globs.verdict(&places);
            let is_call = verdict.is_within && verdict.has_wanted != is_inverted && !verdict.has_unwanted;
            if part == Part::Path && is_call {
                return Found::Call(read(&states, at));
            }
            let mut is_other_tried = false;
            for &c in &alphabet {
                let Some(after) = part.step(c) else { continue };
                // One character stands for all that make no difference here.
                if after == part && !named.contains(&c) && std::mem::replace(&mut is_other_tried, true) {
                    continue;
                }
                next.0 = after;
                globs.step(&places, c, &mut next.1);
                let verdict = globs.verdict(&next.1);
                // Behind an unwanted pattern that ends in `*`, nothing more is found.
                let is_over = !(is_inverted || verdict.can_be_wanted) || !verdict.can_be_within;
                if is_over || verdict.is_all_unwanted || seen.contains(&next) {
                    continue;
                }
                if seen.len() == most {
                    return Found::TooMany;
                }
                seen.insert(next.clone());
                states.push(State { part: after, places: next.1.clone(), last: Some((at, c)) });
            }
            at += 1;
        }
        Found::Nothing
    }
}

/// The characters that led to a state.
fn read(states: &[State], at: usize) -> String {
    let before = |at: &usize| states[*at].last.map(|(before, _)| before);
    let mut characters: Vec<char> =
        std::iter::successors(Some(at), before).filter_map(|at| states[at].last.map(|(_, c)| c)).collect();
    characters.reverse();
    characters.into_iter().collect()
}

/// The characters that make a difference, and one that makes none. First those that a call is likely to have.
fn alphabet<'g>(globs: impl Iterator<Item = &'g Glob>) -> Vec<char> {
    // By their codes. Nearly every pattern is ASCII, and a set would be sorted anew for every search.
    let (mut ascii, mut beyond) = ([false; 128], BTreeSet::new());
    let verbs = VERBS.iter().flat_map(|verb| verb.chars());
    for c in globs.flat_map(Glob::characters).chain(verbs).chain(['/']) {
        match ascii.get_mut(c as usize) {
            Some(is_named) => *is_named = true,
            None => {
                beyond.insert(c);
            }
        }
    }
    let is_named = |c: &char| ascii.get(*c as usize).copied().unwrap_or_else(|| beyond.contains(c));
    let others = ('a'..='z').rev().chain('0'..='9').chain('A'..='Z').chain(['\u{f8}', '\u{142}']);
    let other = others.into_iter().find(|c| !is_named(c));
    let named = (0..128_u8).map(char::from).filter(is_named);
    other.into_iter().chain(named).chain(beyond.iter().copied()).collect()
}
