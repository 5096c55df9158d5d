//! The listeners' certificates, read again while they serve.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use pingora::listeners::tls::Acceptor;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, version};

use super::StartFault;
use crate::config::settings::{Identity, ListenerTls};
use crate::telemetry::metrics::Metrics;

/// How often the files are looked at. They change a few times a year; a look is one call to the system
/// for each.
const POLL: Duration = Duration::from_secs(2);
/// Sessions of TLS 1.2 clients without tickets that can be resumed.
const SESSIONS: usize = 1_024;

/// A listener's certificate and key. New connections get what was read last; those that are open
/// keep theirs.
pub(super) struct Certificate {
    tls: ListenerTls,
    acceptor: ArcSwap<Acceptor>,
    /// The files as they were when they were read last, and when they were last looked at.
    seen: Mutex<(Stamps, Stamps)>,
    resumption: Mutex<Resumption>,
}

/// Inode, size and time of change of each file.
type Stamps = Vec<Option<(u64, u64, i64, i64)>>;

/// What clients that come back need not do again. It outlives a certificate, but not what decides who
/// may come: a resumed session is not verified anew.
#[derive(Clone)]
struct Resumption {
    tickets: Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
    client_ca: Vec<CertificateDer<'static>>,
}

/// What the files hold.
struct Read {
    key: CertifiedKey,
    client_ca: Vec<CertificateDer<'static>>,
}

impl Certificate {
    pub(super) fn read(tls: &ListenerTls) -> Result<Certificate, StartFault> {
        let stamps = stamps(tls);
        let read = Read::of(tls)?;
        let resumption = Resumption::new(read.client_ca.clone())?;
        let acceptor = acceptor(tls, read, &resumption)?;
        Ok(Certificate {
            tls: tls.clone(),
            acceptor: ArcSwap::from_pointee(acceptor),
            seen: Mutex::new((stamps.clone(), stamps)),
            resumption: Mutex::new(resumption),
        })
    }

    /// What serves it, HTTP/1.1 and HTTP/2.
    pub(super) fn acceptor(&self) -> Arc<Acceptor> {
        self.acceptor.load_full()
    }

    /// Reads the files again, and serves what they hold, or goes on with what they held. What comes of
    /// it is logged and counted.
    pub(super) fn reload(&self, metrics: &Metrics) {
        let Some(file) = files(&self.tls).first().map(|file| file.display()) else { return };
        // One at a time: of two, the one that read first could store last.
        let mut resumption = self.resumption.lock();
        // Before they are read: what changes meanwhile is seen later.
        self.seen.lock().0 = stamps(&self.tls);
        let read = self.try_reload(&mut resumption);
        drop(resumption);
        metrics.certificate_reloaded(read.is_ok());
        match read {
            Ok(()) => log::info!("certificate read again: {file}"),
            Err(fault) => log::error!("certificate rejected: {fault}; the one before serves on"),
        }
    }

    fn try_reload(&self, resumption: &mut Resumption) -> Result<(), StartFault> {
        let read = Read::of(&self.tls)?;
        let mut next = resumption.clone();
        if next.client_ca != read.client_ca {
            next = Resumption::new(read.client_ca.clone())?;
        }
        let acceptor = acceptor(&self.tls, read, &next)?;
        *resumption = next;
        self.acceptor.store(Arc::new(acceptor));
        Ok(())
    }

    /// Whether the files are others than those that were read, and have stopped changing: certificate
    /// and key are two files, and cannot be replaced at once.
    fn has_changed(&self) -> bool {
        let now = stamps(&self.tls);
        let mut seen = self.seen.lock();
        let (read, before) = &*seen;
        let changed = now == *before && now != *read;
        seen.1 = now;
        changed
    }
}

/// Reads certificates again when their files change, for ever.
pub(super) async fn keep_current(certificates: Vec<Arc<Certificate>>, metrics: Arc<Metrics>) {
    let mut looks = tokio::time::interval(POLL);
    loop {
        looks.tick().await;
        for certificate in certificates.iter().filter(|certificate| certificate.has_changed()) {
            certificate.reload(&metrics);
        }
    }
}

impl Resumption {
    fn new(client_ca: Vec<CertificateDer<'static>>) -> Result<Resumption, StartFault> {
        let tickets = ring::Ticketer::new().map_err(|e| StartFault::System(e.to_string()))?;
        Ok(Resumption { tickets, sessions: ServerSessionMemoryCache::new(SESSIONS), client_ca })
    }
}

impl Read {
    fn of(tls: &ListenerTls) -> Result<Read, StartFault> {
        let key = match &tls.identity {
            Identity::Files { certificate, key } => certified(certificate, key)?,
            Identity::SelfSigned(names) => self_signed(names)?,
        };
        let client_ca = tls.client_ca.as_deref().map(certificates).transpose()?.unwrap_or_default();
        Ok(Read { key, client_ca })
    }
}

fn acceptor(tls: &ListenerTls, read: Read, resumption: &Resumption) -> Result<Acceptor, StartFault> {
    // The provider is named: a process may hold two, and then rustls has no default.
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|e| StartFault::System(e.to_string()))?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for authority in read.client_ca {
                roots.add(authority).map_err(|e| pem_fault(file, e))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|e| pem_fault(file, e))?)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(read.key)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = Arc::clone(&resumption.tickets);
    config.session_storage = Arc::clone(&resumption.sessions);
    Ok(Acceptor::from_server_config(Arc::new(config)))
}

fn certified(certificate: &Path, key: &Path) -> Result<CertifiedKey, StartFault> {
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| pem_fault(key, e))?;
    // A key of another certificate is a fault of its own kind here.
    CertifiedKey::from_der(chain, private, &ring::default_provider()).map_err(|e| pem_fault(key, e))
}

/// A certificate that nobody has signed: it encrypts, and proves nothing.
fn self_signed(names: &[String]) -> Result<CertifiedKey, StartFault> {
    let fault = |e: rcgen::Error| StartFault::SelfSigned(e.to_string());
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(fault)?;
    let mut params = CertificateParams::new(names).map_err(fault)?;
    params.distinguished_name.push(DnType::CommonName, "nameplate");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).map_err(fault)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    CertifiedKey::from_der(vec![certificate.der().clone()], private, &ring::default_provider())
        .map_err(|e| StartFault::SelfSigned(e.to_string()))
}

/// The files of a listener, the most telling first. A certificate that was made has none.
fn files(tls: &ListenerTls) -> Vec<&PathBuf> {
    let own: &[&PathBuf] = match &tls.identity {
        Identity::Files { certificate, key } => &[certificate, key],
        Identity::SelfSigned(_) => &[],
    };
    own.iter().copied().chain(&tls.client_ca).collect()
}

fn stamps(tls: &ListenerTls) -> Stamps {
    let stamp = |file: &PathBuf| {
        let found = std::fs::metadata(file).ok()?;
        Some((found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
    };
    files(tls).into_iter().map(stamp).collect()
}

pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, StartFault> {
    let found = CertificateDer::pem_file_iter(file).map_err(|e| pem_fault(file, e))?;
    let chain = found.collect::<Result<Vec<_>, _>>().map_err(|e| pem_fault(file, e))?;
    if chain.is_empty() { Err(pem_fault(file, "holds no certificate in PEM form")) } else { Ok(chain) }
}

fn pem_fault(file: &Path, cause: impl std::fmt::Display) -> StartFault {
    StartFault::Pem { file: file.to_owned(), cause: cause.to_string() }
}
