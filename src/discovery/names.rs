//! Private DNS: each API's own name is looked up, when a request first needs it and then on its TTL.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::dns::Dns;
use super::health::Policy;
use super::pool::Pool;
use super::{Found, LookupFault};

/// The names that requests have asked for.
pub struct Names {
    dns: Dns,
    policy: Policy,
    trial: Duration,
    began: Instant,
    known: Mutex<HashMap<String, Arc<Name>>>,
}

/// One API's name and the addresses behind it. An entry keeps its name's, so that a request looks for
/// no name.
pub struct Name {
    found: Found,
    /// The addresses.
    pub pool: Pool,
    /// Milliseconds after the beginning; 0 before the first look-up.
    due: AtomicU64,
    asking: tokio::sync::Mutex<()>,
    /// Somebody looks it up again in the background.
    refreshing: AtomicBool,
    began: Instant,
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Name").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Names {
    pub(super) fn new(dns: Dns, policy: Policy, trial: Duration, began: Instant) -> Names {
        Names { dns, policy, trial, began, known: Mutex::default() }
    }

    /// The one of this API. Nothing is looked up yet.
    pub fn named(&self, host: &str) -> Arc<Name> {
        let mut known = self.lock();
        // Names of APIs that no entry has any more go, now that somebody holds the map anyway.
        known.retain(|name, kept| Arc::strong_count(kept) > 1 || name == host);
        if let Some(name) = known.get(host) {
            return Arc::clone(name);
        }
        let name = Arc::new(Name {
            found: Found::by_name(&self.dns, host, None),
            pool: Pool::new(self.policy, self.trial, self.began),
            due: AtomicU64::new(0),
            asking: tokio::sync::Mutex::default(),
            refreshing: AtomicBool::new(false),
            began: self.began,
        });
        known.insert(host.to_owned(), Arc::clone(&name));
        name
    }

    /// All that are in use.
    pub fn all(&self) -> Vec<Arc<Name>> {
        self.lock().values().cloned().collect()
    }

    // Nothing in here panics while it holds the lock; a poisoned one still holds good data.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Name>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Name {
    /// Whether it is to be looked up before it can be used.
    pub fn is_unknown(&self) -> bool {
        self.pool.is_empty()
    }

    /// Whether the answer's TTL has run out, and nobody looks it up again yet. Who is told so must.
    pub fn is_due(&self, now: Instant) -> bool {
        self.at(now) >= self.due.load(Ordering::Relaxed) && !self.refreshing.swap(true, Ordering::Relaxed)
    }

    /// Looks it up, unless that is done; says whether it was. Of many that ask for a name that has no
    /// address yet, one look-up serves all, and one that failed serves until it may be tried again.
    pub async fn refresh(&self, now: Instant) -> Result<bool, LookupFault> {
        let asking = self.asking.lock().await;
        if self.at(now) < self.due.load(Ordering::Relaxed) {
            self.refreshing.store(false, Ordering::Relaxed);
            return Ok(false);
        }
        let outcome = self.found.refresh(&self.pool, now).await;
        let wait = match &outcome {
            Ok(next) => next.unwrap_or_default(),
            Err(fault) => fault.retry_in,
        };
        self.due.store(self.at(Instant::now() + wait), Ordering::Relaxed);
        self.refreshing.store(false, Ordering::Relaxed);
        drop(asking);
        outcome.map(|_| true)
    }

    fn at(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.began).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX).saturating_add(1)
    }
}
