//! Changes of what AWS has, each of one kind.

use std::time::Duration;

use super::super::kind::Kind;
use super::super::observed::{Canary, Deployment, Look, Observed, RestApi, Stage};
use super::{DAY, NOW};
use crate::policy::deployed::description;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;

/// Changes one thing so that a comparison finds exactly this kind. `pick` chooses where.
pub(super) fn change(kind: Kind, table: &MappingTable, observed: &mut Observed, pick: usize) {
    let domain = table.routes()[pick % table.len()].host().to_owned();
    match kind {
        Kind::ApiGone => *nth(observed.apis.values_mut(), pick) = Look::Gone,
        Kind::VpcEndpointGone => {
            let used = |id: &String| table_uses(table, id);
            *nth(observed.vpc_endpoints.iter_mut().filter(|(id, _)| used(id)).map(|(_, of)| of), pick) = Look::Gone;
        }
        Kind::RecordMissing => remove_record(observed, &domain),
        Kind::CertificateMissing => certificates_of(observed, &domain, |_| false),
        Kind::CertificateEnding => certificates_of(observed, &domain, |end| {
            *end = 10 * DAY;
            true
        }),
        _ => match nth(observed.apis.values_mut(), pick) {
            Look::Found(api) => change_api(kind, api),
            other => panic!("{other:?}"),
        },
    }
}

fn nth<'a, T>(mut all: impl Iterator<Item = &'a mut T>, pick: usize) -> &'a mut T {
    let mut all: Vec<&mut T> = all.by_ref().collect();
    let count = all.len();
    all.swap_remove(pick % count)
}

fn table_uses(table: &MappingTable, id: &str) -> bool {
    let ids = super::ids();
    table.routes().iter().any(|route| ids[&crate::policy::endpoint_of(route)].contains(id))
}

fn change_api(kind: Kind, api: &mut RestApi) {
    let Look::Found(stages) = &mut api.stages else { panic!("no stages") };
    match kind {
        Kind::ApiNotPrivate => {
            api.kinds = vec!["REGIONAL".into()];
            api.endpoint_ids.clear();
        }
        Kind::StageGone => drop(stages.remove(0)),
        Kind::Canary => stages[0].canary = Some(Canary { deployment: "canary1".into(), percent: 10.0 }),
        Kind::EndpointNotAssociated => api.endpoint_ids = vec!["vpce-99999999".into()],
        Kind::PolicyMissing => api.policy.clear(),
        Kind::PolicyForeign => {
            let foreign = r#"{"Sid":"by hand","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/zzz/*"}"#;
            let policy = api.policy.replacen("\"Statement\":[", &format!("\"Statement\":[{foreign},"), 1);
            put_and_deploy(api, policy);
        }
        Kind::PolicyWider => {
            let wide = r#"{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/zzz/GET/wide"}"#;
            let policy = api.policy.replacen("\"Statement\":[", &format!("\"Statement\":[{wide},"), 1);
            put_and_deploy(api, policy);
        }
        Kind::PolicyNarrower => put_and_deploy(api, narrower(&api.policy.clone())),
        Kind::NotDeployed => {
            let Stage { name, deployment, policy, .. } = &mut stages[0];
            *deployment = "old".into();
            *policy = None;
            let description = description(&Version([1; 32]), &Version([2; 32]), name);
            let Look::Found(deployments) = &mut api.deployments else { panic!("no deployments") };
            deployments.push(Deployment { id: "old".into(), description, created: NOW - 9 * DAY });
        }
        other => panic!("{other:?} is not of an API"),
    }
}

/// Puts a policy by hand, and deploys every stage, as somebody without Nameplate does.
fn put_and_deploy(api: &mut RestApi, policy: String) {
    let Look::Found(stages) = &mut api.stages else { panic!("no stages") };
    for stage in stages {
        stage.deployment = "by hand".into();
        stage.policy = Some(Look::Found(policy.clone()));
    }
    api.policy = policy;
}

/// A policy that allows less: without a resource, or where there is one alone, with a single path of it.
fn narrower(policy: &str) -> String {
    let mut document: serde_json::Value = serde_json::from_str(policy).expect("JSON");
    let mut allow = document["Statement"].as_array_mut().expect("statements").iter_mut();
    let resource = &mut allow.find(|of| of["Effect"] == "Allow").expect("an Allow")["Resource"];
    match resource.as_array_mut() {
        Some(resources) => drop(resources.remove(0)),
        None => {
            let whole = resource.as_str().expect("a text").strip_suffix('*').expect("a whole stage");
            // Behind the account there are the API's id, the stage, and a verb or none.
            let verb = if whole.rsplit(':').next().expect("a part").matches('/').count() == 2 { "GET/" } else { "" };
            *resource = format!("{whole}{verb}only").into();
        }
    }
    document.to_string()
}

/// Removes what answers for a domain: its record, and the wildcard beside it.
fn remove_record(observed: &mut Observed, domain: &str) {
    let Look::Found(zones) = &mut observed.zones else { panic!("no zones") };
    let of_domain = zones.iter_mut().filter(|zone| crate::owners::is_within(domain, &zone.name));
    let zone = of_domain.max_by_key(|zone| zone.name.len()).expect("a zone");
    let Look::Found(records) = &mut zone.records else { panic!("no records") };
    records.remove(domain);
    records.remove(&format!("*.{}", domain.split_once('.').expect("a parent").1));
    records.remove(&format!("*.{}", zone.name));
}

/// Changes how long the certificates for a domain are good, or takes them away.
fn certificates_of(observed: &mut Observed, domain: &str, keep: impl Fn(&mut Duration) -> bool) {
    let Look::Found(certificates) = &mut observed.certificates else { panic!("no certificates") };
    let wildcard = format!("*.{}", domain.split_once('.').expect("a parent").1);
    certificates.retain_mut(|of| {
        let mut end = of.end.expect("issued").duration_since(NOW).expect("later");
        let is_kept = !(of.names.contains(domain) || of.names.contains(&wildcard)) || keep(&mut end);
        of.end = Some(NOW + end);
        is_kept
    });
}
