//! The template of custom domains: text with placeholders in braces.

use std::ops::Range;
use std::str::FromStr;

use nameplate_core::mapping::check_custom_domain;

/// The longest label of a domain name.
const MAX_LABEL: usize = 63;

/// A template such as `{api}.{account}.internal.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

/// The meaning of a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Api,
    Id,
    Stage,
    Account,
    AccountId,
    Region,
}

const PLACEHOLDERS: [(&str, Placeholder); 6] = [
    ("api", Placeholder::Api),
    ("id", Placeholder::Id),
    ("stage", Placeholder::Stage),
    ("account", Placeholder::Account),
    ("account_id", Placeholder::AccountId),
    ("region", Placeholder::Region),
];

/// An error in a template, with its place and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}\n    {text}\n    {}^\n  help: {help}", " ".repeat(column - 1))]
pub struct TemplateError {
    /// The whole template.
    text: String,
    /// The character that the error starts at, from 1.
    column: usize,
    what: String,
    help: String,
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Template, TemplateError> {
        let error = |at: usize, what: String, help: String| {
            let column = text.get(..at).map_or(1, |before| before.chars().count() + 1);
            TemplateError { text: text.escape_debug().to_string(), column, what, help }
        };
        let mut template = Template { pieces: Vec::new() };
        // The template with text in the place of each placeholder, as long as it, so that places stay.
        let mut sample = String::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let piece = match next(rest) {
                Ok(piece) => piece,
                Err((offset, what, help)) => return Err(error(at + offset, what, help)),
            };
            let (piece, range) = piece;
            match &piece {
                Piece::Text(literal) => sample.push_str(literal),
                Piece::Value(_) => sample.push_str(&"x".repeat(range.len())),
            }
            template.pieces.push(piece);
            at += range.len();
        }
        let names = |placeholder| template.pieces.contains(&Piece::Value(placeholder));
        if !names(Placeholder::Api) && !names(Placeholder::Id) {
            let what = "it has neither `{api}` nor `{id}`, so that all APIs would have one domain".to_owned();
            return Err(error(0, what, "write, for example, `{api}.{account}.internal.example.com`".to_owned()));
        }
        match check_custom_domain(&sample) {
            Ok(()) => Ok(template),
            Err((offset, what, help)) => Err(error(offset, what.replace("CUSTOM_DOMAIN_URL", "the template"), help)),
        }
    }
}

/// The piece that a text starts with, and how much of the text it is; or what is wrong, and at which byte.
fn next(text: &str) -> Result<(Piece, Range<usize>), (usize, String, String)> {
    let all = || PLACEHOLDERS.map(|(name, _)| format!("`{{{name}}}`")).join(", ");
    let Some(inner) = text.strip_prefix('{') else {
        let end = text.find(['{', '}']).unwrap_or(text.len());
        if text[end..].starts_with('}') {
            return Err((end, "a `}` without a `{` before it".to_owned(), format!("write one of {}", all())));
        }
        return Ok((Piece::Text(text[..end].to_owned()), 0..end));
    };
    let Some(end) = inner.find(['{', '}']).filter(|end| inner[*end..].starts_with('}')) else {
        return Err((0, "a `{` without its `}`".to_owned(), format!("write one of {}", all())));
    };
    match PLACEHOLDERS.iter().find(|(name, _)| *name == &inner[..end]) {
        Some((_, placeholder)) => Ok((Piece::Value(*placeholder), 0..end + 2)),
        None => {
            let name = inner[..end].escape_debug();
            Err((0, format!("unknown placeholder `{{{name}}}`"), format!("write one of {}", all())))
        }
    }
}

/// The values of the placeholders.
pub(super) struct Values<'v> {
    pub(super) api: &'v str,
    pub(super) id: &'v str,
    pub(super) stage: &'v str,
    pub(super) account: &'v str,
    pub(super) account_id: &'v str,
    pub(super) region: &'v str,
}

impl Template {
    /// Reports whether different stages have different domains.
    pub(super) fn names_stage(&self) -> bool {
        self.pieces.contains(&Piece::Value(Placeholder::Stage))
    }

    /// The text with these values in the place of the placeholders.
    pub(super) fn fill(&self, values: &Values<'_>) -> String {
        let value = |placeholder: &Placeholder| match placeholder {
            Placeholder::Api => values.api.to_owned(),
            Placeholder::Id => values.id.to_owned(),
            Placeholder::Stage => label(values.stage),
            Placeholder::Account => label(values.account),
            Placeholder::AccountId => values.account_id.to_owned(),
            Placeholder::Region => values.region.to_owned(),
        };
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(placeholder) => value(placeholder),
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// A text as a DNS label: lower-case letters, digits, and `-` in the place of all else. Empty where nothing is left.
pub fn label(text: &str) -> String {
    let mut label = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => label.push(c),
            _ if label.is_empty() || label.ends_with('-') => {}
            _ => label.push('-'),
        }
    }
    label.truncate(MAX_LABEL);
    label.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn error(text: &str, want: &str) {
        let found = text.parse::<Template>().expect_err(text).to_string();
        assert!(found.contains(want), "{text}\n{found}");
    }

    #[test]
    fn every_error_has_its_place() {
        error(
            "{apii}.example.com",
            "column 1: unknown placeholder `{apii}`\n    {apii}.example.com\n    ^\n  help: write one of `{api}`",
        );
        error("a.{api.example.com", "column 3: a `{` without its `}`");
        error("a}.{api}.example.com", "column 2: a `}` without a `{`");
        error("a.example.com", "column 1: it has neither `{api}` nor `{id}`");
        error("{api}.exa mple.com", "column 10: ");
        error("{api}.example.com?x", "column 18: the template carries a query");
        error("{api}.example.com/a//b", "column ");
        error("", "column 1: ");
        error("ä{api", "column 2: a `{` without its `}`");
    }

    #[test]
    fn a_label_has_letters_digits_and_hyphens() {
        for (text, want) in
            [("Orders API (v2)", "orders-api-v2"), ("--x__y--", "x-y"), ("注文", ""), ("Straße", "stra-e")]
        {
            assert_eq!(label(text), want, "{text}");
        }
        assert_eq!(label(&"ab-".repeat(40)).len(), 62);
    }
}
