//! One endpoint: how its addresses are found, and the pool they stand in.
//!
//! **Invariant:** a name that ever had an address keeps one: an empty or failed answer changes
//! nothing, because yesterday's address that may work beats none that cannot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::address_source::{AddressSource, ZonalName};
use super::api_names::ApiNames;
use super::dns::Dns;
use super::health::EjectionPolicy;
use super::lookup::{Absence, LookupFault};
use super::pool::AddressPool;
use crate::telemetry::metrics::Metrics;
use nameplate_core::settings;

/// An execute-api VPC endpoint.
pub(crate) struct Endpoint {
    kind: Kind,
    /// What it is called in handshakes that name it; `None` where it has no name.
    pub name: Option<String>,
}

enum Kind {
    /// One set of addresses, whichever API is asked for.
    Shared(Box<Shared>),
    /// Each API's own name is looked up.
    PerApi(Box<ApiNames>),
}

struct Shared {
    source: AddressSource,
    pool: Arc<AddressPool>,
}

/// Why an endpoint cannot be discovered at all.
#[derive(Debug, thiserror::Error)]
pub enum EndpointFault {
    /// The settings name none.
    #[error(
        "endpoint: has none of `name`, `fixed` and `private_dns`; set `name` to the DNS name of your execute-api VPC \
         endpoint"
    )]
    None,
    /// The system's resolver configuration cannot be read.
    #[error("the DNS resolver cannot be set up: {0}")]
    Resolver(String),
    /// The certificate authorities that checks would trust cannot be read.
    #[error("the certificate authorities cannot be read: {0}")]
    Authorities(String),
}

impl Endpoint {
    /// Sets up discovery. Nothing is looked up before [`Endpoint::refresh`]. `zone` is where we are,
    /// where that is known and the settings do not say.
    pub(crate) fn new(
        settings: &settings::Endpoint,
        zone: Option<&str>,
        metrics: &Arc<Metrics>,
    ) -> Result<Endpoint, EndpointFault> {
        let began = Instant::now();
        let dns = || Dns::new(settings, metrics).map(Arc::new).map_err(EndpointFault::Resolver);
        let pool = Arc::new(AddressPool::new(policy(settings), settings.tls_timeout, began));
        let kind = if settings.private_dns {
            Kind::PerApi(Box::new(ApiNames::new(dns()?, policy(settings), settings.tls_timeout, began)))
        } else if let Some(name) = &settings.name {
            let source = AddressSource::by_name(&dns()?, name, zonal(settings, name, zone), &pool);
            Kind::Shared(Box::new(Shared { source, pool }))
        } else if settings.fixed.is_empty() {
            return Err(EndpointFault::None);
        } else {
            Kind::Shared(Box::new(Shared { source: AddressSource::fixed(&settings.fixed), pool }))
        };
        Ok(Endpoint { kind, name: settings.name.clone() })
    }

    /// Looks up what is due, and swaps the addresses in.
    pub(crate) async fn refresh(&self, now: Instant) {
        if let Kind::Shared(shared) = &self.kind {
            shared.source.refresh(&shared.pool, now).await;
        }
    }

    /// How long until something is to be looked up; `None` for fixed addresses, and for names that requests look up.
    pub(crate) fn due_in(&self, now: Instant) -> Option<Duration> {
        match &self.kind {
            Kind::Shared(shared) => shared.source.due_in(now),
            Kind::PerApi(_) => None,
        }
    }

    /// How its addresses are found, as the settings call it: `name`, `fixed` or `private_dns`.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Shared(shared) => match shared.source {
                AddressSource::Named(_) => "name",
                AddressSource::Fixed(_) => "fixed",
            },
            Kind::PerApi(_) => "private_dns",
        }
    }

    /// Why its last look-up brought nothing new, if it did not.
    pub(crate) fn last_fault(&self) -> Option<LookupFault> {
        match &self.kind {
            Kind::Shared(shared) => shared.source.last_fault(),
            Kind::PerApi(_) => None,
        }
    }

    /// The addresses of the endpoint; `None` where each API has its own.
    pub(crate) fn pool(&self) -> Option<&AddressPool> {
        match &self.kind {
            Kind::Shared(shared) => Some(&shared.pool),
            Kind::PerApi(_) => None,
        }
    }

    /// The names of the APIs; `None` where they share the endpoint's addresses.
    pub(crate) fn names(&self) -> Option<&ApiNames> {
        match &self.kind {
            Kind::Shared(_) => None,
            Kind::PerApi(names) => Some(names),
        }
    }

    /// Whether a request could be sent somewhere. Names are looked up when a request comes.
    pub(crate) fn is_ready(&self) -> bool {
        self.pool().is_none_or(|pool| !pool.is_empty())
    }
}

fn policy(settings: &settings::Endpoint) -> EjectionPolicy {
    EjectionPolicy { after: settings.eject_after, cool_down: settings.cool_down, most: settings.max_cool_down }
}

/// The name that has the addresses of our zone: the settings', else one made of the endpoint's name and our zone.
fn zonal(settings: &settings::Endpoint, name: &str, zone: Option<&str>) -> Option<ZonalName> {
    if let Some(name) = settings.zonal_name.clone() {
        return Some(ZonalName { name, absence: Absence::Fault });
    }
    let zone = settings.zone.as_deref().or(zone).filter(|zone| !zone.is_empty())?;
    // The endpoint may be in other zones only: all its addresses are equally far then.
    Some(ZonalName { name: zonal_name(name, zone)?, absence: Absence::Answer })
}

/// The zonal DNS name of a VPC endpoint: its name with the zone after the first label. `None` for a
/// name of another form, and for one that is zonal already.
fn zonal_name(name: &str, zone: &str) -> Option<String> {
    let (first, rest) = name.split_once('.')?;
    let is_regional = first.starts_with("vpce-") && first.matches('-').count() == 2 && rest.contains(".vpce.");
    is_regional.then(|| format!("{first}-{zone}.{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::limit::{CpuLimit, LimitSource};

    fn new(settings: &settings::Endpoint) -> Result<Endpoint, EndpointFault> {
        let limit = CpuLimit::new(1.0, LimitSource::Machine).expect("a limit");
        Endpoint::new(settings, None, &Arc::new(Metrics::new(limit)))
    }

    #[test]
    fn an_endpoint_without_name_and_addresses_is_a_fault() {
        assert!(matches!(new(&settings::Endpoint::default()), Err(EndpointFault::None)));
    }

    #[test]
    fn fixed_addresses_are_there_at_once_and_stay() {
        let fixed = vec!["127.0.0.1:1".parse().expect("an address")];
        let settings = settings::Endpoint { fixed, ..settings::Endpoint::default() };
        let endpoint = new(&settings).expect("fixed");
        assert_eq!((endpoint.kind(), endpoint.last_fault().is_none()), ("fixed", true));
        assert!(!endpoint.is_ready(), "not before they have been taken");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(endpoint.refresh(Instant::now()));
        assert_eq!(endpoint.due_in(Instant::now()), None);
        assert!(endpoint.is_ready());
    }

    #[test]
    fn the_zonal_name_has_the_zone_after_its_first_label() {
        let regional = "vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com";
        let zonal = "vpce-0123456789abcdef0-abcdefgh-eu-west-1a.execute-api.eu-west-1.vpce.amazonaws.com";
        assert_eq!(zonal_name(regional, "eu-west-1a").as_deref(), Some(zonal));
        for other in [zonal, "endpoint.internal.example.com", "localhost"] {
            assert_eq!(zonal_name(other, "eu-west-1a"), None, "{other}");
        }
    }
}
