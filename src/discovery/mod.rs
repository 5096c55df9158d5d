//! Where the endpoint's addresses come from, and whose turn it is.
//!
//! **Invariant:** an [`Endpoint`] that ever had an address keeps one: an empty or failed answer
//! changes nothing, because yesterday's address that may work beats none that cannot.

mod dns;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora_load_balancing::discovery::Static;
use pingora_load_balancing::{Backend, Backends};

use crate::config::settings;

/// An execute-api VPC endpoint: its addresses, one per zone, and whose turn it is.
///
/// Discovery and its bookkeeping are `pingora-load-balancing`'s; the choice is made here, because
/// its selection hashes every candidate several times, for each request.
pub struct Endpoint {
    backends: Backends,
    dns: Option<dns::Answers>,
    addresses: ArcSwap<Vec<SocketAddr>>,
    turn: AtomicUsize,
}

/// Why an endpoint cannot be discovered at all.
#[derive(Debug, thiserror::Error)]
pub enum EndpointFault {
    /// The settings name none.
    #[error("endpoint: has neither `name` nor `fixed`; set `name` to the DNS name of your execute-api VPC endpoint")]
    None,
    /// The system's resolver configuration cannot be read.
    #[error("the DNS resolver cannot be set up: {0}")]
    Resolver(String),
}

/// Why one look-up brought nothing new.
#[derive(Debug, thiserror::Error)]
#[error("endpoint `{name}` could not be looked up: {cause}")]
pub struct LookupFault {
    name: String,
    cause: String,
    /// When to ask again.
    pub retry_in: Duration,
}

impl Endpoint {
    /// Sets up discovery. Nothing is looked up before [`Endpoint::refresh`].
    pub fn new(settings: &settings::Endpoint) -> Result<Endpoint, EndpointFault> {
        let (backends, dns) = match &settings.name {
            Some(name) => {
                let (discovery, answers) = dns::discover(name, settings).map_err(EndpointFault::Resolver)?;
                (Backends::new(Box::new(discovery)), Some(answers))
            }
            None if settings.fixed.is_empty() => return Err(EndpointFault::None),
            None => (Backends::new(Static::new(settings.fixed.iter().copied().map(backend).collect())), None),
        };
        Ok(Endpoint { backends, dns, addresses: ArcSwap::default(), turn: AtomicUsize::new(0) })
    }

    /// Looks the addresses up and swaps them in; says when to do so again (never, for fixed ones).
    pub async fn refresh(&self, now: Instant) -> Result<Option<Duration>, LookupFault> {
        let found = |backends: std::sync::Arc<Addresses>| {
            self.addresses.store(backends.iter().filter_map(address).collect::<Vec<_>>().into());
        };
        let outcome = self.backends.update(found).await;
        match (&self.dns, outcome) {
            (None, _) => Ok(None),
            (Some(answers), Ok(())) => match answers.last_fault() {
                None => Ok(Some(answers.due_in(now))),
                Some(cause) => Err(answers.fault(cause)),
            },
            (Some(answers), Err(e)) => Err(answers.fault(e.to_string())),
        }
    }

    /// The next address in turn that has not failed this request. Only the first attempt of a request
    /// takes a turn: were each retry to take one, then of two addresses the dead one would be every
    /// request's first.
    pub fn pick(&self, failed: &[SocketAddr]) -> Option<SocketAddr> {
        let addresses = self.addresses.load();
        let turn = if failed.is_empty() {
            self.turn.fetch_add(1, Ordering::Relaxed)
        } else {
            self.turn.load(Ordering::Relaxed)
        };
        let in_turn = |step| addresses[turn.wrapping_add(step) % addresses.len()];
        (0..addresses.len()).map(in_turn).find(|address| !failed.contains(address))
    }

    /// The addresses in use.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.load().to_vec()
    }
}

fn backend(address: SocketAddr) -> Backend {
    Backend { addr: PingoraAddr::Inet(address), weight: 1, ext: http::Extensions::new() }
}

fn address(backend: &Backend) -> Option<SocketAddr> {
    backend.addr.as_inet().copied()
}

/// The addresses of one answer.
type Addresses = BTreeSet<Backend>;

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(addresses: &[&str]) -> Endpoint {
        let fixed = addresses.iter().map(|a| a.parse().expect("an address")).collect();
        let endpoint = Endpoint::new(&settings::Endpoint { fixed, ..settings::Endpoint::default() }).expect("fixed");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(endpoint.refresh(Instant::now())).expect("fixed addresses need no look-up");
        endpoint
    }

    #[test]
    fn addresses_take_turns() {
        let endpoint = fixed(&["127.0.0.1:1", "127.0.0.1:2"]);
        let picked: Vec<_> = (0..4).filter_map(|_| endpoint.pick(&[])).map(|a| a.port()).collect();
        assert!(picked == [1, 2, 1, 2] || picked == [2, 1, 2, 1], "{picked:?}");
    }

    #[test]
    fn an_address_that_failed_is_passed_over() {
        let endpoint = fixed(&["127.0.0.1:1", "127.0.0.1:2"]);
        let failed = ["127.0.0.1:1".parse().expect("an address")];
        for _ in 0..4 {
            assert_eq!(endpoint.pick(&failed).map(|a| a.port()), Some(2));
        }
        assert_eq!(endpoint.pick(&endpoint.addresses()), None);
    }

    #[test]
    fn another_attempt_takes_no_turn() {
        let endpoint = fixed(&["127.0.0.1:1", "127.0.0.1:2"]);
        let first = endpoint.pick(&[]).expect("an address");
        let second = endpoint.pick(&[first]).expect("the other one");
        assert_eq!(endpoint.pick(&[]), Some(second));
    }

    #[test]
    fn an_endpoint_without_name_and_addresses_is_a_fault() {
        assert!(matches!(Endpoint::new(&settings::Endpoint::default()), Err(EndpointFault::None)));
    }
}
