//! The settings file, `conf/nameplate.yaml`: listeners, endpoint, limits, timeouts.
//!
//! Every key is optional; each default is a named constant beside the reason for it. The file that
//! ships in `conf/` documents each key with its default, and a test holds the two together.

pub mod mapping;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

pub use mapping::{MappingSource, Reload};
pub use values::Network;
use values::duration;

/// How long an idle client connection is kept. An ALB reuses connections for 60 s by default; the
/// side that reuses must be the one that gives up first, or a request meets a closing connection.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// An ENI in our region answers within a millisecond; a second means a zone in trouble.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// TCP and TLS together: one more round trip and a signature.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(3);
/// API Gateway's integrations run up to 29 s by default; one second more lets its own 504 arrive.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that takes no byte for this long is gone.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// A client that sends no byte of its request for this long is gone.
pub const CLIENT_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// API Gateway closes idle connections after 310 s; reusing one at 309 s is a race it would win.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// All idle connections to the endpoint, over all threads. With one SNI per API a pool smaller
/// than (APIs in use x connections each) costs a handshake per request.
pub const POOL_SIZE: usize = 8_192;
/// Attempts to connect, the first included: each at another address where there is one.
pub const CONNECT_ATTEMPTS: usize = 3;
/// DNS answers are used no shorter than this, so that a zero TTL is no busy loop.
pub const MIN_TTL: Duration = Duration::from_secs(5);
/// And no longer: VPC endpoint records carry 60 s.
pub const MAX_TTL: Duration = Duration::from_secs(60);
/// API Gateway's payload quota: 10 MB.
pub const MAX_BODY: u64 = 10_485_760;
/// API Gateway's quota for all header names and values: 10,240 bytes.
pub const MAX_HEADERS: usize = 10_240;
/// The longest URL that API Gateway takes.
pub const MAX_URL: usize = 8_192;
/// ECS sends SIGKILL 30 s after SIGTERM unless the task says otherwise; this leaves time to exit.
pub const GRACE_PERIOD: Duration = Duration::from_secs(25);

/// Everything `conf/nameplate.yaml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// Where `/livez`, `/readyz`, `/mapping` and `/metrics` answer. Default `127.0.0.1:9901`.
    pub admin: SocketAddr,
    /// Where the mapping is kept. Default `mapping.yaml` beside the settings.
    pub mapping: MappingSource,
    /// How a changed mapping is noticed and taken.
    pub reload: Reload,
    /// Worker threads. Default: the task's CPU limit, rounded up, at least 1.
    pub threads: Option<usize>,
    /// The execute-api VPC endpoint.
    pub endpoint: Endpoint,
    /// What a request may be.
    pub limits: Limits,
    /// What the API learns of the client.
    pub forwarded: Forwarded,
    /// How long the client's side may take.
    pub client: ClientTimeouts,
    /// How the process stops.
    pub shutdown: Shutdown,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listeners: vec![Listener::default()],
            admin: SocketAddr::from(([127, 0, 0, 1], 9901)),
            mapping: MappingSource::File(PathBuf::from("mapping.yaml")),
            reload: Reload::default(),
            threads: None,
            endpoint: Endpoint::default(),
            limits: Limits::default(),
            forwarded: Forwarded::default(),
            client: ClientTimeouts::default(),
            shutdown: Shutdown::default(),
        }
    }
}

/// One address clients connect to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// IP address and port. Default `0.0.0.0:8080`.
    pub address: SocketAddr,
    /// Serve TLS with this certificate, HTTP/1.1 and HTTP/2 by ALPN.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// Accept HTTP/2 with prior knowledge on a plaintext listener. Default false.
    #[serde(default)]
    pub h2c: bool,
}

impl Default for Listener {
    fn default() -> Self {
        Listener { address: SocketAddr::from(([0, 0, 0, 0], 8080)), tls: None, h2c: false }
    }
}

/// A listener's certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// PEM file: the certificate, then its intermediates.
    pub certificate: PathBuf,
    /// PEM file: its private key.
    pub key: PathBuf,
}

/// How the execute-api VPC endpoint is found and spoken to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    /// The endpoint's DNS name, looked up again whenever its TTL runs out. Exactly one of `name`
    /// and `fixed` is set.
    pub name: Option<String>,
    /// Addresses to use as they are, port included: for tests and the demo.
    pub fixed: Vec<SocketAddr>,
    /// The port behind `name`. Default 443.
    pub port: u16,
    /// DNS servers to ask for `name`. Default: those of `/etc/resolv.conf`.
    pub nameservers: Vec<SocketAddr>,
    /// PEM file of the certificate authorities to trust. Default: the system's.
    pub ca_file: Option<PathBuf>,
    /// Default [`CONNECT_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// TCP and TLS together. Default [`TLS_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub tls_timeout: Duration,
    /// The longest silence while an answer is awaited or arrives. Default [`READ_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub read_timeout: Duration,
    /// Default [`WRITE_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
    /// How long an idle connection is kept. Default [`IDLE_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: Duration,
    /// Default [`POOL_SIZE`].
    pub pool_size: usize,
    /// Default [`CONNECT_ATTEMPTS`].
    pub connect_attempts: usize,
    /// Default [`MIN_TTL`].
    #[serde(deserialize_with = "duration")]
    pub min_ttl: Duration,
    /// Default [`MAX_TTL`].
    #[serde(deserialize_with = "duration")]
    pub max_ttl: Duration,
}

impl Default for Endpoint {
    fn default() -> Self {
        Endpoint {
            name: None,
            fixed: Vec::new(),
            port: 443,
            nameservers: Vec::new(),
            ca_file: None,
            connect_timeout: CONNECT_TIMEOUT,
            tls_timeout: TLS_TIMEOUT,
            read_timeout: READ_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            pool_size: POOL_SIZE,
            connect_attempts: CONNECT_ATTEMPTS,
            min_ttl: MIN_TTL,
            max_ttl: MAX_TTL,
        }
    }
}

/// What a request may be; over it, it is refused and nothing is forwarded.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of body. Default [`MAX_BODY`].
    pub body: u64,
    /// Bytes of all header names and values. Default [`MAX_HEADERS`].
    pub headers: usize,
    /// Bytes of the request target. Default [`MAX_URL`].
    pub url: usize,
}

impl From<Limits> for crate::domain::decide::Limits {
    fn from(limits: Limits) -> Self {
        crate::domain::decide::Limits { body: limits.body, headers: limits.headers, url: limits.url }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { body: MAX_BODY, headers: MAX_HEADERS, url: MAX_URL }
    }
}

/// The X-Forwarded-* rule.
///
/// From a peer in `trust`, `X-Forwarded-For` is extended and the other three kept where present.
/// From any other peer all four are replaced by what we saw ourselves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forwarded {
    /// Networks whose X-Forwarded-* we believe: the ALB's subnets. Default: none.
    pub trust: Vec<Network>,
    /// What the client used, if the load balancer ended its TLS: `http` or `https`. Default: what
    /// the listener speaks.
    pub proto: Option<Proto>,
    /// The port the client used. Default: the listener's.
    pub port: Option<u16>,
    /// Leave all four exactly as they arrive. Default false.
    pub untouched: bool,
}

/// A URL scheme a client may have used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// Plaintext.
    Http,
    /// TLS.
    Https,
}

impl Proto {
    /// As X-Forwarded-Proto and URLs spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Proto::Http => "http",
            Proto::Https => "https",
        }
    }
}

/// How long the client's side may take.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientTimeouts {
    /// How long an idle connection waits for the next request. Default [`KEEP_ALIVE`].
    #[serde(deserialize_with = "duration")]
    pub keep_alive: Duration,
    /// The longest silence inside a request. Default [`CLIENT_READ_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub read_timeout: Duration,
    /// The longest time a write may wait for the client to take it. Default [`WRITE_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        ClientTimeouts { keep_alive: KEEP_ALIVE, read_timeout: CLIENT_READ_TIMEOUT, write_timeout: WRITE_TIMEOUT }
    }
}

/// How the process stops on SIGTERM.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long to go on accepting after readiness has failed. Default 0: ECS takes a task out of
    /// its target group before it sends SIGTERM.
    #[serde(deserialize_with = "duration")]
    pub delay: Duration,
    /// The longest time to wait for requests in flight. Default [`GRACE_PERIOD`].
    #[serde(deserialize_with = "duration")]
    pub grace_period: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown { delay: Duration::ZERO, grace_period: GRACE_PERIOD }
    }
}

/// Why a settings file cannot be used: one line that says what and where.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}:{column}: error: {what}")]
pub struct SettingsFault {
    file: String,
    line: usize,
    column: usize,
    what: String,
}

impl Settings {
    /// Reads the text of a settings file; `file` is only for the faults.
    pub fn parse(text: &str, file: &str) -> Result<Settings, SettingsFault> {
        let fault = |line, column, what: String| SettingsFault { file: file.into(), line, column, what };
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Settings::default());
        }
        let settings: Settings = serde_yaml::from_str(text).map_err(|e| {
            let (line, column) = e.location().map_or((1, 1), |at| (at.line(), at.column()));
            let what = e.to_string();
            let what = what.split(" at line ").next().unwrap_or(&what).to_owned();
            fault(line, column, what)
        })?;
        settings.validate().map_err(|what| fault(1, 1, what))?;
        Ok(settings)
    }

    /// What no single key can tell.
    pub fn validate(&self) -> Result<(), String> {
        let endpoint = &self.endpoint;
        if self.listeners.is_empty() {
            return Err("listeners: is empty; list at least one address".into());
        }
        if endpoint.name.is_some() && !endpoint.fixed.is_empty() {
            return Err("endpoint: has both `name` and `fixed`; keep one".into());
        }
        if endpoint.connect_timeout > endpoint.tls_timeout {
            return Err("endpoint: connect_timeout is over tls_timeout, which includes it".into());
        }
        if endpoint.idle_timeout >= Duration::from_secs(310) {
            return Err("endpoint: idle_timeout must be under 310s, when API Gateway closes idle connections".into());
        }
        let zero = [
            ("endpoint: connect_timeout", endpoint.connect_timeout),
            ("endpoint: read_timeout", endpoint.read_timeout),
            ("endpoint: write_timeout", endpoint.write_timeout),
            ("endpoint: min_ttl", endpoint.min_ttl),
            ("client: keep_alive", self.client.keep_alive),
            ("client: read_timeout", self.client.read_timeout),
            ("client: write_timeout", self.client.write_timeout),
        ];
        if let Some((key, _)) = zero.iter().find(|(_, value)| value.is_zero()) {
            return Err(format!("{key} is 0; write a duration, for example `5s`"));
        }
        self.reload.validate()?;
        if endpoint.min_ttl > endpoint.max_ttl {
            return Err("endpoint: min_ttl is over max_ttl".into());
        }
        if endpoint.connect_attempts == 0 || endpoint.pool_size == 0 || self.threads == Some(0) {
            return Err("connect_attempts, pool_size and threads must be at least 1".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_all_defaults() {
        let settings = Settings::parse("# nothing\n", "nameplate.yaml").expect("defaults");
        assert_eq!(settings.listeners[0].address.port(), 8080);
        assert_eq!(settings.limits.body, MAX_BODY);
    }

    // A setting that the shipped file does not name, or names with another default, fails here.
    #[test]
    fn the_shipped_file_documents_every_key_with_its_default() {
        let text = include_str!("../../../conf/nameplate.yaml");
        let shipped = Settings::parse(text, "conf/nameplate.yaml").expect("the shipped file is valid");
        assert_eq!(format!("{shipped:?}"), format!("{:?}", Settings::default()));
        let shown = format!("{:?}", Settings::default());
        let keys = shown.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect::<Vec<_>>();
        let is_key = |word: &&&str| !word.is_empty() && shown.contains(&format!("{word}: "));
        for key in keys.iter().filter(is_key) {
            assert!(text.contains(&format!("{key}:")), "conf/nameplate.yaml does not document `{key}`");
        }
    }

    #[test]
    fn durations_are_written_with_a_unit() {
        let text = "endpoint:\n  name: vpce.example\n  connect_timeout: 250ms\n  tls_timeout: 2\n  read_timeout: 15m\n";
        let endpoint = Settings::parse(text, "f").expect("valid").endpoint;
        assert_eq!(endpoint.connect_timeout, Duration::from_millis(250));
        assert_eq!((endpoint.tls_timeout, endpoint.read_timeout), (Duration::from_secs(2), Duration::from_secs(900)));
    }

    #[track_caller]
    fn fault(text: &str, want: &str) {
        let found = Settings::parse(text, "nameplate.yaml").expect_err(text).to_string();
        assert!(found.starts_with("nameplate.yaml:") && found.contains(want), "{found}");
    }

    #[test]
    fn a_fault_says_where_and_what() {
        fault("endpoint:\n  nmae: x\n", "unknown field `nmae`");
        fault("endpoint:\n  read_timeout: soon\n", "`soon` is not a duration");
        fault("forwarded:\n  trust: [10.0.0.0/33]\n", "not an IP network");
        fault("endpoint:\n  idle_timeout: 310s\n", "idle_timeout must be under 310s");
        fault("listeners: []\n", "listeners: is empty");
        fault("admin: here\n", "admin");
        fault("mapping: s3://bucket\n", "s3://bucket names no object");
        fault("reload: { poll: 100ms }\n", "reload: poll is under 1s");
        fault("reload: { poll: 18446744073709551615s }\n", "reload: poll or timeout is over a day");
        fault("reload: { max_removed: 101 }\n", "reload: max_removed is a percentage");
    }

    #[test]
    fn a_network_contains_its_addresses() {
        let net: Network = "10.1.0.0/16".parse().expect("a network");
        assert!(net.contains("10.1.255.1".parse().expect("an ip")));
        assert!(net.contains("::ffff:10.1.0.1".parse().expect("an ip")));
        assert!(!net.contains("10.2.0.1".parse().expect("an ip")));
        let all: Network = "0.0.0.0/0".parse().expect("a network");
        assert!(all.contains("192.0.2.1".parse().expect("an ip")) && !all.contains("::1".parse().expect("an ip")));
    }
}
