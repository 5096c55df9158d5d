//! `/endpoints`: the addresses of each endpoint, by zone and state.

use std::time::{Instant, SystemTime};

use serde::{Serialize, Serializer};

use super::page_response::{MOST_SHOWN, PageResponse, rfc3339};
use crate::upstream::endpoints::{EndpointState, Endpoints};
use crate::upstream::pool::{AddressCounts, AddressPool};

#[derive(Serialize)]
struct Page<'e> {
    endpoints: Vec<Endpoint<'e>>,
}

/// One endpoint.
#[derive(Serialize)]
pub(super) struct Endpoint<'l> {
    /// As the settings call it.
    pub(super) name: &'l str,
    /// How its addresses are found: `name`, `fixed` or `private_dns`.
    pub(super) kind: &'static str,
    pub(super) dns_name: Option<&'l str>,
    /// Whether a request could be sent somewhere.
    pub(super) ready: bool,
    /// Why the last look-up brought nothing new.
    pub(super) fault: Option<String>,
    pub(super) counts: Counts,
    /// Those that cool down first.
    pub(super) addresses: Vec<Address>,
    pub(super) more_addresses: usize,
}

/// How many addresses there are of each kind.
#[derive(Serialize)]
pub(super) struct Counts {
    pub(super) local: States,
    pub(super) other: States,
}

#[derive(Serialize)]
pub(super) struct States {
    pub(super) in_use: usize,
    pub(super) cooling: usize,
}

/// One address.
#[derive(Serialize)]
pub(super) struct Address {
    pub(super) address: String,
    /// The API whose name it stands for, where each API has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) api_host: Option<String>,
    /// `local` or `other`.
    pub(super) zone: &'static str,
    /// `in_use` or `cooling`.
    pub(super) state: &'static str,
    /// Since when it is left alone.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time")]
    pub(super) since: Option<SystemTime>,
    /// When a request tries it next. It may be over: then the next request is the one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "time")]
    pub(super) until: Option<SystemTime>,
}

/// One moment on both clocks: the one that health is kept by, and the one that people read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) time: SystemTime,
}

impl Now {
    fn time_of(self, instant: Instant) -> SystemTime {
        let ago = self.instant.saturating_duration_since(instant);
        let to_come = instant.saturating_duration_since(self.instant);
        self.time - ago + to_come
    }
}

/// The page.
pub(super) fn page(endpoints: &Endpoints, now: Now) -> PageResponse {
    PageResponse::json(&Page { endpoints: all(endpoints, now) })
}

/// Every endpoint of the settings.
pub(super) fn all(endpoints: &Endpoints, now: Now) -> Vec<Endpoint<'_>> {
    endpoints.all().iter().map(|endpoint_state| endpoint(endpoint_state, now)).collect()
}

fn endpoint(endpoint_state: &EndpointState, now: Now) -> Endpoint<'_> {
    let AddressCounts { local, other } = endpoint_state.counts();
    let states = |[in_use, cooling]: [usize; 2]| States { in_use, cooling };
    let known = local.iter().chain(&other).sum::<usize>();
    let mut addresses = Vec::new();
    if let Some(pool) = endpoint_state.endpoint.pool() {
        list(pool, None, now, &mut addresses);
    }
    for (host, name) in endpoint_state.endpoint.names().map(|names| names.by_name()).unwrap_or_default() {
        list(&name.pool, Some(&host), now, &mut addresses);
    }
    // A stable sort: apart from that they stay in the order in which they are used.
    addresses.sort_by_key(|address| address.until.is_none());
    addresses.truncate(MOST_SHOWN);
    Endpoint {
        name: &endpoint_state.label,
        kind: endpoint_state.endpoint.kind(),
        dns_name: endpoint_state.endpoint.name.as_deref(),
        ready: endpoint_state.endpoint.is_ready(),
        fault: endpoint_state.endpoint.last_fault().map(|fault| fault.to_string()),
        counts: Counts { local: states(local), other: states(other) },
        more_addresses: known.saturating_sub(addresses.len()),
        addresses,
    }
}

fn list(pool: &AddressPool, api_host: Option<&str>, now: Now, to: &mut Vec<Address>) {
    to.extend(pool.addresses().into_iter().map(|address| {
        let cooling = pool.cooling(&address);
        Address {
            address: address.socket.to_string(),
            api_host: api_host.map(str::to_owned),
            zone: if address.local { "local" } else { "other" },
            state: if cooling.is_some() { "cooling" } else { "in_use" },
            since: cooling.map(|cooling| now.time_of(cooling.since)),
            until: cooling.map(|cooling| now.time_of(cooling.until)),
        }
    }));
}

fn time<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(rfc3339).serialize(serializer)
}
