//! A state that is derived from the mapping has no drift, and each change of it is of its own kind.

mod changes;
mod details;
mod promises;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::comparison::{Mapping, Options};
use super::drift;
use super::observed::{Certificate, Deployment, HostedZone, Look, Observed, RestApi, Stage, VpcEndpoint};
use crate::drift::finding::Drift;
use crate::names::certificate_name;
use crate::policy::deployed::description;
use crate::policy::{self, Api, EndpointIds, apis};
use crate::zones::{Zones, Zoning, domains};
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::compile::compile;
use nameplate_core::mapping::load::version_of;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A mapping of entries: domain, what follows `https://`, verbs, endpoint.
fn table(entries: &[(&str, &str, &str, &str)]) -> MappingTable {
    let entry = |(domain, api, verbs, endpoint): &(&str, &str, &str, &str)| {
        format!(
            "  - CUSTOM_DOMAIN_URL: \"{domain}\"\n    PRIVATE_API_URL: https://{api}\n    VERBS: {verbs}\n    ENDPOINT: \
             {endpoint}\n"
        )
    };
    compile(&format!("APIS:\n{}", entries.iter().map(entry).collect::<String>()), "m", None).expect("a mapping")
}

fn ids() -> EndpointIds {
    let of = |name: &str, ids: &[&str]| (name.to_owned(), ids.iter().map(|id| (*id).to_owned()).collect());
    EndpointIds::from([of("default", &["vpce-11111111"]), of("far", &["vpce-22222222", "vpce-33333333"])])
}

/// The first label of a domain owns it.
fn owner(route: &Route) -> Option<String> {
    route.host().split('.').next().filter(|label| *label != "*").map(str::to_owned)
}

fn found(table: &MappingTable, observed: &Observed) -> Drift {
    let ids = ids();
    drift(Mapping { table, ids: &ids, owner_of: &owner }, observed, &Options::default())
}

/// What AWS has where everything is as the mapping needs it.
fn faithful(table: &MappingTable, is_named: bool) -> Observed {
    let mut observed = Observed {
        now: NOW,
        apis: apis(table)
            .iter()
            .map(|api| ((api.region.to_owned(), api.id.to_owned()), Look::Found(rest_api(api, is_named))))
            .collect(),
        vpc_endpoints: Default::default(),
        zones: Look::Found(zones(table)),
        certificates: Look::Found(certificates(table)),
    };
    for id in ids().values().flatten() {
        let (state, service) = ("available".to_owned(), "com.amazonaws.eu-west-1.execute-api".to_owned());
        observed.vpc_endpoints.insert(id.clone(), Look::Found(VpcEndpoint { state, service }));
    }
    observed
}

/// An API with the mapping's policy, deployed to each stage: by Nameplate, or by somebody whose deployment says nothing.
fn rest_api(api: &Api<'_>, is_named: bool) -> RestApi {
    let made = api.policy(&ids(), &policy::Options::default()).expect("a policy").policy.text();
    let policy = kept(api, &made);
    let print = version_of(made.as_bytes());
    let (mut stages, mut deployments) = (Vec::new(), Vec::new());
    for (at, stage) in api.stages().into_iter().enumerate() {
        let id = format!("d{at}");
        let description = if is_named { description(&print, &Version([7; 32]), &stage) } else { "release 7".into() };
        deployments.push(Deployment { id: id.clone(), description, created: NOW - DAY });
        let exported = (!is_named).then(|| Look::Found(policy.clone()));
        stages.push(Stage { name: stage, deployment: id, canary: None, policy: exported });
    }
    let ids = ids().values().flatten().cloned().collect();
    let (stages, deployments) = (Look::Found(stages), Look::Found(deployments));
    let (name, kinds) = ("orders".into(), vec!["PRIVATE".into()]);
    RestApi { name, kinds, endpoint_ids: ids, policy, is_closed: false, stages, deployments }
}

/// A policy as AWS keeps it: with whole ARNs.
fn kept(api: &Api<'_>, policy: &str) -> String {
    policy.replace("execute-api:/", &format!("arn:aws:execute-api:{}:999988887777:{}/", api.region, api.id))
}

fn zones(table: &MappingTable) -> Vec<HostedZone> {
    let zones = Zones::of(table, &Zoning::default()).zones;
    zones
        .into_iter()
        .map(|(name, zone)| HostedZone { name, records: Look::Found(zone.records), others: BTreeSet::new() })
        .collect()
}

fn certificates(table: &MappingTable) -> Vec<Certificate> {
    let names: BTreeSet<String> = domains(table).map(certificate_name).collect();
    let of = |name: String| Certificate {
        arn: format!("arn:aws:acm:eu-west-1:999988887777:certificate/{}", name.replace('*', "any")),
        names: [name].into(),
        is_used: true,
        end: Some(NOW + 60 * DAY),
    };
    names.into_iter().map(of).collect()
}
