//! Where one set of addresses comes from.

use std::time::{Duration, Instant};

use pingora_load_balancing::Backends;

use super::dns::{self, Dns};
use super::lookup::{LookupFault, address};
use super::pool::AddressPool;

/// What looks one set of addresses up.
pub(crate) struct AddressSource {
    pub(super) backends: Backends,
    pub(super) dns: Option<dns::Answers>,
}

impl AddressSource {
    pub(crate) fn by_name(dns: &Dns, name: &str, zonal: Option<&str>) -> AddressSource {
        let (lookup, answers) = dns.discover(name, zonal);
        AddressSource { backends: Backends::new(Box::new(lookup)), dns: Some(answers) }
    }

    /// Must not run twice at once.
    pub(crate) async fn refresh(&self, pool: &AddressPool, now: Instant) -> Result<Option<Duration>, LookupFault> {
        let outcome = self.backends.update(|_| {}).await;
        let local = self.dns.as_ref().map(dns::Answers::local).unwrap_or_default();
        let backends = self.backends.get_backend();
        pool.set(backends.iter().filter_map(address), |address| local.contains(&address.ip()));
        match (&self.dns, outcome) {
            (None, _) => Ok(None),
            (Some(answers), Ok(())) => match answers.last_fault() {
                None => Ok(Some(answers.due_in(now))),
                Some(fault) => Err(fault),
            },
            (Some(answers), Err(e)) => Err(answers.fault(e.to_string())),
        }
    }
}
