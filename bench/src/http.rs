//! HTTP/1.1 by hand, over TCP or TLS: a client that hides nothing. It sends once and never again.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// The longest silence before a request counts as failed. Over it, the proxy would be at fault: its
/// own timeouts are longer, but nothing here takes that long.
const PATIENCE: Duration = Duration::from_secs(15);

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// One connection.
pub struct Connection {
    wire: Wire,
    /// Received, and not read yet.
    held: Vec<u8>,
}

/// A response.
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether the proxy ends the connection after it.
    pub last: bool,
}

/// How a connection is made.
#[derive(Clone)]
pub struct Door {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Over TLS: whom to trust, and the server's name.
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Door {
    /// Opens a connection.
    pub fn open(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let wire = match &self.tls {
            None => Wire::Plain(stream),
            Some((config, name)) => {
                let client = ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
                let mut stream = StreamOwned::new(client, stream);
                stream.conn.complete_io(&mut stream.sock)?;
                Wire::Tls(Box::new(stream))
            }
        };
        Ok(Connection { wire, held: Vec::new() })
    }
}

impl Connection {
    /// The server's certificate, where there is one.
    pub fn certificate(&self) -> Option<Vec<u8>> {
        let Wire::Tls(stream) = &self.wire else { return None };
        stream.conn.peer_certificates().and_then(|chain| chain.first()).map(|leaf| leaf.to_vec())
    }

    /// Sends a request, and reads the response to it.
    pub fn exchange(&mut self, request: &[u8], head_only: bool) -> io::Result<Answer> {
        // An answer may come before all of the request was taken, and tells more than the failed write.
        let sent = self.send(request);
        match self.answer(head_only) {
            Ok(answer) if sent.is_err() => Ok(Answer { last: true, ..answer }),
            Ok(answer) => Ok(answer),
            Err(e) => Err(sent.err().unwrap_or(e)),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.wire {
            Wire::Plain(stream) => stream.write_all(bytes),
            Wire::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Receives more; an error at the end of the connection.
    fn receive(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        let length = match &mut self.wire {
            Wire::Plain(stream) => stream.read(&mut piece)?,
            Wire::Tls(stream) => stream.read(&mut piece)?,
        };
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.held.extend_from_slice(&piece[..length]);
        Ok(())
    }

    fn answer(&mut self, head_only: bool) -> io::Result<Answer> {
        let head = loop {
            if let Some(end) = self.held.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break self.held.drain(..end + 4).collect::<Vec<_>>();
            }
            self.receive()?;
        };
        let head = String::from_utf8(head).map_err(io::Error::other)?.to_ascii_lowercase();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let status = head.get(9..12).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status"))?;
        let length = match field("content-length:") {
            _ if head_only => 0,
            Some(length) => length.parse().map_err(io::Error::other)?,
            None => return Err(io::Error::other("an answer without a length")),
        };
        while self.held.len() < length {
            self.receive()?;
        }
        let body = self.held.drain(..length).collect();
        if !self.held.is_empty() {
            return Err(io::Error::other("bytes behind the answer"));
        }
        Ok(Answer { status, body, last: field("connection:") == Some("close") })
    }
}

/// One GET of an admin page.
pub fn page(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut connection = Door { address, tls: None }.open()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    let answer = connection.exchange(request.as_bytes(), false)?;
    Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
}
