//! The addresses clients connect to, and what is spoken there before HTTP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::problem::Wrong;
use super::values::Network;

/// Where clients connect, unless the settings say otherwise.
pub const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080);

/// One address clients connect to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// IP address and port. Default `0.0.0.0:8080`.
    pub address: SocketAddr,
    /// Serve TLS with this certificate, HTTP/1.1 and HTTP/2 by ALPN.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// Accept HTTP/2 with prior knowledge on a plaintext listener. Default false.
    #[serde(default)]
    pub h2c: bool,
    /// Each connection begins with a PROXY protocol header. Default: none does.
    #[serde(default)]
    pub proxy_protocol: Option<ProxyProtocol>,
}

impl Default for Listener {
    fn default() -> Self {
        Listener::plain(ADDRESS)
    }
}

impl Listener {
    /// Plaintext HTTP/1.1 at this address.
    pub fn plain(address: SocketAddr) -> Listener {
        Listener { address, tls: None, h2c: false, proxy_protocol: None }
    }
}

/// Who speaks the PROXY protocol to a listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyProtocol {
    /// Networks whose headers are believed: the load balancer's subnets. A connection from anywhere
    /// else is closed: whoever may send a header may speak for any client.
    pub trust: Vec<Network>,
}

/// A listener's certificate, and whom it asks for one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct ListenerTls {
    /// What clients are shown.
    pub identity: Identity,
    /// PEM file of the authorities that sign clients' certificates. Without one, clients need none.
    pub client_ca: Option<PathBuf>,
}

/// Where a listener's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// PEM files.
    Files {
        /// The certificate, then its intermediates.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Made at the start, for these names, signed by nobody: for a load balancer that does not verify.
    SelfSigned(Vec<String>),
}

impl ListenerTls {
    /// The same, with relative paths relative to this folder.
    pub fn relative_to(self, folder: &Path) -> ListenerTls {
        let identity = match self.identity {
            Identity::Files { certificate, key } => {
                Identity::Files { certificate: folder.join(certificate), key: folder.join(key) }
            }
            made @ Identity::SelfSigned(_) => made,
        };
        ListenerTls { identity, client_ca: self.client_ca.map(|file| folder.join(file)) }
    }
}

/// As the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    self_signed: Option<Vec<String>>,
    client_ca: Option<PathBuf>,
}

impl TryFrom<Written> for ListenerTls {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<ListenerTls, &'static str> {
        let Written { certificate, key, self_signed, client_ca } = written;
        if let Some((what, _)) = incomplete(certificate.is_some(), key.is_some(), self_signed.is_some()) {
            return Err(what);
        }
        let identity = match (certificate, key, self_signed) {
            (Some(certificate), Some(key), _) => Identity::Files { certificate, key },
            (_, _, names) => Identity::SelfSigned(names.unwrap_or_default()),
        };
        Ok(ListenerTls { identity, client_ca })
    }
}

/// Checks which keys `tls` has.
pub(super) fn check_tls(has: &[&str]) -> Result<(), Wrong> {
    let has = |key: &str| has.contains(&key);
    match incomplete(has("certificate"), has("key"), has("self_signed")) {
        Some((what, help)) => Err(Wrong::new(what, help)),
        None => Ok(()),
    }
}

/// What is missing or too much for an identity, and how to fix it.
fn incomplete(certificate: bool, key: bool, self_signed: bool) -> Option<(&'static str, &'static str)> {
    match (certificate, key, self_signed) {
        (true, true, false) | (false, false, true) => None,
        (_, _, true) => Some(("has files and `self_signed`", "keep one of the two")),
        (true, false, false) => Some(("has a certificate and no key", "add `key`")),
        (false, true, false) => Some(("has a key and no certificate", "add `certificate`")),
        (false, false, false) => Some(("has no certificate", "add `certificate` and `key`, or `self_signed`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn listener(rest: &str) -> Result<Listener, String> {
        let text = format!("listeners: [{{ address: '127.0.0.1:0', {rest} }}]");
        Settings::parse(&text, "f").map(|mut settings| settings.listeners.remove(0)).map_err(|e| e.to_string())
    }

    #[track_caller]
    fn error(rest: &str, want: &str) {
        let found = listener(rest).expect_err(rest);
        assert!(found.contains(want), "{rest}: {found}");
    }

    #[test]
    fn a_certificate_is_in_files_or_made_at_the_start() {
        let tls = listener("tls: { certificate: a, key: b, client_ca: c }").expect("valid").tls.expect("TLS");
        let folder = Path::new("/etc");
        let in_folder = Identity::Files { certificate: folder.join("a"), key: folder.join("b") };
        assert_eq!(tls.relative_to(folder), ListenerTls { identity: in_folder, client_ca: Some(folder.join("c")) });
        let tls = listener("tls: { self_signed: [pay.example.com, 10.0.0.1] }").expect("valid").tls.expect("TLS");
        assert_eq!(tls.identity, Identity::SelfSigned(vec!["pay.example.com".into(), "10.0.0.1".into()]));
    }

    #[test]
    fn half_a_certificate_and_two_are_errors() {
        error("tls: {}", "tls: has no certificate");
        error("tls: { certificate: a }", "no key");
        error("tls: { key: b }", "no certificate");
        error("tls: { certificate: a, key: b, self_signed: [x] }", "keep one");
        error("tls: { key: b, self_signed: [x] }", "keep one");
        error("tls: { self_signed: [] }", "self_signed is empty");
        error("tls: { certficate: a }", "unknown key `certficate`");
    }

    #[test]
    fn somebody_must_be_trusted() {
        assert!(listener("proxy_protocol: { trust: [10.0.0.0/16] }").is_ok());
        error("proxy_protocol: { trust: [] }", "trust is empty");
        error("proxy_protocol: {}", "proxy_protocol has no `trust`");
    }
}
