//! Header fields: their grammar (RFC 9112 section 5), and what ends at a proxy (RFC 9110 section 7.6.1).

use super::Want::{Refused, Rejected};
use super::{Case, DOMAIN, Want, case, check, forwarded, get_with, is_token, post};

fn rejected(name: &str, lines: &str) -> Case {
    case(name, get_with(lines), Rejected)
}

/// These header lines arrive as those; all others end here.
fn arrives_as(name: &str, lines: &str, at: &str) -> Case {
    case(name, get_with(lines), forwarded(format!("GET /prod/ HTTP/1.1\r\n{at}\r\n")))
}

#[test]
fn lines_that_are_no_field() {
    check(&[
        rejected("a fold", "X-A: 1\r\n 2\r\n"),
        rejected("a fold with a tab", "X-A: 1\r\n\t2\r\n"),
        rejected("a fold of nothing", "X-A: 1\r\n \r\n"),
        rejected("a space before the colon", "X-A : 1\r\n"),
        rejected("a tab before the colon", "X-A\t: 1\r\n"),
        rejected("no name", ": 1\r\n"),
        rejected("no name but a space", " : 1\r\n"),
        rejected("no colon", "garbage\r\n"),
        rejected("a second request line", "GET /smuggled HTTP/1.1\r\n"),
        rejected("CR after a line", "X-A: 1\rX-B: 2\r\n"),
        rejected("CR CR LF after a line", "X-A: 1\r\r\n"),
        rejected("CR at the end of a value", "X-A: 1\r\r\nX-B: 2\r\n"),
    ]);
}

/// RFC 9110 section 5.1: a name is a token, over HTTP/1.1 as over HTTP/2.
#[test]
fn every_byte_in_a_name() {
    let cases: Vec<_> = (0..=u8::MAX)
        .map(|byte| {
            let sent = [format!("GET / HTTP/1.1\r\nHost: {DOMAIN}\r\nX").as_bytes(), &[byte], b"A: 1\r\n\r\n"].concat();
            let want = match byte {
                b':' => forwarded("GET /prod/ HTTP/1.1\r\nX: A: 1\r\n\r\n"),
                _ if is_token(byte) => forwarded(format!("GET /prod/ HTTP/1.1\r\nX{}A: 1\r\n\r\n", char::from(byte))),
                _ => Rejected,
            };
            case(&format!("{byte:#04x}"), sent, want).whole()
        })
        .collect();
    check(&cases);
}

#[test]
fn bytes_that_values_do_not_have() {
    let bytes = ["\0", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x7f", "\r"];
    let cases: Vec<_> =
        bytes.iter().map(|byte| rejected(&byte.escape_default().to_string(), &format!("X-A: 1{byte}2\r\n"))).collect();
    check(&cases);
}

#[test]
fn every_other_field_survives() {
    check(&[
        arrives_as(
            "case and order",
            "x-lower: 1\r\nX-UPPER: 2\r\nx-MiXed: 3\r\n",
            "x-lower: 1\r\nX-UPPER: 2\r\nx-MiXed: 3\r\n",
        ),
        arrives_as("one name twice", "X-A: 1\r\nX-A: 2\r\n", "X-A: 1\r\nX-A: 2\r\n"),
        arrives_as("an empty value", "X-A:\r\n", "X-A: \r\n"),
        arrives_as("spaces around and in a value", "X-A: \t 1 \t 2 \t \r\n", "X-A: 1 \t 2\r\n"),
        arrives_as("a tab in a value", "X-A: 1\t2\r\n", "X-A: 1\t2\r\n"),
        arrives_as("UTF-8 in a value", "X-A: \u{e9}\r\n", "X-A: \u{e9}\r\n"),
        arrives_as("every byte of a name", "!#$%&'*+-.^_`|~09azAZ: 1\r\n", "!#$%&'*+-.^_`|~09azAZ: 1\r\n"),
        arrives_as("percent-encoded ends of lines", "X-A: %0d%0aX-B: 2\r\n", "X-A: %0d%0aX-B: 2\r\n"),
        arrives_as("LF at the end of a line", "X-A: 1\nX-B: 2\r\n", "X-A: 1\r\nX-B: 2\r\n"),
        arrives_as(
            "what others invent",
            "Accept-Encoding: gzip\r\nVia: 1.1 x\r\n",
            "Accept-Encoding: gzip\r\nVia: 1.1 x\r\n",
        ),
        arrives_as("nothing is invented", "", ""),
    ]);
}

#[test]
fn too_much() {
    let too_large = || Refused(431, "headers_too_large");
    let lines = |count: usize| -> String { (0..count).map(|i| format!("X-{i}: 1\r\n")).collect() };
    check(&[
        case("one value", get_with(&format!("X-A: {}\r\n", "a".repeat(10_240))), too_large()),
        case("one name", get_with(&format!("X-{}: a\r\n", "a".repeat(10_240))), too_large()),
        case("ten values", get_with(&format!("X-A: {}\r\n", "a".repeat(1_100)).repeat(10)), too_large()),
        case("cookies", get_with(&format!("Cookie: {}\r\n", "a=b; ".repeat(2_048))), too_large()),
        case("as many as 200", get_with(&lines(200)), forwarded(format!("GET /prod/ HTTP/1.1\r\n{}\r\n", lines(200)))),
        // Pingora reads no more than 256.
        case("300", get_with(&lines(300)), Rejected),
        case("more than we read of a head", get_with(&format!("X-A: {}\r\n", "a".repeat(2_000_000))), too_large())
            .whole(),
    ]);
}

#[test]
fn what_connection_nominates_ends_here() {
    check(&[
        arrives_as("close", "Connection: close\r\n", ""),
        arrives_as("keep-alive", "Connection: keep-alive\r\nKeep-Alive: timeout=5, max=1000\r\n", ""),
        arrives_as("a header", "Connection: x-custom\r\nX-Custom: 1\r\nX-Other: 2\r\n", "X-Other: 2\r\n"),
        arrives_as("a header that comes first and twice", "X-Custom: 1\r\nX-CUSTOM: 2\r\nConnection: X-custom\r\n", ""),
        arrives_as(
            "several, in two lines",
            "Connection: x-a,x-b\r\nConnection: , close ,x-c\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n",
            "",
        ),
        arrives_as("a header that is not there", "Connection: x-gone\r\n", ""),
        arrives_as("credentials", "Connection: authorization, cookie\r\nAuthorization: a\r\nCookie: b\r\n", ""),
        // Whoever asks to have them dropped: they are ours, and set after.
        arrives_as("what picks the API", "Connection: x-apigw-api-id\r\nX-Apigw-Api-Id: evil\r\n", ""),
        arrives_as("what names the domain", "Connection: referer, x-upstream-domain\r\nReferer: evil\r\n", ""),
        arrives_as("the port", "Connection: x-forwarded-port\r\nX-Forwarded-Port: 1\r\n", ""),
        arrives_as("Connection itself", "Connection: connection\r\n", ""),
        arrives_as("nine", "Connection: a, b, c, d, e, f, g, h, i\r\nA: 1\r\nI: 2\r\n", ""),
        arrives_as("many that are empty", "Connection: ,,,,,,,, ,,,,,, ,\r\n", ""),
    ]);
}

#[test]
fn framing_cannot_be_nominated_away() {
    let chunked = "POST /prod/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    check(&[
        case("a length", post("Content-Length: 5\r\nConnection: content-length\r\n", "hello"), forwarded(chunked)),
        case(
            "a coding",
            post("Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            forwarded(chunked),
        ),
        case(
            "a length of 0",
            post("Content-Length: 0\r\nConnection: content-length\r\n", ""),
            forwarded("POST /prod/ HTTP/1.1\r\n\r\n"),
        ),
    ]);
}

#[test]
fn nominations_that_are_refused() {
    let values = [
        "host",
        "Host, close",
        "X-Forwarded-For",
        "x-forwarded-host",
        "x-FORWARDED-proto",
        "a, b, c, d, e, f, g, h, i, j",
        "a, b\r\nConnection: c, d, e, f, g, h, i, j",
        ":authority",
        "\"x\"",
        "x y",
        "x=y",
        "(x)",
        "\u{e9}",
    ];
    let refused = |value: &&str| {
        case(
            value,
            get_with(&format!("Connection: {value}\r\nX-Forwarded-For: 1.1.1.1\r\n")),
            Refused(400, "malformed_message"),
        )
    };
    check(&values.iter().map(refused).collect::<Vec<_>>());
}

/// All of NGINX, HAProxy and Caddy let one of these through somewhere.
#[test]
fn what_is_for_a_proxy_ends_here() {
    check(&[
        arrives_as("Proxy-Authorization", "Proxy-Authorization: Basic eDp5\r\n", ""),
        arrives_as("Proxy-Authenticate", "Proxy-Authenticate: Basic\r\n", ""),
        arrives_as("Proxy-Connection", "Proxy-Connection: keep-alive\r\n", ""),
        arrives_as("Proxy", "Proxy: http://evil.example/\r\nproxy: again\r\n", ""),
        arrives_as(
            "any other",
            "PROXY-Foo: 1\r\nProxy-: 2\r\nProxied: 3\r\nX-Proxy: 4\r\n",
            "Proxied: 3\r\nX-Proxy: 4\r\n",
        ),
        arrives_as("Keep-Alive", "Keep-Alive: timeout=5\r\n", ""),
        arrives_as("TE", "TE: trailers\r\n", ""),
        arrives_as("TE, nominated", "TE: trailers, deflate\r\nConnection: TE\r\n", ""),
        arrives_as("Trailer", "Trailer: X-A\r\n", ""),
        arrives_as("Upgrade alone", "Upgrade: h2c\r\n", ""),
        arrives_as("HTTP2-Settings alone", "HTTP2-Settings: AAMAAABk\r\n", ""),
        arrives_as(
            "an upgrade to HTTP/2",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
            "",
        ),
        arrives_as("its other name", "Connection: upgrade\r\nupgrade: H2C, h2c\r\n", ""),
        arrives_as("an upgrade to TLS", "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n", ""),
        arrives_as(
            "an upgrade to WebSocket",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            "Sec-WebSocket-Version: 13\r\n",
        ),
    ]);
}

/// X-Forwarded-* of a stranger: what the API gets is ours, once.
#[test]
fn a_client_speaks_for_nobody() {
    let spoofed = "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Host: evil\r\n";
    check(&[arrives_as("all four", spoofed, "")]);
}

/// An upgrade that is not one leaves nothing open: what comes after is read as HTTP or not at all.
#[test]
fn no_tunnel_after_an_upgrade() {
    let after = "GET /smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    let upgrade = format!(
        "POST / HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: {}\r\n\r\n{after}",
        after.len()
    );
    let want: Want = forwarded(format!("POST /prod/ HTTP/1.1\r\nContent-Length: {}\r\n\r\n{after}", after.len()));
    check(&[case("the body stays a body", upgrade, want)]);
}
