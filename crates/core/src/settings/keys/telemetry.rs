//! The keys of metrics and logs.

use super::forms::{FLAG, because, key, keys, number, said, text};
use crate::diagnostic::nearest::nearest;
use crate::settings::kind::{Keys, Names, Scalar, Text, Value};
use crate::settings::problem::Wrong;
use crate::settings::{emf, log, telemetry};

pub(super) const METRICS: Keys = keys(
    "metrics",
    &[because(
        "each domain is several series per task",
        key(
            "max_domains",
            number(0, telemetry::MOST_DOMAINS as u64),
            "1000",
            "Domains with series of their own: the first ones of the mapping. The rest counts together.",
        ),
    )],
);

pub(super) const ACCESS_LOG: Keys = keys(
    "access_log",
    &[
        key("to", Value::One(Scalar::Choice(&["off", "stdout"])), "\"off\"", "Where the lines are written."),
        key("sample", Value::Keys(&SAMPLE), "{}", "Percent of requests that have a line, by status."),
        key("query", FLAG, "false", "Write the path with its query, which may hold secrets."),
    ],
);

pub(super) const SAMPLE: Keys = keys(
    "sample",
    &[
        key("2xx", Value::One(Scalar::Percent), "100", "Percent of responses 100 to 299."),
        key("3xx", Value::One(Scalar::Percent), "100", "Percent of responses 300 to 399."),
        key("4xx", Value::One(Scalar::Percent), "100", "Percent of responses 400 to 499."),
        key("5xx", Value::One(Scalar::Percent), "100", "Percent of responses 500 to 599."),
    ],
);

pub(super) const EMF: Keys = keys(
    "emf",
    &[
        key(
            "interval",
            Value::One(Scalar::Duration { zero: true, least: emf::SHORTEST, most: emf::LONGEST }),
            "0s",
            "How often a line is written; 0s for never.",
        ),
        key(
            "namespace",
            text(Text {
                called: "text",
                example: "Nameplate",
                pattern: Some("^[A-Za-z0-9 ._/#:-]{1,255}$"),
                check: emf::check_namespace,
            }),
            "Nameplate",
            "CloudWatch's namespace.",
        ),
        key(
            "dimensions",
            Value::Texts(
                Names { check: emf::check_dimension, pattern: "^[ -~]{1,250}$" },
                Text {
                    called: "text",
                    example: "production",
                    pattern: Some("^[ -~]{1,1024}$"),
                    check: emf::check_dimension_value,
                },
            ),
            "{}",
            "Dimensions of the metrics. `Service` is always there: the ECS service, unless it is set here.",
        ),
        key(
            "new_mapping",
            Value::One(Scalar::Duration { zero: true, least: emf::NEW_SHORTEST, most: emf::NEW_LONGEST }),
            "0s",
            "How long a changed mapping counts as new in the dimension MappingVersion; 0s for no such dimension.",
        ),
    ],
);

pub(super) const LOG: Keys = keys(
    "log",
    &[
        key(
            "format",
            Value::One(Scalar::Choice(&["text", "json"])),
            "text",
            "text, for people, or json: one object a line.",
        ),
        key(
            "level",
            text(Text { called: "a level", example: "info", pattern: Some("^.+$"), check: check_level }),
            "info",
            "off, error, warn, info, debug or trace; or one for each target: warn,nameplate=debug.",
        ),
    ],
);

fn check_level(text: &str) -> Result<(), Wrong> {
    said(text.parse::<log::Level>()).map_err(|wrong| match nearest(text, &log::NAMES) {
        Some(level) => Wrong::new(wrong.what, format!("did you mean `{level}`?")),
        None => wrong,
    })
}
