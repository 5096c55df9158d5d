//! What a server may read in bytes that are not UTF-8: no decoder sees a dot segment in a path that is forwarded, and no
//! path that is UTF-8 is refused for its characters.

use proptest::prelude::*;

use super::super::rewrite::refuse_dot_segments;
use super::*;

#[test]
fn every_overlong_form_of_two_dots_is_found() {
    for path in [
        "/%c0%ae%c0%ae/x",
        "/%c0.%c0./x",
        "/..%c0%2fx",
        "/..%c0/x",
        "/%e0%80%2e%e0%80%2e/x",
        "/%e0%80.%e0@./x",
        "/%c0%6e..",
        "/%c0n%c0n/",
        "/%f0%80%80%ae./",
        "/%f8%80%80%80%ae%f8%80%80%80%ae/x",
        "/.%fc%80%80%80%80%ae/x",
        "/%fe%80%80%80%80%80%ae",
        "/%ff%80%80%80%80%80%80%ae",
        "/%80%ae%80%ae/",
        "/..%fc%80%80%80%80%af",
        "/a%c1%9c..%c1%1c",
        "/..%c0%bbx",
        "/..%c0%80",
        "/a%C0%AF..",
        "/%f0%80%ae%f0%80%ae/x",
    ] {
        assert!(may_read_differently(path.as_bytes()) && has_dot_segment(path.as_bytes()), "{path}");
    }
}

#[test]
fn bytes_that_a_decoder_drops_hide_no_dots() {
    for path in ["/.%ff./x", "/%80../x", "/..%c0", "/%c2x../", "/.%e4%b8./", "/.%e4%b8"] {
        assert!(has_dot_segment(path.as_bytes()), "{path}");
    }
}

#[test]
fn what_is_utf_8_is_never_found() {
    for path in ["/%c3%a4.%c3%b6/", "/%e4%bd%a0%e5%a5%bd..", "/%f0%9f%98%80./x", "/..%c2%80/", "/%ef%bc%8e%ef%bc%8e/"] {
        assert!(!has_dot_segment(path.as_bytes()), "{path}");
    }
}

#[test]
fn other_encodings_pass_without_dots_of_their_own() {
    for path in ["/caf%e9", "/%e9t%e9/a.b", "/%c0%af%c0", "/%e0%80%ad", "/%ff"] {
        assert!(!has_dot_segment(path.as_bytes()), "{path}");
    }
}

/// The bytes that are percent-encoded in a path.
fn decoded(path: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(path).expect("a path of ASCII");
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).expect("two digits"));
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}

/// What a decoder makes of a byte that begins no character.
#[derive(Clone, Copy, Debug)]
enum Bad {
    /// One replacement character.
    Replaced,
    Dropped,
    /// Dropped with all bytes that it announces.
    DroppedWhole,
}

/// A decoder that takes more for a character than RFC 3629 does.
#[derive(Clone, Copy, Debug)]
struct Decoder {
    /// Takes bytes that do not begin with the bits 10 for the rest of a character.
    takes_any_rest: bool,
    takes_overlong: bool,
    bad: Bad,
}

/// Stands for every character that is not ASCII.
const OTHER: u8 = 0xff;

impl Decoder {
    fn all() -> impl Iterator<Item = Decoder> {
        [Bad::Replaced, Bad::Dropped, Bad::DroppedWhole].into_iter().flat_map(|bad| {
            [(true, true), (true, false), (false, true), (false, false)]
                .map(|(takes_any_rest, takes_overlong)| Decoder { takes_any_rest, takes_overlong, bad })
        })
    }

    fn text(self, bytes: &[u8]) -> Vec<u8> {
        let (mut text, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let announced = (bytes[at].leading_ones() as usize).max(1);
            match self.character(&bytes[at..], announced) {
                Some(character) => {
                    text.push(character);
                    at += announced;
                }
                None => {
                    text.extend(matches!(self.bad, Bad::Replaced).then_some(OTHER));
                    at += if matches!(self.bad, Bad::DroppedWhole) { announced } else { 1 };
                }
            }
        }
        text
    }

    fn character(self, bytes: &[u8], length: usize) -> Option<u8> {
        let (first, rest) = bytes.get(..length)?.split_first()?;
        if rest.is_empty() {
            return first.is_ascii().then_some(*first);
        }
        let is_rest = |byte: &u8| byte & 0xc0 == 0x80;
        if !self.takes_any_rest && !rest.iter().all(is_rest) {
            return None;
        }
        let first = u64::from(*first) & ((1 << (8 - length).saturating_sub(1)) - 1);
        let value = rest.iter().fold(first, |value, byte| value * 64 + u64::from(byte % 64));
        let least: u64 = [0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000, 1 << 31, 1 << 36][length - 2];
        if value < least && !self.takes_overlong {
            return None;
        }
        Some(u8::try_from(value).ok().filter(u8::is_ascii).unwrap_or(OTHER))
    }
}

fn has_dots(text: &[u8]) -> bool {
    let mut segments = text.split(|b| matches!(b, b'/' | b'\\'));
    segments.any(|segment| {
        let name = segment.split(|b| matches!(b, b';' | b'?' | b'#' | 0)).next().expect("split gives one piece");
        matches!(name, b"." | b"..")
    })
}

/// A byte that a path may have as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'%' | b'?' | b'#')
}

/// Paths of bytes that a decoder could take for dots and separators, raw and percent-encoded.
fn hostile_path() -> impl Strategy<Value = Vec<u8>> {
    let bytes = [
        0xc0, 0xc1, 0xe0, 0xf0, 0xf8, 0xfc, 0xfe, 0xff, 0x80, 0x81, 0xae, 0xaf, 0x9c, 0xee, 0x2e, 0x2f, 0x5c, 0x6e,
        0x6f, 0x40, 0x3b, 0x00, b'.', b'.', b'/', b'/', b'a', 0xe4, 0xc3, 0xa4,
    ];
    let byte = prop_oneof![9 => prop::sample::select(bytes.to_vec()), 1 => any::<u8>()];
    prop::collection::vec((byte, any::<bool>(), any::<bool>()), 0..14).prop_map(|bytes| {
        let mut path = b"/".to_vec();
        for (byte, encoded, upper) in bytes {
            if is_plain(byte) && !encoded {
                path.push(byte);
            } else {
                let text = if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
                path.extend_from_slice(text.as_bytes());
            }
        }
        path
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn no_decoder_sees_a_dot_segment_in_a_path_that_passes(path in hostile_path()) {
        if refuse_dot_segments(&path).is_ok() {
            let bytes = decoded(&path);
            for decoder in Decoder::all() {
                prop_assert!(!has_dots(&decoder.text(&bytes)), "{} to {decoder:?}", String::from_utf8_lossy(&path));
            }
        }
    }

    #[test]
    fn no_path_in_utf_8_is_refused_for_its_characters(
        text in prop_oneof!["[./;a-c\u{a0}-\u{ff}]{0,12}", "[./\u{2024}\u{ff0e}\u{2215}你😀]{0,12}", any::<String>()],
        raw in prop::collection::vec(any::<bool>(), 16),
    ) {
        let encode = |(at, byte): (usize, &u8)| {
            if is_plain(*byte) && raw[at % 16] { (*byte as char).to_string() } else { format!("%{byte:02x}") }
        };
        let path: String = text.as_bytes().iter().enumerate().map(encode).collect();
        let has_dots = has_dots(text.as_bytes());
        prop_assert_eq!(refuse_dot_segments(path.as_bytes()).is_err(), has_dots, "{:?} as {}", text, path);
    }
}
