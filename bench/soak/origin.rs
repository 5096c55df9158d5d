//! The endpoint: three addresses of a stand-in for API Gateway, and a DNS server that says which of
//! them count.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nameplate::demo::authority::Authority;
use nameplate::demo::gateway::{Config, Gateway};

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
    up: [Option<Gateway>; ADDRESSES],
    /// Requests answered at each address, up to its last outage.
    served: [u64; ADDRESSES],
}

impl Origins {
    /// All addresses, on one port that is free on each.
    pub fn start(authority: &Authority) -> Result<Origins> {
        for _ in 0..50 {
            let mut origins =
                Origins { port: fastrand::u16(20_000..EPHEMERAL), up: Default::default(), served: [0; ADDRESSES] };
            if (0..ADDRESSES).all(|at| origins.bring_up(at, authority).is_ok()) {
                return Ok(origins);
            }
        }
        bail!("no port is free on 127.0.0.1, 127.0.0.2 and 127.0.0.3: this needs Linux's loopback")
    }

    pub fn bring_up(&mut self, at: usize, authority: &Authority) -> Result<()> {
        let address = SocketAddr::from((address(at), self.port));
        // What it had open may linger for a moment.
        let until = Instant::now() + Duration::from_secs(2);
        loop {
            match Gateway::start(Config { apis: entries::apis(), addresses: vec![address] }, authority) {
                Ok(gateway) => {
                    self.up[at] = Some(gateway);
                    return Ok(());
                }
                Err(e) if Instant::now() > until => return Err(e).with_context(|| format!("listen on {address}")),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Cuts every connection of an address, and refuses new ones.
    pub fn take_down(&mut self, at: usize) {
        if let Some(gateway) = self.up[at].take() {
            self.served[at] += gateway.served();
            gateway.stop();
        }
    }

    /// Requests answered at each address.
    pub fn served(&self) -> [u64; ADDRESSES] {
        std::array::from_fn(|at| self.served[at] + self.up[at].as_ref().map_or(0, Gateway::served))
    }
}

pub fn address(at: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, at as u8 + 1)
}

/// A DNS server for [`NAME`], and for any other: it has only one answer.
#[derive(Clone)]
pub struct Names {
    pub address: SocketAddr,
    answer: Arc<Mutex<Vec<Ipv4Addr>>>,
}

impl Names {
    pub fn start() -> Result<Names> {
        let socket = UdpSocket::bind("127.0.0.1:0").context("listen for DNS")?;
        let names = Names { address: socket.local_addr()?, answer: Arc::default() };
        let answer = Arc::clone(&names.answer);
        std::thread::spawn(move || {
            let mut query = [0; 1_024];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                let addresses = answer.lock().expect("no panic while it is held").clone();
                if let Some(reply) = reply(&query[..length], &addresses) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Ok(names)
    }

    pub fn say(&self, places: &[usize]) {
        *self.answer.lock().expect("no panic while it is held") = places.iter().map(|at| address(*at)).collect();
    }
}

/// The answer to the one question of a query (RFC 1035 section 4): addresses for type A, nothing for
/// any other type.
fn reply(query: &[u8], addresses: &[Ipv4Addr]) -> Option<Vec<u8>> {
    let mut end = 12;
    while *query.get(end)? != 0 {
        end += usize::from(query[end]) + 1;
    }
    let question = query.get(12..end + 5)?;
    let is_a = question[question.len() - 4..] == [0, 1, 0, 1];
    let addresses = if is_a { addresses } else { &[] };
    let mut out = query[..2].to_vec();
    out.extend([0x81, 0x80, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    out.extend(question);
    for address in addresses {
        // The question's name, A, IN, a second to live.
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        out.extend(address.octets());
    }
    Some(out)
}
