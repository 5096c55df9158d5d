//! Every call that reads an account, each once, and the IAM policy that allows a command's calls and nothing else.
//!
//! **Invariant:** each call only reads. A command makes the calls of its list, and its stories hold the policy of the
//! list to the calls that a stand-in for AWS has seen.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use nameplate_plan::policy::partition_of;

/// A call of an AWS API.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The service, as it is signed for.
    pub service: &'static str,
    /// The operation, as AWS's reference names it.
    pub operation: &'static str,
    /// The IAM action that allows it; `None` where AWS asks for none.
    pub action: Option<&'static str>,
    /// The ARNs it reads, with `{partition}` and `{region}`.
    pub resources: &'static [&'static str],
}

impl Call {
    /// Describes the rights that the credentials need for it.
    pub(crate) fn rights(&self, region: &str) -> String {
        match self.action {
            Some(action) => format!("{action} on {}", self.arns(region).collect::<Vec<_>>().join(" and ")),
            None => "to be valid".to_owned(),
        }
    }

    fn arns(&self, region: &str) -> impl Iterator<Item = String> {
        let partition = if region == "*" { "*" } else { partition_of(region) };
        self.resources.iter().map(move |arn| arn.replace("{partition}", partition).replace("{region}", region))
    }
}

const API_GATEWAY: &str = "apigateway";
const GET: Option<&str> = Some("apigateway:GET");

/// The account of the credentials.
pub(crate) const CALLER: Call = Call { service: "sts", operation: "GetCallerIdentity", action: None, resources: &[] };

/// All REST APIs, with their tags and policies.
pub(crate) const REST_APIS: Call = Call {
    service: API_GATEWAY,
    operation: "GetRestApis",
    action: GET,
    resources: &["arn:{partition}:apigateway:{region}::/restapis"],
};

/// The stages of one.
pub(crate) const STAGES: Call = Call {
    service: API_GATEWAY,
    operation: "GetStages",
    action: GET,
    resources: &["arn:{partition}:apigateway:{region}::/restapis/*/stages"],
};

/// The deployments of one.
pub(crate) const DEPLOYMENTS: Call = Call {
    service: API_GATEWAY,
    operation: "GetDeployments",
    action: GET,
    resources: &["arn:{partition}:apigateway:{region}::/restapis/*/deployments"],
};

/// What a stage serves, its policy included.
pub(crate) const EXPORT: Call = Call {
    service: API_GATEWAY,
    operation: "GetExport",
    action: GET,
    resources: &["arn:{partition}:apigateway:{region}::/restapis/*/stages/*/exports/*"],
};

/// All custom domain names.
pub(crate) const DOMAIN_NAMES: Call = Call {
    service: API_GATEWAY,
    operation: "GetDomainNames",
    action: GET,
    resources: &["arn:{partition}:apigateway:{region}::/domainnames"],
};

/// The base path mappings of a private custom domain name, whose resource is its name, `+` and its id.
pub(crate) const BASE_PATH_MAPPINGS: Call = Call {
    service: API_GATEWAY,
    operation: "GetBasePathMappings",
    action: GET,
    resources: &["arn:{partition}:apigateway:{region}::/domainnames/*/basepathmappings"],
};

/// The VPC endpoints that may call private custom domain names.
pub(crate) const ACCESS_ASSOCIATIONS: Call = Call {
    service: API_GATEWAY,
    operation: "GetDomainNameAccessAssociations",
    action: GET,
    resources: &["arn:{partition}:apigateway:{region}::/domainnameaccessassociations"],
};

/// The routing rules of a custom domain name. They are the second version's of API Gateway, and have an action of
/// their own.
pub(crate) const ROUTING_RULES: Call = Call {
    service: API_GATEWAY,
    operation: "ListRoutingRules",
    action: Some("apigateway:ListRoutingRules"),
    resources: &["arn:{partition}:apigateway:{region}:*:/domainnames/*"],
};

/// VPC endpoints.
pub(crate) const VPC_ENDPOINTS: Call = Call {
    service: "ec2",
    operation: "DescribeVpcEndpoints",
    action: Some("ec2:DescribeVpcEndpoints"),
    resources: &["*"],
};

/// Hosted zones.
pub(crate) const HOSTED_ZONES: Call = Call {
    service: "route53",
    operation: "ListHostedZones",
    action: Some("route53:ListHostedZones"),
    resources: &["*"],
};

/// The records of one.
pub(crate) const RECORD_SETS: Call = Call {
    service: "route53",
    operation: "ListResourceRecordSets",
    action: Some("route53:ListResourceRecordSets"),
    resources: &["arn:{partition}:route53:::hostedzone/*"],
};

/// Certificates.
pub(crate) const CERTIFICATES: Call =
    Call { service: "acm", operation: "ListCertificates", action: Some("acm:ListCertificates"), resources: &["*"] };

/// One certificate.
pub(crate) const CERTIFICATE: Call = Call {
    service: "acm",
    operation: "DescribeCertificate",
    action: Some("acm:DescribeCertificate"),
    resources: &["arn:{partition}:acm:{region}:*:certificate/*"],
};

/// The calls of `nameplate discover`.
pub(crate) const DISCOVER: &[&Call] = &[&CALLER, &REST_APIS, &STAGES];

/// The calls of `nameplate import`.
pub(crate) const IMPORT: &[&Call] =
    &[&CALLER, &DOMAIN_NAMES, &BASE_PATH_MAPPINGS, &ACCESS_ASSOCIATIONS, &ROUTING_RULES];

/// The policy that allows these calls in these regions, or in all where there is none, and nothing else.
pub(crate) fn policy(calls: &[&Call], regions: &[String]) -> String {
    policy_of(&calls.iter().map(|call| (*call, regions.to_vec())).collect::<Vec<_>>(), &BTreeSet::new())
}

/// The policy that allows each of these calls in its regions, or in all where there is none, and to assume these roles.
pub(crate) fn policy_of(calls: &[(&Call, Vec<String>)], roles: &BTreeSet<String>) -> String {
    let any = ["*".to_owned()];
    let mut statements: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (call, regions) in calls {
        let regions = if regions.is_empty() { &any[..] } else { &regions[..] };
        let Some(action) = call.action else { continue };
        statements.entry(action).or_default().extend(regions.iter().flat_map(|region| call.arns(region)));
    }
    if !roles.is_empty() {
        statements.insert("sts:AssumeRole", roles.clone());
    }
    let statements = statements.iter().map(|(action, arns)| statement(action, arns));
    document(statements.collect())
}

/// The policy of the credentials that assume these roles.
pub(crate) fn caller_policy(roles: &BTreeSet<String>) -> String {
    document(vec![statement("sts:AssumeRole", roles)])
}

fn statement(action: &str, arns: &BTreeSet<String>) -> serde_json::Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": arns })
}

fn document(statements: Vec<serde_json::Value>) -> String {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    serde_json::to_string_pretty(&document).expect("texts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_each_region_and_nothing_of_other_commands() {
        let regions = ["eu-west-1".to_owned(), "cn-north-1".to_owned()];
        let policy: serde_json::Value = serde_json::from_str(&policy(DISCOVER, &regions)).expect("JSON");
        let want = json!([{
            "Effect": "Allow",
            "Action": "apigateway:GET",
            "Resource": [
                "arn:aws-cn:apigateway:cn-north-1::/restapis",
                "arn:aws-cn:apigateway:cn-north-1::/restapis/*/stages",
                "arn:aws:apigateway:eu-west-1::/restapis",
                "arn:aws:apigateway:eu-west-1::/restapis/*/stages",
            ],
        }]);
        assert_eq!(policy["Statement"], want);
    }

    #[test]
    fn every_action_only_reads() {
        for call in [DISCOVER, IMPORT].concat() {
            let reads = ["Get", "List", "Describe"].iter().any(|verb| call.operation.starts_with(verb));
            assert!(reads, "{call:?}");
        }
    }
}
