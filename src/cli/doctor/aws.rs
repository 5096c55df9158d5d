//! What API Gateway's control plane knows of the API: read-only calls that narrow the causes down.

use std::fmt;

use serde::Serialize;

use super::causes::{Named, named};
use crate::aws::gateway::{Gateway, RestApi, Stage};
use nameplate_core::domain::decide::Decision;
use nameplate_core::domain::host::{HostBuffer, normalize};
use nameplate_core::domain::route::{RefererMode, Route};
use nameplate_core::verdict::Cause;
use nameplate_plan::policy::deployed::Deployment;
use nameplate_plan::policy::excess::statements::{Answer, Call, Explained, explain_call};

/// What AWS says.
#[derive(Debug, Default, Serialize)]
pub(super) struct AwsSeen {
    /// Why it could not be asked, or not all of it.
    pub(super) error: Option<String>,
    pub(super) api: Option<ApiSeen>,
    pub(super) stage: Option<StageSeen>,
    pub(super) policy: Option<PolicySeen>,
    /// The same in sentences, without the statements of the policy.
    pub(super) notes: Vec<String>,
    /// The causes of the verdict that are left, or one that AWS adds.
    pub(super) causes: Vec<Named>,
}

/// The API.
#[derive(Debug, Serialize)]
pub(super) struct ApiSeen {
    pub(super) name: String,
    pub(super) endpoint_types: Vec<String>,
    pub(super) vpc_endpoints: Vec<String>,
    pub(super) access_mode: Option<String>,
    pub(super) execute_api_disabled: bool,
}

/// The stage, and the deployment that it serves.
#[derive(Debug, Serialize)]
pub(super) struct StageSeen {
    pub(super) name: String,
    pub(super) deployment: String,
    pub(super) deployment_description: Option<String>,
    pub(super) canary_percent: Option<f64>,
    pub(super) web_acl: Option<String>,
    pub(super) throttling: Vec<Throttled>,
}

/// A limit of a stage.
#[derive(Debug, Serialize)]
pub(super) struct Throttled {
    pub(super) methods: String,
    pub(super) requests_per_second: f64,
    pub(super) burst: i32,
}

/// The policy that the API has now, for the request.
#[derive(Debug, Serialize)]
pub(super) struct PolicySeen {
    /// `yes`, `no`, or `maybe` where what is not known decides.
    pub(super) allows: &'static str,
    pub(super) statements: Vec<StatementSeen>,
}

/// A statement.
#[derive(Debug, Serialize)]
pub(super) struct StatementSeen {
    pub(super) number: usize,
    pub(super) sid: Option<String>,
    pub(super) effect: &'static str,
    pub(super) counts: &'static str,
    pub(super) why: Option<String>,
}

impl PolicySeen {
    /// As a verb.
    pub(super) fn says(&self) -> &'static str {
        match self.allows {
            "yes" => "allows",
            "no" => "does not allow",
            _ => "may allow",
        }
    }
}

impl fmt::Display for StatementSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StatementSeen { number, sid, effect, counts, why } = self;
        let sid = sid.as_ref().map(|sid| format!(" `{sid}`")).unwrap_or_default();
        let counts = match *counts {
            "yes" => "counts",
            "no" => "does not count",
            _ => "may count",
        };
        write!(f, "statement {number}{sid}, {effect}: {counts}")?;
        why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
    }
}

/// The request that was sent, and the causes that its response fits.
pub(super) struct Asked<'a> {
    pub(super) stage: &'a str,
    /// The method that the API got.
    pub(super) verb: &'a str,
    /// The host of the URL.
    pub(super) host: &'a str,
    /// The labels of the causes that fit.
    pub(super) causes: Vec<&'a str>,
    /// The id of the VPC endpoint, where it is known.
    pub(super) vpce: Option<String>,
}

/// Asks. Fails where there is no runtime to ask with; what AWS does not tell is in the result.
pub(super) fn look(decision: &Decision<'_>, asked: &Asked<'_>) -> Result<AwsSeen, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("error: no runtime to ask AWS with: {e}"))?;
    Ok(runtime.block_on(ask(decision, asked)))
}

async fn ask(decision: &Decision<'_>, asked: &Asked<'_>) -> AwsSeen {
    let route = decision.route;
    let (id, region) = (route.api_id(), route.region());
    let mut seen = AwsSeen::default();
    let gateway = Gateway::connect(region, None).await;
    let api = match gateway.rest_api(id).await {
        Ok(api) => api,
        Err(fault) => {
            // In another account it is as unknown as one that is gone, so that rules nothing out.
            if fault.kind.is_of_input() {
                seen.notes
                    .push(format!("API {id} is not in this account in {region}: it is gone, or another account's"));
            }
            seen.error = Some(fault.to_string());
            seen.causes = left(asked, |_| true);
            return seen;
        }
    };
    let (stage, deployments) = match (gateway.stages(id).await, gateway.deployments(id).await) {
        (Ok(stages), Ok(deployments)) => (Some(stages), deployments),
        (Err(fault), _) | (_, Err(fault)) => {
            seen.error = Some(fault.to_string());
            (None, Vec::new())
        }
    };
    let knows_stages = stage.is_some();
    let stage = stage.unwrap_or_default().into_iter().find(|stage| stage.name == asked.stage);
    seen.policy = policy(&api, decision, asked, &mut seen.error);
    note(&mut seen.notes, &api, stage.as_ref(), knows_stages, asked);
    seen.causes = left(asked, |cause| fits(cause, &api, stage.as_ref(), knows_stages));
    seen.stage = stage.map(|stage| stage_seen(stage, &deployments));
    seen.api = Some(ApiSeen {
        name: api.name,
        endpoint_types: api.kinds,
        vpc_endpoints: api.endpoint_ids,
        access_mode: api.access_mode,
        execute_api_disabled: api.is_closed,
    });
    seen
}

/// The policy that the API has now, statement by statement.
fn policy(api: &RestApi, decision: &Decision<'_>, asked: &Asked<'_>, error: &mut Option<String>) -> Option<PolicySeen> {
    let route = decision.route;
    if api.policy.is_empty() {
        return Some(PolicySeen { allows: "no", statements: Vec::new() });
    }
    let target = String::from_utf8_lossy(&decision.target);
    let path = target.split('?').next().unwrap_or_default().splitn(3, '/').nth(2).unwrap_or_default();
    let referer = (route.choices.referer == RefererMode::Domain).then(|| domain(route, asked.host));
    let call = Call {
        region: route.region(),
        api_id: route.api_id(),
        stage: asked.stage,
        verb: asked.verb,
        path,
        vpce: asked.vpce.as_deref(),
        referer: referer.as_deref(),
    };
    match explain_call(&api.policy, &call) {
        Ok(explanation) => Some(PolicySeen {
            allows: answer(explanation.allows),
            statements: explanation.statements.into_iter().map(statement).collect(),
        }),
        Err(e) => {
            *error = Some(format!("the API's policy cannot be read: {e}"));
            None
        }
    }
}

/// The domain that the proxy sends for a request: the entry's, or of a wildcard the host that was asked for.
fn domain(route: &Route, host: &str) -> String {
    let mut buffer = HostBuffer::default();
    match normalize(host.as_bytes(), &mut buffer) {
        Ok(host) if route.is_wildcard() => host.to_owned(),
        _ => route.host().to_owned(),
    }
}

fn statement(explained: Explained) -> StatementSeen {
    StatementSeen {
        number: explained.number,
        sid: explained.sid,
        effect: if explained.denies { "Deny" } else { "Allow" },
        counts: answer(explained.counts),
        why: explained.why,
    }
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::Maybe => "maybe",
    }
}

fn stage_seen(stage: Stage, deployments: &[Deployment]) -> StageSeen {
    let deployment = deployments.iter().find(|deployment| deployment.id == stage.deployment);
    StageSeen {
        name: stage.name,
        deployment_description: deployment.map(|deployment| deployment.description.clone()),
        deployment: stage.deployment,
        canary_percent: stage.canary.map(|canary| canary.percent),
        web_acl: stage.web_acl,
        throttling: stage
            .throttling
            .into_iter()
            .map(|(methods, requests_per_second, burst)| Throttled { methods, requests_per_second, burst })
            .collect(),
    }
}

/// What AWS says, in sentences.
fn note(notes: &mut Vec<String>, api: &RestApi, stage: Option<&Stage>, knows_stages: bool, asked: &Asked<'_>) {
    notes.push(format!("API `{}`, endpoint type {}", api.name, api.kinds.join(", ")));
    if !api.is_private() {
        notes.push("only an API whose endpoint type is PRIVATE is reached through a VPC endpoint".to_owned());
    }
    if api.is_closed {
        notes.push("its execute-api endpoint is disabled, so no request through Nameplate reaches it".to_owned());
    }
    let ids = if api.endpoint_ids.is_empty() { "none".to_owned() } else { api.endpoint_ids.join(", ") };
    notes.push(format!("associated VPC endpoints: {ids}"));
    match asked.vpce.as_deref() {
        Some(vpce) if !api.endpoint_ids.is_empty() && !api.endpoint_ids.iter().any(|id| id == vpce) => {
            notes.push(format!("{vpce}, which Nameplate uses, is not one of them; its own name needs no association"));
        }
        Some(vpce) => notes.push(format!("Nameplate uses {vpce}")),
        None => notes.push("the id of Nameplate's VPC endpoint is not known; give --vpce".to_owned()),
    }
    match stage {
        Some(stage) => {
            notes.push(format!("stage `{}` serves deployment {}", stage.name, stage.deployment));
            notes.extend(
                stage.canary.as_ref().map(|canary| {
                    format!("a canary gets {} % of its traffic, and the next deployment", canary.percent)
                }),
            );
            notes.extend(stage.web_acl.as_ref().map(|acl| format!("AWS WAF looks at its requests: {acl}")));
            let limit = |(methods, rate, burst): &(String, f64, i32)| {
                format!("throttled for {methods}: {rate} requests a second, burst {burst}")
            };
            notes.extend(stage.throttling.iter().map(limit));
        }
        None if knows_stages => notes.push(format!("there is no stage `{}`", asked.stage)),
        None => {}
    }
    if api.policy.is_empty() {
        notes.push("it has no resource policy, and a private API without one takes no request".to_owned());
    } else {
        notes.push("a policy takes effect with the next deployment of the stage".to_owned());
    }
}

/// The causes of the verdict that AWS does not rule out.
fn left(asked: &Asked<'_>, fits: impl Fn(Cause) -> bool) -> Vec<Named> {
    let of_verdict = Cause::ALL.into_iter().filter(|cause| asked.causes.contains(&cause.label()));
    of_verdict.filter(|cause| fits(*cause)).map(named).collect()
}

/// Whether a cause can be, after what AWS says.
fn fits(cause: Cause, api: &RestApi, stage: Option<&Stage>, knows_stages: bool) -> bool {
    match cause {
        Cause::ApiUnknown => !api.is_private() || api.is_closed,
        Cause::StageUnknown => !knows_stages || stage.is_none_or(|stage| stage.deployment.is_empty()),
        Cause::Waf => stage.is_none_or(|stage| stage.web_acl.is_some()),
        Cause::StrictAccess => api.access_mode.as_deref().is_none_or(|mode| mode == "STRICT"),
        // The stage may serve the policy of an older deployment, so the one that the API has now rules nothing out.
        _ => true,
    }
}

/// `vpce-0123` of an endpoint's name, `vpce-0123-abcd.execute-api...`.
pub(super) fn endpoint_id(dns_name: &str) -> Option<String> {
    let mut pieces = dns_name.split('.').next()?.splitn(3, '-');
    let (kind, id) = (pieces.next()?, pieces.next()?);
    (kind == "vpce").then(|| format!("{kind}-{id}"))
}
