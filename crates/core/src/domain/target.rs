//! The request target, taken apart without changing a byte (RFC 9112 section 3.2).

use super::refusal::Refusal;

/// A request target in origin or absolute form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'t> {
    /// The authority of an absolute form; the Host header decides otherwise.
    pub authority: Option<&'t [u8]>,
    /// The path as sent; `/` where an absolute form has none (RFC 9112 section 3.2.2).
    pub path: &'t [u8],
    /// The query with its `?`, or nothing.
    pub query: &'t [u8],
}

impl<'t> Target<'t> {
    /// Takes a target apart. Forms that name no resource (`*`, `host:port`) and bytes that URLs do
    /// not have are refused: forwarding them would mean guessing.
    #[inline]
    pub fn parse(raw: &'t [u8]) -> Result<Target<'t>, Refusal> {
        if !raw.iter().all(|b| matches!(b, 0x21..=0x7e) && !matches!(b, b'\\' | b'#')) {
            return Err(Refusal::MalformedTarget);
        }
        let (authority, rest) = match raw {
            [b'/', ..] => (None, raw),
            _ => absolute_form(raw)?,
        };
        let query_at = rest.iter().position(|b| *b == b'?').unwrap_or(rest.len());
        let (path, query) = rest.split_at(query_at);
        Ok(Target { authority, path: if path.is_empty() { b"/" } else { path }, query })
    }
}

fn absolute_form(raw: &[u8]) -> Result<(Option<&[u8]>, &[u8]), Refusal> {
    let scheme_end = raw.windows(3).position(|w| w == b"://").ok_or(Refusal::MalformedTarget)?;
    let scheme = &raw[..scheme_end];
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(Refusal::MalformedTarget);
    }
    let rest = &raw[scheme_end + 3..];
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    Ok((Some(authority), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parts(raw: &str, authority: Option<&str>, path: &str, query: &str) {
        let want = Target { authority: authority.map(str::as_bytes), path: path.as_bytes(), query: query.as_bytes() };
        assert_eq!(Target::parse(raw.as_bytes()), Ok(want), "{raw}");
    }

    #[test]
    fn origin_form() {
        parts("/", None, "/", "");
        parts("/a//b%2Fc?x=%3A&y=?", None, "/a//b%2Fc", "?x=%3A&y=?");
        parts("//evil.example/x", None, "//evil.example/x", "");
        parts("/?", None, "/", "?");
    }

    #[test]
    fn absolute_form() {
        parts("http://a.example:80/x?y", Some("a.example:80"), "/x", "?y");
        parts("HTTPS://a.example", Some("a.example"), "/", "");
        parts("https://a.example?y", Some("a.example"), "/", "?y");
    }

    #[test]
    fn everything_else_is_refused() {
        for raw in ["*", "", "a.example:443", "ftp://a.example/", "a", "/a b", "/a\\b", "/a\u{0}", "/é", "/a#b", "?x"]
        {
            assert_eq!(Target::parse(raw.as_bytes()), Err(Refusal::MalformedTarget), "{raw:?}");
        }
    }
}
