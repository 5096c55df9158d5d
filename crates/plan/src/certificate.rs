//! A certificate of a plan, and of the plan before.

use serde::{Deserialize, Serialize};

/// Hexadecimal digits of a hash in an id.
pub(super) const DIGITS: usize = 10;

/// An ACM certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Stays while the names do.
    pub id: String,
    /// The domain name, then the alternative names; at least one.
    pub names: Vec<String>,
    /// The public hosted zone that ACM's validation records go into.
    pub validation_zone: String,
}
