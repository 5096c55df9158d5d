//! Requests of ours that ask whether the APIs answer.

use std::time::Duration;

use serde::Deserialize;

use super::problem::Wrong;
use super::values::duration;
use crate::domain::probe::check_path;

/// Below this, one address of an endpoint would be asked faster than it can answer.
pub const SHORTEST: Duration = Duration::from_secs(1);
/// What every API has: its root. Without a method there it answers 403 Missing Authentication Token.
pub const PATH: &str = "/";
/// `TASK_SCALE_MAX` of the Terraform root, by default.
pub const TASKS: u32 = 4;
/// A Lambda function that starts takes seconds.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// How often, where and for how long APIs are probed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probes {
    /// Each API is sent at most one request in this time by all tasks together. Default 0: none is.
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    /// The most tasks there are. Each sends every API one request in this many intervals. Default [`TASKS`].
    pub tasks: u32,
    /// The path below the stage, for entries without PROBE. Default [`PATH`].
    pub path: String,
    /// The longest that one probe may take. Default [`TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub timeout: Duration,
}

impl Default for Probes {
    fn default() -> Self {
        Probes { interval: Duration::ZERO, tasks: TASKS, path: PATH.to_owned(), timeout: TIMEOUT }
    }
}

/// Checks `probes: path`.
pub(super) fn check(path: &str) -> Result<(), Wrong> {
    check_path(path).map_err(|error| Wrong::new(error.what, "write a path below the stage, for example `/health`"))
}
