//! The certificate authorities that vouch for the endpoint.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::endpoint::EndpointFault;

/// Reads the authorities of a PEM file, or the system's.
pub(super) fn authorities(ca_file: Option<&Path>) -> Result<RootCertStore, EndpointFault> {
    let fault = |e: &dyn std::fmt::Display| EndpointFault::Authorities(e.to_string());
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            for certificate in CertificateDer::pem_file_iter(file).map_err(|e| fault(&e))? {
                roots.add(certificate.map_err(|e| fault(&e))?).map_err(|e| fault(&e))?;
            }
        }
        // One that cannot be used is no reason to refuse the others.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    Ok(roots)
}
