//! What holds for every sequence of events.

use proptest::prelude::*;

use super::super::document::Document;
use super::*;

const POLL: Duration = Duration::from_secs(15);
/// Versions that the source may have.
const VERSIONS: u8 = 5;

/// A mapping that the source may have: its domains, one bit each, whether it can be compiled, and where all of them lead.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    domains: u8,
    is_valid: bool,
    target: bool,
}

/// What a reading finds.
#[derive(Clone, Copy, Debug)]
enum Found {
    NothingNew,
    Changing,
    NoAnswer,
    /// The mapping at this place.
    Mapping(u8),
}

/// One reading: whether a verification ends and somebody consents before it, why it happens, and what it finds.
#[derive(Clone, Copy, Debug)]
struct Reading {
    verified: bool,
    consents: bool,
    trigger: Start,
    found: Found,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    Due,
    Change(ChangeKind),
    Order,
}

fn mappings() -> impl Strategy<Value = Vec<Mapping>> {
    let mapping = (any::<u8>(), prop::bool::weighted(0.8), any::<bool>());
    let mapping = mapping.prop_map(|(domains, is_valid, target)| Mapping { domains, is_valid, target });
    prop::collection::vec(mapping, VERSIONS as usize)
}

fn readings() -> impl Strategy<Value = Vec<Reading>> {
    let kind = prop_oneof![Just(ChangeKind::Touched), Just(ChangeKind::Closed), Just(ChangeKind::Replaced)];
    let trigger = prop_oneof![Just(Start::Due), kind.prop_map(Start::Change), Just(Start::Order)];
    let found = prop_oneof![
        1 => Just(Found::NothingNew),
        1 => Just(Found::Changing),
        1 => Just(Found::NoAnswer),
        4 => (0..VERSIONS).prop_map(Found::Mapping),
    ];
    let reading = (prop::bool::weighted(0.3), prop::bool::weighted(0.3), trigger, found);
    let reading =
        reading.prop_map(|(verified, consents, trigger, found)| Reading { verified, consents, trigger, found });
    prop::collection::vec(reading, 1..40)
}

fn version(at: u8) -> Version {
    Version([at; 32])
}

fn faults() -> Cause {
    Document::new("APIS: [".into()).compile("m", &[]).map(|_| ()).expect_err("no mapping")
}

/// A judge, the mappings that its source may have, and what is known of the past without asking it.
#[derive(Clone)]
struct World {
    judge: Judge,
    mappings: Vec<Mapping>,
    /// The place of the active mapping.
    active: Option<u8>,
    /// The version that was held last, and was not followed by another decision.
    held: Option<Version>,
    /// Somebody consented since then.
    consented: bool,
    /// The place of the mapping that is verified.
    verifying: Option<u8>,
}

impl World {
    fn impact(&self, at: u8) -> Impact {
        let active = self.active.map(|active| self.mappings[usize::from(active)]);
        let next = self.mappings[usize::from(at)];
        let (old, new) = (active.map_or(0, |active| active.domains), next.domains);
        let leads_elsewhere = active.is_some_and(|active| active.target != next.target);
        let (added, removed) = ((new & !old).count_ones() as usize, (old & !new).count_ones() as usize);
        Impact {
            tally: Tally { added, removed, changed: 0 },
            domains: old.count_ones() as usize,
            removed,
            size: Size::default(),
            unverified: if leads_elsewhere { (new & old).count_ones() as usize } else { 0 },
        }
    }

    fn compiled(&self, at: u8) -> Result<Impact, Cause> {
        if self.mappings[usize::from(at)].is_valid { Ok(self.impact(at)) } else { Err(faults()) }
    }

    /// Lets a reading happen; returns the action that ended it.
    fn read(&mut self, trigger: Start, found: Found) -> Action {
        let fetch = self.judge.on(match trigger {
            Start::Due => Event::Due,
            Start::Change(kind) => Event::ChangeSeen(kind),
            Start::Order => Event::Ordered,
        });
        assert!(matches!(fetch, Action::Fetch(_)), "{fetch:?}");
        let action = self.judge.on(match found {
            Found::NothingNew => Event::Unchanged,
            Found::Changing => Event::Unsettled,
            Found::NoAnswer => Event::Failed(FetchError::internal("m")),
            Found::Mapping(at) => Event::Read(version(at)),
        });
        match (action, found) {
            (Action::Compile, Found::Mapping(at)) => self.judge.on(Event::Compiled(version(at), self.compiled(at))),
            (action, _) => action,
        }
    }

    /// Ends the verification under way, if there is one.
    fn verified(&mut self) {
        let action = self.judge.on(Event::Verified);
        match self.verifying.take() {
            Some(at) => {
                assert_eq!((action, self.judge.active), (Action::Accept, Some(version(at))));
                self.active = Some(at);
            }
            None => assert_eq!((action, self.judge.active), (Action::Wait, self.active.map(version))),
        }
    }

    /// Reports whether the mapping at a place may become the active one.
    fn may_accept(&self, at: u8, rules: &Rules) -> bool {
        let Impact { domains, removed, .. } = self.impact(at);
        let is_small = removed as f64 <= domains as f64 * f64::from(rules.max_removed) / 100.0;
        let has_consent = self.consented && self.held == Some(version(at));
        self.mappings[usize::from(at)].is_valid && (is_small || rules.allow_shrink || has_consent)
    }

    /// Remembers how a reading ended.
    fn remember(&mut self, action: &Action, found: Found) {
        match (action, found) {
            (Action::Accept, Found::Mapping(at)) => {
                (self.active, self.held, self.consented, self.verifying) = (Some(at), None, false, None);
            }
            (Action::Verify, Found::Mapping(at)) => {
                (self.held, self.consented, self.verifying) = (None, false, Some(at));
            }
            (Action::Refuse(Cause::Held(held), _), _) => {
                (self.held, self.consented, self.verifying) = (Some(held.version), false, None);
            }
            (Action::Refuse(_, Some(_)) | Action::Confirm, _) => {
                (self.held, self.consented, self.verifying) = (None, false, None);
            }
            (Action::AwaitVerification, Found::Mapping(_)) => (self.held, self.consented) = (None, false),
            // The source still has what is held, as far as is known, but nobody consents any more.
            (Action::Refuse(_, None), _) => self.consented = false,
            (_, _) => {}
        }
    }
}

proptest! {
    #[test]
    fn no_sequence_of_readings_breaks_the_rules(
        mappings in mappings(),
        readings in readings(),
        max_removed in prop_oneof![Just(0), Just(50), Just(100)],
        allow_shrink in prop::bool::weighted(0.2),
        random in 0.0..=1.0,
    ) {
        let rules = Rules { poll: POLL, max_removed, allow_shrink, ..Rules::default() };
        let judge = Judge::new(&rules);
        let mut world = World { judge, mappings, active: None, held: None, consented: false, verifying: None };
        for Reading { verified, consents, trigger, found } in readings {
            if verified {
                world.verified();
            }
            if consents {
                prop_assert_eq!(world.judge.on(Event::Consented), Action::Wait);
                world.consented = true;
            }
            let active = world.judge.active;
            let action = world.read(trigger, found);

            match (&action, found) {
                (Action::Accept, Found::Mapping(at)) => {
                    prop_assert!(world.may_accept(at, &rules), "{} was accepted", at);
                    prop_assert_eq!(world.impact(at).unverified, 0, "{} was not verified", at);
                    prop_assert_eq!(world.judge.active, Some(version(at)));
                }
                (Action::Verify, Found::Mapping(at)) => {
                    prop_assert!(world.may_accept(at, &rules), "{} is verified for nothing", at);
                    prop_assert!(world.impact(at).unverified > 0);
                }
                (Action::AwaitVerification, Found::Mapping(at)) => prop_assert_eq!(world.verifying, Some(at)),
                (Action::AwaitVerification, Found::NothingNew) => prop_assert!(world.verifying.is_some()),
                (Action::Confirm, Found::Mapping(at)) => prop_assert_eq!(active, Some(version(at))),
                (Action::Accept | Action::Verify | Action::AwaitVerification, _)
                | (Action::Wait | Action::Fetch(_) | Action::Compile | Action::VerifyHeld | Action::Release, _) => {
                    prop_assert!(false, "{:?} after {:?}", action, found);
                }
                (_, _) => {}
            }
            if action != Action::Accept {
                prop_assert_eq!(world.judge.active, active, "{:?} changed the active version", action);
            }
            world.remember(&action, found);

            let pause = world.judge.pause(random);
            if action == Action::LookAgain {
                prop_assert_eq!(pause, SECOND_LOOK);
                // A file that is found changing is for the source to find the same twice.
                if !matches!(found, Found::Changing) {
                    let again = world.clone().read(Start::Due, found);
                    prop_assert!(again != Action::LookAgain, "{:?} is looked at for the third time", found);
                }
            } else {
                let most = if world.active.is_some() { 8 * POLL } else { POLL };
                prop_assert!(pause <= most.mul_f64(1.1), "{:?} is too long", pause);
                prop_assert!(pause >= FIRST_PAUSE.mul_f64(0.9), "{:?} is too short", pause);
            }
        }
    }
}
