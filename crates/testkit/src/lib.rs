//! What stories, the bench and the soak share: a client that sends exactly the bytes it is given and reads strictly, an
//! origin over TLS that records every byte, one that fails below HTTP, a DNS server, and a
//! certificate authority.
//!
//! It knows nothing of Nameplate: both sides of it meet the proxy only on the wire.
//!
//! **Invariant:** ports are the system's choice unless the caller names one, nothing sleeps, and nothing waits longer
//! than [`PATIENCE`] unless the caller says so.

// It is for tests: what a failed one shows goes to its standard error.
#![allow(clippy::print_stderr)]

pub mod certificates;
pub mod client;
pub mod dns;
pub mod faulty;
pub mod frames;
pub mod origin;
pub mod procfs;
pub mod reply;
pub mod wire;

use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use certificates::Authority;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The domain of every API: the origins' certificates are for the names under it.
pub const API_DOMAIN: &str = "execute-api.eu-west-1.amazonaws.com";

/// The one certificate authority of this process: it signs for the origins, and clients trust it alone.
pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new().expect("an authority"))
}

/// Lets a test say when something goes on.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets everybody through, now and later.
    pub fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open; returns whether that happened in time.
    pub fn wait(&self) -> bool {
        let open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *self.0.1.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Bytes as a failed test shows them.
pub fn show(bytes: &[u8]) -> String {
    const MOST: usize = 2_048;
    let shown = bytes[..bytes.len().min(MOST)].escape_ascii().to_string().replace("\\r\\n", "\\r\\n\n    ");
    if bytes.len() > MOST { format!("{shown}... ({} bytes)", bytes.len()) } else { shown }
}
