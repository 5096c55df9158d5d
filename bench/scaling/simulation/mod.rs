//! Target tracking over load traces, second by second. Every assumption is a constant with its reason.

mod fleet;
mod plot;
mod table;
mod trace;

use nameplate_plan::capacity::SIMULATED;
use nameplate_plan::capacity::queue::OBJECTIVE;

pub use fleet::{RULES, Rule, Run, run};
pub use trace::{TRACES, Trace};

/// CPU seconds for a request: what `nameplate_cpu_seconds_per_request` says of small requests over kept
/// connections. Tasks have one vCPU.
pub const CPU_PER_REQUEST: f64 = SIMULATED.0;

/// From a scaling decision to a task that takes requests: its network interface, the image, the start, and
/// the load balancer's health check.
pub const START: u64 = 60;

/// What else it may take, to see what that changes.
pub const STARTS: [u64; 4] = [30, START, 120, 240];

/// No fleet is smaller than a task in each of two zones, or larger than what stops a mistake. The loads take
/// some tens of tasks: with a few, what rounding up adds would hide what the target does.
pub const FEWEST: u32 = 2;
pub const MOST: u32 = 100;

/// The targets that are tried, in percent.
pub const TARGETS: [u32; 9] = [40, 45, 50, 55, 60, 65, 70, 75, 80];

/// The highest target that holds the objective in every trace where tasks take so long to start, or the lowest
/// tried.
pub fn recommended(rule: &Rule, start: u64) -> u32 {
    let holds = |target: &u32| TRACES.iter().all(|trace| run(trace, rule, *target, start).p99() <= OBJECTIVE);
    TARGETS.into_iter().rfind(holds).unwrap_or(TARGETS[0])
}

/// Everything docs/scaling has: names and contents.
pub fn files() -> Vec<(&'static str, String)> {
    let mut files = vec![("targets.md", table::table()), ("targets.svg", plot::targets())];
    files.extend(TRACES.iter().map(|trace| (trace.file, plot::course(trace))));
    files
}
