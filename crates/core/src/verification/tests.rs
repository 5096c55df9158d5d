//! Each rule of a verification in its test's name, and what holds for all of them.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::changes::{Before, Change, Target, changes, has_same_target};
use super::held::{HeldEntry, Reason, still_held, with_held};
use super::state::{Decided, Verdicts, Verification};
use crate::domain::api::PrivateApi;
use crate::domain::base_path::BasePath;
use crate::domain::host::Host;
use crate::domain::order::by_domain;
use crate::domain::pace::Pace;
use crate::domain::route::{Choices, Route};
use crate::domain::table::MappingTable;
use crate::settings::Unverified;
use crate::verdict::{Asked, ConnectError, Evidence, Outcome, Response, Standing, Verdict, classify};

const NOTHING: Pace = Pace::new(|| {});

fn route(host: &str, base: &str, api: &str) -> Route {
    let (host, base) = (Host::parse(host).expect("a host"), BasePath::parse(base).expect("a base path"));
    let api = PrivateApi::parse(&format!("https://{api}.execute-api.eu-west-1.amazonaws.com/prod")).expect("an API");
    Route::new(&host, &base, &api, Choices::default(), 1)
}

fn table(entries: &[(&str, &str, &str)]) -> MappingTable {
    MappingTable::new(entries.iter().map(|(host, base, api)| route(host, base, api)).collect())
}

fn verdict(standing: Standing) -> Verdict {
    // Without the marks of API Gateway, a response is not one of it.
    let answered = |status| {
        Outcome::Answered(Response { status, has_request_id: true, has_apigw_id: true, ..Response::default() })
    };
    let outcome = match standing {
        Standing::Answers => answered(200),
        Standing::Struggles => answered(502),
        Standing::DoesNotAnswer => Outcome::NotConnected(ConnectError::Refused),
    };
    let verdict = classify(&Evidence { asked: Asked::default(), outcome });
    assert_eq!(verdict.standing(), standing);
    verdict
}

/// Asks until the verification is over. Returns the APIs that were asked, in this order.
fn run(verification: &mut Verification, world: impl Fn(&str) -> Option<Standing>) -> Vec<String> {
    targets(verification, world).into_iter().map(|(_, api)| api).collect()
}

/// As [`run`], with the domains that the APIs were asked for.
fn targets(verification: &mut Verification, world: impl Fn(&str) -> Option<Standing>) -> Vec<(String, String)> {
    let mut asked = Vec::new();
    while let Some(question) = verification.take_question() {
        assert!(!verification.is_over());
        asked.push((question.host().to_owned(), question.api_id().to_owned()));
        verification.record(&question, world(question.api_id()).map(verdict));
    }
    assert!(verification.is_over());
    asked
}

fn world(api: &str) -> Option<Standing> {
    match api {
        "silent" => None,
        api if api.starts_with("good") => Some(Standing::Answers),
        api if api.starts_with("slow") => Some(Standing::Struggles),
        _ => Some(Standing::DoesNotAnswer),
    }
}

/// The domains that are held, and the APIs that were asked, where one table replaces another.
fn verified(active: &MappingTable, next: &MappingTable, unverified: Unverified) -> (Vec<String>, Vec<String>) {
    let mut verification = Verification::new(changes(active, next, NOTHING), 100, Verdicts::new(), NOTHING);
    let asked = run(&mut verification, world);
    let Decided { held, .. } = verification.decide(unverified);
    (held.iter().map(|held| format!("{}{}", held.change.next.host(), held.change.next.base())).collect(), asked)
}

#[track_caller]
fn check(before: &str, after: &str, want_held: bool, want_asked: &[&str]) {
    let active = table(&[("a.example.com", "", before)]);
    let (held, asked) = verified(&active, &table(&[("a.example.com", "", after)]), Unverified::Accept);
    assert_eq!((!held.is_empty(), asked), (want_held, want_asked.iter().map(|api| (*api).to_owned()).collect()));
}

#[test]
fn an_entry_that_answers_no_worse_than_before_is_not_held() {
    check("good1", "good2", false, &["good2"]);
    check("bad1", "good1", false, &["good1"]);
    check("slow1", "slow2", false, &["slow2", "slow1"]);
    check("bad1", "slow1", false, &["slow1", "bad1"]);
    check("bad1", "bad2", false, &["bad2", "bad1"]);
}

#[test]
fn an_entry_that_answers_worse_than_before_is_held() {
    check("good1", "slow1", true, &["slow1", "good1"]);
    check("good1", "bad1", true, &["bad1", "good1"]);
    check("slow1", "bad1", true, &["bad1", "slow1"]);
}

#[test]
fn what_could_not_be_asked_before_counts_as_answering() {
    check("silent", "bad1", true, &["bad1", "silent"]);
}

#[test]
fn what_cannot_be_asked_is_for_the_settings_to_decide() {
    let (active, next) = (table(&[("a.example.com", "", "good1")]), table(&[("a.example.com", "", "silent")]));
    assert!(verified(&active, &next, Unverified::Accept).0.is_empty());
    assert_eq!(verified(&active, &next, Unverified::Hold).0, ["a.example.com"]);
}

#[test]
fn nobody_is_asked_about_what_stays() {
    check("bad1", "bad1", false, &[]);
}

#[test]
fn a_name_that_nothing_answered_for_is_neither_asked_nor_held() {
    let next = table(&[("a.example.com", "", "good1"), ("new.example.com", "", "bad1")]);
    assert_eq!(verified(&table(&[("a.example.com", "", "good1")]), &next, Unverified::Hold), (vec![], vec![]));
}

#[test]
fn a_new_entry_is_compared_with_the_one_that_answered_for_it() {
    let active = table(&[("a.example.com", "", "good1"), ("*.example.org", "", "good2")]);
    let next = table(&[
        ("a.example.com", "", "good1"),
        ("a.example.com", "/v2", "bad1"),
        ("*.example.org", "", "good2"),
        ("b.example.org", "", "bad2"),
    ]);
    let (held, _) = verified(&active, &next, Unverified::Accept);
    assert_eq!(held, ["a.example.com/v2", "b.example.org"]);

    let found = changes(&active, &next, NOTHING);
    let held: Vec<HeldEntry> =
        found.into_iter().map(|change| HeldEntry { change, reason: Reason::Unverified }).collect();
    let mixed = with_held(&next, &held, NOTHING);
    let api = |host: &str, path: &[u8]| mixed.lookup(host, path).map(|found| found.route.api_id().to_owned());
    assert_eq!((api("a.example.com", b"/v2/x"), api("b.example.org", b"/")), (Ok("good1".into()), Ok("good2".into())));
}

/// The table that is active once everybody was asked.
fn mixed(active: &MappingTable, next: &MappingTable) -> MappingTable {
    let mut verification = Verification::new(changes(active, next, NOTHING), 100, Verdicts::new(), NOTHING);
    run(&mut verification, world);
    with_held(next, &verification.decide(Unverified::Accept).held, NOTHING)
}

#[test]
fn an_entry_held_out_of_a_wildcard_stays_reachable_beside_one_that_passes() {
    let active = table(&[("*.example.com", "", "good1")]);
    let next = table(&[
        ("*.example.com", "", "good1"),
        ("a.example.com", "/v1", "bad1"),
        ("a.example.com", "/v2", "good2"),
        ("a.example.com", "/v3", "bad1"),
    ]);
    let mixed = mixed(&active, &next);
    for path in ["/v1", "/v1/x", "/v3/x"] {
        assert_eq!(leads(&mixed, "a.example.com", path), leads(&active, "a.example.com", path), "{path}");
    }
    assert_eq!(mixed.lookup("a.example.com", b"/v2/x").map(|found| found.route.api_id()), Ok("good2"));
    assert_eq!(mixed.len(), next.len());
}

#[test]
fn an_entry_held_out_of_one_that_leads_elsewhere_now_leads_where_that_one_did() {
    let active = table(&[("a.example.com", "/v1", "good1")]);
    let next = table(&[("a.example.com", "/v1", "good2"), ("a.example.com", "/v1/x", "bad1")]);
    let mixed = mixed(&active, &next);
    assert_eq!(leads(&mixed, "a.example.com", "/v1/x/y"), leads(&active, "a.example.com", "/v1/x/y"));
    assert_eq!(leads(&mixed, "a.example.com", "/v1/y"), leads(&next, "a.example.com", "/v1/y"));
}

#[test]
fn each_part_gets_as_many_of_the_requests_as_any_other() {
    let many = |kind: &str| {
        let many = (0..9).map(|n| route(&format!("a{n}.example.com"), "", &format!("{kind}{n}")).at(1, 1));
        let few = (0..2).map(|n| route(&format!("b{n}.example.com"), "", &format!("{kind}{n}0")).at(2, 1));
        MappingTable::new(many.chain(few).collect())
    };
    let found = changes(&many("good"), &many("fine"), NOTHING);
    let mut verification = Verification::new(found, 5, Verdicts::new(), NOTHING);
    let asked = run(&mut verification, |_| Some(Standing::Answers));
    assert_eq!(asked, ["fine0", "fine00", "fine1", "fine10", "fine2"]);
}

#[test]
fn the_entries_that_changed_are_found_where_tables_share_their_shards() {
    let names: Vec<String> = (0..2_000).map(|n| format!("d{n}.example.com")).collect();
    let active = table(&names.iter().map(|name| (name.as_str(), "", "good1")).collect::<Vec<_>>());
    let retargeted = ["d7.example.com", "d1000.example.com"].map(|name| route(name, "", "good2"));
    let added = route("d9.example.com", "/v1", "good2");
    let is_gone = |route: &Route| retargeted.iter().any(|other| other.host() == route.host());
    let hosts = retargeted.iter().map(Route::host_ref);
    let next = active.with_replaced(hosts, is_gone, [retargeted.to_vec(), vec![added]].concat(), NOTHING);
    assert!((0..next.shards()).any(|at| next.shares(at, &active)));
    let found = changes(&active, &next, NOTHING);
    let found: Vec<_> = found.iter().map(|change| (change.next.host(), change.next.base())).collect();
    assert_eq!(found, [("d1000.example.com", ""), ("d7.example.com", ""), ("d9.example.com", "/v1")]);
}

#[test]
fn a_target_is_asked_once_for_each_domain_however_many_entries_lead_there() {
    let many = |api: &str| {
        let paths: Vec<String> = (0..9).map(|n| format!("/v{n}")).collect();
        let entries =
            ["a.example.com", "b.example.com"].map(|name| paths.iter().map(move |path| (name, path.as_str(), api)));
        table(&entries.into_iter().flatten().collect::<Vec<_>>())
    };
    let (held, asked) = verified(&many("good1"), &many("bad1"), Unverified::Accept);
    assert_eq!((held.len(), asked), (18, ["bad1", "good1", "bad1", "good1"].map(str::to_owned).to_vec()));
}

#[test]
fn a_held_entry_stands_in_the_part_and_line_of_the_new_mapping() {
    let active = table(&[("a.example.com", "", "good1")]);
    let next = MappingTable::new(vec![route("a.example.com", "", "bad1").at(7, 42)]);
    let held: Vec<_> = changes(&active, &next, NOTHING)
        .into_iter()
        .map(|change| HeldEntry { change, reason: Reason::Unverified })
        .collect();
    let mixed = with_held(&next, &held, NOTHING);
    let found = mixed.lookup("a.example.com", b"/").expect("an entry").route;
    assert_eq!((found.api_id(), found.part, found.line), ("good1", 7, 42));
}

#[test]
fn what_has_become_active_meanwhile_is_not_held() {
    let (active, next) = (table(&[("a.example.com", "", "good1")]), table(&[("a.example.com", "", "bad1")]));
    let change = changes(&active, &next, NOTHING).remove(0);
    let held = vec![HeldEntry { change, reason: Reason::Unverified }];
    assert_eq!(still_held(held.clone(), &active).len(), 1);
    assert_eq!(still_held(held, &next).len(), 0);
}

#[test]
fn verdicts_that_are_known_are_not_asked_for_again() {
    let (active, next) = (table(&[("a.example.com", "", "good1")]), table(&[("a.example.com", "", "bad1")]));
    let found = changes(&active, &next, NOTHING);
    let known = Verdicts::from([(Target::of(&found[0].next), verdict(Standing::DoesNotAnswer))]);
    let mut verification = Verification::new(found, 100, known, NOTHING);
    assert_eq!(run(&mut verification, world), ["good1"]);
    assert_eq!(verification.decide(Unverified::Accept).held.len(), 1);
}

#[test]
fn the_number_of_requests_is_bounded() {
    let names: Vec<String> = (0..9).map(|n| format!("n{n}.example.com")).collect();
    let of = |kind: &str| {
        let apis: Vec<String> = (0..9).map(|n| format!("{kind}{n}")).collect();
        table(&names.iter().zip(&apis).map(|(name, api)| (name.as_str(), "", api.as_str())).collect::<Vec<_>>())
    };
    let mut verification = Verification::new(changes(&of("good"), &of("fine"), NOTHING), 4, Verdicts::new(), NOTHING);
    assert_eq!(run(&mut verification, |_| Some(Standing::Answers)).len(), 4);
    let Decided { held, passed, accepted } = verification.decide(Unverified::Accept);
    assert_eq!((held.len(), passed, accepted), (0, 4, 5));
    let Decided { held, passed, accepted } = verification.decide(Unverified::Hold);
    assert_eq!((held.len(), passed, accepted), (5, 4, 0));
}

const HOSTS: [&str; 4] = ["a.example.com", "b.example.com", "*.example.com", "c.example.org"];
const BASES: [&str; 2] = ["", "/v1"];
const APIS: usize = 6;

/// The API of each host and base path, where there is one.
fn any_table() -> impl Strategy<Value = MappingTable> {
    let slots = prop::collection::vec(prop::option::weighted(0.7, 0..APIS), HOSTS.len() * BASES.len());
    slots.prop_map(|slots| {
        let entries = slots.iter().enumerate().filter_map(|(at, api)| {
            let (host, base) = (HOSTS[at / BASES.len()], BASES[at % BASES.len()]);
            api.map(|api| route(host, base, &format!("api{api}")))
        });
        MappingTable::new(entries.collect())
    })
}

fn any_standing() -> impl Strategy<Value = Option<Standing>> {
    prop_oneof![
        Just(Some(Standing::Answers)),
        Just(Some(Standing::Struggles)),
        Just(Some(Standing::DoesNotAnswer)),
        Just(None)
    ]
}

/// Where an entry leads requests for its own domain and this path.
fn led(route: &Route, path: &str) -> String {
    let rest = path.strip_prefix(route.base()).expect("a path that the entry answers for");
    format!("{}{}{rest}", route.api_host(), route.prefix())
}

/// Where a table leads a request for this host and path, if anywhere.
fn leads(table: &MappingTable, host: &str, path: &str) -> Option<String> {
    table.lookup(host, path.as_bytes()).ok().map(|found| led(found.route, path))
}

proptest! {
    #[test]
    fn no_verification_holds_what_answers_as_well_as_before(
        active in any_table(),
        next in any_table(),
        standings in prop::collection::vec(any_standing(), APIS),
        most in 0..12_usize,
        hold in any::<bool>(),
    ) {
        let standing = |api: &str| standings[api[3..].parse::<usize>().expect("a number")];
        let found = changes(&active, &next, NOTHING);
        let mut verification = Verification::new(found.clone(), most, Verdicts::new(), NOTHING);
        let asked = targets(&mut verification, standing);
        prop_assert!(asked.len() <= most);
        prop_assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len(), "asked twice");

        let unverified = if hold { Unverified::Hold } else { Unverified::Accept };
        let Decided { held, passed, accepted } = verification.decide(unverified);
        prop_assert_eq!(held.len() + passed + accepted, found.len());
        let is_known = |route: &Route| asked.iter().any(|(host, api)| host == route.host() && api == route.api_id());
        let known = |route: &Route| standing(route.api_id()).filter(|_| is_known(route));
        for Change { next, before } in &found {
            let is_held = held.iter().any(|held| by_domain(&held.change.next, next).is_eq());
            let want = match (known(next), known(before.route())) {
                (None, _) => hold,
                (Some(new), old) => new < old.unwrap_or(Standing::Answers),
            };
            prop_assert_eq!(is_held, want, "{:?} after {:?}", next, before);
        }

        let mixed = with_held(&next, &held, NOTHING);
        let by_name: HashMap<(&str, &str), &HeldEntry> =
            held.iter().map(|held| ((held.change.next.host(), held.change.next.base()), held)).collect();
        for route in next.routes() {
            let here = mixed.routes_named(route.host_ref()).iter().find(|other| by_domain(other, route).is_eq());
            match by_name.get(&(route.host(), route.base())).map(|held| &held.change.before) {
                None => prop_assert!(here.is_some_and(|here| here.says_the_same(route))),
                Some(Before::Entry(old)) => prop_assert!(here.is_some_and(|here| has_same_target(here, old))),
                Some(Before::Wider(wider)) => {
                    prop_assert!(here.is_none_or(|here| led(here, route.base()) == led(wider, route.base())));
                }
            }
        }
        for HeldEntry { change: Change { next, .. }, .. } in &held {
            for below in ["/", "/x/y"] {
                let path = format!("{}{below}", next.base());
                prop_assert_eq!(leads(&mixed, next.host(), &path), leads(&active, next.host(), &path), "{:?}", next);
            }
        }
        prop_assert!(mixed.len() <= next.len(), "nothing comes back that the new mapping does not have");
    }
}
