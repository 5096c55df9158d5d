//! From evidence to causes.

use super::cause::Cause;
use super::causes::Verdict;
use super::evidence::{Evidence, Outcome, Response, ResponseError, TlsError};

/// The causes that the evidence fits.
pub fn classify(evidence: &Evidence) -> Verdict {
    match &evidence.outcome {
        Outcome::NotResolved => Verdict::certain(Cause::EndpointUnknown),
        Outcome::NotConnected(_) => Verdict::certain(Cause::EndpointDown),
        Outcome::NotSecured(error) => handshake(error, &evidence.asked.server_name),
        Outcome::NotAnswered(ResponseError::NotHttp) => Verdict::certain(Cause::NotApiGateway),
        Outcome::NotAnswered(_) => Verdict::certain(Cause::EndpointSilent),
        Outcome::Answered(response) => answer(response),
    }
}

fn handshake(error: &TlsError, _asked: &str) -> Verdict {
    Verdict::certain(match error {
        TlsError::WrongName { .. } => Cause::CertificateForOtherNames,
        TlsError::Untrusted => Cause::CertificateUntrusted,
        TlsError::Expired => Cause::CertificateExpired,
        TlsError::Closed | TlsError::TimedOut | TlsError::NotTls | TlsError::Other => Cause::HandshakeFails,
    })
}

fn answer(response: &Response) -> Verdict {
    match (response.status, response.error_type.as_deref()) {
        (..400, None) => Verdict::certain(Cause::Answers),
        (_, Some("ForbiddenException")) => {
            Verdict::any_of(&[Cause::ApiUnknown, Cause::StageUnknown, Cause::ApiKeyRequired, Cause::Waf])
        }
        (500.., None) => Verdict::certain(Cause::IntegrationError),
        (_, _) => Verdict::certain(Cause::IntegrationRefuses),
    }
}
