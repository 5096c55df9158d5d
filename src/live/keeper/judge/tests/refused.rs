//! Versions that were refused, what a change may remove, and consent.

use super::*;

// Versions that were refused.

#[test]
fn a_poll_that_finds_the_refused_version_again_compiles_and_reports_nothing() {
    let mut judge = running();
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, has_faults(OTHER), rejected(OTHER)));
    let still = Action::StillRefused(faults(), OTHER);
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unchanged, still.clone())]);
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Read(OTHER), still)]);
    assert_eq!((judge.active, pause(&judge)), (Some(FIRST), POLL));
    assert_eq!(judge.on(Event::Due), IF_CHANGED, "the next poll reads no more than it must");
}

#[test]
fn an_order_reports_the_refused_version_anew() {
    let mut judge = holding();
    check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(OTHER), held(OTHER)));
}

#[test]
fn a_source_that_fails_in_between_still_has_what_was_refused() {
    let mut judge = holding();
    check(&mut judge, &[(Event::Due, IF_CHANGED), (failed(), not_read())]);
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unchanged, Action::StillRefused(held_cause(OTHER), OTHER))]);
    assert_eq!(pause(&judge), POLL);
}

#[test]
fn a_held_mapping_that_goes_back_to_the_active_version_is_confirmed_and_forgotten() {
    let mut judge = holding();
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Read(FIRST), Action::Confirm)]);
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unchanged, Action::Confirm)]);
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, shrinks(OTHER), held(OTHER)));
}

#[test]
fn a_fixed_mapping_takes_the_place_of_a_refused_one() {
    let mut judge = holding();
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, adds(THIRD), Action::Accept));
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unchanged, Action::Confirm)]);
}

#[test]
fn a_mapping_that_makes_the_compiler_panic_is_refused_by_its_version() {
    let cause = Cause::Failed(error());
    let compiled = Event::Compiled(OTHER, Err(cause.clone()));
    let mut judge = running();
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, compiled, Action::Refuse(cause.clone(), Some(OTHER))));
    assert_eq!(pause(&judge), POLL, "the source itself did not fail");
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Read(OTHER), Action::StillRefused(cause, OTHER))]);
}

// What a change may remove.

#[test]
fn more_than_the_share_is_held_and_the_share_is_not() {
    for (removed, domains, most, is_held) in [
        (0, 0, 0, false),
        (5, 10, 50, false),
        (6, 10, 50, true),
        (10, 10, 50, true),
        (1, 1, 50, true),
        (1, 10, 0, true),
        (0, 10, 0, false),
        (10, 10, 100, false),
    ] {
        let mut judge = running_by(&Rules { max_removed: most, ..rules() });
        let impact = Impact { tally: Tally::default(), domains, removed, size: SMALL, unverified: 0 };
        let held = Cause::Held(Held { version: OTHER, removed, domains, most });
        let want = if is_held { Action::Refuse(held, Some(OTHER)) } else { Action::Accept };
        check(&mut judge, &found_by(Event::Due, IF_CHANGED, Event::Compiled(OTHER, Ok(impact)), want));
    }
}

#[test]
fn an_impact_counts_the_domains_of_the_active_mapping_that_the_next_one_lacks() {
    let table = |hosts: std::ops::Range<usize>| {
        let entry = |n| {
            let api = "https://abc.execute-api.eu-west-1.amazonaws.com/p";
            format!("  - CUSTOM_DOMAIN_URL: d{n}.example.com\n    PRIVATE_API_URL: {api}\n")
        };
        let text = format!("APIS:\n{}", hosts.map(entry).collect::<String>());
        Document::new(text.into()).compile("m", &[]).expect("valid")
    };
    for (active, next, removed) in [(0..10, 0..4, 6), (0..10, 10..30, 10), (0..10, 0..20, 0), (0..1, 1..2, 1)] {
        let domains = active.len();
        let size = Size { entries: next.len() as u64, bytes: 7 };
        let impact = Impact::of(&table(active), &table(next), Tally::default(), 7);
        assert_eq!(impact, Impact { tally: Tally::default(), domains, removed, size, unverified: 0 });
    }
}

#[test]
fn the_setting_accepts_what_removes_too_much() {
    let mut judge = running_by(&Rules { allow_shrink: true, ..rules() });
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, shrinks(OTHER), Action::Accept));
}

// How far a change may grow a mapping.

const LIMITS: Size = Size { entries: 20, bytes: 2_000 };

fn limited() -> Rules {
    Rules { hold_entries: LIMITS.entries, hold_bytes: LIMITS.bytes, ..rules() }
}

fn grows_to(version: Version, entries: u64, bytes: u64) -> Event {
    let tally = Tally { added: 1, removed: 0, changed: 0 };
    Event::Compiled(
        version,
        Ok(Impact { tally, domains: 10, removed: 0, size: Size { entries, bytes }, unverified: 0 }),
    )
}

fn grown(version: Version, measure: Measure, size: u64, before: u64) -> Action {
    let most = if measure == Measure::Entries { LIMITS.entries } else { LIMITS.bytes };
    Action::Refuse(Cause::Grown(Grown { version, measure, size, before, most }), Some(version))
}

#[test]
fn a_mapping_that_grows_beyond_its_limits_is_held() {
    for (entries, bytes, want) in [
        (20, 2_000, Action::Accept),
        (21, 2_000, grown(OTHER, Measure::Entries, 21, 10)),
        (20, 2_001, grown(OTHER, Measure::Bytes, 2_001, 1_000)),
        (u64::MAX, u64::MAX, grown(OTHER, Measure::Entries, u64::MAX, 10)),
    ] {
        let mut judge = running_by(&limited());
        check(&mut judge, &found_by(Event::Due, IF_CHANGED, grows_to(OTHER, entries, bytes), want));
    }
}

#[test]
fn consent_accepts_a_mapping_that_grows_and_a_larger_one_is_held_again() {
    let mut judge = running_by(&limited());
    let held = grown(OTHER, Measure::Entries, 30, 10);
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, grows_to(OTHER, 30, 3_000), held));
    consented(&mut judge);
    check(&mut judge, &found_by(Event::Ordered, ORDERED, grows_to(OTHER, 30, 3_000), Action::Accept));
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, grows_to(THIRD, 30, 3_000), Action::Accept));
    let held = grown(FIRST, Measure::Bytes, 3_001, 3_000);
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, grows_to(FIRST, 30, 3_001), held));
}

#[test]
fn a_start_takes_a_mapping_of_any_size_and_a_cached_one_is_what_it_is_compared_with() {
    let mut judge = Judge::new(&limited());
    check(&mut judge, &[(grows_to(FIRST, 99, 9_999), Action::Accept)]);

    let mut judge = Judge::new(&limited());
    check(&mut judge, &[(failed(), not_read()), (Event::StartedFromCache(FIRST, SMALL), Action::Wait)]);
    let held = grown(OTHER, Measure::Entries, 99, 10);
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, grows_to(OTHER, 99, 9_999), held));
}

// Consent.

fn consented(judge: &mut Judge) {
    check(judge, &[(Event::Consented, Action::Wait)]);
}

#[test]
fn consent_accepts_the_version_that_is_held() {
    let mut judge = holding();
    consented(&mut judge);
    check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(OTHER), Action::Accept));
    assert_eq!(judge.active, Some(OTHER));
}

#[test]
fn consent_before_a_version_is_held_does_not_cover_it() {
    let mut judge = running();
    consented(&mut judge);
    check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(OTHER), held(OTHER)));
    check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(OTHER), held(OTHER)));
}

#[test]
fn consent_does_not_survive_another_version() {
    let mut judge = holding();
    consented(&mut judge);
    check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(THIRD), held(THIRD)));
    check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(THIRD), held(THIRD)));
    check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(OTHER), held(OTHER)));
}

#[test]
fn consent_does_not_survive_its_use_a_failure_or_the_active_version() {
    let used = found_by(Event::Ordered, ORDERED, adds(THIRD), Action::Accept).to_vec();
    let failure = vec![(Event::Ordered, ORDERED), (failed(), not_read())];
    let active = vec![(Event::Ordered, ORDERED), (Event::Read(FIRST), Action::Confirm)];
    for reading in [used, failure, active] {
        let mut judge = holding();
        consented(&mut judge);
        check(&mut judge, &reading);
        check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(OTHER), held(OTHER)));
    }
}

#[test]
fn consent_waits_while_a_file_changes_and_while_a_poll_finds_the_held_version() {
    let mut judge = holding();
    consented(&mut judge);
    let still = Action::StillRefused(held_cause(OTHER), OTHER);
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unchanged, still)]);
    check(&mut judge, &[(Event::Ordered, ORDERED), (Event::Unsettled, Action::LookAgain)]);
    check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(OTHER), Action::Accept));
}

#[test]
fn an_order_without_consent_leaves_the_mapping_held() {
    let mut judge = holding();
    for _ in 0..2 {
        check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks(OTHER), held(OTHER)));
    }
    assert_eq!(judge.active, Some(FIRST));
}

#[test]
fn consent_does_not_accept_faults() {
    let mut judge = running();
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, has_faults(OTHER), rejected(OTHER)));
    consented(&mut judge);
    check(&mut judge, &found_by(Event::Ordered, ORDERED, has_faults(OTHER), rejected(OTHER)));
}
