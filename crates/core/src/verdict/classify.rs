//! From evidence to causes, in the order of the steps of an exchange.

use super::cause::Cause;
use super::causes::Verdict;
use super::evidence::{Asked, Evidence, Outcome, Response, ResponseError, TlsError};
use super::gateway_error::gateway_error;

/// The causes that the evidence fits.
pub fn classify(evidence: &Evidence) -> Verdict {
    match &evidence.outcome {
        Outcome::NotResolved => Verdict::certain(Cause::EndpointUnknown),
        Outcome::NotConnected(_) => Verdict::certain(Cause::EndpointDown),
        Outcome::NotSecured(error) => handshake_error(error, &evidence.asked.server_name),
        Outcome::NotAnswered(error) => response_error(*error),
        Outcome::Answered(response) => answered(response, &evidence.asked),
    }
}

fn handshake_error(error: &TlsError, server_name: &str) -> Verdict {
    match error {
        TlsError::WrongName { names } => wrong_name(names, server_name),
        TlsError::Untrusted => Verdict::certain(Cause::CertificateUntrusted),
        TlsError::Expired => Verdict::certain(Cause::CertificateExpired),
        TlsError::Closed | TlsError::TimedOut | TlsError::NotTls => Verdict::certain(Cause::HandshakeFails),
        // No step is known to have failed: it may be the certificate.
        TlsError::Other => Verdict::of(Cause::HandshakeFails, &[Cause::CertificateUntrusted]),
    }
}

/// A certificate for other names: of execute-api in another region, or of something else.
fn wrong_name(names: &[String], server_name: &str) -> Verdict {
    let Some(asked) = region_of(server_name) else { return Verdict::certain(Cause::CertificateForOtherNames) };
    if names.is_empty() {
        return Verdict::of(Cause::CertificateOfAnotherRegion, &[Cause::CertificateForOtherNames]);
    }
    let elsewhere = names.iter().filter_map(|name| region_of(name)).any(|region| region != asked);
    Verdict::certain(if elsewhere { Cause::CertificateOfAnotherRegion } else { Cause::CertificateForOtherNames })
}

/// The region in `{any}.execute-api.{region}.{suffix}`.
fn region_of(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once(".execute-api.")?;
    rest.split('.').next().filter(|region| !region.is_empty())
}

fn response_error(error: ResponseError) -> Verdict {
    match error {
        // A slow integration looks the same until API Gateway's own timeout.
        ResponseError::TimedOut => Verdict::of(Cause::EndpointSilent, &[Cause::IntegrationTimedOut]),
        ResponseError::Closed => Verdict::certain(Cause::EndpointSilent),
        ResponseError::NotHttp => Verdict::certain(Cause::NotApiGateway),
    }
}

fn answered(response: &Response, asked: &Asked) -> Verdict {
    let own = own_response(response.status);
    if !response.has_request_id && !response.has_apigw_id && response.error_type.is_none() {
        return unmarked(response, own);
    }
    let error = response.error_type.as_deref().map(|kind| gateway_error(kind, response, asked));
    match error {
        // API Gateway renames headers of integrations only. One that is another API, or a service of AWS, may send an
        // error type of its own.
        Some(error) if response.has_remapped => Verdict::of(own, error.causes()),
        Some(error) if response.has_apigw_id => error,
        // Any service of AWS sends an error type, most a request id too. A gateway response may drop API Gateway's ids.
        Some(error) => Verdict::of(error.causes()[0], &[&error.causes()[1..], &[Cause::NotApiGateway]].concat()),
        None => untyped(response, own),
    }
}

/// A response without an error type: the integration's, unless a rule of AWS WAF answers with a response of its own.
fn untyped(response: &Response, own: Cause) -> Verdict {
    // API Gateway adds a trace id to responses of its own as well, so it does not exclude a rule.
    if response.status == 403 && !response.has_remapped {
        Verdict::of(own, &[Cause::Waf])
    } else {
        Verdict::certain(own)
    }
}

/// A response without any mark of API Gateway, and without an error type.
fn unmarked(response: &Response, own: Cause) -> Verdict {
    match response.status {
        // What stands before API Gateway refuses a malformed request without its marks.
        400 | 413 | 414 | 431 => Verdict::of(Cause::NotApiGateway, &[Cause::RequestInvalid]),
        ..400 => Verdict::of(Cause::NotApiGateway, &[own]),
        // What stands before API Gateway, or a proxy on the way, gets no response.
        502..=504 => Verdict::of(Cause::NotApiGateway, &[Cause::EndpointSilent, Cause::IntegrationUnreachable]),
        _ => Verdict::certain(Cause::NotApiGateway),
    }
}

/// The cause of a response that the integration wrote itself.
fn own_response(status: u16) -> Cause {
    match status {
        ..400 => Cause::Answers,
        400..500 => Cause::IntegrationRefuses,
        500.. => Cause::IntegrationError,
    }
}
