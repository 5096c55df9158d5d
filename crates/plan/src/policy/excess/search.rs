//! The shortest call that one pattern matches and others do not.
//!
//! It reads all patterns at once, character by character, and follows every character that makes a difference to one of
//! them; all others are alike, and one stands for them. What was read leads to the same places in the patterns again and
//! again, so there are finitely many steps.

use std::collections::{BTreeSet, HashSet, VecDeque};

use super::glob::{Glob, Places};
use nameplate_core::domain::verbs::VERBS;

/// After how many states the search gives up.
const MOST_STATES: usize = 50_000;

/// What is searched for: calls that the wanted patterns match and the unwanted ones do not.
pub(super) struct Search<'g> {
    /// What stands before a stage in every ARN.
    pub(super) before: &'g str,
    /// One of these must match; or none of them, where `is_inverted`.
    pub(super) wanted: Vec<Glob>,
    /// `NotResource`.
    pub(super) is_inverted: bool,
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

impl Search<'_> {
    /// Searches, the shortest calls first.
    pub(super) fn run(self) -> Found {
        let Search { before, wanted, is_inverted, unwanted } = self;
        let count = wanted.len();
        let globs: Vec<Glob> = wanted.into_iter().chain(unwanted).collect();
        let is_found = |places: &Places| {
            (0..count).any(|number| places.has_ended(&globs, number)) != is_inverted
                && (count..globs.len()).all(|number| !places.has_ended(&globs, number))
        };
        let can_be = |places: &Places| {
            // Behind a pattern that ends in `*`, nothing more is found.
            (is_inverted || (0..count).any(|number| places.is_alive(number)))
                && !(count..globs.len()).any(|number| places.takes_all(&globs, number))
        };
        let alphabet = alphabet(&globs);
        let start = before.chars().fold(Places::start(&globs), |places, c| places.step(&globs, c));
        let mut seen = HashSet::from([(Part::Stage(false), start.clone())]);
        let mut queue = VecDeque::from([(Part::Stage(false), start, String::new())]);
        while let Some((part, places, read)) = queue.pop_front() {
            if part == Part::Path && is_found(&places) {
                return Found::Call(read);
            }
            for c in &alphabet {
                let Some(part) = part.step(*c) else { continue };
                let next = places.step(&globs, *c);
                if !can_be(&next) || !seen.insert((part, next.clone())) {
                    continue;
                }
                if seen.len() > MOST_STATES {
                    return Found::TooMany;
                }
                queue.push_back((part, next, format!("{read}{c}")));
            }
        }
        Found::Nothing
    }
}

/// The characters that make a difference, and one that makes none. First those that a call is likely to have.
fn alphabet(globs: &[Glob]) -> Vec<char> {
    let verbs = VERBS.iter().flat_map(|verb| verb.chars());
    let named: BTreeSet<char> = globs.iter().flat_map(Glob::characters).chain(verbs).chain(['/']).collect();
    let others = ('a'..='z').rev().chain('0'..='9').chain('A'..='Z').chain(['\u{f8}', '\u{142}']);
    let other = others.into_iter().find(|c| !named.contains(c));
    other.into_iter().chain(named).collect()
}
