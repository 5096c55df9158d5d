//! The kinds of drift, and how bad each one is.

use serde::Serialize;

/// How bad a finding is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody can call what the mapping does not lead to.
    Exposure,
    /// Calls that the mapping leads to fail.
    Outage,
    /// Nothing fails yet; the next deployment, or time, changes that.
    Risk,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Severity; 3] = [Severity::Exposure, Severity::Outage, Severity::Risk];

    /// The name, as it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Exposure => "exposure",
            Severity::Outage => "outage",
            Severity::Risk => "risk",
        }
    }
}

/// A kind of drift. Of one severity, those that stand first are reported first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The API can be called from outside of VPC endpoints.
    ApiNotPrivate,
    /// The API's policy lets in calls that no entry leads to.
    PolicyWider,
    /// The API does not exist, or its execute-api endpoint is disabled.
    ApiGone,
    /// A stage does not exist.
    StageGone,
    /// A VPC endpoint does not exist, or cannot be used.
    VpcEndpointGone,
    /// The API has no policy.
    PolicyMissing,
    /// The API's policy refuses calls that entries lead to.
    PolicyNarrower,
    /// A stage serves another policy than the API has.
    NotDeployed,
    /// The API is not associated with a VPC endpoint.
    EndpointNotAssociated,
    /// No private hosted zone has a record for a custom domain.
    RecordMissing,
    /// No certificate in use has the name of a custom domain.
    CertificateMissing,
    /// A certificate has ended, or ends soon.
    CertificateEnding,
    /// The API's policy has statements that Nameplate does not write.
    PolicyForeign,
    /// A part of a stage's traffic goes to another deployment.
    Canary,
}

/// The kinds that are found in API Gateway.
pub const OF_APIS: [Kind; 10] = [
    Kind::ApiNotPrivate,
    Kind::PolicyWider,
    Kind::ApiGone,
    Kind::StageGone,
    Kind::PolicyMissing,
    Kind::PolicyNarrower,
    Kind::NotDeployed,
    Kind::EndpointNotAssociated,
    Kind::PolicyForeign,
    Kind::Canary,
];

/// Those of them that the stages are read for.
pub const OF_STAGES: [Kind; 3] = [Kind::StageGone, Kind::NotDeployed, Kind::Canary];

/// The kinds that are found in certificates.
pub const OF_CERTIFICATES: [Kind; 2] = [Kind::CertificateMissing, Kind::CertificateEnding];

impl Kind {
    /// All of them, in their order.
    pub const ALL: [Kind; 14] = [
        Kind::ApiNotPrivate,
        Kind::PolicyWider,
        Kind::ApiGone,
        Kind::StageGone,
        Kind::VpcEndpointGone,
        Kind::PolicyMissing,
        Kind::PolicyNarrower,
        Kind::NotDeployed,
        Kind::EndpointNotAssociated,
        Kind::RecordMissing,
        Kind::CertificateMissing,
        Kind::CertificateEnding,
        Kind::PolicyForeign,
        Kind::Canary,
    ];

    /// The name, as it is printed and given to `--ignore`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::ApiNotPrivate => "api_not_private",
            Kind::PolicyWider => "policy_wider",
            Kind::ApiGone => "api_gone",
            Kind::StageGone => "stage_gone",
            Kind::VpcEndpointGone => "vpc_endpoint_gone",
            Kind::PolicyMissing => "policy_missing",
            Kind::PolicyNarrower => "policy_narrower",
            Kind::NotDeployed => "not_deployed",
            Kind::EndpointNotAssociated => "endpoint_not_associated",
            Kind::RecordMissing => "record_missing",
            Kind::CertificateMissing => "certificate_missing",
            Kind::CertificateEnding => "certificate_ending",
            Kind::PolicyForeign => "policy_foreign",
            Kind::Canary => "canary",
        }
    }
}
