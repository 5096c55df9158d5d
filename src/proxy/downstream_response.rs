//! The API's answer on its way to the client: in the custom domain's terms where it must be.

use http::HeaderValue;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, HeaderName, LOCATION, SET_COOKIE, TRANSFER_ENCODING};
use pingora::Result;
use pingora::http::ResponseHeader;

use super::head::is_of_one_hop;
use super::upstream_request::repeated_length;
use nameplate_core::domain::answer::{ClientView, cookie, location};
use nameplate_core::domain::route::Route;

/// Ends what concerns only the connection to the endpoint (RFC 9110 section 7.6.1): what `Connection`
/// nominates, and the fields that are hop-by-hop by definition. Pingora writes the framing and the
/// `Connection` of our own hop.
pub(super) fn end_hop(answer: &mut ResponseHeader) {
    if answer.headers.contains_key(CONNECTION) {
        let nominated: Vec<HeaderName> = answer
            .headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|b| *b == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .filter(|name| *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING && *name != CONNECTION)
            .collect();
        for name in nominated {
            answer.remove_header(&name);
        }
    }
    while let Some(name) = answer.headers.keys().find(|name| is_of_one_hop(name.as_str())).cloned() {
        answer.remove_header(&name);
    }
}

/// Says a length once that is said more than once.
pub(super) fn say_length_once(answer: &mut ResponseHeader) -> Result<()> {
    match repeated_length(&answer.headers) {
        Some(length) => answer.insert_header(CONTENT_LENGTH, length),
        None => Ok(()),
    }
}

/// Translates what points at the API's own host or stage.
pub(super) fn translate(answer: &mut ResponseHeader, route: &Route, client: ClientView<'_>) -> Result<()> {
    each(answer, &LOCATION, |value| location(route, client, value))?;
    each(answer, &CONTENT_LOCATION, |value| location(route, client, value))?;
    each(answer, &SET_COOKIE, |value| cookie(route, client, value))
}

fn each(answer: &mut ResponseHeader, name: &HeaderName, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<()> {
    let translated: Vec<Option<HeaderValue>> = answer
        .headers
        .get_all(name)
        .iter()
        .map(|value| change(value.as_bytes()).and_then(|bytes| HeaderValue::try_from(bytes).ok()))
        .collect();
    if translated.iter().all(Option::is_none) {
        return Ok(());
    }
    let values: Vec<HeaderValue> = answer
        .headers
        .get_all(name)
        .iter()
        .zip(translated)
        .map(|(old, new)| new.unwrap_or_else(|| old.clone()))
        .collect();
    answer.remove_header(name);
    for value in values {
        answer.append_header(name, value)?;
    }
    Ok(())
}
