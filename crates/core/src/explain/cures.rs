//! What would help a request that is refused: the same words in `nameplate explain` and on the status page.

use super::question::Question;
use crate::domain::refusal::Refusal;
use crate::domain::target::first_unknown_byte;
use crate::domain::verbs::VERBS;

/// What would help, beside what the facts say.
pub(super) fn cure(refusal: Refusal, question: &Question<'_>) -> Option<String> {
    let cure = match refusal {
        Refusal::MissingHost => "Give the whole name that clients ask for.",
        Refusal::MalformedHost => "A host is a name such as orders.example.com, with a port if there is one.",
        Refusal::MalformedTarget => return Some(cure_of_target(question)),
        Refusal::DotSegment => "Send the path that the dots lead to.",
        Refusal::AmbiguousPath => "Send the path as `read as` shows it.",
        Refusal::MalformedMessage => "A method is one word of letters and digits, for example GET.",
        Refusal::UnknownPath => "Ask for one of the mapped paths, or add an entry for this one.",
        Refusal::MethodNotAllowed if question.method == "CONNECT" => "CONNECT asks for a tunnel, and an API has none.",
        Refusal::MethodNotAllowed => {
            return Some(
                hint_for_method(question.method)
                    .unwrap_or_else(|| "Use a method that the entry allows, or add this one to its VERBS.".to_owned()),
            );
        }
        Refusal::UriTooLong => "The setting `limits: url` says how long it may be.",
        Refusal::UnknownHost => "Add an entry for this domain to the mapping, or correct the name.",
        Refusal::NoMapping => "The mapping above says what it waits for.",
        _ => return None,
    };
    Some(cure.to_owned())
}

/// A hint for a method that differs from one of HTTP's in its case only: to HTTP it is another method.
fn hint_for_method(method: &str) -> Option<String> {
    let upper = VERBS.iter().find(|verb| verb.eq_ignore_ascii_case(method) && **verb != method)?;
    Some(format!("Methods are case-sensitive: send `{upper}`, not `{method}`."))
}

/// What to know of a method that an entry without VERBS lets through, and API Gateway does not know.
pub(super) fn warning_for_method(method: &str) -> Option<String> {
    let unknown = || format!("API Gateway has no method `{method}`; its methods are {}.", VERBS.join(", "));
    (!VERBS.contains(&method)).then(|| hint_for_method(method).unwrap_or_else(unknown))
}

fn cure_of_target(question: &Question<'_>) -> String {
    let target = question.sent_target();
    match first_unknown_byte(target) {
        Some(at) => {
            let (byte, place) = (target[at], if target[..at].contains(&b'?') { "query" } else { "path" });
            let shown =
                if byte.is_ascii_graphic() { format!("`{}`", char::from(byte)) } else { format!("{byte:#04x}") };
            format!("Percent-encode {shown} in the {place}: send `%{byte:02X}`.")
        }
        None => "A target begins with a slash.".to_owned(),
    }
}
