//! What to do about a mapping that its source brings: the keeper's decisions, as a value.
//!
//! [`Judge::on`] takes an event and returns the action that follows. It reads no clock, opens nothing
//! and logs nothing, so every rule has a test without a runtime. A reading of the source is a sequence
//! of events: why it is read ([`Event::Due`], [`Event::ChangeSeen`] or [`Event::Ordered`]), what it
//! brought, and, for a document, what compiling it gave. Where the new mapping leads entries elsewhere, a verification
//! follows ([`Action::Verify`]); the source is read on while it is under way, and [`Event::Verified`] ends it.
//!
//! **Invariants:** a version that removes too many domains is accepted only with consent or by the
//! setting, and one that grows beyond its limits only with consent; consent covers the version that was held and no other; what may be half a change is looked
//! at again in a second, and the same finding twice is final. A mapping that is verified has passed every other rule, and
//! whatever is compiled after it takes its place, accepted or refused.

use std::time::Duration;

use super::super::reload::{Cause, Grown, Held, Measure};
use super::super::snapshot::PACE;
use crate::source::error::FetchError;
use crate::source::fetch::{ChangeKind, FetchMode};
use nameplate_core::domain::kept::Tally;
use nameplate_core::domain::table::{MappingTable, grows_beyond, removes_too_many};
use nameplate_core::domain::version::Version;
use nameplate_core::settings::ReloadRules as Rules;

/// How long until a mapping that may be half written is read again.
const SECOND_LOOK: Duration = Duration::from_secs(1);
/// The first pause while there is no active mapping; it doubles up to the poll interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The most times the poll interval doubles while a mapping is active and its source fails: the source
/// is then read at every eighth interval.
const MOST_DOUBLINGS: u32 = 3;

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// The pause is over.
    Due,
    /// The source saw a change of this kind.
    ChangeSeen(ChangeKind),
    /// Somebody asked for a reading.
    Ordered,
    /// Somebody consents to the version that is held.
    Consented,
    /// The mapping of this version and size is active, read from the cache.
    StartedFromCache(Version, Size),
    /// The source has nothing new since the last reading.
    Unchanged,
    /// The source is in the middle of a change.
    Unsettled,
    /// The source could not be read.
    Failed(FetchError),
    /// The source brought the mapping of this version.
    Read(Version),
    /// The source has this version, and what somebody has consented to changes which of its parts are active.
    Reconsidered,
    /// The mapping of this version was compiled: what it would change, or why it cannot be used.
    Compiled(Version, Result<Impact, Cause>),
    /// The verification that is under way is over.
    Verified,
    /// It is time to verify held entries again.
    HeldDue,
}

/// How large a mapping is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

/// What a compiled mapping would change in the active one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Impact {
    /// The entries that it touches.
    pub(super) tally: Tally,
    /// How many domains the active mapping has.
    pub(super) domains: usize,
    /// How many of these it does not have.
    pub(super) removed: usize,
    /// How large it is itself.
    pub(super) size: Size,
    /// How many entries are to be verified before it becomes active.
    pub(super) unverified: usize,
}

impl Impact {
    /// `bytes` is how long the text of `next` is.
    pub(super) fn of(active: &MappingTable, next: &MappingTable, tally: Tally, bytes: usize) -> Impact {
        let size = Size { entries: next.len() as u64, bytes: bytes as u64 };
        let removed = active.domains_missing_in(next, PACE);
        Impact { tally, domains: active.domains(), removed, size, unverified: 0 }
    }
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Wait for the next event.
    Wait,
    /// Read the source.
    Fetch(FetchMode),
    /// Compile the document that was read.
    Compile,
    /// Make the compiled mapping the active one. No verification is under way any more.
    Accept,
    /// Verify the compiled mapping, in place of what is being verified.
    Verify,
    /// Verify the held entries of the active mapping again.
    VerifyHeld,
    /// Wait: the source still has the mapping that is being verified.
    AwaitVerification,
    /// Activate the held entries that answer now.
    Release,
    /// Note that the source has the active mapping. No other one is being verified any more.
    Confirm,
    /// Say nothing: what was found may be half a change, and is looked at again in a second.
    LookAgain,
    /// Keep the active mapping, and report why. A version is named where one was read: then no other one is being verified
    /// any more.
    Refuse(Cause, Option<Version>),
    /// Keep the active mapping, and do not repeat what was reported: the source still has this version.
    StillRefused(Cause, Version),
}

/// Why the source is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    /// Nameplate is starting.
    Start,
    /// It was time.
    Poll,
    /// A change was seen.
    ChangeSeen(ChangeKind),
    /// What was found may have been half a change.
    SecondLook,
    /// Somebody asked.
    Order,
}

/// What was found once, where a change may not be complete. It counts when it is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeenOnce {
    /// A file that changed a moment ago, or while it was read.
    Unsettled,
    /// No mapping that could be read.
    Nothing,
    /// The mapping of this version.
    Version(Version),
}

/// What is being verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verifying {
    /// The mapping of this version and size.
    Mapping(Version, Size),
    /// Held entries of the active mapping.
    Held,
}

/// Decides about new mappings.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    poll: Duration,
    /// `max_removed`, in percent.
    most: u8,
    allow_shrink: bool,
    /// `hold_entries` and `hold_bytes`.
    largest: Size,
    /// The version of the active mapping.
    active: Option<Version>,
    /// How large the active mapping is.
    size: Size,
    /// Why the source is being read, or was read last.
    trigger: Trigger,
    /// How it was read.
    mode: FetchMode,
    /// What was found last, if it may be half a change.
    seen_once: Option<SeenOnce>,
    /// The version that was refused last, and why.
    refused: Option<(Version, Cause)>,
    /// Whether the document that the source brought last was accepted or refused. Until it was,
    /// "nothing new" means nothing, and the source is read whether it changed or not.
    decided: bool,
    /// Somebody consents to the version that is held.
    consent: bool,
    /// What is being verified, if anything is.
    verifying: Option<Verifying>,
    /// Readings that failed in a row.
    failures: u32,
}

impl Judge {
    /// The first reading is under way, and no mapping is active.
    pub(super) fn new(rules: &Rules) -> Judge {
        Judge {
            poll: rules.poll,
            most: rules.max_removed,
            allow_shrink: rules.allow_shrink,
            largest: Size { entries: rules.hold_entries, bytes: rules.hold_bytes },
            active: None,
            size: Size::default(),
            trigger: Trigger::Start,
            mode: FetchMode::Always,
            seen_once: None,
            refused: None,
            decided: true,
            consent: false,
            verifying: None,
            failures: 0,
        }
    }

    /// Takes what happened, and returns what to do about it.
    pub(super) fn on(&mut self, event: Event) -> Action {
        match event {
            Event::Due => self.begin(self.due()),
            Event::ChangeSeen(kind) => self.begin(Trigger::ChangeSeen(kind)),
            Event::Ordered => self.begin(Trigger::Order),
            Event::Consented => {
                self.consent = true;
                // Nothing stays held.
                self.verifying = self.verifying.filter(|verifying| *verifying != Verifying::Held);
                Action::Wait
            }
            Event::StartedFromCache(version, size) => {
                (self.active, self.size) = (Some(version), size);
                Action::Wait
            }
            Event::Unchanged => self.unchanged(),
            // Nobody waits for a second look at the start: there may be a cached mapping.
            Event::Unsettled if self.trigger == Trigger::Start => self.refuse(Cause::Unsettled, None),
            Event::Unsettled => self.look_again(SeenOnce::Unsettled),
            Event::Failed(_) if self.is_first_sign() => self.look_again(SeenOnce::Nothing),
            Event::Failed(error) => self.refuse(Cause::Failed(error), None),
            Event::Read(version) => self.read(version),
            Event::Reconsidered => {
                self.decided = false;
                Action::Compile
            }
            Event::Compiled(version, compiled) => self.compiled(version, compiled),
            Event::Verified => self.verified(),
            Event::HeldDue if self.verifying.is_none() => {
                self.verifying = Some(Verifying::Held);
                Action::VerifyHeld
            }
            Event::HeldDue => Action::Wait,
        }
    }

    /// How long until the source is read again, if nothing happens before. `random` is between 0 and 1:
    /// a tenth more or less, so that a fleet that started together does not read together.
    pub(super) fn pause(&self, random: f64) -> Duration {
        let pause = match self.failures {
            _ if self.seen_once.is_some() => return SECOND_LOOK,
            0 => self.poll,
            n if self.active.is_some() => self.poll * 2_u32.pow((n - 1).min(MOST_DOUBLINGS)),
            n => self.poll.min(FIRST_PAUSE * 2_u32.pow((n - 1).min(16))),
        };
        pause.mul_f64(0.9 + 0.2 * random)
    }

    fn due(&self) -> Trigger {
        match self.seen_once {
            // The source itself says whether it is the same twice.
            None | Some(SeenOnce::Unsettled) => Trigger::Poll,
            Some(SeenOnce::Nothing | SeenOnce::Version(_)) => Trigger::SecondLook,
        }
    }

    fn begin(&mut self, trigger: Trigger) -> Action {
        self.trigger = trigger;
        self.mode = match trigger {
            Trigger::Poll if self.decided => FetchMode::IfChanged,
            Trigger::Order => FetchMode::Ordered,
            _ => FetchMode::Always,
        };
        Action::Fetch(self.mode)
    }

    /// Reports whether a change was seen and nothing was found before it that is looked at again.
    fn is_first_sign(&self) -> bool {
        matches!(self.trigger, Trigger::ChangeSeen(_)) && self.seen_once.is_none()
    }

    fn read(&mut self, version: Version) -> Action {
        self.decided = false;
        if self.active == Some(version) {
            return self.confirm();
        }
        if self.is_verifying(version) {
            self.settle();
            return Action::AwaitVerification;
        }
        if self.trigger == Trigger::Poll && self.was_refused(version) {
            self.decided = true;
            return self.unchanged();
        }
        Action::Compile
    }

    fn compiled(&mut self, version: Version, compiled: Result<Impact, Cause>) -> Action {
        if !self.is_complete(version, compiled.as_ref().ok()) {
            return self.look_again(SeenOnce::Version(version));
        }
        let Impact { domains, removed, size, unverified, .. } = match compiled {
            Ok(impact) => impact,
            Err(cause) => return self.refuse(cause, Some(version)),
        };
        // Consent covers what was held, and nothing that came after it.
        let consent = self.consent && self.was_refused(version);
        if removes_too_many(removed, domains, self.most) && !consent && !self.allow_shrink {
            let held = Held { version, removed, domains, most: self.most };
            return self.refuse(Cause::Held(held), Some(version));
        }
        if let Some(grown) = self.growth(version, size).filter(|_| !consent) {
            return self.refuse(Cause::Grown(grown), Some(version));
        }
        self.settle();
        if unverified > 0 {
            self.verifying = Some(Verifying::Mapping(version, size));
            return Action::Verify;
        }
        self.verifying = None;
        (self.active, self.size) = (Some(version), size);
        Action::Accept
    }

    fn verified(&mut self) -> Action {
        match self.verifying.take() {
            // What was found since, and may be half a change, is still looked at again.
            Some(Verifying::Mapping(version, size)) => {
                (self.active, self.size) = (Some(version), size);
                Action::Accept
            }
            Some(Verifying::Held) => Action::Release,
            None => Action::Wait,
        }
    }

    fn is_verifying(&self, wanted: Version) -> bool {
        matches!(self.verifying, Some(Verifying::Mapping(version, _)) if version == wanted)
    }

    fn stop_verifying_mapping(&mut self) {
        self.verifying = self.verifying.filter(|verifying| *verifying == Verifying::Held);
    }

    /// Returns what a mapping has too much of, compared with the active one. The first mapping is taken as it comes.
    fn growth(&self, version: Version, size: Size) -> Option<Grown> {
        self.active?;
        let measures = [
            (Measure::Entries, size.entries, self.size.entries, self.largest.entries),
            (Measure::Bytes, size.bytes, self.size.bytes, self.largest.bytes),
        ];
        let too_much = measures.into_iter().find(|(_, next, before, most)| grows_beyond(*next, *before, *most));
        too_much.map(|(measure, size, before, most)| Grown { version, measure, size, before, most })
    }

    /// Reports whether a mapping is complete, as far as the way it came tells, or because it was found
    /// twice.
    fn is_complete(&self, version: Version, impact: Option<&Impact>) -> bool {
        match self.trigger {
            Trigger::Start | Trigger::Order | Trigger::ChangeSeen(ChangeKind::Replaced) => true,
            // The source itself has found it twice, unless it was read whether it changed or not.
            Trigger::Poll if self.mode == FetchMode::IfChanged => true,
            _ if self.seen_once == Some(SeenOnce::Version(version)) => true,
            // A program that writes a file in several steps begins with less than there was.
            Trigger::ChangeSeen(ChangeKind::Closed) => {
                impact.is_some_and(|impact| impact.tally.removed == 0 && impact.tally.changed == 0)
            }
            Trigger::Poll | Trigger::ChangeSeen(ChangeKind::Touched) | Trigger::SecondLook => false,
        }
    }

    fn was_refused(&self, version: Version) -> bool {
        self.refused.as_ref().is_some_and(|(refused, _)| *refused == version)
    }

    fn look_again(&mut self, found: SeenOnce) -> Action {
        self.seen_once = Some(found);
        Action::LookAgain
    }

    /// The source has what it had.
    fn unchanged(&mut self) -> Action {
        self.seen_once = None;
        self.failures = 0;
        match self.refused.clone() {
            Some((version, cause)) => Action::StillRefused(cause, version),
            None if matches!(self.verifying, Some(Verifying::Mapping(..))) => Action::AwaitVerification,
            None => self.confirm(),
        }
    }

    fn confirm(&mut self) -> Action {
        self.settle();
        self.stop_verifying_mapping();
        Action::Confirm
    }

    /// What the source brought last is active.
    fn settle(&mut self) {
        (self.refused, self.seen_once, self.decided, self.failures) = (None, None, true, 0);
        self.consent = false;
    }

    fn refuse(&mut self, cause: Cause, version: Option<Version>) -> Action {
        self.seen_once = None;
        self.consent = false;
        match version {
            Some(version) => {
                self.stop_verifying_mapping();
                self.refused = Some((version, cause.clone()));
                self.decided = true;
                self.failures = 0;
            }
            None => self.failures = self.failures.saturating_add(1),
        }
        Action::Refuse(cause, version)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
