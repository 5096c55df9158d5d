//! The keys of `probes`.

use std::time::Duration;

use super::forms::{because, key, keys, number, text};
use crate::settings::kind::{Keys, MILLISECOND, Scalar, Text, Value};
use crate::settings::probes;
use crate::settings::values::LONGEST;

pub(super) const PROBES: Keys = keys(
    "probes",
    &[
        key(
            "interval",
            Value::One(Scalar::Duration { zero: true, least: probes::SHORTEST, most: LONGEST }),
            "0s",
            "All tasks together send each API at most one request in this time, on average; 0s for none at all.",
        ),
        because(
            "each task probes every API once in this many intervals",
            key("tasks", number(1, 10_000), "4", "The most tasks there are: no task knows of the others."),
        ),
        key(
            "path",
            text(Text { called: "a path", example: "/health", pattern: Some("^/"), check: probes::check }),
            "/",
            "The path below the entry's own that is asked for where it has no PROBE.",
        ),
        key(
            "timeout",
            Value::One(Scalar::Duration { zero: false, least: MILLISECOND, most: Duration::from_secs(60) }),
            "10s",
            "The longest that one probe may take. The timeouts of the endpoint and of the entry count, too.",
        ),
    ],
);
