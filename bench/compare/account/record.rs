//! The raw data: a line of JSON for each thing that was measured, or could not be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A line of `raw.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// The first one: where, and how.
    Machine(Machine),
    /// A proxy that was not measured at all.
    Absent {
        proxy: String,
        why: String,
    },
    Measured(Measured),
    /// A phase that gave no figures, or wrong answers.
    Fault {
        round: usize,
        proxy: String,
        domains: usize,
        phase: String,
        why: String,
    },
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Machine {
    /// Day it began, as `2026-11-26`.
    pub day: String,
    pub cpu: String,
    pub cpus: usize,
    pub memory_gb: u64,
    pub kernel: String,
    /// Nameplate's commit.
    pub commit: String,
    /// By proxy.
    pub versions: BTreeMap<String, String>,
    pub rounds: usize,
    pub seconds: f64,
    pub rate: f64,
    pub connections: usize,
    /// Of the mapping in all phases but `start` and `change`.
    pub domains: usize,
    /// Of the mapping in those two.
    pub sizes: Vec<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Measured {
    pub round: usize,
    pub proxy: String,
    pub domains: usize,
    pub phase: String,
    pub values: BTreeMap<String, f64>,
}

/// All lines of a file, in order.
pub fn read(text: &str) -> Result<Vec<Line>, String> {
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let one = |(at, line): (usize, &str)| serde_json::from_str(line).map_err(|why| format!("line {}: {why}", at + 1));
    numbered.map(one).collect()
}
