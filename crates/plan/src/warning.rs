//! What somebody should know of a plan before it is deployed.

use std::fmt;

use serde::Serialize;

/// One thing to know. It does not keep a plan from being made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Warning {
    /// What kind of thing it is about.
    pub about: About,
    /// Which one.
    pub name: String,
    /// What to know, in one line.
    pub what: String,
    /// What to do about it, in one line.
    pub help: String,
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A private hosted zone, by its name.
    HostedZone,
    /// A certificate, by its id.
    Certificate,
    /// An API's resource policy, by the API's id.
    ResourcePolicy,
    /// Something that the command line says.
    Option,
}

/// What stands behind a list that leaves so many out.
pub fn and_more(left_out: usize) -> String {
    if left_out == 0 { String::new() } else { format!(" and {left_out} more") }
}

/// As the command line prints it; no line break at the end.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "warning: {}\n  help: {}", self.what, self.help)
    }
}
