//! The API's response on its way to the client, in the custom domain's terms where it must be.

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, HeaderName, LOCATION, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderValue, Method, StatusCode, Version};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use super::Proxy;
use super::context::{RequestContext, final_response};
use super::head::{ResponseHead, is_of_one_hop};
use super::upstream_request::{asked_host, repeated_length};
use crate::downstream::connection::ClientConnection;
use crate::downstream::request_id;
use nameplate_core::domain::answer::{ClientView, cookie, location};
use nameplate_core::domain::host::{HostBuffer, normalize};
use nameplate_core::domain::route::{ResponseMode, Route};

impl Proxy {
    /// Makes the API's response the client's: ends what concerns the other hop, adds our id, and translates
    /// what points at the API.
    pub(super) fn downstream_response(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        self.answered(ctx);
        let mut head = checked_head(response)?;
        if head.closes
            && let Some(attempt) = ctx.attempts.current_mut()
        {
            attempt.end_connection_after_response(has_no_body(session, response));
        }
        if head.coded || response.status == StatusCode::NO_CONTENT {
            frame_bodyless(session, response, ctx);
        }
        // RFC 9112 section 6.1: a client of HTTP/1.0 may not know chunks. Without them, and without
        // a length, the end of the connection is the end of the body.
        if session.req_header().version == Version::HTTP_10 && response.remove_header(&TRANSFER_ENCODING).is_some() {
            session.set_keepalive(None);
        }
        // It may have ended with the rest of the request unread: most clients read nothing before they have
        // sent it all.
        if !session.as_mut().is_body_done() {
            ClientConnection::of(session).inspect(|connection| connection.note_cut_short());
        }
        if head.hop {
            end_hop(response);
            head = ResponseHead::of(&response.headers);
        }
        if head.length {
            say_length_once(response)?;
        }
        // An API's own id is the API's to say.
        if let Some(id) = self.id_to_say(ctx)
            && !head.has_id
        {
            response.insert_header(request_id::NAME, id.value.clone())?;
        }
        if self.clients.draining() {
            session.set_keepalive(None);
        }
        match ctx.route() {
            Some(route) if route.choices.response == ResponseMode::Translate && head.names_a_place => {
                self.translate(session, response, route)
            }
            _ => Ok(()),
        }
    }

    /// Translates what points at the API's own host or stage into the custom domain's terms.
    fn translate(&self, session: &Session, response: &mut ResponseHeader, route: &Route) -> Result<()> {
        let request = session.req_header();
        let asked = asked_host(request);
        let asked = asked.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
        let mut buffer = HostBuffer::default();
        let (Ok(authority), Ok(host)) = (std::str::from_utf8(asked), normalize(asked, &mut buffer)) else {
            return Ok(());
        };
        let seen = ClientConnection::client_info(session);
        let port = self.forwarded.client_port(request, &seen);
        let client = ClientView {
            scheme: self.forwarded.client_scheme(request, &seen).as_str(),
            authority,
            host,
            port: port.to_str().unwrap_or_default(),
        };
        each(response, &LOCATION, |value| location(route, client, value))?;
        each(response, &CONTENT_LOCATION, |value| location(route, client, value))?;
        each(response, &SET_COOKIE, |value| cookie(route, client, value))
    }
}

/// Makes an interim response (1xx) the client's: it has no body, so nothing frames one (RFC 9110 section 15.2), and what
/// concerns the other hop ends.
pub(super) fn interim_response(response: &mut ResponseHeader) -> Result<()> {
    if checked_head(response)?.hop {
        end_hop(response);
    }
    for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
        response.remove_header(&name);
    }
    Ok(())
}

/// One look at the API's headers; an error if the end of its body cannot be known.
fn checked_head(response: &ResponseHeader) -> Result<ResponseHead> {
    let head = ResponseHead::of(&response.headers);
    if head.misframed {
        return Err(
            Error::explain(ErrorType::InvalidHTTPHeader, "a Transfer-Encoding other than one `chunked`").into_up()
        );
    }
    Ok(head)
}

/// Reports whether the end of the head is the end of the response.
fn has_no_body(session: &Session, response: &ResponseHeader) -> bool {
    let is_empty = response.headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0");
    is_empty || session.req_header().method == Method::HEAD || matches!(response.status.as_u16(), 204 | 304)
}

/// Takes out what frames a body where there is none. RFC 9110 section 8.6 has no Content-Length in a 204; in a 304, and in
/// a response to HEAD, it tells of the body that is left out. RFC 9112 section 6.1 lets everybody on the way take out a
/// Transfer-Encoding there, and has none in a 204.
fn frame_bodyless(session: &Session, response: &mut ResponseHeader, ctx: &RequestContext) {
    let no_content = response.status == StatusCode::NO_CONTENT;
    let bodyless = no_content || response.status == StatusCode::NOT_MODIFIED;
    if !bodyless && session.req_header().method != Method::HEAD {
        return;
    }
    let coded = response.remove_header(&TRANSFER_ENCODING).is_some();
    let length = if no_content { response.remove_header(&CONTENT_LENGTH) } else { None };
    if bodyless && (coded || length.is_some_and(|length| length != "0")) {
        // The body it promises may yet come, and would be read as the next response.
        ctx.attempts.current().inspect(|attempt| attempt.cut_connection());
    }
}

/// Reports whether a whole response has been handed to the client, as far as its Content-Length tells.
pub(super) fn has_whole_response(session: &Session) -> bool {
    let Some(response) = final_response(session) else { return false };
    let length = response.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let bodyless = session.req_header().method == Method::HEAD || matches!(response.status.as_u16(), 204 | 304);
    bodyless || length.is_some_and(|length: usize| session.body_bytes_sent() >= length)
}

/// Ends what concerns only the connection to the endpoint (RFC 9110 section 7.6.1): what `Connection`
/// nominates, and the fields that are hop-by-hop by definition. Pingora writes the framing and the
/// `Connection` of our own hop.
fn end_hop(response: &mut ResponseHeader) {
    if response.headers.contains_key(CONNECTION) {
        let nominated: Vec<HeaderName> = response
            .headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|b| *b == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .filter(|name| *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING && *name != CONNECTION)
            .collect();
        for name in nominated {
            response.remove_header(&name);
        }
    }
    while let Some(name) = response.headers.keys().find(|name| is_of_one_hop(name.as_str())).cloned() {
        response.remove_header(&name);
    }
}

/// Says a length once that is said more than once.
fn say_length_once(response: &mut ResponseHeader) -> Result<()> {
    match repeated_length(&response.headers) {
        Some(length) => response.insert_header(CONTENT_LENGTH, length),
        None => Ok(()),
    }
}

fn each(response: &mut ResponseHeader, name: &HeaderName, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<()> {
    let translated: Vec<Option<HeaderValue>> = response
        .headers
        .get_all(name)
        .iter()
        .map(|value| change(value.as_bytes()).and_then(|bytes| HeaderValue::try_from(bytes).ok()))
        .collect();
    if translated.iter().all(Option::is_none) {
        return Ok(());
    }
    let values: Vec<HeaderValue> = response
        .headers
        .get_all(name)
        .iter()
        .zip(translated)
        .map(|(old, new)| new.unwrap_or_else(|| old.clone()))
        .collect();
    response.remove_header(name);
    for value in values {
        response.append_header(name, value)?;
    }
    Ok(())
}
