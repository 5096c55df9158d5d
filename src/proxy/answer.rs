//! The API's answer on its way to the client: in the custom domain's terms where it must be.

use http::HeaderValue;
use http::header::{CONTENT_LOCATION, HeaderName, LOCATION, SET_COOKIE};
use pingora::Result;
use pingora::http::ResponseHeader;

use crate::domain::answer::{ClientView, cookie, location};
use crate::domain::route::Route;

/// Whether an answer holds anything to translate; nearly none does.
pub(super) fn names_a_place(answer: &ResponseHeader) -> bool {
    let headers = &answer.headers;
    headers.contains_key(LOCATION) || headers.contains_key(CONTENT_LOCATION) || headers.contains_key(SET_COOKIE)
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
