//! What becomes of a request whose way to the API or back breaks.

use std::time::Instant;

use pingora::{Error, ErrorSource, ErrorType};
use pingora_proxy::{FailToProxy, Session};

use super::Proxy;
use super::context::{RequestContext, final_response};
use super::downstream_response::has_whole_response;
use super::head::METHOD_OVERRIDE;
use crate::downstream::connection::ClientConnection;
use crate::upstream::attempt::Attempt;
use crate::upstream::broken::ended_unanswered;
use crate::upstream::deadline::Late;
use crate::upstream::error_line::ErrorLine;
use nameplate_core::domain::refusal::Refusal;

impl Proxy {
    /// The exchange with the API broke: decides whether the request may be sent once more.
    pub(super) fn exchange_broke(
        &self,
        session: &mut Session,
        mut e: Box<Error>,
        ctx: &mut RequestContext,
        client_reused: bool,
    ) -> Box<Error> {
        let request = session.req_header();
        let unanswered = ctx.attempts.current().is_some_and(Attempt::is_unanswered) && ended_unanswered(&e);
        if unanswered && !client_reused {
            self.blame_address(ctx, Instant::now());
        }
        // With an overriding method, GET promises nothing.
        let may_repeat = request.method.is_idempotent() && !request.headers.contains_key(METHOD_OVERRIDE);
        let has_body = !session.as_ref().retry_buffer_truncated();
        // A connection that was kept may end at any time. In every other case the API may have acted on the request:
        // never a second time.
        let again = unanswered && client_reused && may_repeat && has_body && self.take_retry_elsewhere(ctx);
        e.set_retry(again);
        e
    }

    /// No attempt is left: refuses the request, unless its client is gone or has had its response.
    pub(super) async fn give_up(&self, session: &mut Session, e: &Error, ctx: &mut RequestContext) -> FailToProxy {
        let gone = FailToProxy { error_code: 0, can_reuse_downstream: false };
        if *e.esource() == ErrorSource::Downstream && has_whole_response(session) {
            // It got a response early and did not finish its request: that is allowed.
            return gone;
        }
        let malformed = ClientConnection::of(session).is_some_and(|client| client.is_malformed());
        let known = ctx.refusal.or(malformed.then_some(Refusal::MalformedMessage));
        let body_done = || session.as_mut().is_body_done();
        let Some(refusal) = known.or_else(|| refusal_for(ctx.attempts.current(), e, body_done)) else {
            ctx.aborted = true;
            return gone;
        };
        ctx.refusal = Some(refusal);
        let line = ErrorLine::new(e, ctx.attempts.address().map(|address| address.socket));
        // A final response that has begun cannot become another one; the connection ends instead, so
        // that the client sees it was cut short.
        if let Some(response) = final_response(session) {
            if refusal.status() >= 500 {
                let (status, sent) = (response.status.as_u16(), session.body_bytes_sent());
                log::warn!("{}: a {status} response broke off after {sent} bytes of its body: {line}", ctx.domain());
            }
            return gone;
        }
        if refusal.status() >= 500 {
            log::warn!("{}: refused with {} {}: {line}", ctx.domain(), refusal.status(), refusal.reason());
        }
        session.set_keepalive(None);
        if self.refuse(session, ctx, refusal).await.is_err() {
            ctx.aborted = true;
        }
        FailToProxy { error_code: refusal.status(), can_reuse_downstream: false }
    }
}

/// The refusal for an attempt that ended in an error, with the whole request read (`body_done`) or not; `None`
/// where the client is gone.
fn refusal_for(attempt: Option<&Attempt>, e: &Error, body_done: impl FnOnce() -> bool) -> Option<Refusal> {
    match (attempt.and_then(Attempt::late), e.etype()) {
        // It could not send because the API took nothing: what we could not read was not awaited.
        (Some(Late::Client), ErrorType::WriteTimedout | ErrorType::WriteError) => Some(Refusal::UpstreamTimeout),
        (Some(Late::Client), _) => Some(Refusal::RequestTimeout),
        (Some(Late::Api), _) => Some(Refusal::UpstreamTimeout),
        (None, etype) => {
            let refusal = refusal_of(e);
            let awaited = *etype == ErrorType::ReadTimedout && attempt.is_some_and(Attempt::is_sent);
            if refusal == Some(Refusal::UpstreamTimeout) && awaited && !body_done() {
                // The API was waiting for the rest of the request, as we were.
                return Some(Refusal::RequestTimeout);
            }
            refusal
        }
    }
}

/// The refusal for an error of Pingora's; `None` where the client is gone.
fn refusal_of(error: &Error) -> Option<Refusal> {
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
