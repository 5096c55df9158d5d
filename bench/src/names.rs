//! DNS for an endpoint: which of its addresses count now.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};

/// A DNS server with one answer, whatever name is asked for.
#[derive(Clone)]
pub struct Names {
    /// Where it answers.
    pub address: SocketAddr,
    answer: Arc<Mutex<Vec<Ipv4Addr>>>,
}

impl Names {
    /// Answers on a free port of the loopback interface.
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

    /// What it answers from now on; nothing at first.
    pub fn say(&self, addresses: impl IntoIterator<Item = Ipv4Addr>) {
        *self.answer.lock().expect("no panic while it is held") = addresses.into_iter().collect();
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
