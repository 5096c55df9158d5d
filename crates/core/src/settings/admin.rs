//! What the admin pages are protected by, beside the network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// A load balancer, an orchestrator, two scrapers and a person need a dozen.
pub const MAX_CONNECTIONS: usize = 64;
/// Where the admin listener is, unless the settings say otherwise: only the host itself reaches it.
pub const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);
/// A host name's limit (RFC 1035 section 2.3.4).
pub(super) const LONGEST_NAME: usize = 253;

/// Who is answered on the admin listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminPages {
    /// Host names that the pages answer to, beside IP addresses and `localhost`. Default: none.
    pub hosts: Vec<String>,
    /// Connections that may be open at once. Default [`MAX_CONNECTIONS`].
    pub max_connections: usize,
}

impl Default for AdminPages {
    fn default() -> Self {
        AdminPages { hosts: Vec::new(), max_connections: MAX_CONNECTIONS }
    }
}
