//! Which zones and records there are, and what is said of them.

use super::super::options::Options;
use super::super::warning::{About, Warning};
use super::super::zones::ZoneMode::{self, PerName, PerParent};
use super::super::zones::Zones;
use super::{planned, table, zoning};

/// Zones as `zone: record record; ...`.
#[track_caller]
fn zones(mode: ZoneMode, own: &[&str], domains: &[&str], want: &[(&str, &[&str])]) {
    let found = Zones::of(&table(domains), &zoning(mode, own)).zones;
    let found: Vec<(_, Vec<_>)> =
        found.iter().map(|(name, zone)| (&**name, zone.records.iter().map(String::as_str).collect())).collect();
    let want: Vec<(_, Vec<_>)> = want.iter().map(|(name, records)| (*name, records.to_vec())).collect();
    assert_eq!(found, want, "{domains:?}");
}

fn warnings(mode: ZoneMode, own: &[&str], domains: &[&str]) -> Vec<Warning> {
    Zones::of(&table(domains), &zoning(mode, own)).warnings()
}

#[track_caller]
fn warns(mode: ZoneMode, own: &[&str], domains: &[&str], name: &str, what: &str, help: &str) {
    let warnings = warnings(mode, own, domains);
    let [warning] = &warnings[..] else { panic!("{domains:?}: {warnings:#?}") };
    assert_eq!(warning.name, name);
    assert!(warning.what.contains(what) && warning.help.contains(help), "{warning:#?}");
}

#[test]
fn domains_with_one_parent_share_its_zone() {
    let domains = ["a.in.example.com", "b.in.example.com", "*.in.example.com"];
    zones(PerParent, &[], &domains, &[("in.example.com", &["*.in.example.com"])]);
    assert_eq!(warnings(PerParent, &[], &domains), []);
}

#[test]
fn by_name_each_domain_has_a_zone_and_a_wildcard_that_of_its_parent() {
    zones(
        PerName,
        &[],
        &["a.in.example.com", "b.in.example.com", "*.team.example.com"],
        &[
            ("a.in.example.com", &["a.in.example.com"]),
            ("b.in.example.com", &["b.in.example.com"]),
            ("team.example.com", &["*.team.example.com"]),
        ],
    );
}

#[test]
fn a_registrable_domain_gets_no_zone_for_names_under_it() {
    zones(PerParent, &[], &["pay.example.com"], &[("pay.example.com", &["pay.example.com"])]);
    zones(PerParent, &[], &["pay.example.co.uk"], &[("pay.example.co.uk", &["pay.example.co.uk"])]);
    zones(PerParent, &[], &["pay.orders.corp"], &[("pay.orders.corp", &["pay.orders.corp"])]);
    let what = "pay.example.com gets a hosted zone of its own: a private hosted zone example.com would hide every";
    warns(PerParent, &[], &["pay.example.com"], "example.com", what, "`--own example.com`");
    let many = ["a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com"];
    let what = "a.example.com, b.example.com, c.example.com and 2 more get hosted zones of their own: ";
    warns(PerParent, &[], &many, "example.com", what, "`--own example.com`");
    assert_eq!(warnings(PerName, &[], &many), [], "that is what was asked for");
}

#[test]
fn whoever_owns_all_names_may_have_the_zone_after_all() {
    let domains = ["pay.example.com", "shop.example.com"];
    zones(PerParent, &["example.com"], &domains, &[("example.com", &["*.example.com"])]);
    zones(PerParent, &["example.com"], &["pay.notexample.com"], &[("pay.notexample.com", &["pay.notexample.com"])]);
    assert_eq!(warnings(PerParent, &["example.com"], &domains), []);
}

#[test]
fn a_wildcard_and_an_apex_of_a_registrable_domain_need_its_zone_whatever_it_hides() {
    for mode in [PerParent, PerName] {
        zones(mode, &[], &["*.example.com"], &[("example.com", &["*.example.com"])]);
        zones(mode, &[], &["example.com"], &[("example.com", &["example.com"])]);
        let what = "`*.example.com` needs the private hosted zone example.com, which hides every other name";
        warns(mode, &[], &["*.example.com"], "example.com", what, "`--own example.com`");
        let what = "`example.com` needs the private hosted zone example.com, which hides every other name";
        warns(mode, &[], &["example.com"], "example.com", what, "`--own example.com`");
        assert_eq!(warnings(mode, &["example.com"], &["*.example.com", "example.com"]), []);
    }
}

#[test]
fn a_single_label_is_no_zone() {
    zones(PerParent, &[], &["orders.internal"], &[("orders.internal", &["orders.internal"])]);
}

/// Route 53 asks the most specific zone alone: `team.in.example.com` is not found by the wildcard above.
#[test]
fn a_zone_under_a_zone_answers_for_its_own_name() {
    zones(
        PerParent,
        &[],
        &["team.in.example.com", "a.team.in.example.com"],
        &[
            ("in.example.com", &["*.in.example.com"]),
            ("team.in.example.com", &["*.team.in.example.com", "team.in.example.com"]),
        ],
    );
    zones(
        PerName,
        &[],
        &["*.in.example.com", "*.team.in.example.com"],
        &[
            ("in.example.com", &["*.in.example.com"]),
            ("team.in.example.com", &["*.team.in.example.com", "team.in.example.com"]),
        ],
    );
    zones(
        PerParent,
        &["example.com"],
        &["pay.example.com", "*.pay.example.com"],
        &[("example.com", &["*.example.com"]), ("pay.example.com", &["*.pay.example.com", "pay.example.com"])],
    );
}

#[test]
fn a_zone_between_which_none_is_planned_needs_no_more() {
    zones(
        PerParent,
        &[],
        &["a.in.example.com", "a.b.team.in.example.com"],
        &[("b.team.in.example.com", &["*.b.team.in.example.com"]), ("in.example.com", &["*.in.example.com"])],
    );
}

#[test]
fn a_zone_of_awss_is_warned_of() {
    let what = "the private hosted zone api.eu-west-1.amazonaws.com is under a domain of AWS's";
    warns(PerParent, &[], &["a.api.eu-west-1.amazonaws.com"], "api.eu-west-1.amazonaws.com", what, "a domain you have");
    let what = "the private hosted zone eu-west-1.compute.internal is under a domain of AWS's";
    warns(PerParent, &[], &["a.eu-west-1.compute.internal"], "eu-west-1.compute.internal", what, "a domain you have");
    for zone in ["vpce.us-east-1.api.aws", "lambda-url.eu-west-1.on.aws"] {
        let what = format!("the private hosted zone {zone} is under a domain of AWS's");
        warns(PerParent, &[], &[&format!("*.{zone}")], zone, &what, "a domain you have");
    }
}

#[test]
fn a_zone_that_is_planned_all_the_same_is_warned_of_once() {
    for mode in [PerParent, PerName] {
        let found = warnings(mode, &[], &["*.example.com", "pay.example.com"]);
        let [hiding] = &found[..] else { panic!("{found:#?}") };
        assert!(hiding.what.starts_with("`*.example.com` needs the private hosted zone example.com"), "{hiding:?}");
    }
}

#[test]
fn an_own_that_is_no_registrable_domain_is_not_needed() {
    let what = "`--own in.example.com` changes nothing: it is no registrable domain, and a zone of that name needs no";
    let help = "such as `example.com`";
    warns(PerParent, &["in.example.com"], &["a.in.example.com"], "--own in.example.com", what, help);
}

#[test]
fn an_own_that_changes_nothing_is_said() {
    let what = "`--own exmaple.com` changes nothing";
    warns(PerParent, &["exmaple.com"], &["a.in.example.com"], "--own exmaple.com", what, "check its spelling");
    warns(PerName, &["example.com"], &["a.example.com"], "--own example.com", "changes nothing", "check");
}

#[test]
fn warnings_of_a_plan_are_in_order() {
    let options = Options { zoning: zoning(PerParent, &["x.test"]), ..Options::default() };
    let plan = planned(&["*.b.com", "a.a.com", "example.com"], &options, None);
    let names: Vec<_> = plan.warnings.iter().map(|warning| (warning.about, &*warning.name)).collect();
    let zone = About::HostedZone;
    assert_eq!(names, [(zone, "a.com"), (zone, "b.com"), (zone, "example.com"), (About::Option, "--own x.test")]);
}
