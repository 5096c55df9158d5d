//! Clients' connections before and around HTTP: whom they speak for, how they are secured, and what
//! becomes of those that take more than their share.

mod early;
mod guards;
mod proxy_protocol;
mod rates;
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
