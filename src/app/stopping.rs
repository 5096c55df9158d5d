//! How it all ends: for good, or because another process has taken over.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use super::{Running, admin_name, handover, upgrade_socket};
use crate::downstream::clients::Clients;

/// How long nothing may be in flight until connections that stay open are left: their clients ignore that
/// they were told to go.
const QUIET: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(50);

/// Why the listening sockets were not handed over; everything goes on as before.
#[derive(Debug, thiserror::Error)]
#[error("the sockets were not handed over: {0}")]
pub struct NotHandedOver(String);

/// The listening sockets, to be handed over by a thread that may wait.
pub struct Offer {
    path: PathBuf,
    sockets: Vec<(String, OwnedFd)>,
}

impl Offer {
    /// Hands the sockets to the process that waits for them; returns once that accepts connections.
    /// [`Running::leave`] is then what remains to be done.
    pub fn hand_over(self) -> Result<(), NotHandedOver> {
        let Offer { path, sockets } = self;
        handover::hand_over(&path, &sockets).map_err(|e| NotHandedOver(format!("{}: {e}", path.display())))
    }
}

impl Running {
    /// The sockets to hand to the process that waits for them ([`super::take_over`]).
    pub fn offer(&self) -> Result<Offer, NotHandedOver> {
        let path = upgrade_socket(&self.stopping).map_err(NotHandedOver)?.to_owned();
        let offers = || -> std::io::Result<Vec<(String, OwnedFd)>> {
            let listeners = self.listeners.iter().map(|bound| (bound.name.clone(), &bound.socket));
            let admin = (admin_name(self.admin_as_set), &self.admin_socket);
            listeners.chain([admin]).map(|(name, socket)| Ok((name, socket.try_clone()?.into()))).collect()
        };
        match offers() {
            Ok(sockets) => Ok(Offer { path, sockets }),
            Err(e) => Err(NotHandedOver(format!("{}: {e}", path.display()))),
        }
    }

    /// Fails readiness, tells clients to go, closes the listeners, lets what is in flight finish, and
    /// returns when nothing is left or the grace period is over; says how many connections that cut off.
    pub fn stop(self) -> usize {
        self.end(false)
    }

    /// As [`Running::stop`], after another process has taken over: that accepts connections, and this one
    /// does not any more.
    pub fn leave(self) -> usize {
        self.end(true)
    }

    fn end(self, replaced: bool) -> usize {
        let Running { clients, listeners, stopping, acceptor, stop_accepting, accepting, stop_admin, .. } = self;
        clients.drain();
        let close = async || {
            let _ = stop_accepting.send(true);
            for accepting in accepting {
                let _ = accepting.await;
            }
            drop(listeners);
        };
        let cut_off = self.minding.block_on(async {
            if replaced {
                let _ = stop_admin.send(true);
                close().await;
                tokio::time::sleep(stopping.delay).await;
            } else {
                tokio::time::sleep(stopping.delay).await;
                close().await;
            }
            let _ = self.stop_serving.send(true);
            acceptor.end_idle().await;
            let finish = async {
                tokio::select! {
                    () = clients.all_closed() => {}
                    () = quiet(&clients) => {}
                }
            };
            match tokio::time::timeout(stopping.grace_period, finish).await {
                Ok(()) => 0,
                Err(_) => clients.open(),
            }
        });
        self.proxying.shutdown_timeout(Duration::from_millis(100));
        let _ = stop_admin.send(true);
        self.minding.shutdown_timeout(Duration::from_millis(100));
        cut_off
    }
}

/// Waits until nothing has been in flight for a while. Time enough for an answer that was handed over to
/// be sent, and for a request that is on its way to arrive.
async fn quiet(clients: &Clients) {
    let mut since = tokio::time::Instant::now();
    while since.elapsed() < QUIET {
        tokio::time::sleep(LOOK).await;
        if clients.metrics.requests.in_flight() > 0 {
            since = tokio::time::Instant::now();
        }
    }
}
