//! An API of the mapping: whether it exists, who reaches it, and its stages.

use super::kind::{Kind, OF_APIS, OF_STAGES, Severity};
use super::observed::{Canary, Look, Observed, Reason, RestApi, Stage};
use super::policies;
use super::report::{Lines, Report};
use crate::policy::{Api, endpoint_in, endpoint_of};

pub(super) fn check(of: &Api<'_>, observed: &Observed, report: &mut Report<'_>) {
    let name = (of.region.to_owned(), of.id.to_owned());
    let api = match observed.apis.get(&name) {
        Some(Look::Found(api)) => api,
        Some(Look::Gone) => {
            let lines = Lines {
                has: "no account that was read has this API".to_owned(),
                wants: format!("a private REST API {} in {}", of.id, of.region),
                fix: "map the API that has taken its place, or delete these entries; if another account has it, add that \
                      account to --accounts"
                    .to_owned(),
            };
            return report.add(Kind::ApiGone, Severity::Outage, report.of_api(of, None), lines);
        }
        Some(Look::Unknown(reason)) => return unknown(of, reason, report),
        None => {
            let what = "this API was not looked at".to_owned();
            return unknown(of, &Reason { what, help: "add its account and region to --accounts".to_owned() }, report);
        }
    };
    if api.is_closed {
        report.add(Kind::ApiGone, Severity::Outage, report.of_api(of, None), closed(of, api));
    }
    if api.is_private() {
        associations(of, api, report);
    } else {
        let kinds = if api.kinds.is_empty() { "of no kind".to_owned() } else { api.kinds.join(", ") };
        let lines = Lines {
            has: format!("the API `{}` is {kinds}", api.name),
            wants: "PRIVATE: only VPC endpoints reach it".to_owned(),
            fix: format!(
                "aws apigateway update-rest-api --rest-api-id {} --patch-operations \
                 op=replace,path=/endpointConfiguration/types/{},value=PRIVATE",
                of.id,
                api.kinds.first().map_or("REGIONAL", String::as_str)
            ),
        };
        report.add(Kind::ApiNotPrivate, Severity::Exposure, report.of_api(of, None), lines);
    }
    let stages = stages(of, api, report);
    policies::check(of, api, &stages, report);
}

/// An API that exists, and that no request through Nameplate reaches.
fn closed(of: &Api<'_>, api: &RestApi) -> Lines {
    Lines {
        has: format!(
            "the execute-api endpoint of the API `{}` is disabled: no request through Nameplate reaches it",
            api.name
        ),
        wants: "an enabled execute-api endpoint".to_owned(),
        fix: format!(
            "aws apigateway update-rest-api --rest-api-id {} --patch-operations \
             op=replace,path=/disableExecuteApiEndpoint,value=false, and deploy its stages",
            of.id
        ),
    }
}

fn unknown(of: &Api<'_>, reason: &Reason, report: &mut Report<'_>) {
    report.add_unknown(&OF_APIS, report.of_api(of, None), reason);
}

/// Checks the VPC endpoints that the API is associated with. An API without any is reached through all of them, by its own
/// name; only the names that an association makes (`{api}-{vpce}`) need one.
fn associations(of: &Api<'_>, api: &RestApi, report: &mut Report<'_>) {
    let with = if api.endpoint_ids.is_empty() { "no VPC endpoint".to_owned() } else { api.endpoint_ids.join(", ") };
    let mut named: Vec<String> = of.routes().iter().filter_map(|route| endpoint_in(route.api_host())).collect();
    named.sort();
    named.dedup();
    let ids = of.routes().iter().filter_map(|route| report.mapping.ids.get(&endpoint_of(route))).flatten();
    let mut ids: Vec<String> = ids.filter(|id| !api.endpoint_ids.is_empty() && !named.contains(id)).cloned().collect();
    ids.sort();
    ids.dedup();
    let named = named.into_iter().map(|id| (id, Severity::Outage));
    for (id, severity) in named.chain(ids.into_iter().map(|id| (id, Severity::Risk))) {
        if api.endpoint_ids.contains(&id) {
            continue;
        }
        let wants = match severity {
            Severity::Outage => format!("{id}: PRIVATE_API_URL has the name that this association makes"),
            _ => format!("{id}, through which Nameplate reaches it"),
        };
        let lines = Lines {
            has: format!("the API `{}` is associated with {with}", api.name),
            wants,
            fix: format!(
                "aws apigateway update-rest-api --rest-api-id {} --patch-operations \
                 op=add,path=/endpointConfiguration/vpcEndpointIds,value={id}",
                of.id
            ),
        };
        report.add(Kind::EndpointNotAssociated, severity, report.of_api(of, None), lines);
    }
}

/// The stages that the mapping leads to and the API has. Reports those that it does not have, and canaries.
fn stages<'a>(of: &Api<'_>, api: &'a RestApi, report: &mut Report<'_>) -> Vec<&'a Stage> {
    let stages: &[Stage] = match &api.stages {
        Look::Found(stages) => stages,
        Look::Gone => &[],
        Look::Unknown(reason) => {
            report.add_unknown(&OF_STAGES, report.of_api(of, None), reason);
            return Vec::new();
        }
    };
    let mut mapped = Vec::new();
    for wanted in of.stages() {
        match stages.iter().find(|stage| stage.name == wanted) {
            Some(stage) => {
                canary(of, stage, report);
                mapped.push(stage);
            }
            None => {
                let known: Vec<&str> = stages.iter().map(|stage| &*stage.name).collect();
                let known = if known.is_empty() { "no stage".to_owned() } else { known.join(", ") };
                let lines = Lines {
                    has: format!("the API `{}` has {known}", api.name),
                    wants: format!("a stage {wanted}"),
                    fix: format!("deploy the stage {wanted}, or map another one"),
                };
                report.add(Kind::StageGone, Severity::Outage, report.of_api(of, Some(&wanted)), lines);
            }
        }
    }
    mapped
}

fn canary(of: &Api<'_>, stage: &Stage, report: &mut Report<'_>) {
    let Some(Canary { deployment, percent }) = &stage.canary else { return };
    let lines = Lines {
        has: format!("{percent} % of its traffic goes to deployment {deployment}, the rest to {}", stage.deployment),
        wants: "one deployment; while there is a canary, no new policy reaches the other traffic".to_owned(),
        fix: format!(
            "promote it, or end it: aws apigateway update-stage --rest-api-id {} --stage-name {} --patch-operations \
             op=remove,path=/canarySettings",
            of.id, stage.name
        ),
    };
    report.add(Kind::Canary, Severity::Risk, report.of_api(of, Some(&stage.name)), lines);
}
