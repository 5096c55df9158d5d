//! Verifies a mapping before it becomes active, and held entries again.
//!
//! **Invariant:** the source is read on while APIs are asked, and the active mapping serves until the swap. A change waits
//! no longer than its time, however often it is followed by another one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::super::held_entries::{HeldEntries, HeldStatus};
use super::super::reload::Cause;
use super::super::snapshot::PACE;
use super::super::status::Origin;
use super::candidate::{Candidate, HeldTable};
use super::retry_turns::RetryTurns;
use super::run::Keeper;
use super::session::{Session, UnderWay, WhatFor};
use nameplate_core::domain::order::by_domain;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::settings::Unverified;
use nameplate_core::verification::changes::{Change, changes};
use nameplate_core::verification::held::{HeldEntry, Reason, still_held, with_held};
use nameplate_core::verification::state::{Decided, Verdicts, Verification};

/// How many times `verify_timeout` a change may wait where others follow it.
const MOST_DELAYS: u32 = 3;
/// How many targets of held entries are asked again at a time.
const HELD_AT_ONCE: usize = 50;
/// And what answered before, where they still do not.
const MOST_RETRIES: usize = 2 * HELD_AT_ONCE;

impl Keeper {
    /// Returns the entries to verify before a table replaces the active one; none where the settings ask for none.
    pub(super) fn to_verify(&self, next: &MappingTable) -> Vec<Change> {
        match &self.ask {
            Some(_) => changes(&self.live.snapshot().table, next, PACE),
            None => Vec::new(),
        }
    }

    /// Asks about the entries of a compiled mapping, in place of what is being verified.
    pub(super) async fn begin_verification(&mut self, mut candidate: Candidate) {
        let now = Instant::now();
        let (first, verdicts) = self.stop_verification().await;
        self.has_consent_in_verification |= self.consented;
        let (first, rules) = (first.unwrap_or(now), &self.reader.rules);
        let deadline = deadline(first, now, rules.verify_timeout);
        let (version, changes) = (candidate.content.version(), std::mem::take(&mut candidate.changes));
        log::info!(
            "mapping version {version} is being verified: it leads {} entries elsewhere, and becomes active within {:?}",
            changes.len(),
            deadline - now
        );
        self.show_verifying(Some((version, changes.len())));
        let verification = Verification::new(changes, rules.verify_requests, verdicts, PACE);
        let what_for = WhatFor::Mapping(Box::new(candidate), first);
        self.under_way = self.start_session(verification, deadline).map(|session| UnderWay { session, what_for });
    }

    /// Ends what is being verified. Returns when the first mapping of a row was, that replaced each other, and what is known.
    async fn stop_verification(&mut self) -> (Option<Instant>, Verdicts) {
        let Some(UnderWay { session, what_for }) = self.under_way.take() else { return (None, Verdicts::new()) };
        let verdicts = session.stop().await.into_verdicts();
        let first = match what_for {
            WhatFor::Mapping(_, first) => Some(first),
            WhatFor::Held(_) => None,
        };
        (first, verdicts)
    }

    /// Takes a verification that is over. Returns the mapping that can be accepted now, if it was about one.
    pub(super) fn conclude(&mut self, verification: Verification) -> Option<Candidate> {
        let UnderWay { what_for, .. } = self.under_way.take()?;
        match what_for {
            WhatFor::Mapping(candidate, _) => {
                self.show_verifying(None);
                Some(self.verified(*candidate, verification))
            }
            WhatFor::Held(places) => {
                self.verified_again = self.still_held(&places, verification);
                None
            }
        }
    }

    /// Puts the held entries of a mapping where they were.
    fn verified(&self, candidate: Candidate, verification: Verification) -> Candidate {
        let Candidate { content, next, .. } = candidate;
        let (wanted, tally) = next.expect("a mapping is verified that could be compiled");
        let version = wanted.version.expect("a mapping that was compiled has a version");
        let wanted = wanted.table;
        let Decided { held, passed, accepted } = verification.decide(self.reader.rules.unverified);
        let held = still_held(held, &self.live.snapshot().table);
        self.live.metrics.mapping.verification.verified(passed, accepted, held.len());
        log::info!(
            "mapping version {version} is verified: {passed} entries answer no worse than before, {accepted} could not \
             be asked and become active, {} are held",
            held.len()
        );
        if held.is_empty() {
            let (next, _) = self.live.next(wanted, version);
            return Candidate { next: Some((next, tally)), ..content.into() };
        }
        let (next, tally) = self.live.next(with_held(&wanted, &held, PACE), version);
        let held = Some(HeldTable { wanted, entries: held });
        Candidate { next: Some((next, tally)), held, ..content.into() }
    }

    /// Asks about held entries again: those whose turn it is.
    pub(super) fn verify_held(&mut self) {
        let Some(held) = &self.held else { return };
        let places = self.retry_turns.take(&held.entries, HELD_AT_ONCE);
        let changes: Vec<Change> = places.iter().map(|at| held.entries[*at].change.clone()).collect();
        let verification = Verification::new(changes, MOST_RETRIES, Verdicts::new(), PACE);
        let deadline = Instant::now() + self.reader.rules.verify_timeout;
        let what_for = WhatFor::Held(places);
        self.under_way = self.start_session(verification, deadline).map(|session| UnderWay { session, what_for });
    }

    /// `None` where nothing is verified: then no action asks for it.
    fn start_session(&self, verification: Verification, deadline: Instant) -> Option<Session> {
        self.ask.as_ref().map(|ask| Session::start(verification, ask, deadline))
    }

    /// Returns the entries that stay held after those at these places were asked again.
    fn still_held(&self, places: &[usize], verification: Verification) -> Vec<HeldEntry> {
        let entries = self.held.iter().flat_map(|held| held.entries.iter().enumerate());
        let again = verification.decide(Unverified::Hold).held;
        let stays = |(at, entry): (usize, &HeldEntry)| {
            if places.binary_search(&at).is_err() {
                return Some(entry.clone());
            }
            let next = &entry.change.next;
            let found = again.binary_search_by(|held| by_domain(&held.change.next, next)).ok()?;
            let known = again[found].reason != Reason::Unverified;
            Some(if known { again[found].clone() } else { entry.clone() })
        };
        entries.filter_map(stays).collect()
    }

    /// Activates the held entries that answer now.
    pub(super) fn release(&mut self) {
        let remaining = std::mem::take(&mut self.verified_again);
        let before = self.held.as_ref().map_or(0, |held| held.entries.len());
        let released = before.saturating_sub(remaining.len());
        if released > 0 {
            log::info!("{released} held entries answer now and are active; {} are held", remaining.len());
            self.live.metrics.mapping.verification.verified(released, 0, 0);
            self.hold_only(remaining);
        } else if let Some(held) = &mut self.held {
            // Why may have changed.
            held.entries = remaining;
            self.show_held();
        }
    }

    /// Activates everything that is held, because somebody consents to it.
    pub(super) fn release_all(&mut self) {
        let Some(held) = &self.held else { return };
        log::warn!("{} held entries are active as the mapping has them: somebody has consented", held.entries.len());
        if matches!(&self.under_way, Some(UnderWay { what_for: WhatFor::Held(_), .. })) {
            self.under_way = None;
        }
        self.has_released = true;
        self.hold_only(Vec::new());
    }

    /// Makes the mapping active with these entries held, and no others.
    fn hold_only(&mut self, entries: Vec<HeldEntry>) {
        let (Some(held), active) = (self.held.take(), self.live.snapshot()) else { return };
        let Some(version) = active.version else { return };
        let wanted = held.wanted;
        let (table, held) = match entries.is_empty() {
            true => (wanted, None),
            false => (with_held(&wanted, &entries, PACE), Some(HeldTable { wanted, entries })),
        };
        let (mut next, _) = self.live.next(table, version);
        next.parts = Arc::clone(&active.parts);
        let report = self.live.mapping.report();
        let origin = report.in_force.map_or(Origin::Source, |(_, origin)| origin);
        self.replaced.add(self.live.swap(next, origin, report.confirmed.unwrap_or_else(SystemTime::now)));
        self.held = held;
        self.show_held();
        match report.trouble {
            Some(trouble) if !matches!(trouble.cause, Cause::Entries(_) | Cause::Parts(_)) => {
                self.live.mapping.restore_trouble(trouble);
            }
            _ => {
                self.live.metrics.mapping.trouble(None);
                let _ = self.errors();
            }
        }
    }

    /// Takes note of the entries that are held from now on.
    pub(super) fn hold(&mut self, held: Option<HeldTable>) {
        // What was held is of a mapping that is active no more.
        self.under_way = None;
        (self.held, self.retry_turns, self.retry_at) = (held, RetryTurns::default(), None);
        self.show_held();
        if let Some(held) = self.held_entries() {
            log::warn!("{held}");
        }
    }

    /// Says when held entries are asked again, unless that is known; not at all where there are none.
    pub(super) fn schedule_retry(&mut self) {
        if self.under_way.is_some() || self.retry_at.is_some() {
            return;
        }
        let pause = self.reader.rules.verify_retry.mul_f64(0.9 + 0.2 * fastrand::f64());
        self.retry_at = self.held.as_ref().map(|_| Instant::now() + pause);
    }

    /// Brings metrics and pages up to date with the entries that are held.
    pub(super) fn show_held(&self) {
        let entries = self.held.as_ref().map(|held| &held.entries[..]).unwrap_or_default();
        let list = HeldStatus::list(entries, &self.live.mapping.report().held, SystemTime::now());
        self.live.metrics.mapping.verification.held(list.iter().map(|held| held.reason.label()));
        self.live.mapping.record_held(list);
    }

    /// Returns the entries that are held, for people; `None` if none is.
    pub(super) fn held_entries(&self) -> Option<HeldEntries> {
        let held = self.held.as_ref()?;
        Some(HeldEntries { list: self.live.mapping.report().held, entries: held.wanted.len() })
    }

    fn show_verifying(&self, verifying: Option<(Version, usize)>) {
        self.live.metrics.mapping.verification.under_way(verifying.map_or(0, |(_, entries)| entries));
        self.live.mapping.record_verifying(verifying);
    }

    /// Ends the verification of a mapping that the source does not have any more.
    pub(super) fn drop_verification(&mut self) {
        self.has_consent_in_verification = false;
        if matches!(&self.under_way, Some(UnderWay { what_for: WhatFor::Mapping(..), .. })) {
            self.under_way = None;
            self.show_verifying(None);
        }
    }
}

/// Until when a mapping is verified from now on that has taken the place of others, the first of which began at `first`.
fn deadline(first: Instant, now: Instant, time: Duration) -> Instant {
    (now + time).min(first + time * MOST_DELAYS).max(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_that_follow_each_other_wait_three_times_as_long_at_most() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let wait = |from: u32| deadline(start, start + second * from, 20 * second) - (start + second * from);
        assert_eq!([0, 15, 40, 50, 60, 70].map(wait), [20, 20, 20, 10, 0, 0].map(|seconds| second * seconds));
    }
}
