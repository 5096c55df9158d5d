//! Request lines (RFC 9112 sections 2.2 and 3).

use super::Want::{Closed, Refused, Rejected};
use super::{BAD_TARGET, Case, DOMAIN, case, check, forwarded, post};
use crate::harness::client::is_refusal;
use crate::harness::origin::Origin;
use crate::harness::proxy::proxy;

/// A request with this first line.
fn line(line: &str) -> String {
    format!("{line}\r\nHost: {DOMAIN}\r\n\r\n")
}

const GOOD: &str = "GET /prod/ HTTP/1.1\r\n\r\n";

#[test]
fn line_ends() {
    check(&[
        // RFC 9112 section 2.2: a recipient may take a lone LF for a line's end. Upstream it is CRLF.
        case("LF everywhere", format!("GET / HTTP/1.1\nHost: {DOMAIN}\n\n"), forwarded(GOOD)),
        case("LF after the request line", format!("GET / HTTP/1.1\nHost: {DOMAIN}\r\n\r\n"), forwarded(GOOD)),
        case("LF at the end", format!("GET / HTTP/1.1\r\nHost: {DOMAIN}\r\n\n"), forwarded(GOOD)),
        case(
            "LF everywhere, with a body",
            format!("POST / HTTP/1.1\nHost: {DOMAIN}\nContent-Length: 5\n\nhello"),
            forwarded("POST /prod/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"),
        ),
        case("CR after the request line", format!("GET / HTTP/1.1\rHost: {DOMAIN}\r\n\r\n"), Rejected),
        case("CR CR LF after the request line", format!("GET / HTTP/1.1\r\r\nHost: {DOMAIN}\r\n\r\n"), Rejected),
        case("LF CR at the end", format!("GET / HTTP/1.1\r\nHost: {DOMAIN}\r\n\n\r"), forwarded(GOOD)),
        // RFC 9112 section 2.2: a server ought to ignore empty lines before a request line.
        case("a leading CRLF", format!("\r\n{}", line("GET / HTTP/1.1")), forwarded(GOOD)),
        case("leading LFs", format!("\n\n{}", line("GET / HTTP/1.1")), forwarded(GOOD)),
        case("a leading CR", format!("\r{}", line("GET / HTTP/1.1")), Rejected),
        case("a leading space", format!(" {}", line("GET / HTTP/1.1")), Rejected),
        case("a leading NUL", format!("\0{}", line("GET / HTTP/1.1")), Rejected),
        case("a leading byte order mark", format!("\u{feff}{}", line("GET / HTTP/1.1")), Rejected),
        case("whitespace before the first header", format!("GET / HTTP/1.1\r\n Host: {DOMAIN}\r\n\r\n"), Rejected),
    ]);
}

#[test]
fn versions() {
    let versions = [
        "HTTP/0.9",
        "HTTP/1.2",
        "HTTP/1.9",
        "HTTP/2",
        "HTTP/2.0",
        "HTTP/3.0",
        "HTTP/9.9",
        "HTTP/1.",
        "HTTP/1",
        "HTTP/.1",
        "HTTP/11",
        "HTTP/1.10",
        "HTTP/01.1",
        "HTTP/1,1",
        "HTTP/1.1a",
        "HTTP/ 1.1",
        "HTTP /1.1",
        "http/1.1",
        "Http/1.1",
        "HTTPS/1.1",
        "HTTP/1.1\0",
        "HTTP/1.1 ",
        "HTTP/1.1\t",
        "ICAP/1.0",
        "",
    ];
    // What follows a space and is no version is more of the target, in which a space may not be.
    let is_version = |version: &str| version.is_empty() || version.starts_with("HTTP/");
    let want = |version: &str| if is_version(version) { Rejected } else { BAD_TARGET };
    let rejected =
        versions.iter().map(|version| case(&format!("{version:?}"), line(&format!("GET / {version}")), want(version)));
    let cases: Vec<Case> = rejected
        .chain([
            case("no version", line("GET /"), BAD_TARGET),
            case("HTTP/0.9 as it was", "GET /\r\n", BAD_TARGET).half_closed(),
            case("HTTP/0.9 as it was, and an empty line", "GET /\r\n\r\n", BAD_TARGET),
            // What came as HTTP/1.0 goes on as HTTP/1.1, our own version (RFC 9110 section 7.6.3).
            case("HTTP/1.0", line("GET / HTTP/1.0"), forwarded(GOOD)),
        ])
        .collect();
    check(&cases);
}

#[test]
fn spaces_between_the_parts() {
    check(&[
        case("a tab after the method", line("GET\t/ HTTP/1.1"), Rejected),
        case("a tab before the version", line("GET /\tHTTP/1.1"), BAD_TARGET),
        case("a vertical tab before the version", line("GET /\x0bHTTP/1.1"), BAD_TARGET),
        case("no space", line("GET/HTTP/1.1"), Rejected),
        case("no target", line("GET HTTP/1.1"), BAD_TARGET),
        // RFC 9112 section 3.2: a target with a space is not corrected.
        case("two spaces after the method", line("GET  / HTTP/1.1"), BAD_TARGET),
        case("no target, two spaces", line("GET  HTTP/1.1"), Rejected),
        case("two spaces before the version", line("GET /  HTTP/1.1"), BAD_TARGET),
        case("a space in the target", line("GET /a b HTTP/1.1"), BAD_TARGET),
        case("a tab in the target", line("GET /a\tb HTTP/1.1"), BAD_TARGET),
        case("a space after empty lines", line("\r\n\r\nGET /a b HTTP/1.1"), BAD_TARGET),
        case("two request lines in one", line("GET /a HTTP/1.1 GET /b HTTP/1.1"), Rejected),
    ]);
}

/// On a kept connection a request line is as strict as on a new one, whatever came before it and with it.
#[test]
fn a_space_in_the_target_of_a_second_request() {
    let api = Origin::ok();
    let proxy = proxy().maps(DOMAIN, "abc123", "/prod").to(&api).start();
    let second = line("GET /.. /x HTTP/1.1");
    let firsts = [
        line("GET / HTTP/1.1"),
        post("Content-Length: 5\r\n", "hello"),
        post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
    ];
    for first in firsts {
        for pipelined in [false, true] {
            let mut client = proxy.client();
            if pipelined {
                client.send(first.clone() + &second + &second);
            } else {
                client.send(&first);
            }
            assert_eq!(client.read_response().status, 200);
            if !pipelined {
                client.send(&second);
            }
            is_refusal(&client.read_response(), 400, "malformed_target");
            client.half_close();
            client.expect_closed();
        }
    }
    assert!(api.requests().iter().all(|request| request.target() == "/prod/"));
}

#[test]
fn methods() {
    check(&[
        case("none", line(" / HTTP/1.1"), Rejected),
        case("NUL inside", line("GE\0T / HTTP/1.1"), Rejected),
        case("a colon inside", line("GE:T / HTTP/1.1"), Rejected),
        case("an at sign inside", line("G@T / HTTP/1.1"), Rejected),
        case("a byte over 127", b"G\xc9T / HTTP/1.1\r\nHost: pay.example.com\r\n\r\n", Rejected),
        case("CONNECT", line("CONNECT pay.example.com:443 HTTP/1.1"), Refused(405, "method_not_allowed")),
        case(
            "CONNECT to its Host",
            "CONNECT pay.example.com:443 HTTP/1.1\r\nHost: pay.example.com:443\r\n\r\n",
            Refused(405, "method_not_allowed"),
        ),
        case("CONNECT with a path", line("CONNECT / HTTP/1.1"), Refused(405, "method_not_allowed")),
        case("CONNECT elsewhere", line("CONNECT evil.example:443 HTTP/1.1"), Rejected),
        case("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Rejected),
        case("a TLS ClientHello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", Rejected),
        case("a line of another protocol", "EHLO mail.example.com\r\n", BAD_TARGET).half_closed(),
        case("nothing at all", "", Closed).half_closed(),
        case("half a request line", "GET / HT", Closed).half_closed(),
        case("half a head", format!("GET / HTTP/1.1\r\nHost: {DOMAIN}\r\n"), Closed).half_closed(),
    ]);
}
