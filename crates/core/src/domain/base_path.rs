//! Base paths: what stands in front of every request's path, on the custom domain and behind a stage.

use std::fmt;

use super::rewrite::refuse_dot_segments;

/// The longest base path an entry may have, on either side: API Gateway's whole URL is 8,192 bytes.
pub const MAX_BASE_PATH: usize = 2_048;

/// A base path: empty, or `/...` without a slash at the end.
///
/// **Invariant:** it has no dot segment in any encoding, no empty segment, and only characters that a URL's
/// path may have, so it can stand in front of any request's path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BasePath(Box<str>);

impl BasePath {
    /// Reads a base path as a URL has it. One slash at the end is accepted and dropped.
    pub fn parse(text: &str) -> Result<BasePath, BasePathFault> {
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.len() > MAX_BASE_PATH {
            return Err(BasePathFault::TooLong);
        }
        if let Some((_, pattern)) = first_pattern(path) {
            return Err(pattern);
        }
        if refuse_dot_segments(path.as_bytes()).is_err() {
            return Err(BasePathFault::DotSegment);
        }
        if path.contains("//") || path.ends_with('/') {
            return Err(BasePathFault::EmptySegment);
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&b);
        if !path.bytes().all(plain) {
            return Err(BasePathFault::Character);
        }
        if !path.is_empty() && !path.starts_with('/') {
            return Err(BasePathFault::NoSlash);
        }
        Ok(BasePath(path.into()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first segment of a path that is a pattern, by the byte of its slash, and which kind of pattern it is. API Gateway
/// writes a parameter of a resource `{id}`, and the rest of a path `{proxy+}`.
fn first_pattern(path: &str) -> Option<(usize, BasePathFault)> {
    // Nearly no path has one.
    path.find(['*', '{'])?;
    let mut at = 0;
    let segments = path.split('/').map(|segment| {
        let start = at;
        at += segment.len() + 1;
        (start.saturating_sub(1), segment, at > path.len())
    });
    let pattern = |(start, segment, is_last): (usize, &str, bool)| {
        let is_wildcard = matches!(segment, "*" | "**") || (is_last && segment.ends_with('*'));
        match (is_wildcard || segment.contains("+}"), segment.contains('{')) {
            (true, _) => Some((start, BasePathFault::Wildcard)),
            (false, true) => Some((start, BasePathFault::Parameter)),
            (false, false) => None,
        }
    };
    segments.filter_map(pattern).next()
}

/// Why a text is not a base path. Each reads after "the path".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BasePathFault {
    /// Over [`MAX_BASE_PATH`].
    #[error("is longer than 2,048 bytes")]
    TooLong,
    /// It could leave the stage.
    #[error("has a dot segment")]
    DotSegment,
    /// Two slashes in a row.
    #[error("has an empty segment")]
    EmptySegment,
    /// RFC 3986 section 3.3 lists those that are allowed.
    #[error("has a character that is not allowed in a URL's path")]
    Character,
    /// `/*`, `/v1/*`, `/{proxy+}`.
    #[error("ends in a wildcard")]
    Wildcard,
    /// `/users/{id}`.
    #[error("has a path parameter")]
    Parameter,
    /// A path begins with a slash.
    #[error("does not start with `/`")]
    NoSlash,
}

impl BasePathFault {
    /// The byte of the path that it is about.
    pub(crate) fn offset(self, path: &str) -> usize {
        match self {
            BasePathFault::Wildcard | BasePathFault::Parameter => first_pattern(path).map_or(0, |(at, _)| at),
            _ => 0,
        }
    }

    /// How to fix a pattern; `before` is what stands in front of it.
    pub(crate) fn help_with(self, before: &str) -> String {
        let covers = match self {
            BasePathFault::Parameter => "a base path has no parameters, and covers everything below it",
            _ => "a base path covers everything below it",
        };
        format!("{covers}: end it before, `{before}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&str, BasePathFault>) {
        let got = BasePath::parse(text);
        assert_eq!(got.as_ref().map(BasePath::as_str).map_err(|fault| *fault), want, "{text}");
    }

    #[test]
    fn one_slash_at_the_end_does_not_matter() {
        for (text, path) in [("", ""), ("/", ""), ("/v1", "/v1"), ("/v1/", "/v1"), ("/v1/a%2Fb;c=d/", "/v1/a%2Fb;c=d")]
        {
            check(text, Ok(path));
        }
    }

    #[test]
    fn what_could_not_stand_in_front_of_a_path_is_refused() {
        check("/a//b", Err(BasePathFault::EmptySegment));
        check("/a//", Err(BasePathFault::EmptySegment));
        check("//", Err(BasePathFault::EmptySegment));
        check("/a/../b", Err(BasePathFault::DotSegment));
        check("/%2e%2e", Err(BasePathFault::DotSegment));
        check("/a b", Err(BasePathFault::Character));
        check("/ä", Err(BasePathFault::Character));
        for path in ["/*", "/v1/*", "/v1*", "/a/*/b", "/**", "/{proxy+}", "/v1/{proxy+}"] {
            check(path, Err(BasePathFault::Wildcard));
        }
        check("/users/{id}/orders", Err(BasePathFault::Parameter));
        check("/a*b/c", Ok("/a*b/c"));
        check("v1", Err(BasePathFault::NoSlash));
        let longest = format!("/{}", "a".repeat(MAX_BASE_PATH - 1));
        check(&longest, Ok(&longest));
        check(&format!("{longest}a"), Err(BasePathFault::TooLong));
    }
}
