//! `nameplate capacity` as it is run.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::harness::server::nameplate;

fn capacity(words: &str) -> Output {
    let words: Vec<&str> = ["capacity", "--cpu-per-request", "0.00025"].into_iter().chain(words.split(' ')).collect();
    nameplate(&words)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr }).into_owned()
}

/// 40,000 requests a second at the peak are 10 cores.
#[test]
fn a_day_is_answered_with_a_fleet_and_its_cost() {
    let output = capacity("--peak 40000 --trough 4000 --zones 3 --metric ecs-20s --connections 60000");
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for want in [
        "task size      1 vCPU, 2 GB       21 tasks at the peak of 40000 requests/s\n",
        "min tasks      3 ",
        "max tasks      42 ",
        "target         49 %               so that 1 of 3 zones can be lost\n",
        "CPU            48 %               at the peak; 71 % without 1 of 3 zones\n",
        "load balancer  $20.80 ",
    ] {
        assert!(text.contains(want), "{want:?} is not in\n{text}");
    }
}

#[test]
fn json_has_the_numbers_that_a_deployment_takes() {
    let output = capacity("--peak 40000 --trough 4000 --spare-zones 0 --vcpu 1 --json");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let fleet = &json["fleet"];
    assert_eq!((fleet["target_percent"].as_u64(), fleet["target_because"].as_str()), (Some(50), Some("metric")));
    assert_eq!((fleet["task_cpu"].as_u64(), fleet["task_memory"].as_u64()), (Some(1024), Some(2048)));
    assert_eq!((fleet["min_tasks"].as_u64(), fleet["max_tasks"].as_u64()), (Some(2), Some(40)));
    let (mean, cost) = (fleet["mean_tasks"].as_f64().expect("tasks"), fleet["usd_month"].as_f64().expect("a cost"));
    assert!((cost - mean * 730.0 * (0.03238 + 2.0 * 0.00356)).abs() < 0.5, "{fleet}");
    assert!(mean > 11.0 && mean < 13.0, "{fleet}");
    let dearer =
        capacity("--peak 40000 --trough 4000 --spare-zones 0 --vcpu 1 --json --vcpu-price 0.06476 --gb-price 0");
    let dearer: Value = serde_json::from_slice(&dearer.stdout).expect("JSON");
    let doubled = dearer["fleet"]["usd_month"].as_f64().expect("a cost");
    assert!((doubled - mean * 730.0 * 0.06476).abs() < 0.5, "{dearer}");
}

#[test]
fn a_load_comes_from_a_file_or_from_standard_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("load.csv");
    let rows = "time,requests_per_second\n00:00,400\n06:00,400\n12:00,4000\n24:00,400\n";
    fs::write(&file, rows).expect("written");
    let from_file = capacity(&format!("--load {}", file.display()));
    assert!(said(&from_file).contains("at the peak of 4000 requests/s"), "{}", said(&from_file));

    let mut child = Command::new(env!("CARGO_BIN_EXE_nameplate"))
        .args(["capacity", "--cpu-per-request", "0.00025", "--load", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("a pipe").write_all(rows.as_bytes()).expect("taken");
    assert_eq!(child.wait_with_output().expect("its end").stdout, from_file.stdout);
}

/// As an export has them: read as seconds, this load would be flat, and two tasks would do.
#[test]
fn a_load_in_milliseconds_asks_for_the_same_fleet_as_in_seconds() {
    let folder = tempfile::tempdir().expect("a folder");
    let fleet = |name: &str, row: &dyn Fn(u64, f64) -> String| {
        let file = folder.path().join(name);
        let load = |step: u64| if (100..110).contains(&step) { 28_000.0 } else { 400.0 };
        fs::write(&file, (0..288).map(|step| row(1_767_225_600 + step * 300, load(step))).collect::<String>())
            .expect("written");
        let output = capacity(&format!("--load {} --vcpu 2 --format json", file.display()));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        json["fleet"].clone()
    };
    let seconds = fleet("seconds.csv", &|time, load| format!("{time},{load}\n"));
    assert!(seconds["min_tasks"].as_u64().expect("tasks") > 2, "{seconds}");
    let milliseconds = fleet("milliseconds.csv", &|time, load| format!("\"{time}000\",\"{load}\"\n"));
    assert_eq!(milliseconds, seconds);
}

#[track_caller]
fn fault(words: &str, code: i32, wants: &[&str]) {
    let output = capacity(words);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(code), "{words}: {text}");
    assert!(wants.iter().all(|want| text.contains(want)), "{words}: {text}");
}

#[test]
fn a_fault_says_what_and_where_and_how_to_mend_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("load.csv"), "time,requests_per_second\n09:00,120\n09:05,lots\n").expect("written");
    fs::write(path("idle.csv"), "0,0\n60,0\n").expect("written");
    fault(
        &format!("--load {}", path("load.csv")),
        1,
        &["load.csv:3: error: `lots` is no number", "help: write a number"],
    );
    fault(&format!("--load {}", path("idle.csv")), 1, &["idle.csv: error: there is no load in it", "help: "]);
    fault(&format!("--load {}", path("none.csv")), 2, &["none.csv: No such file", "help: name a file of rows"]);
    fault("--peak 10 --trough 20", 1, &["--trough: error: 20 is not from 0 to 10", "help: write requests a second"]);
    fault("--peak 10 --spare-zones 2", 1, &["--spare-zones: error: 2 of 2 zones leaves none", "help: "]);
    fault("--peak 10 --vcpu 3", 1, &["--vcpu: error: Fargate has no tasks of 3 vCPU", "help: one of 0.25"]);
    fault("--peak 100000000", 1, &["capacity: error: the peak takes 25000.0 cores", "help: check the units"]);
    fault("--peak 10 --target 95", 2, &["95 is not in 10..=90"]);
    fault("--zones 3", 2, &["--load <FILE>"]);
}
