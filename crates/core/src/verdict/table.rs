//! The table of causes: what the command line, the pages and the tests say of each.

use super::cause::Cause;
use super::class::Class;
use super::standing::Standing;

/// A row of the table.
struct Row {
    cause: Cause,
    label: &'static str,
    class: Class,
    title: &'static str,
    /// Word for word, as a response, a browser or a log shows it.
    seen: &'static [&'static str],
    cure: &'static str,
    document: &'static str,
}

impl Cause {
    /// A word for logs, JSON and the anchors of the troubleshooting page.
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// What is the matter, in a few words.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// What people find in a response or a log when this is the cause, word for word.
    pub fn seen(self) -> &'static [&'static str] {
        self.row().seen
    }

    /// What to do, in one sentence.
    pub fn cure(self) -> &'static str {
        self.row().cure
    }

    /// The document that says so.
    pub fn document(self) -> &'static str {
        self.row().document
    }

    /// The kind, for metrics.
    pub fn class(self) -> Class {
        self.row().class
    }

    /// How well an API answers for which this is the cause.
    pub fn standing(self) -> Standing {
        match self.class() {
            Class::Answers | Class::Credentials => Standing::Answers,
            Class::Throttled | Class::Integration => Standing::Struggles,
            Class::Denied | Class::NotFound | Class::Foreign | Class::Tls | Class::Unreachable | Class::Unclear => {
                Standing::DoesNotAnswer
            }
        }
    }

    fn row(self) -> &'static Row {
        let row = &ROWS[self as usize];
        debug_assert_eq!(row.cause, self, "the table is in the order of the list");
        row
    }
}

const GUIDE_RESPONSES: &str =
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html";
const GUIDE_PRIVATE: &str =
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-api-test-invoke-url.html";
const GUIDE_POLICY: &str =
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html";
const GUIDE_CREATE_PRIVATE: &str =
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-api-create.html";
const CENTER_403: &str = "https://repost.aws/knowledge-center/api-gateway-troubleshoot-403-forbidden";
const CENTER_401: &str = "https://repost.aws/knowledge-center/api-gateway-401-error-lambda-authorizer";
const CENTER_429: &str = "https://repost.aws/knowledge-center/api-gateway-429-limit";
const CENTER_502: &str = "https://repost.aws/knowledge-center/malformed-502-api-gateway";
const CENTER_504: &str = "https://repost.aws/knowledge-center/api-gateway-504-errors";
const CENTER_VPC: &str = "https://repost.aws/knowledge-center/api-gateway-vpc-connections";

const FORBIDDEN: &str = r#"{"message":"Forbidden"}"#;
const MISSING_TOKEN: &str = r#"{"message":"Missing Authentication Token"}"#;
const INTERNAL: &str = r#"{"message": "Internal server error"}"#;
const FORBIDDEN_TYPE: &str = "ForbiddenException";
const MISSING_TOKEN_TYPE: &str = "MissingAuthenticationTokenException";
const INTERNAL_TYPE: &str = "InternalServerErrorException";
const TOO_MANY: &str = "TooManyRequestsException";
const INCOMPLETE_SIGNATURE: &str = "IncompleteSignatureException";
const INVALID_SIGNATURE: &str = "InvalidSignatureException";
const WRONG_SIGNATURE: &str = "The request signature we calculated does not match the signature you provided";
const ACCESS_DENIED: &str = "AccessDeniedException";
const ANONYMOUS: &str =
    "User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:…";
const ANONYMOUS_DENIED: &str = "User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:… \
             with an explicit deny";
const SOMEBODY: &str =
    "User: arn:aws:sts::… is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:…";
const NO_RESOURCE_POLICY: &str = "because no resource-based policy allows the execute-api:Invoke action";
const DENIED_BY_RESOURCE_POLICY: &str = "with an explicit deny in a resource-based policy";

/// One row for each cause, in the order of [`Cause::ALL`].
static ROWS: [Row; Cause::ALL.len()] = [
    Row {
        cause: Cause::Answers,
        label: "answers",
        class: Class::Answers,
        title: "The API answers",
        seen: &["HTTP/1.1 200 OK"],
        cure: "Nothing is to be fixed on the way to the API.",
        document: GUIDE_PRIVATE,
    },
    Row {
        cause: Cause::IntegrationRefuses,
        label: "integration_refuses",
        class: Class::Answers,
        title: "What is behind the API answered with this 4xx itself",
        seen: &["a 4xx without `x-amzn-errortype`"],
        cure: "Look in the logs of the integration (Lambda function, load balancer), which wrote this response; \
               API Gateway passed the request on.",
        document: GUIDE_RESPONSES,
    },
    Row {
        cause: Cause::RequestInvalid,
        label: "request_invalid",
        class: Class::Answers,
        title: "API Gateway finds the request itself invalid",
        seen: &[
            "BadRequestException",
            r#"{"message": "Invalid request body"}"#,
            r#"{"message":"Unsupported Media Type"}"#,
            r#"{"message":"Request Too Long"}"#,
        ],
        cure: "Send the parameters, the body and the Content-Type that the method's model and validator ask for.",
        document: GUIDE_RESPONSES,
    },
    Row {
        cause: Cause::IamRequired,
        label: "iam_required",
        class: Class::Credentials,
        title: "The method wants a request signed with IAM credentials",
        seen: &[MISSING_TOKEN, MISSING_TOKEN_TYPE, ACCESS_DENIED, ANONYMOUS],
        cure: "Sign the request (Signature Version 4) for the API's own execute-api host name, \
               or set the method's authorization to NONE and deploy the stage.",
        document: CENTER_403,
    },
    Row {
        cause: Cause::SignatureRefused,
        label: "signature_refused",
        class: Class::Credentials,
        title: "The signature or the credentials of the request are not valid",
        seen: &[
            INVALID_SIGNATURE,
            WRONG_SIGNATURE,
            INCOMPLETE_SIGNATURE,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "ExpiredTokenException",
            "Signature expired",
            ACCESS_DENIED,
        ],
        cure: "Sign for the host name and path that API Gateway receives, with credentials and a clock that are current.",
        document: CENTER_403,
    },
    Row {
        cause: Cause::IdentityPolicyDenies,
        label: "identity_policy_denies",
        class: Class::Credentials,
        title: "An IAM policy of the caller or of its organization does not allow the call",
        seen: &[
            SOMEBODY,
            "because no identity-based policy allows the execute-api:Invoke action",
            "because no service control policy allows the execute-api:Invoke action",
            "because no permissions boundary allows the execute-api:Invoke action",
            ACCESS_DENIED,
        ],
        cure: "Allow execute-api:Invoke on the resource that the message names in the caller's IAM policy, \
               and in its permissions boundary, session policy and the control policies of its organization (SCP, RCP), \
               each of which can deny.",
        document: GUIDE_POLICY,
    },
    Row {
        cause: Cause::ApiKeyRequired,
        label: "api_key_required",
        class: Class::Credentials,
        title: "The method wants an API key",
        seen: &[FORBIDDEN, FORBIDDEN_TYPE, r#"{"message":"Invalid API Key identifier specified"}"#],
        cure: "Send `x-api-key` with an enabled key of a usage plan that holds this stage.",
        document: CENTER_403,
    },
    Row {
        cause: Cause::AuthorizerRefuses,
        label: "authorizer_refuses",
        class: Class::Credentials,
        title: "The API's authorizer refuses the request",
        seen: &[
            r#"{"message":"Unauthorized"}"#,
            "UnauthorizedException",
            r#"{"Message":"User is not authorized to access this resource"}"#,
            r#"{"Message":"User is not authorized to access this resource with an explicit deny"}"#,
            r#"{"message":"The incoming token has expired"}"#,
            ACCESS_DENIED,
        ],
        cure: "Send the token or identity source that the authorizer reads, valid and with the scopes of the method.",
        document: CENTER_401,
    },
    Row {
        cause: Cause::Throttled,
        label: "throttled",
        class: Class::Throttled,
        title: "API Gateway throttles",
        seen: &[r#"{"message":"Too Many Requests"}"#, TOO_MANY],
        cure: "Send fewer requests, or raise the throttling of the method, the stage, the usage plan or the account.",
        document: CENTER_429,
    },
    Row {
        cause: Cause::QuotaExceeded,
        label: "quota_exceeded",
        class: Class::Throttled,
        title: "The quota of the usage plan is used up",
        seen: &[r#"{"message":"Limit Exceeded"}"#, "LimitExceededException", TOO_MANY],
        cure: "Raise the quota of the key's usage plan, or wait until its period ends.",
        document: CENTER_429,
    },
    Row {
        cause: Cause::IntegrationUnreachable,
        label: "integration_unreachable",
        class: Class::Integration,
        title: "API Gateway gets no connection to what is behind the method",
        seen: &[r#"{"message": "Network error communicating with endpoint"}"#, INTERNAL_TYPE],
        cure: "Check the integration's URL, its VPC link and the health of the link's targets.",
        document: CENTER_504,
    },
    Row {
        cause: Cause::IntegrationTimedOut,
        label: "integration_timed_out",
        class: Class::Integration,
        title: "What is behind the method does not answer in time",
        seen: &[r#"{"message": "Endpoint request timed out"}"#, INTERNAL_TYPE],
        cure: "Make the integration answer within its timeout (29 s by default), or raise the timeout.",
        document: CENTER_504,
    },
    Row {
        cause: Cause::IntegrationInvalid,
        label: "integration_invalid",
        class: Class::Integration,
        title: "What is behind the method answers in a form that API Gateway does not take",
        seen: &[INTERNAL, INTERNAL_TYPE, "HTTP/1.1 502 Bad Gateway"],
        cure: "Have the Lambda function return `statusCode`, `headers` with text values and a `body` that is text, \
               and read its log for an exception.",
        document: CENTER_502,
    },
    Row {
        cause: Cause::IntegrationError,
        label: "integration_error",
        class: Class::Integration,
        title: "What is behind the API answered with this 5xx itself",
        seen: &["a 5xx without `x-amzn-errortype`"],
        cure: "Look in the logs of the integration (Lambda function, load balancer), which wrote this response.",
        document: GUIDE_RESPONSES,
    },
    Row {
        cause: Cause::ApiMisconfigured,
        label: "api_misconfigured",
        class: Class::Integration,
        title: "API Gateway cannot run the method",
        seen: &[INTERNAL, INTERNAL_TYPE, "HTTP/1.1 500 Internal Server Error"],
        cure: "Read the stage's execution log, and give API Gateway the permission to invoke the function.",
        document: "https://repost.aws/knowledge-center/api-gateway-internal-server-error",
    },
    Row {
        cause: Cause::AuthorizerFails,
        label: "authorizer_fails",
        class: Class::Integration,
        title: "The API's authorizer itself fails",
        seen: &[r#"{"message":null}"#, "AuthorizerConfigurationException"],
        cure: "Read the authorizer function's log, and give API Gateway the permission to invoke it.",
        document: GUIDE_RESPONSES,
    },
    Row {
        cause: Cause::PolicyDenies,
        label: "policy_denies",
        class: Class::Denied,
        title: "A Deny statement of the API's resource policy matches",
        seen: &[ANONYMOUS_DENIED, DENIED_BY_RESOURCE_POLICY, ACCESS_DENIED],
        cure: "Change the Deny statement that matches, and deploy the stage, which is when a policy takes effect.",
        document: GUIDE_POLICY,
    },
    Row {
        cause: Cause::PolicyAllowsNothing,
        label: "policy_allows_nothing",
        class: Class::Denied,
        title: "No Allow statement of the API's resource policy matches",
        seen: &[ANONYMOUS, NO_RESOURCE_POLICY, ACCESS_DENIED, SOMEBODY],
        cure: "Allow execute-api:Invoke for this stage and path, and the methods of the entry's VERBS, \
               in the API's resource policy, and deploy the stage, which is when a policy takes effect.",
        document: GUIDE_POLICY,
    },
    Row {
        cause: Cause::EndpointNotAllowed,
        label: "endpoint_not_allowed",
        class: Class::Denied,
        title: "The API's policy does not allow this VPC endpoint, or the API is not associated with it",
        seen: &[ANONYMOUS_DENIED, ANONYMOUS, SOMEBODY, NO_RESOURCE_POLICY, DENIED_BY_RESOURCE_POLICY, ACCESS_DENIED],
        cure: "Put the id of the VPC endpoint that Nameplate uses into `aws:SourceVpce` of the API's resource policy, \
               associate the API with it, and deploy the stage.",
        document: GUIDE_CREATE_PRIVATE,
    },
    Row {
        cause: Cause::EndpointPolicyDenies,
        label: "endpoint_policy_denies",
        class: Class::Denied,
        title: "The policy of the VPC endpoint does not allow the call",
        seen: &[
            "because no VPC endpoint policy allows the execute-api:Invoke action",
            "with an explicit deny in a VPC endpoint policy",
            ANONYMOUS,
            ANONYMOUS_DENIED,
            SOMEBODY,
            ACCESS_DENIED,
            INCOMPLETE_SIGNATURE,
            INVALID_SIGNATURE,
            WRONG_SIGNATURE,
        ],
        cure: "Allow execute-api:Invoke on this API in the policy of the VPC endpoint.",
        document: "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-vpc-endpoint-policies.html",
    },
    Row {
        cause: Cause::Waf,
        label: "waf",
        class: Class::Denied,
        title: "A rule of AWS WAF blocks the request",
        seen: &[FORBIDDEN, FORBIDDEN_TYPE, "WAF_FILTERED"],
        cure: "Find the request in the log of the web ACL that is associated with the stage, and change the rule.",
        document: "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-aws-waf.html",
    },
    Row {
        cause: Cause::StrictAccess,
        label: "strict_access",
        class: Class::Denied,
        title: "The API's endpoint access mode is STRICT, and the handshake names another host",
        seen: &[FORBIDDEN, FORBIDDEN_TYPE],
        cure: "Let Nameplate send the API's own host name in the handshake (`endpoint.sni: api`), \
               or set the API's access mode to BASIC.",
        document: "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html",
    },
    Row {
        cause: Cause::ApiUnknown,
        label: "api_unknown",
        class: Class::NotFound,
        title: "The endpoint knows no private API of this id",
        seen: &[FORBIDDEN, FORBIDDEN_TYPE],
        cure: "Check the id and the region in PRIVATE_API_URL, and that the API's endpoint type is PRIVATE.",
        document: CENTER_VPC,
    },
    Row {
        cause: Cause::StageUnknown,
        label: "stage_unknown",
        class: Class::NotFound,
        title: "The API has no such stage, or nothing is deployed to it",
        seen: &[FORBIDDEN, MISSING_TOKEN, FORBIDDEN_TYPE, MISSING_TOKEN_TYPE, INCOMPLETE_SIGNATURE],
        cure: "Deploy the API to the stage that PRIVATE_API_URL names, whose name is case-sensitive.",
        document: CENTER_403,
    },
    Row {
        cause: Cause::PathUnknown,
        label: "path_unknown",
        class: Class::NotFound,
        title: "The deployed stage has no such path, or no such method on it",
        seen: &[MISSING_TOKEN, MISSING_TOKEN_TYPE, INCOMPLETE_SIGNATURE],
        cure: "Call a path and a method that the API defines, and deploy the stage if they are new.",
        document: CENTER_403,
    },
    Row {
        cause: Cause::NotApiGateway,
        label: "not_api_gateway",
        class: Class::Foreign,
        title: "Something else than API Gateway answers",
        seen: &["a response without `x-amzn-requestid` and `x-amz-apigw-id`"],
        cure: "Check that the endpoint's name and port lead to the execute-api VPC endpoint.",
        document: GUIDE_PRIVATE,
    },
    Row {
        cause: Cause::CertificateOfAnotherRegion,
        label: "certificate_of_another_region",
        class: Class::Tls,
        title: "The endpoint is that of another region",
        seen: &["certificate not valid for name \"abc123.execute-api.eu-west-1.amazonaws.com\"; \
             certificate is only valid for DnsName(\"*.execute-api.us-east-1.amazonaws.com\")"],
        cure: "Point the endpoint at an execute-api VPC endpoint of the API's region, or correct PRIVATE_API_URL.",
        document: GUIDE_PRIVATE,
    },
    Row {
        cause: Cause::CertificateForOtherNames,
        label: "certificate_for_other_names",
        class: Class::Tls,
        title: "The certificate is for other names than the API's",
        seen: &["certificate not valid for name"],
        cure: "Check that the endpoint's name and port lead to the execute-api VPC endpoint.",
        document: GUIDE_PRIVATE,
    },
    Row {
        cause: Cause::CertificateUntrusted,
        label: "certificate_untrusted",
        class: Class::Tls,
        title: "No trusted authority signed the certificate",
        seen: &["invalid peer certificate: UnknownIssuer"],
        cure: "Take the API's region out of TLS inspection, or check `endpoint.ca_file`.",
        document: GUIDE_PRIVATE,
    },
    Row {
        cause: Cause::CertificateExpired,
        label: "certificate_expired",
        class: Class::Tls,
        title: "The certificate is past its end, or before its start",
        seen: &["invalid peer certificate: Expired", "invalid peer certificate: certificate expired"],
        cure: "Check the clock of this machine, and that nothing between it and AWS inspects TLS.",
        document: GUIDE_PRIVATE,
    },
    Row {
        cause: Cause::HandshakeFails,
        label: "handshake_fails",
        class: Class::Tls,
        title: "The TLS handshake breaks off",
        seen: &["tls handshake eof", "received fatal alert: HandshakeFailure"],
        cure: "Check that the port is 443 of the VPC endpoint, and that no firewall on the way cuts TLS by server name.",
        document: GUIDE_PRIVATE,
    },
    Row {
        cause: Cause::EndpointUnknown,
        label: "endpoint_unknown",
        class: Class::Unreachable,
        title: "The endpoint's name has no address",
        seen: &["NXDOMAIN", "failed to lookup address information"],
        cure: "Check the name under `endpoint` in the settings, and that the task's VPC resolves it.",
        document: GUIDE_PRIVATE,
    },
    Row {
        cause: Cause::EndpointDown,
        label: "endpoint_down",
        class: Class::Unreachable,
        title: "The endpoint's address takes no connection",
        seen: &["Connection timed out", "Connection refused", "No route to host"],
        cure: "Allow port 443 from the task in the security group of the VPC endpoint, and check routes and network ACLs.",
        document: "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-api-create.html",
    },
    Row {
        cause: Cause::EndpointSilent,
        label: "endpoint_silent",
        class: Class::Unreachable,
        title: "The endpoint takes the request and sends no valid response",
        seen: &["Empty reply from server", "Connection reset by peer"],
        cure: "Ask again, then compare with another address of the endpoint, as one that takes no requests is an outage of its zone.",
        document: GUIDE_PRIVATE,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_row_stands_in_the_place_of_its_cause() {
        let labels: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.label()).collect();
        assert_eq!(labels.len(), Cause::ALL.len());
        for cause in Cause::ALL {
            assert_eq!(cause.row().cause, cause);
        }
    }

    #[test]
    fn every_cause_has_a_title_a_cure_and_a_document() {
        for cause in Cause::ALL {
            let (title, cure) = (cause.title(), cause.cure());
            assert!(!title.is_empty() && !title.ends_with('.'), "{cause:?}: {title}");
            assert!(
                cure.ends_with('.') && !cure.trim_end_matches('.').contains(". "),
                "{cause:?}: one sentence: {cure}"
            );
            assert!(cause.document().starts_with("https://"), "{cause:?}");
            assert!(!cause.seen().is_empty(), "{cause:?}");
        }
    }
}
