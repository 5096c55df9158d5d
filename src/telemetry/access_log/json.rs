//! A record as a line of JSON.
//!
//! By hand, because it is once a request: through serde it was 18,000 instructions, an eighth of what a
//! request costs. What may need escaping still goes through serde_json.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use super::record::{Record, Text, Upstream};
use nameplate_core::domain::address::push_ip;

/// Bytes of a text that a client chooses which a line has, at most.
const LONGEST: usize = 1_024;

/// What follows where a text was cut.
const CUT: char = '…';

const DAY: u64 = 86_400;

/// Appends the line of a record, its end included.
pub(super) fn write(record: &Record<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    time(out, record.time);
    out.push(b'"');
    text(out, ",\"request_id\":", Some(record.request_id));
    known(out, ",\"domain\":", record.domain);
    text(out, ",\"base_path\":", record.base_path.map(|path| Text(path.as_bytes())));
    if let Some(part) = record.part {
        text(out, ",\"part\":", Some(Text(part.as_bytes())));
    }
    number(out, ",\"line\":", record.line.map(u64::from));
    known(out, ",\"method\":", record.method);
    text(out, ",\"path\":", record.path);
    known(out, ",\"protocol\":", record.protocol);
    number(out, ",\"status\":", Some(record.status.into()));
    known(out, ",\"refusal\":", record.refusal);
    flag(out, ",\"aborted\":", record.aborted);
    number(out, ",\"request_bytes\":", Some(record.request_bytes));
    number(out, ",\"response_bytes\":", Some(record.response_bytes));
    milliseconds(out, ",\"duration_ms\":", Some(record.duration_ms));
    out.extend_from_slice(b",\"upstream\":");
    match &record.upstream {
        Some(side) => upstream(out, side),
        None => out.extend_from_slice(b"null"),
    }
    address(out, ",\"client\":", record.client);
    text(out, ",\"forwarded_for\":", record.forwarded_for);
    text(out, ",\"user_agent\":", record.user_agent);
    text(out, ",\"trace\":", record.trace);
    if let Some(percent) = record.sampled_percent {
        let _ = write!(out, ",\"sampled_percent\":{percent}");
    }
    out.extend_from_slice(b"}\n");
}

fn upstream(out: &mut Vec<u8>, side: &Upstream<'_>) {
    known(out, "{\"api_id\":", Some(side.api_id));
    known(out, ",\"endpoint\":", Some(side.endpoint));
    address(out, ",\"address\":", side.address);
    known(out, ",\"zone\":", side.zone);
    flag(out, ",\"reused\":", side.reused);
    number(out, ",\"retries\":", Some(side.retries as u64));
    milliseconds(out, ",\"connect_ms\":", side.connect_ms);
    milliseconds(out, ",\"first_byte_ms\":", side.first_byte_ms);
    text(out, ",\"amzn_request_id\":", side.amzn_request_id);
    text(out, ",\"apigw_id\":", side.apigw_id);
    out.push(b'}');
}

/// The key, and the value or `null`.
fn some<'o, T>(out: &'o mut Vec<u8>, key: &str, value: Option<T>) -> Option<(&'o mut Vec<u8>, T)> {
    out.extend_from_slice(key.as_bytes());
    if value.is_none() {
        out.extend_from_slice(b"null");
    }
    Some((out, value?))
}

/// A text of ours, or a token of HTTP: neither has quotes, backslashes or control characters.
fn known(out: &mut Vec<u8>, key: &str, value: Option<&str>) {
    if let Some((out, value)) = some(out, key, value) {
        quoted(out, value.as_bytes());
    }
}

fn quoted(out: &mut Vec<u8>, plain: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(plain);
    out.push(b'"');
}

fn text(out: &mut Vec<u8>, key: &str, value: Option<Text<'_>>) {
    let Some((out, value)) = some(out, key, value) else { return };
    // Without a way out of the loop, so that it takes many bytes at a time.
    let plain = value.0.iter().fold(true, |plain, byte| plain & is_plain(*byte));
    if plain && value.0.len() <= LONGEST {
        quoted(out, value.0);
    } else if serde_json::to_writer(&mut *out, &value).is_err() {
        // Writing to memory cannot fail.
        out.extend_from_slice(b"null");
    }
}

fn is_plain(byte: u8) -> bool {
    (b' '..0x7f).contains(&byte) & (byte != b'"') & (byte != b'\\')
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let long = self.0.len() > LONGEST;
        let text = String::from_utf8_lossy(&self.0[..self.0.len().min(LONGEST)]);
        match (text, long) {
            (Cow::Borrowed(text), false) => serializer.serialize_str(text),
            (text, false) => serializer.serialize_str(&text),
            (text, true) => {
                // A character that was cut in two is no character any more.
                let mut text = text.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned();
                text.push(CUT);
                serializer.serialize_str(&text)
            }
        }
    }
}

fn flag(out: &mut Vec<u8>, key: &str, value: bool) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

fn number(out: &mut Vec<u8>, key: &str, value: Option<u64>) {
    if let Some((out, value)) = some(out, key, value) {
        push_number(out, value);
    }
}

fn push_number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The last `N` digits, zeros included.
fn padded<const N: usize>(out: &mut Vec<u8>, mut value: u64) {
    let mut all = [0; N];
    for digit in all.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&all);
}

/// To the microsecond.
fn milliseconds(out: &mut Vec<u8>, key: &str, value: Option<Duration>) {
    if let Some((out, value)) = some(out, key, value) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        push_number(out, micros / 1_000);
        out.push(b'.');
        padded::<3>(out, micros % 1_000);
    }
}

fn address(out: &mut Vec<u8>, key: &str, value: Option<SocketAddr>) {
    let Some((out, value)) = some(out, key, value) else { return };
    out.push(b'"');
    // An IPv4 client of an IPv6 socket is an IPv4 client.
    let ip = value.ip().to_canonical();
    if ip.is_ipv6() {
        out.push(b'[');
    }
    push_ip(out, ip);
    if ip.is_ipv6() {
        out.push(b']');
    }
    out.push(b':');
    push_number(out, value.port().into());
    out.push(b'"');
}

/// RFC 3339 in UTC, to the millisecond.
fn time(out: &mut Vec<u8>, at: SystemTime) {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day) = date(since.as_secs() / DAY);
    let second = since.as_secs() % DAY;
    padded::<4>(out, year);
    for (before, value) in [(b'-', month), (b'-', day), (b'T', second / 3_600), (b':', second / 60 % 60)] {
        out.push(before);
        padded::<2>(out, value);
    }
    out.push(b':');
    padded::<2>(out, second % 60);
    out.push(b'.');
    padded::<3>(out, since.subsec_millis().into());
    out.push(b'Z');
}

/// Year, month and day of so many days after 1970-01-01. Years that begin in March have their leap day at
/// the end, and months of 153 days to five.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let january = u64::from(month >= 10);
    (era * 400 + year + january, if month < 10 { month + 3 } else { month - 9 }, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> Record<'static> {
        Record {
            time: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            request_id: Text(b"id-1"),
            domain: Some("shop.example.com"),
            base_path: Some("/v1"),
            part: None,
            line: Some(4),
            method: Some("GET"),
            path: Some(Text(b"/v1/items")),
            protocol: Some("HTTP/1.1"),
            status: 200,
            refusal: None,
            aborted: false,
            request_bytes: 0,
            response_bytes: 12,
            duration_ms: Duration::from_micros(12_345),
            upstream: Some(Upstream {
                api_id: "abc123",
                endpoint: "default",
                address: Some("10.0.1.5:443".parse().expect("an address")),
                zone: Some("local"),
                reused: false,
                retries: 1,
                connect_ms: Some(Duration::from_millis(3)),
                first_byte_ms: Some(Duration::from_micros(8_001)),
                amzn_request_id: Some(Text(b"r")),
                apigw_id: None,
            }),
            client: Some("[::ffff:10.9.8.7]:4711".parse().expect("an address")),
            forwarded_for: None,
            user_agent: Some(Text(b"curl/8")),
            trace: None,
            sampled_percent: None,
        }
    }

    fn line(record: &Record<'_>) -> String {
        let mut out = Vec::new();
        write(record, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_line_says_what_happened() {
        let want = concat!(
            r#"{"time":"2023-11-14T22:13:20.123Z","request_id":"id-1","domain":"shop.example.com","base_path":"/v1","#,
            r#""line":4,"method":"GET","path":"/v1/items","protocol":"HTTP/1.1","status":200,"refusal":null,"#,
            r#""aborted":false,"request_bytes":0,"response_bytes":12,"duration_ms":12.345,"upstream":{"#,
            r#""api_id":"abc123","endpoint":"default","address":"10.0.1.5:443","zone":"local","reused":false,"#,
            r#""retries":1,"connect_ms":3.000,"first_byte_ms":8.001,"amzn_request_id":"r","apigw_id":null},"#,
            r#""client":"10.9.8.7:4711","forwarded_for":null,"user_agent":"curl/8","trace":null}"#,
            "\n",
        );
        assert_eq!(line(&record()), want);
        let sampled = Record { upstream: None, sampled_percent: Some(0.5), client: "[::1]:5".parse().ok(), ..record() };
        let line = line(&sampled);
        assert!(line.ends_with("\"trace\":null,\"sampled_percent\":0.5}\n"), "{line}");
        assert!(line.contains("\"upstream\":null,\"client\":\"[::1]:5\""), "{line}");
    }

    #[track_caller]
    fn written(bytes: &[u8], want: &str) {
        let line = line(&Record { path: Some(Text(bytes)), ..record() });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).expect("JSON")["path"], want);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
    }

    #[test]
    fn no_bytes_of_a_client_break_a_line() {
        written(b"/a\"b\\c\r\n\x00\x7f\xff{}", "/a\"b\\c\r\n\0\u{7f}\u{fffd}{}");
        written(&[b'a'; LONGEST], &"a".repeat(LONGEST));
        written(&[b'a'; LONGEST + 1], &("a".repeat(LONGEST) + "…"));
        let cut = "x".to_owned() + &"é".repeat(LONGEST);
        written(cut.as_bytes(), &("x".to_owned() + &"é".repeat(LONGEST / 2 - 1) + "…"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_one_line_of_json(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let line = line(&Record { user_agent: Some(Text(&bytes)), path: Some(Text(&bytes)), ..record() });
            let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            prop_assert_eq!(value["user_agent"].as_str(), Some(&*text));
            prop_assert_eq!(line.matches('\n').count(), 1);
        }

        #[test]
        fn times_are_what_another_writer_says(millis in 0_u64..7_000_000_000_000) {
            let at = UNIX_EPOCH + Duration::from_millis(millis);
            let mut out = Vec::new();
            time(&mut out, at);
            prop_assert_eq!(String::from_utf8_lossy(&out), humantime::format_rfc3339_millis(at).to_string());
        }

        #[test]
        fn numbers_are_what_another_writer_says(value: u64, port: u16, ip: std::net::IpAddr) {
            let mut out = Vec::new();
            push_number(&mut out, value);
            address(&mut out, "", Some(SocketAddr::new(ip, port)));
            let socket = SocketAddr::new(ip.to_canonical(), port);
            prop_assert_eq!(String::from_utf8_lossy(&out), format!("{value}\"{socket}\""));
        }
    }
}
