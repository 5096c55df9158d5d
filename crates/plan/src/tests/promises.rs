//! Promises about the plans of all mappings.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::change::Change;
use super::super::names::Names;
use super::super::options::Options;
use super::super::owners::is_within;
use super::super::resources::{Plan, plan};
use super::super::zones::{Zone, Zones};
use super::{VERSION, any_domain, any_domains, any_zoning, state_of, table, table_of};
use nameplate_core::domain::host::is_public_suffix;
use nameplate_core::domain::table::MappingTable;

/// Whether Route 53 has an answer for a name: from the most specific zone alone, by the record of this name,
/// else by the wildcard at the closest name that exists (RFC 4592, section 3.3.1).
fn resolves(zones: &BTreeMap<String, Zone>, name: &str) -> bool {
    let zone = zones.iter().filter(|(zone, _)| is_within(name, zone)).max_by_key(|(zone, _)| zone.len());
    let Some((zone, Zone { records, .. })) = zone else { return false };
    let exists = |name: &str| name == zone || records.iter().any(|record| is_within(record, name));
    if exists(name) {
        return records.contains(name);
    }
    let mut closest = name;
    while !exists(closest) {
        closest = closest.split_once('.').expect("the zone itself exists").1;
    }
    records.contains(&format!("*.{closest}"))
}

/// Whether a certificate's name fits a host: the same, or a wildcard for its first label.
fn fits(certificate: &str, host: &str) -> bool {
    let parent = host.split_once('.').map(|(_, parent)| parent);
    certificate == host || certificate.strip_prefix("*.").is_some_and(|above| parent == Some(above))
}

/// What a deployment makes, apart from how names share certificates.
fn made(plan: &Plan) -> BTreeSet<(&'static str, String)> {
    let zones = plan.hosted_zones.iter().map(|zone| ("zone", zone.name.clone()));
    let records = plan.hosted_zones.iter().flat_map(|zone| zone.records.iter().map(|name| (&zone.name, name)));
    let records = records.map(|(zone, record)| ("record", format!("{record} in {zone}")));
    let names = plan.certificates.iter().flat_map(|certificate| certificate.names.iter().cloned());
    let others = [("import", &plan.import_names), ("region", &plan.regions), ("endpoint", &plan.endpoints)];
    let others = others.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name.clone())));
    zones.chain(records).chain(names.map(|name| ("certificate", name))).chain(others).collect()
}

/// The part of a plan that a hot change leaves alone.
fn cold_part(plan: &Plan) -> String {
    let zones: Vec<_> = plan.hosted_zones.iter().map(|zone| (&zone.name, &zone.records)).collect();
    let Plan { certificates, import_names, default_certificate, regions, endpoints, .. } = plan;
    format!("{zones:?} {certificates:?} {default_certificate:?} {import_names:?} {regions:?} {endpoints:?}")
}

type Entries = Vec<(String, &'static str, &'static str)>;

fn any_entries() -> impl Strategy<Value = Entries> {
    let region = prop::sample::select(&["eu-west-1", "eu-west-3"][..]);
    let endpoint = prop::sample::select(&["", "", "other"][..]);
    let entries = prop::collection::btree_map(any_domain(), (region, endpoint), 1..10);
    entries.prop_map(|entries| entries.into_iter().map(|(domain, (region, end))| (domain, region, end)).collect())
}

fn plan_of(entries: &Entries, options: &Options) -> (MappingTable, Plan) {
    let entries: Vec<_> = entries.iter().map(|(domain, region, end)| (&**domain, *region, *end)).collect();
    let table = table_of(&entries);
    let plan = plan(&table, VERSION, options, None).expect("within the quotas");
    (table, plan)
}

proptest! {
    /// Each domain, and any name that a wildcard of the mapping stands for.
    #[test]
    fn every_name_that_the_mapping_answers_resolves_and_has_a_certificate(
        domains in any_domains(12), zoning in any_zoning(), other in any_domain(),
    ) {
        let table = table(&domains);
        let zones = Zones::of(&table, &zoning).zones;
        let certificates = Names::of(&table, &zoning).certificates;
        let labels = |name: &String| name.replace('*', "any");
        let planned = zones.keys().cloned();
        for name in domains.iter().map(labels).chain([labels(&other)]).chain(planned) {
            if table.lookup(&name, b"/").is_ok() {
                prop_assert!(resolves(&zones, &name), "{name} does not resolve: {domains:?} {zoning:?} {zones:#?}");
                prop_assert!(certificates.iter().any(|certificate| fits(certificate, &name)), "{name}: {certificates:?}");
            }
        }
    }

    #[test]
    fn each_domain_counts_in_the_zone_that_answers_for_it(domains in any_domains(12), zoning in any_zoning()) {
        let zones = Zones::of(&table(&domains), &zoning).zones;
        for (name, Zone { domains: count, .. }) in &zones {
            let answers = |domain: &&String| {
                let domain = domain.strip_prefix("*.").unwrap_or(domain);
                let most_specific = zones.keys().filter(|zone| is_within(domain, zone)).max_by_key(|zone| zone.len());
                most_specific == Some(name)
            };
            prop_assert_eq!(*count, domains.iter().filter(answers).count(), "{}", name);
        }
        prop_assert!(zones.values().all(|zone| (1..=2).contains(&zone.records.len())), "{:#?}", zones);
    }

    #[test]
    fn one_more_domain_takes_no_zone_or_record_away(domains in any_domains(12), zoning in any_zoning(), more in any_domain()) {
        let before = Names::of(&table(&domains), &zoning);
        let after = Names::of(&table(&[&domains[..], &[more]].concat()), &zoning);
        prop_assert!(before.beyond(&after).is_empty(), "{:?}", before.beyond(&after));
    }

    /// `check --against` says hot exactly when a deployment would make nothing that is not there.
    #[test]
    fn a_change_is_hot_exactly_when_its_plan_makes_nothing_new(
        old in any_entries(), new in any_entries(), zoning in any_zoning(), kept in any::<bool>(),
        at in any::<prop::sample::Index>(),
    ) {
        let options = Options { zoning, ..Options::default() };
        let mut new = new;
        if kept {
            // Otherwise hardly any change would be hot: one more domain, under a parent that is there.
            let parent = old[at.index(old.len())].0.split_once('.').expect("two labels").1;
            new[0].0 = format!("z.{parent}");
            new.truncate(1);
            new.retain(|(domain, ..)| !is_public_suffix(parent) && !old.iter().any(|(before, ..)| before == domain));
            new.extend(old.iter().cloned());
        }
        let ((old, before), (new, after)) = (plan_of(&old, &options), plan_of(&new, &options));
        let change = Change::between(&old, &new, &options.zoning);
        prop_assert_eq!(change.needs.is_empty(), made(&after).is_subset(&made(&before)));
        prop_assert_eq!(change.unused.is_empty(), made(&before).is_subset(&made(&after)));
        if change.needs.is_empty() && change.unused.is_empty() {
            prop_assert_eq!(cold_part(&before), cold_part(&after));
        }
    }

    /// Otherwise ACM would wait for ever: nobody but the suffix's owner has the zone of `uk.com`.
    #[test]
    fn a_validation_zone_is_registrable_or_given_or_of_a_suffix_that_is_mapped(
        domains in any_domains(12), given in any_zoning(),
    ) {
        let options = Options { validation_zones: given.own, ..Options::default() };
        let plan = plan(&table(&domains), VERSION, &options, None).expect("within the quotas");
        for zone in plan.certificates.iter().map(|certificate| &certificate.validation_zone) {
            let registrable = psl::domain_str(zone) == Some(zone);
            let mapped = domains.iter().any(|domain| domain.strip_prefix("*.").unwrap_or(domain) == zone);
            prop_assert!(registrable || options.validation_zones.contains(zone) || mapped, "{zone}: {domains:?}");
        }
    }

    #[test]
    fn the_same_mapping_planned_again_is_the_same_plan(domains in any_domains(30), zoning in any_zoning()) {
        let options = Options { zoning, ..Options::default() };
        let table = table(&domains);
        let first = plan(&table, VERSION, &options, None).expect("within the quotas");
        let again = plan(&table, VERSION, &options, Some(&state_of(&first))).expect("within the quotas");
        prop_assert_eq!(first, again);
    }
}
