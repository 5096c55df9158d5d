//! The Host header (RFC 9110 section 7.2): one name, or a refusal.

use super::Want::{Refused, Rejected};
use super::{API_HOST, Case, DOMAIN, Want, case, check, forwarded};

fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\n{lines}\r\n")
}

fn good() -> Want {
    forwarded("GET /prod/ HTTP/1.1\r\n\r\n")
}

fn host(value: &str, want: Want) -> Case {
    case(&value.escape_default().to_string(), get(&format!("Host: {value}\r\n")), want)
}

#[test]
fn spellings_of_one_name() {
    let spellings = [
        "pay.example.com",
        "PAY.Example.COM",
        "pay.example.com.",
        "pay.example.com:443",
        "pay.example.com:8443",
        "pay.example.com:",
        "pay.example.com:0",
        "pay.example.com:00443",
        "pay.example.com.:80",
        " \t pay.example.com \t ",
    ];
    check(&spellings.map(|value| host(value, good())));
}

/// HAProxy splits Host at commas, Caddy takes `:-1`.
#[test]
fn what_is_not_one_name() {
    let values = [
        "pay.example.com, evil.example",
        "evil.example, pay.example.com",
        "pay.example.com,pay.example.com",
        "pay.example.com;evil.example",
        "pay.example.com evil.example",
        "pay.example.com\tevil.example",
        "pay.example.com :80",
        "pay.example.com: 80",
        "pay.example.com:-1",
        "pay.example.com:+80",
        "pay.example.com:0x50",
        "pay.example.com:80:80",
        "pay.example.com:65536",
        "pay.example.com:99999",
        "pay.example.com:99999999999999999999",
        "pay.example.com:http",
        "pay.example.com..",
        "pay..example.com",
        ".pay.example.com",
        ".",
        ":80",
        "pay.example.com/",
        "pay.example.com/x",
        "pay.example.com?x",
        "pay.example.com#x",
        "pay.example.com\\x",
        "http://pay.example.com",
        "//pay.example.com",
        "*.example.com",
        "pay%2eexample.com",
        "pay.example.com%00",
        "pay.example.com%20",
        "\"pay.example.com\"",
        "<pay.example.com>",
        "p\u{e4}y.example.com",
        "pay\u{3002}example\u{ff0e}com",
        "[pay.example.com]",
        "[::1",
        "::1",
        "[::1]pay.example.com",
    ];
    check(&values.map(|value| host(value, Refused(400, "malformed_host"))));
}

#[test]
fn names_that_are_not_mapped() {
    let values = [
        "evil.example",
        "example.com",
        "xpay.example.com",
        "a.pay.example.com",
        "pay.example.com.evil.example",
        "pay-example.com",
        "pay_example.com",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[::1]:80",
        API_HOST,
        "evil.example:443",
    ];
    check(&values.map(|value| host(value, Refused(421, "unknown_host"))));
    check(&[host(&format!("{}.example", "a".repeat(63)), Refused(421, "unknown_host"))]);
    check(&[host(&"a.".repeat(200), Refused(400, "malformed_host"))]);
}

#[test]
fn hosts_that_are_missing_or_many() {
    check(&[
        case("none", get(""), Refused(400, "missing_host")),
        case("none in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", Refused(400, "missing_host")),
        case("empty", get("Host:\r\n"), Refused(400, "missing_host")),
        case("spaces", get("Host: \t \r\n"), Refused(400, "missing_host")),
        case("two", get(&format!("Host: {DOMAIN}\r\nHost: evil.example\r\n")), Rejected),
        case("two, the first another", get(&format!("Host: evil.example\r\nhost: {DOMAIN}\r\n")), Rejected),
        case("the same twice", get(&format!("Host: {DOMAIN}\r\nHost: {DOMAIN}\r\n")), Rejected),
        case("two, one of them empty", get(&format!("Host:\r\nHost: {DOMAIN}\r\n")), Rejected),
        case("two in HTTP/1.0", format!("GET / HTTP/1.0\r\nHost: {DOMAIN}\r\nHost: evil.example\r\n\r\n"), Rejected),
        case(
            "a second with a space before its colon",
            get(&format!("Host: {DOMAIN}\r\nHost : evil.example\r\n")),
            Rejected,
        ),
        case("a second that is folded", get(&format!("Host: {DOMAIN}\r\n Host: evil.example\r\n")), Rejected),
        case("folded", get("Host:\r\n pay.example.com\r\n"), Rejected),
        case("continued", get(&format!("Host: {DOMAIN}\r\n .evil.example\r\n")), Rejected),
    ]);
}

#[test]
fn bytes_that_hosts_do_not_have() {
    check(&[
        host("user@pay.example.com", Rejected),
        host("user:password@pay.example.com", Rejected),
        host("pay.example.com@evil.example", Rejected),
        host("evil.example:80@pay.example.com", Rejected),
        host("@pay.example.com", Rejected),
        host("pay.example.com\0", Rejected),
        host("pay.example.com\0.evil.example", Rejected),
        host("pay.example.com\x01", Rejected),
        host("pay.example.com\x7f", Rejected),
        host("pay.example.com\r.evil.example", Rejected),
        case("a byte over 127", b"GET / HTTP/1.1\r\nHost: pay\xff.example.com\r\n\r\n", Refused(400, "malformed_host")),
    ]);
}

/// Headers that other proxies take for the host do not pick the API here.
#[test]
fn other_headers_name_no_host() {
    check(&[
        case(
            "X-Forwarded-Host",
            get("Host: evil.example\r\nX-Forwarded-Host: pay.example.com\r\n"),
            Refused(421, "unknown_host"),
        ),
        case("X-Host", get("Host: evil.example\r\nX-Host: pay.example.com\r\n"), Refused(421, "unknown_host")),
        case(
            "Forwarded",
            get("Host: evil.example\r\nForwarded: host=pay.example.com\r\n"),
            Refused(421, "unknown_host"),
        ),
        case("only X-Forwarded-Host", get("X-Forwarded-Host: pay.example.com\r\n"), Refused(400, "missing_host")),
        case(
            "x-apigw-api-id",
            get(&format!(
                "Host: {DOMAIN}\r\nX-Apigw-Api-Id: evil\r\nx-apigw-api-id: evil2\r\nX-Upstream-Domain: evil\r\nReferer: evil\r\n"
            )),
            good(),
        ),
    ]);
}
