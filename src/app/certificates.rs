//! The listeners' certificates, read again while they serve.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use pingora::listeners::tls::TlsSettings;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::StartFault;
use crate::config::settings::ListenerTls;

/// A listener's certificate and key. New connections get what was read last; those that are open
/// keep theirs.
#[derive(Debug)]
pub(super) struct Certificate {
    files: ListenerTls,
    current: ArcSwap<CertifiedKey>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl Certificate {
    pub(super) fn read(files: &ListenerTls) -> Result<Certificate, StartFault> {
        Ok(Certificate { current: ArcSwap::from_pointee(certified(files)?), files: files.clone() })
    }

    /// Reads the files again, and serves what they hold, or goes on with what they held.
    pub(super) fn reload(&self) -> Result<(), StartFault> {
        self.current.store(Arc::new(certified(&self.files)?));
        Ok(())
    }

    /// The file the certificate is in.
    pub(super) fn file(&self) -> &Path {
        &self.files.certificate
    }

    /// What Pingora needs to serve it, HTTP/1.1 and HTTP/2.
    pub(super) fn settings(self: &Arc<Certificate>) -> Result<TlsSettings, StartFault> {
        // Pingora has no other way to make these than from files; what it serves is what was read here.
        let ListenerTls { certificate, key } = &self.files;
        let mut settings = TlsSettings::intermediate(&certificate.to_string_lossy(), &key.to_string_lossy())
            .map_err(|e| pem_fault(certificate, e))?;
        settings.set_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        settings.enable_h2();
        Ok(settings)
    }
}

fn certified(files: &ListenerTls) -> Result<CertifiedKey, StartFault> {
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| pem_fault(&files.key, e))?;
    // A key of another certificate is a fault of its own kind here.
    CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).map_err(|e| pem_fault(&files.key, e))
}

pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, StartFault> {
    let found = CertificateDer::pem_file_iter(file).map_err(|e| pem_fault(file, e))?;
    let chain = found.collect::<Result<Vec<_>, _>>().map_err(|e| pem_fault(file, e))?;
    if chain.is_empty() { Err(pem_fault(file, "holds no certificate in PEM form")) } else { Ok(chain) }
}

fn pem_fault(file: &Path, cause: impl std::fmt::Display) -> StartFault {
    StartFault::Pem { file: file.to_owned(), cause: cause.to_string() }
}
