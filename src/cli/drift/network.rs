//! VPC endpoints, records and certificates of the account that Nameplate runs in: that of the credentials at hand.

use std::collections::{BTreeMap, BTreeSet};

use super::scope::{Scope, look_of, reason};
use crate::aws::gateway::Fault;
use crate::aws::network::{ListedCertificate, ListedEndpoint, ListedZone};
use crate::aws::session::Session;
use nameplate_core::accounts::Account;
use nameplate_plan::drift::kind::{Kind, OF_CERTIFICATES};
use nameplate_plan::drift::observed::{Certificate, HostedZone, Look, Reason, VpcEndpoint};
use nameplate_plan::drift::records::zones_to_read;
use nameplate_plan::policy::Api;

/// What was seen of the network.
pub(super) struct Network {
    pub(super) vpc_endpoints: BTreeMap<String, Look<VpcEndpoint>>,
    pub(super) zones: Look<Vec<HostedZone>>,
    pub(super) certificates: Look<Vec<Certificate>>,
}

/// Looks at the network, as far as a kind asks for it.
pub(super) async fn look(scope: &Scope<'_>) -> Network {
    let nothing = Network {
        vpc_endpoints: BTreeMap::new(),
        zones: Look::Found(Vec::new()),
        certificates: Look::Found(Vec::new()),
    };
    let has_certificates = scope.wants(&OF_CERTIFICATES);
    if !has_certificates && !scope.wants(&[Kind::VpcEndpointGone, Kind::RecordMissing]) {
        return nothing;
    }
    let session = match open(scope).await {
        Ok(session) => session,
        Err(fault) => {
            let reason = reason(fault);
            let ids = ids(scope).into_iter();
            return Network {
                vpc_endpoints: ids.map(|id| (id, Look::Unknown(reason.clone()))).collect(),
                zones: Look::Unknown(reason.clone()),
                certificates: Look::Unknown(reason),
            };
        }
    };
    let mut network = nothing;
    if scope.wants(&[Kind::VpcEndpointGone]) {
        network.vpc_endpoints = vpc_endpoints(scope).await;
    }
    if scope.wants(&[Kind::RecordMissing]) {
        network.zones = zones(scope, &session).await;
    }
    if has_certificates {
        network.certificates =
            look_of(session.certificates().await).map(|all| all.into_iter().map(certificate).collect());
    }
    network
}

/// Opens a session in the region of the load balancer.
async fn open(scope: &Scope<'_>) -> Result<Session, Fault> {
    let at = |regions: Vec<String>| Account { regions, ..Account::default() };
    let regions = scope.regions();
    let sessions = match scope.proxy_region {
        Some(region) => Session::open(&at(vec![region.to_owned()])).await,
        None => match Session::open(&at(Vec::new())).await {
            // The credentials have no region.
            Err(fault) if fault.kind.is_of_input() && regions.len() == 1 => {
                Session::open(&at(regions.into_iter().map(str::to_owned).collect())).await
            }
            Err(fault) if fault.kind.is_of_input() => {
                let help = "name the region of the load balancer: --proxy-region eu-west-1".to_owned();
                Err(Fault { help, ..fault })
            }
            opened => opened,
        },
    };
    sessions.map(|mut sessions| sessions.remove(0))
}

fn ids(scope: &Scope<'_>) -> BTreeSet<String> {
    let endpoints = scope.apis.iter().flat_map(Api::endpoints);
    endpoints.filter_map(|name| scope.mapping.ids.get(&name)).flatten().cloned().collect()
}

/// Looks for each VPC endpoint in the regions of the APIs. One is gone only where every region was read, and none has it.
async fn vpc_endpoints(scope: &Scope<'_>) -> BTreeMap<String, Look<VpcEndpoint>> {
    let regions = scope.regions().into_iter().map(str::to_owned).collect();
    let mut read: Vec<Result<Vec<ListedEndpoint>, Reason>> = Vec::new();
    match Session::open(&Account { regions, ..Account::default() }).await {
        Ok(sessions) => {
            for session in &sessions {
                read.push(session.vpc_endpoints().await.map_err(reason));
            }
        }
        Err(fault) => read.push(Err(reason(fault))),
    }
    let look = |id: String| {
        let found = read.iter().flatten().flatten().find(|of| of.id == id);
        let failed = read.iter().find_map(|of| of.as_ref().err());
        let look = match (found, failed) {
            (Some(ListedEndpoint { state, service, .. }), _) => {
                Look::Found(VpcEndpoint { state: state.clone(), service: service.clone() })
            }
            (None, Some(reason)) => Look::Unknown(reason.clone()),
            (None, None) => Look::Gone,
        };
        (id, look)
    };
    ids(scope).into_iter().map(look).collect()
}

/// Reads the private hosted zones, and the records of those that answer for a domain of the mapping.
async fn zones(scope: &Scope<'_>, session: &Session) -> Look<Vec<HostedZone>> {
    let listed = match look_of(session.private_zones().await) {
        Look::Found(listed) => listed,
        Look::Gone => Vec::new(),
        Look::Unknown(reason) => return Look::Unknown(reason),
    };
    let names: BTreeSet<&str> = listed.iter().map(|zone| &*zone.name).collect();
    let wanted = zones_to_read(scope.mapping.table, &names);
    let mut zones = Vec::new();
    for zone in listed.iter().filter(|zone| wanted.contains(&*zone.name)) {
        let ListedZone { name, .. } = zone.clone();
        let mut others = BTreeSet::new();
        let records = look_of(session.record_names(zone).await).map(|names| {
            others = names.others;
            names.addresses
        });
        zones.push(HostedZone { name, records, others });
    }
    Look::Found(zones)
}

fn certificate(of: ListedCertificate) -> Certificate {
    let ListedCertificate { arn, names, is_used, end } = of;
    Certificate { arn, names, is_used, end }
}
