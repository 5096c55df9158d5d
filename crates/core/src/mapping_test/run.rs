//! Running tests: which fail, and which entries they reach.

use std::collections::BTreeMap;

use super::suite::Suite;
use crate::diagnostic::{Code, Diagnostics, Fault, Faults};
use crate::domain::table::MappingTable;
use crate::explain::Explanation;
use crate::mapping::files::Files;
use crate::settings::Settings;

/// What came of the tests of a file.
#[derive(Debug)]
pub struct Outcome {
    /// How many pass.
    pub passed: usize,
    /// How many fail.
    pub failed: usize,
    /// What fails, each at its place in the file. Two expectations of a test that fail are two.
    pub failures: Diagnostics,
}

/// How often each entry is reached, by its place in the table.
pub type Coverage = BTreeMap<u32, usize>;

/// Runs the tests of a file against a mapping, whose files are called `files`. Adds to `coverage` which entries they reach.
pub fn run(
    suite: &Suite,
    (table, files): (&MappingTable, &Files),
    settings: &Settings,
    coverage: &mut Coverage,
) -> Outcome {
    let (mut passed, mut faults) = (0, Faults::default());
    for test in &suite.tests {
        let explanation = test.explained(table, settings, files);
        if let Some(index) = reached(table, &explanation) {
            *coverage.entry(index).or_default() += 1;
        }
        let failed: Vec<_> = test.expected.iter().filter(|(_, expected)| !expected.is_met_by(&explanation)).collect();
        passed += usize::from(failed.is_empty());
        for (at, expected) in failed {
            let by = explanation.entry.as_ref().map(|entry| format!("; decided by {entry}")).unwrap_or_default();
            let what = format!("{}: {}{by}", test.request, expected.unlike(&explanation));
            let help = format!("fix the mapping, or the test; `nameplate explain {}` tells why", test.request);
            faults.push(Fault::at(*at, what, help).code(Code::FailedTest));
        }
    }
    Outcome { passed, failed: suite.len() - passed, failures: faults.locate(&suite.text, &suite.file) }
}

/// The entry that decides a request, by its place in the table.
pub(super) fn reached(table: &MappingTable, explanation: &Explanation) -> Option<u32> {
    let entry = explanation.entry.as_ref()?;
    table.place_named(entry.domain.as_bytes(), entry.base_path.as_bytes())
}
