//! Patterns of resources, read character by character and many at once.

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// This character.
    Just(char),
    /// Any one.
    One,
    /// Any number of any.
    Any,
}

/// What a policy variable stands for, such as `${aws:username}`, whose value nobody here knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Anything: the pattern may match.
    Anything,
    /// Nothing: the pattern is not relied on.
    Nothing,
}

/// A pattern of whole ARNs, or of what follows in them after the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    pieces: Vec<Piece>,
    is_whole: bool,
}

impl Glob {
    /// A pattern as a policy writes it. Without variables, as in the first version of the language, `${` has no meaning.
    /// None where it has a variable that stands for nothing.
    pub(super) fn parse(text: &str, has_variables: bool, unknown: Unknown) -> Option<Glob> {
        let mut pieces = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let variable =
                if has_variables { rest.strip_prefix("${").and_then(|rest| rest.split_once('}')) } else { None };
            match (variable, c) {
                (Some((name @ ("*" | "?" | "$"), after)), _) => {
                    pieces.extend(name.chars().map(Piece::Just));
                    rest = after;
                    continue;
                }
                (Some((_, after)), _) => {
                    if unknown == Unknown::Nothing {
                        return None;
                    }
                    pieces.push(Piece::Any);
                    rest = after;
                    continue;
                }
                (None, '*') => pieces.push(Piece::Any),
                (None, '?') => pieces.push(Piece::One),
                (None, c) => pieces.push(Piece::Just(c)),
            }
            rest = &rest[c.len_utf8()..];
        }
        Some(Glob { pieces, is_whole: true })
    }

    /// The same pattern, of what follows after the API.
    pub(super) fn after_api(self) -> Glob {
        Glob { is_whole: false, ..self }
    }

    /// The characters that it names.
    pub(super) fn characters(&self) -> impl Iterator<Item = char> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Just(c) => Some(*c),
            Piece::One | Piece::Any => None,
        })
    }

    /// Reports whether it matches a text.
    pub(super) fn matches(&self, text: &str) -> bool {
        let globs = Globs::new(std::slice::from_ref(self), &[], None);
        globs.verdict(&globs.after_before(text)).has_wanted
    }
}

/// A pattern's piece, or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Piece(Piece),
    /// The end of a pattern, and whether it matches whatever follows.
    End {
        takes_all: bool,
    },
}

/// Several patterns one behind another, so that a place in any of them is one number.
#[derive(Clone, Debug)]
pub(super) struct Globs {
    steps: Vec<Step>,
    /// Where each pattern starts, and whether it is one of whole ARNs.
    starts: Vec<(usize, bool)>,
    /// Where the patterns start that are not wanted.
    unwanted: usize,
    /// Where the pattern starts that every text must match, if there is one.
    within: Option<usize>,
}

/// How far each of several patterns has been read: places in [`Globs`], in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Places(Vec<usize>);

/// What several patterns say of what was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict {
    /// A wanted pattern matches it.
    pub(super) has_wanted: bool,
    /// An unwanted pattern matches it.
    pub(super) has_unwanted: bool,
    /// A wanted pattern can still match something that starts with it.
    pub(super) can_be_wanted: bool,
    /// An unwanted pattern matches everything that starts with it.
    pub(super) is_all_unwanted: bool,
    /// The pattern that must match does, or there is none.
    pub(super) is_within: bool,
    /// The pattern that must match can still do so, or there is none.
    pub(super) can_be_within: bool,
}

impl Globs {
    pub(super) fn new(wanted: &[Glob], unwanted: &[Glob], within: Option<&Glob>) -> Globs {
        let mut globs = Globs { steps: Vec::new(), starts: Vec::new(), unwanted: 0, within: None };
        wanted.iter().for_each(|glob| globs.add(glob));
        globs.unwanted = globs.steps.len();
        unwanted.iter().for_each(|glob| globs.add(glob));
        globs.within = within.map(|glob| {
            let start = globs.steps.len();
            globs.add(glob);
            start
        });
        globs
    }

    /// How long all patterns are together.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    fn add(&mut self, glob: &Glob) {
        self.starts.push((self.steps.len(), glob.is_whole));
        self.steps.extend(glob.pieces.iter().copied().map(Step::Piece));
        self.steps.push(Step::End { takes_all: glob.pieces.last() == Some(&Piece::Any) });
    }

    /// The places where a call's own part of its ARN starts. `before` is what stands before it in every ARN.
    pub(super) fn after_before(&self, before: &str) -> Places {
        let (mut places, mut next) = (Places::default(), Places::default());
        let whole = self.starts.iter().filter(|(_, is_whole)| *is_whole);
        whole.for_each(|(start, _)| self.enter(*start, &mut places));
        for c in before.chars() {
            if places.0.is_empty() {
                break;
            }
            self.step(&places, c, &mut next);
            std::mem::swap(&mut places, &mut next);
        }
        let rest = self.starts.iter().filter(|(_, is_whole)| !is_whole);
        let mut others = Places::default();
        rest.for_each(|(start, _)| self.enter(*start, &mut others));
        places.0.append(&mut others.0);
        places.0.sort_unstable();
        places
    }

    /// Writes the places after one more character to `next`.
    pub(super) fn step(&self, places: &Places, c: char, next: &mut Places) {
        next.0.clear();
        for &at in &places.0 {
            match self.steps[at] {
                Step::Piece(Piece::Just(just)) if just == c => self.enter(at + 1, next),
                Step::Piece(Piece::One) => self.enter(at + 1, next),
                Step::Piece(Piece::Any) => self.enter(at, next),
                Step::Piece(Piece::Just(_)) | Step::End { .. } => {}
            }
        }
    }

    /// Adds a place, and those that can be reached from it without a character. Places are entered in order: one that is
    /// not beyond the last was reached from an earlier one already, with all that can be reached from it.
    fn enter(&self, mut at: usize, places: &mut Places) {
        if places.0.last().is_some_and(|last| *last >= at) {
            return;
        }
        places.0.push(at);
        while self.steps[at] == Step::Piece(Piece::Any) {
            at += 1;
            places.0.push(at);
        }
    }

    /// The characters that make a difference at these places.
    pub(super) fn characters_at(&self, places: &Places) -> Vec<char> {
        let just = |at: &usize| match self.steps[*at] {
            Step::Piece(Piece::Just(c)) => Some(c),
            _ => None,
        };
        places.0.iter().filter_map(just).collect()
    }

    /// What the patterns say at these places.
    pub(super) fn verdict(&self, places: &Places) -> Verdict {
        let is_free = self.within.is_none();
        let mut verdict = Verdict { is_within: is_free, can_be_within: is_free, ..Verdict::default() };
        for &at in &places.0 {
            if self.within.is_some_and(|within| at >= within) {
                verdict.can_be_within = true;
                verdict.is_within |= matches!(self.steps[at], Step::End { .. });
                continue;
            }
            let (is_wanted, step) = (at < self.unwanted, self.steps[at]);
            verdict.can_be_wanted |= is_wanted;
            if let Step::End { takes_all } = step {
                verdict.has_wanted |= is_wanted;
                verdict.has_unwanted |= !is_wanted;
                verdict.is_all_unwanted |= !is_wanted && takes_all;
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, want: bool) {
        let glob = Glob::parse(pattern, true, Unknown::Anything).expect("a pattern");
        assert_eq!(glob.matches(text), want, "{pattern} {text}");
    }

    #[test]
    fn patterns_match_as_iam_does() {
        check("dev/*/a", "dev/GET/a", true);
        check("dev/*/a", "dev/GET/x/a", true);
        check("dev/GET/*", "dev/GET/", true);
        check("dev/GET/a?", "dev/GET/ab", true);
        check("dev/GET/a?", "dev/GET/a", false);
        check("dev/GET/${*}", "dev/GET/*", true);
        check("dev/GET/${*}", "dev/GET/x", false);
        check("**", "", true);
        check("a${aws:username}b", "axyb", true);
    }

    #[test]
    fn variables_are_what_they_are_taken_for() {
        assert_eq!(Glob::parse("a${aws:username}", true, Unknown::Nothing), None);
        let first = Glob::parse("${*}", false, Unknown::Nothing).expect("a pattern");
        assert!(first.matches("${any}") && !first.matches("*"));
    }

    #[test]
    fn a_pattern_of_more_than_65535_characters_is_read_to_its_end() {
        let long = "x".repeat(70_000);
        check(&format!("dev/{long}*/a"), &format!("dev/{long}y/a"), true);
        check(&format!("dev/{long}/a"), &format!("dev/{long}/b"), false);
        // So that the places after it would be those at the start, if they were counted in 16 bits.
        check(&"x".repeat(65_536), "", false);
    }
}
