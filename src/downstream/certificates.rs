//! The listeners' certificates, read again while they serve.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use parking_lot::Mutex;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, version};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::source::file_access::FileAccess;
use crate::telemetry::metrics::{CertificateExpiry, Metrics};
use nameplate_core::settings::{Identity, ListenerTls};

/// How often the files are looked at. They change a few times a year; a look is one call to the system
/// for each.
const POLL: Duration = Duration::from_secs(2);
/// Days before its end from which each reading of a certificate warns. Those who renew by themselves do so
/// about 30 days before.
const WARN_DAYS: i64 = 14;
const DAY: i64 = 86_400;
/// Sessions of TLS 1.2 clients without tickets that can be resumed.
const SESSIONS: usize = 1_024;

/// Why a listener's certificate or key, or the authorities in a file, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or does not hold what it should.
    #[error("{file}: {cause}", file = .file.display())]
    Pem {
        /// Which file.
        file: PathBuf,
        /// Why.
        cause: String,
    },
    /// No certificate can be made for a listener's names.
    #[error("tls: self_signed: {0}")]
    SelfSigned(String),
    /// TLS cannot be set up.
    #[error("cannot start: {0}")]
    Tls(String),
}

/// A listener's certificate and key. New connections get what was read last; those that are open
/// keep theirs.
pub(crate) struct Certificate {
    /// The listener's address, and where the end of its certificate is told.
    listener: String,
    expiry: CertificateExpiry,
    config: ArcSwap<ServerConfig>,
    /// Taken by what keeps them current.
    files: Mutex<Option<Files>>,
    /// Somebody wants the files read, whether they changed or not.
    ordered: Notify,
}

/// The files of a certificate, and what is known of them. It makes calls to the file system, which may not answer.
struct Files {
    tls: ListenerTls,
    /// As they were when they were read last.
    read: Stamps,
    /// As they were when they were last looked at.
    before: Stamps,
    resumption: Resumption,
}

/// What reading the files gave.
struct Loaded {
    config: ServerConfig,
    ends: Option<i64>,
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
    /// Reads that of the listener at this address.
    pub(crate) fn read(
        tls: &ListenerTls,
        listener: String,
        metrics: &Metrics,
    ) -> Result<Certificate, CertificateError> {
        let stamps = stamps(tls);
        let read = Read::of(tls)?;
        let resumption = Resumption::new(read.client_ca.clone())?;
        let ends = ends(&read.key.cert);
        let config = config(tls, read, &resumption)?;
        let files = Files { tls: tls.clone(), read: stamps.clone(), before: stamps, resumption };
        let certificate = Certificate {
            expiry: metrics.clients.certificate_expiry(&listener),
            listener,
            config: ArcSwap::from_pointee(config),
            files: Mutex::new(Some(files)),
            ordered: Notify::new(),
        };
        certificate.tell_end(ends);
        Ok(certificate)
    }

    /// What serves it, HTTP/1.1 and HTTP/2.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }

    fn tell_end(&self, ends: Option<i64>) {
        self.expiry.is(ends);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if let Some(fault) = end_fault(ends, i64::try_from(now).unwrap_or(i64::MAX)) {
            log::warn!("certificate of {}: {fault}", self.listener);
        }
    }

    /// Asks for the files to be read again. What comes of it is logged and counted.
    pub(crate) fn order_reload(&self) {
        self.ordered.notify_one();
    }

    /// Reads the files again when they change or somebody asks, for ever; ends at once where there are none. They
    /// should be read within `patience`; what takes longer is an error, and counts when it comes.
    async fn keep_current(&self, patience: Duration, metrics: &Metrics) {
        let Some(files) = self.files.lock().take() else { return };
        let Some(file) = paths(&files.tls).first().map(|file| file.display().to_string()) else { return };
        let mut access = FileAccess::new(files);
        let mut looks = tokio::time::interval(POLL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ordered = tokio::select! {
                biased;
                () = self.ordered.notified() => true,
                _ = looks.tick() => false,
            };
            let mut look = std::pin::pin!(access.run(move |files| files.look(ordered)));
            let looked = match tokio::time::timeout(patience, &mut look).await {
                Ok(looked) => looked,
                Err(_) => {
                    metrics.clients.certificate_reloaded(false);
                    log::error!(
                        "certificate not read: {file} or a file beside it does not answer within {patience:?}; the one \
                         before serves on, and the files are waited for"
                    );
                    look.await
                }
            };
            match looked.map_err(|e| CertificateError::Pem { file: file.clone().into(), cause: e.to_string() }) {
                Ok(None) => {}
                Ok(Some(read)) => self.take(read, &file, metrics),
                Err(fault) => self.take(Err(fault), &file, metrics),
            }
        }
    }

    /// Serves what the files hold, or goes on with what they held.
    fn take(&self, read: Result<Loaded, CertificateError>, file: &str, metrics: &Metrics) {
        metrics.clients.certificate_reloaded(read.is_ok());
        match read {
            Ok(Loaded { config, ends }) => {
                self.config.store(Arc::new(config));
                self.tell_end(ends);
                log::info!("certificate read again: {file}");
            }
            Err(fault) => log::error!("certificate rejected: {fault}; the one before serves on"),
        }
    }
}

impl Files {
    /// Reads the files if somebody asks for it, or if they are others than those that were read and have stopped
    /// changing: certificate and key are two files, and cannot be replaced at once.
    fn look(&mut self, ordered: bool) -> Option<Result<Loaded, CertificateError>> {
        let now = stamps(&self.tls);
        let before = std::mem::replace(&mut self.before, now.clone());
        let has_changed = now == before && now != self.read;
        (ordered || has_changed).then(|| {
            // As they were before they are read: what changes meanwhile is seen later.
            self.read = now;
            self.load()
        })
    }

    fn load(&mut self) -> Result<Loaded, CertificateError> {
        let read = Read::of(&self.tls)?;
        let mut next = self.resumption.clone();
        if next.client_ca != read.client_ca {
            next = Resumption::new(read.client_ca.clone())?;
        }
        let ends = ends(&read.key.cert);
        let config = config(&self.tls, read, &next)?;
        self.resumption = next;
        Ok(Loaded { config, ends })
    }
}

/// Reads certificates again when their files change, for ever, each on its own: one whose files do not answer holds
/// up no other.
pub(crate) async fn keep_current(certificates: Vec<Arc<Certificate>>, patience: Duration, metrics: Arc<Metrics>) {
    join_all(certificates.iter().map(|certificate| certificate.keep_current(patience, &metrics))).await;
}

impl Resumption {
    fn new(client_ca: Vec<CertificateDer<'static>>) -> Result<Resumption, CertificateError> {
        let tickets = ring::Ticketer::new().map_err(|e| CertificateError::Tls(e.to_string()))?;
        Ok(Resumption { tickets, sessions: ServerSessionMemoryCache::new(SESSIONS), client_ca })
    }
}

impl Read {
    fn of(tls: &ListenerTls) -> Result<Read, CertificateError> {
        let key = match &tls.identity {
            Identity::Files { certificate, key } => certified(certificate, key)?,
            Identity::SelfSigned(names) => self_signed(names)?,
        };
        let client_ca = tls.client_ca.as_deref().map(certificates).transpose()?.unwrap_or_default();
        Ok(Read { key, client_ca })
    }
}

fn config(tls: &ListenerTls, read: Read, resumption: &Resumption) -> Result<ServerConfig, CertificateError> {
    // The provider is named: a process may hold two, and then rustls has no default.
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|e| CertificateError::Tls(e.to_string()))?;
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
    Ok(config)
}

/// When the first certificate of a chain ends, in seconds since the Unix epoch; `None` where no date can be
/// read.
fn ends(chain: &[CertificateDer<'_>]) -> Option<i64> {
    let end = |der: &CertificateDer<'_>| Some(X509Certificate::from_der(der).ok()?.1.validity().not_after.timestamp());
    // Without the date of one, nobody knows when the first one ends.
    chain.iter().map(end).collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// What there is to say of a certificate that ends then.
fn end_fault(ends: Option<i64>, now: i64) -> Option<String> {
    let Some(ends) = ends else { return Some("the date of its end cannot be read".into()) };
    let days = ends.saturating_sub(now).div_euclid(DAY);
    match days {
        i64::MIN..0 => {
            Some(format!("it expired {} days ago, and clients refuse it; replace it", now.saturating_sub(ends) / DAY))
        }
        0..WARN_DAYS => Some(format!("it expires in {days} days; replace it before")),
        _ => None,
    }
}

fn certified(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let chain = certificates(certificate)?;
    let private = private_key(key)?;
    CertifiedKey::from_der(chain, private, &ring::default_provider()).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => {
            pem_fault(key, format!("it is not the key of the certificate in {}", certificate.display()))
        }
        e => pem_fault(key, e),
    })
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_file(file).map_err(|e| match e {
        pem::Error::NoItemsFound => {
            pem_fault(file, "holds no private key in PEM form; one that is encrypted cannot be used")
        }
        pem::Error::Io(e) => pem_fault(file, e),
        e => pem_fault(file, e),
    })
}

/// A certificate that nobody has signed: it encrypts, and proves nothing.
fn self_signed(names: &[String]) -> Result<CertifiedKey, CertificateError> {
    let fault = |e: rcgen::Error| CertificateError::SelfSigned(e.to_string());
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(fault)?;
    let mut params = CertificateParams::new(names).map_err(fault)?;
    params.distinguished_name.push(DnType::CommonName, "nameplate");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).map_err(fault)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    CertifiedKey::from_der(vec![certificate.der().clone()], private, &ring::default_provider())
        .map_err(|e| CertificateError::SelfSigned(e.to_string()))
}

/// Everything that is wrong with the files of a listener, and what to know of a certificate without error: `check` asks.
pub(crate) fn inspect(tls: &ListenerTls) -> Result<Option<String>, Vec<CertificateError>> {
    let mut errors = Vec::new();
    if let Identity::Files { certificate, key } = &tls.identity {
        errors.extend(certificates(certificate).err());
        errors.extend(private_key(key).err());
    }
    if let Some(file) = &tls.client_ca {
        errors.extend(certificates(file).err());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let ready = || {
        let read = Read::of(tls)?;
        let ends = ends(&read.key.cert);
        let resumption = Resumption::new(read.client_ca.clone())?;
        config(tls, read, &resumption).map(|_| ends)
    };
    let ends = ready().map_err(|error| vec![error])?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(end_fault(ends, i64::try_from(now).unwrap_or(i64::MAX)))
}

/// The files of a listener, the most telling first. A certificate that was made has none.
fn paths(tls: &ListenerTls) -> Vec<&PathBuf> {
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
    paths(tls).into_iter().map(stamp).collect()
}

pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let wrong = |e: pem::Error| match e {
        pem::Error::Io(e) => pem_fault(file, e),
        e => pem_fault(file, e),
    };
    let found = CertificateDer::pem_file_iter(file).map_err(wrong)?;
    let chain = found.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if chain.is_empty() { Err(pem_fault(file, "holds no certificate in PEM form")) } else { Ok(chain) }
}

fn pem_fault(file: &Path, cause: impl std::fmt::Display) -> CertificateError {
    CertificateError::Pem { file: file.to_owned(), cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(until: (i32, u8, u8)) -> CertificateDer<'static> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let mut params = CertificateParams::new(["a.example.com".to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        params.self_signed(&key).expect("a certificate").der().clone()
    }

    #[test]
    fn a_chain_ends_with_the_first_of_its_certificates() {
        let (early, late) = (made((2_030, 1, 1)), made((2_100, 1, 1)));
        assert_eq!(ends(&[late.clone(), early.clone()]), Some(1_893_456_000));
        assert_eq!(ends(&[late]), Some(4_102_444_800));
        assert_eq!(ends(&[]), None);
    }

    #[test]
    fn dates_of_all_centuries_and_none_are_no_panic() {
        assert_eq!(ends(&[made((1_950, 1, 1))]), Some(-631_152_000));
        assert_eq!(ends(&[made((9_999, 12, 31))]), Some(253_402_214_400));
        let mut broken = made((2_030, 1, 1)).to_vec();
        let date = broken.windows(13).position(|bytes| bytes == b"300101000000Z").expect("the date");
        // The 77th of the 99th month.
        broken[date..date + 6].copy_from_slice(b"309977");
        assert_eq!(ends(&[CertificateDer::from(broken.clone())]), None);
        for length in 0..broken.len() {
            assert_eq!(ends(&[CertificateDer::from(broken[..length].to_vec())]), None);
        }
    }

    #[test]
    fn an_end_that_is_near_or_past_is_told() {
        let told = |ends| end_fault(ends, 1_000 * DAY).unwrap_or_default();
        assert_eq!(told(Some(1_014 * DAY)), "");
        assert_eq!(told(Some(1_014 * DAY - 1)), "it expires in 13 days; replace it before");
        assert_eq!(told(Some(1_000 * DAY)), "it expires in 0 days; replace it before");
        assert!(told(Some(1_000 * DAY - 1)).starts_with("it expired 0 days ago"));
        assert!(told(Some(990 * DAY)).starts_with("it expired 10 days ago, and clients refuse it"));
        assert!(told(Some(i64::MIN)).starts_with("it expired "));
        assert_eq!(told(Some(i64::MAX)), "");
        assert!(told(None).contains("cannot be read"));
    }
}
