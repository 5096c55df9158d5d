//! What is said of a plan that AWS's quotas do not allow; and of a previous plan that is none.

use super::super::fault::PlanFault;
use super::super::options::Options;
use super::super::quotas::{OverQuota, Quota, Quotas};
use super::super::resources::plan;
use super::super::state::State;
use super::super::zones::ZoneMode;
use super::{VERSION, planned, state_of, table, zoning};

#[track_caller]
fn faults(domains: &[String], options: &Options, state: Option<&State>) -> Vec<OverQuota> {
    let faults = plan(&table(domains), VERSION, options, state).expect_err("over a quota");
    let quota = |fault| if let PlanFault::OverQuota(fault) = fault { fault } else { panic!("{fault}") };
    faults.into_iter().map(quota).collect()
}

fn parents(count: usize, domain: &str) -> Vec<String> {
    (0..count).map(|n| format!("api.p{n:05}.{domain}")).collect()
}

#[track_caller]
fn says(fault: &OverQuota, quota: Quota, needed: usize, allowed: usize, words: &[&str]) {
    assert_eq!((fault.quota, fault.needed, fault.allowed), (quota, needed, allowed), "{fault}");
    let text = fault.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{words:?} are not in\n{text}");
}

#[test]
fn ten_thousand_domains_under_two_hundred_parents_fit() {
    let domains: Vec<_> = (0..10_000).map(|n| format!("api{n}.p{:03}.example.com", n % 200)).collect();
    let used = planned(&domains, &Options::default(), None).used;
    assert_eq!((used.hosted_zones, used.records, used.most_records_in_a_zone), (200, 200, 1));
    assert_eq!((used.certificates, used.certificate_slots), (20, 25));
}

#[test]
fn every_quota_that_is_not_kept_is_said_at_once() {
    let mut domains = parents(501, "in.example.com");
    domains.push("a.x.y.example.com".into());
    domains.push("x.y.example.com".into());
    let mut options = Options::default();
    options.quotas.records_per_zone = 1;
    let found = faults(&domains, &options, None);
    let [zones, records, certificates] = &found[..] else { panic!("{found:#?}") };
    let words = ["error: the mapping needs 503 private hosted zones; the quota `hosted-zones` allows 500"];
    says(zones, Quota::HostedZones, 503, 500, &words);
    says(zones, Quota::HostedZones, 503, 500, &["directly under in.example.com: 501 of them", "fewer parents"]);
    says(records, Quota::RecordsPerZone, 2, 1, &["the hosted zone x.y.example.com has the most"]);
    let words = [
        "names validated in example.com: 503, up to 10 in",
        "names-per-certificate=21`",
        "=51`",
        "Certificates per Network Load Balancer",
    ];
    says(certificates, Quota::CertificatesPerListener, 51, 25, &words);
}

#[test]
fn by_name_the_way_out_is_by_parent() {
    let domains: Vec<_> = (0..501).map(|n| format!("api{n}.in.example.com")).collect();
    let options = Options { zoning: zoning(ZoneMode::PerName, &[]), ..Options::default() };
    says(
        &faults(&domains, &options, None)[0],
        Quota::HostedZones,
        501,
        500,
        &["`--zones per-parent`", "share a zone: it needs 1; or", "hosted-zones=501"],
    );
    assert_eq!(planned(&domains, &Options::default(), None).used.hosted_zones, 1);
}

#[test]
fn where_by_parent_are_as_many_zones_it_is_no_way_out() {
    let domains: Vec<_> = (0..501).map(|n| format!("api{n}.example.com")).collect();
    let options = Options { zoning: zoning(ZoneMode::PerName, &[]), ..Options::default() };
    let fault = &faults(&domains, &options, None)[0];
    assert!(fault.help.starts_with("have `Hosted zones` of Route 53 raised"), "{fault}");
}

#[test]
fn under_a_registrable_domain_fewer_parents_are_no_way_out() {
    let domains: Vec<_> = (0..501).map(|n| format!("api{n}.example.com")).chain(["a.in.example.org".into()]).collect();
    let fault = &faults(&domains, &Options::default(), None)[0];
    let words = [
        "directly under example.com: 501 of them",
        "`orders.internal.example.com`",
        "`--own example.com`: it needs 2;",
    ];
    says(fault, Quota::HostedZones, 502, 500, &words);
    assert!(!fault.help.contains("fewer parents"), "{fault}");
    let options = Options { zoning: zoning(ZoneMode::PerParent, &["example.com"]), ..Options::default() };
    assert_eq!(planned(&domains, &options, None).used.hosted_zones, 2);
}

#[test]
fn a_raised_quota_makes_room() {
    let quotas = Quotas { certificates_per_listener: 51, hosted_zones: 501, ..Quotas::default() };
    let used = planned(&parents(501, "example.com"), &Options { quotas, ..Options::default() }, None).used;
    assert_eq!((used.hosted_zones, used.certificates), (501, 51));
}

#[test]
fn zones_that_share_no_certificate_and_imported_ones_are_told() {
    let mut domains: Vec<_> = (0..25).map(|n| format!("api.in.example{n}.com")).collect();
    domains.extend(parents(1, "in.corp"));
    let found = faults(&domains, &Options::default(), None);
    let words = ["with another: 25;", "imported names, a certificate each: 1"];
    says(&found[0], Quota::CertificatesPerListener, 26, 25, &words);
    let found = faults(&parents(26, "in.corp"), &Options::default(), None);
    says(&found[0], Quota::CertificatesPerListener, 26, 25, &["26 imported certificates", "each name that ACM cannot"]);
}

/// One certificate may have all of their names.
#[test]
fn imported_names_take_as_many_certificates_as_are_said() {
    let domains = parents(27, "orders.corp");
    let fault = &faults(&domains, &Options::default(), None)[0];
    says(
        fault,
        Quota::CertificatesPerListener,
        27,
        25,
        &["say `--imported-certificates N`, if the imported names share"],
    );
    let options = Options { imported_certificates: Some(1), ..Options::default() };
    assert_eq!(planned(&domains, &options, None).import_names.len(), 27);
    let mut more = parents(24, "example.com");
    more.extend(domains.iter().cloned());
    assert_eq!(planned(&more, &options, None).certificates.len(), 24);
    let options = Options { imported_certificates: Some(26), ..Options::default() };
    let fault = &faults(&domains, &options, None)[0];
    says(fault, Quota::CertificatesPerListener, 26, 25, &["so many are said to have the names"]);
    let idle = &planned(&parents(1, "example.com"), &options, None).warnings[0];
    assert!(idle.what.starts_with("`--imported-certificates 26` changes nothing"), "{idle}");
}

#[test]
fn where_repacking_is_enough_that_is_said() {
    let mut options = Options::default();
    options.quotas.certificates_per_listener = 20;
    let before = planned(&parents(20, "example.com"), &options, None);
    options.quotas.certificates_per_listener = 2;
    let found = faults(&parents(20, "example.com"), &options, Some(&state_of(&before)));
    says(&found[0], Quota::CertificatesPerListener, 20, 2, &["`--repack`: planned anew they are 2"]);
    options.repack = true;
    assert_eq!(planned(&parents(20, "example.com"), &options, Some(&state_of(&before))).certificates.len(), 2);
}

/// Kept certificates take up their slots, so larger ones may be no cure.
#[test]
fn larger_certificates_are_offered_only_where_they_are_enough() {
    let mut options = Options::default();
    options.quotas.certificates_per_listener = 3;
    options.quotas.names_per_certificate = 1;
    let domains = parents(3, "example.com");
    let before = state_of(&planned(&domains, &options, None));
    options.quotas.certificates_per_listener = 2;
    let anew = &faults(&domains, &options, None)[0];
    says(anew, Quota::CertificatesPerListener, 3, 2, &["names-per-certificate=2`"]);
    let kept = &faults(&domains, &options, Some(&before))[0];
    says(kept, Quota::CertificatesPerListener, 3, 2, &["fewer parents"]);
    assert!(!kept.help.contains("names-per-certificate"), "{kept}");
}

#[test]
fn a_certificate_with_more_names_than_allowed_now_is_a_fault() {
    let mut options = Options::default();
    options.quotas = Quotas { certificates_per_listener: 1, names_per_certificate: 20, ..options.quotas };
    let before = planned(&parents(20, "example.com"), &options, None);
    options.quotas = Quotas::default();
    let found = faults(&parents(20, "example.com"), &options, Some(&state_of(&before)));
    says(&found[0], Quota::NamesPerCertificate, 20, 10, &[&before.certificates[0].id, "--repack"]);
}

#[test]
fn options_that_differ_from_the_previous_plan_are_said() {
    let before = planned(
        &["a.example.com"],
        &Options { zoning: zoning(ZoneMode::PerParent, &["example.com"]), ..Options::default() },
        None,
    );
    let options = Options { zoning: zoning(ZoneMode::PerName, &[]), ..Options::default() };
    let after = planned(&["a.example.com"], &options, Some(&state_of(&before)));
    let said: Vec<_> = after.warnings.iter().map(|warning| &*warning.what).collect();
    let want = [
        "--own differs from the previous plan: it was example.com, and is none",
        "--zones differs from the previous plan: it was per-parent, and is per-name",
    ];
    assert_eq!(said, want);
}

#[test]
fn a_validation_zone_that_changes_nothing_is_said() {
    let mut options = Options::default();
    options.validation_zones.insert("example.org".into());
    let plan = planned(&["a.in.example.com"], &options, None);
    assert!(
        plan.warnings[0].what.starts_with("`--validation-zone example.org` changes nothing"),
        "{:?}",
        plan.warnings
    );
}

const CERTIFICATE: &str = r#"{"id": "c-0123456789", "names": ["*.a.com"], "validation_zone": "a.com"}"#;

/// A plan's text with these certificates.
fn text(certificates: &str) -> String {
    format!(
        r#"{{"format": 1, "options": {{"zones": "per-parent", "elb": "NLB", "own": [], "validation_zones": []}},
            "certificates": [{certificates}], "default_certificate": null}}"#
    )
}

#[test]
fn a_previous_plan_is_read_as_printed_or_as_terraforms_variables() {
    let plain = State::parse(&text(CERTIFICATE)).expect("a plan");
    assert_eq!(State::parse(&format!(r#"{{"PLAN": {}}}"#, text(CERTIFICATE))), Ok(plain));
}

#[test]
fn a_plan_of_any_format_is_known_as_one() {
    let plain = text(CERTIFICATE);
    let next = plain.replace("\"format\": 1", "\"format\": 2");
    for text in [&plain, &next, &format!(r#"{{"PLAN": {plain}}}"#)] {
        assert!(State::is_in(text.as_bytes()), "{text}");
    }
    for text in ["", "before", "{}", "[1]", r#"{"PLAN": 7}"#] {
        assert!(!State::is_in(text.as_bytes()), "{text}");
    }
}

#[track_caller]
fn no_state(text: &str, want: &str) {
    let fault = State::parse(text).expect_err(text);
    assert!(fault.what.contains(want) && !fault.help.is_empty(), "{text}: {fault:?}");
}

#[test]
fn what_is_no_previous_plan_says_why() {
    no_state("{", "it is not JSON: EOF");
    no_state("[]", "it has no `format`");
    no_state("{}", "it has no `format`");
    no_state(&text(CERTIFICATE).replace("\"format\": 1", "\"format\": 2"), "format 2, and this version reads format 1");
    no_state(r#"{"format": 1}"#, "missing field `options`");
    no_state(&text(r#"{"id": "c-0123456789", "names": []}"#), "missing field `validation_zone`");
    no_state(&text(&CERTIFICATE.replace("\"*.a.com\"", "")), "certificate c-0123456789 has no names");
    no_state(&text(&CERTIFICATE.replace("\"*.a.com\"", "7")), "invalid type: integer `7`");
    no_state(&text(&format!("{CERTIFICATE}, {CERTIFICATE}")), "two certificates have the id `c-0123456789`");
    let other = CERTIFICATE.replace("6789", "6780");
    no_state(&text(&format!("{CERTIFICATE}, {other}")), "`*.a.com` stands in a certificate twice");
    for id in ["", "7", "c-012345678", "c-0123456789a", "c-012345678X", "d-0123456789"] {
        no_state(&text(&CERTIFICATE.replace("c-0123456789", id)), &format!("`{id}` is no certificate's id"));
    }
    for name in ["*.A.com", "a b", "", "https://a.com"] {
        no_state(&text(&CERTIFICATE.replace("*.a.com", name)), &format!("has `{name}`, which is no domain name"));
    }
    let default = text(CERTIFICATE).replace("null", "\"c-0000000000\"");
    no_state(&default, "its default certificate `c-0000000000` is none of its certificates");
}
