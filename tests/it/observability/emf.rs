//! Metrics on standard output, read as CloudWatch Logs reads them: by the rules of "Specification: Embedded
//! metric format" (Amazon CloudWatch user guide), and the limits of a metric (MetricDatum, PutMetricData).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::origin::Origin;
use crate::harness::server::{mapping, server};

/// The shortest interval there may be, and time to spare.
const INTERVAL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);

/// All units of a metric.
const UNITS: &str = "Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits \
                     Megabits Gigabits Terabits Percent Count Bytes/Second Kilobytes/Second Megabytes/Second \
                     Gigabytes/Second Terabytes/Second Bits/Second Kilobits/Second Megabits/Second Gigabits/Second \
                     Terabits/Second Count/Second None";

/// Every metric a line defines, as (dimensions, name, value); or the first rule it breaks.
fn read(line: &str) -> Result<Vec<(String, String, f64)>, String> {
    if line.len() > 1_000_000 {
        return Err("over 1 MB".into());
    }
    // Nothing may stand before or after the object.
    let root: Value = serde_json::from_str(line).map_err(|e| format!("no JSON: {e}"))?;
    let about = root.get("_aws").and_then(Value::as_object).ok_or("no _aws")?;
    about.get("Timestamp").and_then(Value::as_u64).ok_or("no Timestamp in whole milliseconds")?;
    let directives = about.get("CloudWatchMetrics").and_then(Value::as_array).ok_or("no CloudWatchMetrics")?;
    if about.len() != 2 {
        return Err("_aws has more than Timestamp and CloudWatchMetrics".into());
    }
    let mut found = Vec::new();
    for directive in directives {
        read_directive(&root, directive, &mut found)?;
    }
    Ok(found)
}

fn read_directive(root: &Value, directive: &Value, found: &mut Vec<(String, String, f64)>) -> Result<(), String> {
    only(directive, &["Namespace", "Dimensions", "Metrics"])?;
    let namespace = text(&directive["Namespace"], 255, "Namespace")?;
    if namespace.starts_with(':') {
        return Err("a Namespace that begins with a colon".into());
    }
    let sets = directive["Dimensions"].as_array().filter(|sets| !sets.is_empty()).ok_or("no Dimensions")?;
    let metrics = directive["Metrics"].as_array().ok_or("no Metrics")?;
    if metrics.len() > 100 {
        return Err("over 100 metrics".into());
    }
    for set in sets {
        let keys = set.as_array().ok_or("a DimensionSet that is no array")?;
        if keys.len() > 30 {
            return Err("over 30 dimensions".into());
        }
        let mut dimensions = Vec::new();
        for key in keys {
            let key = text(key, 250, "dimension")?;
            let value = root.get(key).ok_or(format!("{key} is no member of the root"))?;
            dimensions.push(format!("{key}={}", text(value, 1_024, key)?));
        }
        for metric in metrics {
            let (name, value) = read_metric(root, metric)?;
            found.push((dimensions.join(","), name, value));
        }
    }
    Ok(())
}

fn read_metric(root: &Value, metric: &Value) -> Result<(String, f64), String> {
    only(metric, &["Name", "Unit", "StorageResolution"])?;
    let name = text(&metric["Name"], 1_024, "Name")?;
    if metric.get("Unit").is_some_and(|unit| !UNITS.split(' ').any(|known| unit == known)) {
        return Err(format!("{name}: no unit: {}", metric["Unit"]));
    }
    if metric.get("StorageResolution").is_some_and(|seconds| *seconds != json!(1) && *seconds != json!(60)) {
        return Err(format!("{name}: a resolution other than 1 and 60"));
    }
    let value = root.get(name).ok_or(format!("{name} is no member of the root"))?;
    Ok((name.to_owned(), value.as_f64().ok_or(format!("{name} is no number"))?))
}

fn only(object: &Value, allowed: &[&str]) -> Result<(), String> {
    let members = object.as_object().ok_or("no object where there has to be one")?;
    match members.keys().find(|key| !allowed.contains(&key.as_str())) {
        Some(key) => Err(format!("a member that is not in the format: {key}")),
        None => Ok(()),
    }
}

fn text<'v>(value: &'v Value, most: usize, what: &str) -> Result<&'v str, String> {
    let text = value.as_str().filter(|text| (1..=most).contains(&text.len()));
    text.ok_or(format!("{what} is no text of 1 to {most} characters"))
}

#[test]
fn a_line_is_what_cloudwatch_makes_metrics_of() {
    let api = Origin::ok();
    let settings = format!("emf: {{ interval: {}s, dimensions: {{ Stage: test }} }}", INTERVAL.as_secs());
    let mut server = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")])).settings(&settings).start();
    // Enough for CPU time that the system counts in steps of 10 ms.
    for _ in 0..100 {
        assert_eq!((server.get("pay.example.com"), server.get("other.example.com")), (200, 421));
    }
    let line = server.stdout_line_within("_aws", PATIENCE);
    let metrics = read(&line).unwrap_or_else(|fault| panic!("{fault}: {line}"));
    let value = |name: &str| {
        let metric = metrics.iter().find(|(_, metric, _)| metric == name);
        let (dimensions, _, value) = metric.unwrap_or_else(|| panic!("{name} is not in {line}"));
        assert_eq!(dimensions, "Service=nameplate,Stage=test");
        *value
    };
    assert!(value("CPUUtilization") > 0.0 && value("CpuSecondsPerRequest") > 0.0, "{line}");
    assert!(value("RequestsPerSecond") > value("RefusalsPerSecond") && value("RefusalsPerSecond") > 0.0, "{line}");
    assert_eq!((value("RequestsInFlight"), value("ServerErrorsPerSecond"), metrics.len()), (0.0, 0.0, 6));
    let at = serde_json::from_str::<Value>(&line).expect("JSON")["_aws"]["Timestamp"].as_u64().expect("a time");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
    assert!(now.abs_diff(at) < PATIENCE.as_millis() as u64, "{at} is not in milliseconds, or not now: {now}");

    server.signal("-TERM");
    assert_eq!(server.wait_for_end().0.code(), Some(0));
    let lines = server.stdout_lines();
    assert!(lines.iter().all(|line| read(line).is_ok()), "{lines:?}");
}

/// With the shortest interval, and a mapping that is new for half an interval more: the line after a change finds it
/// new, and the one after that old.
#[test]
fn tasks_with_a_new_mapping_can_be_told_from_the_others() {
    let api = Origin::ok();
    let settings = format!("emf: {{ interval: {}s, new_mapping: 15s }}", INTERVAL.as_secs());
    let server = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")])).settings(&settings).start();
    server.replace_mapping(&mapping(&[("pay.example.com", "/next")]));
    assert!(server.reload(&[]).status.success());
    assert_eq!(server.get("other.example.com"), 421);

    for age in ["new", "old"] {
        let line = server.stdout_line_within(&format!("\"MappingVersion\":\"{age}\""), PATIENCE);
        let metrics = read(&line).unwrap_or_else(|fault| panic!("{fault}: {line}"));
        let names = |dimensions: &str| -> Vec<String> {
            let of = metrics.iter().filter(|(of, ..)| of == dimensions);
            of.map(|(_, name, _)| name.clone()).collect()
        };
        let compared = names(&format!("Service=nameplate,MappingVersion={age}"));
        assert_eq!(compared, ["RequestsPerSecond", "ServerErrorsPerSecond", "RefusalsPerSecond"], "{line}");
        assert!(names("Service=nameplate").contains(&"RequestsPerSecond".into()), "{line}");
    }
    let lines = server.stdout_lines();
    assert!(lines.iter().all(|line| read(line).is_ok()), "{lines:?}");
}

#[test]
fn without_the_setting_nothing_is_written() {
    let api = Origin::ok();
    let mut server = server(&api).mapping(&mapping(&[("pay.example.com", "/prod")])).start();
    assert_eq!(server.get("pay.example.com"), 200);
    server.signal("-TERM");
    server.wait_for_end();
    assert_eq!(server.stdout_lines(), [""; 0]);
}

/// The reader above is worth something only if it refuses what CloudWatch would.
#[test]
fn what_breaks_a_rule_is_found() {
    let good = json!({
        "_aws": { "Timestamp": 1, "CloudWatchMetrics": [{
            "Namespace": "n", "Dimensions": [["Service"]],
            "Metrics": [{ "Name": "a", "Unit": "Percent", "StorageResolution": 1 }],
        }] },
        "Service": "s", "a": 1.5,
    });
    assert_eq!(read(&good.to_string()), Ok(vec![("Service=s".into(), "a".into(), 1.5)]));
    let long = "x".repeat(256);
    let keys = vec!["Service"; 31];
    let faults = [
        ("/_aws/Timestamp", json!(1.5), "no Timestamp"),
        ("/_aws/Timestamp", json!("1"), "no Timestamp"),
        ("/_aws/CloudWatchMetrics", json!({}), "no CloudWatchMetrics"),
        ("/_aws/CloudWatchMetrics/0/Namespace", json!(long), "Namespace is no text"),
        ("/_aws/CloudWatchMetrics/0/Namespace", json!(":n"), "begins with a colon"),
        ("/_aws/CloudWatchMetrics/0/Dimensions", json!([]), "no Dimensions"),
        ("/_aws/CloudWatchMetrics/0/Dimensions", json!(["Service"]), "no array"),
        ("/_aws/CloudWatchMetrics/0/Dimensions", json!([["Task"]]), "Task is no member of the root"),
        ("/_aws/CloudWatchMetrics/0/Dimensions", json!([keys]), "over 30 dimensions"),
        ("/_aws/CloudWatchMetrics/0/Metrics/0/Name", json!("b"), "b is no member of the root"),
        ("/_aws/CloudWatchMetrics/0/Metrics/0/Unit", json!("Ratio"), "no unit"),
        ("/_aws/CloudWatchMetrics/0/Metrics/0/StorageResolution", json!(20), "other than 1 and 60"),
        ("/_aws/CloudWatchMetrics/0/Metrics", json!(vec![json!({ "Name": "a" }); 101]), "over 100 metrics"),
        ("/Service", json!(7), "Service is no text"),
        ("/a", json!(null), "a is no number"),
        ("/a", json!("1"), "a is no number"),
    ];
    for (place, value, want) in faults {
        let mut bad = good.clone();
        *bad.pointer_mut(place).expect("a place") = value;
        let fault = read(&bad.to_string()).expect_err(place);
        assert!(fault.contains(want), "{place}: {fault}");
    }
    assert!(read(&format!("stdout: {good}")).is_err_and(|fault| fault.contains("no JSON")));
    assert!(read(&format!("{good} x")).is_err_and(|fault| fault.contains("no JSON")));
}
