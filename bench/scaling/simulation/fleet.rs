//! A fleet under a load, and the rule that sizes it.

use std::collections::VecDeque;

use nameplate_plan::capacity::SIMULATED;
use nameplate_plan::capacity::queue::{SPREAD, Server};

use super::{CPU_PER_REQUEST, FEWEST, MOST, Trace};

/// How a way to scale sees the load, and acts.
pub struct Rule {
    pub name: &'static str,
    /// Seconds between two looks.
    pub period: u64,
    /// Seconds that a look is the mean of.
    pub window: u64,
    /// Seconds until a look is known and acted on.
    pub lag: u64,
    /// Looks in a row that have to be above the target to scale out.
    pub out: usize,
    /// Looks in a row that have to be below nine tenths of it to scale in: 15 minutes of them.
    pub down: usize,
}

/// The lags of the two ECS metrics are what makes a scale-out begin 363 s and 86 s after the load rose, as
/// AWS measured: three periods, half of one until the first begins, and the lag.
pub const RULES: [Rule; 3] = [
    Rule { name: "ECS metric, 1 min", period: 60, window: 60, lag: 153, out: 3, down: 15 },
    Rule { name: "ECS metric, 20 s", period: 20, window: 20, lag: 16, out: 3, down: 45 },
    // Scraped every 15 s, a rate over a minute, reckoned every 30 s, and somebody who sets the count.
    Rule { name: "Prometheus, desired count", period: 30, window: 60, lag: 20, out: 1, down: 30 },
];

/// What requests meet.
fn task() -> Server {
    Server::new(SIMULATED.0, SIMULATED.1)
}

/// Where what piled up stops: by then clients have given up.
const PATIENCE: f64 = 30.0;

/// What a second was like.
#[derive(Clone, Copy)]
pub struct Second {
    pub load: f64,
    pub tasks: u32,
    /// The mean over the tasks, from 0 to 1.
    pub cpu: f64,
    /// The busiest task's, in seconds.
    pub p99: f64,
    /// Utilization that the busiest task is asked for, and the CPU seconds that have piled up in it.
    busiest: f64,
    piled_up: f64,
}

/// What requests met, and how many did.
type Loads = Vec<(f64, f64)>;

/// A whole trace.
pub struct Run {
    pub seconds: Vec<Second>,
}

impl Run {
    /// What 99 of 100 of all its requests stayed under, in seconds.
    pub fn p99(&self) -> f64 {
        let (queued, late) = self.by_utilization();
        let all: f64 = self.seconds.iter().map(|second| second.load).sum();
        let over = |limit: f64| {
            let waiting: f64 = queued.iter().map(|(at, load)| load * task().longer_than(limit, *at)).sum();
            let late: f64 = late.iter().filter(|(delay, _)| *delay > limit).map(|(_, load)| load).sum();
            (waiting + late) / all
        };
        let (mut low, mut high) = (0.0, PATIENCE + 1.0);
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if over(middle) > 0.01 { low = middle } else { high = middle }
        }
        high
    }

    /// Requests by their task's utilization, in steps of a thousandth, and those that came while work was
    /// piled up by how long that takes.
    fn by_utilization(&self) -> (Loads, Loads) {
        let mut queued = vec![0.0; 1_001];
        let mut late = Vec::new();
        for second in &self.seconds {
            if second.piled_up > 0.0 {
                late.push((second.piled_up, second.load));
            } else {
                queued[(second.busiest * 1_000.0) as usize] += second.load;
            }
        }
        let steps = queued.into_iter().enumerate().filter(|(_, load)| *load > 0.0);
        (steps.map(|(step, load)| (step as f64 / 1_000.0, load)).collect(), late)
    }

    /// Tasks times hours.
    pub fn task_hours(&self) -> f64 {
        self.seconds.iter().map(|second| f64::from(second.tasks)).sum::<f64>() / 3_600.0
    }
}

/// Puts a trace through a fleet of tasks with one vCPU that keeps to `target` percent, each of which takes `start`
/// seconds until it serves.
pub fn run(trace: &Trace, rule: &Rule, target: u32, start: u64) -> Run {
    let mut scaler = Scaler { rule, target: f64::from(target) / 100.0, looks: VecDeque::new(), known: VecDeque::new() };
    let mut tasks = scaler.tasks_for(trace.load(0) * CPU_PER_REQUEST);
    let mut starting: VecDeque<(u64, u32)> = VecDeque::new();
    let mut seconds: Vec<Second> = Vec::with_capacity(trace.length as usize);
    let mut piled_up = 0.0;
    for now in 0..trace.length {
        while let Some((_, more)) = starting.front().filter(|(ready, _)| *ready <= now) {
            tasks += more;
            starting.pop_front();
        }
        let second = serve(trace.load(now), tasks, piled_up);
        piled_up = second.piled_up;
        seconds.push(second);

        let wanted = scaler.wanted(now, &seconds);
        let coming: u32 = starting.iter().map(|(_, more)| more).sum();
        match wanted {
            Some(wanted) if wanted > tasks + coming => starting.push_back((now + start, wanted - tasks - coming)),
            Some(wanted) if wanted < tasks => {
                starting.clear();
                tasks = wanted;
            }
            _ => {}
        }
    }
    Run { seconds }
}

/// One second of load on so many tasks, with what is left of the second before.
fn serve(load: f64, tasks: u32, piled_up: f64) -> Second {
    let mean = load * CPU_PER_REQUEST / f64::from(tasks);
    let asked = mean * SPREAD;
    let piled_up = (piled_up + asked - 1.0).clamp(0.0, PATIENCE);
    let busiest = asked.min(1.0);
    let cpu = if piled_up > 0.0 { 1.0 } else { mean.min(1.0) };
    let p99 = if piled_up > 0.0 { piled_up } else { task().p99(busiest) };
    Second { load, tasks, cpu, p99, busiest, piled_up }
}

struct Scaler<'r> {
    rule: &'r Rule,
    target: f64,
    /// When a look is known, the utilization it saw, and the cores that were in use.
    looks: VecDeque<(u64, f64, f64)>,
    /// The looks that are known, as many as scaling in needs.
    known: VecDeque<(f64, f64)>,
}

impl Scaler<'_> {
    fn tasks_for(&self, cores: f64) -> u32 {
        // A mean that is at the target to the last digit is not above it.
        ((cores / self.target - 1e-9).ceil() as u32).clamp(FEWEST, MOST)
    }

    /// How many tasks there are to be, where this second brings a reason to change it.
    fn wanted(&mut self, now: u64, seconds: &[Second]) -> Option<u32> {
        let Rule { period, window, lag, out, down, .. } = *self.rule;
        if (now + 1).is_multiple_of(period) {
            let last = &seconds[seconds.len().saturating_sub(window as usize)..];
            let mean = |of: fn(&Second) -> f64| last.iter().map(of).sum::<f64>() / last.len() as f64;
            let cores = mean(|second| second.cpu * f64::from(second.tasks));
            self.looks.push_back((now + lag, mean(|second| second.cpu), cores));
        }
        let (_, cpu, cores) = *self.looks.front().filter(|(known, ..)| *known <= now)?;
        self.looks.pop_front();
        self.known.push_back((cpu, cores));
        if self.known.len() > down {
            self.known.pop_front();
        }
        let above = self.known.iter().rev().take(out).filter(|(cpu, _)| *cpu > self.target).count();
        let below = self.known.iter().filter(|(cpu, _)| *cpu < 0.9 * self.target).count();
        if above == out {
            return Some(self.tasks_for(cores));
        }
        let most = self.known.iter().map(|(_, cores)| *cores).fold(0.0, f64::max);
        (below == down).then(|| self.tasks_for(most))
    }
}
