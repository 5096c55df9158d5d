//! Certificates as AWS serves them: an RSA key of 2,048 bits at each step, root, intermediate and leaf. What a
//! handshake costs the proxies is what it costs them there.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256,
};

use crate::mapping::{PARENT, SUFFIX};
use crate::process;

/// The longest that the making of a key may take.
const KEY: Duration = Duration::from_secs(30);

/// Writes ca.pem, and for the origin and the proxies' TLS listeners a chain and a key.
pub fn write(folder: &Path) -> Result<()> {
    let (root, root_key) = authority(folder, "Comparison root", None)?;
    fs::write(folder.join("ca.pem"), root.pem())?;
    let root = Issuer::new(params("Comparison root", &[], None, true)?, root_key);
    let (middle, middle_key) = authority(folder, "Comparison intermediate", Some(&root))?;
    let issuer = Issuer::new(params("Comparison intermediate", &[], Some(0), true)?, middle_key);
    let api = [format!("*{SUFFIX}"), "*.execute-api.us-east-1.vpce.amazonaws.com".to_owned()];
    let front = [format!("*.{PARENT}")];
    for (name, names) in [("origin", &api[..]), ("front", &front[..])] {
        let key = key(folder)?;
        let leaf = params(name, names, None, false)?.signed_by(&key, &issuer)?;
        let chain = leaf.pem() + &middle.pem();
        fs::write(folder.join(format!("{name}.pem")), &chain)?;
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
        // HAProxy reads both from one file.
        fs::write(folder.join(format!("{name}-with-key.pem")), chain + &key.serialize_pem())?;
    }
    Ok(())
}

type Issued = (rcgen::Certificate, KeyPair);

fn authority(folder: &Path, name: &str, issuer: Option<&Issuer<'_, KeyPair>>) -> Result<Issued> {
    let key = key(folder)?;
    let params = params(name, &[], issuer.map(|_| 0), true)?;
    let certificate = match issuer {
        None => params.self_signed(&key)?,
        Some(issuer) => params.signed_by(&key, issuer)?,
    };
    Ok((certificate, key))
}

fn params(name: &str, names: &[String], length: Option<u8>, authority: bool) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    if authority {
        let length = length.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained);
        params.is_ca = IsCa::Ca(length);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    } else {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
    }
    Ok(params)
}

/// A new key. ring, which signs here, makes no RSA keys.
fn key(folder: &Path) -> Result<KeyPair> {
    let words = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"];
    let file = folder.join("new.key");
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).chain([file.display().to_string()]).collect();
    process::output("openssl", &words, KEY, &folder.join("openssl.log")).context("make an RSA key")?;
    let text = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    Ok(KeyPair::from_pkcs8_pem_and_sign_algo(&text, &PKCS_RSA_SHA256)?)
}
