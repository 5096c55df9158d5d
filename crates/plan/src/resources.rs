//! The plan: what Terraform and CDK make around the proxy for a mapping. docs/plan.md tells every field.
//!
//! **Invariant:** a plan is a function of the mapping, the options and the previous plan. Everything in it
//! is in order, so that the same question has the same bytes for an answer.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::certificate::Certificate;
use super::certificates::{Assigned, Room, assign, sorted_out};
use super::exceeded;
use super::fault::PlanFault;
use super::names::Names;
use super::options::{Elb, Options};
use super::policy::{Planned, TooLarge, planned};
use super::quotas::Quotas;
use super::state::{FORMAT, State};
use super::warning::{About, Warning};
use super::zones::{ZoneMode, Zones};
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;

/// Everything that a deployment needs to know of a mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// [`FORMAT`]
    pub format: u32,
    /// Which mapping it is of.
    pub mapping: PlannedMapping,
    /// What it was made with.
    pub options: PlannedOptions,
    /// Private hosted zones, by name.
    pub hosted_zones: Vec<PlannedZone>,
    /// ACM certificates, by their names.
    pub certificates: Vec<Certificate>,
    /// Names that ACM cannot validate: their certificates are imported.
    pub import_names: BTreeSet<String>,
    /// The id of the listener's default certificate; none where there are no certificates.
    pub default_certificate: Option<String>,
    /// Regions of the APIs.
    pub regions: BTreeSet<String>,
    /// The APIs' ids, by region.
    pub api_ids: BTreeMap<String, BTreeSet<String>>,
    /// Endpoints that the settings must have; `default` always.
    pub endpoints: BTreeSet<String>,
    /// The longest silence that a TIMEOUT of the mapping allows, `first_byte` or `read`, in whole seconds, rounded up.
    /// None where no entry has one. A load balancer that closes silent connections has to wait longer.
    pub longest_timeout: Option<u64>,
    /// The APIs' resource policies, by region and API.
    pub resource_policies: Vec<ResourcePolicy>,
    /// What AWS allows.
    pub quotas: Quotas,
    /// How much of it is used.
    pub used: Used,
    /// What to know before it is deployed.
    pub warnings: Vec<Warning>,
    /// Owners of a mapping in parts, by name.
    pub owners: Vec<PlannedOwner>,
}

/// Which mapping a plan is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedMapping {
    /// As `check` and running tasks show it.
    pub version: String,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// Entries.
    pub entries: usize,
    /// Domains; a wildcard is one.
    pub domains: usize,
}

/// The options that a plan was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedOptions {
    /// What gets a hosted zone.
    pub zones: ZoneMode,
    /// The kind of load balancer.
    pub elb: Elb,
    /// Domains of which the mapping has every name.
    pub own: BTreeSet<String>,
    /// Public hosted zones that are there.
    pub validation_zones: BTreeSet<String>,
}

/// A private hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedZone {
    /// Its name.
    pub name: String,
    /// Alias records to the load balancer, by their full names.
    pub records: BTreeSet<String>,
    /// Domains of the mapping that it answers for.
    pub domains: usize,
}

/// The resource policy of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourcePolicy {
    /// Which API.
    pub api_id: String,
    /// Where it is.
    pub region: String,
    /// Endpoints that requests reach it through.
    pub endpoints: BTreeSet<String>,
    /// Compact JSON, with `VPC_ENDPOINT_ID` in the place of the endpoints' ids.
    pub policy: String,
}

/// An owner, and what its entries need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlannedOwner {
    /// Its name.
    pub owner: String,
    /// How to reach it, as its parts and `owners.yaml` have it.
    pub contacts: BTreeSet<String>,
    /// Entries of its parts.
    pub entries: usize,
    /// Domains that it has entries of; a wildcard is one.
    pub domains: usize,
    /// Private hosted zones that answer for its domains.
    pub hosted_zones: BTreeSet<String>,
    /// The ids of certificates for its domains.
    pub certificates: BTreeSet<String>,
    /// Names of imported certificates for its domains.
    pub import_names: BTreeSet<String>,
    /// The ids of its APIs, by region.
    pub api_ids: BTreeMap<String, BTreeSet<String>>,
}

/// How much of the quotas a plan uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Used {
    /// Private hosted zones.
    pub hosted_zones: usize,
    /// Records in all of them, without the two that Route 53 makes in each.
    pub records: usize,
    /// Records in the zone that has most.
    pub most_records_in_a_zone: usize,
    /// Certificates, without imported ones.
    pub certificates: usize,
    /// Certificates that the listener can have, imported ones included.
    pub certificate_slots: usize,
}

/// Plans what a mapping needs; or says everything that keeps it from being planned.
pub fn plan(
    table: &MappingTable,
    version: Version,
    options: &Options,
    state: Option<&State>,
) -> Result<Plan, Vec<PlanFault>> {
    let zones = Zones::of(table, &options.zoning);
    let names = Names::with(table, &zones);
    let (by_zone, import_names) = sorted_out(&names.certificates, &options.validation_zones);
    let slots = options.slots();
    let room = Room {
        names: options.quotas.names_per_certificate,
        certificates: slots.saturating_sub(options.imported(&import_names)),
    };
    let assigned_to = |room| assign(&by_zone, &options.validation_zones, room, state, options.repack);
    let assigned = assigned_to(room);
    let trials = exceeded::Trials {
        larger_certificates: &|names| assigned_to(Room { names, ..room }).is_ok(),
        hosted_zones: &|zoning| Zones::of(table, zoning).zones.len(),
    };
    let over = exceeded::check(&zones, &by_zone, &import_names, &assigned, options, &trials);
    let mut faults: Vec<_> = over.into_iter().map(PlanFault::OverQuota).collect();
    let too_long = assigned.as_ref().map(|assigned| assigned.too_long.clone()).unwrap_or_default();
    faults.extend(too_long.into_iter().map(|(zone, names)| PlanFault::TooLong { zone, names }));
    let Assigned { certificates, default, warnings: of_certificates, .. } = match assigned {
        Ok(assigned) if faults.is_empty() => assigned,
        _ => return Err(faults),
    };
    let apis = planned(table);
    let api_ids = api_ids(&apis);
    let (resource_policies, mut warnings) = resource_policies(apis);
    warnings.extend(zones.warnings());
    warnings.extend(of_certificates);
    warnings.extend(options.differing_from(state));
    warnings.extend(options.idle_validation_zones(&names.certificates));
    warnings.extend(options.idle_imported_certificates(&import_names));
    warnings.sort();
    let records = || zones.zones.values().map(|zone| zone.records.len());
    let used = Used {
        hosted_zones: zones.zones.len(),
        records: records().sum(),
        most_records_in_a_zone: records().max().unwrap_or(0),
        certificates: certificates.len(),
        certificate_slots: slots,
    };
    let zone =
        |(name, zone): (String, super::zones::Zone)| PlannedZone { name, records: zone.records, domains: zone.domains };
    Ok(Plan {
        format: FORMAT,
        mapping: PlannedMapping {
            version: version.to_string(),
            sha256: version.full(),
            entries: table.len(),
            domains: table.domains(),
        },
        options: options.planned(),
        hosted_zones: zones.zones.into_iter().map(zone).collect(),
        certificates,
        import_names,
        default_certificate: default,
        regions: names.regions,
        api_ids,
        endpoints: names.endpoints,
        longest_timeout: longest_timeout(table),
        resource_policies,
        quotas: options.quotas,
        used,
        warnings,
        owners: Vec::new(),
    })
}

/// The longest `first_byte` or `read` of any entry, in whole seconds, rounded up.
fn longest_timeout(table: &MappingTable) -> Option<u64> {
    let timeouts = table.in_any_order().filter_map(|(_, route)| Some(route.overrides()?.timeouts));
    let longest = timeouts.flat_map(|timeouts| [timeouts.first_byte, timeouts.read]).flatten().max()?;
    Some(longest.as_secs() + u64::from(longest.subsec_nanos() > 0))
}

fn api_ids(apis: &[Planned]) -> BTreeMap<String, BTreeSet<String>> {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Planned { api_id, region, .. } in apis {
        ids.entry(region.clone()).or_default().insert(api_id.clone());
    }
    ids
}

/// The policies by region and API, and a warning for each API whose policy does not fit. That keeps no plan from being
/// made: policies are put on the APIs one by one, and how to fold this one is for somebody to choose.
fn resource_policies(apis: Vec<Planned>) -> (Vec<ResourcePolicy>, Vec<Warning>) {
    let (mut policies, mut warnings) = (Vec::new(), Vec::new());
    for Planned { api_id, region, endpoints, policy } in apis {
        match policy {
            Ok(policy) => {
                policies.push(ResourcePolicy { api_id, region, endpoints: endpoints.into_iter().collect(), policy });
            }
            Err(TooLarge { size, limit, paths, .. }) => warnings.push(Warning {
                about: About::ResourcePolicy,
                what: format!(
                    "the plan has no resource policy of API {api_id}: for {paths} paths it would have {size} characters, \
                     and {limit} are the most"
                ),
                help: format!("see `nameplate policy MAPPING --api-id {api_id} --fold --vpce ID`, or map fewer paths of it"),
                name: api_id,
            }),
        }
    }
    policies.sort_by(|a, b| (&a.region, &a.api_id).cmp(&(&b.region, &b.api_id)));
    (policies, warnings)
}

impl Options {
    fn planned(&self) -> PlannedOptions {
        PlannedOptions {
            zones: self.zoning.mode,
            elb: self.elb,
            own: self.zoning.own.clone(),
            validation_zones: self.validation_zones.clone(),
        }
    }

    /// Options that the previous plan was made with and this one is not: easily forgotten, and they move
    /// zones and certificates.
    fn differing_from(&self, state: Option<&State>) -> Vec<Warning> {
        let Some(State { options: before, .. }) = state else { return Vec::new() };
        let elb = |elb: Elb| if elb == Elb::Network { "NLB" } else { "ALB" };
        let list = |names: &BTreeSet<String>| match names.len() {
            0 => "none".to_owned(),
            _ => names.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        };
        let pairs = [
            ("--zones", before.zones.name().to_owned(), self.zoning.mode.name().to_owned()),
            ("--elb", elb(before.elb).to_owned(), elb(self.elb).to_owned()),
            ("--own", list(&before.own), list(&self.zoning.own)),
            ("--validation-zone", list(&before.validation_zones), list(&self.validation_zones)),
        ];
        let differ = pairs.into_iter().filter(|(_, before, now)| before != now);
        let warn = |(option, before, now): (&str, String, String)| Warning {
            about: About::Option,
            name: option.into(),
            what: format!("{option} differs from the previous plan: it was {before}, and is {now}"),
            help: format!("say the same {option} as before, if moving zones or certificates is not meant"),
        };
        differ.map(warn).collect()
    }

    fn idle_imported_certificates(&self, names: &BTreeSet<String>) -> Option<Warning> {
        let count = self.imported_certificates.filter(|_| names.is_empty())?;
        Some(Warning {
            about: About::Option,
            name: format!("--imported-certificates {count}"),
            what: format!("`--imported-certificates {count}` changes nothing: ACM can validate every name"),
            help: "leave it out".into(),
        })
    }

    fn idle_validation_zones(&self, names: &BTreeSet<String>) -> Vec<Warning> {
        let (by_zone, _) = sorted_out(names, &self.validation_zones);
        let idle = self.validation_zones.iter().filter(|zone| !by_zone.contains_key(*zone));
        let warn = |zone: &String| Warning {
            about: About::Option,
            name: format!("--validation-zone {zone}"),
            what: format!(
                "`--validation-zone {zone}` changes nothing: no certificate has a name that is validated in it"
            ),
            help: "check its spelling, or leave it out".into(),
        };
        idle.map(warn).collect()
    }
}
