//! A client's connection, and the one request that is on it.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nameplate_testkit::certificates::{client_trusting, roots_of};
use rustix::event::epoll;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// The longest that opening a connection on this machine may take.
const OPENING: Duration = Duration::from_secs(5);
/// The longest head of an answer.
const HEAD: usize = 16 * 1024;
/// What is read at a time.
const PIECE: usize = 128 * 1024;

/// How connections are opened.
pub struct Door {
    to: SocketAddr,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Door {
    pub fn new(to: SocketAddr, ca: Option<&Path>, name: &str) -> io::Result<Door> {
        let Some(ca) = ca else { return Ok(Door { to, tls: None }) };
        let config = client_trusting(roots_of(ca)?);
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        Ok(Door { to, tls: Some((Arc::new(config), name)) })
    }

    /// Hands are shaken before it returns; only then the connection no longer blocks.
    fn open(&self) -> io::Result<Wire> {
        let stream = TcpStream::connect_timeout(&self.to, OPENING)?;
        stream.set_nodelay(true)?;
        let wire = match &self.tls {
            None => Wire::Plain(stream),
            Some((config, name)) => {
                stream.set_read_timeout(Some(OPENING))?;
                let client = ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
                let mut stream = StreamOwned::new(client, stream);
                stream.conn.complete_io(&mut stream.sock)?;
                Wire::Tls(Box::new(stream))
            }
        };
        wire.socket().set_nonblocking(true)?;
        Ok(wire)
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    fn socket(&self) -> &TcpStream {
        match self {
            Wire::Plain(stream) => stream,
            Wire::Tls(stream) => stream.get_ref(),
        }
    }

    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(piece),
            Wire::Tls(stream) => stream.read(piece),
        }
    }

    /// Writes what follows the first `taken` bytes, and counts on; returns whether the system has taken all of it.
    fn write_from(&mut self, bytes: &[u8], taken: &mut usize) -> io::Result<bool> {
        while *taken < bytes.len() {
            let wrote = match self {
                Wire::Plain(stream) => stream.write(&bytes[*taken..]),
                Wire::Tls(stream) => stream.write(&bytes[*taken..]),
            };
            match wrote {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => *taken += length,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        // Over TLS, records may wait for room.
        match self {
            Wire::Plain(_) => Ok(true),
            Wire::Tls(stream) if !stream.conn.wants_write() => Ok(true),
            Wire::Tls(stream) => match stream.flush() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
                flushed => flushed.map(|()| true),
            },
        }
    }

    /// Whether a read that brought so little has brought all there is. Over TLS there may be more behind it.
    fn is_empty_after(&self, length: usize) -> bool {
        matches!(self, Wire::Plain(_)) && length < PIECE
    }
}

pub struct Connection {
    wire: Option<Wire>,
    pub busy: bool,
    /// Whether it has served a request.
    pub used: bool,
    /// Which request it carries, when that was due, and when it was sent.
    pub request: usize,
    pub due: Instant,
    pub sent: Instant,
    pub tries: u32,
    /// How much of the request the system has taken, and whether it says when it takes more.
    taken: usize,
    waits: bool,
    head: Vec<u8>,
    answer: Option<Answer>,
    piece: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Answer {
    status: u16,
    last: bool,
    bytes: u64,
    left: u64,
}

pub enum Read {
    /// The answer is not complete, or there is none.
    More,
    /// All of one; `last` where the connection ends with it.
    Answer { status: u16, bytes: u64, last: bool },
}

impl Connection {
    pub fn new(now: Instant) -> Self {
        Connection {
            wire: None,
            busy: false,
            used: false,
            request: 0,
            due: now,
            sent: now,
            tries: 0,
            taken: 0,
            waits: false,
            head: Vec::new(),
            answer: None,
            piece: vec![0; PIECE],
        }
    }

    pub fn open(&mut self, door: &Door, epoll: &OwnedFd, at: usize) -> io::Result<()> {
        let wire = door.open()?;
        epoll::add(epoll, wire.socket(), epoll::EventData::new_u64(at as u64), epoll::EventFlags::IN)?;
        self.wire = Some(wire);
        self.used = false;
        (self.taken, self.waits) = (0, false);
        Ok(())
    }

    pub fn open_if_closed(&mut self, door: &Door, epoll: &OwnedFd, at: usize) -> io::Result<()> {
        if self.wire.is_some() { Ok(()) } else { self.open(door, epoll, at) }
    }

    /// Closing takes it out of the epoll, too.
    pub fn close(&mut self) {
        self.wire = None;
        self.head.clear();
        self.answer = None;
    }

    pub fn take(&mut self, due: Instant, request: usize) {
        (self.due, self.request, self.busy, self.tries, self.taken) = (due, request, true, 1, 0);
        self.head.clear();
        self.answer = None;
    }

    /// Sends a request, or what was not taken of it before. What is not taken now is sent when the epoll says that the
    /// connection takes more.
    pub fn send(&mut self, bytes: &[u8], epoll: &OwnedFd, at: usize) -> io::Result<()> {
        self.sent = Instant::now();
        let wire = self.wire.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let all_taken = wire.write_from(bytes, &mut self.taken)?;
        if all_taken == self.waits {
            self.waits = !all_taken;
            let wanted = if self.waits { epoll::EventFlags::OUT } else { epoll::EventFlags::empty() };
            let data = epoll::EventData::new_u64(at as u64);
            epoll::modify(epoll, wire.socket(), data, epoll::EventFlags::IN | wanted)?;
        }
        Ok(())
    }

    /// Whether a part of the request has not been taken yet.
    pub fn is_sending(&self) -> bool {
        self.waits && self.wire.is_some()
    }

    /// `close` has forgotten what of an answer there was, so this is asked of what was known before.
    pub fn may_be_sent_again(&self) -> bool {
        self.used && self.tries < 2
    }

    pub fn receive(&mut self) -> io::Result<Read> {
        loop {
            let Some(wire) = self.wire.as_mut() else { return Ok(Read::More) };
            let length = match wire.read(&mut self.piece) {
                Ok(0) => return self.ended(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(Read::More),
                Err(e) => return self.ended(e),
            };
            if !self.busy {
                return Err(io::Error::other("bytes that answer nothing"));
            }
            if let Some(answer) = self.read(length)? {
                self.answer = None;
                self.head.clear();
                return Ok(Read::Answer { status: answer.status, bytes: answer.bytes, last: answer.last });
            }
            if self.wire.as_ref().is_none_or(|wire| wire.is_empty_after(length)) {
                return Ok(Read::More);
            }
        }
    }

    /// An answer that has begun is not asked for again.
    fn ended(&mut self, why: io::Error) -> io::Result<Read> {
        if !self.head.is_empty() || self.answer.is_some() {
            self.used = false;
        }
        Err(why)
    }

    /// Takes in what was read; the answer, where it is complete now.
    fn read(&mut self, length: usize) -> io::Result<Option<Answer>> {
        let bytes = length as u64;
        let answer = match self.answer {
            Some(answer) => Answer { bytes: answer.bytes + bytes, left: answer.left.saturating_sub(bytes), ..answer },
            None => {
                self.head.extend_from_slice(&self.piece[..length]);
                let Some(end) = memchr::memmem::find(&self.head, b"\r\n\r\n") else {
                    let long = self.head.len() > HEAD;
                    return if long { Err(io::Error::other("a head without an end")) } else { Ok(None) };
                };
                let body = (self.head.len() - end - 4) as u64;
                let answer = head(&self.head[..end])?;
                Answer { bytes: self.head.len() as u64, left: answer.left.saturating_sub(body), ..answer }
            }
        };
        let complete = answer.left == 0;
        self.answer = Some(answer);
        Ok(complete.then_some(answer))
    }
}

fn head(head: &[u8]) -> io::Result<Answer> {
    let text = std::str::from_utf8(head).map_err(io::Error::other)?;
    let status = text.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(|| io::Error::other("no status"))?;
    let (mut left, mut last) = (None, text.starts_with("HTTP/1.0"));
    for (name, value) in text.lines().skip(1).filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            left = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            last = value.trim().eq_ignore_ascii_case("close");
        }
    }
    let left = left.ok_or_else(|| io::Error::other("an answer without a length"))?;
    Ok(Answer { status, last, bytes: 0, left })
}
