//! Keeps the active mapping in sync with its source.
//!
//! `judge` decides, as a value; `run` reads, compiles, swaps and reports as it says. The keeper has
//! a thread of its own, below the requests' in priority: reading and compiling 100,000 entries takes a
//! tenth of a second, and with a single core, requests come first.

mod activate;
mod asking;
mod cache_writer;
mod candidate;
mod document;
mod handle;
mod judge;
mod parts;
mod parts_cache_writer;
mod reader;
mod replaced;
mod retry_turns;
mod run;
mod session;
mod start;
mod verify;

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::mpsc;

use super::Live;
pub(crate) use asking::asking;
pub use handle::Handle;
use handle::ORDERS;
use nameplate_core::settings::{MappingSource, ReloadRules as Rules};
pub use reader::FirstReadError;
use reader::MappingReader;
use run::Keeper;
pub use session::Ask;

/// Less than the requests' threads, and enough to make progress when they are busy: a tenth of a core.
const NICE: i32 = 10;

/// A keeper that has read the mapping, and waits for the [`Live`] to activate it in.
pub struct PendingKeeper {
    live: SyncSender<(Arc<Live>, Option<Ask>)>,
    begun: Receiver<()>,
    handle: Handle,
}

impl PendingKeeper {
    /// Activates the mapping, or the cached one if the source had none, and goes on to keep it. Changes are verified
    /// with `ask`, where there is one.
    pub fn begin(self, live: Arc<Live>, ask: Option<Ask>) -> Handle {
        let _ = self.live.send((live, ask));
        // Err: the thread has ended, and there is nothing to wait for.
        let _ = self.begun.recv();
        self.handle
    }
}

/// Starts a keeper; returns once it has read the mapping, or when there is no use in waiting for one.
/// `endpoints` are the names that ENDPOINT may have.
pub fn start(place: MappingSource, rules: Rules, endpoints: Vec<String>) -> Result<PendingKeeper, FirstReadError> {
    let (orders, received) = mpsc::channel(ORDERS);
    let (live, lives) = sync_channel(1);
    let (begins, begun) = sync_channel(1);
    let (reads, read) = sync_channel(1);
    let consent = Arc::<AtomicBool>::default();
    let handle = Handle { orders, consent: Arc::clone(&consent) };
    let run = move |runtime: tokio::runtime::Runtime| {
        runtime.block_on(async {
            let reader = match MappingReader::new(place, rules, endpoints) {
                Ok(reader) => reader,
                Err(error) => return drop(reads.send(Err(error.into()))),
            };
            let (reader, first) = match reader.first().await {
                Ok(read) => read,
                Err(error) => return drop(reads.send(Err(error))),
            };
            let _ = reads.send(Ok(()));
            let Ok((live, ask)) = lives.recv() else { return };
            let mut keeper = Keeper::new(live, reader, consent, ask);
            keeper.begin(first).await;
            let _ = begins.send(());
            yield_to_requests();
            keeper.run(received).await;
        });
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("mapping".into()).spawn(move || {
        if std::panic::catch_unwind(AssertUnwindSafe(|| run(runtime))).is_err() {
            log::error!(
                "keeping the mapping ended in a fault of Nameplate's own: what is in force stays until a restart"
            );
        }
    })?;
    read.recv().map_err(|_| io::Error::other("the thread has ended"))??;
    Ok(PendingKeeper { live, begun, handle })
}

/// Lowers the priority of the calling thread: Linux keeps one for each thread, and takes 0 for the
/// calling one.
fn yield_to_requests() {
    if let Err(e) = rustix::process::setpriority_process(None, NICE) {
        log::warn!("reading a mapping competes with requests: its thread's priority cannot be lowered: {e}");
    }
}
