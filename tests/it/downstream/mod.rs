//! Clients' connections before and around HTTP: whom they speak for, how they are secured, and what
//! becomes of those that take more than their share.

mod limits;
mod not_http;
mod proxy_protocol;
mod shares;
mod slow_readers;
mod tls;

use crate::harness::client::text_of;
use crate::harness::proxy::{ProxyBuilder, proxy};

fn pay() -> ProxyBuilder {
    proxy().maps("pay.example.com", "abc123", "/prod")
}

/// A GET of `/x`.
fn get() -> Vec<u8> {
    text_of("GET", "pay.example.com", "/x", &[], b"")
}

/// What an HTTP/2 client begins with: the preface, and SETTINGS that set nothing.
const HTTP2_START: &[u8; 33] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The frame of [`get`] over HTTP/2, on this stream.
fn http2_get(stream: u8) -> Vec<u8> {
    // GET and http from HPACK's table, the others as literals that no table keeps.
    let mut fields = b"\x82\x86".to_vec();
    for text in [":path", "/x", ":authority", "pay.example.com"] {
        if text.starts_with(':') {
            fields.push(0);
        }
        fields.push(u8::try_from(text.len()).expect("a short text"));
        fields.extend_from_slice(text.as_bytes());
    }
    let length = u8::try_from(fields.len()).expect("a short head");
    [&[0, 0, length, 1, 5, 0, 0, 0, stream], &fields[..]].concat()
}
