//! Where keys stand in settings without errors, for errors that are only found later: a file that is missing.

use super::problem::{Problem, Problems, Wrong};
use super::read::place_in;
use crate::diagnostic::{Diagnostics, Fault, Faults, Place};

/// The places of all keys of a settings file.
#[derive(Clone, Debug, Default)]
pub struct Places {
    list: Vec<(String, Place)>,
    text: String,
    file: String,
}

impl Places {
    pub(super) fn new(list: Vec<(String, Place)>, text: &str, file: &str) -> Places {
        Places { list, text: text.to_owned(), file: file.to_owned() }
    }

    /// What the settings are called in errors.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Problems at the places of their keys.
    pub fn locate(&self, problems: &Problems) -> Diagnostics {
        self.placed(problems, |error| error)
    }

    /// The same, of what does not keep the settings from being used.
    pub fn locate_warnings(&self, problems: &Problems) -> Diagnostics {
        self.placed(problems, Fault::into_warning)
    }

    fn placed(&self, problems: &Problems, severity: fn(Fault) -> Fault) -> Diagnostics {
        let mut faults = Faults::default();
        for Problem { key, wrong: Wrong { what, help }, .. } in &problems.0 {
            let at = place_in(&self.list, key);
            faults.push(severity(Fault::at(at, format!("{key}: {what}"), help.as_str())));
        }
        let faults = if self.file.starts_with('<') { faults.without_text() } else { faults };
        without_secrets(faults.locate(&self.text, &self.file))
    }
}

/// The same, where nothing that is quoted has user information or a query: both may hold secrets.
pub(super) fn without_secrets(errors: Diagnostics) -> Diagnostics {
    errors.with_texts(cut)
}

/// Cuts what may be a secret, and rather too much: user information may hold any character, and a URL may be cut short
/// before its `@`, or be JSON with `\\/` for `/`.
fn cut(text: &str) -> String {
    let begin = text.find("://").map(|at| at + 3).or_else(|| text.find(":\\/\\/").map(|at| at + 5));
    let Some(begin) = begin else { return without_user(text) };
    let (before, url) = text.split_at(begin);
    if url.ends_with('…') {
        return format!("{before}…");
    }
    let url = match url.rfind('@') {
        Some(at) => format!("…{}", &url[at..]),
        None => url.to_owned(),
    };
    match url.split_once('?') {
        // What we say ourselves goes on behind the quotation.
        Some((path, query)) => format!("{before}{path}?…{}", query.rfind('`').map_or("", |end| &query[end..])),
        None => before.to_owned() + &url,
    }
}

/// Cuts `user:password` before each `@`.
fn without_user(text: &str) -> String {
    let mut out = String::new();
    for (at, piece) in text.split('@').enumerate() {
        if at > 0 {
            let begin = out
                .rfind(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\''))
                .map_or(0, |at| at + out[at..].chars().next().map_or(0, char::len_utf8));
            out.truncate(begin);
            out.push_str("…@");
        }
        out.push_str(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_url_keeps_its_secrets() {
        let check = |text: &str, want: &str| assert_eq!(cut(text), want);
        check("mapping: https://a.example.com/m?token=x", "mapping: https://a.example.com/m?…");
        check("{a: 'https://u:p@h/m', b: 'http://h?q'}", "{a: 'https://…@h/m', b: 'http://h?…");
        check("mapping: https://user:pa,s's w]}@h/x?token=abc", "mapping: https://…@h/x?…");
        check("\"mapping\": \"https:\\/\\/user:pw@h\\/x?tok=s\"", "\"mapping\": \"https:\\/\\/…@h\\/x?…");
        check("mapping: HTTPS://user:secret/pw@h", "mapping: HTTPS://…@h");
        check(&format!("mapping: https://u:{}…", "x".repeat(200)), "mapping: https://…");
        check("delete everything from `/`: `user:pw@h`", "delete everything from `/`: `…@h`");
        check("`https://h/?a=`b` is a URL, or not", "`https://h/?…` is a URL, or not");
        check("poll: 5?", "poll: 5?");
        check("s3://bucket/key", "s3://bucket/key");
    }
}
