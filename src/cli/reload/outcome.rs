//! How a reload ended, as the admin listener tells it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::parts::Parts;
use crate::cli::admin_client::get;
use crate::live::held_entries::ENTRIES_HELD;
use crate::live::reload::PARTS_NOT_ACTIVE;

/// The pause between two looks at the admin listener.
const PAUSE: Duration = Duration::from_millis(50);

/// How a reload ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The mapping is active; what to say of it.
    Taken(String),
    /// It was active before.
    Unchanged(String),
    /// It has errors: the diagnostics.
    Rejected(String),
    /// It removes too much, or grows too much: why.
    Held(String),
    /// Its source could not be read: why.
    Unreadable(String),
    /// Some parts are not active as the source has them.
    InParts {
        /// What is active.
        active: String,
        /// Which entries of the other parts are held, and why.
        held: Option<String>,
    },
}

/// How a reload ended, and what became of each part of a mapping in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) parts: Parts,
}

impl Ended {
    fn is_held(&self) -> bool {
        match self.outcome {
            Outcome::Held(_) => true,
            Outcome::InParts { ref held, .. } => held.is_some() || self.parts.has_held(),
            _ => false,
        }
    }
}

/// How many reloads had begun before ours.
pub(super) fn begun(admin: SocketAddr, timeout: Duration) -> Result<u64, String> {
    let mapping = mapping(admin, timeout)?;
    mapping["reloads"]["begun"].as_u64().ok_or_else(|| format!("http://{admin}/mapping does not tell of reloads"))
}

/// Waits for a reload that begins after `begun` others to end. `consents` where what is held is to be taken: then a reload
/// that ends with a held mapping began before the consent came, and another one follows.
pub(super) fn wait(admin: SocketAddr, begun: u64, consents: bool, timeout: Duration) -> Result<Ended, String> {
    let until = Instant::now() + timeout;
    let mut held = None;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return held
                .ok_or_else(|| format!("the reload has no outcome after {}", humantime::format_duration(timeout)));
        }
        let mapping = mapping(admin, left)?;
        if mapping["reloads"]["ended"].as_u64().is_some_and(|ended| ended > begun) {
            match outcome(&mapping) {
                Some(ended) if consents && ended.is_held() => held = Some(ended),
                Some(ended) => return Ok(ended),
                None => return Err(format!("http://{admin}/mapping does not tell how the reload ended")),
            }
        }
        std::thread::sleep(PAUSE.min(left));
    }
}

fn mapping(admin: SocketAddr, timeout: Duration) -> Result<Value, String> {
    let answer = get(admin, "/mapping", timeout).map_err(|e| format!("http://{admin}/mapping: {e}"))?;
    match answer.status {
        Some(200) => serde_json::from_str(&answer.body).map_err(|e| format!("http://{admin}/mapping: {e}")),
        Some(status) => Err(format!("http://{admin}/mapping: {status}: {}", answer.line())),
        None => Err(format!("http://{admin}/mapping: what answered is not HTTP")),
    }
}

/// What a message about parts says of entries that are held.
fn held_entries(message: &str) -> Option<String> {
    let at = message.find(ENTRIES_HELD)?;
    let line = message[..at].rfind('\n').map_or(0, |end| end + 1);
    Some(message[line..].to_owned())
}

fn outcome(mapping: &Value) -> Option<Ended> {
    let reloads = &mapping["reloads"];
    let active = || {
        let (entries, generation) = (&mapping["entries"], &mapping["generation"]);
        let version = mapping["version"].as_str().unwrap_or("unknown");
        format!("{entries} entries, generation {generation}, version {version}")
    };
    let message = || reloads["message"].as_str().unwrap_or_default().to_owned();
    let outcome = match reloads["result"].as_str()? {
        "taken" => Outcome::Taken(active()),
        "unchanged" => Outcome::Unchanged(active()),
        "rejected" | "held" | "failed" if message().contains(PARTS_NOT_ACTIVE) => {
            Outcome::InParts { active: active(), held: held_entries(&message()) }
        }
        "rejected" => Outcome::Rejected(message()),
        "held" => Outcome::Held(message()),
        "failed" => Outcome::Unreadable(message()),
        _ => return None,
    };
    Some(Ended { outcome, parts: Parts::of(mapping) })
}
