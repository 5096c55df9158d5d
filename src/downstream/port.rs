//! A listener as its connections see it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::certificates::Certificate;
use nameplate_core::settings::ProxyProtocol;

/// What the connections of a listener need of it.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    /// What its clients are shown, and can be read again.
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) h2c: bool,
    pub(crate) proxy_protocol: Option<ProxyProtocol>,
}
