//! TLS listeners: certificates from files that change, made at the start, and asked of clients.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use nameplate_testkit::certificates::{Authority, Leaf};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, HandshakeKind, RootCertStore, SignatureScheme};

use super::{get, pay};
use crate::harness::authority;
use crate::harness::client::{Client, tls_config};
use crate::harness::origin::Origin;
use crate::harness::proxy::Proxy;
use crate::harness::server::replace;

const NAME: &str = "pay.example.com";

/// Writes a certificate for this name into a folder; gives the listener's keys.
pub(super) fn files(folder: &Path, name: &str) -> String {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let leaf = issue(authority(), name);
    replace(&certificate, leaf.certificate_pem());
    replace(&key, &leaf.key_pem());
    format!("tls: {{ certificate: {}, key: {} }}", certificate.display(), key.display())
}

/// A connection on which HTTP/2 was agreed on, and nothing said yet.
#[track_caller]
pub(super) fn http2_client(proxy: &Proxy) -> Client {
    let mut config = tls_config();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Client::try_connect_tls_with(proxy.tls_address(), NAME, &Arc::new(config)).expect("a handshake")
}

fn issue(authority: &Authority, name: &str) -> Leaf {
    authority.issue(&[name.to_owned()]).expect("a certificate")
}

#[test]
fn a_certificate_made_at_the_start_is_for_its_names() {
    let api = Origin::ok();
    let proxy = pay().to(&api).listener("tls: { self_signed: [pay.example.com, 127.0.0.1] }").start();
    let anything = Arc::new(with_verifier());
    let mut client = Client::try_connect_tls_with(proxy.own_address(), "other.example", &anything).expect("TLS");
    assert_eq!(client.send(get()).read_response().status, 200);
    assert_eq!(api.last_request().header("x-forwarded-proto"), Some("https"));

    // Who has seen it can check it: it names what it is for, and nothing else.
    let mut roots = RootCertStore::empty();
    roots.add(client.tls().peer_certificates().expect("a certificate")[0].clone().into_owned()).expect("added");
    let trusting = Arc::new(builder().with_root_certificates(roots).with_no_client_auth());
    let connect = |name| Client::try_connect_tls_with(proxy.own_address(), name, &trusting);
    assert!(connect(NAME).is_ok() && connect("127.0.0.1").is_ok());
    assert!(connect("other.example").is_err());
}

#[test]
fn both_versions_of_tls_and_of_http() {
    let api = Origin::ok();
    let proxy = pay().to(&api).tls(&[NAME]).start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(authority().roots().expect("roots"))
            .with_no_client_auth();
        let connect = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Client::try_connect_tls_with(proxy.tls_address(), NAME, &Arc::new(config)).expect("a handshake")
        };
        let mut none = connect(&[]);
        assert_eq!(none.tls().protocol_version(), Some(version.version));
        assert_eq!(none.send(get()).read_response().status, 200);
        assert_eq!(connect(&[b"http/1.1", b"h2"]).tls().alpn_protocol(), Some(&b"h2"[..]));
        let mut old = connect(&[b"http/1.1"]);
        assert_eq!(old.send(get()).read_response().status, 200);
    }
}

/// The keys of a listener that asks clients for a certificate of this authority.
fn asking(folder: &Path, clients: &Authority) -> String {
    let ca = folder.join("clients.pem");
    replace(&ca, clients.pem());
    files(folder, NAME).replace(" }", &format!(", client_ca: {} }}", ca.display()))
}

/// What a client shows.
fn showing(leaf: &Leaf) -> Arc<ClientConfig> {
    let certificate = CertificateDer::from_pem_slice(leaf.certificate_pem().as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(leaf.key_pem().as_bytes()).expect("a key");
    let builder = builder().with_root_certificates(authority().roots().expect("roots"));
    Arc::new(builder.with_client_auth_cert(vec![certificate], key).expect("a client"))
}

/// In TLS 1.3 a client hears that it was not wanted only once it reads.
fn try_get(proxy: &Proxy, config: &Arc<ClientConfig>) -> io::Result<u16> {
    let mut client = Client::try_connect_tls_with(proxy.own_address(), NAME, config)?;
    client.try_send(get())?;
    Ok(client.try_read_response(false)?.status)
}

#[test]
fn clients_show_a_certificate_where_they_must() {
    let api = Origin::ok();
    let folder = tempfile::tempdir().expect("a directory");
    let (clients, strangers) = (Authority::new().expect("an authority"), Authority::new().expect("an authority"));
    let proxy = pay().to(&api).listener(&asking(folder.path(), &clients)).start();
    let (friend, stranger) = (showing(&issue_client(&clients)), showing(&issue_client(&strangers)));

    assert_eq!(try_get(&proxy, &friend).expect("an answer"), 200);
    assert!(try_get(&proxy, &stranger).is_err());
    assert!(try_get(&proxy, &Arc::new(tls_config())).is_err());
    proxy.wait_for_cut("tls_handshake", 2.0);

    // Another authority is in force for new connections, also for those that would resume.
    replace(&folder.path().join("clients.pem"), strangers.pem());
    proxy.wait_for_metric("nameplate_certificate_reloads_total{result=\"ok\"}", 1.0);
    assert!(try_get(&proxy, &friend).is_err());
    assert_eq!(try_get(&proxy, &stranger).expect("an answer"), 200);
}

/// The demo's authority signs for servers only, which is not for clients.
fn issue_client(authority: &Authority) -> Leaf {
    authority.issue_for_client("client.example").expect("a certificate")
}

#[test]
fn a_changed_certificate_is_served_without_being_told() {
    let api = Origin::ok();
    let folder = tempfile::tempdir().expect("a directory");
    let patient = "client: { keep_alive: 60s }";
    let proxy = pay().to(&api).settings(patient).listener(&files(folder.path(), NAME)).start();
    let ours = Arc::new(tls_config());
    let connect = |name| Client::try_connect_tls_with(proxy.own_address(), name, &ours);
    let mut old = connect(NAME).expect("a handshake");
    assert!(connect("shop.example.com").is_err());

    // Half of a change is none: the key is of another certificate.
    let key = fs::read(folder.path().join("key.pem")).expect("a key");
    files(folder.path(), "shop.example.com");
    fs::write(folder.path().join("key.pem"), key).expect("written");
    proxy.wait_for_metric("nameplate_certificate_reloads_total{result=\"rejected\"}", 1.0);
    assert!(connect(NAME).is_ok());

    files(folder.path(), "shop.example.com");
    proxy.wait_for_metric("nameplate_certificate_reloads_total{result=\"ok\"}", 1.0);
    assert!(connect("shop.example.com").is_ok() && connect(NAME).is_err());
    assert_eq!(old.send(get()).read_response().status, 200, "an open connection goes on");
    assert_eq!(proxy.metric("nameplate_certificate_reloads_total{result=\"rejected\"}"), 1.0, "said once");
}

#[test]
fn who_comes_back_need_not_shake_hands_again_after_a_reload() {
    let api = Origin::ok();
    let folder = tempfile::tempdir().expect("a directory");
    let proxy = pay().to(&api).listener(&files(folder.path(), NAME)).start();
    let config = Arc::new(tls_config());
    let kind = || {
        let mut client = Client::try_connect_tls_with(proxy.own_address(), NAME, &config).expect("a handshake");
        assert_eq!(client.send(get()).read_response().status, 200);
        client.tls().handshake_kind()
    };
    assert_eq!(kind(), Some(HandshakeKind::Full));
    assert_eq!(kind(), Some(HandshakeKind::Resumed));
    files(folder.path(), NAME);
    proxy.wait_for_metric("nameplate_certificate_reloads_total{result=\"ok\"}", 1.0);
    assert_eq!(kind(), Some(HandshakeKind::Resumed));
    let counted = |kind| proxy.metric(&format!("nameplate_client_tls_handshakes_total{{kind=\"{kind}\"}}"));
    assert_eq!((counted("full"), counted("resumed")), (1.0, 2.0));
    assert_eq!(proxy.metric("nameplate_client_tls_handshake_duration_seconds_count"), 3.0);
}

#[test]
fn a_handshake_that_stops_or_fails_is_counted_and_one_that_never_begins_is_not() {
    let api = Origin::ok();
    let proxy = pay().to(&api).tls(&[NAME]).settings("client: { header_timeout: 200ms }").start();
    let mut client = Client::connect(proxy.tls_address());
    client.half_close();
    client.read_to_end();
    let mut client = Client::connect(proxy.tls_address());
    client.send(get());
    client.half_close();
    client.read_to_end();
    proxy.wait_for_cut("tls_handshake", 1.0);
    let mut client = Client::connect(proxy.tls_address());
    client.send("\x16\x03\x01").expect_closed();
    proxy.wait_for_cut("header_timeout", 1.0);
    proxy.wait_for_cut("tls_handshake", 1.0);
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
}

/// A client that trusts anybody, like a load balancer does its targets.
fn with_verifier() -> ClientConfig {
    builder().dangerous().with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth()
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// RFC 7301 section 3.2: a client that offers only what the listener does not speak is told so, whatever its TLS.
#[test]
fn a_client_without_a_common_protocol_is_told_so() {
    let api = Origin::ok();
    let proxy = pay().to(&api).tls(&[NAME]).start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).expect("known");
        let mut config = builder.with_root_certificates(authority().roots().expect("roots")).with_no_client_auth();
        config.alpn_protocols = vec![b"spdy/1".to_vec()];
        let refused = Client::try_connect_tls_with(proxy.tls_address(), NAME, &Arc::new(config));
        let error = refused.err().expect("nothing is agreed on").to_string();
        assert!(error.contains("NoApplicationProtocol"), "{version:?}: {error}");
    }
    proxy.wait_for_cut("tls_handshake", 2.0);
    assert_eq!(api.connections(), 0);
}
