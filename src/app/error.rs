//! Why Nameplate does not start.

use std::net::SocketAddr;

use crate::downstream::certificates::CertificateError;
use crate::live::keeper::FirstReadError;
use crate::upstream::endpoint::EndpointFault;

/// Why the process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// There is no mapping to start with, and none to wait for.
    #[error("{0}")]
    Mapping(#[from] FirstReadError),
    /// The endpoint cannot be discovered.
    #[error("{0}")]
    Endpoint(#[from] EndpointFault),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// A listener's certificate or key, or the endpoint's `ca_file`, cannot be used.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    /// The process that is to be replaced did not hand its sockets over.
    #[error("upgrade: {0}")]
    Upgrade(String),
    /// It was told to stop while it waited for the process that is to be replaced.
    #[error("stopped before another process handed its sockets over")]
    Stopped,
    /// The system gave no thread or timer, or the metrics could not be set up.
    #[error("cannot start: {0}")]
    System(String),
}
