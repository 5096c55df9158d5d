//! The process as Linux sees it: CPU time, memory, file descriptors, threads.
//!
//! The prometheus crate has a collector for these, but it counts CPU in whole seconds, too coarse
//! for a ratio over seconds, and brings the `procfs` crate for six numbers. On other systems there
//! is no /proc, and these metrics are absent.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, MetricType};

/// /proc counts time in ticks of USER_HZ. That is 100 on x86-64 and arm64, whatever the kernel's own
/// tick is; asking `sysconf` would take unsafe code.
const TICKS_PER_SECOND: f64 = 100.0;

const PROC: &str = "/proc/self";

/// CPU time of all threads of this process, user and system, dead threads included. In seconds,
/// exact to 10 ms. `None` where there is no /proc.
pub(crate) fn cpu_seconds() -> Option<f64> {
    Some(Stat::parse(&fs::read_to_string(Path::new(PROC).join("stat")).ok()?)?.cpu_seconds)
}

/// Memory of this process that is in RAM, in bytes. `None` where there is no /proc.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string(Path::new(PROC).join("status")).ok()?;
    number(&status, "VmRSS:").map(|kib| kib as u64 * 1024)
}

/// What we use of /proc/self/stat.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    /// After the machine's boot.
    start_seconds: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Stat> {
        // The second field is the command in parentheses, which may itself hold both kinds.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // `rest` starts with field 3, so proc(5)'s field N is at N - 3.
        let seconds = |field: usize| Some(fields.get(field - 3)?.parse::<u64>().ok()? as f64 / TICKS_PER_SECOND);
        Some(Stat { cpu_seconds: seconds(14)? + seconds(15)?, start_seconds: seconds(22)? })
    }
}

/// The number behind `key` in a file of `key: number unit` lines.
fn number(text: &str, key: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

fn open_fds(dir: &Path) -> Option<f64> {
    // Since Linux 6.2 the directory's size is the answer; before, it is 0.
    match fs::metadata(dir).ok()?.len() {
        // Reading the directory opens one more.
        0 => Some(fs::read_dir(dir).ok()?.count().saturating_sub(1) as f64),
        count => Some(count as f64),
    }
}

/// The standard `process_*` metrics, read when they are scraped.
pub(crate) struct ProcessCollector {
    descs: Vec<Desc>,
}

/// Name, help and type of each metric, in the order of [`read`].
const METRICS: [(&str, &str, MetricType); 7] = [
    ("process_cpu_seconds_total", "CPU time used by the process, user and system, in seconds.", MetricType::COUNTER),
    ("process_resident_memory_bytes", "Memory of the process that is in RAM, in bytes.", MetricType::GAUGE),
    ("process_virtual_memory_bytes", "Address space of the process, in bytes.", MetricType::GAUGE),
    ("process_threads", "Threads of the process.", MetricType::GAUGE),
    ("process_open_fds", "File descriptors the process has open.", MetricType::GAUGE),
    ("process_max_fds", "File descriptors the process may have open.", MetricType::GAUGE),
    ("process_start_time_seconds", "When the process started, in seconds since the Unix epoch.", MetricType::GAUGE),
];

fn read() -> [Option<f64>; METRICS.len()] {
    let root = Path::new(PROC);
    let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let stat = Stat::parse(&text(&root.join("stat")));
    let status = text(&root.join("status"));
    let kilobytes = |key| number(&status, key).map(|n| n * 1024.0);
    let boot = number(&text(Path::new("/proc/stat")), "btime ");
    [
        stat.as_ref().map(|s| s.cpu_seconds),
        kilobytes("VmRSS:"),
        kilobytes("VmSize:"),
        number(&status, "Threads:"),
        open_fds(&root.join("fd")),
        // `unlimited` is no number, and the metric is then absent.
        number(&text(&root.join("limits")), "Max open files"),
        stat.as_ref().zip(boot).map(|(s, boot)| boot + s.start_seconds),
    ]
}

impl ProcessCollector {
    /// A collector for the calling process.
    pub(crate) fn new() -> prometheus::Result<ProcessCollector> {
        let desc =
            |(name, help, _): &(&str, &str, _)| Desc::new((*name).into(), (*help).into(), Vec::new(), HashMap::new());
        Ok(ProcessCollector { descs: METRICS.iter().map(desc).collect::<Result<_, _>>()? })
    }
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let known = METRICS.iter().zip(read()).filter_map(|(metric, value)| Some((metric, value?)));
        known.map(|((name, help, kind), value)| family(name, help, *kind, vec![metric(*kind, value)])).collect()
    }
}

/// A counter or a gauge with this value, without labels.
pub(super) fn metric(kind: MetricType, value: f64) -> proto::Metric {
    let mut metric = proto::Metric::default();
    if kind == MetricType::COUNTER {
        let mut counter = proto::Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = proto::Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

/// All series of a metric.
pub(super) fn family(name: &str, help: &str, kind: MetricType, series: Vec<proto::Metric>) -> proto::MetricFamily {
    let mut family = proto::MetricFamily::default();
    family.set_name(name.into());
    family.set_help(help.into());
    family.set_field_type(kind);
    family.set_metric(series);
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "7 (a ) (b) S 1 7 7 0 -1 4194560 5000 0 3 0 1250 250 9 9 20 0 5 0 4200 1048576 300 18446744073709551615";

    #[test]
    fn a_command_may_hold_parentheses() {
        assert_eq!(Stat::parse(STAT), Some(Stat { cpu_seconds: 15.0, start_seconds: 42.0 }));
    }

    #[test]
    fn what_is_no_stat_file_is_none() {
        for text in ["", "7 (cmd)", "7 (cmd) S 1 2 3", &STAT.replace("1250", "x")] {
            assert_eq!(Stat::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_found_by_their_key() {
        let text = "VmSize:\t  2048 kB\nThreads:\t3\nMax open files            1024                 4096 files\n";
        assert_eq!(number(text, "VmSize:"), Some(2048.0));
        assert_eq!(number(text, "Threads:"), Some(3.0));
        assert_eq!(number(text, "Max open files"), Some(1024.0));
        assert_eq!(number("Max open files  unlimited  unlimited files", "Max open files"), None);
        assert_eq!(number(text, "VmRSS:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_read_whole() {
        let [cpu, rss, size, threads, open, most, start] = read().map(|value| value.expect("Linux tells all of them"));
        assert!((0.0..86_400.0).contains(&cpu), "{cpu}");
        assert!(rss > 1e5 && size >= rss);
        assert!(threads >= 1.0);
        assert!(open >= 3.0 && most >= open);
        // After 2020 and before 2100.
        assert!(start > 1.577e9 && start < 4.102e9, "{start}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_shows_as_cpu_time() {
        let before = cpu_seconds().expect("Linux tells");
        let started = std::time::Instant::now();
        while cpu_seconds().expect("Linux tells") < before + 0.05 {
            assert!(started.elapsed().as_secs() < 60, "a minute of work took no CPU time");
        }
        // No thread of the tests can have used more than every core for the whole time.
        let cores = std::thread::available_parallelism().map_or(1024, usize::from) as f64;
        let used = cpu_seconds().expect("Linux tells") - before;
        assert!(used <= (started.elapsed().as_secs_f64() + 0.1) * cores.max(1.0) + 0.1, "{used}");
    }
}
