//! The handle of a running keeper: orders that one reading carries out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::sync::mpsc;

use super::super::reload::{NotTaken, Reloaded};

/// The most orders that wait; one reading carries them all out.
pub(super) const ORDERS: usize = 16;

/// A request to read the mapping, and where somebody waits for its outcome.
pub(super) struct Order(Option<SyncSender<Result<Reloaded, NotTaken>>>);

/// The handle of a running keeper. The keeper ends when this is dropped.
pub struct Handle {
    pub(super) orders: mpsc::Sender<Order>,
    /// Somebody consents to what is held. Beside the orders, so that no full queue loses it.
    pub(super) consent: Arc<AtomicBool>,
}

impl Handle {
    /// Asks for the mapping to be read now. Of many asked for at once, one reading serves all.
    pub fn order(&self, allow_shrink: bool) {
        self.consent.fetch_or(allow_shrink, Ordering::Relaxed);
        // A full queue is as many readings as anybody could want.
        if let Err(mpsc::error::TrySendError::Closed(_)) = self.orders.try_send(Order(None)) {
            log::error!("nobody keeps the mapping any more: what is in force stays until a restart");
        }
    }

    /// As [`Handle::order`], and waits for the outcome. `None` if the keeper has ended.
    pub fn reload(&self, allow_shrink: bool) -> Option<Result<Reloaded, NotTaken>> {
        self.consent.fetch_or(allow_shrink, Ordering::Relaxed);
        let (reply, outcome) = sync_channel(1);
        self.orders.blocking_send(Order(Some(reply))).ok()?;
        outcome.recv().ok()
    }
}

/// Where the outcome of a reading is waited for.
pub(super) type Replies = Vec<SyncSender<Result<Reloaded, NotTaken>>>;

/// Takes all orders that wait, as one.
pub(super) fn merge(first: Order, orders: &mut mpsc::Receiver<Order>) -> Replies {
    let mut replies: Replies = first.0.into_iter().collect();
    while let Ok(order) = orders.try_recv() {
        replies.extend(order.0);
    }
    replies
}
