//! Private DNS: each API's own name is looked up, when a request first needs it and then on its TTL.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::address_source::AddressSource;
use super::dns::Dns;
use super::health::{EjectionPolicy, moment};
use super::pool::AddressPool;

/// The names that requests have asked for.
pub(crate) struct ApiNames {
    dns: Arc<Dns>,
    policy: EjectionPolicy,
    trial: Duration,
    began: Instant,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    names: HashMap<String, Arc<ApiName>>,
    /// How many there may be until those that no entry needs any more are looked for.
    room: usize,
}

/// Fewer names than this are not worth looking through.
const FEW: usize = 1_024;

/// One API's name and the addresses behind it. An entry keeps its name's, so that a request looks for
/// no name.
pub struct ApiName {
    source: AddressSource,
    /// The addresses.
    pub pool: Arc<AddressPool>,
    /// Milliseconds after the beginning; 0 before the first look-up.
    due: AtomicU64,
    asking: tokio::sync::Mutex<()>,
    /// Somebody looks it up again in the background.
    refreshing: AtomicBool,
    began: Instant,
}

impl std::fmt::Debug for ApiName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiName").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl ApiNames {
    pub(crate) fn new(dns: Arc<Dns>, policy: EjectionPolicy, trial: Duration, began: Instant) -> ApiNames {
        ApiNames { dns, policy, trial, began, known: Mutex::default() }
    }

    /// The one of this API. Nothing is looked up yet.
    pub(crate) fn named(&self, host: &str) -> Arc<ApiName> {
        let mut known = self.lock();
        if let Some(name) = known.names.get(host) {
            return Arc::clone(name);
        }
        // Each name is looked at once for each time their number doubles, and not for each new one.
        if known.names.len() >= known.room {
            known.names.retain(|_, name| Arc::strong_count(name) > 1);
            known.room = FEW.max(2 * known.names.len());
        }
        let pool = Arc::new(AddressPool::new(self.policy, self.trial, self.began));
        let name = Arc::new(ApiName {
            source: AddressSource::by_name(&self.dns, host, None, &pool),
            pool,
            due: AtomicU64::new(0),
            asking: tokio::sync::Mutex::default(),
            refreshing: AtomicBool::new(false),
            began: self.began,
        });
        known.names.insert(host.to_owned(), Arc::clone(&name));
        name
    }

    /// How they are called, and what is known of each, in the order of their names.
    pub(crate) fn by_name(&self) -> Vec<(String, Arc<ApiName>)> {
        let mut all: Vec<_> = self.lock().names.iter().map(|(host, name)| (host.clone(), Arc::clone(name))).collect();
        all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// All that are in use.
    pub(crate) fn all(&self) -> Vec<Arc<ApiName>> {
        self.lock().names.values().cloned().collect()
    }

    // Nothing in here panics while it holds the lock; a poisoned one still holds good data.
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ApiName {
    /// Whether it is to be looked up before it can be used.
    pub fn is_unknown(&self) -> bool {
        self.pool.is_empty()
    }

    /// Claims the next look-up, and reports whether the caller has it and must call [`ApiName::refresh`]: the
    /// answer's TTL has run out, and nobody else looks it up.
    pub fn claim_refresh(&self, now: Instant) -> bool {
        self.at(now) >= self.due.load(Ordering::Relaxed) && !self.refreshing.swap(true, Ordering::Relaxed)
    }

    /// Looks up what is due. Of many that ask for a name that has no address yet, one look-up serves all, and one
    /// that failed serves until it may be tried again.
    pub async fn refresh(&self, now: Instant) {
        let asking = self.asking.lock().await;
        if self.at(now) >= self.due.load(Ordering::Relaxed) {
            self.source.refresh(&self.pool, now).await;
            let answered = Instant::now();
            let wait = self.source.due_in(answered).unwrap_or_default();
            self.due.store(self.at(answered + wait), Ordering::Relaxed);
        }
        self.refreshing.store(false, Ordering::Relaxed);
        drop(asking);
    }

    fn at(&self, time: Instant) -> u64 {
        moment(self.began, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::limit::{CpuLimit, LimitSource};
    use crate::telemetry::metrics::Metrics;
    use nameplate_core::settings::Endpoint;

    #[test]
    fn names_that_no_entry_needs_any_more_go_in_time() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let _inside = runtime.enter();
        let settings =
            Endpoint { nameservers: vec!["127.0.0.1:9".parse().expect("an address")], ..Endpoint::default() };
        let policy = EjectionPolicy { after: 3, cool_down: Duration::from_secs(5), most: Duration::from_secs(60) };
        let limit = CpuLimit::new(1.0, LimitSource::Machine).expect("a limit");
        let dns = Dns::new(&settings, &Arc::new(Metrics::new(limit))).expect("a resolver");
        let names = ApiNames::new(Arc::new(dns), policy, Duration::from_secs(3), Instant::now());
        let kept = names.named("kept.example.com");
        for number in 0..3 * FEW {
            names.named(&format!("gone{number}.example.com"));
        }
        assert!(names.all().len() <= FEW, "{}", names.all().len());
        assert!(Arc::ptr_eq(&kept, &names.named("kept.example.com")));
        let by_name = names.by_name();
        assert!(by_name.len() == names.all().len() && by_name.is_sorted_by_key(|(host, _)| host.clone()));
    }
}
