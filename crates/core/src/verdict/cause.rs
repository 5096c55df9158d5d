//! The closed list of causes.

/// Why an exchange with an API ended as it did. The order is that of [`Cause::ALL`], of the table and of the
/// troubleshooting page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The integration, or API Gateway for it, answered with a status below 400.
    Answers,
    /// The integration answered with a 4xx of its own.
    IntegrationRefuses,
    /// API Gateway found the request itself invalid.
    RequestInvalid,
    /// The method asks for a request signed with IAM credentials.
    IamRequired,
    /// The request's signature or its credentials are not valid.
    SignatureRefused,
    /// A policy of the caller, or of its organization, does not allow the call.
    IdentityPolicyDenies,
    /// The method asks for an API key of a usage plan.
    ApiKeyRequired,
    /// The authorizer found no valid token, or denies its owner.
    AuthorizerRefuses,
    /// A method, or a usage plan's key, has more requests than its rate allows.
    Throttled,
    /// The quota of a usage plan is used up.
    QuotaExceeded,
    /// API Gateway got no connection to what is behind the method.
    IntegrationUnreachable,
    /// The integration did not answer in time.
    IntegrationTimedOut,
    /// The integration's response is not in the form that API Gateway expects.
    IntegrationInvalid,
    /// The integration answered with a 5xx of its own.
    IntegrationError,
    /// API Gateway cannot run the method: its configuration, or a permission it needs, is wrong.
    ApiMisconfigured,
    /// The authorizer itself failed.
    AuthorizerFails,
    /// A Deny statement of the API's resource policy matches.
    PolicyDenies,
    /// No Allow statement of the API's resource policy matches.
    PolicyAllowsNothing,
    /// The API's policy names other VPC endpoints than this one, or the API is not associated with it.
    EndpointNotAllowed,
    /// The policy of the VPC endpoint denies the call, or does not allow it.
    EndpointPolicyDenies,
    /// A rule of AWS WAF blocks the request.
    Waf,
    /// The API's access mode is STRICT, and the server name of the handshake is not the Host.
    StrictAccess,
    /// No private API of this id is in the account's region that the endpoint belongs to.
    ApiUnknown,
    /// The API has no stage of this name, or nothing is deployed to it.
    StageUnknown,
    /// The deployed stage has no such path, or no such method on it.
    PathUnknown,
    /// The response bears no mark of API Gateway.
    NotApiGateway,
    /// The certificate is that of execute-api in another region.
    CertificateOfAnotherRegion,
    /// The certificate is for other names than execute-api's.
    CertificateForOtherNames,
    /// No trusted authority signed the certificate.
    CertificateUntrusted,
    /// The certificate is past its end, or before its start.
    CertificateExpired,
    /// The handshake broke off, or what answers does not speak TLS.
    HandshakeFails,
    /// The endpoint's name has no address.
    EndpointUnknown,
    /// The endpoint's address takes no connection.
    EndpointDown,
    /// The endpoint takes the request and sends no valid response.
    EndpointSilent,
}

impl Cause {
    /// All of them, in order.
    pub const ALL: [Cause; 34] = [
        Cause::Answers,
        Cause::IntegrationRefuses,
        Cause::RequestInvalid,
        Cause::IamRequired,
        Cause::SignatureRefused,
        Cause::IdentityPolicyDenies,
        Cause::ApiKeyRequired,
        Cause::AuthorizerRefuses,
        Cause::Throttled,
        Cause::QuotaExceeded,
        Cause::IntegrationUnreachable,
        Cause::IntegrationTimedOut,
        Cause::IntegrationInvalid,
        Cause::IntegrationError,
        Cause::ApiMisconfigured,
        Cause::AuthorizerFails,
        Cause::PolicyDenies,
        Cause::PolicyAllowsNothing,
        Cause::EndpointNotAllowed,
        Cause::EndpointPolicyDenies,
        Cause::Waf,
        Cause::StrictAccess,
        Cause::ApiUnknown,
        Cause::StageUnknown,
        Cause::PathUnknown,
        Cause::NotApiGateway,
        Cause::CertificateOfAnotherRegion,
        Cause::CertificateForOtherNames,
        Cause::CertificateUntrusted,
        Cause::CertificateExpired,
        Cause::HandshakeFails,
        Cause::EndpointUnknown,
        Cause::EndpointDown,
        Cause::EndpointSilent,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_cause_once_and_in_order() {
        for (at, cause) in Cause::ALL.iter().enumerate() {
            assert_eq!(*cause as usize, at);
        }
    }
}
