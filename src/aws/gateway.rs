//! API Gateway's control plane: the policy of a REST API, and what is deployed of it.
//!
//! Credentials come from the SDK's default chain, and an endpoint other than AWS's from
//! `AWS_ENDPOINT_URL_API_GATEWAY` or `AWS_ENDPOINT_URL`. **Invariant:** nothing here says a secret; errors
//! are AWS's own words, and the SDK's about where it looked for credentials.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::{self, Debug};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::config::SharedCredentialsProvider;
use aws_sdk_apigateway::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_apigateway::types::{EndpointConfiguration, EndpointType, MethodSetting, Op, PatchOperation};

use super::client::{assumed_role, load_config};
use nameplate_core::diagnostic::printable_name;
use nameplate_plan::policy::deployed::Deployment;
use nameplate_plan::policy::managed_arn;

/// How often a request that AWS throttles is sent, and how long to wait in between where AWS does not say. CreateDeployment
/// is taken once in 5 s for an account and region (API Gateway Developer Guide, "Quotas").
pub(super) const TRIES: u32 = 8;
const THROTTLED: Duration = Duration::from_secs(5);

/// The longest wait that AWS may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How many deployments are asked for at once: the most that AWS gives.
const PAGE: i32 = 500;

/// The most pages of one list: half a million, where AWS's quotas are some hundred.
const MAX_PAGES: usize = 1_000;

/// How CloudTrail names what is done with an assumed role.
const SESSION: &str = "nameplate-policy";

/// A role of the account that APIs are in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Role {
    pub arn: String,
    pub external_id: Option<String>,
}

impl Role {
    /// The id of its account.
    pub(crate) fn account(&self) -> Option<&str> {
        self.arn.split(':').nth(4)
    }
}

/// API Gateway in one region.
#[derive(Debug)]
pub(crate) struct Gateway {
    client: Client,
    region: String,
}

/// What there is to know of a REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RestApi {
    /// What people call it.
    pub name: String,
    /// `PRIVATE`, `REGIONAL` or `EDGE`.
    pub kinds: Vec<String>,
    /// The VPC endpoints it is associated with.
    pub endpoint_ids: Vec<String>,
    /// Its policy as AWS gives it back; empty where it has none.
    pub policy: String,
    /// `STRICT` or `BASIC`, where AWS says so.
    pub access_mode: Option<String>,
    /// True if its execute-api endpoint is disabled, so that only API Gateway's own custom domain names reach it.
    pub is_closed: bool,
}

impl RestApi {
    /// Whether only VPC endpoints reach it.
    pub(crate) fn is_private(&self) -> bool {
        self.kinds.iter().any(|kind| kind == EndpointType::Private.as_str())
    }
}

/// A stage, and the deployment it serves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage {
    /// Its name.
    pub name: String,
    /// The deployment's id.
    pub deployment: String,
    /// Part of its traffic goes to another deployment, and the next one goes there too.
    pub canary: Option<Canary>,
    /// The ARN of the web ACL of AWS WAF that looks at its requests.
    pub web_acl: Option<String>,
    /// What is throttled, `*/*` for all methods: requests a second, and the burst.
    pub throttling: Vec<(String, f64, i32)>,
}

/// A canary of a stage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Canary {
    /// The deployment's id.
    pub deployment: String,
    /// How much of the stage's traffic it gets.
    pub percent: f64,
}

/// Why AWS did not do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What it was about, and what AWS said.
    pub what: String,
    /// What to do.
    pub help: String,
    /// Whose error it is.
    pub kind: FaultKind,
}

/// Whose error it is that AWS did not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// AWS understood, and does not have what it was asked for.
    Gone,
    /// AWS understood, and refuses what it was asked for.
    Input,
    /// Anything else: credentials, throttling, the network.
    Other,
}

impl FaultKind {
    /// Reports whether AWS understood, and the error is in what it was asked for.
    pub(crate) fn is_of_input(self) -> bool {
        matches!(self, FaultKind::Gone | FaultKind::Input)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  help: {}", self.what, self.help)
    }
}

/// The types of an API's endpoint: `PRIVATE`, `REGIONAL` or `EDGE`.
pub(super) fn kinds(of: Option<&EndpointConfiguration>) -> Vec<String> {
    of.map(|of| of.types().iter().map(EndpointType::as_str).map(str::to_owned).collect()).unwrap_or_default()
}

impl Gateway {
    /// API Gateway in a region, with the credentials at hand or those of a role that they may assume.
    pub(crate) async fn connect(region: &str, role: Option<&Role>) -> Gateway {
        let mut config = load_config(None, Some(region)).await;
        if let Some(Role { arn, external_id }) = role {
            let assumed = assumed_role((arn, external_id.as_deref()), SESSION, &config).await;
            config = config.into_builder().credentials_provider(SharedCredentialsProvider::new(assumed)).build();
        }
        Gateway { client: Client::new(&config), region: region.to_owned() }
    }

    /// The API of this id.
    pub(crate) async fn rest_api(&self, id: &str) -> Result<RestApi, Fault> {
        let request = self.client.get_rest_api().rest_api_id(id);
        let api = patiently(|| request.clone().send()).await;
        let api = api.map_err(|e| self.fault("read API", id, "apigateway:GET", &e))?;
        let endpoints = api.endpoint_configuration();
        Ok(RestApi {
            name: api.name().unwrap_or_default().to_owned(),
            kinds: kinds(endpoints),
            endpoint_ids: endpoints.map(|of| of.vpc_endpoint_ids().to_vec()).unwrap_or_default(),
            policy: api.policy().unwrap_or_default().to_owned(),
            access_mode: api.endpoint_access_mode().map(|mode| mode.as_str().to_owned()),
            is_closed: api.disable_execute_api_endpoint(),
        })
    }

    /// Its stages.
    pub(crate) async fn stages(&self, id: &str) -> Result<Vec<Stage>, Fault> {
        let request = self.client.get_stages().rest_api_id(id);
        let stages = patiently(|| request.clone().send()).await;
        let stages = stages.map_err(|e| self.fault("read the stages of API", id, "apigateway:GET", &e))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(stages
            .item()
            .iter()
            .map(|of| Stage {
                name: text(of.stage_name()),
                deployment: text(of.deployment_id()),
                canary: of.canary_settings().map(|canary| Canary {
                    deployment: text(canary.deployment_id()),
                    percent: canary.percent_traffic(),
                }),
                web_acl: of.web_acl_arn().map(str::to_owned),
                throttling: throttling(of.method_settings()),
            })
            .collect())
    }

    /// All of its deployments.
    pub(crate) async fn deployments(&self, id: &str) -> Result<Vec<Deployment>, Fault> {
        let request = self.client.get_deployments().rest_api_id(id).limit(PAGE);
        let deployments = pages(async |position| {
            let page = patiently(|| request.clone().set_position(position.clone()).send()).await;
            let page = page.map_err(|e| self.fault("read the deployments of API", id, "apigateway:GET", &e))?;
            Ok((page.items.unwrap_or_default(), page.position))
        });
        let deployment = |of: aws_sdk_apigateway::types::Deployment| Deployment {
            created: of.created_date().and_then(|at| SystemTime::try_from(*at).ok()).unwrap_or(SystemTime::UNIX_EPOCH),
            id: of.id.unwrap_or_default(),
            description: of.description.unwrap_or_default(),
        };
        Ok(deployments.await?.into_iter().map(deployment).collect())
    }

    /// The policy that a stage serves, as its export has it; nothing where the export has none.
    pub(crate) async fn exported_policy(&self, id: &str, stage: &str) -> Result<Option<String>, Fault> {
        let request = self.client.get_export().rest_api_id(id).stage_name(stage).export_type("oas30");
        let request = request.parameters("extensions", "apigateway").accepts("application/json");
        let export = patiently(|| request.clone().send()).await;
        let export = export.map_err(|e| self.fault("export a stage of API", id, "apigateway:GET", &e))?;
        let bytes = export.body().map(|body| body.as_ref()).unwrap_or_default();
        match serde_json::from_slice::<serde_json::Value>(bytes) {
            Ok(document) => Ok(document.get("x-amazon-apigateway-policy").map(|policy| match policy {
                serde_json::Value::String(text) => text.clone(),
                policy => policy.to_string(),
            })),
            Err(e) => {
                let what = format!("cannot read the export of stage `{stage}` of API `{id}`: {e}");
                Err(Fault { what, help: NETWORK_HELP.to_owned(), kind: FaultKind::Other })
            }
        }
    }

    /// Puts a policy in the place of the one there is.
    pub(crate) async fn put_policy(&self, id: &str, policy: &str) -> Result<(), Fault> {
        let replace = PatchOperation::builder().op(Op::Replace).path("/policy").value(policy).build();
        let update = self.client.update_rest_api().rest_api_id(id).patch_operations(replace);
        let put = patiently(|| update.clone().send()).await;
        let rights = "apigateway:PATCH and apigateway:UpdateRestApiPolicy";
        put.map(|_| ()).map_err(|e| self.fault("put the policy of API", id, rights, &e))
    }

    /// Deploys the API as it is now to a stage; gives the deployment's id.
    pub(crate) async fn deploy(&self, id: &str, stage: &str, description: &str) -> Result<String, Fault> {
        let deploy = self.client.create_deployment().rest_api_id(id).stage_name(stage).description(description);
        let made = patiently(|| deploy.clone().send())
            .await
            .map_err(|e| self.fault("deploy API", id, "apigateway:POST", &e))?;
        Ok(made.id().unwrap_or_default().to_owned())
    }

    /// API Gateway of a session's account and region.
    pub(super) fn of(config: &SdkConfig, region: &str) -> Gateway {
        Gateway { client: Client::new(config), region: region.to_owned() }
    }

    fn fault<E>(&self, act: &str, id: &str, rights: &str, error: &SdkError<E>) -> Fault
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let arn = managed_arn(&self.region, id);
        fault_of(&format!("{act} `{id}` in {}", self.region), &format!("{rights} on {arn} and {arn}/*"), error)
    }
}

/// The limits of a stage's methods, by name.
fn throttling(settings: Option<&HashMap<String, MethodSetting>>) -> Vec<(String, f64, i32)> {
    let limits = settings.into_iter().flatten();
    let limits = limits.map(|(of, set)| (of.clone(), set.throttling_rate_limit(), set.throttling_burst_limit()));
    // AWS writes 0 and -1 where nothing is set.
    let mut limits: Vec<_> = limits.filter(|(_, rate, burst)| *rate > 0.0 || *burst > 0).collect();
    limits.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    limits
}

/// What went wrong with an act, which needs `rights`.
pub(super) fn fault_of<E>(act: &str, rights: &str, error: &SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let said = |said: &dyn fmt::Display| printable_name(&format!("cannot {act}: {said}"));
    let SdkError::ServiceError(service) = error else {
        return Fault { what: said(&chain(error)), help: unreached_help(error), kind: FaultKind::Other };
    };
    let status = service.raw().status().as_u16();
    let Some(code) = service.err().code() else {
        // API Gateway names its errors; a proxy or a portal on the way does not.
        let what = said(&format_args!("status {status} is no answer of API Gateway: {}", chain(service.err())));
        return Fault { what, help: NETWORK_HELP.to_owned(), kind: FaultKind::Other };
    };
    let what = said(&format_args!("{code}: {}", service.err().message().unwrap_or("AWS says no more")));
    let (kind, help) = advice(code, status, rights);
    Fault { what, help, kind }
}

/// Sends a request until it is not throttled, [`TRIES`] times at most.
pub(super) async fn patiently<T, E: ProvideErrorMetadata, F: Future<Output = Result<T, SdkError<E>>>>(
    send: impl Fn() -> F,
) -> Result<T, SdkError<E>> {
    for _ in 1..TRIES {
        match send().await {
            Err(error) if is_throttled(&error) => tokio::time::sleep(wait_of(&error)).await,
            done => return done,
        }
    }
    send().await
}

/// All items of a list, page by page, until a page names no other one.
pub(super) async fn pages<T, P: Clone + PartialEq>(
    mut page: impl AsyncFnMut(Option<P>) -> Result<(Vec<T>, Option<P>), Fault>,
) -> Result<Vec<T>, Fault> {
    let (mut all, mut position) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let (items, next) = page(position.clone()).await?;
        all.extend(items);
        if next.is_none() || next == position {
            return Ok(all);
        }
        position = next;
    }
    let what = format!("a list of AWS has no end after {MAX_PAGES} pages");
    Err(Fault { what, help: "run it again".to_owned(), kind: FaultKind::Other })
}

fn is_throttled<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code).is_some_and(is_throttling)
}

/// Whether AWS asks with this code for fewer requests.
pub(super) fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "TooManyRequestsException"
            | "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "PriorRequestNotComplete"
    )
}

/// How long AWS wants to be left alone, and a little more, so that several runs do not come back together.
fn wait_of<E>(error: &SdkError<E>) -> Duration {
    wait_as_asked(error.raw_response().and_then(|response| response.headers().get("retry-after")))
}

/// As [`wait_of`], by the value of Retry-After.
pub(super) fn wait_as_asked(asked: Option<&str>) -> Duration {
    let asked = asked.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    asked.unwrap_or(THROTTLED).min(LONGEST_WAIT).mul_f64(1.0 + fastrand::f64() / 4.0)
}

/// What to do where what is between us and AWS is at fault.
pub(super) const NETWORK_HELP: &str = "check the network, HTTPS_PROXY and AWS_ENDPOINT_URL, and run it again";

/// Whether what was asked for is at fault, and what to do about an error of AWS's. `rights` are what the request needs.
pub(super) fn advice(code: &str, status: u16, rights: &str) -> (FaultKind, String) {
    let help = match (code, status) {
        ("NotFoundException", _) | (_, 404) => {
            let help = "check the account the credentials are of, and the region of the mapping";
            return (FaultKind::Gone, help.to_owned());
        }
        ("ExpiredTokenException" | "ExpiredToken" | "RequestExpired", _) => {
            "the credentials were good once: get new ones, and check this machine's clock"
        }
        ("UnrecognizedClientException" | "InvalidClientTokenId" | "MissingAuthenticationTokenException", _) => {
            "AWS does not know these credentials: check AWS_PROFILE or the keys, and that they are of the region's \
             partition (aws, aws-cn, aws-us-gov, ...)"
        }
        ("InvalidSignatureException" | "SignatureDoesNotMatch", _) => "check the secret key, and this machine's clock",
        _ if is_throttling(code) => {
            "others call AWS for this account as well; wait a minute and run it again: what is done is not done twice"
        }
        ("LimitExceededException", _) => "have AWS raise the quota it names, or, for deployments, delete old ones",
        ("BadRequestException", _) | (_, 400) => return (FaultKind::Input, "mend what AWS names".to_owned()),
        (_, 401 | 403) => return (FaultKind::Other, format!("the credentials need {rights}")),
        _ => "run it again: what is done already is not done twice",
    };
    (FaultKind::Other, help.to_owned())
}

/// What an error says, and those behind it.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let (mut said, mut cause) = (Vec::new(), Some(error));
    while let Some(error) = cause {
        said.push(error.to_string());
        cause = error.source();
    }
    // Some repeat what the one behind them says.
    said.dedup();
    said.join(": ")
}

fn unreached_help<E: Debug>(error: &SdkError<E>) -> String {
    match error {
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) if is_about_credentials(error) => {
            "give it credentials: a profile (AWS_PROFILE), AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role"
                .to_owned()
        }
        _ => NETWORK_HELP.to_owned(),
    }
}

fn is_about_credentials<E>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::DispatchFailure(failure) => {
            failure.as_connector_error().is_some_and(|error| chain(error).contains("credentials"))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn advises(code: &str, status: u16, of_input: bool, want: &str) {
        let (input, help) = advice(code, status, "apigateway:GET on arn:aws:apigateway:us-east-1::/restapis/a");
        assert_eq!(input.is_of_input(), of_input, "{code}: {help}");
        assert!(help.contains(want), "{code}: {help}");
    }

    #[test]
    fn each_refusal_has_its_own_advice() {
        for expired in ["ExpiredTokenException", "ExpiredToken", "RequestExpired"] {
            advises(expired, 403, false, "get new ones");
            advises(expired, 400, false, "get new ones");
        }
        for unknown in ["UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationTokenException"] {
            advises(unknown, 403, false, "check AWS_PROFILE or the keys");
        }
        for signature in ["InvalidSignatureException", "SignatureDoesNotMatch"] {
            advises(signature, 403, false, "check the secret key, and this machine's clock");
        }
        advises("AccessDeniedException", 403, false, "the credentials need apigateway:GET on arn:aws:");
        advises("NotFoundException", 404, true, "check the account");
        advises("BadRequestException", 400, true, "mend what AWS names");
        advises("TooManyRequestsException", 429, false, "wait a minute");
        advises("LimitExceededException", 429, false, "delete old ones");
        advises("ServiceUnavailableException", 503, false, "run it again");
    }
}
