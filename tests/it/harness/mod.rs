//! What stories are told with: an origin that records every byte, a client that hides none, and
//! the real application between them.
//!
//! **Invariant:** ports are the system's choice, nothing sleeps, and nothing waits longer than
//! [`PATIENCE`].

use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use nameplate::demo::authority::Authority;

pub mod admin;
pub mod browser;
pub mod client;
pub mod dns;
pub mod faulty;
pub mod frames;
pub mod http2;
pub mod load;
pub mod moto;
pub mod origin;
pub mod output;
pub mod prometheus;
pub mod proxy;
pub mod reply;
pub mod server;
pub mod web;
pub mod wire;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What every API in these tests is called after its id.
pub const API_DOMAIN: &str = "execute-api.eu-west-1.amazonaws.com";

/// The one certificate authority of this process.
pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new().expect("an authority"))
}

/// Lets a test say when something goes on.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Whether it was opened in time.
    pub fn wait(&self) -> bool {
        let open = self.0.0.lock().unwrap();
        *self.0.1.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap().0
    }
}

/// Bytes as a failed test shows them.
pub fn show(bytes: &[u8]) -> String {
    const MOST: usize = 2_048;
    let shown = bytes[..bytes.len().min(MOST)].escape_ascii().to_string().replace("\\r\\n", "\\r\\n\n    ");
    if bytes.len() > MOST { format!("{shown}... ({} bytes)", bytes.len()) } else { shown }
}
