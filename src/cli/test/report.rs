//! What came of the tests of a mapping, for people and for programs.

use std::fmt;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::super::format::OutputFormat;
use nameplate_core::mapping_test::{Mutation, Outcome};

/// The most of each list that is shown as text without `--all`.
const MOST_SHOWN: usize = 50;

/// What stands behind the number of those that are not shown.
const HINT: &str = "; `--all` shows them";

/// What came of all tests.
pub(super) struct Report {
    pub(super) mapping: String,
    pub(super) files: Vec<Files>,
    /// How many entries the mapping has.
    pub(super) entries: usize,
    /// Those that no test reaches.
    pub(super) unreached: Vec<Entry>,
    pub(super) mutations: Option<Mutations>,
}

/// What came of the tests of a file.
pub(super) struct Files {
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

/// An entry of the mapping.
pub(super) struct Entry {
    pub(super) domain: String,
    pub(super) base_path: String,
    pub(super) file: String,
    pub(super) line: u32,
}

/// What tests notice of changes.
pub(super) struct Mutations {
    /// How many were made.
    pub(super) changes: usize,
    /// Those that no test notices.
    pub(super) survivors: Vec<(Entry, Mutation)>,
}

impl Report {
    /// Reports whether every test passes and every change is noticed. An entry that no test reaches is no error.
    pub(super) fn is_ok(&self) -> bool {
        let passes = self.files.iter().all(|file| file.outcome.failures.is_empty());
        passes && self.mutations.as_ref().is_none_or(|mutations| mutations.survivors.is_empty())
    }

    /// Prints it; as text, what fails on `err`.
    pub(super) fn print(
        &self,
        format: OutputFormat,
        all: bool,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> io::Result<()> {
        match format {
            OutputFormat::Json => writeln!(out, "{:#}", self.json()),
            OutputFormat::Text => self.text(if all { usize::MAX } else { MOST_SHOWN }, out, err),
        }
    }

    fn text(&self, most: usize, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<()> {
        for Files { name, outcome } in &self.files {
            writeln!(out, "{name}: {} passed, {} failed", outcome.passed, outcome.failed)?;
            if !outcome.failures.is_empty() {
                writeln!(err, "{}", outcome.failures.first_with_hint(most, HINT))?;
            }
        }
        let reached = self.entries - self.unreached.len();
        write!(out, "coverage: {reached} of {} entries", self.entries)?;
        let lines = self.unreached.iter().map(Entry::to_string);
        list(lines, "no test reaches", most, out)?;
        if let Some(Mutations { changes, survivors }) = &self.mutations {
            write!(out, "mutations: {} of {changes} noticed", changes - survivors.len())?;
            let lines = survivors.iter().map(|(entry, change)| format!("{entry}: {change}"));
            list(lines, "no test notices", most, out)?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let file = |Files { name, outcome }: &Files| {
            let failures: Vec<_> = outcome.failures.iter().collect();
            json!({ "file": name, "passed": outcome.passed, "failed": outcome.failed, "failures": failures })
        };
        let survivor = |(entry, change): &(Entry, Mutation)| {
            let mut value = entry.json();
            value["change"] = change.to_string().into();
            value
        };
        let mutations = self.mutations.as_ref().map(|Mutations { changes, survivors }| {
            json!({ "changes": changes, "survivors": survivors.iter().map(survivor).collect::<Vec<_>>() })
        });
        json!({
            "mapping": self.mapping,
            "ok": self.is_ok(),
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
            "entries": self.entries,
            "unreached": self.unreached.iter().map(Entry::json).collect::<Vec<_>>(),
            "mutations": mutations,
        })
    }
}

impl Entry {
    fn json(&self) -> Value {
        json!({ "domain": self.domain, "base_path": self.base_path, "file": self.file, "line": self.line })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { domain, base_path, file, line } = self;
        write!(f, "{domain}{base_path} ({file}:{line})")
    }
}

/// The end of a line, and a list below it if there is anything.
fn list(lines: impl ExactSizeIterator<Item = String>, what: &str, most: usize, out: &mut dyn Write) -> io::Result<()> {
    let more = lines.len().saturating_sub(most);
    writeln!(out, "{}", if lines.len() == 0 { String::new() } else { format!("; {what}") })?;
    lines.take(most).try_for_each(|line| writeln!(out, "  {line}"))?;
    if more > 0 { writeln!(out, "  and {more} more{HINT}") } else { Ok(()) }
}
