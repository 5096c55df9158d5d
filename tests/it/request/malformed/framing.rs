//! Where a message ends: Content-Length against Transfer-Encoding (RFC 9112 section 6).

use super::Want::{Refused, Rejected};
use super::{DOMAIN, Want, case, check, forwarded, get_with, post};

const MALFORMED: Want = Refused(400, "malformed_message");

/// What a body of five bytes becomes, by its framing.
const SIZED: &str = "POST /prod/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "POST /prod/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

#[test]
fn both_framings_at_once() {
    // RFC 9112 section 6.3: an intermediary that forwards it MUST remove Content-Length first, and
    // close after it; Pingora does both.
    check(&[
        case(
            "length first",
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            forwarded(CHUNKED),
        ),
        case(
            "coding first",
            post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            forwarded(CHUNKED),
        ),
        case(
            "the length would end it inside the chunks",
            post(
                "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                "5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: pay.example.com\r\n\r\n",
            ),
            forwarded(CHUNKED),
        ),
        case(
            "the chunks would end it inside the length",
            post(
                "Content-Length: 60\r\nTransfer-Encoding: chunked\r\n",
                "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: pay.example.com\r\n\r\n",
            ),
            forwarded("POST /prod/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        case(
            "a length that is none, beside the coding",
            post("Content-Length: x\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            forwarded(CHUNKED),
        ),
    ]);
}

#[test]
fn lengths_that_disagree() {
    check(&[
        case("two lines", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), Rejected),
        case("two lines, the first 0", post("Content-Length: 0\r\nContent-Length: 5\r\n", "hello"), Rejected),
        case("a list", post("Content-Length: 5, 6\r\n", "hello!"), Rejected),
        case("a list and a line", post("Content-Length: 5, 5\r\nContent-Length: 6\r\n", "hello!"), Rejected),
    ]);
}

#[test]
fn a_length_said_twice() {
    // RFC 9110 section 8.6: reject it, or replace it by the one value. Two lines or a list upstream
    // would leave that choice to the next reader.
    check(&[
        case("two equal lines", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), forwarded(SIZED)),
        case("an equal list", post("Content-Length: 5, 5\r\n", "hello"), forwarded(SIZED)),
        case("an equal list without a space", post("Content-Length: 5,5\r\n", "hello"), forwarded(SIZED)),
    ]);
}

#[test]
fn lengths_that_are_no_number() {
    let values = [
        ("", "nothing"),
        ("+5", "a plus"),
        ("-5", "a minus"),
        ("-0", "minus zero"),
        ("5 5", "a space inside"),
        ("0x5", "hex with 0x"),
        ("a", "a hex digit"),
        ("5,", "a list's empty element"),
        (",5", "a list's empty first element"),
        ("5;x", "a parameter"),
        ("5.0", "a fraction"),
        ("5e0", "an exponent"),
        ("\"5\"", "quotes"),
        ("99999999999999999999", "more than 64 bits"),
        ("18446744073709551621", "5 modulo 2^64"),
    ];
    let cases: Vec<_> = values
        .map(|(value, name)| case(name, post(&format!("Content-Length: {value}\r\n"), "hello"), Rejected))
        .into_iter()
        .collect();
    check(&cases);
}

#[test]
fn lengths_written_unusually() {
    check(&[
        case("spaces around it", post("Content-Length: \t 5 \t\r\n", "hello"), forwarded(SIZED)),
        case("no space before it", post("Content-Length:5\r\n", "hello"), forwarded(SIZED)),
        case(
            "leading zeros",
            post("Content-Length: 005\r\n", "hello"),
            // 1*DIGIT (RFC 9110 section 8.6): zeros in front are part of the grammar.
            forwarded("POST /prod/ HTTP/1.1\r\nContent-Length: 005\r\n\r\nhello"),
        ),
        case(
            "the most 64 bits hold",
            post("Content-Length: 18446744073709551615\r\n", ""),
            Refused(413, "body_too_large"),
        ),
        case("just over the limit", post("Content-Length: 10485761\r\n", ""), Refused(413, "body_too_large")),
        case(
            "a length on a GET",
            get_with("Content-Length: 0\r\n"),
            forwarded("GET /prod/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
        ),
    ]);
}

#[test]
fn codings_that_are_not_chunked_alone() {
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    let coding = |value: &str| post(&format!("Transfer-Encoding: {value}\r\n"), chunks);
    check(&[
        // The last coding is not chunked: nobody can know the end (RFC 9112 section 6.3).
        case("identity", coding("identity"), Rejected),
        case("gzip", coding("gzip"), Rejected),
        case("chunked, identity", coding("chunked, identity"), Rejected),
        case("xchunked", coding("xchunked"), Rejected),
        case("chunkedx", coding("chunkedx"), Rejected),
        case("quoted", coding("\"chunked\""), Rejected),
        case("a parameter", coding("chunked;q=1"), Rejected),
        case("empty", coding(""), Rejected),
        case("a list's empty last element", coding("chunked,"), Rejected),
        case("vertical tab before", coding("\x0bchunked"), Rejected),
        case("vertical tab after", coding("chunked\x0b"), Rejected),
        case("NUL after", coding("chunked\0"), Rejected),
        case(
            "a second line with another",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", chunks),
            Rejected,
        ),
        // The last is chunked, another comes before: a coding we do not know (501 or 400).
        case("gzip, chunked", coding("gzip, chunked"), MALFORMED),
        case("identity, chunked", coding("identity, chunked"), MALFORMED),
        case("chunked, chunked", coding("chunked, chunked"), MALFORMED),
        case("a list's empty first element", coding(", chunked"), MALFORMED),
        case("two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunks), MALFORMED),
        case("two lines of two", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", chunks), MALFORMED),
        case("an empty second line", post("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", chunks), Rejected),
    ]);
}

#[test]
fn codings_written_unusually() {
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    check(&[
        // The name of a coding has no case (RFC 9112 section 7); upstream it is ours to write.
        case("upper case", post("TRANSFER-ENCODING: CHUNKED\r\n", chunks), forwarded(CHUNKED)),
        case("tabs around it", post("Transfer-Encoding:\tchunked\t\r\n", chunks), forwarded(CHUNKED)),
        case("a space before the colon", post("Transfer-Encoding : chunked\r\n", chunks), Rejected),
        case("a tab before the colon", post("Transfer-Encoding\t: chunked\r\n", chunks), Rejected),
        case("a space before the name", post(" Transfer-Encoding: chunked\r\n", chunks), Rejected),
        case("folded", post("Transfer-Encoding:\r\n chunked\r\n", chunks), Rejected),
        case("a length with a space before the colon", post("Content-Length : 5\r\n", "hello"), Rejected),
        case(
            "a coding's name inside another header's",
            post("X-Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "hello"),
            forwarded("POST /prod/ HTTP/1.1\r\nX-Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello"),
        ),
        // RFC 9112 section 6.1: faulty framing, and close.
        case(
            "HTTP/1.0",
            format!("POST / HTTP/1.0\r\nHost: {DOMAIN}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
            Rejected,
        ),
        case(
            "HTTP/1.0 with keep-alive and a length",
            format!(
                "POST / HTTP/1.0\r\nHost: {DOMAIN}\r\nConnection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
            ),
            Rejected,
        ),
        case(
            "on a GET",
            get_with("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n",
            forwarded("GET /prod/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ),
    ]);
}
