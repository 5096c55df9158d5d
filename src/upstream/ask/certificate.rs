//! The names on the certificate that an endpoint showed, also where the handshake failed because of it.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The most names that are kept of a certificate.
const MOST: usize = 16;
/// The longest name of DNS.
const LONGEST: usize = 253;

/// Verifies as rustls does, and keeps the names of the certificate first.
#[derive(Debug)]
pub(super) struct NamesSeen {
    verifier: Arc<WebPkiServerVerifier>,
    seen: Mutex<Vec<String>>,
}

impl NamesSeen {
    pub(super) fn new(verifier: &Arc<WebPkiServerVerifier>) -> NamesSeen {
        NamesSeen { verifier: Arc::clone(verifier), seen: Mutex::default() }
    }

    /// Takes the names; empty where no certificate came, or none with a name of DNS.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock())
    }
}

impl ServerCertVerifier for NamesSeen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock() = names(end_entity);
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The names of DNS in a certificate that anybody may have made: the first few, and only those that read as names.
fn names(certificate: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else { return Vec::new() };
    let dns = alternative.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    dns.filter(|name| is_name(name)).take(MOST).map(str::to_owned).collect()
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"*-._".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;

    #[test]
    fn only_names_are_taken_from_a_certificate() {
        let of = |list: Vec<String>| {
            let leaf = nameplate_testkit::authority().issue(&list).expect("a certificate");
            names(&CertificateDer::from_pem_slice(leaf.certificate_pem().as_bytes()).expect("PEM"))
        };
        let given = ["*.execute-api.eu-west-1.amazonaws.com", "a b", "<script>", "127.0.0.1", "x.example"];
        let want = ["*.execute-api.eu-west-1.amazonaws.com", "x.example"];
        assert_eq!(of(given.map(str::to_owned).to_vec()), want);
        assert_eq!(of((0..100).map(|at| format!("n{at}.example")).collect()).len(), MOST);
        for garbage in [&b""[..], b"\x30", b"\x30\x82\xff\xff", &[0x30; 4_000]] {
            assert!(names(garbage).is_empty());
        }
    }
}
