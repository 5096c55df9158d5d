//! Paths: from the custom domain's terms to the API's.
//!
//! **Invariant:** [`upstream_target`] only ever puts a prefix in front of bytes the client sent; it
//! never decodes, encodes, merges or drops one. A path with a dot segment in any single encoding
//! is refused before, so no path leaves its prefix, whatever the API's side makes of `%2F`.

use super::lax_utf8;
use super::refusal::Refusal;

/// What follows `base` in `path`, if `path` is under it on a segment boundary.
///
/// `base` is empty or starts with `/` and ends with none.
#[inline]
pub fn rest_after<'p>(base: &[u8], path: &'p [u8]) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(base)?;
    (rest.is_empty() || rest[0] == b'/').then_some(rest)
}

/// The target sent upstream: the API's prefix, what followed the custom base path, the query.
#[inline]
pub fn upstream_target(prefix: &[u8], rest: &[u8], query: &[u8]) -> Vec<u8> {
    let mut target = Vec::with_capacity(prefix.len() + rest.len() + query.len());
    target.extend_from_slice(prefix);
    target.extend_from_slice(rest);
    target.extend_from_slice(query);
    target
}

/// Refuses a path with a `.` or `..` segment, spelled plainly, percent-encoded once, before a path parameter (`..;`),
/// or between encoded slashes or backslashes; and one in which a lax UTF-8 decoder sees any of these.
#[inline]
pub fn refuse_dot_segments(path: &[u8]) -> Result<(), Refusal> {
    let found = has_dot_segment(path) || lax_utf8::may_read_differently(path) && lax_utf8::has_dot_segment(path);
    if found { Err(Refusal::DotSegment) } else { Ok(()) }
}

/// Reports whether the path has a dot segment in ASCII.
#[inline]
fn has_dot_segment(path: &[u8]) -> bool {
    let mut at = 0;
    loop {
        let mut dots = 0;
        while let Some(len) = dot_len(&path[at..]) {
            dots += 1;
            at += len;
        }
        if (dots == 1 || dots == 2) && ends_segment(&path[at..]) {
            return true;
        }
        match next_separator(&path[at..]) {
            Some(after) => at += after,
            None => return false,
        }
    }
}

const DOT: [&str; 1] = ["%2e"];
const SEPARATORS: [&str; 2] = ["%2f", "%5c"];

#[inline]
fn dot_len(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'.', ..] => Some(1),
        [b'%', ..] => encoded_len(rest, &DOT),
        _ => None,
    }
}

#[inline]
fn separator_len(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'/' | b'\\', ..] => Some(1),
        [b'%', ..] => encoded_len(rest, &SEPARATORS),
        _ => None,
    }
}

#[inline]
fn encoded_len(rest: &[u8], spellings: &[&str]) -> Option<usize> {
    let starts = |text: &&&str| rest.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()));
    spellings.iter().find(starts).map(|text| text.len())
}

// A server that strips path parameters sees `..;x` as `..`; one written in C ends it at a NUL; one
// that decodes before it splits ends it at a query or a fragment.
const ENDS: [&str; 4] = ["%3b", "%00", "%3f", "%23"];

#[inline]
fn ends_segment(rest: &[u8]) -> bool {
    matches!(rest, [] | [b';', ..]) || encoded_len(rest, &ENDS).is_some() || separator_len(rest).is_some()
}

#[inline]
fn next_separator(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < rest.len() {
        if matches!(rest[at], b'/' | b'\\' | b'%')
            && let Some(len) = separator_len(&rest[at..])
        {
            return Some(at + len);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_matches_whole_segments() {
        assert_eq!(rest_after(b"/v1", b"/v1"), Some(&b""[..]));
        assert_eq!(rest_after(b"/v1", b"/v1/x"), Some(&b"/x"[..]));
        assert_eq!(rest_after(b"/v1", b"/v1//x"), Some(&b"//x"[..]));
        assert_eq!(rest_after(b"/v1", b"/v10"), None);
        assert_eq!(rest_after(b"/v1", b"/V1"), None);
        assert_eq!(rest_after(b"", b"/"), Some(&b"/"[..]));
    }

    #[test]
    fn bytes_survive() {
        let target = upstream_target(b"/prod", b"//a%2Fb%3A/", b"?q=%20&x=//");
        assert_eq!(target, b"/prod//a%2Fb%3A/?q=%20&x=//");
    }

    #[test]
    fn dot_segments_are_refused_in_every_spelling() {
        for path in [
            "/..",
            "/.",
            "/../x",
            "/a/../b",
            "/a/..",
            "/a/.",
            "/a/./b",
            "/%2e%2e/x",
            "/%2E./x",
            "/.%2e",
            "/%2e",
            "/a/..;/x",
            "/a/..;v=1",
            "/a/..%3bx",
            "/a%2f..%2fb",
            "/a%2F..",
            "/a%5c..%5cb",
            "/..%5C",
            "/..\\x",
            "/%c0%ae%c0%ae/x",
            "/..%c0%afx",
            "/..%C1%9Cx",
            "/%e0%80%ae%E0%80%AE/x",
            "/..%e0%80%afx",
            "/..%e0%81%9cx",
            "/.%f0%80%80%ae",
            "/a%f0%80%80%af..%f0%80%81%9cb",
            "/..%00",
            "/..%23",
            "/..%3Fx",
            "/%c0%2e%c0%2e/",
            "/a/.;x/b",
            "/%2e%2e%2fx",
            "//..",
            "/..//",
            "..",
        ] {
            assert_eq!(refuse_dot_segments(path.as_bytes()), Err(Refusal::DotSegment), "{path}");
        }
    }

    #[test]
    fn dots_elsewhere_pass() {
        for path in [
            "/",
            "",
            "/a.b",
            "/.well-known/x",
            "/...",
            "/a..",
            "/..a",
            "/a/.b/c",
            "/%2ea",
            "/%252e%252e/x",
            "/a;..b",
            "/x%2e",
            "/%c0%af%c0",
            "/%e0%80%ad",
            "/....//",
        ] {
            assert_eq!(refuse_dot_segments(path.as_bytes()), Ok(()), "{path}");
        }
    }
}
