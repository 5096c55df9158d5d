//! Metrics as lines on standard output, for CloudWatch Logs to turn into metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::host_name::shown;
use super::problem::{Problem, Wrong};
use super::values::duration;

/// The CloudWatch namespace, unless the settings say another.
pub const NAMESPACE: &str = "Nameplate";

/// The dimension that is always there: the ECS service. One series for all tasks of a service is what
/// target tracking takes the mean of; a dimension that tells tasks apart would make, and cost, a metric each.
pub const SERVICE: &str = "Service";

/// The dimension that says whether a task has a mapping that is new to it. It stands beside [`SERVICE`] on the
/// metrics of [`COMPARED`], where `new_mapping` is set.
pub const MAPPING_VERSION: &str = "MappingVersion";

/// The metrics that are compared between tasks with a new mapping and tasks with an old one.
pub const COMPARED: [&str; 3] = ["RequestsPerSecond", "ServerErrorsPerSecond", "RefusalsPerSecond"];

/// The metrics of a line: what each is called, and its unit as CloudWatch spells it.
pub const METRICS: [(&str, &str); 6] = [
    ("CPUUtilization", "Percent"),
    ("CpuSecondsPerRequest", "Seconds"),
    ("RequestsPerSecond", "Count/Second"),
    ("RequestsInFlight", "Count"),
    ("ServerErrorsPerSecond", "Count/Second"),
    ("RefusalsPerSecond", "Count/Second"),
];

/// CPU is a mean over 15 seconds: lines more often than this would say the same twice.
pub const SHORTEST: Duration = Duration::from_secs(10);

/// CloudWatch's alarms look at minutes at most this long; a minute without a line has no value.
pub const LONGEST: Duration = Duration::from_secs(60);

/// No line would find a mapping new for a shorter time than the shortest interval.
pub const NEW_SHORTEST: Duration = SHORTEST;

/// Longer than the longest deployment of AWS AppConfig: a day, and a day to bake.
pub const NEW_LONGEST: Duration = Duration::from_secs(72 * 3_600);

/// CloudWatch's own limits: metric data of PutMetricData, and the embedded metric format's specification.
const NAMESPACE_LONGEST: usize = 255;
const DIMENSIONS_MOST: usize = 30;
const NAME_LONGEST: usize = 250;
const VALUE_LONGEST: usize = 1_024;

/// What is said of this process, how often, and under which name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Emf {
    /// How often a line is written. Default 0: never.
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    /// The CloudWatch namespace of the metrics. Default [`NAMESPACE`].
    pub namespace: String,
    /// Dimensions beside [`SERVICE`], and that one's value where it is not what ECS calls the service.
    /// Default: none.
    pub dimensions: BTreeMap<String, String>,
    /// How long a mapping counts as new after it took the place of another, in the dimension [`MAPPING_VERSION`].
    /// Default 0: the metrics have no such dimension.
    #[serde(deserialize_with = "duration")]
    pub new_mapping: Duration,
}

impl Default for Emf {
    fn default() -> Self {
        Emf {
            interval: Duration::ZERO,
            namespace: NAMESPACE.into(),
            dimensions: BTreeMap::new(),
            new_mapping: Duration::ZERO,
        }
    }
}

impl Emf {
    /// What no single key can tell.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let ours = [!self.dimensions.contains_key(SERVICE), !self.new_mapping.is_zero()];
        let dimensions = self.dimensions.len() + ours.into_iter().filter(|added| *added).count();
        let what = || {
            format!("has {dimensions} dimensions, with those that are added, and CloudWatch takes {DIMENSIONS_MOST}")
        };
        (dimensions > DIMENSIONS_MOST)
            .then(|| Problem::new("emf.dimensions", what(), "delete those nobody looks at"))
            .into_iter()
            .collect()
    }
}

/// Checks the name of a dimension.
pub(super) fn check_dimension(name: &str) -> Result<(), Wrong> {
    match text(name, NAME_LONGEST).or_else(|| reserved(name)) {
        Some(what) => Err(Wrong::new(format!("the name `{}` {what}", shown(name)), "write another name: `Stage`")),
        None => Ok(()),
    }
}

/// Checks the value of a dimension.
pub(super) fn check_dimension_value(value: &str) -> Result<(), Wrong> {
    match text(value, VALUE_LONGEST) {
        Some(what) => Err(Wrong::new(format!("the value {what}"), "write printable ASCII: `production`")),
        None => Ok(()),
    }
}

/// Checks a namespace of CloudWatch.
pub(super) fn check_namespace(name: &str) -> Result<(), Wrong> {
    match namespace(name) {
        Some(what) => Err(Wrong::new(what, "write a name such as `Nameplate` or `Edge/Nameplate`")),
        None => Ok(()),
    }
}

fn namespace(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " .-_/#:".contains(c);
    if name.is_empty() || name.len() > NAMESPACE_LONGEST || name.trim().is_empty() {
        return Some(format!("must have 1 to {NAMESPACE_LONGEST} characters, not all of them spaces"));
    }
    if let Some(c) = name.chars().find(|c| !allowed(*c)) {
        return Some(format!("has a {c:?}; letters, digits, spaces and . - _ / # : are allowed"));
    }
    if name.starts_with(':') || name.starts_with("AWS/") {
        return Some("begins with `:` or `AWS/`, which CloudWatch keeps for itself".into());
    }
    None
}

fn text(text: &str, longest: usize) -> Option<String> {
    if text.trim().is_empty() || text.len() > longest {
        return Some(format!("must have 1 to {longest} characters, not all of them spaces"));
    }
    if !text.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Some("must be printable ASCII".into());
    }
    None
}

/// Metrics and dimensions stand side by side in a line.
fn reserved(name: &str) -> Option<String> {
    let ours = METRICS.iter().any(|(metric, _)| *metric == name);
    if name.starts_with(':') || name == "_aws" || name == MAPPING_VERSION || ours {
        return Some("is taken: by the format, or by a metric or dimension of ours".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[track_caller]
    fn fault(text: &str, want: &str) {
        let found = Settings::parse(text, "f").expect_err(text).to_string();
        assert!(found.contains(want), "{found}");
    }

    #[test]
    fn what_cloudwatch_would_not_take_is_refused() {
        fault("emf: { interval: 9s }", "help: write `0s`, or `10s` to `60s`");
        fault("emf: { interval: 61s }", "help: write `0s`, or `10s` to `60s`");
        fault("emf: { namespace: '' }", "emf.namespace: must have 1 to 255 characters");
        fault(&format!("emf: {{ namespace: {} }}", "n".repeat(256)), "emf.namespace: must have 1 to 255 characters");
        fault("emf: { namespace: 'a&b' }", "emf.namespace: has a '&'");
        fault("emf: { namespace: AWS/ECS }", "which CloudWatch keeps for itself");
        fault("emf: { namespace: ':a' }", "which CloudWatch keeps for itself");
        fault("emf: { dimensions: { _aws: x } }", "the name `_aws` is taken");
        fault("emf: { dimensions: { CPUUtilization: x } }", "the name `CPUUtilization` is taken");
        fault("emf: { dimensions: { MappingVersion: x } }", "the name `MappingVersion` is taken");
        fault("emf: { dimensions: { Stage: '' } }", "emf.dimensions.Stage: the value must have 1 to 1024 characters");
        fault("emf: { dimensions: { Stage: 'prüf' } }", "emf.dimensions.Stage: the value must be printable ASCII");
        let many: String = (0..30).map(|n| format!("d{n}: x, ")).collect();
        fault(&format!("emf: {{ dimensions: {{ {many} }} }}"), "has 31 dimensions, with those that are added");
        let fewer: String = (0..29).map(|n| format!("d{n}: x, ")).collect();
        fault(&format!("emf: {{ new_mapping: 10m, dimensions: {{ {fewer} }} }}"), "has 31 dimensions");
        fault("emf: { new_mapping: 9s }", "help: write `0s`, or `10s` to `72h`");
        fault("emf: { new_mapping: 73h }", "help: write `0s`, or `10s` to `72h`");
    }

    #[test]
    fn what_cloudwatch_takes_is_taken() {
        let many: String = (0..29).map(|n| format!("d{n}: x, ")).collect();
        for text in [
            "emf: { interval: 20s, namespace: 'Team A/nameplate #1', dimensions: { Service: edge, Stage: prod } }"
                .into(),
            "emf: { interval: 60s, new_mapping: 25m }".into(),
            format!("emf: {{ namespace: {}, dimensions: {{ {many} }} }}", "n".repeat(255)),
        ] {
            assert!(Settings::parse(&text, "f").is_ok(), "{text}");
        }
    }
}
