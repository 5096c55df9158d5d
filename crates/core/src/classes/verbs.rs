//! Verbs that a class of requests has.

use std::fmt;

use crate::domain::verbs::VERBS;

/// A method outside of [`VERBS`], which stands for all of them.
pub const OTHER_VERB: &str = "PURGE";

/// The verbs that witnesses have, in the order in which one is chosen: the most common first.
const CHOSEN: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", OTHER_VERB];

/// Verbs that share an outcome. All methods outside of [`VERBS`] are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerbClass(u8);

impl VerbClass {
    const ALL: VerbClass = VerbClass(0xff);

    /// Reports whether it has a method.
    pub fn contains(self, method: &str) -> bool {
        let at = VERBS.iter().position(|known| *known == method).unwrap_or(VERBS.len());
        self.0 & (1 << at) != 0
    }

    /// Reports whether it has every method.
    pub fn is_all(self) -> bool {
        self == VerbClass::ALL
    }

    /// Reports whether it has the methods outside of [`VERBS`].
    pub fn has_others(self) -> bool {
        self.contains(OTHER_VERB)
    }

    /// Those of [`VERBS`] that it has.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        VERBS.into_iter().filter(move |verb| self.contains(verb))
    }

    /// One of them.
    pub fn example(self) -> &'static str {
        CHOSEN.into_iter().find(|verb| self.contains(verb)).unwrap_or(OTHER_VERB)
    }
}

/// `GET, POST`; `every verb`; `other verbs`.
impl fmt::Display for VerbClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("every verb");
        }
        let mut names: Vec<&str> = self.names().collect();
        if self.has_others() {
            names.push("other verbs");
        }
        f.write_str(&names.join(", "))
    }
}

/// Gathers the verbs that have the same outcome; those that have none are left out. In the order of each class's example.
pub(super) fn grouped<T: PartialEq>(outcome: impl Fn(&'static str) -> Option<T>) -> Vec<(VerbClass, T)> {
    let mut groups: Vec<(VerbClass, T)> = Vec::new();
    for verb in CHOSEN {
        let Some(found) = outcome(verb) else { continue };
        let bit = 1 << VERBS.iter().position(|known| *known == verb).unwrap_or(VERBS.len());
        match groups.iter_mut().find(|(_, known)| *known == found) {
            Some((class, _)) => class.0 |= bit,
            None => groups.push((VerbClass(bit), found)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_of_one_outcome_are_one_class() {
        let told: Vec<(String, bool)> = grouped(|verb| (verb != "PUT").then_some(verb == "GET" || verb == "POST"))
            .into_iter()
            .map(|(verbs, outcome)| (verbs.to_string(), outcome))
            .collect();
        let want = [("GET, POST", true), ("DELETE, HEAD, OPTIONS, PATCH, other verbs", false)];
        assert_eq!(told, want.map(|(verbs, outcome)| (verbs.to_owned(), outcome)));
        let all = grouped(|_| Some(()));
        assert_eq!((all[0].0.to_string().as_str(), all[0].0.example(), all.len()), ("every verb", "GET", 1));
    }
}
