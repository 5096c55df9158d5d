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

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<Piece>);

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
        Some(Glob(pieces))
    }

    /// A pattern that matches one text.
    pub(super) fn literal(text: &str) -> Glob {
        Glob(text.chars().map(Piece::Just).collect())
    }

    /// This pattern behind another one.
    pub(super) fn after(self, mut before: Glob) -> Glob {
        before.0.extend(self.0);
        before
    }

    /// The characters that it names.
    pub(super) fn characters(&self) -> impl Iterator<Item = char> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Just(c) => Some(*c),
            Piece::One | Piece::Any => None,
        })
    }

    /// Reports whether it matches a text.
    pub(super) fn matches(&self, text: &str) -> bool {
        let globs = std::slice::from_ref(self);
        let read = text.chars().fold(Places::start(globs), |places, c| places.step(globs, c));
        read.has_ended(globs, 0)
    }

    /// Adds a place of this pattern, and those that can be reached from it without a character.
    fn enter(&self, number: u16, mut at: u16, places: &mut Vec<(u16, u16)>) {
        loop {
            places.push((number, at));
            if self.0.get(usize::from(at)) != Some(&Piece::Any) {
                return;
            }
            at += 1;
        }
    }
}

/// How far each of several patterns has been read: numbers of patterns, and places in them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Places(Vec<(u16, u16)>);

impl Places {
    /// Before the first character.
    pub(super) fn start(globs: &[Glob]) -> Places {
        let mut places = Vec::new();
        for (number, glob) in globs.iter().enumerate() {
            glob.enter(number as u16, 0, &mut places);
        }
        Places(places)
    }

    /// After one more character.
    pub(super) fn step(&self, globs: &[Glob], c: char) -> Places {
        let mut next = Vec::with_capacity(self.0.len());
        for &(number, at) in &self.0 {
            let glob = &globs[usize::from(number)];
            match glob.0.get(usize::from(at)) {
                Some(Piece::Just(just)) if *just == c => glob.enter(number, at + 1, &mut next),
                Some(Piece::One) => glob.enter(number, at + 1, &mut next),
                Some(Piece::Any) => glob.enter(number, at, &mut next),
                _ => {}
            }
        }
        next.sort_unstable();
        next.dedup();
        Places(next)
    }

    /// Reports whether a pattern matches what was read.
    pub(super) fn has_ended(&self, globs: &[Glob], number: usize) -> bool {
        self.0.binary_search(&(number as u16, globs[number].0.len() as u16)).is_ok()
    }

    /// Reports whether a pattern matches whatever follows.
    pub(super) fn takes_all(&self, globs: &[Glob], number: usize) -> bool {
        let pieces = &globs[number].0;
        pieces.last() == Some(&Piece::Any) && self.has_ended(globs, number)
    }

    /// Reports whether a pattern can still match something.
    pub(super) fn is_alive(&self, number: usize) -> bool {
        self.0.iter().any(|(of, _)| usize::from(*of) == number)
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
}
