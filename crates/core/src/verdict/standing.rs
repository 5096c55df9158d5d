//! How well an API answers, for comparing a change with what was before it.

/// How well an API answers, from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The request does not get to the API, or the API may not be there.
    DoesNotAnswer,
    /// The API is there; it throttles, or what is behind it fails.
    Struggles,
    /// The API answers, or asks for credentials.
    Answers,
}

impl Standing {
    /// As a page or a metric names it.
    pub const fn label(self) -> &'static str {
        match self {
            Standing::DoesNotAnswer => "does_not_answer",
            Standing::Struggles => "struggles",
            Standing::Answers => "answers",
        }
    }
}
