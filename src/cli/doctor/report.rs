//! What `doctor` found, as JSON says it: docs/doctor.md.

use std::collections::BTreeMap;

use serde::Serialize;

use super::aws::AwsSeen;
use super::causes::{Judged, judged};
use super::exchange::{Examined, Exchanged};
use crate::upstream::ask::Steps;
use nameplate_core::explain::{self, Explanation};
use nameplate_core::verdict::{
    ConnectError, Evidence, Outcome, Response, ResponseError, Standing, TlsError, Verdict, classify,
};

/// How many characters of a body are shown.
const SHOWN_BODY: usize = 400;

/// The whole report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) url: String,
    pub(super) method: String,
    /// The API answers at every address, or asks for credentials.
    pub(super) ok: bool,
    pub(super) mapping: Mapped,
    pub(super) request: Option<Sent>,
    pub(super) endpoint: Option<EndpointSeen>,
    /// Of the address that is worst off.
    pub(super) verdict: Option<Judged>,
    /// What API Gateway's control plane says, where it was asked.
    pub(super) aws: Option<AwsSeen>,
}

/// What the mapping says of the request.
#[derive(Debug, Serialize)]
pub(super) struct Mapped {
    pub(super) source: String,
    /// `domain/base (file:line)`.
    pub(super) entry: Option<String>,
    /// Why the mapping refuses the request, where it does.
    pub(super) refusal: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) help: Option<String>,
    /// What `nameplate explain` says beside a refusal, the nearest domain say.
    pub(super) facts: BTreeMap<&'static str, String>,
}

/// What is sent to the API.
#[derive(Debug, Serialize)]
pub(super) struct Sent {
    /// A safe method, whatever the request's.
    pub(super) verb: String,
    pub(super) url: String,
    pub(super) server_name: String,
    pub(super) host: String,
    pub(super) api_id: String,
    pub(super) stage: String,
}

/// The endpoint of the entry.
#[derive(Debug, Serialize)]
pub(super) struct EndpointSeen {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) dns_name: Option<String>,
    pub(super) lookup_error: Option<String>,
    pub(super) addresses: Vec<AddressSeen>,
}

/// One address, and how far an exchange with it got.
#[derive(Debug, Serialize)]
pub(super) struct AddressSeen {
    pub(super) address: Option<String>,
    /// `local` or `other`.
    pub(super) zone: &'static str,
    pub(super) cooling: bool,
    pub(super) milliseconds: Milliseconds,
    pub(super) certificate: Vec<String>,
    /// How it ended: `answered`, or the step that failed and why.
    pub(super) outcome: String,
    pub(super) response: Option<ResponseSeen>,
    pub(super) verdict: Judged,
}

/// How long each step took; a step without one did not end.
#[derive(Debug, Serialize)]
pub(super) struct Milliseconds {
    pub(super) connect: Option<f64>,
    pub(super) tls: Option<f64>,
    pub(super) first_byte: Option<f64>,
}

/// A response.
#[derive(Debug, Serialize)]
pub(super) struct ResponseSeen {
    pub(super) status: u16,
    pub(super) error_type: Option<String>,
    pub(super) request_id: bool,
    pub(super) apigw_id: bool,
    /// The beginning, without control characters.
    pub(super) body: String,
}

impl Report {
    /// A request that the mapping refuses: the API does not get it.
    pub(super) fn refused(url: &str, method: &str, mapping: Mapped) -> Report {
        let (url, method) = (url.to_owned(), method.to_owned());
        Report { url, method, ok: false, mapping, request: None, endpoint: None, verdict: None, aws: None }
    }

    pub(super) fn of(url: &str, method: &str, mapping: Mapped, exchanged: &Exchanged) -> Report {
        let evidence: Vec<&Evidence> = match &exchanged.unresolved {
            Some(evidence) => vec![evidence],
            None => exchanged.addresses.iter().map(|examined| &examined.finding.evidence).collect(),
        };
        let worst = evidence.iter().map(|evidence| classify(evidence)).min_by_key(Verdict::standing);
        let ok = worst.as_ref().is_some_and(|verdict| verdict.standing() == Standing::Answers);
        Report {
            url: url.to_owned(),
            method: method.to_owned(),
            ok,
            mapping,
            request: evidence.first().map(|evidence| sent(evidence, exchanged)),
            endpoint: Some(EndpointSeen {
                name: exchanged.endpoint.clone(),
                kind: exchanged.kind,
                dns_name: exchanged.dns_name.clone(),
                lookup_error: exchanged.lookup_error.clone(),
                addresses: exchanged.addresses.iter().map(address).collect(),
            }),
            verdict: worst.map(|verdict| judged(&verdict)),
            aws: None,
        }
    }
}

impl Mapped {
    pub(super) fn of(explanation: &Explanation, source: &str) -> Mapped {
        let refusal = match explanation.verdict {
            explain::Verdict::Forwarded => None,
            explain::Verdict::Refused(refusal) => Some(refusal),
        };
        Mapped {
            source: source.to_owned(),
            entry: explanation.entry.as_ref().map(ToString::to_string),
            refusal: refusal.map(|refusal| refusal.to_string()),
            status: refusal.map(|refusal| refusal.status()),
            help: explanation.help.clone(),
            facts: match refusal {
                Some(_) => explanation.facts.iter().cloned().collect(),
                None => BTreeMap::new(),
            },
        }
    }
}

fn sent(evidence: &Evidence, exchanged: &Exchanged) -> Sent {
    Sent {
        verb: evidence.asked.verb.clone(),
        url: format!("https://{}{}", exchanged.api_host, exchanged.target),
        server_name: evidence.asked.server_name.clone(),
        host: evidence.asked.host.clone(),
        api_id: exchanged.api_id.clone(),
        stage: exchanged.stage.clone(),
    }
}

fn address(examined: &Examined) -> AddressSeen {
    let finding = &examined.finding;
    let Steps { connect, tls, first_byte, .. } = finding.steps;
    let milliseconds = |step: Option<std::time::Duration>| step.map(|step| (step.as_secs_f64() * 1e5).round() / 1e2);
    AddressSeen {
        address: finding.address.map(|address| address.to_string()),
        zone: if examined.is_local { "local" } else { "other" },
        cooling: examined.is_cooling,
        milliseconds: Milliseconds {
            connect: milliseconds(connect),
            tls: milliseconds(tls),
            first_byte: milliseconds(first_byte),
        },
        certificate: finding.certificate.clone(),
        outcome: outcome(&finding.evidence.outcome),
        response: match &finding.evidence.outcome {
            Outcome::Answered(response) => Some(seen(response)),
            Outcome::NotResolved | Outcome::NotConnected(_) | Outcome::NotSecured(_) | Outcome::NotAnswered(_) => None,
        },
        verdict: judged(&classify(&finding.evidence)),
    }
}

fn seen(response: &Response) -> ResponseSeen {
    let body = String::from_utf8_lossy(&response.body);
    let body = body.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_BODY).collect();
    ResponseSeen {
        status: response.status,
        error_type: response.error_type.as_ref().map(|kind| kind.chars().filter(|c| !c.is_control()).collect()),
        request_id: response.has_request_id,
        apigw_id: response.has_apigw_id,
        body,
    }
}

fn outcome(outcome: &Outcome) -> String {
    let (step, why) = match outcome {
        Outcome::Answered(_) => return "answered".to_owned(),
        Outcome::NotResolved => ("no address is known", ""),
        Outcome::NotConnected(ConnectError::Refused) => ("no connection", "refused"),
        Outcome::NotConnected(ConnectError::TimedOut) => ("no connection", "timed out"),
        Outcome::NotConnected(ConnectError::Unreachable) => ("no connection", "no route"),
        Outcome::NotConnected(ConnectError::Other) => ("no connection", ""),
        Outcome::NotSecured(TlsError::WrongName { .. }) => ("no TLS", "the certificate is for other names"),
        Outcome::NotSecured(TlsError::Untrusted) => ("no TLS", "the certificate's authority is not trusted"),
        Outcome::NotSecured(TlsError::Expired) => ("no TLS", "the certificate is not valid now"),
        Outcome::NotSecured(TlsError::Closed) => ("no TLS", "the handshake was broken off"),
        Outcome::NotSecured(TlsError::TimedOut) => ("no TLS", "timed out"),
        Outcome::NotSecured(TlsError::NotTls) => ("no TLS", "the peer does not speak TLS"),
        Outcome::NotSecured(TlsError::Other) => ("no TLS", ""),
        Outcome::NotAnswered(ResponseError::TimedOut) => ("no response", "timed out"),
        Outcome::NotAnswered(ResponseError::Closed) => ("no response", "the connection was closed"),
        Outcome::NotAnswered(ResponseError::NotHttp) => ("no response", "what came is not HTTP"),
    };
    if why.is_empty() { step.to_owned() } else { format!("{step}: {why}") }
}
