//! The ways for an API of the stand-in to fail, each as API Gateway, or what stands in its place, shows it.
//!
//! The responses are those of public reports and of AWS's documentation, header by header; where AWS gives one
//! response for several causes, so does the stand-in.

/// A way to fail, by its name on the command line and in a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `policy_denies`, say.
    pub name: &'static str,
    /// What the client gets.
    pub shows: Shows,
}

/// What the client of a failing API gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// A response.
    Response(Canned),
    /// [`FORBIDDEN`] where the handshake names another host than the request, the API's response otherwise.
    Strict,
    /// Another certificate, or none. Only a handshake that names the API gets it.
    Handshake(Handshake),
    /// The request is read, and nothing comes back.
    Silence,
    /// The request is read, and the connection closed.
    Hangup,
}

/// How a handshake fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// The certificate is that of execute-api in another region.
    OtherRegion,
    /// The certificate is for other names.
    OtherNames,
    /// The authority is one that nobody trusts.
    Untrusted,
    /// The certificate is past its end.
    Expired,
    /// The connection is closed in the middle.
    Closed,
}

/// A response that is always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Canned {
    pub status: u16,
    /// `x-amzn-errortype`, which API Gateway sets in errors of its own.
    pub error_type: Option<&'static str>,
    /// `{resource}` stands for the ARN of what was asked for.
    pub body: &'static str,
    pub writer: Writer,
}

/// Who writes a response, as its headers show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// API Gateway, or the integration with nothing that shows it.
    Gateway,
    /// A Lambda function: `x-amzn-trace-id`.
    Lambda,
    /// An HTTP server: headers that API Gateway renamed.
    Http,
    /// Not API Gateway: none of its request ids.
    Stranger,
}

/// What API Gateway says of all that it does not want to name.
pub(crate) const FORBIDDEN: Canned = gateway(403, "ForbiddenException", r#"{"message":"Forbidden"}"#);

const MISSING_TOKEN: Canned =
    gateway(403, "MissingAuthenticationTokenException", r#"{"message":"Missing Authentication Token"}"#);
const INTERNAL: &str = "InternalServerErrorException";
const DENIED: &str = "AccessDeniedException";

const fn gateway(status: u16, error_type: &'static str, body: &'static str) -> Canned {
    Canned { status, error_type: Some(error_type), body, writer: Writer::Gateway }
}

const fn own(status: u16, body: &'static str, writer: Writer) -> Canned {
    Canned { status, error_type: None, body, writer }
}

const fn responds(name: &'static str, response: Canned) -> Failure {
    Failure { name, shows: Shows::Response(response) }
}

const fn shakes(name: &'static str, handshake: Handshake) -> Failure {
    Failure { name, shows: Shows::Handshake(handshake) }
}

macro_rules! denied {
    ($more:literal) => {
        concat!(
            r#"{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {resource}"#,
            $more,
            r#""}"#
        )
    };
}

/// All of them, by what is in the way.
pub(crate) static FAILURES: [Failure; 41] = [
    responds("api_unknown", FORBIDDEN),
    responds("stage_unknown", FORBIDDEN),
    responds("path_unknown", MISSING_TOKEN),
    responds("policy_denies", gateway(403, DENIED, denied!(" with an explicit deny"))),
    responds("policy_denies_named", gateway(403, DENIED, denied!(" with an explicit deny in a resource-based policy"))),
    responds("endpoint_not_allowed", gateway(403, DENIED, denied!(" with an explicit deny"))),
    responds("policy_allows_nothing", gateway(403, DENIED, denied!(""))),
    responds(
        "policy_allows_nothing_named",
        gateway(403, DENIED, denied!(" because no resource-based policy allows the execute-api:Invoke action")),
    ),
    responds(
        "endpoint_policy_denies",
        gateway(403, DENIED, denied!(" because no VPC endpoint policy allows the execute-api:Invoke action")),
    ),
    responds("denied_in_own_words", gateway(403, DENIED, r#"{"error":"denied"}"#)),
    responds("waf", FORBIDDEN),
    responds("waf_own_response", own(403, "<html><body>Blocked</body></html>", Writer::Gateway)),
    Failure { name: "strict_access", shows: Shows::Strict },
    responds("iam_required", MISSING_TOKEN),
    responds(
        "signature_refused",
        gateway(
            403,
            "InvalidSignatureException",
            r#"{"message":"The request signature we calculated does not match the signature you provided."}"#,
        ),
    ),
    responds(
        "signature_incomplete",
        gateway(
            403,
            "IncompleteSignatureException",
            r#"{"message":"Authorization header requires 'Credential' parameter."}"#,
        ),
    ),
    responds(
        "security_token_invalid",
        gateway(
            403,
            "UnrecognizedClientException",
            r#"{"message":"The security token included in the request is invalid."}"#,
        ),
    ),
    responds("api_key_required", FORBIDDEN),
    responds(
        "api_key_invalid",
        gateway(403, "ForbiddenException", r#"{"message":"Invalid API Key identifier specified"}"#),
    ),
    responds("authorizer_unauthorized", gateway(401, "UnauthorizedException", r#"{"message":"Unauthorized"}"#)),
    responds(
        "authorizer_refuses",
        gateway(403, DENIED, r#"{"Message":"User is not authorized to access this resource"}"#),
    ),
    responds(
        "authorizer_denies",
        gateway(403, DENIED, r#"{"Message":"User is not authorized to access this resource with an explicit deny"}"#),
    ),
    responds("authorizer_fails", gateway(500, "AuthorizerConfigurationException", r#"{"message":null}"#)),
    responds("throttled", gateway(429, "TooManyRequestsException", r#"{"message":"Too Many Requests"}"#)),
    responds("quota_exceeded", gateway(429, "LimitExceededException", r#"{"message":"Limit Exceeded"}"#)),
    responds("request_invalid", gateway(400, "BadRequestException", r#"{"message": "Invalid request body"}"#)),
    responds(
        "integration_timed_out",
        Canned { writer: Writer::Lambda, ..gateway(504, INTERNAL, r#"{"message": "Endpoint request timed out"}"#) },
    ),
    responds(
        "integration_unreachable",
        gateway(504, INTERNAL, r#"{"message": "Network error communicating with endpoint"}"#),
    ),
    responds("integration_invalid", gateway(502, INTERNAL, r#"{"message": "Internal server error"}"#)),
    responds("api_misconfigured", gateway(500, INTERNAL, r#"{"message": "Internal server error"}"#)),
    responds("integration_refuses", own(403, r#"{"message":"Forbidden"}"#, Writer::Lambda)),
    responds("integration_refuses_http", own(403, "<h1>403 Forbidden</h1>", Writer::Http)),
    responds("integration_error", own(503, "no healthy upstream", Writer::Http)),
    responds("not_api_gateway", own(403, "<html>Blocked by the web proxy</html>", Writer::Stranger)),
    shakes("certificate_of_another_region", Handshake::OtherRegion),
    shakes("certificate_for_other_names", Handshake::OtherNames),
    shakes("certificate_untrusted", Handshake::Untrusted),
    shakes("certificate_expired", Handshake::Expired),
    shakes("handshake_fails", Handshake::Closed),
    Failure { name: "endpoint_silent", shows: Shows::Silence },
    Failure { name: "endpoint_hangs_up", shows: Shows::Hangup },
];

impl Failure {
    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Failure> {
        FAILURES.iter().find(|failure| failure.name == name)
    }

    /// The response, where it is one for any request.
    pub(crate) fn response(&self) -> Option<Canned> {
        match self.shows {
            Shows::Response(response) => Some(response),
            Shows::Strict | Shows::Handshake(_) | Shows::Silence | Shows::Hangup => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_failure_has_a_name_of_its_own() {
        let names: BTreeSet<_> = FAILURES.iter().map(|failure| failure.name).collect();
        assert_eq!(names.len(), FAILURES.len());
        assert_eq!(Failure::named("waf").and_then(Failure::response), Some(FORBIDDEN));
        assert_eq!(Failure::named("nothing"), None);
    }
}
