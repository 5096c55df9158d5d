//! Why there is no plan for a mapping.

use std::collections::BTreeSet;
use std::fmt;

use super::quotas::OverQuota;
use super::warning::and_more;

/// Names that a message lists; the rest is counted.
const LISTED: usize = 3;

/// One reason. It has the mapping, or AWS's quotas, changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanFault {
    /// It needs more of something than there may be.
    OverQuota(OverQuota),
    /// Names with which no certificate can begin, and no shorter one to put before them.
    TooLong {
        /// The public hosted zone that they are validated in.
        zone: String,
        /// The names.
        names: BTreeSet<String>,
    },
}

/// As the command line prints it, after the mapping's name; no line break at the end.
impl fmt::Display for PlanFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (zone, names) = match self {
            PlanFault::OverQuota(fault) => return fault.fmt(f),
            PlanFault::TooLong { zone, names } => (zone, names),
        };
        let listed = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = and_more(names.len().saturating_sub(LISTED));
        writeln!(f, "error: no certificate can have {listed}{more}: its first name has at most 64 characters")?;
        write!(
            f,
            "    no shorter name of the mapping that could stand first is validated in {zone}\n  \
             help: give these domains a shorter parent, of 62 characters at most; or map a domain with a shorter \
             parent, validated in {zone} as well"
        )
    }
}
