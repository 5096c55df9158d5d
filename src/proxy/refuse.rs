//! A refusal as the client sees it.

use bytes::Bytes;
use http::Method;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora_proxy::Session;

use super::Proxy;
use super::context::RequestContext;
use crate::downstream::connection::ClientConnection;
use crate::downstream::refusal::body;
use crate::downstream::request_id;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::verbs::VerbSet;

impl Proxy {
    /// Answers with a refusal: its status, and a body shaped like API Gateway's own.
    pub(super) async fn refuse(&self, session: &mut Session, ctx: &mut RequestContext, refusal: Refusal) -> Result<()> {
        let verbs = ctx.route().map_or(VerbSet::ALL, |route| route.choices.verbs);
        let retry_after = ctx.retry_after;
        let id = ctx.identify(None, self.request_id);
        let body = body(refusal, id.as_str());
        let mut header = ResponseHeader::build(refusal.status(), Some(8))?;
        header.insert_header(CONTENT_TYPE, "application/json")?;
        header.insert_header(CONTENT_LENGTH, body.len())?;
        header.insert_header(CACHE_CONTROL, "no-store")?;
        header.insert_header("x-nameplate-refusal", refusal.reason())?;
        header.insert_header(request_id::NAME, id.value.clone())?;
        if refusal == Refusal::MethodNotAllowed {
            header.insert_header(ALLOW, verbs.to_string())?;
        }
        if let Some(seconds) = retry_after {
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
}
