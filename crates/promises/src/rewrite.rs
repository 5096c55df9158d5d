//! Request targets: where a request may go, and with which bytes.

use std::sync::LazyLock;

use nameplate_core::domain::decide::{RequestLimits, RequestView, decide};
use nameplate_core::domain::host::{HostBuffer, normalize};
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::target::Target;
use nameplate_core::mapping::load::compile_bytes;

/// Nested base paths, a wildcard beside a name it covers, and stages that start alike.
const MAPPING: &str = "APIS:
  - CUSTOM_DOMAIN_URL: a.example.com
    PRIVATE_API_URL: https://one.execute-api.eu-west-1.amazonaws.com/prod
  - CUSTOM_DOMAIN_URL: a.example.com/v1
    PRIVATE_API_URL: https://two.execute-api.eu-west-1.amazonaws.com/pro/base
  - CUSTOM_DOMAIN_URL: a.example.com/v1/v1
    PRIVATE_API_URL: https://three.execute-api.eu-west-1.amazonaws.com/p/b/c
  - CUSTOM_DOMAIN_URL: '*.example.com/v1'
    PRIVATE_API_URL: https://four.execute-api.eu-west-1.amazonaws.com/prod/v1
  - CUSTOM_DOMAIN_URL: b.example.com/%2e.x
    PRIVATE_API_URL: https://five.execute-api.eu-west-1.amazonaws.com/prod
";

static TABLE: LazyLock<MappingTable> =
    LazyLock::new(|| compile_bytes(MAPPING.as_bytes(), "fuzz.yaml", None).expect("the mapping of this check"));

const LIMITS: RequestLimits = RequestLimits { body: 10, headers: 10, url: 8_192 };

/// `HOST TARGET`: a request that passes goes to its own stage and base path with the bytes it sent,
/// none that passes has a dot segment in any single encoding, and none in UTF-8 is refused for one it has not.
pub fn rewrite(input: &[u8]) {
    let space = input.iter().position(|b| *b == b' ').unwrap_or(0);
    let (host, target) = (&input[..space], input.get(space + 1..).unwrap_or_default());
    let request = RequestView {
        method: "GET",
        target,
        host: (space > 0).then_some(host),
        host_optional: true,
        header_bytes: 0,
        content_length: None,
    };
    let mut buffer = HostBuffer::default();
    match decide(&TABLE, &LIMITS, request, [], &mut buffer) {
        Ok(decision) => {
            let sent = Target::parse(target).expect("a target that passed");
            let name = if space > 0 { host } else { sent.authority.unwrap_or_default() };
            passed(name, sent, decision.route, &decision.target);
        }
        Err(refused) if refused.refusal == Refusal::DotSegment => {
            let path = Target::parse(target).expect("a path was looked at").path;
            let dots = Reader::ALL.iter().any(|reader| segments(path, *reader).iter().any(|s| is_dots(s)));
            // What is not UTF-8 has more readings than these two.
            assert!(dots || std::str::from_utf8(&decoded(path)).is_err(), "no dot segment in {}", lossy(path));
        }
        Err(_) => {}
    }
}

fn passed(host: &[u8], sent: Target<'_>, route: &Route, upstream: &[u8]) {
    let shown = || format!("{} became {}", lossy(sent.path), lossy(upstream));
    let mut buffer = HostBuffer::default();
    let host = normalize(host, &mut buffer).expect("a host that passed");
    assert_eq!(Some((route.host(), route.base())), expected(host, sent.path), "{}", shown());

    let rest = sent.path.strip_prefix(route.base().as_bytes()).expect("a path under its base");
    let want = [route.prefix().as_bytes(), rest, sent.query].concat();
    assert_eq!(upstream, want, "{}", shown());
    assert!(matches!(upstream.get(route.prefix().len()), None | Some(b'/' | b'?')), "{}", shown());

    let path = upstream.split(|b| *b == b'?').next().expect("split gives one piece");
    let resolved = resolved(path);
    let prefix: Vec<_> = route.prefix()[1..].split('/').map(|segment| segment.as_bytes().to_vec()).collect();
    for reader in Reader::ALL {
        assert!(!segments(path, reader).iter().any(|segment| is_dots(segment)), "{} to {reader:?}", shown());
    }
    assert!(resolved.starts_with(&prefix), "{}", shown());
}

/// The entry for a request, found the slow way: the exact name before the wildcard, then the longest
/// base path whose segments are the path's first ones.
fn expected(host: &str, path: &[u8]) -> Option<(&'static str, &'static str)> {
    let of = |name: &str| TABLE.routes().into_iter().filter(|route| route.host() == name).collect::<Vec<_>>();
    let exact = of(host);
    let routes = if exact.is_empty() { of(&format!("*.{}", host.split_once('.')?.1)) } else { exact };
    let pieces = |text: &[u8]| text.split(|b| *b == b'/').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let under = |route: &&&Route| pieces(path).starts_with(&pieces(route.base().as_bytes()));
    let longest = routes.iter().filter(under).max_by_key(|route| route.base().len())?;
    Some((longest.host(), longest.base()))
}

/// Who reads what has been percent-decoded once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// As the first decoders of UTF-8 did: a dot, a slash and a backslash may be longer than need be.
    Overlong,
    /// Also one that looks at the low six bits alone of what follows a first byte, as many as that announces.
    Lax,
}

impl Reader {
    const ALL: [Reader; 2] = [Reader::Overlong, Reader::Lax];
}

/// What a server makes of a path that decodes it once, takes a backslash for a slash, and cuts a
/// segment off at what ends one.
fn segments(path: &[u8], reader: Reader) -> Vec<Vec<u8>> {
    let plain = without_overlong(&decoded(path), reader);
    let cut =
        |segment: &[u8]| segment.split(|b| matches!(b, b';' | 0 | b'?' | b'#')).next().unwrap_or_default().to_vec();
    plain.split(|b| matches!(b, b'/' | b'\\')).map(cut).collect()
}

fn is_dots(segment: &[u8]) -> bool {
    matches!(segment, b"." | b"..")
}

fn resolved(path: &[u8]) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    for segment in segments(path, Reader::Overlong) {
        match &segment[..] {
            b"" | b"." => {}
            b".." => drop(out.pop()),
            _ => out.push(segment),
        }
    }
    out
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let hex = |b: u8| char::from(b).to_digit(16).map(|digit| digit as u8);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let escaped = match text[at..] {
            [b'%', high, low, ..] => hex(high).zip(hex(low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        out.push(escaped.unwrap_or(text[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

fn without_overlong(text: &[u8], reader: Reader) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        let announced = byte.leading_ones() as usize;
        let rest = text.get(at + 1..at + announced.max(1)).unwrap_or_default();
        let strict = reader == Reader::Lax || rest.iter().all(|byte| byte & 0xc0 == 0x80);
        let first = byte.checked_shl(1 + announced as u32).unwrap_or(0).checked_shr(1 + announced as u32).unwrap_or(0);
        let value = rest.iter().fold(u64::from(first), |value, byte| value << 6 | u64::from(byte & 0x3f));
        let overlong = announced >= 2 && strict && !rest.is_empty() && value < 0x80;
        out.push(if overlong { value as u8 } else { byte });
        at += if overlong { announced } else { 1 };
    }
    out
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
