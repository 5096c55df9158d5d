//! What is wrong with settings, before its place is known.

use std::fmt;

/// What is wrong with a value, and how to write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong, in one line.
    pub what: String,
    /// How to fix it, in one line.
    pub help: String,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Wrong {
        Wrong { what: what.into(), help: help.into() }
    }

    /// Takes apart what a type's own reading says, `what; help`.
    pub(super) fn of(said: &str, help: &str) -> Wrong {
        let (what, help) = said.split_once("; ").unwrap_or((said, help));
        Wrong::new(what, help)
    }
}

/// On one line, as errors of flags and environment variables are printed.
impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.help)
    }
}

/// A rule about several keys that settings break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key that should change, from the top: `endpoint.sni`.
    pub key: String,
    /// The other keys it depends on.
    pub(super) with: Vec<String>,
    /// What is wrong with it, and how to fix it.
    pub wrong: Wrong,
}

impl Problem {
    /// A problem of one key.
    pub fn new(key: impl Into<String>, what: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { key: key.into(), with: Vec::new(), wrong: Wrong::new(what, help) }
    }

    /// The same, where it also depends on these keys beside its own.
    pub(super) fn with(self, beside: &[&str]) -> Problem {
        let parent = self.key.rsplit_once('.').map_or("", |(parent, _)| parent);
        let with = beside.iter().map(|key| if parent.is_empty() { (*key).into() } else { format!("{parent}.{key}") });
        Problem { with: with.collect(), ..self }
    }

    /// Whether it is about one of these keys, what is inside them, or what they are in.
    pub(super) fn is_about(&self, keys: &[String]) -> bool {
        let inside = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let own = std::iter::once(&self.key).chain(&self.with);
        own.into_iter().any(|own| keys.iter().any(|key| inside(own, key) || inside(key, own)))
    }
}

/// Every rule that settings break: not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Fails where there is one.
    pub(super) fn result(list: Vec<Problem>) -> Result<(), Problems> {
        if list.is_empty() { Ok(()) } else { Err(Problems(list)) }
    }
}

/// As they are shown where no file can be pointed at; no line break at the end.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Problem { key, wrong, .. }) in self.0.iter().enumerate() {
            let end = if at + 1 < self.0.len() { "\n" } else { "" };
            write!(f, "error: {key}: {}\n  help: {}{end}", wrong.what, wrong.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
