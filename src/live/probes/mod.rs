//! Probes: requests of Nameplate's own that ask, now and then, whether each API of the active mapping answers.
//!
//! Off by default. [`schedule`] says when this task probes which API, [`plan`] what there is to probe, [`results`] keeps
//! what was found; [`run`] begins them, and `upstream::ask` asks.
//!
//! **Invariant:** a probe touches nothing that a request, the health of an address or readiness depends on, and runs on
//! the runtime of the admin pages. Only the targets of the active mapping are probed, remembered and counted.

mod plan;
mod results;
pub(crate) mod run;
mod schedule;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use self::plan::Identities;
use self::results::Results;
pub(crate) use self::results::{ProbeCounts, ProbeOutcome};
use self::schedule::Schedule;
use super::snapshot::Snapshot;
use nameplate_core::domain::route::Route;
use nameplate_core::settings::Settings;

/// Which APIs are probed when, and what was found.
pub(crate) struct Probes {
    schedule: Schedule,
    identities: Identities,
    timeout: Duration,
    results: Mutex<Results>,
}

impl Probes {
    /// `None` where the settings have none.
    pub(crate) fn new(settings: &Settings) -> Option<Arc<Probes>> {
        let probes = &settings.probes;
        (!probes.interval.is_zero()).then(|| {
            Arc::new(Probes {
                schedule: Schedule::new(probes.interval, probes.tasks),
                identities: Identities::new(&probes.path),
                timeout: probes.timeout,
                results: Mutex::default(),
            })
        })
    }

    /// The path below its stage at which an entry's API is probed, and what the last probe showed; `None` for an entry
    /// that is not probed.
    pub(crate) fn of<'p>(&'p self, route: &'p Route, endpoint: usize) -> Option<(Cow<'p, str>, Option<ProbeOutcome>)> {
        let path = self.identities.path(route)?;
        let key = self.identities.target(route, endpoint)?;
        Some((path, self.results.lock().of(key).cloned()))
    }

    /// Targets by what their last probe showed.
    pub(crate) fn counts(&self) -> ProbeCounts {
        self.results.lock().counts()
    }

    /// How many entries are not probed because their VERBS list no safe method, and they have no PROBE.
    pub(crate) fn without_safe_verb(&self) -> usize {
        self.results.lock().without_safe_verb
    }

    /// The first `most` targets whose outcome `is` picks, with the places of entries that lead there; and how many more
    /// there are.
    pub(crate) fn pick(
        &self,
        snapshot: &Snapshot,
        most: usize,
        is: impl Fn(&ProbeOutcome) -> bool,
    ) -> (Vec<(u32, ProbeOutcome)>, usize) {
        self.results.lock().pick(snapshot.generation, most, is)
    }
}
