//! A certificate authority that lives as long as the process: the demo's and the tests' stand-in
//! for the one that signs API Gateway's certificates.
//!
//! **Invariant:** no private key leaves memory except through [`Leaf::key_pem`].

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityFault {
    /// A name that no certificate can carry, or no randomness to make a key of.
    #[error("make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The key and the certificate do not serve TLS.
    #[error("serve TLS with a certificate just made: {0}")]
    Tls(#[from] rustls::Error),
}

/// A certificate authority with an ECDSA P-256 key made at start.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new authority that nobody trusts yet.
    pub(crate) fn new() -> Result<Authority, AuthorityFault> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Nameplate demo authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        Ok(Authority { pem: certificate.pem(), issuer: Issuer::new(params, key) })
    }

    /// The authority's certificate, as `endpoint.ca_file` reads it.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Puts [`Authority::pem`] in a file by a rename: nobody reads half of it.
    pub(crate) fn write_pem(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        fs::write(&beside, self.pem())?;
        fs::rename(&beside, path)
    }

    /// What a rustls client needs to trust this authority and no other.
    #[cfg(test)]
    pub(crate) fn roots(&self) -> rustls::RootCertStore {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("what was just written");
        roots.add(certificate).expect("a certificate");
        roots
    }

    /// A server certificate for these names; `*.` as the first label is a wildcard.
    pub(crate) fn issue(&self, names: &[String]) -> Result<Leaf, AuthorityFault> {
        self.sign(CertificateParams::new(names)?)
    }

    /// As [`Authority::issue`], for a year that is over.
    pub(crate) fn issue_expired(&self, names: &[String]) -> Result<Leaf, AuthorityFault> {
        let mut params = CertificateParams::new(names)?;
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Leaf, AuthorityFault> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        // Clients read only the subject alternative names; the common name is for people.
        params.distinguished_name.push(DnType::CommonName, "Nameplate demo certificate");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf { certificate: certificate.der().clone(), key })
    }
}

/// A certificate and its private key.
pub(crate) struct Leaf {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Leaf {
    /// TLS 1.2 and 1.3 with this certificate, for HTTP/1.1 only.
    pub(crate) fn server_config(&self) -> Result<ServerConfig, AuthorityFault> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        // The provider is named: a process may hold two, and then rustls has no default.
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_written_as_pem() {
        let authority = Authority::new().expect("an authority");
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ca.pem");
        authority.write_pem(&path).expect("written");
        let text = fs::read_to_string(&path).expect("a file");
        assert_eq!(text, authority.pem());
        assert!(text.starts_with("-----BEGIN CERTIFICATE-----"), "{text}");
    }

    #[test]
    fn a_leaf_serves_tls_and_its_key_is_its_own() {
        let authority = Authority::new().expect("an authority");
        let names = ["*.execute-api.eu-west-1.amazonaws.com".to_owned()];
        let (one, other) = (authority.issue(&names).expect("a leaf"), authority.issue(&names).expect("a leaf"));
        assert_ne!(one.key.serialize_der(), other.key.serialize_der());
        assert!(one.server_config().is_ok());
    }

    #[test]
    fn a_name_that_no_certificate_can_carry_is_a_fault() {
        let authority = Authority::new().expect("an authority");
        assert!(authority.issue(&["bücher.example".to_owned()]).is_err());
    }
}
