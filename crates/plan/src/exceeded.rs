//! Whether a plan keeps AWS's quotas; where it does not, what of it is the most, and what to do.

use std::collections::{BTreeMap, BTreeSet};

use super::certificates::{Assigned, ByZone, TooMany};
use super::options::{Elb, Options};
use super::quotas::{OverQuota, Quota};
use super::zones::{ZoneMode, Zones, Zoning};

/// What another way of planning comes to, so that a help offers no way that is none.
pub(super) struct Trials<'p> {
    /// Whether certificates of so many names would be enough.
    pub larger_certificates: &'p dyn Fn(usize) -> bool,
    /// How many hosted zones there would be.
    pub hosted_zones: &'p dyn Fn(&Zoning) -> usize,
}

/// Every quota that is not kept.
pub(super) fn check(
    zones: &Zones,
    by_zone: &ByZone,
    import_names: &BTreeSet<String>,
    assigned: &Result<Assigned, TooMany>,
    options: &Options,
    trials: &Trials<'_>,
) -> Vec<OverQuota> {
    let certificates = match assigned {
        Ok(assigned) => too_many_names(assigned, options),
        Err(too_many) => Some(too_many_certificates(*too_many, by_zone, import_names, options, trials)),
    };
    let imported = || too_many_imported(import_names, options);
    let faults =
        [too_many_zones(zones, options, trials), too_many_records(zones, options), certificates.or_else(imported)];
    faults.into_iter().flatten().collect()
}

fn too_many_zones(zones: &Zones, options: &Options, trials: &Trials<'_>) -> Option<OverQuota> {
    let (needed, allowed) = (zones.zones.len(), options.quotas.hosted_zones);
    if needed <= allowed {
        return None;
    }
    let parents = zones.zones.keys().map(|zone| zone.split_once('.').map_or(&**zone, |(_, parent)| parent));
    let (parent, count) = most(parents)?;
    let fewer = fewer_zones(zones, parent, &options.zoning, trials.hosted_zones);
    Some(OverQuota {
        quota: Quota::HostedZones,
        needed,
        allowed,
        of: "private hosted zones".into(),
        biggest: format!("directly under {parent}: {count} of them"),
        help: format!(
            "{fewer}have `Hosted zones` of Route 53 raised in Service Quotas, and say `--quota hosted-zones={needed}`; \
             or divide the mapping over two accounts"
        ),
    })
}

/// How there would be fewer zones, where most are under this parent; nothing where there is no such way.
fn fewer_zones(zones: &Zones, parent: &str, zoning: &Zoning, count: &dyn Fn(&Zoning) -> usize) -> String {
    let now = zones.zones.len();
    if zoning.mode == ZoneMode::PerName {
        let left = count(&Zoning { mode: ZoneMode::PerParent, ..zoning.clone() });
        let way = "plan with `--zones per-parent`, where domains with one parent share a zone";
        return if left < now { format!("{way}: it needs {left}; or ") } else { String::new() };
    }
    if zones.apart_under(parent) < 2 {
        return "give domains fewer parents, such as one for each team; or ".into();
    }
    let mut own = zoning.clone();
    own.own.insert(parent.into());
    format!(
        "use names one level down, such as `orders.internal.{parent}`, which share a zone; or, if the mapping has every \
         name under {parent} that the VPC looks up, say `--own {parent}`: it needs {}; or ",
        count(&own)
    )
}

fn too_many_records(zones: &Zones, options: &Options) -> Option<OverQuota> {
    let (zone, needed) = zones.zones.iter().map(|(name, zone)| (name, zone.records.len())).max_by_key(|(_, n)| *n)?;
    let allowed = options.quotas.records_per_zone;
    (needed > allowed).then(|| OverQuota {
        quota: Quota::RecordsPerZone,
        needed,
        allowed,
        of: "records in one hosted zone".into(),
        biggest: format!("the hosted zone {zone} has the most"),
        help: format!("say `--quota records-per-zone={needed}`, if that is what Route 53 allows the zone"),
    })
}

fn too_many_names(assigned: &Assigned, options: &Options) -> Option<OverQuota> {
    let largest = assigned.certificates.iter().max_by_key(|certificate| certificate.names.len())?;
    let (needed, allowed) = (largest.names.len(), options.quotas.names_per_certificate);
    (needed > allowed).then(|| OverQuota {
        quota: Quota::NamesPerCertificate,
        needed,
        allowed,
        of: "names in one certificate".into(),
        biggest: format!("certificate {} has so many in the previous plan", largest.id),
        help: format!(
            "say `--quota names-per-certificate={needed}` as for that plan, or `--repack` to plan all certificates anew"
        ),
    })
}

fn too_many_certificates(
    TooMany { needed, anew }: TooMany,
    by_zone: &ByZone,
    import_names: &BTreeSet<String>,
    options: &Options,
    trials: &Trials<'_>,
) -> OverQuota {
    let biggest = by_zone
        .iter()
        .map(|(zone, names)| (names.len(), zone))
        .max_by_key(|(count, zone)| (*count, std::cmp::Reverse(*zone)));
    let (count, zone) = biggest.map_or((0, ""), |(count, zone)| (count, zone));
    let most = options.quotas.names_per_certificate;
    let mut biggest = format!("names validated in {zone}: {count}, up to {most} in a certificate");
    if by_zone.len() > 1 {
        let zones = by_zone.len();
        biggest.push_str(&format!("; validation zones, of which none shares a certificate with another: {zones}"));
    }
    if !import_names.is_empty() {
        let names = import_names.len();
        biggest.push_str(&match options.imported_certificates {
            None => format!("; imported names, a certificate each: {names}"),
            Some(count) => format!("; certificates with the {names} imported names: {count}"),
        });
    }
    let anew = if anew + options.imported(import_names) <= options.slots() && anew < needed {
        format!("say `--repack`: planned anew they are {}; or ", anew + options.imported(import_names))
    } else {
        String::new()
    };
    OverQuota {
        of: "certificates".into(),
        biggest,
        help: format!(
            "{anew}{}{}",
            larger_certificates(by_zone, import_names, options, trials),
            fewer_certificates(needed + options.imported(import_names), import_names, options)
        ),
        ..over_slots(needed + options.imported(import_names), options)
    }
}

/// How many names a certificate would have to have, where AWS allows so many, and what a previous plan
/// keeps leaves it at that.
fn larger_certificates(
    by_zone: &ByZone,
    import_names: &BTreeSet<String>,
    options: &Options,
    trials: &Trials<'_>,
) -> String {
    let needed = |most: usize| by_zone.values().map(|names| names.len().div_ceil(most)).sum::<usize>();
    let quota = Quota::NamesPerCertificate;
    let enough = (options.quotas.names_per_certificate + 1..=quota.most()).find(|most| {
        needed(*most) + options.imported(import_names) <= options.slots() && (trials.larger_certificates)(*most)
    });
    enough.map_or_else(String::new, |most| {
        format!(
            "have `Domain names per ACM certificate` raised in Service Quotas, and say `--quota {}={most}`; or ",
            quota.name()
        )
    })
}

fn too_many_imported(import_names: &BTreeSet<String>, options: &Options) -> Option<OverQuota> {
    let needed = options.imported(import_names);
    (needed > options.slots()).then(|| OverQuota {
        of: "imported certificates".into(),
        biggest: match options.imported_certificates {
            None => "each name that ACM cannot validate counts as one".into(),
            Some(_) => "so many are said to have the names that ACM cannot validate".into(),
        },
        help: fewer_certificates(needed, import_names, options),
        ..over_slots(needed, options)
    })
}

fn over_slots(needed: usize, options: &Options) -> OverQuota {
    let quota = Quota::CertificatesPerListener;
    OverQuota {
        quota,
        needed,
        allowed: options.slots(),
        of: String::new(),
        biggest: String::new(),
        help: String::new(),
    }
}

fn fewer_certificates(needed: usize, import_names: &BTreeSet<String>, options: &Options) -> String {
    let (balancer, beside) = match options.elb {
        Elb::Network => ("Network", 0),
        Elb::Application => ("Application", 1),
    };
    let shared = if import_names.len() > 1 && options.imported_certificates.is_none() {
        "say `--imported-certificates N`, if the imported names share N certificates; or "
    } else {
        ""
    };
    format!(
        "{shared}give domains fewer parents, since one name serves all domains of a parent; or have `Certificates per {balancer} \
         Load Balancer` raised in Service Quotas, and say `--quota certificates-per-listener={}`; or divide the mapping \
         over two stacks",
        needed - beside
    )
}

/// What is there most often, and how often; of equals the first.
fn most<'n>(names: impl Iterator<Item = &'n str>) -> Option<(&'n str, usize)> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|(name, count)| (*count, std::cmp::Reverse(*name)))
}
