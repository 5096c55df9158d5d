//! A client that sends exactly the bytes it is given and reads answers strictly.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::certificates::client_trusting;
use crate::wire::{Framing, Head, Piece, Wire, find_all};
use crate::{PATIENCE, authority, origin, show};

/// An answer, or the head of one.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// What stands behind it.
    pub reason: String,
    /// In order, names in the case they came in.
    pub headers: Vec<(String, String)>,
    /// The content, without framing.
    pub body: Vec<u8>,
    /// As `headers`, of a chunked body.
    pub trailers: Vec<(String, String)>,
    /// Head and body as they came.
    pub raw: Vec<u8>,
    /// The 1xx heads that came before.
    pub interim: Vec<Response>,
    /// Whether the end of the connection was the end of the body, or the request could not be sent whole.
    pub connection_closed: bool,
}

impl Response {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every header of this name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        find_all(&self.headers, name)
    }

    /// The first trailer of this name.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        find_all(&self.trailers, name).first().copied()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the connection ends with this response, as far as the client can tell.
    pub fn ends_connection(&self) -> bool {
        self.connection_closed || self.all("connection").iter().any(|value| value.eq_ignore_ascii_case("close"))
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    fn of(head: &Head) -> Response {
        let status = head.part(1).parse().unwrap_or_else(|e| panic!("{e}: no status in {:?}", head.start));
        Response {
            status,
            reason: head.part(2).to_owned(),
            headers: head.headers.clone(),
            raw: head.raw.clone(),
            ..Response::default()
        }
    }
}

/// Where a server listens, and how to speak to it.
#[derive(Clone)]
pub struct Target {
    /// The listener.
    pub address: SocketAddr,
    /// Over TLS: whom to trust and what to show, and the server's name. `None` is plaintext.
    pub tls: Option<(Arc<ClientConfig>, String)>,
}

impl Target {
    /// A listener in plaintext.
    pub fn plain(address: SocketAddr) -> Target {
        Target { address, tls: None }
    }

    /// Connects. What goes each way is not recorded.
    pub fn connect(&self) -> io::Result<Client> {
        let client = Client::try_connect(self.address)?;
        let client = match &self.tls {
            None => client,
            Some((config, name)) => client.try_secure(name, config)?,
        };
        Ok(client.without_record())
    }
}

/// One connection. In a failed test it prints what went each way.
pub struct Client {
    wire: Wire<Recorded>,
}

impl Client {
    /// Connects in plaintext.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Client {
        Client::over(Stream::Plain(open(address)))
    }

    /// As [`Client::connect`], where nobody may listen.
    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        try_open(address).map(|stream| Client::over(Stream::Plain(stream)))
    }

    /// Waits this long for each read from now on.
    #[track_caller]
    pub fn patient(self, patience: Duration) -> Client {
        self.wire.stream.stream.socket().set_read_timeout(Some(patience)).expect("a timeout");
        self
    }

    /// Connects with TLS, and trusts [`authority`] alone.
    #[track_caller]
    pub fn connect_tls(address: SocketAddr, name: &str) -> Client {
        Client::try_connect_tls(address, name).expect("a handshake")
    }

    /// As [`Client::connect_tls`], where the handshake may fail.
    pub fn try_connect_tls(address: SocketAddr, name: &str) -> io::Result<Client> {
        Client::try_connect_tls_with(address, name, &Arc::new(tls_config()))
    }

    /// As [`Client::try_connect_tls`], by another idea of whom to trust and what to show.
    pub fn try_connect_tls_with(address: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> io::Result<Client> {
        Client::connect(address).try_secure(name, config)
    }

    /// Goes on in TLS, after what has been sent in plaintext.
    pub fn try_secure(self, name: &str, config: &Arc<ClientConfig>) -> io::Result<Client> {
        let mut tls = ClientConnection::new(Arc::clone(config), server_name(name)).expect("a TLS client");
        let mut stream = self.wire.stream.stream.socket().try_clone().expect("a second handle");
        drop(self);
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(Client::over(Stream::Tls(Box::new(StreamOwned::new(tls, stream)))))
    }

    /// Its TLS.
    #[track_caller]
    pub fn tls(&self) -> &ClientConnection {
        match &self.wire.stream.stream {
            Stream::Tls(tls) => &tls.conn,
            Stream::Plain(_) => panic!("it is plaintext"),
        }
    }

    /// The server's certificate, in DER; `None` in plaintext.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        let Stream::Tls(tls) = &self.wire.stream.stream else { return None };
        tls.conn.peer_certificates()?.first().map(|leaf| leaf.to_vec())
    }

    /// Keeps no copy of what goes each way, for a connection that carries much.
    pub fn without_record(mut self) -> Client {
        self.wire.stream.keeps = false;
        self
    }

    /// What it has received so far, if nothing waits to be read.
    pub fn received(&self) -> &[u8] {
        &self.wire.stream.received
    }

    fn over(stream: Stream) -> Client {
        Client { wire: Wire::new(Recorded { stream, keeps: true, sent: Vec::new(), received: Vec::new() }) }
    }

    /// Sends these bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.try_send(bytes).expect("sent");
        self
    }

    /// As [`Client::send`], where the other side may have closed.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.stream.write_all(bytes.as_ref())?;
        self.wire.stream.flush()
    }

    /// Sends a request, and reads the one response to it.
    ///
    /// A response may come before all of the request was taken: it tells more than the failed write does, which says
    /// only that the connection has ended.
    pub fn exchange(&mut self, request: &[u8], to_head: bool) -> io::Result<Response> {
        let sent = self.try_send(request);
        let mut response = match self.try_read_response(to_head) {
            Ok(response) => response,
            Err(e) => return Err(sent.err().unwrap_or(e)),
        };
        if !self.wire.buffer.is_empty() {
            return Err(io::Error::new(ErrorKind::InvalidData, "bytes behind the response"));
        }
        response.connection_closed |= sent.is_err();
        Ok(response)
    }

    /// The next answer to anything but a HEAD.
    #[track_caller]
    pub fn read_response(&mut self) -> Response {
        self.try_read_response(false).expect("a response")
    }

    /// The next answer to a HEAD.
    #[track_caller]
    pub fn read_response_to_head(&mut self) -> Response {
        self.try_read_response(true).expect("a response")
    }

    /// The next answer, where it may break off.
    pub fn try_read_response(&mut self, to_head: bool) -> io::Result<Response> {
        let mut interim = Vec::new();
        loop {
            let mut response = self.try_read_head()?;
            if (100..200).contains(&response.status) && response.status != 101 {
                interim.push(response);
                continue;
            }
            self.read_body(&mut response, to_head)?;
            response.interim = interim;
            return Ok(response);
        }
    }

    /// The next head, a 1xx included; the body is left unread.
    #[track_caller]
    pub fn read_head(&mut self) -> Response {
        self.try_read_head().expect("a head")
    }

    fn try_read_head(&mut self) -> io::Result<Response> {
        let head = self.wire.read_head()?;
        let head = head.ok_or_else(|| io::Error::new(ErrorKind::UnexpectedEof, "closed without an answer"))?;
        if !head.start.starts_with("HTTP/1.1 ") || !head.faults.is_empty() {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("{:?}: {:?}", head.start, head.faults)));
        }
        Ok(Response::of(&head))
    }

    /// Reads the body that belongs to a head from [`Client::read_head`].
    pub fn read_body(&mut self, response: &mut Response, to_head: bool) -> io::Result<()> {
        let mut head = Head { headers: response.headers.clone(), ..Head::default() };
        let framing = head.response_framing(response.status, to_head);
        if !head.faults.is_empty() {
            return Err(io::Error::new(ErrorKind::InvalidData, head.faults.join("; ")));
        }
        response.connection_closed = framing == Framing::UntilClose;
        self.wire.read_body(framing, &mut |piece| match piece {
            Piece::Wire(bytes) => response.raw.extend_from_slice(bytes),
            Piece::Data(bytes) => response.body.extend_from_slice(bytes),
            Piece::Trailer(name, value) => response.trailers.push((name, value)),
        })
    }

    /// Exactly this many bytes, whatever they mean.
    #[track_caller]
    pub fn read_exact(&mut self, count: usize) -> Vec<u8> {
        while self.wire.buffer.len() < count {
            assert!(self.wire.fill().expect("bytes") > 0, "closed after {}", show(&self.wire.buffer));
        }
        let rest = self.wire.buffer.split_off(count);
        std::mem::replace(&mut self.wire.buffer, rest)
    }

    /// Everything until the other side closes, in order or not.
    #[track_caller]
    pub fn read_to_end(&mut self) -> Vec<u8> {
        loop {
            match self.wire.fill() {
                Ok(0) => break,
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::ConnectionReset => break,
                Err(e) => panic!("{e} instead of the end of the connection"),
            }
        }
        std::mem::take(&mut self.wire.buffer)
    }

    /// Waits for the end of the connection; nothing may come before.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        let rest = self.read_to_end();
        assert!(rest.is_empty(), "before the end came {}", show(&rest));
    }

    /// Says that no more comes, and goes on reading.
    pub fn half_close(&mut self) {
        if let Stream::Tls(tls) = &mut self.wire.stream.stream {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
        let _ = self.wire.stream.stream.socket().shutdown(Shutdown::Write);
    }

    /// Ends the connection with RST.
    #[track_caller]
    pub fn reset(self) {
        let socket = self.wire.stream.stream.socket().try_clone().expect("a second handle");
        drop(self);
        origin::reset(socket).expect("a reset");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("client sent:\n    {}", show(&self.wire.stream.sent));
            eprintln!("client received:\n    {}", show(&self.wire.stream.received));
        }
    }
}

/// The answer is ours, with this status and for this reason.
#[track_caller]
pub fn is_refusal(answer: &Response, status: u16, reason: &str) {
    assert_eq!((answer.status, answer.header("x-nameplate-refusal")), (status, Some(reason)));
}

/// As [`get`], where nobody may listen or the response may break off.
pub fn try_get(address: SocketAddr, host: &str, path: &str) -> io::Result<Response> {
    let mut client = Client::try_connect(address)?;
    client.exchange(&text_of("GET", host, path, &[], b""), false)
}

/// A GET on a connection of its own.
#[track_caller]
pub fn get(address: SocketAddr, host: &str, path: &str) -> Response {
    request(address, "GET", host, path, &[], b"")
}

/// A request on a connection of its own; a body has a Content-Length.
#[track_caller]
pub fn request(
    address: SocketAddr,
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut client = Client::connect(address);
    client.send(text_of(method, host, path, headers, body));
    if method == "HEAD" { client.read_response_to_head() } else { client.read_response() }
}

/// The bytes of a request; a body has a Content-Length.
pub fn text_of(method: &str, host: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    [(text + "\r\n").as_bytes(), body].concat()
}

/// A connection on which nothing takes longer than [`PATIENCE`].
pub fn open(address: SocketAddr) -> TcpStream {
    try_open(address).expect("connected")
}

fn try_open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Trusts [`authority`] alone, and shows no certificate.
pub fn tls_config() -> ClientConfig {
    client_trusting(authority().roots().expect("roots"))
}

fn server_name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).expect("a server name")
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(tls) => &tls.sock,
        }
    }
}

/// A stream that remembers what went through it.
struct Recorded {
    stream: Stream,
    keeps: bool,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Read for Recorded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = match &mut self.stream {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Tls(tls) => tls.read(buffer),
        }?;
        if self.keeps {
            self.received.extend_from_slice(&buffer[..got]);
        }
        Ok(got)
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let put = match &mut self.stream {
            Stream::Plain(socket) => socket.write(bytes),
            Stream::Tls(tls) => tls.write(bytes),
        }?;
        if self.keeps {
            self.sent.extend_from_slice(&bytes[..put]);
        }
        Ok(put)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.flush(),
            Stream::Tls(tls) => tls.flush(),
        }
    }
}
