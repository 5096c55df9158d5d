//! What came of it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::client::Load;

/// The process at one moment.
#[derive(Clone, Copy)]
pub struct Sample {
    at: Duration,
    /// In KiB.
    memory: u64,
    descriptors: usize,
    answered: usize,
}

impl Sample {
    pub fn of(pid: u32, at: Duration, answered: usize) -> Result<Sample, String> {
        let status =
            fs::read_to_string(format!("/proc/{pid}/status")).map_err(|e| format!("the proxy is gone: {e}"))?;
        let memory =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map_err(|e| e.to_string())?.count();
        Ok(Sample { at, memory: memory.ok_or("no VmRSS")?, descriptors, answered })
    }
}

/// Everything that is told at the end.
pub struct Report {
    folder: PathBuf,
    samples: Vec<Sample>,
    lines: Vec<(String, String)>,
    faults: Vec<String>,
}

impl Report {
    pub fn new(folder: &Path) -> Report {
        Report { folder: folder.to_owned(), samples: Vec::new(), lines: Vec::new(), faults: Vec::new() }
    }

    pub fn sample(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    fn line(&mut self, name: &str, value: impl fmt::Display) {
        self.lines.push((name.to_owned(), value.to_string()));
    }

    /// What the proxy counted itself.
    pub fn metrics(&mut self, text: &str) {
        for series in [
            "nameplate_mapping_reloads_total{result=\"ok\"}",
            "nameplate_endpoint_ejections_total{endpoint=\"default\"}",
            "nameplate_upstream_retries_total{cause=\"connect\"}",
            "nameplate_upstream_retries_total{cause=\"reused\"}",
            "nameplate_upstream_connections_total{kind=\"new\"}",
            "nameplate_upstream_connections_total{kind=\"reused\"}",
        ] {
            let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
            self.line(series, value.unwrap_or_default());
        }
    }

    pub fn outcome(&mut self, load: &Load, time: Duration, changes: usize, kills: usize) {
        let mut outcomes = load.outcomes();
        outcomes.times.sort_unstable();
        let at = |share: f64| outcomes.times.get((outcomes.times.len() as f64 * share) as usize).copied().unwrap_or(0);
        let (p50, p99) = (at(0.5), at(0.99));
        self.line("requests", outcomes.times.len());
        self.line("per second", outcomes.times.len() as u64 / time.as_secs().max(1));
        self.line("answered 200", outcomes.ok);
        self.line("mapping changes, addresses killed", format!("{changes}, {kills}"));
        self.line("p50, p99", format!("{p50} us, {p99} us"));
        for (outcome, count) in &outcomes.explained {
            self.line(&format!("explained: {outcome}"), count);
        }
        for (outcome, count) in &outcomes.unexplained {
            self.line(&format!("UNEXPLAINED: {outcome}"), count);
            self.faults.push(format!("{count} requests ended in {outcome}"));
        }
        if outcomes.ok == 0 {
            self.faults.push("nothing was answered".into());
        }
    }

    /// The proxy ended after it was told to. Memory and descriptors are judged now that all is known.
    pub fn ended(&mut self, well: bool) {
        if !well {
            self.faults.push("the proxy did not end with 0".into());
        }
        self.write_samples();
        let (first, second) = self.samples.split_at(self.samples.len() / 2);
        let highest = |samples: &[Sample]| {
            let memory = samples.iter().map(|sample| sample.memory).max().unwrap_or(0);
            (memory, samples.iter().map(|sample| sample.descriptors).max().unwrap_or(0))
        };
        let ((memory, descriptors), (memory_then, descriptors_then)) = (highest(first), highest(second));
        self.line("most memory in the first and the second half", format!("{memory}, {memory_then} KiB"));
        self.line("most descriptors in the first and the second half", format!("{descriptors}, {descriptors_then}"));
        if memory_then > memory + memory / 10 + 8 * 1024 {
            self.faults.push(format!("memory grew from {memory} to {memory_then} KiB"));
        }
        // Idle connections come and go with the addresses they are to.
        if descriptors_then > descriptors + descriptors / 4 + 256 {
            self.faults.push(format!("descriptors grew from {descriptors} to {descriptors_then}"));
        }
    }

    fn write_samples(&mut self) {
        let mut csv = String::from("seconds,memory_kib,descriptors,requests\n");
        for Sample { at, memory, descriptors, answered } in &self.samples {
            csv += &format!("{},{memory},{descriptors},{answered}\n", at.as_secs());
        }
        let path = self.folder.join("samples.csv");
        match fs::write(&path, csv) {
            Ok(()) => self.line("samples", path.display()),
            Err(e) => self.faults.push(format!("{}: {e}", path.display())),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.lines {
            writeln!(f, "{name:<60} {value}")?;
        }
        for fault in &self.faults {
            writeln!(f, "FAULT: {fault}")?;
        }
        write!(f, "{}", if self.faults.is_empty() { "soak: nothing unexplained, nothing grew" } else { "soak: failed" })
    }
}
