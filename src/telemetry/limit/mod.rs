//! How many cores this process may use: what utilization is measured against and what the number
//! of worker threads follows.
//!
//! Asked in this order:
//! 1. ECS: the task's `Limits.CPU` from the task metadata. On Fargate this is what is paid for and
//!    enforced; the machine behind it may show more cores.
//! 2. The quota of this process's cgroup, or of one around it: Docker, Kubernetes, systemd.
//! 3. The cores this process may run on.

use std::fmt;
use std::fs;
use std::path::Path;

use super::cgroup::{Group, ROOT, groups_of};
use super::task::Task;

/// Where a [`CpuLimit`] was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitSource {
    /// ECS task metadata, `Limits.CPU`.
    EcsTask,
    /// A cgroup's CPU quota.
    Cgroup,
    /// No limit found: the cores this process may run on.
    Machine,
}

/// The CPU this process may use, in cores; more than 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuLimit {
    cores: f64,
    source: LimitSource,
}

/// For the log: `0.5 cores (ECS task)`.
impl fmt::Display for CpuLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            LimitSource::EcsTask => "ECS task",
            LimitSource::Cgroup => "cgroup quota",
            LimitSource::Machine => "no limit found, all cores",
        };
        write!(f, "{} cores ({source})", self.cores)
    }
}

impl CpuLimit {
    /// A limit; `None` unless it is a number above 0.
    pub fn new(cores: f64, source: LimitSource) -> Option<CpuLimit> {
        (cores.is_finite() && cores > 0.0).then_some(CpuLimit { cores, source })
    }

    /// In cores; ECS calls them vCPU.
    pub fn cores(self) -> f64 {
        self.cores
    }

    /// Where it was found.
    pub fn source(self) -> LimitSource {
        self.source
    }

    /// As many worker threads as the limit keeps busy: rounded up, at least 1.
    pub fn threads(self) -> usize {
        (self.cores.ceil() as usize).max(1)
    }

    /// Finds the limit of this process, of which ECS may have said something. Logs what was found,
    /// and where.
    pub fn detect(task: &Task) -> CpuLimit {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let quota = cgroup_quota(Path::new(ROOT), &groups);
        let limit = choose(task.cores, quota, std::thread::available_parallelism().map_or(1, usize::from));
        log::info!("CPU limit: {limit}");
        limit
    }
}

/// The pure part of [`CpuLimit::detect`].
fn choose(task: Option<f64>, quota: Option<f64>, parallelism: usize) -> CpuLimit {
    let cores = parallelism.max(1) as f64;
    // `parallelism` already has the quota in it, rounded down; only where it is lower than that is
    // it the affinity mask or the machine that holds us back.
    let quota = quota.filter(|quota| quota.floor().max(1.0) <= cores);
    task.and_then(|cores| CpuLimit::new(cores, LimitSource::EcsTask))
        .or_else(|| CpuLimit::new(quota?, LimitSource::Cgroup))
        .unwrap_or(CpuLimit { cores, source: LimitSource::Machine })
}

/// The smallest quota of the groups named in /proc/self/cgroup and those around them, in cores.
fn cgroup_quota(root: &Path, groups: &str) -> Option<f64> {
    let quota = |group: &Group| match group {
        Group::One(folder) => quota_v1(folder),
        Group::Two(folder) => quota_v2(folder),
    };
    groups_of(root, groups, "cpu").iter().filter_map(quota).reduce(f64::min)
}

fn quota_v2(group: &Path) -> Option<f64> {
    cpu_max(&fs::read_to_string(group.join("cpu.max")).ok()?)
}

fn quota_v1(group: &Path) -> Option<f64> {
    let file = |name| fs::read_to_string(group.join(name)).ok();
    ratio(&file("cpu.cfs_quota_us")?, &file("cpu.cfs_period_us")?)
}

/// `QUOTA PERIOD` or `max PERIOD`, in microseconds.
fn cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    ratio(quota, period)
}

/// Version 1 says -1 for no quota, version 2 `max`; neither is a number above 0.
fn ratio(quota: &str, period: &str) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<u64>().ok().filter(|n| *n > 0);
    Some(number(quota)? as f64 / number(period)? as f64)
}

#[cfg(test)]
mod tests;
