//! The methods an entry allows.

use std::fmt;

/// The methods API Gateway lets a REST API define, in the order `Allow` lists them.
pub const VERBS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Which methods pass. `ALL` also passes methods outside [`VERBS`]: what the API makes of them is
/// its own business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerbSet(u8);

impl VerbSet {
    /// No VERBS in the mapping: everything passes.
    pub const ALL: VerbSet = VerbSet(0x80);
    /// Nothing passes: where collecting starts.
    pub const NONE: VerbSet = VerbSet(0);

    /// The set with one more verb. `None` if it is not one of [`VERBS`], compared in upper case.
    pub fn with(self, verb: &str) -> Option<VerbSet> {
        let at = VERBS.iter().position(|known| known.eq_ignore_ascii_case(verb))?;
        Some(VerbSet(self.0 | 1 << at))
    }

    /// Whether a request with this method passes.
    #[inline]
    pub fn allows(self, method: &str) -> bool {
        self == VerbSet::ALL
            || VERBS.iter().position(|known| *known == method).is_some_and(|at| self.0 & (1 << at) != 0)
    }

    /// As [`VerbSet::allows`], for an `X-HTTP-Method-Override` value, whose case servers ignore.
    #[inline]
    pub fn allows_override(self, method: &[u8]) -> bool {
        let method = method.trim_ascii();
        self == VerbSet::ALL
            || VERBS
                .iter()
                .position(|known| known.as_bytes().eq_ignore_ascii_case(method))
                .is_some_and(|at| self.0 & (1 << at) != 0)
    }

    /// The verbs that are in both.
    pub fn and(self, other: VerbSet) -> VerbSet {
        match (self, other) {
            (VerbSet::ALL, some) | (some, VerbSet::ALL) => some,
            (VerbSet(these), VerbSet(those)) => VerbSet(these & those),
        }
    }

    /// Reports whether every verb of another set passes, of those that API Gateway knows.
    pub fn covers(self, other: VerbSet) -> bool {
        let mut verbs = VERBS.iter();
        verbs.all(|verb| self.allows(verb) || !other.allows(verb))
    }

    /// The verbs by name; for [`VerbSet::ALL`], all that API Gateway knows.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        VERBS
            .iter()
            .enumerate()
            .filter(move |(at, _)| self == VerbSet::ALL || self.0 & (1 << at) != 0)
            .map(|(_, verb)| *verb)
    }
}

/// As the `Allow` header lists them (RFC 9110 section 10.2.1).
impl fmt::Display for VerbSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, verb) in self.names().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            f.write_str(verb)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_allows_its_verbs_and_no_other() {
        let set = VerbSet::NONE.with("get").and_then(|s| s.with("POST")).expect("both are verbs");
        assert!(set.allows("GET") && set.allows("POST"));
        assert!(!set.allows("DELETE") && !set.allows("get") && !set.allows("PURGE"));
        assert_eq!(set.to_string(), "GET, POST");
    }

    #[test]
    fn an_override_is_read_as_a_server_would() {
        let set = VerbSet::NONE.with("GET").expect("a verb");
        assert!(set.allows_override(b" get "));
        assert!(!set.allows_override(b"delete"));
        assert!(!set.allows_override(b""));
    }

    #[test]
    fn without_verbs_every_method_passes() {
        assert!(VerbSet::ALL.allows("PROPFIND") && VerbSet::ALL.allows_override(b"anything"));
    }

    #[test]
    fn a_set_covers_another_if_all_of_it_passes() {
        let get = VerbSet::NONE.with("GET").expect("a verb");
        let two = get.with("POST").expect("a verb");
        let all = VERBS.iter().try_fold(VerbSet::NONE, |set, verb| set.with(verb)).expect("verbs");
        assert!(two.covers(get) && two.covers(two) && !get.covers(two));
        assert_eq!((two.and(get), VerbSet::ALL.and(two), two.and(VerbSet::ALL)), (get, two, two));
        assert!(VerbSet::ALL.covers(two) && !two.covers(VerbSet::ALL) && all.covers(VerbSet::ALL));
    }

    #[test]
    fn what_api_gateway_cannot_define_is_no_verb() {
        assert_eq!(VerbSet::NONE.with("TRACE"), None);
        assert_eq!(VerbSet::NONE.with(""), None);
    }
}
