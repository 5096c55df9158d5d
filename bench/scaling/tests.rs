//! docs/scaling is what the simulation writes, and `nameplate capacity` recommends what it found.

use std::fs;
use std::path::Path;

use nameplate_plan::capacity::Metric;

use crate::simulation::{self, RULES, START, TRACES, recommended, run};

/// The rules, and what the command line calls them.
const METRICS: [Metric; 3] = [Metric::Minute, Metric::TwentySeconds, Metric::Prometheus];

#[test]
fn the_tables_and_plots_are_what_the_program_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scaling");
    for (name, text) in simulation::files() {
        let kept = fs::read_to_string(folder.join(name)).expect(name);
        assert!(
            kept == text,
            "docs/scaling/{name} is old: `cargo run -p nameplate-bench --bin scaling docs/scaling` writes it"
        );
    }
    let page = fs::read_to_string(folder.with_extension("md")).expect("docs/scaling.md");
    let table = fs::read_to_string(folder.join("targets.md")).expect("a table");
    for line in table.lines().filter(|line| line.starts_with('|') || line.starts_with("**")) {
        assert!(page.contains(line), "docs/scaling.md does not have the simulation's `{line}`");
    }
}

#[test]
fn the_default_targets_are_those_that_hold_p99() {
    for (rule, metric) in RULES.iter().zip(METRICS) {
        assert_eq!(recommended(rule, START), metric.target(), "{}", rule.name);
    }
}

/// In the spike, how long it takes from the load's rise at 600 s to the last of the new tasks.
#[test]
fn the_arithmetic_reckons_with_the_delays_of_the_simulation() {
    for (rule, metric) in RULES.iter().zip(METRICS) {
        let seconds = run(&TRACES[0], rule, metric.target(), START).seconds;
        let tasks = seconds[600].tasks;
        let served = seconds.iter().position(|second| second.tasks > tasks).expect("more tasks") as i64 - 600;
        let wanted = i64::from(metric.reaction());
        assert!((served - wanted).abs() <= 40, "{}: {served} s, not {wanted} s", rule.name);
        assert!(served > START as i64, "{}", rule.name);
    }
}

#[test]
fn a_higher_target_costs_less_and_waits_longer() {
    for trace in &TRACES {
        for rule in &RULES {
            let (low, high) = (run(trace, rule, 40, START), run(trace, rule, 60, START));
            assert!(low.task_hours() > high.task_hours(), "{}, {}", trace.name, rule.name);
            assert!(low.p99() < high.p99(), "{}, {}", trace.name, rule.name);
        }
    }
}
