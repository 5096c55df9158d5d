//! Placeholders of templates that nobody has replaced.

use crate::diagnostic::{Code, Fault, Place};

/// The first placeholder in a value that cannot be used, as an error. `braces` says whether `{name}` is one, too: in
/// a path it is API Gateway's way of writing a parameter.
pub(super) fn in_value(at: Place, value: &str, braces: bool) -> Option<Fault> {
    let (offset, found) = first(value, braces)?;
    Some(Fault::in_value(at, value, offset, what(found), HELP).code(Code::Placeholder))
}

/// What to do about one.
pub(crate) const HELP: &str = "write the value itself; Nameplate replaces nothing, so a template is filled in before";

/// What is wrong with it.
pub(crate) fn what(found: &str) -> String {
    format!("`{found}` looks like an unreplaced placeholder")
}

/// The first placeholder of a text, and its byte.
pub(crate) fn first(text: &str, braces: bool) -> Option<(usize, &str)> {
    const STARTS: [char; 7] = ['$', '{', '<', '%', '#', '_', '['];
    let starts = text.match_indices(STARTS);
    starts.map(|(at, _)| at).find_map(|at| Some((at, &text[at..at + length(&text[at..], braces)?])))
}

/// How long the placeholder is that a text starts with.
fn length(text: &str, braces: bool) -> Option<usize> {
    let between = |open: &str, close: &str, inside: fn(char) -> bool| {
        let rest = text.strip_prefix(open)?;
        let name = &rest[..rest.find(close)?];
        let is_name = !name.trim().is_empty() && name.chars().all(inside);
        is_name.then_some(open.len() + name.len() + close.len())
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_anything = |c: char| !matches!(c, '{' | '}');
    let variable = || {
        let name = text.strip_prefix('$')?;
        let end = name.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).unwrap_or(name.len());
        (end > 1).then_some(1 + end)
    };
    between("${", "}", is_anything)
        .or_else(|| between("$(", ")", is_word))
        .or_else(|| between("{{", "}}", is_anything))
        .or_else(|| between("{%", "%}", is_anything))
        .or_else(|| between("#{", "}", is_anything))
        .or_else(|| between("%{", "}", is_anything))
        .or_else(|| between("<", ">", is_word))
        .or_else(|| between("[", "]", |c| c.is_ascii_alphabetic() || matches!(c, '_' | '-')))
        .or_else(|| between("__", "__", is_upper))
        .or_else(|| between("%", "%", |c| c.is_ascii_uppercase() || c == '_'))
        .or_else(|| if braces { between("{", "}", is_word) } else { None })
        .or_else(variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(text: &str, want: Option<(usize, &str)>) {
        assert_eq!(first(text, true), want, "{text}");
    }

    #[test]
    fn the_usual_templates_are_known() {
        found("https://${API_ID}.execute-api", Some((8, "${API_ID}")));
        found("https://${aws_api_gateway_rest_api.pay.id}.x", Some((8, "${aws_api_gateway_rest_api.pay.id}")));
        found("https://<api-id>.execute-api", Some((8, "<api-id>")));
        found("{{ domain }}.example.com", Some((0, "{{ domain }}")));
        found("https://$(apiId).x", Some((8, "$(apiId)")));
        found("https://#{ApiId}.x", Some((8, "#{ApiId}")));
        found("https://__API_ID__.x", Some((8, "__API_ID__")));
        found("https://%API_ID%.x", Some((8, "%API_ID%")));
        found("https://abc.x/$STAGE", Some((14, "$STAGE")));
        found("https://[api-id].x", Some((8, "[api-id]")));
        found("https://{api}.x", Some((8, "{api}")));
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for text in ["$default", "/a%2Fb%2Fc", "[::1]", "a_b.example.com", "a<b", "{}", "${}", "#top", "$"] {
            found(text, None);
        }
        assert_eq!(first("/users/{id}", false), None);
    }
}
