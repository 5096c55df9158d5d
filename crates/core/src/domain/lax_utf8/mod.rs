//! Dot segments that only a lax UTF-8 decoder sees.
//!
//! RFC 3629 section 3 forbids overlong forms: `%C0%AE` is not a dot. Servers have read it as one all the same, and with
//! it a path above the one that a proxy had checked. Decoders are lax in different ways, so this follows all readings
//! at once. Where the bytes are not UTF-8, one of them may
//!
//! - stand for itself;
//! - begin a sequence of two to eight bytes: the character is the low bits of the first byte and the low six bits of
//!   each byte after it, whatever their high bits say (`%C0n` is a dot);
//! - be dropped, alone or with as many bytes as it announces.
//!
//! **Invariant:** a path that is UTF-8 has one reading, in which dots and separators are the ASCII ones.

/// The most bytes of a sequence: a first byte has eight bits to announce them.
const LONGEST: usize = 8;

/// Reports whether the path has percent-encoded bytes that are not ASCII, and so may have more than one reading.
#[inline]
pub(super) fn may_read_differently(path: &[u8]) -> bool {
    let is_high = |digit: &u8| matches!(digit, b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F');
    memchr::memchr_iter(b'%', path).any(|at| path.get(at + 1).is_some_and(is_high))
}

/// Reports whether any reading of the path has a dot segment.
#[cold]
pub(super) fn has_dot_segment(path: &[u8]) -> bool {
    let mut at = 0;
    // What the segment may be before this byte, and before each of the bytes after it.
    let mut ahead = [Segment::UNREACHED; LONGEST + 1];
    ahead[0] = Segment::EMPTY;
    while at < path.len() {
        let mut window = [0; LONGEST];
        let (count, next) = decode(&path[at..], &mut window);
        let (here, bytes) = (ahead[0], &window[..count]);
        let mut leads_to_dots = |length: usize, meaning: Meaning| {
            let after = here.then(meaning);
            ahead[length].0 |= after.unwrap_or(Segment::UNREACHED).0;
            after.is_none()
        };
        let found = match character_len(bytes) {
            Some(length) => leads_to_dots(length, if length == 1 { Meaning::of(bytes[0]) } else { Meaning::Other }),
            None => {
                let announced = bytes[0].leading_ones() as usize;
                (1..=announced.clamp(1, count)).any(|length| leads_to_dots(length, Meaning::Nothing))
                    || leads_to_dots(1, Meaning::Other)
                    || sequences(bytes).any(|(length, meaning)| leads_to_dots(length, meaning))
            }
        };
        if found {
            return true;
        }
        ahead.rotate_left(1);
        ahead[LONGEST] = Segment::UNREACHED;
        at += next;
    }
    ahead[0].is_dots()
}

/// What one character is to the search.
#[derive(Clone, Copy)]
enum Meaning {
    Dot,
    /// A slash, or a backslash.
    Separator,
    /// What a segment may be cut off at, as [`super::rewrite::refuse_dot_segments`] says.
    End,
    Other,
    Nothing,
}

impl Meaning {
    fn of(ascii: u8) -> Meaning {
        match ascii {
            b'.' => Meaning::Dot,
            b'/' | b'\\' => Meaning::Separator,
            b';' | b'?' | b'#' | 0 => Meaning::End,
            _ => Meaning::Other,
        }
    }
}

/// What the current segment may be by now: a set, because there are several readings.
#[derive(Clone, Copy)]
struct Segment(u8);

impl Segment {
    /// No reading has a character begin here.
    const UNREACHED: Segment = Segment(0);
    const EMPTY: Segment = Segment(1);
    const DOT: u8 = 2;
    const TWO_DOTS: u8 = 4;
    const OTHER: u8 = 8;

    fn is_dots(self) -> bool {
        self.0 & (Segment::DOT | Segment::TWO_DOTS) != 0
    }

    /// The segment after one more character; `None` if that ends a dot segment.
    fn then(self, meaning: Meaning) -> Option<Segment> {
        let if_reached = |segment: u8| if self.0 == 0 { Segment::UNREACHED } else { Segment(segment) };
        match meaning {
            Meaning::Nothing => Some(self),
            Meaning::Dot => {
                let longer = (self.0 << 1) & (Segment::DOT | Segment::TWO_DOTS | Segment::OTHER);
                Some(Segment(longer | self.0 & Segment::OTHER))
            }
            Meaning::Other => Some(if_reached(Segment::OTHER)),
            Meaning::Separator | Meaning::End if self.is_dots() => None,
            Meaning::Separator => Some(if_reached(Segment::EMPTY.0)),
            Meaning::End => Some(if_reached(Segment::OTHER)),
        }
    }
}

/// Percent-decodes as many bytes as there is room for, and returns how many those are and how much of `path` the first
/// of them takes.
fn decode(path: &[u8], window: &mut [u8; LONGEST]) -> (usize, usize) {
    let (mut count, mut at, mut first) = (0, 0, 0);
    while count < LONGEST && at < path.len() {
        let hex = |at: usize| path.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        let (byte, length) = match (path[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => ((high * 16 + low) as u8, 3),
            (byte, ..) => (byte, 1),
        };
        window[count] = byte;
        first = if count == 0 { length } else { first };
        (count, at) = (count + 1, at + length);
        // What follows an ASCII byte has no part in it.
        if window[0].is_ascii() {
            break;
        }
    }
    (count, first)
}

/// The length of the UTF-8 character that the bytes begin with, if they do.
fn character_len(bytes: &[u8]) -> Option<usize> {
    if bytes[0].is_ascii() {
        return Some(1);
    }
    (2..=4).find(|length| bytes.get(..*length).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok()))
}

/// What the bytes mean to a decoder that takes the first of them for the beginning of a sequence, for each length.
fn sequences(bytes: &[u8]) -> impl Iterator<Item = (usize, Meaning)> {
    let (first, mut low_bits) = (u64::from(bytes[0]), 0_u64);
    bytes.iter().enumerate().skip(1).map(move |(at, byte)| {
        low_bits = low_bits << 6 | u64::from(byte & 0x3f);
        let length = at + 1;
        let value = (first & 0x7f >> length) << (6 * at) | low_bits;
        (length, u8::try_from(value).ok().filter(u8::is_ascii).map_or(Meaning::Other, Meaning::of))
    })
}

#[cfg(test)]
mod tests;
