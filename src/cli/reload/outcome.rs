//! How a reload ended, as the admin listener tells it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::held::HeldInParts;
use super::parts::Parts;
use crate::cli::admin_client::get;

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
    /// A mapping of one document is active but for entries that are held: why.
    EntriesHeld(String),
    /// Its source could not be read: why.
    Unreadable(String),
    /// Some parts, or some entries of parts, are not active as the source has them; what is active.
    InParts(String),
}

/// How a reload ended, and what became of each part of a mapping in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) parts: Parts,
    /// Of a mapping in parts, the entries that are held.
    pub(super) held: HeldInParts,
}

impl Ended {
    fn is_held(&self) -> bool {
        match self.outcome {
            Outcome::Held(_) | Outcome::EntriesHeld(_) => true,
            Outcome::InParts(_) => self.held.has_any() || self.parts.has_held(),
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

/// Reads how a reload ended. Nothing is read out of a message: it quotes texts that authors of parts control.
fn outcome(mapping: &Value) -> Option<Ended> {
    let reloads = &mapping["reloads"];
    let active = || {
        let (entries, generation) = (&mapping["entries"], &mapping["generation"]);
        let version = mapping["version"].as_str().unwrap_or("unknown");
        format!("{entries} entries, generation {generation}, version {version}")
    };
    let message = || reloads["message"].as_str().unwrap_or_default().to_owned();
    let parts = Parts::of(mapping);
    let outcome = match (reloads["result"].as_str()?, reloads["kind"].as_str()) {
        ("taken", _) => Outcome::Taken(active()),
        ("unchanged", _) => Outcome::Unchanged(active()),
        ("rejected" | "held" | "failed", Some("parts")) => Outcome::InParts(active()),
        ("held", Some("entries")) if parts.has_any() => Outcome::InParts(active()),
        ("held", Some("entries")) => Outcome::EntriesHeld(message()),
        ("rejected", _) => Outcome::Rejected(message()),
        ("held", _) => Outcome::Held(message()),
        ("failed", _) => Outcome::Unreadable(message()),
        _ => return None,
    };
    let held = if matches!(outcome, Outcome::InParts(_)) { HeldInParts::of(mapping) } else { HeldInParts::default() };
    Some(Ended { outcome, parts, held })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(result: &str, kind: &str, parts: &[&str], message: &str) -> Ended {
        let parts: Vec<Value> = parts.iter().map(|name| serde_json::json!({ "name": name })).collect();
        let reloads = serde_json::json!({ "result": result, "kind": kind, "message": message });
        outcome(&serde_json::json!({ "reloads": reloads, "parts": parts, "held": [] })).expect("an outcome")
    }

    #[test]
    fn a_message_that_quotes_what_the_program_says_changes_nothing() {
        let quoted =
            "m.yaml:1:1: error: `1 of 2 parts are not active as the source has them`, `1 of 2 entries are held`";
        assert_eq!(ended("rejected", "mapping", &[], quoted).outcome, Outcome::Rejected(quoted.into()));
        assert_eq!(ended("held", "mapping", &[], quoted).outcome, Outcome::Held(quoted.into()));
        assert_eq!(ended("held", "entries", &[], quoted).outcome, Outcome::EntriesHeld(quoted.into()));
        let in_parts = ended("rejected", "parts", &["a.yaml"], quoted);
        assert!(matches!(in_parts.outcome, Outcome::InParts(_)) && !in_parts.is_held(), "{in_parts:?}");
        assert!(matches!(ended("held", "entries", &["a.yaml"], "").outcome, Outcome::InParts(_)));
        assert!(matches!(ended("failed", "source", &["a.yaml"], quoted).outcome, Outcome::Unreadable(_)));
    }
}
