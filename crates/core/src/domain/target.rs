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

/// The query with its `?` has it.
const IN_QUERY: u8 = 1;
/// What comes before the query has it.
const BEFORE_QUERY: u8 = 2;

/// Where a target may have each byte: docs/requests.md has this table for people. What HTTP/1.1 and HTTP/2 can both carry
/// to the API unchanged may be there; a byte that the parser of either takes for an error may not. Bytes that are not
/// ASCII pass here, and have to be UTF-8.
const BYTES: [u8; 256] = {
    let mut places = [0; 256];
    let mut byte = 0x21;
    while byte < 256 {
        places[byte] = match byte as u8 {
            b'#' | b'<' | b'>' | 0x7f => 0,
            b'"' => BEFORE_QUERY,
            b'`' | b'\\' => IN_QUERY,
            _ => IN_QUERY | BEFORE_QUERY,
        };
        byte += 1;
    }
    places
};

/// Reports whether a target without a fragment has only bytes that can be forwarded as they are. What passes is UTF-8.
#[inline]
pub fn has_only_known_bytes(raw: &[u8]) -> bool {
    let (before, query) = raw.split_at(memchr::memchr(b'?', raw).unwrap_or(raw.len()));
    let may_be = |place: u8| move |byte: &u8| BYTES[usize::from(*byte)] & place != 0;
    before.iter().all(may_be(BEFORE_QUERY)) && query.iter().all(may_be(IN_QUERY)) && std::str::from_utf8(raw).is_ok()
}

/// Where a target without a fragment has the first byte that cannot be forwarded.
pub fn first_unknown_byte(raw: &[u8]) -> Option<usize> {
    let query_at = memchr::memchr(b'?', raw).unwrap_or(raw.len());
    let is_unknown = |at: &usize| {
        let place = if *at < query_at { BEFORE_QUERY } else { IN_QUERY };
        BYTES[usize::from(raw[*at])] & place == 0
    };
    let not_utf8 = || std::str::from_utf8(raw).err().map(|error| error.valid_up_to());
    (0..raw.len()).find(is_unknown).or_else(not_utf8)
}

/// A target without its fragment, which is not part of a request (RFC 9110 section 4.2.5): the proxy drops it before it
/// decides.
pub fn without_fragment(raw: &[u8]) -> &[u8] {
    &raw[..memchr::memchr(b'#', raw).unwrap_or(raw.len())]
}

impl<'t> Target<'t> {
    /// Takes a target apart. Forms that name no resource (`*`, `host:port`) are refused, and bytes that cannot be
    /// forwarded as they are: forwarding them would mean guessing.
    #[inline]
    pub fn parse(raw: &'t [u8]) -> Result<Target<'t>, Refusal> {
        if !has_only_known_bytes(raw) {
            return Err(Refusal::MalformedTarget);
        }
        let (authority, rest) = match raw {
            [b'/', ..] => (None, raw),
            _ => absolute_form(raw)?,
        };
        let query_at = memchr::memchr(b'?', rest).unwrap_or(rest.len());
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
    fn utf8_passes_and_what_is_not_utf8_does_not() {
        parts("/é/ሴ?ä=ö", None, "/é/ሴ", "?ä=ö");
        for raw in [&b"/\xe9"[..], b"/?\xe9", b"/\xc0\xae", b"/\xed\xa0\x80", b"/\xc3?\xa4", b"/\xc3"] {
            assert_eq!(Target::parse(raw), Err(Refusal::MalformedTarget), "{}", raw.escape_ascii());
        }
        assert_eq!(first_unknown_byte(b"/\xc3\xa4?\xff"), Some(4));
        assert_eq!(first_unknown_byte("/é?ä".as_bytes()), None);
    }

    #[test]
    fn each_byte_has_its_places() {
        const REFUSED: &[u8] = b"<>\x7f #";
        for byte in 0..=0x7f_u8 {
            let passes = |before: &[u8]| has_only_known_bytes(&[before, &[byte]].concat());
            let never = byte < 0x20 || REFUSED.contains(&byte);
            let (path, query) = (passes(b"/a"), passes(b"/a?b"));
            assert_eq!(path, !never && !b"`\\".contains(&byte), "{byte:#04x} in a path");
            assert_eq!(query, !never && byte != b'"', "{byte:#04x} in a query");
            for (passes, raw) in [(path, [b'/', b'a', byte].as_slice()), (query, &[b'/', b'?', byte])] {
                assert_eq!(first_unknown_byte(raw), (!passes).then_some(2), "{byte:#04x}");
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for raw in
            ["*", "", "a.example:443", "ftp://a.example/", "a", "/a b", "/a\\b", "/a\u{0}", "/a#b", "?x", "/?a\"b"]
        {
            assert_eq!(Target::parse(raw.as_bytes()), Err(Refusal::MalformedTarget), "{raw:?}");
        }
    }
}
