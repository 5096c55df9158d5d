//! The settings file, `conf/nameplate.yaml`: listeners, endpoint, limits, timeouts.
//!
//! Every key is optional; each default is a named constant beside the reason for it. The file that
//! ships in `conf/` documents each key with its default, and a test holds the two together.

pub mod admin;
pub mod client;
pub mod emf;
pub mod endpoint;
mod host_name;
mod json_schema;
mod keys;
mod kind;
pub mod listener;
pub mod log;
pub mod mapping;
mod places;
pub mod probes;
mod problem;
mod read;
pub mod telemetry;
pub(crate) mod tree;
mod values;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use self::read::Checked;
use crate::diagnostic::Diagnostics;
use crate::mapping::encoding::{text_of, without_mark};

pub use self::log::Log;
pub use crate::domain::overrides::DEFAULT_ENDPOINT;
pub use admin::AdminPages;
pub use client::{Client, Forwarded, Limits, Proto, Shutdown};
pub use emf::Emf;
pub use endpoint::{Endpoint, IpFamily, Sni};
pub use host_name::check_endpoint_name;
pub use json_schema::json_schema;
pub use listener::{Identity, Listener, ListenerTls, ProxyProtocol};
pub use mapping::{MappingSource, ReloadRules, Unverified};
pub use places::Places;
pub use probes::Probes;
pub use problem::{Problem, Problems, Wrong};
pub use telemetry::{AccessLog, AccessLogTo, Metrics, RequestId, Sample};
pub use values::{Network, read_address};

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
    #[serde(deserialize_with = "values::optional_size")]
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
    /// Requests of ours that ask whether the APIs answer.
    pub probes: Probes,
    /// How the process stops.
    pub shutdown: Shutdown,
    /// What the operational log looks like.
    pub log: Log,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            listeners: vec![Listener::default()],
            admin: admin::ADDRESS,
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
            probes: Probes::default(),
            shutdown: Shutdown::default(),
            log: Log::default(),
        }
    }
}

impl Settings {
    /// Reads the text of a settings file; `file` is only for the errors, each of which has its place.
    pub fn parse(text: &str, file: &str) -> Result<Settings, Diagnostics> {
        Settings::parse_with_places(text, file).map(|(settings, _)| settings)
    }

    /// As [`Settings::parse_with_places`], of bytes that must be UTF-8.
    pub fn parse_bytes_with_places(bytes: &[u8], file: &str) -> Result<(Settings, Places), Diagnostics> {
        Settings::parse_with_places(text_of(bytes, file)?, file)
    }

    /// As [`Settings::parse`], with the place of each key, for what is only known later.
    pub fn parse_with_places(text: &str, file: &str) -> Result<(Settings, Places), Diagnostics> {
        let text = without_mark(text, file)?;
        let (root, errors) = tree::read(text);
        // What is no file has a name in angle brackets, and may hold what is secret.
        let mut checked = Checked::of(root.as_ref(), errors, !file.starts_with('<'));
        match serde_yaml::from_value::<Settings>(std::mem::take(&mut checked.value)) {
            Ok(settings) => {
                for problem in settings.validate().err().into_iter().flat_map(|problems| problems.0) {
                    checked.add(&problem);
                }
                if checked.faults.is_empty() {
                    return Ok((settings, Places::new(checked.into_places(), text, file)));
                }
            }
            // What stands for a value with an error may not go with the rest.
            Err(_) if !checked.faults.is_empty() => {}
            // A value that the table of keys takes, and its type does not.
            Err(e) => checked.add(&Problem::new("", e.to_string(), "write it as conf/nameplate.yaml shows")),
        }
        Err(places::without_secrets(checked.faults.locate(text, file)))
    }

    /// The names that ENDPOINT may have, beside the default one's.
    pub fn endpoint_names(&self) -> Vec<String> {
        self.endpoints.keys().cloned().collect()
    }

    /// What no single key can tell: every rule that is broken.
    pub fn validate(&self) -> Result<(), Problems> {
        let mut found = self.endpoint.problems("endpoint");
        for (name, endpoint) in &self.endpoints {
            found.extend(endpoint.problems_beside(&format!("endpoints.{name}")));
        }
        found.extend(self.emf.problems());
        Problems::result(found)
    }

    /// Two addresses that cannot both be listened on. Apart from [`Settings::validate`], because a command line may
    /// still replace them.
    pub fn validate_addresses(&self) -> Result<(), Problems> {
        let listeners = self.listeners.iter().enumerate();
        let listeners = listeners.map(|(at, listener)| (format!("listeners[{at}].address"), listener.address));
        let all: Vec<_> = std::iter::once(("admin".to_owned(), self.admin)).chain(listeners).collect();
        let mut found = Vec::new();
        for (at, (key, address)) in all.iter().enumerate() {
            if let Some((first, other)) = all[..at].iter().find(|(_, other)| overlap(*other, *address)) {
                let what = if address == other {
                    format!("`{address}` is the address of `{first}` already")
                } else {
                    format!("`{address}` overlaps `{other}` of `{first}`: one of them cannot be listened on")
                };
                found.push(Problem::new(key.as_str(), what, "write another port"));
            }
        }
        Problems::result(found)
    }
}

/// Whether the system lets only one of two addresses be listened on.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    // A listener on [::] takes IPv4 connections, too, unless the system is set up otherwise.
    let covers = |wide: IpAddr, ip: IpAddr| wide.is_unspecified() && (wide.is_ipv6() || ip.is_ipv4());
    one.port() == other.port() && one.port() != 0 && (a == b || covers(a, b) || covers(b, a))
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
    fn error(text: &str, want: &str) {
        let found = Settings::parse(text, "nameplate.yaml").expect_err(text).to_string();
        assert!(found.starts_with("nameplate.yaml:") && found.contains(want), "{found}");
    }

    #[test]
    fn every_error_is_found_in_one_run() {
        let text =
            "threads: 0\nendpoint:\n  nmae: x\n  connect_timeout: 5s\n  read_timeout: 30 sec\nlog: { level: inof }\n";
        let found = Settings::parse(text, "f").expect_err("errors");
        let places: Vec<_> = found.iter().map(|error| (error.line, error.column)).collect();
        assert_eq!(places, [(1, 10), (3, 3), (4, 20), (5, 17), (6, 15)], "{found}");
    }

    #[test]
    fn a_rule_is_silent_where_a_key_it_depends_on_is_wrong() {
        let found =
            Settings::parse("endpoint: { name: 'https://a.example.com', sni: shared }", "f").expect_err("wrong");
        assert_eq!(found.len(), 1, "{found}");
        error("endpoint: { sni: shared, fixed: ['127.0.0.1:1'] }\n", "endpoint.sni: `shared` needs `name`");
    }

    #[test]
    fn what_is_no_file_is_not_quoted() {
        let text = "{\"limits\": 5, \"mapping\": \"https://a.example.com/m?token=s3cret\", \"thread\": \"s3cret\"}";
        let found = Settings::parse(text, "<settings>").expect_err("wrong").to_string();
        assert!(found.contains("unknown key `thread`") && !found.contains("s3cret"), "{found}");
        let broken = Settings::parse("{\"a\": \"s3cret\", ", "<settings>").expect_err("broken").to_string();
        assert!(!broken.contains("s3cret"), "{broken}");
        let file =
            Settings::parse(&text.replace("thread\": \"s3cret", "thread\": \"x"), "f").expect_err("wrong").to_string();
        assert!(file.contains("https://a.example.com/m?…") && !file.contains("s3cret"), "{file}");
    }

    #[test]
    fn bytes_that_are_no_text_say_so() {
        let said = |bytes: &[u8]| match Settings::parse_bytes_with_places(bytes, "f") {
            Ok(_) => "valid".to_owned(),
            Err(errors) => errors.to_string(),
        };
        assert_eq!(said(b"\xef\xbb\xbfthreads: 2\r\n"), "valid");
        assert!(said(b"\xff\xfea\0").starts_with("f:1:1: error: the file is not UTF-8 text"));
        assert!(said(b"admin: \"\0\"").starts_with("f:1:9: error: the file holds a NUL byte"));
        assert!(said(b"\x1f\x8b\x08").starts_with("f:1:1: error: it is compressed with gzip"));
    }

    proptest::proptest! {
        #[test]
        fn no_yaml_like_text_makes_it_panic(
            text in "([-?:,\\[\\]{}#&*!|>'\"%@`~<A1 \t\r\n\u{feff}é]|endpoint|listeners|tls|name|trust|: |- |\n  |30s|\\*a|&a ){0,80}"
        ) {
            if let Err(errors) = Settings::parse(&text, "f") {
                assert!(!errors.is_empty() && errors.iter().all(|error| error.line > 0 && error.column > 0), "{errors}");
            }
            let _ = Settings::parse(&text, "<settings>");
        }
    }

    #[test]
    fn addresses_that_overlap_are_found() {
        let overlaps = |listeners: &str, admin: &str| {
            let text = format!("listeners: {listeners}\nadmin: '{admin}'\n");
            Settings::parse(&text, "f").expect("valid").validate_addresses().is_err()
        };
        assert!(overlaps("[{ address: 0.0.0.0:8080 }, { address: 127.0.0.1:8080 }]", "127.0.0.1:0"));
        assert!(overlaps("[{ address: 0.0.0.0:9901 }]", "127.0.0.1:9901"));
        assert!(overlaps("[{ address: '[::]:9901' }]", "127.0.0.1:9901"));
        assert!(overlaps("[{ address: '[::ffff:127.0.0.1]:9901' }]", "127.0.0.1:9901"));
        assert!(!overlaps("[{ address: 10.0.0.1:9901 }]", "127.0.0.1:9901"));
        assert!(!overlaps("[{ address: 0.0.0.0:9901 }]", "[::1]:9901"));
        assert!(!overlaps("[{ address: 127.0.0.1:0 }, { address: 127.0.0.1:0 }]", "127.0.0.1:0"));
    }

    #[test]
    fn sizes_have_units_everywhere() {
        let text = "memory: 512MiB\nlimits: { body: 1MB, headers: 16KiB, url: 8kB }\nreload: { max_bytes: 1MiB, hold_bytes: 2MiB }\n\
                    client: { min_send_rate: 1KiB, min_receive_rate: 2KiB }\n";
        let settings = Settings::parse(text, "f").expect("valid");
        let limits = settings.limits;
        assert_eq!(
            (settings.memory, limits.body, limits.headers, limits.url),
            (Some(1 << 29), 1_000_000, 16_384, 8_000)
        );
        assert_eq!((settings.reload.max_bytes, settings.reload.hold_bytes), (1 << 20, 2 << 20));
        assert_eq!((settings.client.min_send_rate, settings.client.min_receive_rate), (1_024, 2_048));
    }

    #[test]
    fn anchors_and_the_schema_of_editors_are_taken() {
        let text = "$schema: ../docs/settings.schema.json\nforwarded: { trust: &nets [10.0.0.0/8] }\n\
                    listeners: [{ address: 127.0.0.1:0, proxy_protocol: { trust: *nets } }]\nlimits:\n";
        let settings = Settings::parse(text, "f").expect("valid");
        assert_eq!(settings.listeners[0].proxy_protocol.as_ref().map(|rule| rule.trust.len()), Some(1));
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
