//! The client of a connection, in the words that requests and log lines need.

use std::net::SocketAddr;

use bytes::Bytes;
use http::HeaderValue;

use nameplate_core::domain::address::push_ip;

/// What we saw of the client's connection. It is put into words once for all requests of it.
#[derive(Clone, Debug)]
pub(crate) struct ClientInfo {
    pub(crate) client: Option<SocketAddr>,
    pub(crate) tls: bool,
    /// The client's address without its port.
    pub(crate) address: HeaderValue,
    /// The port it connected to.
    pub(crate) port: HeaderValue,
}

impl ClientInfo {
    pub(crate) fn new(client: Option<SocketAddr>, port: u16, tls: bool) -> ClientInfo {
        let mut address = Vec::with_capacity(40);
        if let Some(client) = client {
            push_ip(&mut address, client.ip().to_canonical());
        }
        ClientInfo { client, tls, address: text(address), port: HeaderValue::from(port) }
    }
}

fn text(address: Vec<u8>) -> HeaderValue {
    // An address is a header value; the fallback is for the type only.
    HeaderValue::from_maybe_shared(Bytes::from(address)).unwrap_or(HeaderValue::from_static("unknown"))
}
