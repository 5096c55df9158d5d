//! One look at all headers of a message, in place of a search for each name that matters.
//!
//! A search hashes the name it is for and walks a table, found or not; a message has few headers, and
//! nearly none has any that make work. What is told here decides whether there is work at all: whoever
//! does the work reads the headers themselves.

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};

use crate::downstream::request_id;
use nameplate_core::domain::token::is_token;

/// API Gateway may take the method it names for the real one.
pub(super) const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// A request's headers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RequestHead<'h> {
    /// Bytes of all names and values.
    pub(super) bytes: usize,
    /// The first Host.
    pub(super) host: Option<&'h HeaderValue>,
    /// The first Content-Length.
    pub(super) length: Option<&'h HeaderValue>,
    /// The first Transfer-Encoding.
    pub(super) coding: Option<&'h HeaderValue>,
    /// There is a second one.
    pub(super) coded_twice: bool,
    /// X-Request-Id, if there is one and no other.
    pub(super) id: Option<&'h HeaderValue>,
    /// There is an X-HTTP-Method-Override.
    pub(super) overrides: bool,
    /// The client ends the connection after its response.
    pub(super) closes: bool,
    /// What has to be changed in it.
    pub(super) work: HeaderWork,
}

/// What a request on its way upstream needs beside what every request does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeaderWork {
    /// It has fields that concern one hop only (RFC 9110 section 7.6.1).
    pub(super) hop: bool,
    /// It has fields that are meant for a proxy.
    pub(super) for_proxies: bool,
    /// Its Content-Length is said more than once.
    pub(super) length: bool,
}

impl<'h> RequestHead<'h> {
    pub(super) fn of(headers: &'h HeaderMap) -> RequestHead<'h> {
        let mut head = RequestHead::default();
        let mut ids = 0;
        for (name, value) in headers {
            let name = name.as_str();
            head.bytes += name.len() + value.len();
            match name {
                "host" => head.host = head.host.or(Some(value)),
                "content-length" => {
                    head.work.length |= head.length.is_some() || is_list(value);
                    head.length = head.length.or(Some(value));
                }
                "transfer-encoding" => {
                    head.work.hop = true;
                    head.coded_twice |= head.coding.is_some();
                    head.coding = head.coding.or(Some(value));
                }
                "connection" => {
                    head.work.hop = true;
                    head.closes |= has_close(value);
                }
                "keep-alive" | "te" | "trailer" | "upgrade" | "http2-settings" => head.work.hop = true,
                "x-http-method-override" => head.overrides = true,
                request_id::NAME => {
                    ids += 1;
                    head.id = Some(value);
                }
                name if name.starts_with("proxy") => (head.work.hop, head.work.for_proxies) = (true, true),
                _ => {}
            }
        }
        head.id = head.id.filter(|_| ids == 1);
        head
    }
}

/// An answer's headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ResponseHead {
    /// It has fields that concern the hop to the endpoint only, which Pingora does not write anew.
    pub(super) hop: bool,
    /// Its Content-Length is said more than once.
    pub(super) length: bool,
    /// It has a Transfer-Encoding.
    pub(super) coded: bool,
    /// It has one that is not `chunked`, or two: where its body ends is anybody's guess.
    pub(super) misframed: bool,
    /// A Connection line that is not the first says `close`; the first one Pingora heeds.
    pub(super) closes: bool,
    /// It has an id of the API's.
    pub(super) has_id: bool,
    /// It may name a place in the API's terms: Location, Content-Location, Set-Cookie.
    pub(super) names_a_place: bool,
}

impl ResponseHead {
    pub(super) fn of(headers: &HeaderMap) -> ResponseHead {
        let mut head = ResponseHead::default();
        let (mut lengths, mut connections) = (0, 0);
        for (name, value) in headers {
            match name.as_str() {
                "connection" => {
                    // What nearly every answer says; it nominates nothing that could be there.
                    head.hop |= !value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
                    head.closes |= connections > 0 && has_close(value);
                    connections += 1;
                }
                "content-length" => {
                    lengths += 1;
                    head.length |= lengths > 1 || is_list(value);
                }
                "transfer-encoding" => {
                    head.misframed |= head.coded || !is_chunked(value);
                    head.coded = true;
                }
                request_id::NAME => head.has_id = true,
                "location" | "content-location" | "set-cookie" => head.names_a_place = true,
                name => head.hop |= is_of_one_hop(name),
            }
        }
        head
    }
}

/// Whether a field of an answer is hop-by-hop by definition, beside `Connection` and `Transfer-Encoding`.
/// Trailers end here, so their announcement does too.
pub(super) fn is_of_one_hop(name: &str) -> bool {
    matches!(name, "keep-alive" | "proxy-connection" | "proxy-authenticate" | "trailer" | "upgrade")
}

/// Reports whether a field name is a token (RFC 9110 section 5.1). `http` takes a quotation mark, too, where a name comes
/// over HTTP/2; to who strips those, `"transfer-encoding` is a name that no proxy has looked at.
pub(super) fn is_field_name(name: &HeaderName) -> bool {
    name.as_str().bytes().all(is_token)
}

/// Reports whether a Transfer-Encoding is `chunked` and nothing else: what else there is would be stripped on the way, and
/// the body misread.
pub(super) fn is_chunked(value: &HeaderValue) -> bool {
    value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")
}

/// Reports whether one of the options of a Connection is `close`.
fn has_close(value: &HeaderValue) -> bool {
    value.as_bytes().split(|b| *b == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

fn is_list(value: &HeaderValue) -> bool {
    value.as_bytes().contains(&b',')
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[track_caller]
    fn needs(lines: &[(&'static str, &'static str)], work: HeaderWork) {
        assert_eq!(RequestHead::of(&headers(lines)).work, work, "{lines:?}");
    }

    const NONE: HeaderWork = HeaderWork { hop: false, for_proxies: false, length: false };

    #[test]
    fn most_requests_make_no_work() {
        needs(&[], NONE);
        needs(&[("host", "a.example"), ("accept", "*/*"), ("content-length", "5"), ("x-proxy", "1")], NONE);
    }

    #[test]
    fn what_pingora_would_take_out_is_noticed() {
        let hop = HeaderWork { hop: true, ..NONE };
        for name in ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"] {
            needs(&[("host", "a.example"), (name, "x")], hop);
        }
        for name in ["proxy", "proxy-connection", "proxy-authenticate", "proxy-authorization", "proxy-anything"] {
            needs(&[(name, "x")], HeaderWork { for_proxies: true, ..hop });
        }
    }

    #[test]
    fn a_length_is_repeated_in_lines_or_in_a_list() {
        let length = HeaderWork { length: true, ..NONE };
        needs(&[("content-length", "5"), ("content-length", "5")], length);
        needs(&[("content-length", "5, 5")], length);
    }

    #[test]
    fn of_a_request_is_told_what_decides() {
        let lines = [
            ("host", "a.example"),
            ("transfer-encoding", "chunked"),
            ("content-length", "7"),
            ("x-http-method-override", "PUT"),
            ("x-request-id", "one"),
        ];
        let headers = headers(&lines);
        let head = RequestHead::of(&headers);
        assert_eq!(head.host.expect("a host"), "a.example");
        assert_eq!(head.coding.expect("a coding"), "chunked");
        assert_eq!(head.length.expect("a length"), "7");
        assert_eq!(head.id.expect("an id"), "one");
        assert!(head.overrides && !head.coded_twice);
        assert_eq!(head.bytes, lines.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>());
    }

    #[test]
    fn a_field_name_is_a_token_whatever_a_library_takes() {
        for byte in 0..=u8::MAX {
            let token = byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let read = [HeaderName::from_bytes(&[b'x', byte]), HeaderName::from_lowercase(&[b'x', byte])];
            for name in read.into_iter().flatten() {
                assert_eq!(is_field_name(&name), token || byte.is_ascii_uppercase(), "{byte:#04x}");
            }
        }
        let quoted = HeaderName::from_lowercase(b"\"x").expect("what this is for");
        assert!(!is_field_name(&quoted));
    }

    #[test]
    fn a_close_counts_wherever_it_stands() {
        let closes = |lines: &[(&'static str, &'static str)]| RequestHead::of(&headers(lines)).closes;
        assert!(closes(&[("connection", "close")]) && closes(&[("connection", "x-a ,Close, keep-alive")]));
        assert!(closes(&[("connection", "keep-alive"), ("x-a", "1"), ("connection", "close")]));
        assert!(!closes(&[("connection", "keep-alive, closed"), ("keep-alive", "close"), ("x-a", "close")]));
    }

    #[test]
    fn two_ids_are_none_and_two_codings_are_two() {
        let headers = headers(&[
            ("x-request-id", "1"),
            ("x-request-id", "1"),
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "gzip"),
        ]);
        let head = RequestHead::of(&headers);
        assert!(head.id.is_none() && head.coded_twice);
        assert_eq!(head.coding.expect("the first"), "chunked");
    }

    #[test]
    fn of_an_answer_is_told_what_has_to_change() {
        let told = |lines: &[(&'static str, &'static str)]| ResponseHead::of(&headers(lines));
        let none = ResponseHead::default();
        assert_eq!(told(&[("connection", "Keep-Alive"), ("content-length", "2"), ("date", "x")]), none);
        for (name, value) in
            [("connection", "close"), ("connection", "keep-alive, x-a"), ("trailer", "x"), ("upgrade", "h2c")]
        {
            assert_eq!(told(&[(name, value)]), ResponseHead { hop: true, ..none }, "{name}: {value}");
        }
        let two = [("connection", "keep-alive"), ("connection", "x-a, Close")];
        assert_eq!(told(&two), ResponseHead { hop: true, closes: true, ..none });
        assert_eq!(told(&[("content-length", "2, 2")]), ResponseHead { length: true, ..none });
        assert_eq!(told(&[("transfer-encoding", "Chunked")]), ResponseHead { coded: true, ..none });
        for codings in
            [&["gzip"][..], &["gzip, chunked"], &["chunked, chunked"], &["identity"], &["chunked", "chunked"]]
        {
            let lines: Vec<_> = codings.iter().map(|coding| ("transfer-encoding", *coding)).collect();
            assert_eq!(told(&lines), ResponseHead { coded: true, misframed: true, ..none }, "{codings:?}");
        }
        assert_eq!(told(&[("x-request-id", "1")]), ResponseHead { has_id: true, ..none });
        for name in ["location", "content-location", "set-cookie"] {
            assert_eq!(told(&[(name, "x")]), ResponseHead { names_a_place: true, ..none });
        }
    }
}
