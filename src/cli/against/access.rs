//! What a change does to access: what the APIs' resource policies would allow, and would no longer.

use std::fmt;

use serde::Serialize;

use nameplate_core::domain::overrides::DEFAULT_ENDPOINT;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::verbs::VERBS;
use nameplate_plan::policy::access::{AccessChange, Direction, changes};

/// The most lines of each direction that are shown as text without `--all`.
pub(super) const MOST_LINES: usize = 20;

/// What resource policies allow otherwise.
#[derive(Serialize)]
pub(super) struct Access {
    pub(super) granted: Vec<Line>,
    pub(super) revoked: Vec<Line>,
}

#[derive(Serialize)]
pub(super) struct Line {
    pub(super) api_id: String,
    pub(super) region: String,
    endpoints: Vec<String>,
    stage: String,
    /// Empty for the whole stage.
    path: String,
    verbs: Vec<&'static str>,
    /// One of the calls: verb, then stage and path.
    pub(super) call: String,
}

impl Line {
    fn of(change: AccessChange) -> Line {
        let call = change.witness();
        let AccessChange { api_id, region, endpoints, stage, path, verbs, .. } = change;
        Line { api_id, region, endpoints, stage, path, verbs, call }
    }

    /// What is called: a stage, or a path of it, and what is below.
    pub(super) fn place(&self) -> String {
        format!("/{}{}", self.stage, self.path)
    }

    /// The verbs, by name unless it is every one of them.
    pub(super) fn verbs(&self) -> String {
        if self.verbs.len() == VERBS.len() { "every verb".to_owned() } else { self.verbs.join(", ") }
    }

    /// The endpoints, unless it is the one that every entry has that names none.
    pub(super) fn through(&self) -> String {
        match &self.endpoints[..] {
            [one] if one == DEFAULT_ENDPOINT => String::new(),
            endpoints => format!(" through {}", endpoints.join(", ")),
        }
    }
}

impl Access {
    pub(super) fn between(old: &MappingTable, new: &MappingTable) -> Access {
        let (granted, revoked): (Vec<_>, Vec<_>) =
            changes(old, new).into_iter().partition(|change| change.direction == Direction::Granted);
        let lines = |changes: Vec<AccessChange>| changes.into_iter().map(Line::of).collect();
        Access { granted: lines(granted), revoked: lines(revoked) }
    }

    pub(super) fn is_same(&self) -> bool {
        self.granted.is_empty() && self.revoked.is_empty()
    }

    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, all: bool) -> fmt::Result {
        if self.is_same() {
            return writeln!(f, "access: resource policies stay as they are");
        }
        writeln!(f, "access: what resource policies allow changes; see `nameplate policy`")?;
        let most = if all { usize::MAX } else { MOST_LINES };
        for (sign, lines) in [('+', &self.granted), ('-', &self.revoked)] {
            for line in lines.iter().take(most) {
                let (verbs, place, through) = (line.verbs(), line.place(), line.through());
                writeln!(
                    f,
                    "  {sign} API {} in {}: {verbs} {place}{through}: {}",
                    line.api_id, line.region, line.call
                )?;
            }
            if let Some(more @ 1..) = lines.len().checked_sub(most) {
                writeln!(f, "  {sign} and {more} more; `--all` shows them")?;
            }
        }
        Ok(())
    }
}
