//! Tries addresses with a TCP and a TLS handshake, so that no request has to find out.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::broken::read_handshake;
use super::endpoint::EndpointFault;
use super::error_line::describe_io;
use super::trust::authorities;

/// Connects as a request would, and hangs up.
pub(crate) struct Checker {
    tls: TlsConnector,
    timeout: Duration,
}

impl Checker {
    /// Trusts the authorities of a PEM file, or the system's.
    pub(crate) fn new(ca_file: Option<&Path>, timeout: Duration) -> Result<Checker, EndpointFault> {
        let fault = |e: &dyn std::fmt::Display| EndpointFault::Authorities(e.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| fault(&e))?
            .with_root_certificates(authorities(ca_file)?)
            .with_no_client_auth();
        Ok(Checker { tls: TlsConnector::from(Arc::new(config)), timeout })
    }

    /// Whether a connection to an address comes to be. Without a name there is nothing to verify, and
    /// TCP is all that is tried.
    pub(crate) async fn check(&self, address: SocketAddr, name: Option<&str>) -> Result<(), String> {
        let connect = async {
            let tcp = TcpStream::connect(address).await.map_err(|e| describe_io(&e))?;
            let Some(name) = name else { return Ok(()) };
            let name = ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|e| e.to_string())?;
            self.tls.connect(name, tcp).await.map(drop).map_err(|e| read_handshake(&e.to_string()).1.to_owned())
        };
        let late = || format!("no handshake within {:?}", self.timeout);
        tokio::time::timeout(self.timeout, connect).await.unwrap_or_else(|_| Err(late()))
    }
}
