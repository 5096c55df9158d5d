//! The endpoint: three addresses of a stand-in for API Gateway.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nameplate_bench::api;
use nameplate_testkit::origin::Origin;

use crate::entries;

/// How many addresses there are. DNS names two of them at a time.
pub const ADDRESSES: usize = 3;

/// The endpoint's name.
pub const NAME: &str = "vpce.soak.internal";

/// Ports from here on are the system's to give away: to an outgoing connection, for instance, while
/// an address is down.
const EPHEMERAL: u16 = 30_000;

pub struct Origins {
    pub port: u16,
    up: [Option<Origin>; ADDRESSES],
    /// Requests answered at each address, up to its last outage.
    served: [u64; ADDRESSES],
}

impl Origins {
    /// All addresses, on one port that is free on each.
    pub fn start() -> Result<Origins> {
        for _ in 0..50 {
            let mut origins =
                Origins { port: fastrand::u16(20_000..EPHEMERAL), up: Default::default(), served: [0; ADDRESSES] };
            if (0..ADDRESSES).all(|at| origins.bring_up(at).is_ok()) {
                return Ok(origins);
            }
        }
        bail!("no port is free on 127.0.0.1, 127.0.0.2 and 127.0.0.3: this needs Linux's loopback")
    }

    pub fn bring_up(&mut self, at: usize) -> Result<()> {
        let address = SocketAddr::from((address(at), self.port));
        // What it had open may linger for a moment.
        let until = Instant::now() + Duration::from_secs(2);
        loop {
            match TcpListener::bind(address) {
                Ok(listener) => {
                    self.up[at] = Some(api::start(listener, entries::is_deployed));
                    return Ok(());
                }
                Err(e) if Instant::now() > until => return Err(e).with_context(|| format!("listen on {address}")),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Cuts every connection of an address, and refuses new ones.
    pub fn take_down(&mut self, at: usize) {
        if let Some(origin) = self.up[at].take() {
            self.served[at] += origin.served();
        }
    }

    /// Requests answered at each address.
    pub fn served(&self) -> [u64; ADDRESSES] {
        std::array::from_fn(|at| self.served[at] + self.up[at].as_ref().map_or(0, Origin::served))
    }
}

pub fn address(at: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, at as u8 + 1)
}
