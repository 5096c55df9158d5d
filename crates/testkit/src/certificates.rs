//! A certificate authority that lives as long as the process, in place of the one that signs API Gateway's
//! certificates. `nameplate demo` has one of its own, which signs for servers only: it is part of the product.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A certificate authority with an ECDSA P-256 key made at start.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    /// A new authority that nobody trusts yet.
    pub fn new() -> Result<Authority, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Nameplate test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        Ok(Authority {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    /// The authority's certificate, as `endpoint.ca_file` reads it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Puts [`Authority::pem`] in a file by a rename: nobody reads half of it.
    pub fn write_pem(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        fs::write(&beside, &self.pem)?;
        fs::rename(&beside, path)
    }

    /// What a rustls client needs to trust this authority and no other.
    pub fn roots(&self) -> Result<RootCertStore, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone())?;
        Ok(roots)
    }

    /// A server certificate for these names; `*.` as the first label is a wildcard.
    pub fn issue(&self, names: &[String]) -> Result<Leaf, rcgen::Error> {
        self.sign(for_names(names, ExtendedKeyUsagePurpose::ServerAuth)?)
    }

    /// As [`Authority::issue`], with this end of its validity, to the second.
    pub fn issue_until(&self, names: &[String], end: SystemTime) -> Result<Leaf, rcgen::Error> {
        let mut params = for_names(names, ExtendedKeyUsagePurpose::ServerAuth)?;
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + end.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.sign(params)
    }

    /// A client certificate for this name.
    pub fn issue_for_client(&self, name: &str) -> Result<Leaf, rcgen::Error> {
        self.sign(for_names(&[name.to_owned()], ExtendedKeyUsagePurpose::ClientAuth)?)
    }

    fn sign(&self, params: CertificateParams) -> Result<Leaf, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key })
    }
}

/// What a certificate for these names says.
fn for_names(names: &[String], purpose: ExtendedKeyUsagePurpose) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    // Clients read only the subject alternative names; the common name is for people.
    params.distinguished_name.push(DnType::CommonName, "Nameplate test certificate");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// A certificate and its private key.
pub struct Leaf {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
}

impl Leaf {
    /// The certificate, as a listener's `tls.certificate` reads it.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key, as a listener's `tls.key` reads it.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// TLS 1.2 and 1.3 with this certificate, for HTTP/1.1 only.
    pub fn server_config(&self) -> Result<ServerConfig, rustls::Error> {
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

/// The certificates of a PEM file, to be trusted and no others.
pub fn roots_of(pem: &Path) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(pem).map_err(io::Error::other)? {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    Ok(roots)
}

/// A client that trusts these authorities, shows no certificate and offers no protocol.
pub fn client_trusting(roots: RootCertStore) -> ClientConfig {
    // The provider is named: a process may hold two, and then rustls has no default.
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has both versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_serves_tls_and_its_key_is_its_own() {
        let authority = Authority::new().expect("an authority");
        let names = ["*.execute-api.eu-west-1.amazonaws.com".to_owned()];
        let (one, other) = (authority.issue(&names).expect("a leaf"), authority.issue(&names).expect("a leaf"));
        assert_ne!(one.key_pem(), other.key_pem());
        assert!(one.server_config().is_ok());
    }

    #[test]
    fn what_is_written_can_be_trusted() {
        let authority = Authority::new().expect("an authority");
        let path = std::env::temp_dir().join(format!("nameplate-testkit-{}.pem", std::process::id()));
        authority.write_pem(&path).expect("written");
        let roots = roots_of(&path);
        fs::remove_file(&path).expect("removed");
        assert_eq!(roots.expect("roots").len(), 1);
    }
}
