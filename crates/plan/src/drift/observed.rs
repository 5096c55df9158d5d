//! What AWS said, as plain values.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

pub use crate::policy::deployed::Deployment;

/// The result of looking at something.
#[derive(Clone, Debug, PartialEq)]
pub enum Look<T> {
    /// AWS has it.
    Found(T),
    /// AWS says that it does not exist.
    Gone,
    /// It could not be looked at.
    Unknown(Reason),
}

impl<T> Look<T> {
    /// The same result of something that is made of what AWS has.
    pub fn map<U>(self, made: impl FnOnce(T) -> U) -> Look<U> {
        match self {
            Look::Found(found) => Look::Found(made(found)),
            Look::Gone => Look::Gone,
            Look::Unknown(reason) => Look::Unknown(reason),
        }
    }
}

/// Why something could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What failed, in one line.
    pub what: String,
    /// What to do about it, in one line.
    pub help: String,
}

/// An API, as a mapping names it: region, then id.
pub type ApiName = (String, String);

/// Everything that was looked at. What is not in it was not looked at.
#[derive(Clone, Debug)]
pub struct Observed {
    /// When it was looked at.
    pub now: SystemTime,
    /// The APIs of the mapping.
    pub apis: BTreeMap<ApiName, Look<RestApi>>,
    /// VPC endpoints, by id.
    pub vpc_endpoints: BTreeMap<String, Look<VpcEndpoint>>,
    /// Private hosted zones.
    pub zones: Look<Vec<HostedZone>>,
    /// The certificates of the load balancer's region.
    pub certificates: Look<Vec<Certificate>>,
}

/// A REST API.
#[derive(Clone, Debug, PartialEq)]
pub struct RestApi {
    /// What people call it.
    pub name: String,
    /// `PRIVATE`, `REGIONAL` or `EDGE`.
    pub kinds: Vec<String>,
    /// The VPC endpoints it is associated with.
    pub endpoint_ids: Vec<String>,
    /// Its policy as AWS returns it; empty where it has none.
    pub policy: String,
    /// Reports whether its execute-api endpoint is disabled, so that only API Gateway's own custom domain names reach it.
    pub is_closed: bool,
    /// Its stages.
    pub stages: Look<Vec<Stage>>,
    /// Its deployments.
    pub deployments: Look<Vec<Deployment>>,
}

impl RestApi {
    /// Reports whether only VPC endpoints reach it.
    pub fn is_private(&self) -> bool {
        self.kinds.iter().any(|kind| kind == "PRIVATE")
    }
}

/// A stage of an API.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// The id of the deployment that it serves.
    pub deployment: String,
    /// The part of its traffic that goes to another deployment.
    pub canary: Option<Canary>,
    /// The policy that the stage serves, where its export was read: `Gone` where the export has none.
    pub policy: Option<Look<String>>,
}

/// A canary of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Canary {
    /// The deployment's id.
    pub deployment: String,
    /// The share of the stage's traffic that it gets, in percent.
    pub percent: f64,
}

/// A VPC endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VpcEndpoint {
    /// `available`, `pending`, `deleting` and so on, in the case that AWS uses.
    pub state: String,
    /// The service it leads to.
    pub service: String,
}

/// A private hosted zone.
#[derive(Clone, Debug, PartialEq)]
pub struct HostedZone {
    /// Its name, in lower case and without a dot at the end.
    pub name: String,
    /// The names of its address records, in the same form, `*` for a wildcard. Only zones that answer for a domain of the
    /// mapping are read.
    pub records: Look<BTreeSet<String>>,
    /// The names that have records of other types only. They exist, so no wildcard answers for them.
    pub others: BTreeSet<String>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its ARN.
    pub arn: String,
    /// Its names, in lower case.
    pub names: BTreeSet<String>,
    /// Reports whether a load balancer or another service uses it.
    pub is_used: bool,
    /// When it ends; none where it was never issued.
    pub end: Option<SystemTime>,
}
