//! The calls that a comparison makes, and the IAM policy for them.

use std::collections::BTreeSet;

use super::scope::Scope;
use crate::aws::calls::{
    CERTIFICATE, CERTIFICATES, Call, DEPLOYMENTS, EXPORT, HOSTED_ZONES, RECORD_SETS, REST_APIS, STAGES, VPC_ENDPOINTS,
    policy_of,
};
use crate::cli::accounts::Whose;
use crate::cli::environment;
use nameplate_plan::drift::kind::{Kind, OF_APIS, OF_CERTIFICATES, OF_STAGES};

/// The policy that this comparison needs.
pub(super) fn policy(scope: &Scope<'_>, whose: Whose) -> String {
    let regions: Vec<String> = scope.regions().into_iter().map(str::to_owned).collect();
    let apis: Vec<(&Call, Vec<String>)> = of_apis(scope).into_iter().map(|call| (call, regions.clone())).collect();
    let roles = scope.accounts.unwrap_or_default().iter().filter_map(|account| account.role.clone());
    let roles: BTreeSet<String> = roles.collect();
    let has_accounts = scope.accounts.is_some();
    if has_accounts && whose == Whose::Reader {
        return policy_of(&apis, &BTreeSet::new());
    }
    let at: Vec<String> = proxy_region(scope).into_iter().collect();
    let mut calls: Vec<(&Call, Vec<String>)> = of_network(scope).into_iter().map(|call| (call, at.clone())).collect();
    if !has_accounts {
        calls.extend(apis);
    }
    policy_of(&calls, &roles)
}

/// The region of the load balancer, as far as it is known without AWS.
fn proxy_region(scope: &Scope<'_>) -> Option<String> {
    let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| environment::text(name).ok()?);
    let regions = scope.regions();
    let only = regions.iter().next().filter(|_| regions.len() == 1).map(|region| (*region).to_owned());
    scope.proxy_region.map(str::to_owned).or(variables).or(only)
}

fn of_apis(scope: &Scope<'_>) -> Vec<&'static Call> {
    let mut calls = Vec::new();
    for (kinds, of) in
        [(&OF_APIS[..], &[&REST_APIS][..]), (&OF_STAGES, &[&STAGES]), (&[Kind::NotDeployed], &[&DEPLOYMENTS, &EXPORT])]
    {
        calls.extend(of.iter().filter(|_| scope.wants(kinds)));
    }
    calls
}

fn of_network(scope: &Scope<'_>) -> Vec<&'static Call> {
    let mut calls = Vec::new();
    for (kinds, of) in [
        (&[Kind::VpcEndpointGone][..], &[&VPC_ENDPOINTS][..]),
        (&[Kind::RecordMissing], &[&HOSTED_ZONES, &RECORD_SETS]),
        (&OF_CERTIFICATES, &[&CERTIFICATES, &CERTIFICATE]),
    ] {
        calls.extend(of.iter().filter(|_| scope.wants(kinds)));
    }
    calls
}
