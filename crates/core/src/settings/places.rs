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

/// The same, where no URL that is quoted has user information or a query: both may hold secrets.
pub(super) fn without_secrets(errors: Diagnostics) -> Diagnostics {
    errors.with_texts(cut)
}

fn cut(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, url) = rest.split_at(start + 3);
        let end = url.find([' ', '"', '\'', '`', ',', ']', '}']).unwrap_or(url.len());
        let (url, after) = url.split_at(end);
        let host = url.find(['/', '?']).unwrap_or(url.len());
        let shown = match url[..host].rfind('@') {
            Some(at) => format!("…{}", &url[at..]),
            None => url.to_owned(),
        };
        out.push_str(before);
        match shown.split_once('?') {
            Some((path, _)) => out.push_str(&format!("{path}?…")),
            None => out.push_str(&shown),
        }
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_url_keeps_its_secrets() {
        let check = |text: &str, want: &str| assert_eq!(cut(text), want);
        check("mapping: https://a.example.com/m?token=x", "mapping: https://a.example.com/m?…");
        check("{a: 'https://u:p@h/m', b: 'http://h?q'}", "{a: 'https://…@h/m', b: 'http://h?…'}");
        check("poll: 5?", "poll: 5?");
        check("s3://bucket/key", "s3://bucket/key");
    }
}
