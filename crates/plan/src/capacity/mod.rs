//! How large a fleet a load needs, and what it costs. Pure arithmetic; docs/scaling.md tells the method and
//! where its constants come from.

pub mod curve;
pub mod fargate;
pub mod queue;
mod row;

use curve::Curve;
use fargate::{Prices, Size};
use queue::Server;

/// Memory of an idle connection in all, from docs/operations.md.
const CONNECTION: f64 = 41.0 * 1024.0;
/// Memory of a process without connections: the mapping, the pools and buffers of requests in flight.
const PROCESS: f64 = 128.0 * 1024.0 * 1024.0;
/// Memory that stays free.
const FREE: f64 = 0.25;

/// What the simulation ran with: a request's CPU seconds, in tasks of one vCPU.
pub const SIMULATED: (f64, f64) = (0.00025, 1.0);

/// Where a finer size costs so little less, the larger one is taken: fewer tasks share connections to the
/// endpoint better, and each has more CPU for a burst.
const WORTH: f64 = 1.05;

/// More tasks than this are taken for a mistake: each has connections, look-ups and polls of its own.
const MOST_TASKS: u32 = 200;

/// Scaling in looks back as far as this, in seconds, for each of the ways.
const LOOKS_BACK: f64 = 900.0;

/// What the fleet is scaled on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// ECSServiceAverageCPUUtilization, or a custom metric: minutes.
    Minute,
    /// ECSServiceAverageCPUUtilizationHighResolution.
    TwentySeconds,
    /// Prometheus' desired count.
    Prometheus,
}

impl Metric {
    /// The target in percent that holds p99 in the simulation, with [`SIMULATED`].
    pub const fn target(self) -> u32 {
        match self {
            Metric::Minute => 50,
            Metric::TwentySeconds | Metric::Prometheus => 55,
        }
    }

    /// Seconds from a rise of the load to tasks that serve it, by the simulation's constants.
    pub const fn reaction(self) -> u32 {
        match self {
            Metric::Minute => 423,
            Metric::TwentySeconds => 146,
            Metric::Prometheus => 110,
        }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The expected load.
    pub curve: Curve,
    /// CPU seconds for a request, as measured.
    pub cpu_per_request: f64,
    /// Clients' connections at the peak, over all tasks.
    pub connections: u32,
    /// Scaled on.
    pub metric: Metric,
    /// The target in percent, where another one than the metric's is wanted.
    pub target: Option<u32>,
    /// Availability Zones, and how many of them may be lost at the peak.
    pub zones: u32,
    /// See `zones`.
    pub spare_zones: u32,
    /// Tasks that may be had beyond those of the peak, in percent.
    pub headroom: u32,
    /// The vCPU of a task, where it is not to be chosen.
    pub vcpu: Option<f64>,
    /// What it costs.
    pub prices: Prices,
    /// Capacity units of the load balancer, on average.
    pub balancer_units: f64,
}

/// Why a target is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It was asked for.
    Asked,
    /// It holds p99 with the metric.
    Metric,
    /// Requests wait longer in tasks of this size than in those of the simulation.
    Size,
    /// From a higher one, losing the spare zones would lead to more than p99 bears.
    Zones,
}

/// A fleet of tasks of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// Of a task.
    pub size: Size,
    /// The target for the scaling policy, in percent, and why.
    pub target: (u32, Because),
    /// The fewest tasks, the most, and those of the peak.
    pub min: u32,
    /// See `min`.
    pub max: u32,
    /// See `min`.
    pub at_peak: u32,
    /// Over the whole curve.
    pub mean_tasks: f64,
    /// Mean CPU at the peak, from 0 to 1.
    pub cpu_at_peak: f64,
    /// The same, after the zones that may be lost.
    pub cpu_without_zones: f64,
    /// The highest mean CPU on the curve, while new tasks start.
    pub cpu_while_rising: f64,
    /// Bytes a task needs at the peak without the zones that may be lost.
    pub memory: f64,
    /// USD a month for the tasks.
    pub cost: f64,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What to run.
    pub fleet: Fleet,
    /// Every size that can carry it, from small to large.
    pub considered: Vec<Fleet>,
    /// USD a month for the load balancer.
    pub balancer: f64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CapacityFault {
    /// No size of a task can carry it.
    #[error(
        "the peak takes {cores:.1} cores, and no task size carries that and the connections with {MOST_TASKS} tasks \
         or fewer\n  help: check the units (CPU is in seconds for a request, load in requests a second), or give \
         part of the domains to a service of its own"
    )]
    TooMuch {
        /// CPU at the peak.
        cores: f64,
    },
}

/// Sizes a fleet.
pub fn plan(question: &Question) -> Result<Plan, CapacityFault> {
    let vcpus = Size::vcpus().filter(|vcpu| question.vcpu.is_none_or(|only| only == *vcpu));
    let considered: Vec<Fleet> = vcpus.filter_map(|vcpu| fleet(question, vcpu)).collect();
    let cheapest = considered.iter().map(|fleet| fleet.cost).fold(f64::INFINITY, f64::min);
    let worth = |fleet: &&Fleet| fleet.cost <= cheapest * WORTH;
    let cores = question.curve.peak() * question.cpu_per_request;
    let fleet = considered.iter().rfind(worth).cloned().ok_or(CapacityFault::TooMuch { cores })?;
    Ok(Plan { fleet, considered, balancer: question.prices.balancer(question.balancer_units) })
}

/// The target for tasks with this vCPU, whose p99 holds up to this mean CPU.
fn target(question: &Question, limit: f64, vcpu: f64) -> (u32, Because) {
    let percent = |share: f64| ((share * 100.0 + 1e-9).floor() as u32).max(1);
    let metric = question.metric.target();
    let simulated = Server::new(SIMULATED.0, SIMULATED.1).limit();
    let by_size = percent(f64::from(metric) / 100.0 * limit / simulated);
    let wanted = match question.target {
        Some(asked) => (asked, Because::Asked),
        None if by_size < metric => (by_size, Because::Size),
        None => (metric, Because::Metric),
    };
    let (zones, spare) = (f64::from(question.zones), f64::from(question.spare_zones));
    let by_zones = percent(limit * (zones - spare) / zones);
    // Tasks do not divide evenly among the zones: at the peak, those that are left have to be enough.
    let cores = question.curve.peak() * question.cpu_per_request;
    let borne = |target: &u32| {
        let tasks = tasks_for(cores, *target, vcpu).max(question.fewest());
        spare == 0.0 || cores / vcpu / f64::from(question.left_of(tasks)) <= limit + 1e-9
    };
    let by_zones = (1..=by_zones.min(wanted.0)).rev().find(borne).unwrap_or(1);
    if by_zones < wanted.0 { (by_zones, Because::Zones) } else { wanted }
}

/// As many tasks with this vCPU as keep so many cores at this target, in percent.
fn tasks_for(cores: f64, target: u32, vcpu: f64) -> u32 {
    // A mean that is at the target to the last digit is not above it.
    (cores * 100.0 / (f64::from(target) * vcpu) - 1e-9).ceil().max(1.0) as u32
}

impl Question {
    /// A task in each zone, and two in all.
    fn fewest(&self) -> u32 {
        self.zones.max(2)
    }

    /// Of so many tasks, those that are left when the spare zones with the most of them are lost.
    fn left_of(&self, tasks: u32) -> u32 {
        let lost = (u64::from(tasks) * u64::from(self.spare_zones)).div_ceil(u64::from(self.zones));
        tasks.saturating_sub(u32::try_from(lost).unwrap_or(u32::MAX))
    }
}

/// The fleet of tasks with this vCPU. `None` where no such task has the memory, or it takes too many.
fn fleet(question: &Question, vcpu: f64) -> Option<Fleet> {
    let limit = Server::new(question.cpu_per_request, vcpu).limit();
    let target = target(question, limit, vcpu);
    let cores = |load: f64| load * question.cpu_per_request;
    let tasks_for = |load: f64| tasks_for(cores(load), target.0, vcpu);
    let at_peak = tasks_for(question.curve.peak());
    if at_peak > MOST_TASKS {
        return None;
    }
    let zones = question.zones;
    let fewest = question.fewest().max(tasks_for(question.curve.trough()));
    let most = fewest.max(at_peak);
    let course = Course::of(question, tasks_for);
    let rises = |min: u32| course.highest(min, |load, tasks| cores(load) / (f64::from(tasks) * vcpu));
    // As many in each zone, and so many that the load's fastest rise is borne until new tasks are there.
    let steps = fewest.div_ceil(zones)..=most.div_ceil(zones);
    let min = steps.clone().map(|each| each * zones).find(|min| rises(*min) <= limit);
    let min = min.unwrap_or(steps.end() * zones);
    let at_peak = most.max(min);
    let left = question.left_of(at_peak);
    let memory = (PROCESS + CONNECTION * f64::from(question.connections) / f64::from(left)) / (1.0 - FREE);
    let size = Size::with(vcpu, memory)?;
    let mean_tasks = course.mean_tasks(min);
    let at_peak_cores = cores(question.curve.peak()) / vcpu;
    Some(Fleet {
        size,
        target,
        min,
        max: (f64::from(at_peak) * (1.0 + f64::from(question.headroom) / 100.0)).ceil() as u32,
        at_peak,
        mean_tasks,
        cpu_at_peak: at_peak_cores / f64::from(at_peak),
        cpu_without_zones: at_peak_cores / f64::from(left),
        cpu_while_rising: rises(min),
        memory,
        cost: mean_tasks * question.prices.task(size),
    })
}

/// The load, and the tasks that it asks for by the time they are there.
struct Course {
    loads: Vec<f64>,
    tasks: Vec<u32>,
}

impl Course {
    fn of(question: &Question, tasks_for: impl Fn(f64) -> u32) -> Course {
        let (step, loads) = question.curve.samples();
        let steps = |seconds: f64| (seconds / step).ceil() as usize;
        let (late, back) = (steps(f64::from(question.metric.reaction())), steps(LOOKS_BACK));
        let asked: Vec<u32> = loads.iter().map(|load| tasks_for(*load)).collect();
        let tasks = |now: usize| {
            // What was before the curve's beginning is not known; as it begins, it was.
            let seen = now.saturating_sub(late + back)..=now.saturating_sub(late);
            asked[seen].iter().copied().max().unwrap_or(1)
        };
        Course { tasks: (0..loads.len()).map(tasks).collect(), loads }
    }

    fn highest(&self, min: u32, of: impl Fn(f64, u32) -> f64) -> f64 {
        let all = self.loads.iter().zip(&self.tasks);
        all.map(|(load, tasks)| of(*load, (*tasks).max(min))).fold(0.0, f64::max)
    }

    fn mean_tasks(&self, min: u32) -> f64 {
        self.tasks.iter().map(|tasks| f64::from((*tasks).max(min))).sum::<f64>() / self.tasks.len() as f64
    }
}

#[cfg(test)]
mod tests;
