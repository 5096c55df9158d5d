//! The admin listener's connections, which may begin with a PROXY header.
//!
//! An NLB whose target group has `proxy_protocol_v2.enabled` puts one before its health checks as well, on whatever
//! port they go to (Elastic Load Balancing, Network Load Balancers, "Proxy protocol"); other clients of the admin
//! listener, a scraper among them, send none. So both are taken, from everybody: nothing here depends on whom a header
//! speaks for.

use std::io;

use pingora::protocols::Stream;
use tokio::io::AsyncReadExt;

use nameplate_core::domain::proxy_header::{self, ProxyHeaderError};

/// Fewer bytes than the shortest request and the shortest header have, and enough to tell them apart.
const LOOK: usize = 12;

/// Reads past a PROXY header if the connection goes on with one, and not a byte further.
pub(super) async fn skip_header(stream: &mut Stream) -> io::Result<()> {
    let mut look = [0; LOOK];
    stream.try_peek(&mut look).await?;
    let mut header = Vec::new();
    loop {
        let so_far = if header.is_empty() { &look[..] } else { &header };
        match proxy_header::parse(so_far) {
            Ok(_) | Err(ProxyHeaderError::Missing) => return Ok(()),
            Err(ProxyHeaderError::Malformed) => return Err(io::ErrorKind::InvalidData.into()),
            // One at a time, because what follows is the request's. Health checks are seconds apart.
            Err(ProxyHeaderError::Incomplete) => header.push(stream.read_u8().await?),
        }
    }
}
