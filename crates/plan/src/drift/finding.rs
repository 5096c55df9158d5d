//! What is reported.

use serde::Serialize;

use super::kind::{Kind, Severity};

/// One difference between the mapping and AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its kind.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// What AWS has, in one line.
    pub has: String,
    /// What the mapping needs, in one line.
    pub wants: String,
    /// What to do about it, in one line.
    pub fix: String,
}

/// What a finding is about, and who is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// The thing, for people: `API abc in eu-west-1, stage prod`.
    pub about: String,
    /// The API's id, where it is about one.
    pub api_id: Option<String>,
    /// The API's region.
    pub region: Option<String>,
    /// The stage, where it is about one.
    pub stage: Option<String>,
    /// The custom domains concerned, with their base paths, sorted.
    pub domains: Vec<String>,
    /// The owners of their entries, sorted; empty where the mapping names none.
    pub owners: Vec<String>,
}

/// What could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// The kinds of drift that may be there.
    pub kinds: Vec<Kind>,
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// Why it could not be looked at, in one line.
    pub why: String,
    /// What to do about it, in one line.
    pub fix: String,
}

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The differences, the most dangerous first.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub unknown: Vec<Unseen>,
    /// How much was compared.
    pub compared: Compared,
}

/// How much was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// APIs of the mapping.
    pub apis: usize,
    /// Custom domains of the mapping; a wildcard is one.
    pub domains: usize,
}
