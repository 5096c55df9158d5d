//! The request line of a head that the HTTP/1.1 parser refused or corrected, as far as it can be read.
//!
//! The parser says that a head is wrong, and not where. What it could not take is read again here, so that a target with a
//! byte that cannot be forwarded is refused with the same reason as on HTTP/2 and in `nameplate explain`, and so that its
//! line in the access log says what was asked for.

use super::refusal::Refusal;
use super::target::{has_only_known_bytes, without_fragment};
use super::token::is_token;

/// What a request line says (RFC 9112 section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestLine<'h> {
    /// The method, where the line begins with one.
    pub method: Option<&'h str>,
    /// The target as sent, where a method stands before it.
    pub target: Option<&'h [u8]>,
    /// The version, where the line ends in one.
    pub version: Option<&'static str>,
    /// The target has a byte that cannot be forwarded.
    has_bad_target: bool,
}

const VERSIONS: [(&[u8], &str); 2] = [(b" HTTP/1.1", "HTTP/1.1"), (b" HTTP/1.0", "HTTP/1.0")];

impl<'h> RequestLine<'h> {
    /// Reads what has come of a head. Empty lines before it do not count (RFC 9112 section 2.2).
    pub fn read(head: &'h [u8]) -> RequestLine<'h> {
        let start = head.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(head.len());
        let head = &head[start..];
        let method = head.split(|byte| *byte == b' ').next().unwrap_or_default();
        let is_method = method.len() < head.len() && !method.is_empty() && method.iter().copied().all(is_token);
        let Some(method) = std::str::from_utf8(method).ok().filter(|_| is_method) else {
            return RequestLine::default();
        };
        let rest = &head[method.len() + 1..];
        // A space ends a target. A line that ends before one has a line end in its target instead, as the parser sees it:
        // it stops at the first byte that a target does not have, and so gives the same verdict however the bytes come.
        let (target, after) = match memchr::memchr(b' ', rest) {
            Some(space) => (&rest[..space], Some(&rest[space + 1..])),
            None => (rest, None),
        };
        let has_space = after.is_some_and(|after| !begins_a_version(after));
        let has_bad_target = has_space || !has_only_known_bytes(without_fragment(target));
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let version = VERSIONS.iter().find(|(ending, _)| line.ends_with(ending));
        let whole =
            version.map_or(if has_space { line } else { target }, |(ending, _)| &line[..line.len() - ending.len()]);
        let shown = whole.split(|byte| b"\r\n".contains(byte)).next().filter(|target| !target.is_empty());
        RequestLine {
            method: Some(method),
            target: shown,
            version: version.map(|(_, version)| *version),
            has_bad_target,
        }
    }

    /// Why the proxy refuses the head that this line begins.
    pub fn refusal(&self) -> Refusal {
        if self.has_bad_target { Refusal::MalformedTarget } else { Refusal::MalformedMessage }
    }
}

/// Reports whether what follows a space is a version, of which perhaps not all has come.
fn begins_a_version(after: &[u8]) -> bool {
    let name = b"HTTP/";
    let common = after.len().min(name.len());
    after[..common] == name[..common] || matches!(after[0], b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(head: &[u8], method: &str, target: &str, version: Option<&'static str>, refusal: Refusal) {
        let line = RequestLine::read(head);
        let told = line.target.map(|target| target.escape_ascii().to_string());
        let want = (Some(method), Some(target), version, refusal);
        assert_eq!((line.method, told.as_deref(), line.version, line.refusal()), want, "{}", head.escape_ascii());
    }

    #[test]
    fn a_target_with_a_byte_that_cannot_be_forwarded_is_what_is_wrong() {
        let v1_1 = Some("HTTP/1.1");
        for (target, shown) in [
            (&b"/a?q=\"b\""[..], "/a?q=\\\"b\\\""),
            (b"/a<b>", "/a<b>"),
            (b"/a b", "/a b"),
            (b"/a\x7f", "/a\\x7f"),
            (b"/\xff", "/\\xff"),
            (b"/a\0", "/a\\x00"),
            (b"/a#\"", "/a#\\\""),
        ] {
            let head = [b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
            let want = if target.contains(&b'#') { Refusal::MalformedMessage } else { Refusal::MalformedTarget };
            reads(&head, "GET", shown, v1_1, want);
        }
        reads(b"\r\n\nPUT /a b HTTP/1.0\n", "PUT", "/a b", Some("HTTP/1.0"), Refusal::MalformedTarget);
    }

    #[test]
    fn a_line_end_is_a_byte_of_the_target_that_it_ends_and_hides_what_follows() {
        for head in [&b"GET /a\nb HTTP/1.1\r\n"[..], b"GET /a\r\nAuthorization:secret\r\n\r\n", b"GET /a\r"] {
            reads(head, "GET", "/a", None, Refusal::MalformedTarget);
        }
        reads(b"GET /a\rb HTTP/1.1\r\n", "GET", "/a", Some("HTTP/1.1"), Refusal::MalformedTarget);
    }

    #[test]
    fn the_verdict_is_the_same_however_much_has_come() {
        for head in [&b"GET /a b HTTP/1.1\r\n\r\n"[..], b"GET /a<b HTTP/1.1\r\n\r\n", b"GET /  HTTP/1.1\r\n\r\n"] {
            let first_wrong = b"GET /a b".len();
            for came in first_wrong..head.len() {
                let refusal = RequestLine::read(&head[..came]).refusal();
                assert_eq!(refusal, Refusal::MalformedTarget, "{}", head[..came].escape_ascii());
            }
        }
        for head in [&b"GET / HTTP/2.0\r\n"[..], b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"GET / \r\n"] {
            for came in b"GET / ".len()..head.len() {
                let refusal = RequestLine::read(&head[..came]).refusal();
                assert_eq!(refusal, Refusal::MalformedMessage, "{}", head[..came].escape_ascii());
            }
        }
    }

    #[test]
    fn what_does_not_begin_with_a_method_says_nothing() {
        for head in [&b""[..], b"\r\n", b"what?\r\n\r\n", b"G@T / HTTP/1.1\r\n", b"GET\t/ HTTP/1.1\r\n", b" / HTTP/1.1"]
        {
            assert_eq!(RequestLine::read(head), RequestLine::default(), "{}", head.escape_ascii());
            assert_eq!(RequestLine::read(head).refusal(), Refusal::MalformedMessage);
        }
    }
}
