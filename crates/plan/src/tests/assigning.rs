//! Which names share a certificate, and what a previous plan keeps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::certificate::Certificate;
use super::super::certificates;
use super::super::certificates::{Assigned, ByZone, Room, TooMany, sorted_out};
use super::super::options::{Elb, Options};
use super::super::resources::Plan;
use super::super::spread::{Need, spread};
use super::super::state::{State, StateOptions};
use super::super::warning::About;
use super::super::zones::ZoneMode;
use super::{planned, state_of};

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// `n1.example.com` and so on, in this zone.
fn many(zone: &str, count: usize) -> (String, BTreeSet<String>) {
    (zone.to_owned(), (0..count).map(|n| format!("*.n{n:03}.{zone}")).collect())
}

fn room(names: usize, certificates: usize) -> Room {
    Room { names, certificates }
}

fn state(certificates: &[Certificate], default: Option<&str>) -> State {
    let options = StateOptions {
        zones: ZoneMode::PerParent,
        elb: Elb::Network,
        own: BTreeSet::new(),
        validation_zones: BTreeSet::new(),
    };
    State { options, certificates: certificates.to_vec(), default_certificate: default.map(Into::into) }
}

fn certificate(id: &str, names: &[&str], zone: &str) -> Certificate {
    Certificate {
        id: id.into(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        validation_zone: zone.into(),
    }
}

/// Where the zones are those that were given.
fn assign(needed: &ByZone, room: Room, state: Option<&State>, repack: bool) -> Result<Assigned, TooMany> {
    certificates::assign(needed, &needed.keys().cloned().collect(), room, state, repack)
}

fn names(assigned: &Assigned) -> Vec<Vec<&str>> {
    assigned.certificates.iter().map(|one| one.names.iter().map(String::as_str).collect()).collect()
}

fn hosts(parents: usize) -> Vec<String> {
    (0..parents).map(|n| format!("api.p{n:03}.example.com")).collect()
}

#[test]
fn names_are_validated_in_their_registrable_domain_or_the_longest_zone_given() {
    let names = set(&["*.a.example.com", "*.team.b.example.com", "example.org", "*.x.co.uk"]);
    let zones = |given: &[&str]| {
        let (by_zone, imported) = sorted_out(&names, &set(given));
        assert!(imported.is_empty());
        by_zone.into_iter().map(|(zone, names)| (zone, names.len())).collect::<Vec<_>>()
    };
    let zone = |name: &str, count| (name.to_owned(), count);
    assert_eq!(zones(&[]), [zone("example.com", 2), zone("example.org", 1), zone("x.co.uk", 1)]);
    let given = ["b.example.com", "example.com", "team.b.example.com", "ple.org", "deep.a.example.com"];
    let want = [zone("example.com", 1), zone("example.org", 1), zone("team.b.example.com", 1), zone("x.co.uk", 1)];
    assert_eq!(zones(&given), want);
}

#[test]
fn names_without_a_public_suffix_are_imported() {
    let names = set(&["*.orders.corp", "db.internal", "x.local", "*.in.example.com"]);
    let (by_zone, imported) = sorted_out(&names, &BTreeSet::new());
    assert_eq!(imported, set(&["*.orders.corp", "db.internal", "x.local"]));
    assert_eq!(by_zone.into_keys().collect::<Vec<_>>(), ["example.com"]);
}

#[test]
fn while_there_is_room_each_name_has_a_certificate_of_its_own() {
    let plan = planned(&hosts(25), &Options::default(), None);
    assert_eq!(plan.certificates.len(), 25);
    assert!(plan.certificates.iter().all(|certificate| certificate.names.len() == 1));
    assert_eq!(plan.default_certificate.as_ref(), Some(&plan.certificates[0].id));
}

#[test]
fn beyond_that_they_are_packed_in_order_by_zone() {
    let plan = planned(&hosts(26), &Options::default(), None);
    let sizes: Vec<_> = plan.certificates.iter().map(|certificate| certificate.names.len()).collect();
    assert_eq!(sizes, [10, 10, 6]);
    assert_eq!(plan.certificates[1].names[0], "*.p010.example.com");
    let needed = ByZone::from([many("example.com", 5), many("example.org", 4)]);
    let assigned = assign(&needed, room(3, 4), None, false).expect("room");
    let sizes: Vec<_> = assigned.certificates.iter().map(|one| (one.names.len(), &*one.validation_zone)).collect();
    assert_eq!(sizes, [(3, "example.com"), (3, "example.org"), (2, "example.com"), (1, "example.org")]);
}

#[test]
fn an_application_load_balancer_has_one_more() {
    let options = Options { elb: Elb::Application, ..Options::default() };
    let plan = planned(&hosts(26), &options, None);
    assert_eq!((plan.certificates.len(), plan.used.certificate_slots), (26, 26));
}

#[test]
fn imported_names_take_a_slot_each() {
    let mut domains = hosts(24);
    domains.extend(["a.x.corp".to_owned(), "a.y.x.corp".to_owned()]);
    assert_eq!(planned(&domains, &Options::default(), None).certificates.len(), 3);
    domains.pop();
    assert_eq!(planned(&domains, &Options::default(), None).certificates.len(), 24);
}

#[test]
fn kept_certificates_stay_as_they_are_and_new_names_get_their_own() {
    let before = planned(&hosts(26), &Options::default(), None);
    let after = planned(&hosts(28), &Options::default(), Some(&state_of(&before)));
    assert!(before.certificates.iter().all(|certificate| after.certificates.contains(certificate)));
    assert_eq!(after.certificates.len(), 5);
    assert_eq!(after.default_certificate, before.default_certificate);
    assert_eq!(after.warnings, before.warnings);
}

#[test]
fn new_names_share_certificates_when_slots_run_short() {
    let kept = certificate("c-1", &["*.a.example.com"], "example.com");
    let mut needed = ByZone::from([many("example.com", 5)]);
    needed.entry("example.com".into()).or_default().insert("*.a.example.com".into());
    let assigned = assign(&needed, room(3, 3), Some(&state(std::slice::from_ref(&kept), None)), false).expect("room");
    assert!(assigned.certificates.contains(&kept));
    assert_eq!((assigned.certificates.len(), assigned.warnings.len()), (3, 0));
}

#[test]
fn without_a_slot_the_fewest_certificates_are_replaced_and_it_is_said() {
    let kept = [
        certificate("c-1", &["*.a.example.com", "*.b.example.com"], "example.com"),
        certificate("c-2", &["*.c.example.com"], "example.com"),
        certificate("c-3", &["*.d.example.org"], "example.org"),
    ];
    let needed = ByZone::from([
        ("example.com".to_owned(), set(&["*.a.example.com", "*.b.example.com", "*.c.example.com", "*.e.example.com"])),
        ("example.org".to_owned(), set(&["*.d.example.org"])),
    ]);
    let assigned = assign(&needed, room(3, 3), Some(&state(&kept, Some("c-3"))), false).expect("room");
    assert!(assigned.certificates.contains(&kept[0]) && assigned.certificates.contains(&kept[2]));
    assert_eq!(names(&assigned)[1], ["*.c.example.com", "*.e.example.com"]);
    assert_eq!(assigned.default.as_deref(), Some("c-3"));
    let [warning] = &assigned.warnings[..] else { panic!("{:?}", assigned.warnings) };
    let new = &assigned.certificates[1].id;
    assert!(new != "c-2" && warning.what.contains(&format!("certificate c-2 is replaced by {new}")), "{warning:?}");
}

#[test]
fn names_no_longer_used_stay_until_the_certificate_goes_or_is_repacked() {
    let kept = [
        certificate("c-1", &["*.a.example.com", "*.b.example.com"], "example.com"),
        certificate("c-2", &["*.gone.example.com"], "example.com"),
    ];
    let needed = ByZone::from([("example.com".to_owned(), set(&["*.b.example.com"]))]);
    let before = state(&kept, Some("c-2"));
    let assigned = assign(&needed, room(10, 25), Some(&before), false).expect("room");
    assert_eq!(assigned.certificates, kept[..1]);
    assert_eq!(assigned.default.as_deref(), Some("c-1"), "the one there was is gone");
    let [warning, default, gone] = &assigned.warnings[..] else { panic!("{:?}", assigned.warnings) };
    assert_eq!((warning.about, &*warning.name), (About::Certificate, "c-1"));
    assert!(default.what.contains("it was c-2, and now it is c-1"), "{default:?}");
    assert!(gone.what.starts_with("certificate c-2 goes: "), "{gone:?}");
    assert!(
        warning.what.contains("no domain uses: *.a.example.com") && warning.help.contains("--repack"),
        "{warning:?}"
    );
    let anew = assign(&needed, room(10, 25), Some(&before), true).expect("room");
    assert_eq!(names(&anew), [["*.b.example.com"]]);
    let [default] = &anew.warnings[..] else { panic!("{:?}", anew.warnings) };
    assert!(default.what.contains("it was c-2, and now it is c-"), "{default:?}");
}

#[test]
fn a_certificate_that_is_extended_loses_what_nobody_uses() {
    let kept = certificate("c-1", &["*.a.example.com", "*.b.example.com"], "example.com");
    let needed = ByZone::from([("example.com".to_owned(), set(&["*.b.example.com", "*.c.example.com"]))]);
    let assigned = assign(&needed, room(2, 1), Some(&state(&[kept], None)), false).expect("room");
    assert_eq!(names(&assigned), [["*.b.example.com", "*.c.example.com"]]);
}

#[test]
fn zones_that_part_a_certificate_replace_it() {
    let kept = certificate("c-1", &["*.a.example.com", "*.t.team.example.com"], "example.com");
    let needed = ByZone::from([
        ("example.com".to_owned(), set(&["*.a.example.com"])),
        ("team.example.com".to_owned(), set(&["*.t.team.example.com"])),
    ]);
    let assigned = assign(&needed, room(10, 25), Some(&state(std::slice::from_ref(&kept), None)), false).expect("room");
    assert_eq!(names(&assigned), [["*.a.example.com"], ["*.t.team.example.com"]]);
    assert!(assigned.warnings[0].what.contains("validated in example.com and in team.example.com"));
    // Names that nobody uses are validated for each renewal, too.
    let needed = ByZone::from([("team.example.com".to_owned(), set(&["*.t.team.example.com"]))]);
    let assigned = assign(&needed, room(10, 25), Some(&state(&[kept], None)), false).expect("room");
    assert_eq!(names(&assigned), [["*.t.team.example.com"]]);
}

#[test]
fn another_zone_for_all_names_is_another_place_for_the_records_of_the_same_certificate() {
    let kept = certificate("c-1", &["*.a.team.example.com", "*.b.team.example.com"], "example.com");
    let needed = ByZone::from([("team.example.com".to_owned(), set(&["*.a.team.example.com"]))]);
    let assigned = assign(&needed, room(10, 25), Some(&state(std::slice::from_ref(&kept), None)), false).expect("room");
    assert_eq!(assigned.certificates, [Certificate { validation_zone: "team.example.com".into(), ..kept }]);
}

#[test]
fn a_kept_certificate_keeps_the_order_of_its_names_and_no_id_is_given_twice() {
    let fresh = assign(&ByZone::from([many("example.com", 1)]), room(10, 25), None, false).expect("room");
    let [Certificate { id, names: first, .. }] = &fresh.certificates[..] else { panic!("{fresh:?}") };
    // Its id is taken by a certificate with other names.
    let kept = certificate(id, &["*.z.example.com", "*.a.example.com"], "example.com");
    let mut needed = ByZone::from([("example.com".to_owned(), set(&["*.z.example.com", "*.a.example.com"]))]);
    needed.entry("example.com".into()).or_default().insert(first[0].clone());
    let assigned = assign(&needed, room(10, 25), Some(&state(std::slice::from_ref(&kept), None)), false).expect("room");
    assert!(assigned.certificates.contains(&kept));
    assert_eq!(assigned.certificates.iter().map(|one| &one.id).collect::<BTreeSet<_>>().len(), 2);
}

#[test]
fn what_does_not_fit_says_how_many_it_takes() {
    let needed = ByZone::from([many("example.com", 11), many("example.org", 1)]);
    assert_eq!(assign(&needed, room(5, 3), None, false), Err(TooMany { needed: 4, anew: 4 }));
    let kept = [
        certificate("c-1", &["*.n000.example.com"], "example.com"),
        certificate("c-2", &["*.n001.example.com"], "example.com"),
        certificate("c-3", &["*.n000.example.org"], "example.org"),
    ];
    let needed = ByZone::from([many("example.com", 11), many("example.org", 1)]);
    assert_eq!(assign(&needed, room(5, 3), Some(&state(&kept, None)), false), Err(TooMany { needed: 4, anew: 4 }));
    assert_eq!(assign(&needed, room(10, 2), Some(&state(&kept, None)), false), Err(TooMany { needed: 3, anew: 3 }));
    let needed = ByZone::from([many("example.com", 2), many("example.org", 1)]);
    assert_eq!(assign(&needed, room(5, 2), Some(&state(&kept, None)), false), Err(TooMany { needed: 3, anew: 2 }));
    assert!(assign(&needed, room(5, 2), Some(&state(&kept, None)), true).is_ok());
}

#[test]
fn a_name_too_long_to_be_the_first_stands_behind_a_shorter_one() {
    let long = format!("*.a.{}.example.com", "long".repeat(14));
    let needed = ByZone::from([("example.com".to_owned(), set(&[&long, "*.b.example.com", "*.c.example.com"]))]);
    let assigned = assign(&needed, room(3, 1), None, false).expect("room");
    assert_eq!(names(&assigned), [["*.b.example.com", &long, "*.c.example.com"]]);
    assert_eq!((assigned.warnings, assigned.too_long), (vec![], ByZone::new()));
    let assigned = assign(&needed, room(3, 3), None, false).expect("room");
    assert_eq!(names(&assigned), [vec!["*.b.example.com", &long], vec!["*.c.example.com"]]);
    let fits = format!("*.{}.example.com", "l".repeat(50));
    let needed = ByZone::from([("example.com".to_owned(), set(&[&fits]))]);
    let assigned = assign(&needed, room(3, 3), None, false).expect("room");
    assert_eq!((fits.len(), assigned.warnings, assigned.too_long), (64, vec![], ByZone::new()));
}

/// A long name, `*.{label}.long...example.com`.
fn long(label: &str) -> String {
    format!("*.{label}.{}.example.com", "long".repeat(14))
}

#[test]
fn of_many_long_names_each_group_has_a_shorter_one() {
    let mut of_zone = set(&["*.y.example.com", "*.z.example.com"]);
    of_zone.extend(["a", "b", "c"].map(long));
    let needed = ByZone::from([("example.com".to_owned(), of_zone)]);
    let assigned = assign(&needed, room(4, 2), None, false).expect("room");
    assert_eq!((assigned.certificates.len(), assigned.too_long), (2, ByZone::new()));
}

#[test]
fn a_long_name_that_comes_alone_makes_another_certificate_of_a_kept_one() {
    let kept = [
        certificate("c-1", &["*.a.example.com"], "example.com"),
        certificate("c-2", &["*.b.example.com"], "example.com"),
    ];
    let long = long("a");
    let needed = ByZone::from([("example.com".to_owned(), set(&["*.a.example.com", "*.b.example.com", &long]))]);
    let assigned = assign(&needed, room(3, 9), Some(&state(&kept, Some("c-1"))), false).expect("room");
    assert_eq!(names(&assigned), [vec!["*.a.example.com"], vec!["*.b.example.com", &long]]);
    assert!(assigned.warnings[0].what.contains("c-2 is replaced by"), "{:?}", assigned.warnings);
}

#[test]
fn a_long_name_with_no_shorter_one_of_its_zone_has_no_certificate() {
    let long = long("a");
    let needed = ByZone::from([("example.com".to_owned(), set(&[&long])), many("example.org", 1)]);
    let mut assigned = assign(&needed, room(3, 9), None, false).expect("room");
    let want = ByZone::from([("example.com".to_owned(), set(&[&long]))]);
    assert_eq!(assigned.too_long, want);
    // Nor is one kept: it was never made.
    assigned.certificates.retain(|certificate| certificate.names == [&*long]);
    let before = state(&assigned.certificates, None);
    let mut needed = needed;
    needed.entry("example.com".into()).or_default().insert("*.z.example.com".into());
    let assigned = assign(&needed, room(3, 9), Some(&before), false).expect("room");
    assert_eq!((&names(&assigned)[1], &assigned.too_long), (&vec!["*.z.example.com", &*long], &ByZone::new()));
}

#[test]
fn the_default_certificate_is_extended_only_where_others_will_not_do() {
    let kept = [
        certificate("c-1", &["*.a.example.com"], "example.com"),
        certificate("c-2", &["*.b.example.com", "*.c.example.com"], "example.com"),
    ];
    let all = |more: &[&str]| {
        let mut all = set(&["*.a.example.com", "*.b.example.com", "*.c.example.com"]);
        all.extend(set(more));
        ByZone::from([("example.com".to_owned(), all)])
    };
    let before = state(&kept, Some("c-1"));
    let assigned = assign(&all(&["*.d.example.com"]), room(3, 2), Some(&before), false).expect("room");
    assert!(assigned.certificates.contains(&kept[0]), "{assigned:?}");
    assert_eq!((assigned.default.as_deref(), assigned.warnings.len()), (Some("c-1"), 1));
    // The one with its names takes its place.
    let assigned = assign(&all(&["*.d.example.com", "*.e.example.com"]), room(3, 2), Some(&before), false);
    let assigned = assigned.expect("room");
    let successor = assigned.certificates.iter().find(|one| one.names[0] == "*.a.example.com").expect("one");
    assert_eq!(assigned.default.as_ref(), Some(&successor.id));
    let told = format!("it was c-1, and now it is {}", successor.id);
    assert!(assigned.warnings.iter().any(|warning| warning.what.contains(&told)), "{:?}", assigned.warnings);
}

#[test]
fn certificates_that_go_are_told_once() {
    let kept: Vec<_> =
        (1..=5).map(|n| certificate(&format!("c-{n}"), &[&*format!("*.p{n}.example.com")], "example.com")).collect();
    let needed = ByZone::from([("example.com".to_owned(), set(&["*.p5.example.com"]))]);
    let told = |needed: &ByZone| {
        let assigned = assign(needed, room(10, 25), Some(&state(&kept, Some("c-5"))), false).expect("room");
        assigned.warnings.into_iter().map(|warning| warning.what).collect::<Vec<_>>()
    };
    let go = "certificates c-1, c-2, c-3 and 1 more go: no domain has a name in use there any more";
    assert_eq!(told(&needed), [go]);
    let other = told(&ByZone::from([many("example.org", 1)]));
    let go = "certificates c-1, c-2, c-3 and 2 more go: no domain has a name in use there any more; none of the \
              previous plan stays as it is";
    assert_eq!(other.len(), 2);
    assert!(other.iter().any(|what| what == go), "{other:?}");
    assert!(other.iter().any(|what| what.starts_with("the listener's default certificate is another one: it was c-5")));
}

fn by_names(plan: &Plan) -> BTreeMap<&Vec<String>, &String> {
    plan.certificates.iter().map(|certificate| (&certificate.names, &certificate.id)).collect()
}

proptest! {
    /// A history of mappings, each planned on the plan before.
    #[test]
    fn through_every_history_each_name_has_one_certificate_and_little_is_replaced(
        history in prop::collection::vec(prop::collection::btree_set(0..40_usize, 1..40), 1..6),
        slots in 2..30_usize, most in 2..12_usize,
    ) {
        let host = |n: &usize| format!("api.p{n}.{}", if n.is_multiple_of(3) { "example.org" } else { "example.com" });
        let mut options = Options::default();
        options.quotas.certificates_per_listener = slots;
        options.quotas.names_per_certificate = most;
        let mut before: Option<Plan> = None;
        for parents in history {
            let domains: Vec<_> = parents.iter().map(host).collect();
            let state = before.as_ref().map(state_of);
            let table = super::table(&domains);
            let Ok(plan) = super::super::resources::plan(&table, super::VERSION, &options, state.as_ref()) else { continue };
            prop_assert!(plan.certificates.len() <= slots);
            let all: Vec<_> = plan.certificates.iter().flat_map(|certificate| &certificate.names).collect();
            let distinct: BTreeSet<_> = all.iter().collect();
            prop_assert_eq!(distinct.len(), all.len());
            for domain in &domains {
                let name = format!("*.{}", domain.split_once('.').expect("a parent").1);
                prop_assert!(all.contains(&&name), "{}", name);
            }
            for Certificate { names, validation_zone, .. } in &plan.certificates {
                prop_assert!(names.len() <= most && names.iter().all(|name| name.ends_with(&**validation_zone)));
            }
            prop_assert_eq!(plan.certificates.iter().map(|one| &one.id).collect::<BTreeSet<_>>().len(), plan.certificates.len());
            let default = plan.default_certificate.as_ref();
            prop_assert!(plan.certificates.iter().any(|certificate| Some(&certificate.id) == default));
            if let Some(before) = &before {
                let after = by_names(&plan);
                for (names, id) in by_names(before) {
                    // The same names, the same id; and what is replaced is told.
                    prop_assert!(after.get(names).is_none_or(|now| *now == id));
                    let used = names.iter().any(|name| domains.iter().any(|domain| domain.ends_with(&name[1..])));
                    let told = plan.warnings.iter().any(|warning| warning.name == *id && warning.what.contains("replaced"));
                    prop_assert_eq!(used && !after.contains_key(names), told, "{}", id);
                }
                let kept = before.default_certificate.as_ref().filter(|id| after.values().any(|now| now == id));
                prop_assert!(kept.is_none_or(|kept| Some(kept) == default));
            }
            before = Some(plan);
        }
    }

    /// Against every way to hand out the new certificates.
    #[test]
    fn the_fewest_certificates_are_extended(
        drawn in prop::collection::vec((0..12_usize, prop::collection::vec(0..4_usize, 0..4)), 1..4),
        most in 1..5_usize, free in 0..6_usize,
    ) {
        let need = |(names, spare): &(usize, Vec<usize>)| {
            let mut spare: Vec<_> = spare.iter().map(|spare| (*spare, String::new())).collect();
            spare.sort_by(|a, b| b.cmp(a));
            Need { names: *names, spare, precious: None }
        };
        let needs: Vec<_> = drawn.iter().map(need).collect();
        let mut least: Option<usize> = None;
        for way in 0..7_usize.pow(needs.len() as u32) {
            let new: Vec<_> = (0..needs.len()).map(|at| way / 7_usize.pow(at as u32) % 7).collect();
            let extended = needs.iter().zip(&new).map(|(need, new)| {
                let mut left = need.names.saturating_sub(new * most);
                let more = need.spare.iter().take_while(|(spare, _)| {
                    let needed = left > 0 && *spare > 0;
                    left = left.saturating_sub(*spare);
                    needed
                });
                let count = more.count();
                (left == 0).then_some(count)
            });
            let extended: Option<usize> = extended.sum();
            if let Some(count) = extended.filter(|_| new.iter().sum::<usize>() <= free) {
                least = Some(least.map_or(count, |least| least.min(count)));
            }
        }
        let found = spread(&needs, most, free);
        prop_assert_eq!(found.as_ref().ok().map(|found| found.extended.iter().map(Vec::len).sum::<usize>()), least);
        if let Ok(found) = found {
            prop_assert!(found.new.iter().sum::<usize>() <= free);
        }
    }
}
