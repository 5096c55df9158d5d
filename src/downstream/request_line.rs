//! Refuses request lines that Pingora would correct.
//!
//! Where the target of a request has spaces or control bytes, Pingora percent-encodes them and goes on. RFC 9112
//! section 3.2 asks for a 400: such a line can mean one thing here and another to who read it before.
//!
//! A request that came in one read with the end of the one before is not looked at: only Pingora knows where it begins.

/// What Pingora is given in the place of a line that is refused, wherever in the line it is: it answers 400. A line end
/// keeps it from correcting, and no header begins with NUL where the line was complete with that.
pub(super) const UNCORRECTABLE: &[u8] = b"\n\0\n";

/// A line that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MalformedLine;

/// Watches the request lines of an HTTP/1.1 connection.
#[derive(Debug)]
pub(super) struct RequestLine {
    part: Part,
    /// The last three bytes that were read.
    last: [u8; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Empty lines may come first (RFC 9112 section 2.2).
    Start,
    Method,
    Target,
    Version,
    /// The line has ended, or where it begins is not known.
    Over,
}

impl RequestLine {
    /// A connection of which nothing has been read.
    pub(super) fn new() -> RequestLine {
        RequestLine { part: Part::Over, last: *b"\n\r\n" }
    }

    /// Expects a request line next. That is certain after an empty line, which ends a head or chunks: after anything else
    /// the beginning of a head may have come with the body before it.
    pub(super) fn expect(&mut self) {
        let certain = matches!(self.last, [b'\n', b'\r', b'\n'] | [_, b'\n', b'\n']);
        self.part = if certain { Part::Start } else { Part::Over };
    }

    /// Reads on.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), MalformedLine> {
        for byte in bytes.iter().rev().take(self.last.len()).rev() {
            self.last = [self.last[1], self.last[2], *byte];
        }
        let mut bytes = bytes.iter();
        while self.part != Part::Over
            && let Some(byte) = bytes.next()
        {
            self.part = match (self.part, byte) {
                (Part::Start, b'\r' | b'\n') => Part::Start,
                (_, b'\n') => Part::Over,
                (Part::Start | Part::Method, b' ') => Part::Target,
                (Part::Start | Part::Method, _) => Part::Method,
                (Part::Target, b' ') => Part::Version,
                // The parser knows which of the others a line may have, and where CR may stand.
                (Part::Target, 0..=b' ' | 0x7f) | (Part::Version, 0..=0x0c | 0x0e..=b' ' | 0x7f) => {
                    self.part = Part::Over;
                    return Err(MalformedLine);
                }
                (part, _) => part,
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a line, in one piece and byte by byte.
    #[track_caller]
    fn line(text: &[u8], want: Result<(), MalformedLine>) {
        let mut whole = RequestLine::new();
        whole.expect();
        assert_eq!(whole.read(text), want, "{}", text.escape_ascii());
        let mut pieces = RequestLine::new();
        pieces.expect();
        let read: Result<(), MalformedLine> = text.chunks(1).try_for_each(|piece| pieces.read(piece));
        assert_eq!(read, want, "{}, byte by byte", text.escape_ascii());
    }

    #[test]
    fn a_target_has_neither_spaces_nor_control_bytes() {
        for byte in (0..=0x20).chain([0x7f]).filter(|byte| *byte != b'\n') {
            line(&[b"GET /a", &[byte][..], b"b HTTP/1.1\r\n"].concat(), Err(MalformedLine));
        }
        line(b"GET /.. /x HTTP/1.1\r\n", Err(MalformedLine));
        line(b"\r\n\r\nGET  / HTTP/1.1\r\n", Err(MalformedLine));
        line(b"GET /  HTTP/1.1\r\n", Err(MalformedLine));
        line(b"GET / HTTP/1.1 \r\n", Err(MalformedLine));
    }

    #[test]
    fn every_other_line_is_the_parsers() {
        for text in [
            "GET /a%20b HTTP/1.1\r\nX-A: b c\td\r\n\r\n",
            "\r\n\nGET / HTTP/1.1\nHost: a b",
            "GET / HTTP/1.1\r\r\n",
            "G\tT / ",
        ] {
            line(text.as_bytes(), Ok(()));
        }
    }

    #[test]
    fn a_line_is_looked_for_after_an_empty_one_alone() {
        const BAD: &[u8] = b"GET /a b HTTP/1.1\r\n";
        let after = |read: &[u8]| {
            let mut watch = RequestLine::new();
            watch.expect();
            watch.read(read).expect("a good line");
            watch.expect();
            watch.read(BAD)
        };
        for read in
            [&b"GET / HTTP/1.1\r\nX-A: b\r\n\r\n"[..], b"POST / HTTP/1.1\n\n", b"POST / HTTP/1.1\r\n\r\n0\r\n\r\n"]
        {
            assert_eq!(after(read), Err(MalformedLine));
        }
        for read in [&b"POST / HTTP/1.1\r\n\r\nhello"[..], b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nX-A: "] {
            assert_eq!(after(read), Ok(()));
        }
    }
}
