//! The state of the mapping: which one is active, since when, and why a later one was refused. For
//! people and for metrics; no request reads it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::held_entries::HeldStatus;
use super::reload::Cause;
use nameplate_core::domain::version::Version;
use nameplate_core::parts::assembly::PartStatus;

/// Where the active mapping was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// At its source.
    Source,
    /// On this host's disk, because the source was away.
    Cache,
}

/// Why the source's mapping is not the active one, and since when.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Why.
    pub cause: Cause,
    /// When this was first the case.
    pub since: SystemTime,
    /// The version that was refused, where one was read.
    pub version: Option<Version>,
}

/// How the last reading ended that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// `taken`, `unchanged`, `rejected`, `held` or `failed`.
    pub result: &'static str,
    /// What was refused, if anything was: `source`, `mapping`, `parts` or `entries`.
    pub kind: Option<&'static str>,
    /// Why the mapping was refused, if it was.
    pub message: Option<String>,
}

/// Readings that somebody asked for, by signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloads {
    /// How many have begun.
    pub begun: u64,
    /// How many of them have ended. One that meets a mapping which is being written ends once that can be read.
    pub ended: u64,
    /// How the last one ended.
    pub last: Option<Ended>,
}

/// The state of the mapping.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// When the active mapping became active, and from where.
    pub in_force: Option<(SystemTime, Origin)>,
    /// When the source last had the active mapping. With a cached one, this may be before the start.
    pub confirmed: Option<SystemTime>,
    /// Why the source's mapping is not the active one, if it is not.
    pub trouble: Option<Trouble>,
    /// Readings that somebody asked for.
    pub reloads: Reloads,
    /// The parts of a mapping in parts.
    pub parts: Arc<[PartStatus]>,
    /// The entries that keep the target that they had, in the order of a table.
    pub held: Arc<[HeldStatus]>,
    /// The version that is being verified, and how many of its entries are asked about.
    pub verifying: Option<(Version, usize)>,
}

impl Report {
    /// Returns how long ago the source last had the active mapping; since the start if it never had.
    pub fn staleness(&self, started: SystemTime, now: SystemTime) -> Duration {
        now.duration_since(self.confirmed.unwrap_or(started)).unwrap_or_default()
    }
}

/// The report of one process.
#[derive(Debug)]
pub struct Status {
    /// The source's name.
    pub source: String,
    started: SystemTime,
    report: Mutex<Report>,
}

impl Status {
    pub(super) fn new(source: String, started: SystemTime) -> Status {
        Status { source, started, report: Mutex::default() }
    }

    /// Returns when the process started.
    pub fn started(&self) -> SystemTime {
        self.started
    }

    /// Returns the state now.
    pub fn report(&self) -> Report {
        self.lock().clone()
    }

    /// Returns how long ago the source last had the active mapping; since the start if it never had.
    pub fn staleness(&self, now: SystemTime) -> Duration {
        self.lock().staleness(self.started, now)
    }

    /// Records that a mapping became active, and when its source last had it.
    pub(super) fn record_active(&self, origin: Origin, confirmed: SystemTime) {
        let mut report = self.lock();
        report.in_force = Some((SystemTime::now(), origin));
        report.confirmed = Some(confirmed);
        if origin == Origin::Source {
            report.trouble = None;
        }
    }

    /// Records that the source was read, and that what is active of it is what can be.
    pub(super) fn record_read(&self, now: SystemTime) {
        let mut report = self.lock();
        report.confirmed = Some(now);
        if let Some((_, origin)) = &mut report.in_force {
            *origin = Origin::Source;
        }
    }

    /// Records that the source has the active mapping. Returns whether that ends a trouble.
    pub(super) fn record_confirmed(&self, now: SystemTime) -> bool {
        self.record_read(now);
        self.lock().trouble.take().is_some()
    }

    /// Records why the source's mapping was refused. The time stays while the reason does.
    pub fn record_refused(&self, cause: Cause, version: Option<Version>, now: SystemTime) {
        let mut report = self.lock();
        let same = |trouble: &Trouble| {
            trouble.version == version && std::mem::discriminant(&trouble.cause) == std::mem::discriminant(&cause)
        };
        let since = report.trouble.as_ref().filter(|trouble| same(trouble)).map_or(now, |trouble| trouble.since);
        report.trouble = Some(Trouble { cause, since, version });
    }

    /// Records how the parts of the mapping are.
    pub fn record_parts(&self, parts: Vec<PartStatus>) {
        self.lock().parts = parts.into();
    }

    /// Records which entries are held.
    pub(super) fn record_held(&self, held: Arc<[HeldStatus]>) {
        self.lock().held = held;
    }

    /// Records what is being verified, if anything is.
    pub(super) fn record_verifying(&self, verifying: Option<(Version, usize)>) {
        self.lock().verifying = verifying;
    }

    /// Records a trouble again that a change of the active mapping has not ended.
    pub(super) fn restore_trouble(&self, trouble: Trouble) {
        self.lock().trouble = Some(trouble);
    }

    /// Records that a reading begins which somebody asked for.
    pub(super) fn record_reload_begun(&self) {
        self.lock().reloads.begun += 1;
    }

    /// Records how all readings ended that were asked for and have begun, if there are any under way.
    pub(super) fn record_reload_ended(&self, outcome: &Result<bool, Cause>) {
        let mut report = self.lock();
        let reloads = &mut report.reloads;
        let result = match outcome {
            Err(Cause::Unsettled) => return,
            Ok(true) => "taken",
            Ok(false) => "unchanged",
            Err(cause) => cause.result().label(),
        };
        if reloads.ended < reloads.begun {
            reloads.ended = reloads.begun;
            let cause = outcome.as_ref().err();
            let (kind, message) = (cause.map(Cause::kind), cause.map(ToString::to_string));
            reloads.last = Some(Ended { result, kind, message });
        }
    }

    // Nothing in here panics while it holds the lock; a poisoned one still holds good data.
    fn lock(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::mapping::load::version_of;
    use std::time::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn staleness_is_the_age_of_the_last_confirmation() {
        let status = Status::new("m".into(), at(100));
        assert_eq!(status.staleness(at(130)), Duration::from_secs(30), "never confirmed");
        status.record_active(Origin::Cache, at(50));
        assert_eq!(status.staleness(at(130)), Duration::from_secs(80), "from the cache");
        assert!(!status.record_confirmed(at(120)), "there was no trouble");
        assert_eq!(status.staleness(at(130)), Duration::from_secs(10));
        assert_eq!(status.staleness(at(90)), Duration::ZERO, "the clock was set back");
        assert!(matches!(status.report().in_force, Some((_, Origin::Source))));
    }

    #[test]
    fn a_reload_ends_with_the_reading_that_has_an_outcome() {
        let status = Status::new("m".into(), at(0));
        status.record_reload_ended(&Ok(true));
        assert_eq!(status.report().reloads, Reloads::default(), "nobody asked for it");
        status.record_reload_begun();
        status.record_reload_ended(&Err(Cause::Unsettled));
        assert_eq!(status.report().reloads, Reloads { begun: 1, ended: 0, last: None }, "it is being written");
        status.record_reload_begun();
        status.record_reload_ended(&Ok(false));
        let last = Some(Ended { result: "unchanged", kind: None, message: None });
        assert_eq!(status.report().reloads, Reloads { begun: 2, ended: 2, last });
    }

    #[test]
    fn trouble_keeps_its_beginning_and_ends_with_a_good_mapping() {
        let status = Status::new("m".into(), at(0));
        let (bad, worse) = (Some(version_of(b"bad")), Some(version_of(b"worse")));
        status.record_refused(Cause::Unsettled, bad, at(1));
        status.record_refused(Cause::Unsettled, bad, at(2));
        assert_eq!(status.report().trouble.map(|t| t.since), Some(at(1)));
        status.record_refused(Cause::Unsettled, worse, at(3));
        assert_eq!(status.report().trouble.map(|t| t.since), Some(at(3)));
        status.record_active(Origin::Cache, at(0));
        assert!(status.report().trouble.is_some(), "the cache is no cure");
        status.record_active(Origin::Source, at(4));
        assert!(status.report().trouble.is_none());
    }
}
