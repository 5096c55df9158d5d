//! Whether the active mapping is new to this process, for alarms that compare tasks while a change goes through a
//! fleet.
//!
//! A task cannot know what the others have. It knows when it took another mapping itself: for the time that a rollout
//! lasts, that mapping is new, and so tasks which the rollout has not reached yet are those with an old one. Two
//! cases are neither. A mapping that a process started with may be either, until it has had it for that time. And
//! one that a new mapping was taken back for is what the others have, but this task has just served something else.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::status::Origin;
use crate::telemetry::emf::MappingAge;
use nameplate_core::domain::version::Version;

/// The last change of the active mapping.
#[derive(Debug)]
pub(super) struct Rollout {
    /// How long a mapping counts as new.
    lasts: Duration,
    active: Mutex<Option<Active>>,
}

#[derive(Debug)]
struct Active {
    version: Version,
    origin: Origin,
    since: Instant,
    /// The version before it, if it is a change that a rollout brought.
    replaced: Option<Version>,
}

impl Rollout {
    /// Returns `None` where no mapping counts as new for any time.
    pub(super) fn new(lasts: Duration) -> Option<Rollout> {
        (!lasts.is_zero()).then(|| Rollout { lasts, active: Mutex::default() })
    }

    /// Records that a mapping became active.
    pub(super) fn record_active(&self, version: Version, origin: Origin, now: Instant) {
        let mut active = self.active.lock();
        let replaced = match &*active {
            None => None,
            Some(before) if before.version == version => return,
            // The cache may be of any age, so what takes its place may be what everybody has.
            Some(before) if before.origin == Origin::Cache => None,
            Some(before) if self.is_new(before, now) && before.replaced == Some(version) => None,
            Some(before) => Some(before.version),
        };
        *active = Some(Active { version, origin, since: now, replaced });
    }

    /// Returns whether the active mapping is new or old, where that is known.
    pub(super) fn age(&self, now: Instant) -> Option<MappingAge> {
        let active = self.active.lock();
        let active = active.as_ref()?;
        if now.saturating_duration_since(active.since) >= self.lasts {
            return Some(MappingAge::Old);
        }
        self.is_new(active, now).then_some(MappingAge::New)
    }

    fn is_new(&self, active: &Active, now: Instant) -> bool {
        active.replaced.is_some() && now.saturating_duration_since(active.since) < self.lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MappingAge::{New, Old};
    use Origin::{Cache, Source};
    use nameplate_core::mapping::load::version_of;

    const LASTS: Duration = Duration::from_secs(1_500);
    const SECOND: Duration = Duration::from_secs(1);

    /// The age at each of `seconds`, of a process that took these mappings, at these seconds from these origins.
    #[track_caller]
    fn check(taken: &[(u64, &str, Origin)], seconds: &[(u64, Option<MappingAge>)]) {
        let (rollout, start) = (Rollout::new(LASTS).expect("a time"), Instant::now());
        let mut taken = taken.iter().peekable();
        for (at, want) in seconds {
            while let Some((second, text, origin)) = taken.next_if(|(second, ..)| second <= at) {
                rollout.record_active(version_of(text.as_bytes()), *origin, start + SECOND * *second as u32);
            }
            assert_eq!(rollout.age(start + SECOND * *at as u32), *want, "at {at} s");
        }
    }

    #[test]
    fn a_change_is_new_for_as_long_as_a_rollout_lasts() {
        let taken = [(0, "a", Source), (5_000, "b", Source)];
        check(&taken, &[(4_999, Some(Old)), (5_000, Some(New)), (6_499, Some(New)), (6_500, Some(Old))]);
    }

    #[test]
    fn what_a_process_starts_with_is_neither_until_it_is_old() {
        check(&[(0, "a", Source)], &[(0, None), (1_499, None), (1_500, Some(Old))]);
        check(&[(0, "a", Cache)], &[(0, None), (1_499, None), (1_500, Some(Old))]);
    }

    #[test]
    fn nothing_is_known_before_the_first_mapping() {
        check(&[], &[(0, None), (9_000, None)]);
    }

    #[test]
    fn a_change_soon_after_the_start_is_new() {
        check(&[(0, "a", Source), (10, "b", Source)], &[(9, None), (10, Some(New)), (1_510, Some(Old))]);
    }

    #[test]
    fn what_takes_the_place_of_a_cached_mapping_is_not_new() {
        check(&[(0, "a", Cache), (10, "b", Source)], &[(10, None), (1_510, Some(Old))]);
    }

    #[test]
    fn a_mapping_that_is_taken_back_leaves_a_task_on_neither_side() {
        let taken = [(0, "a", Source), (5_000, "b", Source), (5_300, "a", Source)];
        check(&taken, &[(5_299, Some(New)), (5_300, None), (6_799, None), (6_800, Some(Old))]);
    }

    #[test]
    fn a_mapping_that_is_tried_again_is_new_again() {
        let taken = [(0, "a", Source), (5_000, "b", Source), (5_300, "a", Source), (5_600, "b", Source)];
        check(&taken, &[(5_600, Some(New))]);
    }

    #[test]
    fn going_back_long_after_a_rollout_is_a_change_like_any_other() {
        check(
            &[(0, "a", Source), (5_000, "b", Source), (9_000, "a", Source)],
            &[(8_999, Some(Old)), (9_000, Some(New))],
        );
    }

    #[test]
    fn reading_the_same_mapping_again_changes_nothing() {
        check(
            &[(0, "a", Source), (5_000, "b", Source), (6_000, "b", Source)],
            &[(6_000, Some(New)), (6_500, Some(Old))],
        );
    }

    #[test]
    fn without_the_setting_nothing_is_recorded() {
        assert!(Rollout::new(Duration::ZERO).is_none());
    }
}
