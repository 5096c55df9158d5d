//! Clients whose addresses a PROXY header names, as behind a Network Load Balancer.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

use super::client::{Client, Response, text_of};
use super::frames::{Frames, PREFACE, WHOLE, headers, settings};

/// The keys of a listener that believes them.
pub const LISTENER: &str = "proxy_protocol: { trust: [127.0.0.0/8] }, h2c: true";
/// That listener alone, and the admin pages.
pub const LISTENERS: &str = "listeners: [{ address: '127.0.0.1:0', proxy_protocol: { trust: [127.0.0.0/8] }, h2c: true }]\nadmin: 127.0.0.1:0\n";

pub const GREEDY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const BYSTANDER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn proxy_line(client: Ipv4Addr) -> String {
    format!("PROXY TCP4 {client} 10.9.9.9 4711 80\r\n")
}

/// A connection that speaks HTTP/1.1.
pub fn connect(server: SocketAddr, client: Ipv4Addr) -> Client {
    let mut connection = Client::connect(server);
    connection.send(proxy_line(client));
    connection
}

/// A connection that speaks HTTP/2, with these settings.
pub fn connect_http2(server: SocketAddr, client: Ipv4Addr, list: &[(u16, u32)]) -> Frames {
    let mut frames = Frames::silent(server);
    frames.send([proxy_line(client).as_bytes(), PREFACE, &settings(list)].concat());
    frames
}

/// A GET on a connection of its own.
#[track_caller]
pub fn get(server: SocketAddr, client: Ipv4Addr, host: &str, path: &str) -> Response {
    connect(server, client).send(text_of("GET", host, path, &[], b"")).read_response()
}

/// GETs of one path over HTTP/2, each on a stream of its own.
pub fn gets(streams: Range<u32>, host: &str, path: &str) -> Vec<u8> {
    let list = [(":method", "GET"), (":scheme", "http"), (":authority", host), (":path", path)];
    streams.flat_map(|at| headers(1 + 2 * at, WHOLE, &list)).collect()
}
