//! HTTP/2 as its frames (RFC 9113 section 4.1): what a test says is what goes on the wire, however
//! wrong, which no HTTP/2 library would do.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use h2::Reason;

use nameplate_testkit::wire::Wire;

pub use nameplate_testkit::frames::*;

use super::client;

/// A frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Why a RST_STREAM or a GOAWAY was sent.
    #[track_caller]
    pub fn reason(&self) -> Reason {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes")).into()
    }

    pub fn is(&self, kind: u8, stream: u32) -> bool {
        (self.kind, self.stream) == (kind, stream)
    }

    /// The status in HEADERS of an answer, where it stands first. It is never a reference to the
    /// dynamic table, because [`Frames`] allows none.
    #[track_caller]
    pub fn status(&self) -> u16 {
        const STATIC: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
        let mut block = &self.payload[..];
        // Changes of the table's size come first.
        while let [first, rest @ ..] = block
            && first & 0xe0 == 0x20
        {
            let more = if first & 0x1f == 0x1f { rest.iter().take_while(|b| **b >= 0x80).count() + 1 } else { 0 };
            block = &rest[more..];
        }
        match block {
            [indexed @ 0x88..=0x8e, ..] => STATIC[usize::from(indexed - 0x88)],
            [0x08 | 0x18 | 0x48, length, text @ ..] if length & 0x80 != 0 => {
                digits(&text[..usize::from(length & 0x7f)])
            }
            [0x08 | 0x18 | 0x48, 3, text @ ..] => String::from_utf8_lossy(&text[..3]).parse().expect("a status"),
            _ => panic!("no status first in {block:?}"),
        }
    }
}

/// Three digits in HPACK's Huffman code (RFC 7541 appendix B): 0, 1 and 2 have five bits, the others six.
fn digits(coded: &[u8]) -> u16 {
    let bits: Vec<u16> = coded.iter().flat_map(|b| (0..8).rev().map(move |at| u16::from(b >> at & 1))).collect();
    let number = |bits: &[u16]| bits.iter().fold(0, |n, bit| n * 2 + bit);
    let (mut at, mut value) = (0, 0);
    for _ in 0..3 {
        let short = number(&bits[at..at + 5]);
        let (digit, length) = if short < 3 { (short, 5) } else { (number(&bits[at..at + 6]) - 22, 6) };
        (at, value) = (at + length, value * 10 + digit);
    }
    value
}

/// One HTTP/2 connection, frame by frame. In a failed test it prints what came.
pub struct Frames {
    wire: Wire<TcpStream>,
    came: Vec<Frame>,
}

impl Frames {
    /// Connects and says nothing yet.
    #[track_caller]
    pub fn silent(address: SocketAddr) -> Frames {
        Frames { wire: Wire::new(client::open(address)), came: Vec::new() }
    }

    /// Connects, and sends the preface and settings.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Frames {
        Frames::connect_with(address, &[])
    }

    /// As [`Frames::connect`], with these settings beside our own.
    #[track_caller]
    pub fn connect_with(address: SocketAddr, list: &[(u16, u32)]) -> Frames {
        let mut frames = Frames::silent(address);
        frames.send([PREFACE, &settings(&[&[(HEADER_TABLE_SIZE, 0)], list].concat())].concat());
        frames
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Frames {
        self.try_send(bytes).expect("sent");
        self
    }

    /// As [`Frames::send`], where the other side may have had enough.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.stream.write_all(bytes.as_ref())
    }

    /// Reads what comes from now on and forgets it, on a thread that ends with the connection.
    pub fn read_along(&self) -> JoinHandle<()> {
        let mut stream = self.wire.stream.try_clone().expect("a second handle");
        thread::spawn(move || while matches!(stream.read(&mut [0; 64 * 1024]), Ok(1..)) {})
    }

    /// Sends this again and again, at most so often and until the other side ends the connection or
    /// takes nothing for a while; says how often it was sent.
    pub fn flood(&mut self, times: usize, mut piece: impl FnMut(usize) -> Vec<u8>) -> usize {
        const A_WHILE: Duration = Duration::from_millis(200);
        self.wire.stream.set_write_timeout(Some(A_WHILE)).expect("a write timeout");
        (0..times).position(|at| self.try_send(piece(at)).is_err()).unwrap_or(times)
    }

    /// The next frame; `None` at the end of the connection, in order or not.
    #[track_caller]
    pub fn next(&mut self) -> Option<Frame> {
        const HEAD: usize = 9;
        if !self.has(HEAD) {
            return None;
        }
        let head: Vec<u8> = self.wire.buffer[..HEAD].to_vec();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        if !self.has(HEAD + length) {
            return None;
        }
        let payload = self.wire.buffer.drain(..HEAD + length).skip(HEAD).collect();
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        self.came.push(Frame { kind: head[3], flags: head[4], stream, payload });
        self.came.last().cloned()
    }

    #[track_caller]
    fn has(&mut self, count: usize) -> bool {
        while self.wire.buffer.len() < count {
            match self.wire.fill() {
                Ok(0) => return false,
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return false,
                Err(e) => panic!("{e} instead of a frame or the end"),
            }
        }
        true
    }

    /// The next frame for which this holds; the connection must not end before.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.next().expect("a frame before the end of the connection");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// Waits for the answer's HEADERS on this stream; gives its status.
    #[track_caller]
    pub fn status(&mut self, stream: u32) -> u16 {
        self.wait_for(|frame| frame.is(HEADERS, stream)).status()
    }

    /// Sends a PING, and waits until it is answered: what was sent before has been read then.
    #[track_caller]
    pub fn ping(&mut self) {
        const NUMBER: &[u8; 8] = b"are here";
        self.send(frame(PING, 0, 0, NUMBER));
        self.wait_for(|frame| frame.is(PING, 0) && frame.flags == ACK && frame.payload == NUMBER);
    }

    /// Waits for the end of the connection; gives the reason of the last GOAWAY before it.
    #[track_caller]
    pub fn wait_until_closed(&mut self) -> Option<Reason> {
        while self.next().is_some() {}
        self.came.iter().rev().find(|frame| frame.kind == GOAWAY).map(Frame::reason)
    }

    /// The frames of this kind that came so far.
    pub fn came(&self, kind: u8) -> impl Iterator<Item = &Frame> {
        self.came.iter().filter(move |frame| frame.kind == kind)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for Frame { kind, flags, stream, payload } in &self.came {
                eprintln!("frame {kind}, flags {flags:#x}, stream {stream}: {}", super::show(payload));
            }
        }
    }
}
