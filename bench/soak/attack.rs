//! Clients that take more than their share, beside the others: nobody else may notice.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nameplate_bench::api::LARGE_PATH;
use nameplate_testkit::client::text_of;
use nameplate_testkit::frames::{
    DATA, END_HEADERS, INITIAL_WINDOW_SIZE, PREFACE, WHOLE, frame, headers, settings, window_update,
};

use crate::entries::ATTACKED;

/// HTTP/2 connections that ask for large responses and read none, and the streams of each.
const SILENT: u32 = 2;
const STREAMS: u32 = 100;
/// HTTP/1.1 connections that read this many bytes ten times a second.
const SLOW: u32 = 20;
const BYTES: usize = 400;
/// How long until all of them come again.
const TURN: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(100);

/// The most memory the proxy may use.
pub const MEMORY_MIB: u64 = 256;
/// The requests the proxy may have in flight: fewer than the load and the attack want together.
pub const MOST_REQUESTS: u32 = 400;

/// Attacks `listener`, where clients say with a PROXY header who they are, in this time. Returns how many connections it
/// made.
pub fn attack(listener: SocketAddr, from: Instant, until: Instant) -> u64 {
    let mut connections = 0;
    std::thread::sleep(from.saturating_duration_since(Instant::now()));
    while Instant::now() < until {
        let silent: Vec<_> = (0..SILENT).filter_map(|_| begin(listener, &gets()).ok()).collect();
        let unfinished = begin(listener, &posts());
        let mut slow: Vec<_> = (0..SLOW).filter_map(|at| read_slowly(listener, at).ok()).collect();
        connections += silent.len() as u64 + u64::from(unfinished.is_ok()) + slow.len() as u64;
        for _ in 0..TURN.as_millis() / TICK.as_millis() {
            std::thread::sleep(TICK);
            if Instant::now() >= until {
                break;
            }
            // One that was refused or cut off has nothing more to read.
            slow.retain_mut(|client| client.read(&mut [0; BYTES]).is_ok_and(|count| count > 0));
        }
    }
    connections
}

fn connect(listener: SocketAddr, client: Ipv4Addr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(listener)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "PROXY TCP4 {client} 10.9.9.9 4711 80\r\n")?;
    Ok(stream)
}

/// An HTTP/2 connection that opens every window, and sends these frames.
fn begin(listener: SocketAddr, frames: &[u8]) -> io::Result<TcpStream> {
    let mut stream = connect(listener, Ipv4Addr::new(10, 6, 6, 1))?;
    let start = [PREFACE, &settings(&[(INITIAL_WINDOW_SIZE, 0x7fff_ffff)]), &window_update(0, 0x7fff_0000)].concat();
    stream.write_all(&[&start, frames].concat())?;
    Ok(stream)
}

fn request(stream: u32, method: &str, path: &str, flags: u8) -> Vec<u8> {
    let list = [(":method", method), (":scheme", "http"), (":authority", ATTACKED), (":path", path)];
    headers(stream, flags, &list)
}

fn gets() -> Vec<u8> {
    (0..STREAMS).flat_map(|at| request(2 * at + 1, "GET", LARGE_PATH, WHOLE)).collect()
}

/// Requests that are never finished.
fn posts() -> Vec<u8> {
    let one = |at: u32| {
        [request(2 * at + 1, "POST", "/unfinished", END_HEADERS), frame(DATA, 0, 2 * at + 1, b"some")].concat()
    };
    (0..STREAMS).flat_map(one).collect()
}

fn read_slowly(listener: SocketAddr, at: u32) -> io::Result<TcpStream> {
    // Some share an address, some have one of their own.
    let mut stream = connect(listener, Ipv4Addr::new(10, 6, 6, 2 + (at % 4) as u8))?;
    stream.write_all(&text_of("GET", ATTACKED, LARGE_PATH, &[], b""))?;
    Ok(stream)
}
