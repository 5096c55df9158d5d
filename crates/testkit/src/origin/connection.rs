//! One connection to an origin: the handshake, and the exchanges on it.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::{ServerConnection, StreamOwned};

use super::record::{Kind, Received, Shared, reset};
use crate::reply::Step;
use crate::show;
use crate::wire::{Framing, Piece, Wire};

/// One accepted connection.
pub(super) struct Connection {
    shared: Arc<Shared>,
    number: usize,
    sni: Option<String>,
    wire: Wire<StreamOwned<ServerConnection, TcpStream>>,
}

impl Connection {
    /// Shakes hands.
    pub(super) fn open(shared: Arc<Shared>, mut stream: TcpStream, number: usize) -> io::Result<Connection> {
        let mut tls = ServerConnection::new(shared.tls.clone()).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        let sni = tls.server_name().map(str::to_owned);
        shared.change(|record| record.handshakes += 1);
        Ok(Connection { shared, number, sni, wire: Wire::new(StreamOwned::new(tls, stream)) })
    }

    /// Serves until either side ends it. A connection that ends or idles between two requests is
    /// no fault.
    pub(super) fn serve(mut self) -> io::Result<()> {
        loop {
            let mut head = match self.wire.read_head() {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(()),
                Err(_) if self.wire.buffer.is_empty() => return Ok(()),
                Err(e) => return Err(io::Error::other(format!("{e}: {}", show(&self.wire.buffer)))),
            };
            let framing = head.check_request();
            let faults = head.faults.clone();
            let refuse = !faults.is_empty();
            let received =
                Received { connection: self.number, sni: self.sni.clone(), head, faults, ..Received::default() };
            let index = self.shared.change(|record| record.begin(received));
            if refuse {
                self.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
                return self.close();
            }
            let answered = self.answer(Exchange { index, body_left: Some(framing) });
            let keeps = self.shared.keeps;
            self.shared.change(|record| record.end(index, keeps));
            match answered? {
                Then::Serve => {}
                Then::Close => return self.close(),
                Then::Reset => return self.reset(),
            }
        }
    }

    /// Does what the script says.
    fn answer(&mut self, mut exchange: Exchange) -> io::Result<Then> {
        if self.shared.kind != Kind::Early {
            self.continue_and_read(&mut exchange)?;
        }
        let asked = self.shared.lock().requests[exchange.index].clone();
        let reply = (self.shared.script)(&asked);
        for step in reply.steps {
            match step {
                Step::Write(bytes) => self.write(&bytes)?,
                Step::WriteBody(_) if asked.method() == "HEAD" => {}
                Step::WriteBody(bytes) => self.write(&bytes)?,
                // A gate that stays shut fails the test; the origin only stops waiting.
                Step::Wait(gate) => drop(gate.wait()),
                Step::ReadBody => self.read_body(&mut exchange)?,
                Step::Close => return Ok(Then::Close),
                Step::Reset => return Ok(Then::Reset),
            }
        }
        self.read_body(&mut exchange)?;
        let last = asked.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        Ok(if last { Then::Close } else { Then::Serve })
    }

    fn continue_and_read(&mut self, exchange: &mut Exchange) -> io::Result<()> {
        let expects = |r: &Received| r.header("expect").is_some_and(|v| v.eq_ignore_ascii_case("100-continue"));
        if expects(&self.shared.lock().requests[exchange.index]) {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        self.read_body(exchange)
    }

    fn read_body(&mut self, exchange: &mut Exchange) -> io::Result<()> {
        let Some(framing) = exchange.body_left.take() else { return Ok(()) };
        let (shared, index) = (self.shared.clone(), exchange.index);
        let read = self.wire.read_body(framing, &mut |piece| {
            shared.change(|record| {
                let request = &mut record.requests[index];
                match piece {
                    Piece::Wire(bytes) => request.raw_body.extend_from_slice(bytes),
                    Piece::Data(bytes) => request.body.extend_from_slice(bytes),
                    Piece::Trailer(name, value) => request.trailers.push((name, value)),
                }
            });
        });
        let extra = std::mem::take(&mut self.wire.buffer);
        self.shared.change(|record| {
            let request = &mut record.requests[index];
            match &read {
                Ok(()) => {
                    request.complete = true;
                    request.extra = extra.clone();
                }
                // Cut off is what a client that goes away makes of a message: incomplete, and
                // nobody reads it differently.
                Err(e) if e.kind() == ErrorKind::InvalidData => request.faults.push(e.to_string()),
                Err(_) => {}
            }
        });
        self.wire.buffer = extra;
        read
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.stream.write_all(bytes)?;
        self.wire.stream.flush()
    }

    /// Says that no more comes, then reads what the other side still sends: closing with unread
    /// bytes would turn into a reset and might take the answer with it.
    fn close(&mut self) -> io::Result<()> {
        self.wire.stream.conn.send_close_notify();
        let _ = self.wire.stream.flush();
        let _ = self.wire.stream.sock.shutdown(Shutdown::Write);
        while let Ok(1..) = self.wire.fill() {}
        let late = std::mem::take(&mut self.wire.buffer);
        if late.is_empty() {
            return Ok(());
        }
        Err(io::Error::other(format!("after the close came {}", show(&late))))
    }

    fn reset(self) -> io::Result<()> {
        self.shared.change(|record| record.open.remove(&self.number));
        reset(self.wire.stream.sock)
    }
}

/// What a connection does after a response.
enum Then {
    Serve,
    Close,
    Reset,
}

/// A request being answered.
struct Exchange {
    index: usize,
    /// How its body ends, until it is read.
    body_left: Option<Framing>,
}
