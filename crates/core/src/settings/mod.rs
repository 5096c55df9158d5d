//! The settings file, `conf/nameplate.yaml`: listeners, endpoint, limits, timeouts.
//!
//! Every key is optional; each default is a named constant beside the reason for it. The file that
//! ships in `conf/` documents each key with its default, and a test holds the two together.

pub mod admin;
pub mod client;
pub mod emf;
pub mod endpoint;
pub mod listener;
pub mod log;
pub mod mapping;
pub mod telemetry;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::domain::overrides::is_endpoint_name;

pub use self::log::Log;
pub use crate::domain::overrides::DEFAULT_ENDPOINT;
pub use admin::AdminPages;
pub use client::{Client, Forwarded, Limits, Proto, Shutdown};
pub use emf::Emf;
pub use endpoint::{Endpoint, IpFamily, Sni};
pub use listener::{Identity, Listener, ListenerTls, ProxyProtocol};
pub use mapping::{MappingSource, ReloadRules};
pub use telemetry::{AccessLog, AccessLogTo, Metrics, RequestId, Sample};
pub use values::Network;

/// Everything `conf/nameplate.yaml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// Where the status page, `/livez`, `/readyz`, `/mapping`, `/endpoints` and `/metrics` answer. Default `127.0.0.1:9901`.
    pub admin: SocketAddr,
    /// Who is answered there.
    pub admin_pages: AdminPages,
    /// Where the mapping is kept. Default `mapping.yaml` beside the settings.
    pub mapping: MappingSource,
    /// How a changed mapping is noticed and taken.
    pub reload: ReloadRules,
    /// Worker threads. Default: the task's CPU limit, rounded up, at least 1.
    pub threads: Option<usize>,
    /// Bytes of memory that the process may use. Default: the limit of the task or its cgroup, if there is one.
    pub memory: Option<u64>,
    /// The execute-api VPC endpoint that every API is reached through whose entry names no other.
    pub endpoint: Endpoint,
    /// More of them, by the names that ENDPOINT can say.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// What a request may be.
    pub limits: Limits,
    /// What the API learns of the client.
    pub forwarded: Forwarded,
    /// How long the client's side may take, and how much of us.
    pub client: Client,
    /// What is counted for whom.
    pub metrics: Metrics,
    /// Where the id of a request comes from.
    pub request_id: RequestId,
    /// A line for each request.
    pub access_log: AccessLog,
    /// Metrics on standard output, for CloudWatch.
    pub emf: Emf,
    /// How the process stops.
    pub shutdown: Shutdown,
    /// What the operational log looks like.
    pub log: Log,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listeners: vec![Listener::default()],
            admin: SocketAddr::from(([127, 0, 0, 1], 9901)),
            admin_pages: AdminPages::default(),
            mapping: MappingSource::File(PathBuf::from("mapping.yaml")),
            reload: ReloadRules::default(),
            threads: None,
            memory: None,
            endpoint: Endpoint::default(),
            endpoints: BTreeMap::new(),
            limits: Limits::default(),
            forwarded: Forwarded::default(),
            client: Client::default(),
            metrics: Metrics::default(),
            request_id: RequestId::default(),
            access_log: AccessLog::default(),
            emf: Emf::default(),
            shutdown: Shutdown::default(),
            log: Log::default(),
        }
    }
}

/// Less memory than this is a number of megabytes that was meant as bytes.
const LEAST_MEMORY: u64 = 32 * 1024 * 1024;

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

    /// The names that ENDPOINT may have, beside the default one's.
    pub fn endpoint_names(&self) -> Vec<String> {
        self.endpoints.keys().cloned().collect()
    }

    /// What no single key can tell.
    pub fn validate(&self) -> Result<(), String> {
        if self.listeners.is_empty() {
            return Err("listeners: is empty; list at least one address".into());
        }
        self.endpoint.validate().map_err(|what| format!("endpoint: {what}"))?;
        for (name, endpoint) in &self.endpoints {
            named(name, endpoint).map_err(|what| format!("endpoints: {name}: {what}"))?;
        }
        let zero = [
            ("client: keep_alive", self.client.keep_alive),
            ("client: header_timeout", self.client.header_timeout),
            ("client: read_timeout", self.client.read_timeout),
            ("client: write_timeout", self.client.write_timeout),
        ];
        if let Some((key, _)) = zero.iter().find(|(_, value)| value.is_zero()) {
            return Err(format!("{key} is 0; write a duration, for example `5s`"));
        }
        self.admin_pages.validate()?;
        self.reload.validate()?;
        self.client.validate()?;
        self.metrics.validate()?;
        self.emf.validate()?;
        self.listeners.iter().try_for_each(Listener::validate)?;
        if self.threads == Some(0) {
            return Err("threads: must be at least 1".into());
        }
        if self.memory.is_some_and(|bytes| bytes < LEAST_MEMORY) {
            return Err(format!("memory: is under {LEAST_MEMORY} bytes; write the task's memory in bytes"));
        }
        Ok(())
    }
}

/// What an endpoint beside the default one must be.
fn named(name: &str, endpoint: &Endpoint) -> Result<(), String> {
    if name == DEFAULT_ENDPOINT || !is_endpoint_name(name) {
        return Err(format!("a name has up to 64 letters, digits, `-` and `_`, and is not `{DEFAULT_ENDPOINT}`"));
    }
    if endpoint.name.is_none() && endpoint.fixed.is_empty() && !endpoint.private_dns {
        return Err("has none of `name`, `fixed` and `private_dns`; set `name` to the endpoint's DNS name".into());
    }
    if let Some(key) = endpoint.not_its_own() {
        return Err(format!("{key} is the same for all endpoints; set it in `endpoint:`"));
    }
    endpoint.validate()
}

#[cfg(test)]
mod tests {
    use super::client::MAX_BODY;
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_empty_file_is_all_defaults() {
        let settings = Settings::parse("# nothing\n", "nameplate.yaml").expect("defaults");
        assert_eq!(settings.listeners[0].address.port(), 8080);
        assert_eq!(settings.limits.body, MAX_BODY);
    }

    // A setting that the shipped file does not name, or names with another default, fails here.
    #[test]
    fn the_shipped_file_documents_every_key_with_its_default() {
        let text = include_str!("../../../../conf/nameplate.yaml");
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
        fault("endpoint: { name: a, private_dns: true }\n", "endpoint: has more than one of");
        fault("endpoint: { sni: shared, fixed: ['127.0.0.1:1'] }\n", "`sni: shared` needs `name`");
        fault("endpoint: { cool_down: 2m }\n", "endpoint: cool_down is over max_cool_down");
        fault("endpoint: { check_interval: 10ms }\n", "check_interval is under 1s");
        fault("endpoints: { default: { name: a } }\n", "is not `default`");
        fault("endpoints: { a b: { name: a } }\n", "endpoints: a b: a name has up to 64");
        fault("endpoints: { a: { port: 8443 } }\n", "endpoints: a: has none of `name`");
        fault("endpoints: { a: { name: x, pool_size: 1 } }\n", "pool_size is the same for all endpoints");
        fault("listeners: []\n", "listeners: is empty");
        fault("listeners: [{ address: '127.0.0.1:0', proxy_protocol: { trust: [] } }]\n", "trusts nobody");
        fault("client: { header_timeout: 0s }\n", "client: header_timeout is 0");
        fault("client: { max_connections: 0 }\n", "must be at least 1");
        fault("client: { max_requests: 0 }\n", "must be at least 1");
        fault("memory: 512\n", "memory: is under 33554432 bytes");
        fault("admin: here\n", "admin");
        fault("admin_pages: { max_connections: 0 }\n", "admin_pages: max_connections must be at least 1");
        fault("admin_pages: { hosts: ['proxy:9901'] }\n", "`proxy:9901` is not a host name");
        fault("log: { level: inof }\n", "log: level: `inof` is no level; write `off`");
        fault("log: { format: xml }\n", "unknown variant `xml`, expected `text` or `json`");
        fault("mapping: s3://bucket\n", "s3://bucket names no object");
        fault("reload: { poll: 100ms }\n", "reload: poll is under 1s");
        fault("reload: { poll: 18446744073709551615s }\n", "reload: poll or timeout is over a day");
        fault("metrics: { max_domains: 100001 }\n", "metrics: max_domains is over 100000");
        fault("access_log: { sample: { 2xx: 101 } }\n", "101 is not a percentage; write a number from 0 to 100");
        fault("access_log: { to: file }\n", "unknown variant `file`");
        fault("request_id: keep\n", "unknown variant `keep`");
        fault("reload: { hold_entries: 0 }\n", "reload: hold_entries and hold_bytes must be at least 1");
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
