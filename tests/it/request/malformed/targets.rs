//! Request targets (RFC 9112 section 3.2): what may leave the mapped prefix, and what must survive.

use super::Want::{Refused, Rejected};
use super::{BAD_TARGET, Case, DOMAIN, case, check, forwarded};

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n")
}

fn arrives_as(target: &str, at: &str) -> Case {
    case(target, get(target), forwarded(format!("GET {at} HTTP/1.1\r\n\r\n")))
}

fn refused(target: &str, reason: &'static str) -> Case {
    case(&target.escape_default().to_string(), get(target), Refused(400, reason))
}

/// NGINX decodes, HAProxy and Caddy forward some of these out of the prefix.
#[test]
fn a_dot_segment_in_any_spelling_is_refused() {
    let spellings = [
        "/..",
        "/.",
        "/../",
        "/./",
        "/../x",
        "/./x",
        "/a/../b",
        "/a/../../b",
        "/a/..",
        "/a/.",
        "/a/./b",
        "//..",
        "/..//",
        "/a//../b",
        "/%2e%2e/x",
        "/%2E%2E/x",
        "/%2e./x",
        "/.%2E/x",
        "/%2e",
        "/a/%2e%2e%2fb",
        "/a%2f..%2fb",
        "/a%2F..",
        "/..%2f",
        "/%2e%2e%5cx",
        "/..%5cx",
        "/a%5C..%5Cb",
        "/a/..;/b",
        "/a/..;v=1",
        "/a/..;v=1/b",
        "/a/..%3b/b",
        "/a/.;/b",
        "/%c0%ae%c0%ae/x",
        "/..%c0%afx",
        "/%C0%AE./x",
        "/..%00",
        "/..%00/x",
        "/..?x",
        "/a/..?x=/b",
        "/base/..",
        "/base/../x",
        "/base%2f..",
        "/base/%2e%2e/x",
        "/base;/../x",
        "http://pay.example.com/..",
        "http://pay.example.com/a/%2e%2e/b",
    ];
    check(&spellings.iter().map(|target| refused(target, "dot_segment")).collect::<Vec<_>>());
}

/// Decoders of UTF-8 have taken all of these for dots and slashes, or dropped what hides them.
#[test]
fn a_dot_segment_that_only_a_lax_decoder_sees_is_refused() {
    let spellings = [
        "/%e0%80%ae%e0%80%ae/x",
        "/..%e0%80%afx",
        "/%f0%80%80%ae%f0%80%80%ae/x",
        "/..%F0%80%80%AFx",
        "/.%E0%80%AE",
        "/%c0.%c0./x",
        "/..%c0%2fx",
        "/%e0%80%2e%e0%80%2e/x",
        "/%c0%6e..",
        "/%c0n%C0n/x",
        "/%f8%80%80%80%ae%f8%80%80%80%ae/x",
        "/%fc%80%80%80%80%ae%fc%80%80%80%80%ae/x",
        "/a%c1%1c..",
        "/..%c0%bbx",
        "/.%ff./x",
        "/..%c0",
        "/base%c0%af..",
    ];
    check(&spellings.iter().map(|target| refused(target, "dot_segment")).collect::<Vec<_>>());
}

#[test]
fn characters_beyond_ascii_survive() {
    check(&[
        arrives_as("/%c3%a4.%c3%b6/x", "/prod/%c3%a4.%c3%b6/x"),
        arrives_as("/%e4%bd%a0%e5%a5%bd..", "/prod/%e4%bd%a0%e5%a5%bd.."),
        arrives_as("/%F0%9F%98%80./x", "/prod/%F0%9F%98%80./x"),
        // Full stops of other scripts are letters of a name.
        arrives_as("/%ef%bc%8e%ef%bc%8e/x", "/prod/%ef%bc%8e%ef%bc%8e/x"),
        // Not UTF-8, and whatever it is, it has no dot.
        arrives_as("/caf%e9/%c0%af/x", "/prod/caf%e9/%c0%af/x"),
    ]);
}

/// NGINX merges `//` and decodes `%2F`, Caddy decodes `%3A`: a signed request does not survive that.
#[test]
fn every_other_byte_survives() {
    check(&[
        arrives_as("/", "/prod/"),
        arrives_as("//", "/prod//"),
        arrives_as("//evil.example/x", "/prod//evil.example/x"),
        arrives_as("///a//b///", "/prod///a//b///"),
        arrives_as("/a%2Fb", "/prod/a%2Fb"),
        arrives_as("/a%2fb%3A%3a", "/prod/a%2fb%3A%3a"),
        arrives_as("/%41%7e%20+", "/prod/%41%7e%20+"),
        arrives_as("/%", "/prod/%"),
        arrives_as("/%zz%1", "/prod/%zz%1"),
        arrives_as("/%00", "/prod/%00"),
        arrives_as("/%0d%0aX:%20y", "/prod/%0d%0aX:%20y"),
        arrives_as("/...", "/prod/..."),
        arrives_as("/.a/..b/c../d.", "/prod/.a/..b/c../d."),
        arrives_as("/%252e%252e/x", "/prod/%252e%252e/x"),
        arrives_as("/a;b=c;d", "/prod/a;b=c;d"),
        arrives_as("/~!$&'()*+,;=:@-._", "/prod/~!$&'()*+,;=:@-._"),
        arrives_as("/a[]|^{}\"b", "/prod/a[]|^{}\"b"),
        arrives_as("/?", "/prod/?"),
        arrives_as("/??", "/prod/??"),
        arrives_as("/x?a=../..&b=%2e%2e/", "/prod/x?a=../..&b=%2e%2e/"),
        arrives_as("/x?a=http://evil.example/", "/prod/x?a=http://evil.example/"),
        arrives_as("/x?{a:[1|2]}^`'", "/prod/x?{a:[1|2]}^`'"),
        arrives_as("/?a\\b", "/prod/?a\\b"),
        arrives_as("/\u{e9}?q=\u{1234}", "/prod/\u{e9}?q=\u{1234}"),
        arrives_as("/base", "/prod/sub"),
        arrives_as("/base?x", "/prod/sub?x"),
        arrives_as("/base/", "/prod/sub/"),
        arrives_as("/base//x", "/prod/sub//x"),
        arrives_as("/basex", "/prod/basex"),
        arrives_as("/base%2Fx", "/prod/base%2Fx"),
        arrives_as("/BASE/x", "/prod/BASE/x"),
    ]);
}

/// A fragment is for the client alone (RFC 9110 section 4.2.5): it is dropped, whatever it holds.
#[test]
fn a_fragment_is_not_forwarded() {
    check(&[
        arrives_as("/a#b", "/prod/a"),
        arrives_as("/#", "/prod/"),
        arrives_as("/a?b#c?d", "/prod/a?b"),
        arrives_as("/a#/../../b", "/prod/a"),
        arrives_as("/base#/x", "/prod/sub"),
    ]);
}

#[test]
fn bytes_that_targets_do_not_have() {
    check(&[
        refused("/a\\b", "malformed_target"),
        refused("\\", "malformed_target"),
        case("Latin-1 in a path", b"GET /\xe9 HTTP/1.1\r\nHost: pay.example.com\r\n\r\n", BAD_TARGET),
        case("Latin-1 in a query", b"GET /?q=\xe9 HTTP/1.1\r\nHost: pay.example.com\r\n\r\n", BAD_TARGET),
        // RFC 9112 section 3.2: these are not corrected, lest they mean another thing to who comes next.
        case("NUL", get("/a\0b"), BAD_TARGET),
        case("a control byte", get("/a\x01b"), BAD_TARGET),
        case("a tab", get("/a\tb"), BAD_TARGET),
        case("a vertical tab", get("/a\x0bb"), BAD_TARGET),
        case("DEL", get("/a\x7fb"), BAD_TARGET),
        case("CR", get("/a\rb"), BAD_TARGET),
        case("a space, angle brackets, quotes", get("/a <b>\"c\""), BAD_TARGET),
        case("NUL after dots", get("/..\0"), BAD_TARGET),
        case("a space after dots", get("/.. /.."), BAD_TARGET),
        case("a space in a query", get("/?a b"), BAD_TARGET),
        // HTTP/1.1 and HTTP/2 do not both carry these to the API unchanged.
        case("a backtick", get("/a`b"), BAD_TARGET),
        case("angle brackets", get("/a<b>"), BAD_TARGET),
        case("a quote in a query", get("/?a=\"b\""), BAD_TARGET),
        case("LF inside", get("/a\nb"), BAD_TARGET),
        case("CRLF inside", get("/a\r\nX-Evil: b"), BAD_TARGET),
    ]);
}

#[test]
fn forms_that_are_no_path() {
    let options = |target: &str| format!("OPTIONS {target} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n");
    check(&[
        case("OPTIONS *", options("*"), Refused(400, "malformed_target")),
        refused("*", "malformed_target"),
        refused("?x", "malformed_target"),
        refused("a", "malformed_target"),
        refused("..", "malformed_target"),
        refused("pay.example.com", "malformed_target"),
        refused("pay.example.com:443", "malformed_target"),
        refused("pay.example.com/x", "malformed_target"),
    ]);
}

#[test]
fn absolute_forms() {
    let no_host = |version: &str| format!("GET http://pay.example.com/x HTTP/{version}\r\n\r\n");
    check(&[
        arrives_as("http://pay.example.com/x?y", "/prod/x?y"),
        arrives_as("https://pay.example.com//x%2F", "/prod//x%2F"),
        arrives_as("HTTP://pay.example.com/x", "/prod/x"),
        arrives_as("http://pay.example.com", "/prod/"),
        arrives_as("http://pay.example.com?y", "/prod/?y"),
        case("another host", get("http://evil.example/x"), Rejected),
        case(
            "its host is ours, Host is not",
            "GET http://pay.example.com/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            Rejected,
        ),
        case("another port", get("http://pay.example.com:8080/x"), Rejected),
        case("another case", get("http://PAY.example.com/x"), Rejected),
        case("a user", get("http://u@pay.example.com/x"), Rejected),
        case("a user and a password", get("http://u:p@pay.example.com/x"), Rejected),
        case("a user that looks like us", get("http://pay.example.com@evil.example/x"), Rejected),
        case("a backslash that could end the host", get("http://pay.example.com\\@evil.example/x"), BAD_TARGET),
        case("no host in it", get("http:///x"), Rejected),
        case("one slash", get("http:/pay.example.com/x"), Rejected),
        case("no slash", get("http:pay.example.com/x"), Rejected),
        case("three slashes", get("http:///pay.example.com/x"), Rejected),
        refused("ftp://pay.example.com/x", "malformed_target"),
        case("a file", get("file:///etc/passwd"), Rejected),
        // RFC 9112 section 3.2: 400 to an HTTP/1.1 request without Host, whatever its form.
        case("no Host in HTTP/1.1", no_host("1.1"), Refused(400, "missing_host")),
        case("no Host in HTTP/1.0", no_host("1.0"), forwarded("GET /prod/x HTTP/1.1\r\n\r\n")),
        case("no Host, another host", "GET http://evil.example/ HTTP/1.0\r\n\r\n", Refused(421, "unknown_host")),
        case("an empty Host", "GET http://pay.example.com/ HTTP/1.1\r\nHost:\r\n\r\n", Rejected),
    ]);
}

#[test]
fn targets_that_are_too_long() {
    let most = format!("/{}", "a".repeat(8_191));
    let over = format!("{most}a");
    check(&[
        case("the most bytes", get(&most), forwarded(format!("GET /prod{most} HTTP/1.1\r\n\r\n"))),
        case("one more", get(&over), Refused(414, "uri_too_long")),
        case("a query counts", get(&format!("/?{}", "a".repeat(8_191))), Refused(414, "uri_too_long")),
        case("seven times that", get(&over.repeat(7)), Refused(414, "uri_too_long")),
        // Pingora reads no target over 65,534 bytes, and we no head over 64 KiB; in small pieces the second
        // is met first.
        case("ten times that", get(&over.repeat(10)), Rejected).whole(),
        case("more than we read of a head", get(&"/a".repeat(1_000_000)), Refused(431, "headers_too_large")).whole(),
    ]);
}
