//! HTTP/1.1 read as strictly as RFC 9112 lets a recipient be: whatever two readers could read
//! differently is a fault.

use std::io::{self, ErrorKind, Read};

/// A head as it came: its bytes, and what they say.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Up to its empty line.
    pub raw: Vec<u8>,
    /// The request line or status line.
    pub start: String,
    /// Names in the case they came in, values without the spaces around them.
    pub headers: Vec<(String, String)>,
    /// Why this is not a strict head.
    pub faults: Vec<String>,
}

/// Where a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Nothing,
    /// After this many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

impl Head {
    /// Parses a head that ends with an empty line.
    pub fn parse(raw: Vec<u8>) -> Head {
        let text = String::from_utf8_lossy(&raw).into_owned();
        let mut head = Head { raw, ..Head::default() };
        let lines = text.strip_suffix("\r\n\r\n").unwrap_or_else(|| panic!("no empty line after {text:?}"));
        for (at, line) in lines.split("\r\n").enumerate() {
            if line.contains(['\r', '\n', '\0']) {
                head.faults.push(format!("a bare CR, LF or NUL in {line:?}"));
            }
            if at == 0 {
                head.start = line.to_owned();
                continue;
            }
            match line.split_once(':') {
                Some((name, value)) if !name.is_empty() && name.bytes().all(is_token) => {
                    head.headers.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
                }
                _ => head.faults.push(format!("no header field: {line:?}")),
            }
        }
        head
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every header of this name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        find_all(&self.headers, name)
    }

    /// A part of the start line.
    pub fn part(&self, at: usize) -> &str {
        self.start.splitn(3, ' ').nth(at).unwrap_or_default()
    }

    /// Adds what is wrong with this as a request's head, and says how its body ends.
    pub fn check_request(&mut self) -> Framing {
        let parts: Vec<_> = self.start.split(' ').collect();
        // What is no character in UTF-8 has become U+FFFD.
        let may_be = |letter: char| letter.is_ascii_graphic() || !letter.is_ascii() && letter != '\u{fffd}';
        let target_ok = |target: &str| !target.is_empty() && target.chars().all(may_be);
        if !matches!(parts[..], [method, target, "HTTP/1.1"] if method.bytes().all(is_token) && target_ok(target)) {
            self.faults.push(format!("no request line of HTTP/1.1: {:?}", self.start));
        }
        if self.all("host").len() != 1 {
            self.faults.push(format!("{} Host headers", self.all("host").len()));
        }
        match self.framing() {
            Ok(framing) => framing.unwrap_or(Framing::Nothing),
            Err(fault) => {
                self.faults.push(fault);
                Framing::UntilClose
            }
        }
    }

    /// How the body of a response with this head ends.
    pub fn response_framing(&mut self, status: u16, to_head: bool) -> Framing {
        let framing = self.framing().unwrap_or_else(|fault| {
            self.faults.push(fault);
            Some(Framing::UntilClose)
        });
        if to_head || matches!(status, 100..=199 | 204 | 304) {
            return Framing::Nothing;
        }
        framing.unwrap_or(Framing::UntilClose)
    }

    fn framing(&self) -> Result<Option<Framing>, String> {
        let (codings, lengths) = (self.all("transfer-encoding"), self.all("content-length"));
        match (&codings[..], &lengths[..]) {
            ([], []) => Ok(None),
            ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(Some(Framing::Chunked)),
            ([], [length]) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
                length.parse().map(|length| Some(Framing::Length(length))).map_err(|e| format!("{length}: {e}"))
            }
            _ => Err(format!("the end is ambiguous: Transfer-Encoding {codings:?}, Content-Length {lengths:?}")),
        }
    }
}

/// Every value of this name.
pub fn find_all<'h>(headers: &'h [(String, String)], name: &str) -> Vec<&'h str> {
    let same = |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
    headers.iter().filter(same).map(|(_, value)| value.as_str()).collect()
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// What a body yields while it is read.
pub enum Piece<'p> {
    /// Bytes as they came, framing included.
    Wire(&'p [u8]),
    /// Bytes of the content.
    Data(&'p [u8]),
    /// A trailer field.
    Trailer(String, String),
}

/// A stream, and what was read of it but not yet used.
pub struct Wire<S> {
    /// Where bytes come from.
    pub stream: S,
    /// Read, and not yet used.
    pub buffer: Vec<u8>,
}

impl<S: Read> Wire<S> {
    /// A stream nothing was read of yet.
    pub fn new(stream: S) -> Wire<S> {
        Wire { stream, buffer: Vec::new() }
    }

    /// Reads the bytes that have arrived; returns 0 at the end of the stream.
    pub fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 * 1024];
        let got = match self.stream.read(&mut piece) {
            // TLS without a close_notify: for these tests an end like any other.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => 0,
            other => other?,
        };
        self.buffer.extend_from_slice(&piece[..got]);
        Ok(got)
    }

    /// The next head, up to its empty line; `None` where the stream ends between two messages.
    pub fn read_head(&mut self) -> io::Result<Option<Head>> {
        let mut from = 0;
        loop {
            if let Some(at) = find(&self.buffer[from..], b"\r\n\r\n") {
                return Ok(Some(Head::parse(self.take(from + at + 4))));
            }
            from = self.buffer.len().saturating_sub(3);
            if self.fill()? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(cut_off("head")) };
            }
        }
    }

    /// Reads a body to its end. What is malformed is [`ErrorKind::InvalidData`], what is cut off
    /// [`ErrorKind::UnexpectedEof`].
    pub fn read_body(&mut self, framing: Framing, sink: &mut dyn FnMut(Piece<'_>)) -> io::Result<()> {
        match framing {
            Framing::Nothing => Ok(()),
            Framing::Length(length) => self.read_data(length, sink),
            Framing::Chunked => self.read_chunks(sink),
            Framing::UntilClose => loop {
                if self.buffer.is_empty() && self.fill()? == 0 {
                    return Ok(());
                }
                let piece = std::mem::take(&mut self.buffer);
                sink(Piece::Wire(&piece));
                sink(Piece::Data(&piece));
            },
        }
    }

    fn read_data(&mut self, mut left: u64, sink: &mut dyn FnMut(Piece<'_>)) -> io::Result<()> {
        while left > 0 {
            if self.buffer.is_empty() && self.fill()? == 0 {
                return Err(cut_off("body"));
            }
            let piece = self.take(self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            left -= piece.len() as u64;
            sink(Piece::Wire(&piece));
            sink(Piece::Data(&piece));
        }
        Ok(())
    }

    fn read_chunks(&mut self, sink: &mut dyn FnMut(Piece<'_>)) -> io::Result<()> {
        loop {
            let line = self.read_line(sink)?;
            let size = line.split(';').next().unwrap_or_default();
            let plain = !size.is_empty() && size.len() <= 15 && size.bytes().all(|b| b.is_ascii_hexdigit());
            let size = u64::from_str_radix(size, 16).ok().filter(|_| plain);
            let size = size.ok_or_else(|| malformed(format!("no chunk size: {line:?}")))?;
            if size == 0 {
                break;
            }
            self.read_data(size, sink)?;
            let end = self.read_line(sink)?;
            if !end.is_empty() {
                return Err(malformed(format!("{end:?} after a chunk")));
            }
        }
        loop {
            let line = self.read_line(sink)?;
            if line.is_empty() {
                return Ok(());
            }
            match line.split_once(':') {
                Some((name, value)) if !name.is_empty() && name.bytes().all(is_token) => {
                    sink(Piece::Trailer(name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
                }
                _ => return Err(malformed(format!("no trailer field: {line:?}"))),
            }
        }
    }

    /// A line without its CRLF; a CR or LF of its own is malformed.
    fn read_line(&mut self, sink: &mut dyn FnMut(Piece<'_>)) -> io::Result<String> {
        loop {
            if let Some(at) = self.buffer.iter().position(|b| *b == b'\n') {
                let line = self.take(at + 1);
                sink(Piece::Wire(&line));
                let text = String::from_utf8_lossy(&line).into_owned();
                let text = text.strip_suffix("\r\n").filter(|text| !text.contains('\r'));
                return text.map(str::to_owned).ok_or_else(|| malformed(format!("a bare CR or LF in {line:?}")));
            }
            if self.fill()? == 0 {
                return Err(cut_off("chunk"));
            }
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length);
        std::mem::replace(&mut self.buffer, rest)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn cut_off(what: &str) -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, format!("the stream ended in a {what}"))
}

fn malformed(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
