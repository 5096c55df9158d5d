//! The execute-api VPC endpoint: how it is found, and how it is spoken to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::problem::Problem;
use super::values::{duration, nameservers, optional_duration};
use crate::domain::overrides::Timeouts;

/// An ENI in our region answers within a millisecond; a second means a zone in trouble.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// TCP and TLS together: one more round trip and a signature.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(3);
/// API Gateway's integrations run up to 29 s by default; one second more lets its own 504 arrive.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that takes no byte for this long is gone.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// When API Gateway closes an idle connection itself (API Gateway quotas, "Idle connection timeout").
pub const CLOSED_BY_API_GATEWAY: Duration = Duration::from_secs(310);
/// Well before API Gateway closes it: reusing one at 309 s is a race it would win.
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

/// Failures in a row after which an address is left alone for a while. One may be chance; three in
/// a row are not.
pub const EJECT_AFTER: u32 = 3;
/// How long it is left alone the first time; each time it fails again, twice as long.
pub const COOL_DOWN: Duration = Duration::from_secs(5);
/// And no longer than this, so that a zone which comes back is used within a minute.
pub const MAX_COOL_DOWN: Duration = Duration::from_secs(60);
/// Further attempts, in percent of requests. Enough for one address in five to be dead before it is
/// ejected, and too little for an outage to double the load.
pub const RETRY_BUDGET: u8 = 20;

/// What SNI names in the handshake with the endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sni {
    /// The API: each API has connections of its own.
    #[default]
    Api,
    /// The endpoint, so that all APIs behind it share connections.
    Shared,
}

/// Which addresses of a name are looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpFamily {
    /// IPv4, and IPv6 where the system has a route to global IPv6 addresses when the process starts.
    #[default]
    Auto,
    /// A records only.
    Ipv4,
    /// AAAA records only.
    Ipv6,
    /// A and AAAA records.
    Both,
}

/// How the execute-api VPC endpoint is found and spoken to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    /// The endpoint's DNS name, looked up again whenever its TTL runs out. Exactly one of `name`,
    /// `fixed` and `private_dns` is set.
    pub name: Option<String>,
    /// Addresses to use as they are, port included: for tests and the demo.
    pub fixed: Vec<SocketAddr>,
    /// Look up each API's own name, which the endpoint's private DNS answers. Default false.
    pub private_dns: bool,
    /// The port behind a name. Default 443.
    pub port: u16,
    /// DNS servers to ask. Default: those of `/etc/resolv.conf`.
    #[serde(deserialize_with = "nameservers")]
    pub nameservers: Vec<SocketAddr>,
    /// Which records are asked for. Default [`IpFamily::Auto`].
    pub ip_family: IpFamily,
    /// The zone whose addresses are used first. Default: the one ECS says the task is in; "" for none.
    pub zone: Option<String>,
    /// The name whose addresses are those of our zone. Default: made of `name` and the zone.
    pub zonal_name: Option<String>,
    /// What SNI names. Default [`Sni::Api`].
    pub sni: Sni,
    /// PEM file of the certificate authorities to trust. Default: the system's.
    pub ca_file: Option<PathBuf>,
    /// Default [`CONNECT_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// TCP and TLS together. Default [`TLS_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub tls_timeout: Duration,
    /// From having a connection to the header of the answer. Default: `read_timeout`.
    #[serde(deserialize_with = "optional_duration")]
    pub first_byte_timeout: Option<Duration>,
    /// The longest silence while an answer is awaited or arrives. Default [`READ_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub read_timeout: Duration,
    /// Default [`WRITE_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub write_timeout: Duration,
    /// From the request's header to the end of its answer, retries included. Default: none.
    #[serde(deserialize_with = "optional_duration")]
    pub total_timeout: Option<Duration>,
    /// How long an idle connection is kept. Default [`IDLE_TIMEOUT`].
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: Duration,
    /// Default [`POOL_SIZE`].
    pub pool_size: usize,
    /// Default [`CONNECT_ATTEMPTS`].
    pub connect_attempts: usize,
    /// Further attempts, in percent of requests, 0 to 100. Default [`RETRY_BUDGET`].
    pub retry_budget: u8,
    /// Failures in a row after which an address cools down. Default [`EJECT_AFTER`].
    pub eject_after: u32,
    /// Default [`COOL_DOWN`].
    #[serde(deserialize_with = "duration")]
    pub cool_down: Duration,
    /// Default [`MAX_COOL_DOWN`].
    #[serde(deserialize_with = "duration")]
    pub max_cool_down: Duration,
    /// How often each address is tried with a TCP and TLS handshake; 0 for never. Default 0.
    #[serde(deserialize_with = "duration")]
    pub check_interval: Duration,
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
            private_dns: false,
            port: 443,
            nameservers: Vec::new(),
            ip_family: IpFamily::default(),
            zone: None,
            zonal_name: None,
            sni: Sni::default(),
            ca_file: None,
            connect_timeout: CONNECT_TIMEOUT,
            tls_timeout: TLS_TIMEOUT,
            first_byte_timeout: None,
            read_timeout: READ_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            total_timeout: None,
            idle_timeout: IDLE_TIMEOUT,
            pool_size: POOL_SIZE,
            connect_attempts: CONNECT_ATTEMPTS,
            retry_budget: RETRY_BUDGET,
            eject_after: EJECT_AFTER,
            cool_down: COOL_DOWN,
            max_cool_down: MAX_COOL_DOWN,
            check_interval: Duration::ZERO,
            min_ttl: MIN_TTL,
            max_ttl: MAX_TTL,
        }
    }
}

impl Endpoint {
    /// The timeouts of a request whose entry says nothing of them.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: Some(self.connect_timeout),
            tls: Some(self.tls_timeout),
            first_byte: self.first_byte_timeout.or(Some(self.read_timeout)),
            read: Some(self.read_timeout),
            write: Some(self.write_timeout),
            total: self.total_timeout,
        }
    }

    /// What no single key can tell. `place` is the key that this endpoint is the value of.
    pub(super) fn problems(&self, place: &str) -> Vec<Problem> {
        let key = |name: &str| format!("{place}.{name}");
        let problem = |name: &str, what: &str, help: &str| Problem::new(key(name), what, help);
        let mut found = Vec::new();
        let kinds =
            [("name", self.name.is_some()), ("fixed", !self.fixed.is_empty()), ("private_dns", self.private_dns)];
        let set: Vec<_> = kinds.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
        if let [first, second, ..] = set[..] {
            let what = format!("stands beside `{first}`, and an endpoint is found in one way");
            let help = "keep one of `name`, `fixed` and `private_dns`";
            found.push(Problem::new(key(second), what, help).with(&["name", "fixed", "private_dns"]));
        }
        if self.sni == Sni::Shared && self.name.is_none() {
            let what = "`shared` needs `name`, which SNI then carries";
            found.push(problem("sni", what, "add `name`, or write `sni: api`").with(&["name"]));
        }
        if self.zonal_name.is_some() && self.name.is_none() {
            let what = "names the addresses of `name` that are near, and there is no `name`";
            found.push(problem("zonal_name", what, "add `name`, or delete `zonal_name`").with(&["name"]));
        }
        if self.connect_timeout > self.tls_timeout {
            let what = "is over `tls_timeout`, which includes it";
            found.push(problem("connect_timeout", what, "lower it, or raise `tls_timeout`").with(&["tls_timeout"]));
        }
        if self.min_ttl > self.max_ttl {
            found.push(problem("min_ttl", "is over `max_ttl`", "lower it, or raise `max_ttl`").with(&["max_ttl"]));
        }
        if self.cool_down > self.max_cool_down {
            let help = "lower it, or raise `max_cool_down`";
            found.push(problem("cool_down", "is over `max_cool_down`", help).with(&["max_cool_down"]));
        }
        found
    }

    /// What is wrong with an endpoint beside the default one. `place` is the key that it is the value of.
    pub(super) fn problems_beside(&self, place: &str) -> Vec<Problem> {
        let mut found = self.problems(place);
        if self.name.is_none() && self.fixed.is_empty() && !self.private_dns {
            let what = "has none of `name`, `fixed` and `private_dns`";
            found.push(Problem::new(place, what, "set `name` to the endpoint's DNS name"));
        }
        let default = Endpoint::default();
        let set = [
            ("ca_file", self.ca_file.is_some()),
            ("pool_size", self.pool_size != default.pool_size),
            ("connect_attempts", self.connect_attempts != default.connect_attempts),
            ("retry_budget", self.retry_budget != default.retry_budget),
        ];
        found.extend(set.into_iter().filter(|(_, set)| *set).map(|(name, _)| {
            Problem::new(format!("{place}.{name}"), "is the same for all endpoints", "set it in `endpoint`")
        }));
        found
    }
}
