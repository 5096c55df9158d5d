//! What the soak found, and whether that is good enough.

use anyhow::Result;
use nameplate_bench::proxy::{Proxy, Sample};

use crate::attack::MEMORY_MIB;
use crate::entries::ATTACKED;
use crate::origin::ADDRESSES;
use crate::tally::Tally;

/// How much more memory the end may hold than a quarter of the run: caches and pools have filled by
/// then, and what still grows is a leak.
const MORE_PERCENT: u64 = 10;
const MORE_KIB: u64 = 8 * 1024;

/// How many more files may be open with no client left than before the first one: the runtime opens
/// some when it first needs them.
const MORE_FDS: usize = 8;

pub struct Report {
    pub tally: Tally,
    pub samples: Vec<Sample>,
    pub idle_before: Sample,
    pub idle_after: Sample,
    /// Requests that each address of the endpoint answered.
    pub served: [u64; ADDRESSES],
    /// What came of the attack.
    pub attacks: Vec<(&'static str, u64)>,
    pub faults: Vec<String>,
}

impl Report {
    /// Holds the proxy's own counts against ours.
    pub fn count(&mut self, proxy: &Proxy, mappings: u64, certificates: u64) -> Result<()> {
        let answered = proxy.metric("nameplate_requests_total", "")?;
        let attacked = proxy.metric("nameplate_requests_total", &format!("domain=\"{ATTACKED}\""))?;
        // What is refused for want of room has no domain yet.
        let refused = proxy.metric("nameplate_requests_total", "domain=\"unmapped\"")?;
        if answered - attacked - refused != self.tally.requests() {
            let (got, want) = (answered - attacked - refused, self.tally.requests());
            self.faults
                .push(format!("requests answered: nameplate_requests_total says {got}, and it should be {want}"));
        }
        let counts = [
            ("requests still in flight", "nameplate_requests_in_flight", "", 0),
            ("mappings taken, the first included", "nameplate_mapping_generation", "", mappings + 1),
            ("mappings rejected", "nameplate_mapping_reloads_total", "rejected", 0),
            ("certificates taken", "nameplate_certificate_reloads_total", "ok", certificates),
        ];
        for (what, name, label, want) in counts {
            let got = proxy.metric(name, label)?;
            if got != want {
                self.faults.push(format!("{what}: {name} says {got}, and it should be {want}"));
            }
        }
        Ok(())
    }

    /// Holds the attack against what the proxy should have made of it: part of it refused, and no memory beyond the limit.
    pub fn count_attacks(&mut self, proxy: &Proxy, connections: u64) -> Result<()> {
        let refused = proxy.metric("nameplate_refusals_total", "client_share")?;
        self.attacks = vec![
            ("connections of the attack", connections),
            ("its requests refused: more than their share", refused),
            ("requests refused: overloaded", proxy.metric("nameplate_refusals_total", "overloaded")?),
            ("connections ended to free memory", proxy.metric("nameplate_client_connections_cut_total", "memory")?),
        ];
        if refused == 0 {
            self.faults.push("the attack never met its limit".into());
        }
        let most = self.most_memory();
        if most > MEMORY_MIB * 1024 {
            self.faults.push(format!("memory reached {most} KiB, and the limit is {MEMORY_MIB} MiB"));
        }
        Ok(())
    }

    fn most_memory(&self) -> u64 {
        self.samples.iter().map(|sample| sample.rss_kib).max().unwrap_or_default()
    }

    pub fn judge(&mut self) {
        if self.tally.unexplained > 0 {
            self.faults.push(format!("{} failures that nothing explains", self.tally.unexplained));
        }
        if self.tally.ok == 0 {
            self.faults.push("no request was answered".into());
        }
        // DNS names two at a time: all three were used only if the changes were noticed.
        if self.served.contains(&0) {
            self.faults.push(format!("an address of the endpoint was never used: {:?} requests", self.served));
        }
        let (quarter, end) = self.memory();
        if end > quarter + quarter * MORE_PERCENT / 100 + MORE_KIB {
            self.faults.push(format!("memory grew from {quarter} KiB to {end} KiB"));
        }
        let (before, after) = (self.idle_before.fds, self.idle_after.fds);
        if after > before + MORE_FDS {
            self.faults.push(format!("{after} files are open with no client left; {before} were at the start"));
        }
    }

    /// Resident memory at a quarter of the run and at its end: of three samples, the middle one.
    fn memory(&self) -> (u64, u64) {
        let middle = |samples: &[Sample]| {
            let mut rss: Vec<_> = samples.iter().map(|sample| sample.rss_kib).collect();
            rss.sort_unstable();
            rss.get(rss.len() / 2).copied().unwrap_or_default()
        };
        let samples = &self.samples;
        let quarter = samples.len() / 4;
        (
            middle(&samples[quarter..(quarter + 3).min(samples.len())]),
            middle(&samples[samples.len().saturating_sub(3)..]),
        )
    }

    pub fn print(&mut self, happened: [(&'static str, u64); 4]) {
        let (p50, p99, most) = (self.tally.percentile(0.5), self.tally.percentile(0.99), self.tally.percentile(1.0));
        let (quarter, end) = self.memory();
        let tally = &self.tally;
        let row = |what: &str, value: String| println!("  {what:<58} {value:>12}");
        println!("\nrequests");
        row("sent", tally.requests().to_string());
        for (method, count) in &tally.by_method {
            row(&format!("  {method}"), count.to_string());
        }
        row("over so many connections to the proxy", tally.connections.to_string());
        row("bytes of body sent", tally.body_bytes.to_string());
        println!("outcomes");
        row("ok: 200, and the echo of what was sent", tally.ok.to_string());
        row("explained: cut off by an outage, never to be sent twice", tally.once.to_string());
        row("explained: cut off by an outage, other methods", tally.idempotent.to_string());
        row("unexplained", tally.unexplained.to_string());
        println!("time, of those that are ok");
        row("p50, ms", format!("{p50:.2}"));
        row("p99, ms", format!("{p99:.2}"));
        row(&format!("longest, ms ({})", tally.longest.1), format!("{most:.2}"));
        println!("around it");
        happened.iter().chain(&self.attacks).for_each(|(what, count)| row(what, count.to_string()));
        row("requests that each address answered", format!("{:?}", self.served));
        row("certificates that TLS clients saw", tally.certificates.len().to_string());
        println!("the proxy's process");
        row("memory before the first request, KiB", self.idle_before.rss_kib.to_string());
        row("memory at a quarter of the run, KiB", quarter.to_string());
        row("most memory in a sample, KiB", self.most_memory().to_string());
        row("memory at its end, KiB", end.to_string());
        row("open files before the first request", self.idle_before.fds.to_string());
        row("most open files in a sample", self.samples.iter().map(|s| s.fds).max().unwrap_or_default().to_string());
        row("open files with no client left", self.idle_after.fds.to_string());
        tally.shown.iter().for_each(|line| println!("unexplained: {line}"));
        self.faults.iter().for_each(|fault| println!("FAULT: {fault}"));
        println!("{}", if self.faults.is_empty() { "soak: passed" } else { "soak: FAILED" });
    }
}
