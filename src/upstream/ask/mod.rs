//! Asks one API one safe request and reports what the exchange showed.
//!
//! The request goes out as the proxy would send it: to the same addresses, with the same server name, authorities,
//! timeouts and headers, but over a connection of its own and without credentials. It needs no running proxy.
//!
//! **Invariant:** asking changes nothing that requests go by. It takes no turn in a pool, claims no address that cools
//! down, reports no success and no failure of one, and spends no retry. Time and bytes are bounded, whatever arrives.

mod certificate;
mod exchange;
pub(crate) mod question;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, Error as RustlsError};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::certificate::NamesSeen;
use self::exchange::{Bounds, Received, Unanswered, exchange};
use self::question::Question;
use super::endpoint::EndpointFault;
use super::endpoints::{EndpointState, Endpoints};
use super::peer::shared_sni;
use super::pool::{AddressPool, Picked};
use super::trust::authorities;
use crate::telemetry::exhaustion::is_exhaustion;
use nameplate_core::domain::overrides::Timeouts;
use nameplate_core::settings::{self, Settings};
use nameplate_core::verdict::{Asked, BODY_LIMIT, ConnectError, Evidence, Outcome, Response, ResponseError, TlsError};

/// The longest `x-amzn-errortype` that is kept. API Gateway's are half as long.
const ERROR_TYPE: usize = 128;

/// Asks APIs.
pub(crate) struct Asker {
    /// In the order of `upstream::endpoints`.
    ways: Vec<Way>,
    tls: ClientConfig,
    verifier: Arc<WebPkiServerVerifier>,
}

/// How an endpoint is connected to.
struct Way {
    /// The server name, where it is not the API's.
    sni: Option<String>,
    timeouts: Timeouts,
    connect: Duration,
    tls: Duration,
    read: Duration,
}

/// What one exchange showed.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// What it says of the API: for `nameplate_core::verdict::classify`.
    pub(crate) evidence: Evidence,
    /// Where the connection went, where an address is known.
    pub(crate) address: Option<SocketAddr>,
    /// Whether that is in our zone.
    pub(crate) is_local: bool,
    /// How long each step took that ended.
    pub(crate) steps: Steps,
    /// The names of DNS on the certificate, at most 16; also where the handshake failed because of it.
    pub(crate) certificate: Vec<String>,
}

/// How long each step took; `None` for one that failed or did not begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) resolve: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
    /// From the request to the head of the response.
    pub(crate) first_byte: Option<Duration>,
    /// From there to the last byte of the body that was read.
    pub(crate) body: Option<Duration>,
}

/// This process has no descriptor, port or memory left: nothing that says something of the API.
#[derive(Debug, thiserror::Error)]
#[error("no socket is left: {0}")]
pub(crate) struct Exhausted(#[from] io::Error);

impl Asker {
    /// Reads the authorities; nothing is looked up or connected to yet.
    pub(crate) fn new(settings: &Settings) -> Result<Asker, EndpointFault> {
        let fault = |e: &dyn std::fmt::Display| EndpointFault::Authorities(e.to_string());
        let roots = Arc::new(authorities(settings.endpoint.ca_file.as_deref())?);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .build()
            .map_err(|e| fault(&e))?;
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| fault(&e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // As Pingora does. A session that is resumed would show no certificate.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        tls.resumption = Resumption::disabled();
        let all = std::iter::once(&settings.endpoint).chain(settings.endpoints.values());
        Ok(Asker { ways: all.map(Way::new).collect(), tls, verifier })
    }

    /// Asks an API over an endpoint, at an address that works if one does, of our zone first; `turn` chooses among
    /// equals. `place` is the endpoint's among those of the settings. Takes no longer than `within`.
    pub(crate) async fn ask(
        &self,
        endpoints: &Endpoints,
        place: usize,
        question: &Question<'_>,
        turn: usize,
        within: Duration,
    ) -> Result<Finding, Exhausted> {
        let began = Instant::now();
        let state = endpoints.at(place);
        let candidates = addresses(state, question.route.api_host(), within).await;
        let resolve = began.elapsed();
        let Some(address) = choose(&candidates, turn) else {
            return Ok(self.finding(place, question, Outcome::NotResolved));
        };
        let mut finding = self.ask_at(place, address, question, within.saturating_sub(resolve)).await?;
        finding.steps.resolve = Some(resolve);
        Ok(finding)
    }

    /// Asks an API at one address.
    pub(crate) async fn ask_at(
        &self,
        place: usize,
        address: &Picked,
        question: &Question<'_>,
        within: Duration,
    ) -> Result<Finding, Exhausted> {
        let mut finding = self.finding(place, question, Outcome::NotResolved);
        finding.address = Some(address.socket);
        finding.is_local = address.local;
        let end = Instant::now() + within;
        finding.evidence.outcome = match self.talk(place, address.socket, question, end, &mut finding).await {
            Ok(outcome) => outcome,
            Err(Broken::Outcome(outcome)) => outcome,
            Err(Broken::Exhausted(e)) => return Err(Exhausted(e)),
        };
        Ok(finding)
    }

    /// Connects, asks, and notes how long each step took.
    async fn talk(
        &self,
        place: usize,
        address: SocketAddr,
        question: &Question<'_>,
        end: Instant,
        finding: &mut Finding,
    ) -> Result<Outcome, Broken> {
        let way = &self.ways[place];
        let limits = way.limits(question.route.overrides().map(|overrides| overrides.timeouts));
        let began = Instant::now();
        let by = |limit: Duration| (began + limit).min(end);
        let tcp = connect(address, by(limits.connect)).await?;
        let connected = Instant::now();
        finding.steps.connect = Some(connected - began);
        let stream = self.secure(tcp, finding, by(limits.tls)).await?;
        let secured = Instant::now();
        finding.steps.tls = Some(secured - connected);
        // A question is made of parts that a request can carry.
        let request = question.request().ok_or(Outcome::NotAnswered(ResponseError::Closed))?;
        let head_by = (secured + limits.first_byte).min(end);
        let bounds = Bounds { head_by, end_by: end, body: BODY_LIMIT };
        let received = exchange(stream, request, bounds).await.map_err(unanswered)?;
        finding.steps.first_byte = Some(received.first_byte);
        finding.steps.body = Some(received.rest);
        Ok(Outcome::Answered(response(received)))
    }

    /// The handshake; what the certificate names goes to the finding.
    async fn secure(
        &self,
        tcp: TcpStream,
        finding: &mut Finding,
        by: Instant,
    ) -> Result<TlsStream<TcpStream>, Outcome> {
        let server_name = finding.evidence.asked.server_name.clone();
        let name = ServerName::try_from(server_name).map_err(|_| Outcome::NotSecured(TlsError::Other))?;
        let names = Arc::new(NamesSeen::new(&self.verifier));
        let mut config = self.tls.clone();
        config.dangerous().set_certificate_verifier(Arc::clone(&names) as _);
        let shaken = timeout_at(by.into(), TlsConnector::from(Arc::new(config)).connect(name, tcp)).await;
        finding.certificate = names.take();
        shaken
            .map_err(|_| Outcome::NotSecured(TlsError::TimedOut))?
            .map_err(|e| Outcome::NotSecured(read_tls_error(&e, &finding.certificate)))
    }

    fn finding(&self, place: usize, question: &Question<'_>, outcome: Outcome) -> Finding {
        let api_host = question.route.api_host();
        let asked = Asked {
            verb: question.verb.name().to_owned(),
            server_name: self.ways[place].sni.as_deref().unwrap_or(api_host).to_owned(),
            host: question.host.clone(),
            has_credentials: false,
        };
        Finding {
            evidence: Evidence { asked, outcome },
            address: None,
            is_local: false,
            steps: Steps::default(),
            certificate: Vec::new(),
        }
    }
}

/// Why there is no response.
enum Broken {
    Outcome(Outcome),
    Exhausted(io::Error),
}

impl From<Outcome> for Broken {
    fn from(outcome: Outcome) -> Broken {
        Broken::Outcome(outcome)
    }
}

impl Way {
    fn new(endpoint: &settings::Endpoint) -> Way {
        let first_byte = endpoint.first_byte_timeout.or(Some(endpoint.read_timeout));
        Way {
            sni: shared_sni(endpoint),
            timeouts: Timeouts { first_byte, ..Timeouts::default() },
            connect: endpoint.connect_timeout,
            tls: endpoint.tls_timeout,
            read: endpoint.read_timeout,
        }
    }

    /// The endpoint's timeouts, or those of the entry: the same rules as for a request.
    fn limits(&self, own: Option<Timeouts>) -> Limits {
        let own = own.unwrap_or_default();
        let first_byte = own.or(self.timeouts).first_byte.unwrap_or(self.read);
        let connect = own.connect.unwrap_or(self.connect);
        let tls = own.tls.unwrap_or(self.tls).max(own.connect.unwrap_or_default());
        Limits { connect, tls, first_byte }
    }
}

/// Of one exchange, each from the beginning of its step; `tls` includes `connect`.
struct Limits {
    connect: Duration,
    tls: Duration,
    first_byte: Duration,
}

/// An address that could be asked.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) address: Picked,
    /// Requests leave it alone for now.
    pub(crate) is_cooling: bool,
}

/// The addresses that requests to an API would go to: those that cool down last, and those of our zone first. A name that
/// is not known yet is looked up, for at most `within`.
pub(crate) async fn addresses(endpoint: &EndpointState, api_host: &str, within: Duration) -> Vec<Candidate> {
    let in_order = |pool: &AddressPool| {
        let candidate = |address: Picked| Candidate { is_cooling: pool.cooling(&address).is_some(), address };
        let mut list: Vec<_> = pool.addresses().into_iter().map(candidate).collect();
        list.sort_by_key(Candidate::rank);
        list
    };
    if let Some(pool) = endpoint.endpoint.pool() {
        return in_order(pool);
    }
    let Some(names) = endpoint.endpoint.names() else { return Vec::new() };
    let name = names.named(api_host);
    if name.is_unknown() {
        let _ = tokio::time::timeout(within, name.refresh(Instant::now())).await;
    }
    in_order(&name.pool)
}

impl Candidate {
    /// Lower is better.
    fn rank(&self) -> (bool, bool) {
        (self.is_cooling, !self.address.local)
    }
}

/// One of the best addresses: `turn` rotates among those that are as good as the first.
fn choose(candidates: &[Candidate], turn: usize) -> Option<&Picked> {
    let best = candidates.first()?.rank();
    let alike = candidates.iter().take_while(|candidate| candidate.rank() == best).count();
    candidates.get(turn % alike.max(1)).map(|candidate| &candidate.address)
}

async fn connect(address: SocketAddr, by: Instant) -> Result<TcpStream, Broken> {
    let failed = |error| Broken::Outcome(Outcome::NotConnected(error));
    let connected = timeout_at(by.into(), TcpStream::connect(address)).await;
    connected.map_err(|_| failed(ConnectError::TimedOut))?.map_err(|e| match e.kind() {
        _ if is_exhaustion(&e) || e.kind() == io::ErrorKind::AddrNotAvailable => Broken::Exhausted(e),
        io::ErrorKind::ConnectionRefused => failed(ConnectError::Refused),
        io::ErrorKind::TimedOut => failed(ConnectError::TimedOut),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => failed(ConnectError::Unreachable),
        _ => failed(ConnectError::Other),
    })
}

fn read_tls_error(e: &io::Error, names: &[String]) -> TlsError {
    use io::ErrorKind as K;
    let Some(of_tls) = e.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>()) else {
        return match e.kind() {
            K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => TlsError::Closed,
            K::TimedOut => TlsError::TimedOut,
            _ => TlsError::Other,
        };
    };
    match of_tls {
        RustlsError::InvalidCertificate(why) => match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsError::WrongName { names: names.to_vec() }
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsError::Expired,
            // The certificate arrived and was refused: no other step of the handshake failed.
            _ => TlsError::Untrusted,
        },
        RustlsError::AlertReceived(_) => TlsError::Closed,
        RustlsError::InvalidMessage(_) => TlsError::NotTls,
        _ => TlsError::Other,
    }
}

fn unanswered(why: Unanswered) -> Outcome {
    Outcome::NotAnswered(match why {
        Unanswered::Late => ResponseError::TimedOut,
        Unanswered::Closed => ResponseError::Closed,
        Unanswered::NotHttp => ResponseError::NotHttp,
    })
}

fn response(received: Received) -> Response {
    let headers = &received.headers;
    let has = |name: &str| headers.contains_key(name);
    Response {
        status: received.status.as_u16(),
        error_type: error_type(headers),
        has_request_id: has("x-amzn-requestid"),
        has_apigw_id: has("x-amz-apigw-id"),
        has_trace_id: has("x-amzn-trace-id"),
        has_remapped: headers.keys().any(|name| name.as_str().starts_with("x-amzn-remapped-")),
        body: received.body,
    }
}

/// `x-amzn-errortype`, cut to a length that no list of results can grow by.
fn error_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-amzn-errortype")?;
    let text = String::from_utf8_lossy(&value.as_bytes()[..value.len().min(ERROR_TYPE)]);
    Some(text.into_owned())
}

#[cfg(test)]
mod tests;
