//! The addresses behind a DNS name, looked up again when the answer's TTL runs out.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use pingora_load_balancing::discovery::ServiceDiscovery;

use super::lookup::{Addresses, LookupFault, backend};
use nameplate_core::settings;

/// Who is asked, and how long an answer holds.
#[derive(Clone)]
pub(crate) struct Dns {
    resolver: TokioResolver,
    port: u16,
    min_ttl: Duration,
    max_ttl: Duration,
}

/// What the look-ups of one name have brought so far; shared by the balancer's discovery and the
/// endpoint.
#[derive(Clone)]
pub(crate) struct Answers {
    name: String,
    min_ttl: Duration,
    max_ttl: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last_good: Addresses,
    /// Those of our zone among them.
    local: BTreeSet<IpAddr>,
    due: Option<Instant>,
    fault: Option<String>,
}

impl Answers {
    /// How long until the answer is due again, inside the limits the settings give.
    pub(crate) fn due_in(&self, now: Instant) -> Duration {
        let due = self.lock().due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        due.clamp(self.min_ttl, self.max_ttl)
    }

    /// Why the last look-up brought nothing, if it did not.
    pub(crate) fn last_fault(&self) -> Option<LookupFault> {
        self.lock().fault.clone().map(|cause| self.fault(cause))
    }

    pub(crate) fn fault(&self, cause: String) -> LookupFault {
        LookupFault { name: self.name.clone(), cause, retry_in: self.min_ttl }
    }

    /// The addresses of our zone.
    pub(crate) fn local(&self) -> BTreeSet<IpAddr> {
        self.lock().local.clone()
    }

    // Nothing in here panics while it holds the lock; a poisoned one still holds good data.
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dns {
    pub(crate) fn new(settings: &settings::Endpoint) -> Result<Dns, String> {
        let mut builder = if settings.nameservers.is_empty() {
            TokioResolver::builder_tokio().map_err(|e| e.to_string())?
        } else {
            let servers = settings.nameservers.iter().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, vec![], servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        // We look up when the TTL has run out, so a cached answer could only be a stale one.
        options.cache_size = 0;
        options.timeout = Duration::from_secs(2);
        options.attempts = 2;
        let resolver = builder.build().map_err(|e| e.to_string())?;
        Ok(Dns { resolver, port: settings.port, min_ttl: settings.min_ttl, max_ttl: settings.max_ttl })
    }

    /// Discovery of `name`; the addresses that `zonal` has too are those of our zone.
    pub(crate) fn discover(&self, name: &str, zonal: Option<&str>) -> (Lookup, Answers) {
        // A name that ends in a dot is looked up as it is, without the search domains of resolv.conf.
        let absolute = |name: &str| format!("{}.", name.trim_end_matches('.'));
        let answers =
            Answers { name: absolute(name), min_ttl: self.min_ttl, max_ttl: self.max_ttl, state: Arc::default() };
        (Lookup { dns: self.clone(), zonal: zonal.map(absolute), answers: answers.clone() }, answers)
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    NameServerConfig::new(address.ip(), true, vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())])
}

/// Looks one name up.
pub(crate) struct Lookup {
    dns: Dns,
    zonal: Option<String>,
    answers: Answers,
}

impl Lookup {
    /// The addresses of our zone; `None` where that cannot be told now, and what was known stays.
    async fn local(&self) -> Option<BTreeSet<IpAddr>> {
        match self.dns.resolver.lookup_ip(self.zonal.as_deref()?).await {
            Ok(answer) => Some(answer.iter().collect()),
            // The endpoint is in other zones only: all its addresses are equally far.
            Err(e) if e.is_no_records_found() => Some(BTreeSet::new()),
            Err(e) => {
                log::debug!("{}: the zone's addresses could not be looked up: {e}", self.answers.name);
                None
            }
        }
    }
}

#[async_trait]
impl ServiceDiscovery for Lookup {
    async fn discover(&self) -> pingora::Result<(Addresses, HashMap<u64, bool>)> {
        let name = self.answers.name.as_str();
        let (found, local) = tokio::join!(self.dns.resolver.lookup_ip(name), self.local());
        let mut state = self.answers.lock();
        match found {
            Ok(answer) => {
                let port = self.dns.port;
                let addresses: Addresses = answer.iter().map(|ip| backend(SocketAddr::new(ip, port))).collect();
                state.due = Some(answer.valid_until());
                if addresses.is_empty() {
                    state.fault = Some("the answer holds no address".into());
                } else {
                    state.last_good = addresses;
                    state.fault = None;
                }
            }
            Err(e) => state.fault = Some(e.to_string()),
        }
        if let Some(local) = local {
            state.local = local;
        }
        // The last good answer stays in force; the fault is reported beside it.
        Ok((state.last_good.clone(), HashMap::new()))
    }
}
