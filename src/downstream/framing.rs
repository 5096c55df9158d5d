//! Where the messages of an HTTP/1.1 connection begin and end, so that the chunks of a body can be checked before Pingora
//! decodes them.
//!
//! Bytes are read before anybody knows what they are: a head, the body with it, the next request. They are kept until the
//! request they belong to begins. Nearly always that is one head and nothing else.

use nameplate_core::domain::chunks::{Chunks, MalformedChunks};

/// How the body of a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    /// There is no body.
    None,
    /// A body of this many bytes.
    Length(u64),
    Chunked,
}

/// What is wrong with a request that Pingora has parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Pingora has corrected its request line.
    Head,
    /// The chunks of its body.
    Chunks,
}

impl From<MalformedChunks> for Malformed {
    fn from(_: MalformedChunks) -> Malformed {
        Malformed::Chunks
    }
}

/// Bytes that are kept allocated between two requests.
const KEPT: usize = 4 * 1024;

/// The messages of one connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    /// Read, and not yet known to belong to a request.
    unclaimed: Vec<u8>,
    body: Body,
}

/// What is left of the body of the request that began last.
#[derive(Debug, Default)]
enum Body {
    #[default]
    Ended,
    Length(u64),
    Chunked(Chunks),
}

impl Framing {
    /// Takes what was read.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), MalformedChunks> {
        let mut rest = bytes;
        match &mut self.body {
            Body::Ended => {}
            Body::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= taken as u64;
                rest = &rest[taken..];
                if *left == 0 {
                    self.body = Body::Ended;
                }
            }
            Body::Chunked(chunks) => match chunks.take(rest)? {
                None => return Ok(()),
                Some(end) => {
                    rest = &rest[end..];
                    self.body = Body::Ended;
                }
            },
        }
        self.unclaimed.extend_from_slice(rest);
        Ok(())
    }

    /// Reports whether bytes were read that belong to no request that has begun.
    pub(super) fn has_unclaimed(&self) -> bool {
        !self.unclaimed.is_empty()
    }

    /// The bytes of a head that no request has claimed, and whatever came behind it.
    pub(super) fn unclaimed(&self) -> &[u8] {
        &self.unclaimed
    }

    /// A request begins with this head, as Pingora has parsed it. An error where the head that came is another
    /// one, or what came of the body is malformed.
    ///
    /// Where the target of a request has spaces or control bytes, Pingora percent-encodes them and goes on with a longer
    /// head. RFC 9112 section 3.2 asks for a 400: such a line can mean one thing here and another to who read it before.
    pub(super) fn begin(&mut self, head: &[u8], framing: BodyFraming) -> Result<(), Malformed> {
        self.body = match framing {
            BodyFraming::None | BodyFraming::Length(0) => Body::Ended,
            BodyFraming::Length(length) => Body::Length(length),
            BodyFraming::Chunked => Body::Chunked(Chunks::default()),
        };
        if !self.unclaimed.starts_with(head) {
            return Err(Malformed::Head);
        }
        if self.unclaimed.len() == head.len() {
            self.unclaimed.clear();
            self.unclaimed.shrink_to(KEPT);
            return Ok(());
        }
        let unclaimed = std::mem::take(&mut self.unclaimed);
        Ok(self.read(&unclaimed[head.len()..])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const BODY: &[u8] = b"5\r\nhello\r\n0\r\n\r\n";

    #[test]
    fn a_body_is_checked_wherever_it_comes() {
        let (good, bad) = (BODY, b"5 \r\nhello\r\n0\r\n\r\n");
        let with_head = |body: &[u8]| {
            let mut framing = Framing::default();
            framing.read(&[POST, body].concat()).expect("nothing is known of it yet");
            framing.begin(POST, BodyFraming::Chunked)
        };
        assert_eq!((with_head(good), with_head(bad)), (Ok(()), Err(Malformed::Chunks)));
        let after = |body: &[u8]| {
            let mut framing = Framing::default();
            framing.read(POST)?;
            framing.begin(POST, BodyFraming::Chunked).expect("no body yet");
            body.iter().try_for_each(|byte| framing.read(&[*byte]))
        };
        assert_eq!((after(good), after(bad)), (Ok(()), Err(MalformedChunks)));
    }

    #[test]
    fn requests_that_come_together_are_told_apart() {
        let with_length = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n".as_slice();
        let all = [GET, POST, BODY, with_length, b"0 \r\n", POST, b"\r\n"].concat();
        let mut framing = Framing::default();
        framing.read(&all).expect("nothing is known of it yet");
        assert_eq!(framing.begin(GET, BodyFraming::None), Ok(()));
        assert_eq!(framing.begin(POST, BodyFraming::Chunked), Ok(()));
        assert_eq!(framing.begin(with_length, BodyFraming::Length(4)), Ok(()));
        assert_eq!(framing.begin(POST, BodyFraming::Chunked), Err(Malformed::Chunks), "an empty size");
    }

    #[test]
    fn a_head_that_pingora_corrected_is_another_one() {
        let (came, corrected) = (&b"GET /a b HTTP/1.1\r\n\r\n"[..], &b"GET /a%20b HTTP/1.1\r\n\r\n"[..]);
        for before in [&b""[..], b"hello"] {
            let mut framing = Framing::default();
            framing.read(POST).expect("a head");
            framing.begin(POST, BodyFraming::Length(before.len() as u64)).expect("no body yet");
            framing.read(&[before, came].concat()).expect("no chunks");
            assert_eq!(framing.begin(corrected, BodyFraming::None), Err(Malformed::Head));
        }
        let mut framing = Framing::default();
        framing.read(&[came, GET].concat()).expect("two heads");
        assert_eq!(framing.begin(corrected, BodyFraming::None), Err(Malformed::Head), "another one behind it");
        let mut framing = Framing::default();
        framing.read(&[came, b"\r\n"].concat()).expect("no chunks");
        assert_eq!(framing.begin(corrected, BodyFraming::None), Err(Malformed::Head), "as long as what came");
    }

    #[test]
    fn a_head_alone_keeps_no_bytes() {
        let mut framing = Framing::default();
        for _ in 0..3 {
            framing.read(GET).expect("a head");
            framing.begin(GET, BodyFraming::None).expect("no chunks");
            assert!(framing.unclaimed.is_empty() && framing.unclaimed.capacity() <= KEPT);
        }
    }
}
