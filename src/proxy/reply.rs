//! A refusal as the client sees it, and what of Pingora's errors is one.

use bytes::Bytes;
use http::Method;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorSource, ErrorType, Result};
use pingora_proxy::Session;

use crate::downstream::connection::ClientConnection;
use crate::downstream::refusal::body;
use crate::downstream::request_id::{self, Id};
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::verbs::VerbSet;

/// What a refused client could do instead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Advice {
    /// The methods that are allowed.
    pub(super) verbs: Option<VerbSet>,
    /// Seconds after which it may come again.
    pub(super) retry_after: Option<u64>,
}

/// Answers with a refusal: its status, and a body shaped like API Gateway's own.
pub(super) async fn refuse(session: &mut Session, refusal: Refusal, id: &Id, advice: Advice) -> Result<()> {
    let body = body(refusal, id.as_str());
    let mut header = ResponseHeader::build(refusal.status(), Some(8))?;
    header.insert_header(CONTENT_TYPE, "application/json")?;
    header.insert_header(CONTENT_LENGTH, body.len())?;
    header.insert_header(CACHE_CONTROL, "no-store")?;
    header.insert_header("x-nameplate-refusal", refusal.reason())?;
    header.insert_header(request_id::NAME, id.value.clone())?;
    if refusal == Refusal::MethodNotAllowed {
        header.insert_header(ALLOW, advice.verbs.unwrap_or(VerbSet::ALL).to_string())?;
    }
    if let Some(seconds) = advice.retry_after {
        header.insert_header(RETRY_AFTER, seconds)?;
    }
    // What is left of a refused request's body is not worth reading, and must not be read as the
    // next request.
    if !session.is_body_empty() {
        session.set_keepalive(None);
        ClientConnection::of(session).inspect(|connection| connection.note_cut_short());
    }
    let bodyless = session.req_header().method == Method::HEAD;
    session.write_response_header(Box::new(header), bodyless).await?;
    if !bodyless {
        session.write_response_body(Some(Bytes::from(body)), true).await?;
    }
    Ok(())
}

/// The answer that has begun, ours or the API's; a 1xx is none yet.
pub(super) fn final_answer(session: &Session) -> Option<&ResponseHeader> {
    session.response_written().filter(|answer| !answer.status.is_informational())
}

/// Whether all of an answer has been handed to the client, as far as its Content-Length tells.
pub(super) fn has_whole_answer(session: &Session) -> bool {
    let Some(answer) = final_answer(session) else { return false };
    let length = answer.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let bodyless = session.req_header().method == Method::HEAD || matches!(answer.status.as_u16(), 204 | 304);
    bodyless || length.is_some_and(|length: usize| session.body_bytes_sent() >= length)
}

/// The refusal an error of Pingora's amounts to; `None` where the client is gone.
pub(super) fn refusal_of(error: &Error) -> Option<Refusal> {
    use ErrorType as E;
    match (error.esource(), error.etype()) {
        (ErrorSource::Downstream, E::ReadTimedout) => Some(Refusal::RequestTimeout),
        (
            ErrorSource::Downstream,
            E::WriteTimedout | E::WriteError | E::ReadError | E::ConnectionClosed | E::H2Error,
        ) => None,
        (ErrorSource::Downstream, _) => Some(Refusal::MalformedMessage),
        (_, E::ConnectTimedout | E::TLSHandshakeTimedout | E::ReadTimedout | E::WriteTimedout) => {
            Some(Refusal::UpstreamTimeout)
        }
        (_, E::ConnectRefused | E::ConnectNoRoute | E::ConnectError | E::BindError | E::SocketError) => {
            Some(Refusal::ConnectFailed)
        }
        (_, E::TLSHandshakeFailure | E::InvalidCert | E::HandshakeError | E::TLSWantX509Lookup) => {
            Some(Refusal::TlsFailed)
        }
        (ErrorSource::Upstream, _) => Some(Refusal::BadAnswer),
        (ErrorSource::Internal | ErrorSource::Unset, _) => Some(Refusal::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: Box<Error>, want: Option<Refusal>) {
        assert_eq!(refusal_of(&error), want, "{error}");
    }

    #[test]
    fn each_way_to_fail_has_its_refusal() {
        check(Error::new_up(ErrorType::ConnectRefused), Some(Refusal::ConnectFailed));
        check(Error::new_up(ErrorType::ConnectTimedout), Some(Refusal::UpstreamTimeout));
        check(Error::new_up(ErrorType::InvalidCert), Some(Refusal::TlsFailed));
        check(Error::new_up(ErrorType::ReadTimedout), Some(Refusal::UpstreamTimeout));
        check(Error::new_up(ErrorType::InvalidHTTPHeader), Some(Refusal::BadAnswer));
        check(Error::new_up(ErrorType::ConnectionClosed), Some(Refusal::BadAnswer));
        check(Error::new_down(ErrorType::InvalidHTTPHeader), Some(Refusal::MalformedMessage));
        check(Error::new_down(ErrorType::ReadTimedout), Some(Refusal::RequestTimeout));
        check(Error::new_down(ErrorType::ConnectionClosed), None);
        check(Error::new_in(ErrorType::InternalError), Some(Refusal::Internal));
    }
}
