//! Where one set of addresses comes from.
//!
//! The set itself is `pingora-load-balancing`'s: its `Backends` ask a `ServiceDiscovery` for all of it, which here is what
//! the questions about a name have brought so far. The choice among them is made in the pool.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora_load_balancing::discovery::{ServiceDiscovery, Static};
use pingora_load_balancing::{Backend, Backends};
use tokio::time::timeout;

use super::dns::Dns;
use super::lookup::{Absence, Answers, Family, LookupFault, Reply};
use super::pool::AddressPool;
use crate::telemetry::metrics::Discovery;

/// How long the questions that are not answered yet are waited for once an address is known. RFC 8305, section 3,
/// gives them as long.
const A_LITTLE_LONGER: Duration = Duration::from_millis(50);

/// The longest that an answer is waited for: the resolver gives up within about 9 s.
const LONGEST: Duration = Duration::from_secs(20);

/// What looks one set of addresses up.
pub(crate) enum AddressSource {
    /// They are as the settings say.
    Fixed(Backends),
    /// They are behind a name.
    Named(Arc<Named>),
}

/// A name, and the pool its addresses stand in.
pub(crate) struct Named {
    dns: Arc<Dns>,
    pool: Arc<AddressPool>,
    answers: Arc<Mutex<Both>>,
    backends: Backends,
    /// Held while the backends are updated, which must not happen twice at once.
    updating: tokio::sync::Mutex<()>,
}

/// The addresses that the queries have brought so far, as one set.
struct Known {
    answers: Arc<Mutex<Both>>,
    port: u16,
}

/// What is known of the name, and of the one that has only the addresses of our zone.
struct Both {
    all: Answers,
    zonal: Option<Answers>,
}

/// The name in which a zone's addresses are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ZonalName {
    pub name: String,
    /// What it means that it has no record.
    pub absence: Absence,
}

/// Which of the two names a question is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    All,
    Zone,
}

impl AddressSource {
    pub(crate) fn by_name(dns: &Arc<Dns>, name: &str, zonal: Option<ZonalName>, pool: &Arc<AddressPool>) -> Self {
        let all = dns.answers(name, Absence::Fault);
        let zonal = zonal.map(|zonal| dns.answers(&zonal.name, zonal.absence));
        let answers = Arc::new(Mutex::new(Both { all, zonal }));
        let known = Known { answers: Arc::clone(&answers), port: dns.port };
        AddressSource::Named(Arc::new(Named {
            dns: Arc::clone(dns),
            pool: Arc::clone(pool),
            answers,
            backends: Backends::new(Box::new(known)),
            updating: tokio::sync::Mutex::default(),
        }))
    }

    pub(crate) fn fixed(addresses: &[SocketAddr]) -> Self {
        AddressSource::Fixed(Backends::new(Static::new(addresses.iter().copied().map(backend).collect())))
    }

    /// Asks what is due. Returns once every question is answered, or soon after an address is known: an answer that
    /// is late still counts when it arrives.
    pub(crate) async fn refresh(&self, pool: &AddressPool, now: Instant) {
        match self {
            AddressSource::Fixed(backends) => {
                update(backends).await;
                pool.set(backends.get_backend().iter().filter_map(address), |_| false);
            }
            AddressSource::Named(named) => named.refresh(now).await,
        }
    }

    /// How long until a question is due; `None` where nothing is asked.
    pub(crate) fn due_in(&self, now: Instant) -> Option<Duration> {
        match self {
            AddressSource::Fixed(_) => None,
            AddressSource::Named(named) => Some(named.lock().due_in(now)),
        }
    }

    /// Why the latest answers brought nothing new, if they did not.
    pub(crate) fn last_fault(&self) -> Option<LookupFault> {
        match self {
            AddressSource::Fixed(_) => None,
            AddressSource::Named(named) => named.lock().last_fault(),
        }
    }
}

impl Named {
    async fn refresh(self: &Arc<Self>, now: Instant) {
        let due = self.lock().claim_due(now);
        // Tasks of their own: whoever waits here may give up, and the answer still counts.
        let asked = due.into_iter().map(|(about, family)| {
            let named = Arc::clone(self);
            tokio::spawn(async move { named.ask(about, family).await })
        });
        let mut asked: FuturesUnordered<_> = asked.collect();
        while asked.next().await.is_some() {
            if !self.pool.is_empty() {
                break;
            }
        }
        let _ = timeout(A_LITTLE_LONGER, async { while asked.next().await.is_some() {} }).await;
    }

    async fn ask(&self, about: About, family: Family) {
        let name = self.lock().about(about).name().to_owned();
        // Whatever becomes of it, it is noted: a question that is never answered would never be asked again.
        let asked = AssertUnwindSafe(timeout(LONGEST, self.dns.ask(&name, family))).catch_unwind();
        let reply = match asked.await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Reply::Failed("got no answer in time".into()),
            Err(_) => Reply::Failed("ended in a fault of Nameplate's own".into()),
        };
        let outcome = self.lock().about(about).note(family, reply, Instant::now());
        self.fill_pool().await;
        let result = if outcome.is_ok() { Discovery::Ok } else { Discovery::Failed };
        self.dns.metrics.upstream.endpoint_discovered(result);
        match outcome {
            Ok(false) => {}
            Ok(true) => log::info!("endpoint `{name}`: the {} query is answered again", family.record()),
            Err(fault) => {
                // Once for each cause: it is asked again every few seconds, and the metric counts.
                let level = if fault.is_new { log::Level::Warn } else { log::Level::Debug };
                let known = self.pool.addresses().len();
                log::log!(level, "{fault}; {known} known addresses stay in use, next try in {:?}", fault.retry_in);
            }
        }
    }

    /// Puts all that is known into the pool. Of two answers at once, the pool has both in the end.
    async fn fill_pool(&self) {
        let _updating = self.updating.lock().await;
        update(&self.backends).await;
        let local = self.lock().local();
        self.pool.set(self.backends.get_backend().iter().filter_map(address), |address| local.contains(&address.ip()));
    }

    fn lock(&self) -> MutexGuard<'_, Both> {
        lock(&self.answers)
    }
}

#[async_trait]
impl ServiceDiscovery for Known {
    async fn discover(&self) -> pingora::Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        let known = lock(&self.answers).all.addresses().map(|ip| backend(SocketAddr::new(ip, self.port))).collect();
        Ok((known, HashMap::new()))
    }
}

async fn update(backends: &Backends) {
    // Neither kind of discovery fails; an error would leave the set as it was.
    if let Err(e) = backends.update(|_| {}).await {
        log::error!("the addresses of an endpoint were not updated: {}", e.etype().as_str());
    }
}

fn backend(address: SocketAddr) -> Backend {
    Backend { addr: PingoraAddr::Inet(address), weight: 1, ext: http::Extensions::new() }
}

fn address(backend: &Backend) -> Option<SocketAddr> {
    backend.addr.as_inet().copied()
}

// Nothing panics while it holds the lock; a poisoned one still holds good data.
fn lock(answers: &Mutex<Both>) -> MutexGuard<'_, Both> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Both {
    fn about(&mut self, about: About) -> &mut Answers {
        match (about, &mut self.zonal) {
            (About::Zone, Some(zonal)) => zonal,
            _ => &mut self.all,
        }
    }

    fn claim_due(&mut self, now: Instant) -> Vec<(About, Family)> {
        let all = self.all.claim_due(now).into_iter().map(|family| (About::All, family));
        let zonal = self.zonal.iter_mut().flat_map(|zonal| zonal.claim_due(now));
        all.chain(zonal.map(|family| (About::Zone, family))).collect()
    }

    fn due_in(&self, now: Instant) -> Duration {
        let all = self.all.due_in(now);
        self.zonal.as_ref().map_or(all, |zonal| all.min(zonal.due_in(now)))
    }

    fn last_fault(&self) -> Option<LookupFault> {
        self.all.last_fault().or_else(|| self.zonal.as_ref()?.last_fault())
    }

    /// The addresses of our zone.
    fn local(&self) -> BTreeSet<IpAddr> {
        self.zonal.iter().flat_map(Answers::addresses).collect()
    }
}
