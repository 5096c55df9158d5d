//! Where the endpoint's addresses come from, and whose turn it is.
//!
//! **Invariant:** an [`Endpoint`] that ever had an address keeps one: an empty or failed answer
//! changes nothing, because yesterday's address that may work beats none that cannot.

mod dns;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora_load_balancing::discovery::Static;
use pingora_load_balancing::selection::RoundRobin;
use pingora_load_balancing::{Backend, Backends, LoadBalancer};

use crate::config::settings;

/// More addresses than an interface endpoint has zones; bounds one selection.
const MOST_ADDRESSES: usize = 64;

/// An execute-api VPC endpoint: its addresses, one per zone, and the balancer over them.
pub struct Endpoint {
    balancer: LoadBalancer<RoundRobin>,
    dns: Option<dns::Answers>,
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
        if let Some(name) = &settings.name {
            let (discovery, answers) = dns::discover(name, settings).map_err(EndpointFault::Resolver)?;
            let balancer = LoadBalancer::from_backends(Backends::new(Box::new(discovery)));
            return Ok(Endpoint { balancer, dns: Some(answers) });
        }
        if settings.fixed.is_empty() {
            return Err(EndpointFault::None);
        }
        let backends = settings.fixed.iter().copied().map(backend).collect();
        Ok(Endpoint { balancer: LoadBalancer::from_backends(Backends::new(Static::new(backends))), dns: None })
    }

    /// Looks the addresses up and swaps them in; says when to do so again (never, for fixed ones).
    pub async fn refresh(&self, now: Instant) -> Result<Option<Duration>, LookupFault> {
        let outcome = self.balancer.update().await;
        match (&self.dns, outcome) {
            (None, _) => Ok(None),
            (Some(answers), Ok(())) => match answers.last_fault() {
                None => Ok(Some(answers.due_in(now))),
                Some(cause) => Err(answers.fault(cause)),
            },
            (Some(answers), Err(e)) => Err(answers.fault(e.to_string())),
        }
    }

    /// The next address in turn that `accept` takes.
    pub fn pick(&self, accept: impl Fn(SocketAddr) -> bool) -> Option<SocketAddr> {
        let accept = |backend: &Backend, _healthy: bool| address(backend).is_some_and(&accept);
        self.balancer.select_with(b"", MOST_ADDRESSES, accept).as_ref().and_then(address)
    }

    /// The addresses in use.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.balancer.backends().get_backend().iter().filter_map(address).collect()
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
        let picked: Vec<_> = (0..4).filter_map(|_| endpoint.pick(|_| true)).map(|a| a.port()).collect();
        assert!(picked == [1, 2, 1, 2] || picked == [2, 1, 2, 1], "{picked:?}");
    }

    #[test]
    fn an_address_that_is_not_accepted_is_passed_over() {
        let endpoint = fixed(&["127.0.0.1:1", "127.0.0.1:2"]);
        for _ in 0..4 {
            assert_eq!(endpoint.pick(|a| a.port() != 1).map(|a| a.port()), Some(2));
        }
        assert_eq!(endpoint.pick(|_| false), None);
    }

    #[test]
    fn an_endpoint_without_name_and_addresses_is_a_fault() {
        assert!(matches!(Endpoint::new(&settings::Endpoint::default()), Err(EndpointFault::None)));
    }
}
