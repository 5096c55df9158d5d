//! Metrics as lines on standard output, in CloudWatch's embedded metric format.
//!
//! CloudWatch Logs makes metrics of such lines wherever the log driver brings them: no agent, no API
//! call, no permission of the task's. A line has the dimensions that name the service and none that names
//! the task, so that CloudWatch's mean is the mean over the tasks.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::time::{MissedTickBehavior, interval};

use super::lines::{self, Log};
use super::metrics::Metrics;
use nameplate_core::settings::Emf;
use nameplate_core::settings::emf::{COMPARED, MAPPING_VERSION, METRICS, SERVICE};

/// What the service is called where neither the settings nor ECS say it.
const NAMELESS: &str = "nameplate";

/// How, and how often, something is said.
pub(crate) struct Report {
    interval: Duration,
    namespace: String,
    dimensions: BTreeMap<String, String>,
}

/// Whether a task's mapping is new to it: the values of the dimension [`MAPPING_VERSION`]. Two values, so that an
/// alarm can name both before any mapping is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MappingAge {
    New,
    Old,
}

impl MappingAge {
    fn value(self) -> &'static str {
        match self {
            MappingAge::New => "new",
            MappingAge::Old => "old",
        }
    }
}

/// What is said, in the order and the units of [`METRICS`].
type Values = [f64; METRICS.len()];

impl Report {
    /// As the settings say it, of a task whose service ECS calls so. `None` where nothing is to be said.
    pub(crate) fn new(settings: &Emf, service: Option<&str>) -> Option<Report> {
        let mut dimensions = settings.dimensions.clone();
        dimensions.entry(SERVICE.into()).or_insert_with(|| service.unwrap_or(NAMELESS).into());
        let Emf { interval, namespace, .. } = settings;
        (!interval.is_zero()).then(|| Report { interval: *interval, namespace: namespace.clone(), dimensions })
    }

    /// Writes a line at every interval, the first after one, until `ended` says that it is over. `age` is asked for
    /// each line; without an answer the line has no [`MAPPING_VERSION`].
    pub(crate) async fn run(self, metrics: &Metrics, age: impl Fn() -> Option<MappingAge>, ended: impl Fn() -> bool) {
        let Some(out) = lines::stdout() else { return };
        let mut ticks = interval(self.interval);
        // After a pause one line is enough: each is about the time before it.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if ended() {
                return;
            }
            let mut line = out.buffer();
            line.extend_from_slice(self.line(SystemTime::now(), self.values(metrics), age()).as_bytes());
            line.push(b'\n');
            out.push_of(Log::Emf, line);
        }
    }

    fn values(&self, metrics: &Metrics) -> Values {
        // A second more, because the counts are looked at once a second: no request falls between two lines.
        let rates = metrics.traffic().rates(self.interval + Duration::from_secs(1));
        [
            metrics.cpu_utilization().map_or(f64::NAN, |share| share * 100.0),
            metrics.cpu_per_request(),
            rates.requests(),
            metrics.requests.in_flight() as f64,
            rates.classes[5],
            rates.refused,
        ]
    }

    /// One line, without its end. A value that is no number is left out, as JSON has no way to write it.
    fn line(&self, now: SystemTime, values: Values, age: Option<MappingAge>) -> String {
        let known = || METRICS.iter().zip(values).filter(|(_, value)| value.is_finite());
        let resolution = if self.interval < Duration::from_secs(60) { 1 } else { 60 };
        let directive = |keys: &[&str], wanted: &dyn Fn(&str) -> bool| {
            let defined = known().filter(|((name, _), _)| wanted(name));
            let definitions: Vec<Value> = defined
                .map(|((name, unit), _)| json!({ "Name": name, "Unit": unit, "StorageResolution": resolution }))
                .collect();
            json!({ "Namespace": self.namespace, "Dimensions": [keys], "Metrics": definitions })
        };
        let mut keys: Vec<&str> = self.dimensions.keys().map(String::as_str).collect();
        let mut directives = vec![directive(&keys, &|_| true)];
        if age.is_some() {
            keys.push(MAPPING_VERSION);
            directives.push(directive(&keys, &|name| COMPARED.contains(&name)));
        }
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let about = json!({ "Timestamp": now.as_millis() as u64, "CloudWatchMetrics": directives });
        let mut root = Map::new();
        root.insert("_aws".into(), about);
        root.extend(self.dimensions.iter().map(|(name, value)| (name.clone(), json!(value))));
        root.extend(age.map(|age| (MAPPING_VERSION.into(), json!(age.value()))));
        root.extend(known().map(|((name, _), value)| ((*name).into(), json!(value))));
        Value::Object(root).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(seconds: u64, dimensions: &[(&str, &str)], service: Option<&str>) -> Report {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let dimensions = dimensions.iter().map(owned).collect();
        let settings = Emf { interval: Duration::from_secs(seconds), dimensions, ..Emf::default() };
        Report::new(&settings, service).expect("something to say")
    }

    fn line(report: &Report, values: Values) -> Value {
        line_of_age(report, values, None)
    }

    fn line_of_age(report: &Report, values: Values, age: Option<MappingAge>) -> Value {
        let at = UNIX_EPOCH + Duration::from_millis(1_764_000_000_123);
        serde_json::from_str(&report.line(at, values, age)).expect("JSON")
    }

    #[test]
    fn a_line_defines_each_metric_and_has_its_value() {
        let line = line(&report(20, &[], Some("edge")), [42.5, 0.00025, 170.0, 3.0, 0.5, 1.5]);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(line["_aws"]["Timestamp"], 1_764_000_000_123_u64);
        assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!("Nameplate"), &json!([["Service"]])));
        let first = json!({ "Name": "CPUUtilization", "Unit": "Percent", "StorageResolution": 1 });
        assert_eq!((directive["Metrics"].as_array().map(Vec::len), &directive["Metrics"][0]), (Some(6), &first));
        assert_eq!((&line["Service"], &line["CPUUtilization"]), (&json!("edge"), &json!(42.5)));
        assert_eq!((&line["CpuSecondsPerRequest"], &line["RequestsPerSecond"]), (&json!(0.00025), &json!(170.0)));
        assert_eq!((&line["ServerErrorsPerSecond"], &line["RefusalsPerSecond"]), (&json!(0.5), &json!(1.5)));
    }

    #[test]
    fn the_age_of_the_mapping_is_a_dimension_of_what_is_compared_alone() {
        let report = report(60, &[], Some("edge"));
        for (age, value) in [(MappingAge::New, "new"), (MappingAge::Old, "old")] {
            let line = line_of_age(&report, [42.5, 0.1, 170.0, 3.0, 0.5, 1.5], Some(age));
            let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
            assert_eq!((directives.len(), &line["MappingVersion"]), (2, &json!(value)));
            assert_eq!(directives[0]["Dimensions"], json!([["Service"]]), "scaling reads these as before");
            assert_eq!(directives[0]["Metrics"].as_array().map(Vec::len), Some(6));
            assert_eq!(directives[1]["Dimensions"], json!([["Service", "MappingVersion"]]));
            let names = directives[1]["Metrics"].as_array().expect("metrics").iter().map(|metric| &metric["Name"]);
            assert!(names.eq(["RequestsPerSecond", "ServerErrorsPerSecond", "RefusalsPerSecond"]), "{line}");
        }
        let without = line(&report, [42.5, 0.1, 170.0, 3.0, 0.5, 1.5]);
        assert!(without.get("MappingVersion").is_none(), "{without}");
        assert_eq!(without["_aws"]["CloudWatchMetrics"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn what_is_not_known_is_left_out_whole() {
        let line = line(&report(20, &[], None), [f64::NAN, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().map(Vec::len), Some(5));
        assert!(line.get("CPUUtilization").is_none(), "{line}");
    }

    #[test]
    fn only_lines_more_often_than_a_minute_need_the_high_resolution() {
        let resolution = |seconds| {
            line(&report(seconds, &[], None), [0.0; 6])["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]
                ["StorageResolution"]
                .clone()
        };
        assert_eq!((resolution(59), resolution(60)), (json!(1), json!(60)));
    }

    #[test]
    fn the_service_is_what_the_settings_say_else_ecs_else_our_own_name() {
        let service = |dimensions: &[_], ecs| report(60, dimensions, ecs).dimensions[SERVICE].clone();
        assert_eq!(service(&[("Service", "mine")], Some("edge")), "mine");
        assert_eq!(service(&[("Stage", "prod")], Some("edge")), "edge");
        assert_eq!(service(&[], None), "nameplate");
        assert!(Report::new(&Emf::default(), Some("edge")).is_none(), "off by default");
    }

    #[tokio::test]
    async fn nothing_is_said_once_it_is_over() {
        use crate::telemetry::limit::{CpuLimit, LimitSource};
        let metrics = Metrics::new(CpuLimit::new(1.0, LimitSource::Machine).expect("a limit"));
        let report = Report { interval: Duration::from_millis(1), ..report(60, &[], None) };
        let asked = std::cell::Cell::new(0);
        let ended = || {
            asked.set(asked.get() + 1);
            true
        };
        tokio::time::timeout(Duration::from_secs(10), report.run(&metrics, || None, ended)).await.expect("it ends");
        assert_eq!(asked.get(), 1);
    }
}
