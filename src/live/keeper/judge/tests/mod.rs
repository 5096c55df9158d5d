//! Each rule of the judge, in its test's name.

mod refused;
mod verified;

use super::super::document::Document;
use super::*;

const POLL: Duration = Duration::from_secs(15);
const SECOND: Duration = Duration::from_secs(1);
const IF_CHANGED: Action = Action::Fetch(FetchMode::IfChanged);
const ALWAYS: Action = Action::Fetch(FetchMode::Always);
const ORDERED: Action = Action::Fetch(FetchMode::Ordered);
const SMALL: Size = Size { entries: 10, bytes: 1_000 };
const FIRST: Version = version(1);
const OTHER: Version = version(2);
const THIRD: Version = version(3);

const fn version(n: u8) -> Version {
    Version([n; 32])
}

fn rules() -> Rules {
    Rules { poll: POLL, max_removed: 50, allow_shrink: false, ..Rules::default() }
}

/// A judge that has accepted `FIRST`, with its ten domains.
fn running() -> Judge {
    running_by(&rules())
}

fn running_by(rules: &Rules) -> Judge {
    let mut judge = Judge::new(rules);
    check(&mut judge, &[(adds(FIRST), Action::Accept)]);
    judge
}

/// A judge that has started from the cache, which has `FIRST`: the source failed.
fn cached() -> Judge {
    let mut judge = Judge::new(&rules());
    check(&mut judge, &[(failed(), not_read()), (Event::StartedFromCache(FIRST, SMALL), Action::Wait)]);
    judge
}

/// A judge that holds `OTHER`.
fn holding() -> Judge {
    let mut judge = running();
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, shrinks(OTHER), held(OTHER)));
    judge
}

#[track_caller]
fn check(judge: &mut Judge, steps: &[(Event, Action)]) {
    for (at, (event, want)) in steps.iter().enumerate() {
        assert_eq!(judge.on(event.clone()), *want, "step {at}: {event:?}");
    }
}

/// A reading that brings a document which has to be compiled.
fn found_by(trigger: Event, fetch: Action, compiled: Event, want: Action) -> [(Event, Action); 3] {
    let Event::Compiled(version, _) = compiled else { panic!("{compiled:?} is not the end of a reading") };
    [(trigger, fetch), (Event::Read(version), Action::Compile), (compiled, want)]
}

fn seen(kind: ChangeKind) -> Event {
    Event::ChangeSeen(kind)
}

/// A change that was seen, and the document it brought.
fn seen_with(kind: ChangeKind, compiled: Event, want: Action) -> [(Event, Action); 3] {
    found_by(seen(kind), ALWAYS, compiled, want)
}

fn second_look(compiled: Event, want: Action) -> [(Event, Action); 3] {
    found_by(Event::Due, ALWAYS, compiled, want)
}

fn compiled(version: Version, tally: Tally, removed: usize) -> Event {
    Event::Compiled(version, Ok(Impact { tally, domains: 10, removed, size: SMALL, unverified: 0 }))
}

fn adds(version: Version) -> Event {
    compiled(version, Tally { added: 1, removed: 0, changed: 0 }, 0)
}

fn changes(version: Version) -> Event {
    compiled(version, Tally { added: 0, removed: 0, changed: 1 }, 0)
}

/// Removes one domain, which is fewer than the rules allow.
fn removes(version: Version) -> Event {
    compiled(version, Tally { added: 0, removed: 1, changed: 0 }, 1)
}

/// Removes more domains than the rules allow.
fn shrinks(version: Version) -> Event {
    compiled(version, Tally { added: 0, removed: 6, changed: 0 }, 6)
}

fn held(version: Version) -> Action {
    Action::Refuse(held_cause(version), Some(version))
}

fn held_cause(version: Version) -> Cause {
    Cause::Held(Held { version, removed: 6, domains: 10, most: 50 })
}

fn faults() -> Cause {
    Document::new("APIS: [".into()).compile("m", &[]).map(|_| ()).expect_err("no mapping")
}

fn has_faults(version: Version) -> Event {
    Event::Compiled(version, Err(faults()))
}

fn rejected(version: Version) -> Action {
    Action::Refuse(faults(), Some(version))
}

fn error() -> FetchError {
    FetchError::internal("m")
}

fn failed() -> Event {
    Event::Failed(error())
}

fn not_read() -> Action {
    Action::Refuse(Cause::Failed(error()), None)
}

/// The pause without jitter.
fn pause(judge: &Judge) -> Duration {
    judge.pause(0.5)
}

// The start.

#[test]
fn the_first_mapping_is_accepted_as_it_comes() {
    let judge = running();
    assert_eq!((judge.active, pause(&judge)), (Some(FIRST), POLL));
}

#[test]
fn a_first_mapping_with_faults_is_rejected_and_read_again_after_the_poll_interval() {
    let mut judge = Judge::new(&rules());
    check(&mut judge, &[(has_faults(FIRST), rejected(FIRST))]);
    assert_eq!((judge.active, pause(&judge)), (None, POLL));
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, adds(OTHER), Action::Accept));
}

#[test]
fn a_start_reports_a_file_in_the_middle_of_a_change_and_does_not_wait_for_it() {
    let mut judge = Judge::new(&rules());
    check(&mut judge, &[(Event::Unsettled, Action::Refuse(Cause::Unsettled, None))]);
    assert_eq!(pause(&judge), SECOND);
}

#[test]
fn without_a_mapping_the_pause_doubles_from_a_second_up_to_the_poll_interval() {
    let mut judge = Judge::new(&rules());
    check(&mut judge, &[(failed(), not_read())]);
    for seconds in [1, 2, 4, 8, 15, 15] {
        assert_eq!(pause(&judge), seconds * SECOND);
        check(&mut judge, &[(Event::Due, IF_CHANGED), (failed(), not_read())]);
    }
    judge.failures = u32::MAX;
    check(&mut judge, &[(Event::Due, IF_CHANGED), (failed(), not_read())]);
    assert_eq!(pause(&judge), POLL);
}

#[test]
fn a_cached_start_confirms_when_the_source_returns_with_the_same_version() {
    let mut judge = cached();
    assert_eq!(pause(&judge), POLL, "the cached mapping counts as active");
    check(&mut judge, &[(Event::Due, IF_CHANGED), (failed(), not_read())]);
    assert_eq!(pause(&judge), 2 * POLL);
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Read(FIRST), Action::Confirm)]);
    assert_eq!(pause(&judge), POLL);
}

#[test]
fn a_cached_start_accepts_another_version_and_holds_one_that_removes_too_much_of_the_cached_one() {
    check(&mut cached(), &found_by(Event::Due, IF_CHANGED, removes(OTHER), Action::Accept));
    check(&mut cached(), &found_by(Event::Due, IF_CHANGED, shrinks(OTHER), held(OTHER)));
}

// Polls and orders.

#[test]
fn a_poll_that_finds_nothing_new_confirms_the_active_mapping() {
    check(&mut running(), &[(Event::Due, IF_CHANGED), (Event::Unchanged, Action::Confirm)]);
}

#[test]
fn a_poll_that_finds_the_active_version_confirms_it_without_compiling() {
    check(&mut running(), &[(Event::Due, IF_CHANGED), (Event::Read(FIRST), Action::Confirm)]);
}

#[test]
fn what_a_poll_or_an_order_finds_is_complete() {
    for (trigger, fetch) in [(Event::Due, IF_CHANGED), (Event::Ordered, ORDERED)] {
        for compiled in [adds(OTHER), changes(OTHER), removes(OTHER)] {
            let mut judge = running();
            check(&mut judge, &found_by(trigger.clone(), fetch.clone(), compiled, Action::Accept));
            assert_eq!((judge.active, pause(&judge)), (Some(OTHER), POLL));
        }
        check(&mut running(), &found_by(trigger.clone(), fetch.clone(), has_faults(OTHER), rejected(OTHER)));
        check(&mut running(), &found_by(trigger, fetch, shrinks(OTHER), held(OTHER)));
    }
}

#[test]
fn a_file_that_a_poll_finds_changing_is_left_to_the_source_to_find_the_same_twice() {
    let mut judge = running();
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unsettled, Action::LookAgain)]);
    assert_eq!(pause(&judge), SECOND);
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, removes(OTHER), Action::Accept));
}

// Changes that were seen.

#[test]
fn a_half_written_file_is_not_reported_when_it_is_found_once() {
    for kind in [ChangeKind::Touched, ChangeKind::Closed] {
        for half in [has_faults(OTHER), shrinks(OTHER)] {
            let mut judge = running();
            check(&mut judge, &seen_with(kind, half, Action::LookAgain));
            assert_eq!((judge.active, pause(&judge)), (Some(FIRST), SECOND));
        }
    }
}

#[test]
fn a_file_with_faults_is_rejected_when_it_is_found_twice() {
    let mut judge = running();
    check(&mut judge, &seen_with(ChangeKind::Touched, has_faults(OTHER), Action::LookAgain));
    check(&mut judge, &second_look(has_faults(OTHER), rejected(OTHER)));
    assert_eq!(pause(&judge), POLL);
}

#[test]
fn a_file_that_removes_too_much_is_held_when_it_is_found_twice() {
    let mut judge = running();
    check(&mut judge, &seen_with(ChangeKind::Closed, shrinks(OTHER), Action::LookAgain));
    check(&mut judge, &second_look(shrinks(OTHER), held(OTHER)));
}

#[test]
fn a_file_that_was_touched_is_accepted_when_it_is_found_twice() {
    let mut judge = running();
    check(&mut judge, &seen_with(ChangeKind::Touched, adds(OTHER), Action::LookAgain));
    check(&mut judge, &second_look(adds(OTHER), Action::Accept));
    assert_eq!(pause(&judge), POLL);
}

#[test]
fn a_second_change_that_brings_the_same_version_counts_as_the_second_look() {
    let mut judge = running();
    check(&mut judge, &seen_with(ChangeKind::Touched, removes(OTHER), Action::LookAgain));
    check(&mut judge, &seen_with(ChangeKind::Touched, removes(OTHER), Action::Accept));
}

#[test]
fn a_second_look_that_finds_another_version_looks_once_more() {
    let mut judge = running();
    check(&mut judge, &seen_with(ChangeKind::Touched, has_faults(OTHER), Action::LookAgain));
    check(&mut judge, &second_look(adds(THIRD), Action::LookAgain));
    check(&mut judge, &second_look(adds(THIRD), Action::Accept));
}

#[test]
fn a_second_look_that_finds_the_active_version_confirms_it() {
    let mut judge = running();
    check(&mut judge, &seen_with(ChangeKind::Touched, has_faults(OTHER), Action::LookAgain));
    check(&mut judge, &[(Event::Due, ALWAYS), (Event::Read(FIRST), Action::Confirm)]);
    assert_eq!(pause(&judge), POLL);
}

#[test]
fn a_second_look_that_finds_nothing_new_confirms_the_active_mapping() {
    let mut judge = running();
    check(&mut judge, &[(seen(ChangeKind::Touched), ALWAYS), (failed(), Action::LookAgain)]);
    check(&mut judge, &[(Event::Due, ALWAYS), (Event::Unchanged, Action::Confirm)]);
    assert_eq!(pause(&judge), POLL);
}

#[test]
fn a_closed_file_that_only_adds_is_accepted_at_once() {
    check(&mut running(), &seen_with(ChangeKind::Closed, adds(OTHER), Action::Accept));
}

#[test]
fn a_closed_file_that_removes_or_changes_entries_waits_for_a_second_look() {
    for compiled in [removes(OTHER), changes(OTHER)] {
        let mut judge = running();
        check(&mut judge, &seen_with(ChangeKind::Closed, compiled.clone(), Action::LookAgain));
        check(&mut judge, &second_look(compiled, Action::Accept));
    }
}

#[test]
fn a_replaced_file_is_judged_at_once() {
    check(&mut running(), &seen_with(ChangeKind::Replaced, removes(OTHER), Action::Accept));
    check(&mut running(), &seen_with(ChangeKind::Replaced, has_faults(OTHER), rejected(OTHER)));
    check(&mut running(), &seen_with(ChangeKind::Replaced, shrinks(OTHER), held(OTHER)));
}

#[test]
fn an_order_does_not_wait_for_the_second_look() {
    let mut judge = running();
    check(&mut judge, &seen_with(ChangeKind::Touched, removes(OTHER), Action::LookAgain));
    check(&mut judge, &found_by(Event::Ordered, ORDERED, removes(OTHER), Action::Accept));
}

#[test]
fn until_a_document_is_decided_upon_the_source_is_read_whether_it_changed_or_not() {
    let mut judge = running();
    check(&mut judge, &seen_with(ChangeKind::Touched, removes(OTHER), Action::LookAgain));
    check(&mut judge, &[(Event::Ordered, ORDERED), (failed(), not_read()), (Event::Due, ALWAYS)]);
    check(&mut judge, &[(Event::Read(FIRST), Action::Confirm), (Event::Due, IF_CHANGED)]);
}

#[test]
fn half_a_file_is_not_accepted_by_a_poll_after_a_second_look_found_no_file() {
    for missing in
        [vec![(Event::Due, ALWAYS), (failed(), not_read())], vec![(Event::Ordered, ORDERED), (failed(), not_read())]]
    {
        let mut judge = running();
        check(&mut judge, &seen_with(ChangeKind::Closed, removes(OTHER), Action::LookAgain));
        check(&mut judge, &missing);
        check(&mut judge, &found_by(Event::Due, ALWAYS, removes(OTHER), Action::LookAgain));
        assert_eq!((judge.active, pause(&judge)), (Some(FIRST), SECOND));
        check(&mut judge, &second_look(adds(THIRD), Action::LookAgain));
        check(&mut judge, &second_look(adds(THIRD), Action::Accept));
    }
}

#[test]
fn half_a_file_is_not_accepted_by_a_poll_after_a_second_look_found_it_changing() {
    let mut judge = running();
    check(&mut judge, &seen_with(ChangeKind::Touched, removes(OTHER), Action::LookAgain));
    check(&mut judge, &[(Event::Due, ALWAYS), (Event::Unsettled, Action::LookAgain)]);
    check(&mut judge, &found_by(Event::Due, ALWAYS, removes(OTHER), Action::LookAgain));
    check(&mut judge, &second_look(removes(OTHER), Action::Accept));
}

#[test]
fn a_file_that_is_gone_for_a_moment_is_not_reported() {
    for kind in [ChangeKind::Touched, ChangeKind::Closed, ChangeKind::Replaced] {
        let mut judge = running();
        check(&mut judge, &[(seen(kind), ALWAYS), (failed(), Action::LookAgain)]);
        assert_eq!(pause(&judge), SECOND);
        check(&mut judge, &[(Event::Due, ALWAYS), (Event::Read(FIRST), Action::Confirm)]);
    }
}

#[test]
fn a_file_that_is_gone_twice_is_reported() {
    for (trigger, fetch) in [(Event::Due, ALWAYS), (seen(ChangeKind::Touched), ALWAYS), (Event::Ordered, ORDERED)] {
        let mut judge = running();
        check(&mut judge, &[(seen(ChangeKind::Touched), ALWAYS), (failed(), Action::LookAgain)]);
        check(&mut judge, &[(trigger, fetch), (failed(), not_read())]);
        assert_eq!((judge.active, pause(&judge)), (Some(FIRST), POLL));
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_looked_at_again() {
    let mut judge = running();
    check(&mut judge, &[(Event::Ordered, ORDERED), (Event::Unsettled, Action::LookAgain)]);
    assert_eq!(pause(&judge), SECOND);
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unchanged, Action::Confirm)]);
}

// Errors.

#[test]
fn a_source_that_fails_is_read_after_1_2_4_and_then_every_8_intervals() {
    let mut judge = running();
    for intervals in [1, 2, 4, 8, 8, 8] {
        check(&mut judge, &[(Event::Due, IF_CHANGED), (failed(), not_read())]);
        assert_eq!((judge.active, pause(&judge)), (Some(FIRST), intervals * POLL));
    }
    judge.failures = u32::MAX;
    check(&mut judge, &[(Event::Due, IF_CHANGED), (failed(), not_read())]);
    assert_eq!(pause(&judge), 8 * POLL);
}

#[test]
fn any_answer_ends_the_row_of_failures() {
    let again = |event, want| vec![(Event::Due, IF_CHANGED), (event, want)];
    for reading in [
        again(Event::Unchanged, Action::Confirm),
        again(Event::Read(FIRST), Action::Confirm),
        found_by(Event::Due, IF_CHANGED, adds(OTHER), Action::Accept).to_vec(),
        found_by(Event::Due, IF_CHANGED, has_faults(OTHER), rejected(OTHER)).to_vec(),
        found_by(Event::Due, IF_CHANGED, shrinks(OTHER), held(OTHER)).to_vec(),
    ] {
        let mut judge = running();
        for _ in 0..3 {
            check(&mut judge, &again(failed(), not_read()));
        }
        check(&mut judge, &reading);
        assert_eq!(pause(&judge), POLL, "{reading:?}");
    }
}

#[test]
fn a_pause_is_a_tenth_more_or_less_and_a_second_look_is_exact() {
    let mut judge = running();
    assert_eq!((judge.pause(0.0), judge.pause(1.0)), (POLL * 9 / 10, POLL * 11 / 10));
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unsettled, Action::LookAgain)]);
    assert_eq!((judge.pause(0.0), judge.pause(1.0)), (SECOND, SECOND));
}
