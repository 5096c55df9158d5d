//! Kinds of changes, in the order of what they can break.

use super::outcome::{Forwarded, Outcome};
use crate::domain::refusal::Refusal;

/// What kind of change happens to a class of requests; the most dangerous kind is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Another API receives them.
    Api,
    /// Another stage of the same API does.
    Stage,
    /// The API receives another path.
    Path,
    /// Their domain is gone.
    DomainGone,
    /// Their path is gone from its domain.
    PathGone,
    /// Their verb is allowed no longer.
    VerbGone,
    /// Their path's spelling is refused now, because a stricter entry could be meant.
    SpellingGone,
    /// Their verb was not allowed before.
    VerbAdded,
    /// Their path's spelling was refused before.
    SpellingAdded,
    /// They go the same way by another endpoint, or with other headers, timeouts, or a limit.
    Settings,
    /// Their path is new on its domain.
    PathAdded,
    /// Their domain is new.
    DomainAdded,
    /// Another entry forwards them, and the API receives the same.
    Entry,
    /// They are refused as before, for another reason.
    Refusal,
}

impl Kind {
    /// All, most dangerous first.
    pub const ALL: [Kind; 14] = [
        Kind::Api,
        Kind::Stage,
        Kind::Path,
        Kind::DomainGone,
        Kind::PathGone,
        Kind::VerbGone,
        Kind::SpellingGone,
        Kind::VerbAdded,
        Kind::SpellingAdded,
        Kind::Settings,
        Kind::PathAdded,
        Kind::DomainAdded,
        Kind::Entry,
        Kind::Refusal,
    ];

    /// The kind of the change between two outcomes that differ.
    pub(super) fn of(old: &Outcome<'_>, new: &Outcome<'_>) -> Kind {
        match (old, new) {
            (Outcome::Forwarded(old), Outcome::Forwarded(new)) => forwarded(old, new),
            (Outcome::Forwarded(_), Outcome::Refused(refusal)) => match refusal {
                Refusal::UnknownHost | Refusal::NoMapping => Kind::DomainGone,
                Refusal::MethodNotAllowed => Kind::VerbGone,
                Refusal::AmbiguousPath => Kind::SpellingGone,
                _ => Kind::PathGone,
            },
            (Outcome::Refused(refusal), Outcome::Forwarded(_)) => match refusal {
                Refusal::UnknownHost | Refusal::NoMapping => Kind::DomainAdded,
                Refusal::MethodNotAllowed => Kind::VerbAdded,
                Refusal::AmbiguousPath => Kind::SpellingAdded,
                _ => Kind::PathAdded,
            },
            (Outcome::Refused(_), Outcome::Refused(_)) => Kind::Refusal,
        }
    }

    /// Its name for programs, the same from release to release.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Api => "api",
            Kind::Stage => "stage",
            Kind::Path => "path",
            Kind::DomainGone => "domain_gone",
            Kind::PathGone => "path_gone",
            Kind::VerbGone => "verb_gone",
            Kind::SpellingGone => "spelling_gone",
            Kind::VerbAdded => "verb_added",
            Kind::SpellingAdded => "spelling_added",
            Kind::Settings => "settings",
            Kind::PathAdded => "path_added",
            Kind::DomainAdded => "domain_added",
            Kind::Entry => "entry",
            Kind::Refusal => "refusal",
        }
    }

    /// What happens, for people.
    pub const fn what(self) -> &'static str {
        match self {
            Kind::Api => "another API",
            Kind::Stage => "another stage",
            Kind::Path => "another path of the API",
            Kind::DomainGone => "domain gone",
            Kind::PathGone => "path gone",
            Kind::VerbGone => "verb no longer allowed",
            Kind::SpellingGone => "spelling of the path now refused",
            Kind::VerbAdded => "verb newly allowed",
            Kind::SpellingAdded => "spelling of the path no longer refused",
            Kind::Settings => "same API and path, other settings",
            Kind::PathAdded => "new path",
            Kind::DomainAdded => "new domain",
            Kind::Entry => "same API and path, another entry",
            Kind::Refusal => "refused for another reason",
        }
    }
}

fn forwarded(old: &Forwarded<'_>, new: &Forwarded<'_>) -> Kind {
    if !old.is_same_api(new) {
        Kind::Api
    } else if old.stage() != new.stage() {
        Kind::Stage
    } else if old.target != new.target {
        Kind::Path
    } else if !old.is_same_way(new) {
        Kind::Settings
    } else {
        Kind::Entry
    }
}
