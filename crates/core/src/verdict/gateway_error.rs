//! The errors of API Gateway itself: from `x-amzn-errortype` and the message to causes.
//!
//! An API may change the status and the text of each (gateway responses), and a response to HEAD has no body. So the
//! type decides, and the message narrows it down where it is the one that AWS writes.

use super::cause::Cause;
use super::causes::Verdict;
use super::evidence::{Asked, Response};

/// Who is denied in `User: ... is not authorized to perform: execute-api:Invoke`.
const ANONYMOUS: &str = "User: anonymous is not authorized to perform";
const SOMEBODY: &str = "is not authorized to perform";
/// What an authorizer that denies makes API Gateway say.
const BY_AUTHORIZER: &str = "User is not authorized to access this resource";

/// The causes of an error of this type.
pub(super) fn gateway_error(kind: &str, response: &Response, asked: &Asked) -> Verdict {
    let message = String::from_utf8_lossy(&response.body);
    // Some services write `Type:https://...`.
    match kind.split(':').next().unwrap_or_default().trim() {
        "ForbiddenException" => forbidden(&message, asked),
        "AccessDeniedException" => access_denied(&message, asked),
        "MissingAuthenticationTokenException" => {
            Verdict::of(Cause::PathUnknown, &[Cause::IamRequired, Cause::StageUnknown])
        }
        // A method that is not there, or one without authorization, reads any Authorization header as a signature.
        "IncompleteSignatureException" => Verdict::of(
            Cause::SignatureRefused,
            &[Cause::PathUnknown, Cause::StageUnknown, Cause::EndpointPolicyDenies],
        ),
        "InvalidSignatureException" | "SignatureDoesNotMatch" => {
            Verdict::of(Cause::SignatureRefused, &[Cause::EndpointPolicyDenies])
        }
        "UnrecognizedClientException" | "InvalidClientTokenId" | "ExpiredTokenException" | "ExpiredToken" => {
            Verdict::certain(Cause::SignatureRefused)
        }
        "UnauthorizedException" => Verdict::certain(Cause::AuthorizerRefuses),
        "TooManyRequestsException" if message.contains("Limit Exceeded") => Verdict::certain(Cause::QuotaExceeded),
        "TooManyRequestsException" => Verdict::certain(Cause::Throttled),
        "LimitExceededException" => Verdict::certain(Cause::QuotaExceeded),
        "NotFoundException" => Verdict::of(Cause::PathUnknown, &[Cause::IntegrationRefuses]),
        "BadRequestException"
        | "RequestEntityTooLargeException"
        | "RequestTooLargeException"
        | "UnsupportedMediaTypeException" => Verdict::certain(Cause::RequestInvalid),
        "InternalServerErrorException" | "ServiceUnavailableException" => internal(response.status, &message),
        kind if kind.starts_with("Authorizer") => Verdict::certain(Cause::AuthorizerFails),
        // An AWS integration without a mapping of its errors passes them on.
        _ if response.status >= 500 => Verdict::of(Cause::IntegrationError, &[Cause::ApiMisconfigured]),
        _ => Verdict::of(Cause::IntegrationRefuses, &[Cause::RequestInvalid]),
    }
}

/// `{"message":"Forbidden"}`: API Gateway says it of all these.
fn forbidden(message: &str, asked: &Asked) -> Verdict {
    if message.contains("Invalid API Key identifier specified") {
        return Verdict::certain(Cause::ApiKeyRequired);
    }
    let same_name = asked.server_name.eq_ignore_ascii_case(&asked.host);
    let strict: &[Cause] = if same_name { &[] } else { &[Cause::StrictAccess] };
    let others = [&[Cause::StageUnknown], strict, &[Cause::ApiKeyRequired, Cause::Waf]].concat();
    Verdict::of(Cause::ApiUnknown, &others)
}

fn access_denied(message: &str, asked: &Asked) -> Verdict {
    use Cause::{EndpointNotAllowed, EndpointPolicyDenies, IamRequired, PolicyAllowsNothing, PolicyDenies};
    let says = |text: &str| message.contains(text);
    if says(BY_AUTHORIZER) {
        return Verdict::certain(Cause::AuthorizerRefuses);
    }
    if says("The security token included in the request is invalid") {
        return Verdict::certain(Cause::SignatureRefused);
    }
    if !says(SOMEBODY) {
        return any_denial(asked);
    }
    let explicit = says("with an explicit deny");
    if says("VPC endpoint policy") {
        return Verdict::certain(EndpointPolicyDenies);
    }
    if says("identity-based policy") || says("session policy") || says("permissions boundary") || says("control policy")
    {
        return Verdict::certain(Cause::IdentityPolicyDenies);
    }
    let names_resource_policy = says("resource-based policy");
    let nobody = says(ANONYMOUS);
    match (explicit, names_resource_policy, nobody) {
        (true, true, _) => Verdict::of(PolicyDenies, &[EndpointNotAllowed]),
        (true, false, true) => Verdict::of(PolicyDenies, &[EndpointNotAllowed, EndpointPolicyDenies]),
        (true, false, false) => {
            Verdict::of(PolicyDenies, &[EndpointNotAllowed, Cause::IdentityPolicyDenies, EndpointPolicyDenies])
        }
        (false, true, _) => Verdict::of(PolicyAllowsNothing, &[EndpointNotAllowed]),
        (false, false, true) => {
            Verdict::of(PolicyAllowsNothing, &[EndpointNotAllowed, EndpointPolicyDenies, IamRequired])
        }
        (false, false, false) => {
            Verdict::of(Cause::IdentityPolicyDenies, &[PolicyAllowsNothing, EndpointNotAllowed, EndpointPolicyDenies])
        }
    }
}

/// A denial whose message the API replaced, or that has none because the request was HEAD.
fn any_denial(asked: &Asked) -> Verdict {
    let mut others =
        vec![Cause::PolicyDenies, Cause::EndpointNotAllowed, Cause::EndpointPolicyDenies, Cause::AuthorizerRefuses];
    let of_caller: &[Cause] =
        if asked.has_credentials { &[Cause::IdentityPolicyDenies, Cause::SignatureRefused] } else { &[] };
    others.extend(of_caller);
    others.push(Cause::IamRequired);
    Verdict::of(Cause::PolicyAllowsNothing, &others)
}

/// API Gateway names one type for all that fails behind it.
fn internal(status: u16, message: &str) -> Verdict {
    use Cause::{ApiMisconfigured, IntegrationInvalid, IntegrationTimedOut, IntegrationUnreachable};
    if message.contains("Endpoint request timed out") {
        return Verdict::certain(IntegrationTimedOut);
    }
    if message.contains("Network error communicating with endpoint") {
        return Verdict::certain(IntegrationUnreachable);
    }
    match status {
        502 => Verdict::certain(IntegrationInvalid),
        504 => Verdict::of(IntegrationTimedOut, &[IntegrationUnreachable]),
        503 => Verdict::of(IntegrationUnreachable, &[ApiMisconfigured]),
        500 => Verdict::of(ApiMisconfigured, &[IntegrationUnreachable, IntegrationInvalid]),
        // The API gave its gateway response another status.
        _ => Verdict::of(IntegrationInvalid, &[ApiMisconfigured, IntegrationTimedOut, IntegrationUnreachable]),
    }
}
