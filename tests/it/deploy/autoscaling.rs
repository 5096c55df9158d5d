//! deploy/autoscaling is what AWS, Prometheus and the CloudWatch agent take, and speaks of metrics that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nameplate_core::settings::emf::{METRICS, NAMESPACE, SERVICE};
use nameplate_plan::capacity::Metric;
use serde_json::{Value, json};

use crate::harness::moto::Moto;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/autoscaling")
}

fn read(name: &str) -> Value {
    let text = fs::read_to_string(folder().join(name)).expect(name);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn tracking(name: &str) -> Value {
    read(name)["TargetTrackingScalingPolicyConfiguration"].clone()
}

/// Against AWS's model of its APIs, and then through moto's.
fn put(folder: &Path, moto: &Moto) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/deploy/autoscaling.py");
    let python = Moto::tool("python");
    Command::new(python).arg(script).arg(folder).arg(moto.url()).output().expect("python runs")
}

fn changed(name: &str, from: &str, to: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(folder()).expect("a folder").flatten() {
        fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
    }
    let text = fs::read_to_string(copy.path().join(name)).expect(name);
    assert!(text.contains(from), "{name} has no {from}");
    fs::write(copy.path().join(name), text.replace(from, to)).expect("written");
    copy
}

#[test]
fn aws_takes_the_target_and_every_policy() {
    let (moto, _alone) = Moto::start();
    let output = put(&folder(), &moto);
    let (said, fault) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{fault}");
    for name in ["ecs-cpu-1min", "ecs-cpu-20s", "custom-metric-emf", "custom-metric-agent"] {
        assert!(said.contains(&format!("put {name}.json\n")), "{said}");
    }
    for (name, from, to, want) in [
        ("ecs-cpu-20s.json", "HighResolution", "HighRes", "'ECSServiceAverageCPUUtilizationHighRes' is none of AWS's"),
        ("ecs-cpu-1min.json", "ScaleInCooldown", "ScaleInCoolDown", "ScaleInCoolDown"),
        ("custom-metric-emf.json", "\"Average\"", "\"Mean\"", "'Mean' is none of AWS's"),
        ("monitoring.json", "resolutionSeconds", "resolution", "resolution"),
        ("scalable-target.json", "\"MinCapacity\": 2", "\"MinCapacity\": \"2\"", "MinCapacity"),
    ] {
        let output = put(changed(name, from, to).path(), &moto);
        let fault = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && fault.contains(want), "{name} with {to}: {fault}");
    }
}

#[test]
fn the_targets_are_those_of_the_simulation() {
    let value = |name| tracking(name)["TargetValue"].as_f64().expect("a number");
    assert_eq!(value("ecs-cpu-1min.json"), f64::from(Metric::Minute.target()));
    assert_eq!(value("ecs-cpu-20s.json"), f64::from(Metric::TwentySeconds.target()));
    assert_eq!(value("custom-metric-emf.json"), f64::from(Metric::Minute.target()));
    assert_eq!(value("custom-metric-agent.json") * 100.0, f64::from(Metric::Minute.target()), "a ratio");
}

#[test]
fn the_policy_on_emf_reads_what_the_lines_say_by_default() {
    let metric = tracking("custom-metric-emf.json")["CustomizedMetricSpecification"].clone();
    let (name, unit) = METRICS[0];
    assert_eq!(
        (&metric["Namespace"], &metric["MetricName"], &metric["Unit"]),
        (&json!(NAMESPACE), &json!(name), &json!(unit))
    );
    assert_eq!(metric["Dimensions"], json!([{ "Name": SERVICE, "Value": "nameplate" }]));
}

/// Members as the agent's own schema has them; an unknown one stops it at its start.
#[test]
fn the_agents_config_has_what_its_schema_allows() {
    let agent = read("cloudwatch-agent.json");
    only(&agent, "", &["agent", "logs"]);
    only(&agent, "/agent", &["debug", "region", "metrics_collection_interval", "logfile", "omit_hostname"]);
    only(&agent, "/logs", &["metrics_collected", "force_flush_interval"]);
    let prometheus = "/logs/metrics_collected/prometheus";
    only(&agent, "/logs/metrics_collected", &["prometheus"]);
    let known = ["cluster_name", "log_group_name", "prometheus_config_path", "ecs_service_discovery", "emf_processor"];
    only(&agent, prometheus, &known);
    let discovery = format!("{prometheus}/ecs_service_discovery");
    let known =
        ["sd_target_cluster", "sd_cluster_region", "sd_frequency", "sd_result_file", "service_name_list_for_tasks"];
    only(&agent, &discovery, &known);
    let known =
        ["sd_service_name_pattern", "sd_container_name_pattern", "sd_metrics_ports", "sd_metrics_path", "sd_job_name"];
    only(&agent, &format!("{discovery}/service_name_list_for_tasks/0"), &known);
    let emf = format!("{prometheus}/emf_processor");
    only(&agent, &emf, &["metric_declaration_dedup", "metric_namespace", "metric_unit", "metric_declaration"]);
    let known = ["source_labels", "label_matcher", "dimensions", "metric_selectors"];
    only(&agent, &format!("{emf}/metric_declaration/0"), &known);
    assert!(agent["logs"]["force_flush_interval"].is_u64(), "{agent}");
}

#[track_caller]
fn only(config: &Value, place: &str, known: &[&str]) {
    let members = config.pointer(place).and_then(Value::as_object).unwrap_or_else(|| panic!("no {place}"));
    let unknown: Vec<_> = members.keys().filter(|key| !known.contains(&key.as_str())).collect();
    assert!(unknown.is_empty() && !members.is_empty(), "{place}: {unknown:?}");
}

#[test]
fn what_the_agent_declares_is_scraped_exists_and_is_what_the_policy_reads() {
    let agent = read("cloudwatch-agent.json")["logs"]["metrics_collected"]["prometheus"].clone();
    let scraped: Value = serde_yaml_of("prometheus.yaml");
    let job = &scraped["scrape_configs"][0];
    assert_eq!(job["file_sd_configs"][0]["files"][0], agent["ecs_service_discovery"]["sd_result_file"]);
    let service = agent["ecs_service_discovery"]["service_name_list_for_tasks"][0].clone();
    assert_eq!(job["job_name"], service["sd_job_name"]);

    let declared = agent["emf_processor"]["metric_declaration"][0].clone();
    let label = &job["relabel_configs"][0];
    assert_eq!(declared["source_labels"], json!([label["target_label"]]));
    assert_eq!(declared["label_matcher"], json!(format!("^{}$", label["replacement"].as_str().expect("a value"))));
    assert_eq!(declared["dimensions"], json!([[label["target_label"]]]));
    let selected: BTreeSet<&str> =
        texts(&declared["metric_selectors"]).map(|name| name.trim_matches(['^', '$'])).collect();
    let kept: BTreeSet<&str> = job["metric_relabel_configs"][0]["regex"].as_str().expect("names").split('|').collect();
    assert_eq!(selected, kept);
    let page = include_str!("../../../docs/metrics.md");
    assert!(selected.iter().all(|name| page.contains(&format!("| `{name}` |"))), "{selected:?}");
    let units = agent["emf_processor"]["metric_unit"].as_object().expect("units");
    assert!(units.keys().all(|name| selected.contains(name.as_str())), "{units:?}");

    let metric = tracking("custom-metric-agent.json")["CustomizedMetricSpecification"].clone();
    assert_eq!(metric["Namespace"], agent["emf_processor"]["metric_namespace"]);
    assert!(selected.contains(metric["MetricName"].as_str().expect("a name")), "{metric}");
    assert_eq!(metric["Dimensions"], json!([{ "Name": label["target_label"], "Value": label["replacement"] }]));
}

fn serde_yaml_of(name: &str) -> Value {
    let text = fs::read_to_string(folder().join(name)).expect(name);
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().expect("a list").iter().map(|item| item.as_str().expect("a text"))
}

/// Where Prometheus' own tool is: CI has it, and says so where it is missing.
#[test]
fn prometheus_reads_what_the_agent_is_to_scrape() {
    let file = folder().join("prometheus.yaml");
    let Ok(output) = Command::new("promtool").args(["check", "config"]).arg(&file).output() else {
        assert!(std::env::var_os("CI").is_none(), "promtool is missing");
        eprintln!("promtool is not here: only the YAML of {} was read", file.display());
        return;
    };
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}
