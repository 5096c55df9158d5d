//! Each cause from the evidence that public reports show of it.

use proptest::prelude::*;

use super::*;
use Cause::{
    Answers, ApiKeyRequired, ApiMisconfigured, ApiUnknown, AuthorizerFails, AuthorizerRefuses,
    CertificateForOtherNames, CertificateOfAnotherRegion, EndpointNotAllowed, EndpointPolicyDenies, EndpointSilent,
    IamRequired, IdentityPolicyDenies, IntegrationError, IntegrationInvalid, IntegrationRefuses, IntegrationTimedOut,
    IntegrationUnreachable, NotApiGateway, PathUnknown, PolicyAllowsNothing, PolicyDenies, QuotaExceeded,
    RequestInvalid, SignatureRefused, StageUnknown, StrictAccess, Throttled, Waf,
};

const HOST: &str = "abc123.execute-api.eu-west-1.amazonaws.com";
const RESOURCE: &str = "arn:aws:execute-api:eu-west-1:********1234:abc123/prod/GET/";

fn asked() -> Asked {
    Asked { verb: "GET".into(), server_name: HOST.into(), host: HOST.into(), has_credentials: false }
}

/// A response of API Gateway itself.
fn gateway(status: u16, kind: &str, body: &str) -> Response {
    Response { error_type: Some(kind.into()), ..integration(status, body) }
}

/// A response that API Gateway passes on.
fn integration(status: u16, body: &str) -> Response {
    let body = body.as_bytes().to_vec();
    Response { status, has_request_id: true, has_apigw_id: true, body, ..Response::default() }
}

fn of(outcome: Outcome) -> Verdict {
    classify(&Evidence { asked: asked(), outcome })
}

#[track_caller]
fn check(response: Response, want: &[Cause]) {
    let verdict = of(Outcome::Answered(response.clone()));
    assert_eq!(verdict.causes(), want, "{response:?}");
    assert_eq!(verdict.is_certain(), want.len() == 1);
}

#[track_caller]
fn denied(message: &str, want: &[Cause]) {
    check(gateway(403, "AccessDeniedException", &format!("{{\"Message\":\"{message}\"}}")), want);
}

#[test]
fn forbidden_names_every_cause_that_says_it() {
    let response = gateway(403, "ForbiddenException", r#"{"message":"Forbidden"}"#);
    check(response.clone(), &[ApiUnknown, StageUnknown, ApiKeyRequired, Waf]);
    let verdict = of(Outcome::Answered(response));
    assert_eq!((verdict.class(), verdict.standing()), (Class::Unclear, Standing::DoesNotAnswer));
    check(
        gateway(403, "ForbiddenException", r#"{"message":"Invalid API Key identifier specified"}"#),
        &[ApiKeyRequired],
    );
}

#[test]
fn a_class_is_unclear_only_where_the_api_may_answer() {
    let class = |outcome| of(outcome).class();
    assert_eq!(class(Outcome::NotAnswered(ResponseError::TimedOut)), Class::Unreachable, "an endpoint that hangs");
    let kind = "MissingAuthenticationTokenException";
    assert_eq!(class(Outcome::Answered(gateway(403, kind, ""))), Class::Unclear, "a healthy API without a method here");
    assert_eq!(class(Outcome::Answered(gateway(403, "AccessDeniedException", ""))), Class::Unclear);
    let explicit = "User: anonymous is not authorized to perform: execute-api:Invoke with an explicit deny";
    assert_eq!(class(Outcome::Answered(gateway(403, "AccessDeniedException", explicit))), Class::Denied);
    let error = gateway(500, "InternalServerErrorException", "");
    assert_eq!(class(Outcome::Answered(Response { has_apigw_id: false, ..error })), Class::Integration);
}

#[test]
fn strict_access_fits_only_where_the_handshake_names_another_host() {
    let shared = Asked { server_name: "vpce-1.execute-api.eu-west-1.vpce.amazonaws.com".into(), ..asked() };
    let outcome = Outcome::Answered(gateway(403, "ForbiddenException", r#"{"message":"Forbidden"}"#));
    let verdict = classify(&Evidence { asked: shared, outcome });
    assert_eq!(verdict.causes(), [ApiUnknown, StageUnknown, StrictAccess, ApiKeyRequired, Waf]);
}

#[test]
fn a_missing_token_is_a_path_or_a_signature_or_a_stage() {
    let kind = "MissingAuthenticationTokenException";
    check(
        gateway(403, kind, r#"{"message":"Missing Authentication Token"}"#),
        &[PathUnknown, IamRequired, StageUnknown],
    );
    check(gateway(403, kind, ""), &[PathUnknown, IamRequired, StageUnknown]);
}

#[test]
fn a_denial_names_the_policy_that_its_message_names() {
    let nobody = format!("User: anonymous is not authorized to perform: execute-api:Invoke on resource: {RESOURCE}");
    let somebody = nobody.replace("anonymous", "arn:aws:sts::111122223333:assumed-role/a/b");
    denied(&nobody, &[PolicyAllowsNothing, EndpointNotAllowed, EndpointPolicyDenies, IamRequired]);
    denied(&format!("{nobody} with an explicit deny"), &[PolicyDenies, EndpointNotAllowed, EndpointPolicyDenies]);
    denied(&format!("{nobody} with an explicit deny in a resource-based policy"), &[PolicyDenies, EndpointNotAllowed]);
    let no = |policy: &str| format!("{nobody} because no {policy} policy allows the execute-api:Invoke action");
    denied(&no("resource-based"), &[PolicyAllowsNothing, EndpointNotAllowed]);
    assert!(
        PolicyAllowsNothing.cure().contains("VERBS"),
        "not the method that the request had, which no entry may list"
    );
    denied(&no("VPC endpoint"), &[EndpointPolicyDenies]);
    denied(&format!("{nobody} with an explicit deny in a VPC endpoint policy"), &[EndpointPolicyDenies]);
    denied(&format!("{somebody} because no identity-based policy allows it"), &[IdentityPolicyDenies]);
    denied(
        &format!("{somebody} with an explicit deny"),
        &[PolicyDenies, EndpointNotAllowed, IdentityPolicyDenies, EndpointPolicyDenies],
    );
    for of_caller in ["service control", "resource control", "session"] {
        denied(&format!("{somebody} with an explicit deny in a {of_caller} policy"), &[IdentityPolicyDenies]);
    }
    denied(&format!("{somebody} because no permissions boundary allows it"), &[IdentityPolicyDenies]);
    let cure = IdentityPolicyDenies.cure();
    assert!(["SCP", "RCP", "permissions boundary", "session policy"].iter().all(|policy| cure.contains(policy)));
    denied("The security token included in the request is invalid.", &[SignatureRefused]);
}

#[test]
fn an_authorizer_is_not_taken_for_a_policy() {
    denied("User is not authorized to access this resource", &[AuthorizerRefuses]);
    denied("User is not authorized to access this resource with an explicit deny", &[AuthorizerRefuses]);
    let in_policy = "User is not authorized to access this resource with an explicit deny in an identity-based policy";
    denied(in_policy, &[AuthorizerRefuses]);
    check(gateway(401, "UnauthorizedException", r#"{"message":"Unauthorized"}"#), &[AuthorizerRefuses]);
    check(gateway(500, "AuthorizerConfigurationException", r#"{"message":null}"#), &[AuthorizerFails]);
}

#[test]
fn a_denial_without_its_message_names_every_policy() {
    let every =
        [PolicyAllowsNothing, PolicyDenies, EndpointNotAllowed, EndpointPolicyDenies, AuthorizerRefuses, IamRequired];
    check(gateway(403, "AccessDeniedException", ""), &every);
    check(gateway(403, "AccessDeniedException", r#"{"error":"go away"}"#), &every);
}

#[test]
fn throttling_and_quota_have_types_of_their_own() {
    check(gateway(429, "TooManyRequestsException", r#"{"message":"Too Many Requests"}"#), &[Throttled]);
    check(gateway(429, "LimitExceededException", r#"{"message":"Limit Exceeded"}"#), &[QuotaExceeded]);
    check(gateway(429, "LimitExceededException", ""), &[QuotaExceeded]);
}

#[test]
fn what_fails_behind_api_gateway_shows_in_status_and_message() {
    let internal = |status, body| gateway(status, "InternalServerErrorException", body);
    check(internal(504, r#"{"message": "Endpoint request timed out"}"#), &[IntegrationTimedOut]);
    check(internal(504, r#"{"message": "Network error communicating with endpoint"}"#), &[IntegrationUnreachable]);
    check(internal(504, ""), &[IntegrationTimedOut, IntegrationUnreachable]);
    check(internal(502, r#"{"message": "Internal server error"}"#), &[IntegrationInvalid]);
    let at_500 = [ApiMisconfigured, IntegrationUnreachable, IntegrationInvalid];
    check(internal(500, r#"{"message": "Internal server error"}"#), &at_500);
    check(gateway(503, "ServiceUnavailableException", ""), &[IntegrationUnreachable, ApiMisconfigured]);
}

#[test]
fn the_type_decides_where_the_api_changed_the_status() {
    check(gateway(404, "ForbiddenException", "{}"), &[ApiUnknown, StageUnknown, ApiKeyRequired, Waf]);
    check(gateway(200, "LimitExceededException", "{}"), &[QuotaExceeded]);
    check(gateway(418, "UnauthorizedException:https://example.com/", "{}"), &[AuthorizerRefuses]);
}

#[test]
fn what_an_integration_writes_is_never_put_down_to_a_policy_for_certain() {
    let lambda = |status, body| Response { has_trace_id: true, ..integration(status, body) };
    for body in ["no", r#"{"message":"Forbidden"}"#, r#"{"message":"Missing Authentication Token"}"#, ""] {
        check(lambda(403, body), &[IntegrationRefuses, Waf]);
        check(Response { has_remapped: true, ..integration(403, body) }, &[IntegrationRefuses]);
        check(integration(403, body), &[IntegrationRefuses, Waf]);
        check(lambda(401, body), &[IntegrationRefuses]);
        check(lambda(500, body), &[IntegrationError]);
    }
    check(integration(404, "not here"), &[IntegrationRefuses]);
    check(integration(429, "slow down"), &[IntegrationRefuses]);
    // The integration is another API, or a service of AWS.
    let other_api = Response { has_remapped: true, ..gateway(403, "AccessDeniedException", "") };
    let verdict = of(Outcome::Answered(other_api));
    assert_eq!(verdict.causes()[0], IntegrationRefuses);
    assert!(!verdict.is_certain());
    check(gateway(409, "ConflictException", "{}"), &[IntegrationRefuses, RequestInvalid]);
    check(gateway(404, "NotFoundException", "{}"), &[PathUnknown, IntegrationRefuses]);
}

#[test]
fn an_answer_is_an_answer_whatever_its_body() {
    check(integration(200, r#"{"message":"Forbidden"}"#), &[Answers]);
    check(integration(302, ""), &[Answers]);
    assert_eq!(of(Outcome::Answered(integration(204, ""))).standing(), Standing::Answers);
    check(gateway(400, "BadRequestException", r#"{"message": "Invalid request body"}"#), &[RequestInvalid]);
}

#[test]
fn a_response_without_marks_is_not_of_api_gateway() {
    let foreign = |status| Response { status, body: b"<html>".to_vec(), ..Response::default() };
    check(foreign(403), &[NotApiGateway]);
    check(foreign(500), &[NotApiGateway]);
    for status in [502, 503, 504] {
        check(foreign(status), &[NotApiGateway, EndpointSilent, IntegrationUnreachable]);
    }
    let typed = Response { error_type: Some("TooManyRequestsException".into()), ..foreign(429) };
    check(typed, &[Throttled, NotApiGateway]);
    check(foreign(200), &[NotApiGateway, Answers]);
    check(foreign(400), &[NotApiGateway, RequestInvalid]);
    // Another service of AWS behind the name of the endpoint.
    let sqs = Response { has_apigw_id: false, ..gateway(403, "MissingAuthenticationTokenException", "") };
    check(sqs, &[PathUnknown, IamRequired, StageUnknown, NotApiGateway]);
}

#[test]
fn the_names_on_a_certificate_tell_the_region() {
    let wrong = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        of(Outcome::NotSecured(TlsError::WrongName { names })).causes().to_vec()
    };
    assert_eq!(wrong(&["*.execute-api.us-east-1.amazonaws.com"]), [CertificateOfAnotherRegion]);
    assert_eq!(wrong(&["*.execute-api.us-east-1.vpce.amazonaws.com"]), [CertificateOfAnotherRegion]);
    assert_eq!(wrong(&["*.execute-api.eu-west-1.vpce.amazonaws.com"]), [CertificateForOtherNames]);
    assert_eq!(wrong(&["sqs.eu-west-1.amazonaws.com"]), [CertificateForOtherNames]);
    assert_eq!(wrong(&[]), [CertificateOfAnotherRegion, CertificateForOtherNames]);
}

#[test]
fn an_exchange_that_ends_early_shows_its_step() {
    let certain = |outcome| of(outcome).causes().to_vec();
    assert_eq!(certain(Outcome::NotResolved), [Cause::EndpointUnknown]);
    assert_eq!(certain(Outcome::NotConnected(ConnectError::TimedOut)), [Cause::EndpointDown]);
    assert_eq!(certain(Outcome::NotSecured(TlsError::Untrusted)), [Cause::CertificateUntrusted]);
    assert_eq!(certain(Outcome::NotSecured(TlsError::Expired)), [Cause::CertificateExpired]);
    assert_eq!(certain(Outcome::NotSecured(TlsError::Closed)), [Cause::HandshakeFails]);
    let unnamed = [Cause::HandshakeFails, Cause::CertificateUntrusted];
    assert_eq!(certain(Outcome::NotSecured(TlsError::Other)), unnamed);
    assert_eq!(certain(Outcome::NotAnswered(ResponseError::Closed)), [EndpointSilent]);
    assert_eq!(certain(Outcome::NotAnswered(ResponseError::NotHttp)), [NotApiGateway]);
    let slow = of(Outcome::NotAnswered(ResponseError::TimedOut));
    assert_eq!(slow.causes(), [EndpointSilent, IntegrationTimedOut]);
}

#[test]
fn any_type_and_status_has_a_verdict() {
    for kind in ["", ":", "Nonsense", "AuthorizerX"] {
        for status in [0, 100, 200, 403, 599, 999] {
            assert!(!of(Outcome::Answered(gateway(status, kind, "\u{0}"))).causes().is_empty());
        }
    }
}

proptest! {
    /// Whatever an integration writes, a policy is never the one cause, nor a credential.
    #[test]
    fn a_response_without_an_error_type_is_never_put_down_to_one_refusal(
        status in 200_u16..600,
        body in proptest::collection::vec(any::<u8>(), 0..80),
        marks in any::<[bool; 4]>(),
    ) {
        let [has_request_id, has_apigw_id, has_trace_id, has_remapped] = marks;
        let response =
            Response { status, error_type: None, has_request_id, has_apigw_id, has_trace_id, has_remapped, body };
        let verdict = of(Outcome::Answered(response));
        let own = [Answers, IntegrationRefuses, IntegrationError, NotApiGateway];
        prop_assert!(!verdict.is_certain() || own.contains(&verdict.causes()[0]), "{verdict:?}");
    }
}

/// The errors of API Gateway that are on the page by type or by message, as responses.
fn errors_on_the_page() -> Vec<(&'static str, Response)> {
    let all: Vec<&str> = Cause::ALL.iter().flat_map(|cause| cause.seen()).copied().collect();
    let response = |seen: &'static str| {
        let kind = |kind: &str, body: String| Some((seen, gateway(403, kind, &body)));
        match seen {
            "InternalServerErrorException" => Some((seen, gateway(500, seen, ""))),
            _ if seen.ends_with("Exception") => kind(seen, String::new()),
            _ if seen.starts_with("User: ") => kind("AccessDeniedException", seen.to_owned()),
            _ if seen.starts_with("because no ") || seen.starts_with("with an explicit deny") => kind(
                "AccessDeniedException",
                format!("User: anonymous is not authorized to perform: execute-api:Invoke on resource: {seen}"),
            ),
            _ => None,
        }
    };
    all.into_iter().filter_map(response).collect()
}

#[test]
fn the_page_lists_every_cause_that_the_classifier_names() {
    let asked = Asked { server_name: "vpce.example".into(), has_credentials: true, ..asked() };
    let errors = errors_on_the_page();
    assert!(errors.len() > 20, "{errors:?}");
    for (seen, response) in errors {
        let evidence = Evidence { asked: asked.clone(), outcome: Outcome::Answered(response) };
        for cause in classify(&evidence).causes() {
            assert!(cause.seen().contains(&seen), "{cause:?} is not listed below {seen}");
        }
    }
}
