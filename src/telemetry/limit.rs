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
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// The metadata is one hop away on the same host; who does not answer in this time is not there.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// A task's metadata is a few KB for each container.
const METADATA_MOST: u64 = 1 << 20;

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

    /// Finds the limit of this process. Blocks for up to a second or so where ECS announces task
    /// metadata that does not answer, so ask once, at the start. Logs what was found, and where.
    pub fn detect() -> CpuLimit {
        let task = std::env::var("ECS_CONTAINER_METADATA_URI_V4").ok().and_then(|uri| {
            ecs_task_limit(&uri, METADATA_TIMEOUT)
                .inspect_err(|fault| log::warn!("CPU limit: no answer from the ECS task metadata at {uri}: {fault}"))
                .ok()?
        });
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let quota = cgroup_quota(Path::new("/sys/fs/cgroup"), &groups);
        let limit = choose(task, quota, std::thread::available_parallelism().map_or(1, usize::from));
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

/// The task's limit. `Ok(None)` where the task has none, as ECS on EC2 allows.
fn ecs_task_limit(uri: &str, timeout: Duration) -> io::Result<Option<f64>> {
    let answer = get(&format!("{uri}/task"), timeout)?;
    task_limit(body(&answer)?)
}

fn task_limit(json: &[u8]) -> io::Result<Option<f64>> {
    let task: serde_json::Value = serde_json::from_slice(json)?;
    Ok(task.pointer("/Limits/CPU").and_then(serde_json::Value::as_f64))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Splits `http://ADDRESS[:PORT]/PATH`. A name instead of an address is not looked up: ECS never
/// gives one, and a look-up has no timeout.
fn split(uri: &str) -> Option<(SocketAddr, &str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/')?);
    let ip = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let address = authority.parse().ok().or_else(|| Some(SocketAddr::new(ip(authority)?, 80)))?;
    Some((address, authority, path))
}

/// A GET in plain HTTP, whole answer within `timeout`: not worth a client library.
fn get(uri: &str, timeout: Duration) -> io::Result<Vec<u8>> {
    let (address, authority, path) = split(uri).ok_or_else(|| invalid("not http://ADDRESS/PATH"))?;
    let deadline = Instant::now() + timeout;
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_write_timeout(Some(timeout))?;
    // HTTP/1.0, because an answer to it is never chunked (RFC 9112 section 6.1).
    let request = format!("GET {path} HTTP/1.0\r\nHost: {authority}\r\nAccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 8192];
    while (answer.len() as u64) < METADATA_MOST {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk)? {
            0 => return Ok(answer),
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
    Err(invalid("the answer is too long"))
}

fn body(answer: &[u8]) -> io::Result<&[u8]> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or_else(|| invalid("not an HTTP answer"))?;
    let status = answer.split(|b| *b == b' ').nth(1);
    if !answer.starts_with(b"HTTP/1.") || status != Some(b"200") {
        return Err(invalid("the status is not 200"));
    }
    Ok(&answer[end + 4..])
}

/// The smallest quota of the groups named in /proc/self/cgroup and those around them, in cores.
///
/// Inside a container the path may be one of the host's, which is not there; the container's own
/// group is then the root of what is mounted, and walking up ends there.
fn cgroup_quota(root: &Path, groups: &str) -> Option<f64> {
    groups.lines().filter_map(|line| group_quota(root, line)).reduce(f64::min)
}

/// For one line, `ID:CONTROLLERS:PATH`; version 2 names no controllers.
fn group_quota(root: &Path, line: &str) -> Option<f64> {
    let (_, named) = line.split_once(':')?;
    let (controllers, path) = named.split_once(':')?;
    let groups = Path::new(path.strip_prefix('/')?).ancestors();
    if controllers.is_empty() {
        return groups.filter_map(|group| quota_v2(&root.join(group))).reduce(f64::min);
    }
    if !controllers.split(',').any(|name| name == "cpu") {
        return None;
    }
    // Usually mounted under the whole list, with a link for each controller; some have only one.
    let mount = [controllers, "cpu"].map(|name| root.join(name)).into_iter().find(|dir| dir.is_dir())?;
    groups.filter_map(|group| quota_v1(&mount.join(group))).reduce(f64::min)
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
