//! Changes that are verified before they become active.

use super::*;

/// Leads an entry elsewhere.
fn leads_elsewhere(version: Version) -> Event {
    let tally = Tally { added: 0, removed: 0, changed: 1 };
    Event::Compiled(version, Ok(Impact { tally, domains: 10, removed: 0, size: SMALL, unverified: 1 }))
}

/// A judge that verifies `OTHER`, with `FIRST` active.
fn verifying() -> Judge {
    let mut judge = running();
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, leads_elsewhere(OTHER), Action::Verify));
    assert_eq!(judge.active, Some(FIRST));
    judge
}

#[test]
fn a_change_that_leads_entries_elsewhere_becomes_active_once_it_is_verified() {
    let mut judge = verifying();
    check(&mut judge, &[(Event::Verified, Action::Accept)]);
    assert_eq!(judge.active, Some(OTHER));
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Read(OTHER), Action::Confirm)]);
}

#[test]
fn the_source_is_read_on_and_the_same_mapping_is_not_verified_twice() {
    let mut judge = verifying();
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unchanged, Action::AwaitVerification)]);
    check(&mut judge, &[(Event::Ordered, ORDERED), (Event::Read(OTHER), Action::AwaitVerification)]);
    check(&mut judge, &[(Event::Due, IF_CHANGED), (failed(), not_read())]);
    check(&mut judge, &[(Event::Verified, Action::Accept)]);
}

#[test]
fn a_newer_mapping_takes_the_place_of_the_one_that_is_verified() {
    let mut judge = verifying();
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, leads_elsewhere(THIRD), Action::Verify));
    check(&mut judge, &[(Event::Verified, Action::Accept)]);
    assert_eq!(judge.active, Some(THIRD));

    let mut judge = verifying();
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, adds(THIRD), Action::Accept));
    check(&mut judge, &[(Event::Verified, Action::Wait)]);
    assert_eq!(judge.active, Some(THIRD));
}

#[test]
fn a_newer_mapping_that_is_refused_takes_its_place_too() {
    let mut judge = verifying();
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, has_faults(THIRD), rejected(THIRD)));
    check(&mut judge, &[(Event::Verified, Action::Wait)]);
    assert_eq!(judge.active, Some(FIRST));
}

#[test]
fn a_source_that_goes_back_to_the_active_mapping_ends_the_verification() {
    let mut judge = verifying();
    check(
        &mut judge,
        &[(Event::Due, IF_CHANGED), (Event::Read(FIRST), Action::Confirm), (Event::Verified, Action::Wait)],
    );
    assert_eq!(judge.active, Some(FIRST));
}

#[test]
fn half_a_change_leaves_the_verification_alone() {
    let mut judge = verifying();
    check(&mut judge, &seen_with(ChangeKind::Touched, changes(THIRD), Action::LookAgain));
    check(&mut judge, &[(Event::Verified, Action::Accept)]);
    check(&mut judge, &second_look(changes(THIRD), Action::Accept));
}

#[test]
fn what_is_held_for_its_size_is_verified_with_consent_and_not_before() {
    let mut judge = running();
    let shrinks_and_leads = |version| match shrinks(version) {
        Event::Compiled(version, Ok(impact)) => Event::Compiled(version, Ok(Impact { unverified: 3, ..impact })),
        other => other,
    };
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, shrinks_and_leads(OTHER), held(OTHER)));
    check(&mut judge, &[(Event::Consented, Action::Wait)]);
    check(&mut judge, &found_by(Event::Ordered, ORDERED, shrinks_and_leads(OTHER), Action::Verify));
    check(&mut judge, &[(Event::Verified, Action::Accept)]);
}

#[test]
fn held_entries_are_verified_again_while_nothing_else_is() {
    let mut judge = running();
    check(&mut judge, &[(Event::HeldDue, Action::VerifyHeld), (Event::HeldDue, Action::Wait)]);
    check(&mut judge, &[(Event::Due, IF_CHANGED), (Event::Unchanged, Action::Confirm)]);
    check(&mut judge, &[(Event::Verified, Action::Release), (Event::Verified, Action::Wait)]);
    let mut judge = verifying();
    check(&mut judge, &[(Event::HeldDue, Action::Wait), (Event::Verified, Action::Accept)]);
}

#[test]
fn consent_and_a_newer_mapping_end_the_verification_of_held_entries() {
    let mut judge = running();
    check(&mut judge, &[(Event::HeldDue, Action::VerifyHeld), (Event::Consented, Action::Wait)]);
    check(&mut judge, &[(Event::Verified, Action::Wait), (Event::HeldDue, Action::VerifyHeld)]);
    check(&mut judge, &found_by(Event::Due, IF_CHANGED, leads_elsewhere(OTHER), Action::Verify));
    check(&mut judge, &[(Event::Verified, Action::Accept)]);
}
