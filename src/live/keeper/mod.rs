//! Keeps the mapping in force what its source has.
//!
//! It has a thread of its own, below the requests' in priority: reading and compiling 100,000 entries
//! takes a tenth of a second, and where there is one core, requests come first.

mod first;
mod handle;

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Live;
use super::reload::{Cause, Document, NotTaken, Reloaded, may_shrink};
use super::snapshot::{Snapshot, Tally};
use super::status::Origin;
use crate::source::cache::{CacheFault, Kept};
use crate::source::{Ask, Fetched, Seen};
use crate::telemetry::metrics::Reload;
pub use first::FirstFault;
use first::{First, Opened};
pub use handle::Handle;
use handle::{ORDERS, Order, merge};
use nameplate_core::domain::version::Version;
use nameplate_core::settings::{MappingSource, ReloadRules as Rules};

/// How long until a mapping that may be half written is looked at again.
const SECOND_LOOK: Duration = Duration::from_secs(1);
/// The first pause while there is no mapping at all; it doubles up to the poll interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// While a mapping is in force, a source that fails is asked less and less, down to every eighth time.
const MOST_DOUBLINGS: u32 = 3;
/// Large enough that the allocator does not keep it for the next one.
const NUDGE: usize = 8 * 1024 * 1024;
/// How often a table that was replaced is looked at: whether the last request that reads it has ended.
const RETIRING: Duration = Duration::from_secs(1);
/// Less than the requests' threads, and enough to get through when they are busy: a tenth of a core.
const NICE: i32 = 10;

/// A keeper that has read the mapping, and waits for what to put it in force in.
pub struct Waiting {
    live: SyncSender<Arc<Live>>,
    begun: Receiver<()>,
    handle: Handle,
}

impl Waiting {
    /// Puts the mapping in force, the cached one if the source had none, and goes on to keep it.
    pub fn begin(self, live: Arc<Live>) -> Handle {
        let _ = self.live.send(live);
        // Err: the thread has ended, and there is nothing to wait for.
        let _ = self.begun.recv();
        self.handle
    }
}

/// Starts a keeper; returns once it has read the mapping, or when there is no use in waiting for one.
/// `endpoints` are the names that ENDPOINT may have.
pub fn start(place: MappingSource, rules: Rules, endpoints: Vec<String>) -> Result<Waiting, FirstFault> {
    let (orders, received) = mpsc::channel(ORDERS);
    let (live, lives) = sync_channel(1);
    let (begins, begun) = sync_channel(1);
    let (reads, read) = sync_channel(1);
    let consent = Arc::<AtomicBool>::default();
    let handle = Handle { orders, consent: Arc::clone(&consent) };
    let run = move |runtime: tokio::runtime::Runtime| {
        runtime.block_on(async {
            let opened = match Opened::new(place, rules, endpoints) {
                Ok(opened) => opened,
                Err(fault) => return drop(reads.send(Err(fault.into()))),
            };
            let (opened, first) = match opened.first().await {
                Ok(read) => read,
                Err(fault) => return drop(reads.send(Err(fault))),
            };
            let _ = reads.send(Ok(()));
            let Ok(live) = lives.recv() else { return };
            let mut keeper = Keeper::new(live, opened, consent);
            keeper.begin(first);
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
    Ok(Waiting { live, begun, handle })
}

/// Linux keeps a priority for each thread, and takes 0 for the calling one.
fn yield_to_requests() {
    if let Err(e) = rustix::process::setpriority_process(None, NICE) {
        log::warn!("reading a mapping competes with requests: its thread's priority cannot be lowered: {e}");
    }
}

/// What led to a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    /// It was time.
    Poll,
    /// A change was seen.
    Seen(Seen),
    /// What was found may have been half of a change.
    SecondLook,
    /// Somebody asked.
    Order,
}

/// What came of a reading: whether the mapping in force is another one now, or why it is not what the
/// source has.
type Outcome = Result<bool, Cause>;

struct Keeper {
    live: Arc<Live>,
    at: Opened,
    name: String,
    /// Tables that were replaced and may still be read.
    retired: Vec<Arc<Snapshot>>,
    /// There is nothing left of the last change to clean up.
    settled: bool,
    /// Readings that failed in a row.
    failures: u32,
    /// What the source has and was not taken, and why.
    refused: Option<(Version, Cause)>,
    /// A change was seen that may be half of one.
    doubt: Option<Doubt>,
    /// Whether what the source brought last was taken or refused. Until it was, that the source has
    /// nothing new says nothing.
    judged: bool,
    /// Somebody consents to what is held.
    consent: Arc<AtomicBool>,
    /// What was taken and is not on disk yet.
    unkept: Option<Document>,
    /// What is on disk.
    kept: Option<Version>,
}

/// What was found where a change may not be complete. It is believed when it is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// A file that changed a moment ago, or while it was read.
    Unsettled,
    /// No mapping that could be read.
    Nothing,
    /// This one.
    Version(Version),
}

impl Keeper {
    fn new(live: Arc<Live>, at: Opened, consent: Arc<AtomicBool>) -> Keeper {
        Keeper {
            name: at.place.to_string(),
            live,
            at,
            retired: Vec::new(),
            settled: false,
            failures: 0,
            refused: None,
            doubt: None,
            judged: true,
            consent,
            unkept: None,
            kept: None,
        }
    }

    /// Puts the first mapping in force: the source's, else the cached one, else none yet.
    fn begin(&mut self, first: First) {
        let First { read, kept } = first;
        let (cause, version) = match read {
            Ok((table, document)) => {
                let (next, tally) = self.live.next(table, document.version);
                return self.put(next, tally, document);
            }
            Err(none) => none,
        };
        // Nobody waits for what came of this reading.
        let _ = self.not_taken(cause, version);
        self.start_from_cache(kept);
        if self.live.snapshot().table.is_empty() {
            log::error!("no mapping yet: requests are answered 503 until {} can be read", self.name);
        }
    }

    fn start_from_cache(&mut self, kept: Option<Result<Kept, CacheFault>>) {
        let (Some(cache), Some(kept)) = (&self.at.cache, kept) else { return };
        let kept = match kept {
            Ok(kept) => kept,
            Err(CacheFault::None(_)) => return,
            Err(fault) => return log::error!("the cached mapping cannot be used: {fault}"),
        };
        let document = Document { bytes: kept.bytes, version: kept.version };
        let table = match document.compile(&cache.path().display().to_string(), &self.at.endpoints) {
            Ok(table) => table,
            Err(cause) => return log::error!("the cached mapping cannot be used: {cause}"),
        };
        let (entries, path) = (table.len(), cache.path().display());
        self.live.put_in_force(table, kept.version, Origin::Cache, kept.at);
        self.kept = Some(kept.version);
        log::warn!("{entries} entries are in force from {path}, version {}", kept.version);
    }

    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            self.keep();
            let next = Instant::now() + self.pause();
            let (trigger, replies) = loop {
                let retiring = if self.settled { None } else { Some(Instant::now() + RETIRING) };
                tokio::select! {
                    order = orders.recv() => match order {
                        Some(order) => break (Trigger::Order, merge(order, &mut orders)),
                        None => return,
                    },
                    seen = self.at.source.changed() => break (Trigger::Seen(seen), Vec::new()),
                    () = sleep_until(Some(next)) => break (self.second_look(), Vec::new()),
                    () = sleep_until(retiring) => self.settle(),
                }
            };
            let outcome = self.attempt(trigger).await;
            for reply in replies {
                let _ = reply.try_send(self.reply(&outcome));
            }
            self.retire();
        }
    }

    fn second_look(&self) -> Trigger {
        match self.doubt {
            // It must be found the same twice, which is for the source to say.
            None | Some(Doubt::Unsettled) => Trigger::Poll,
            Some(Doubt::Nothing | Doubt::Version(_)) => Trigger::SecondLook,
        }
    }

    fn reply(&self, outcome: &Outcome) -> Result<Reloaded, NotTaken> {
        let snapshot = self.live.snapshot();
        let (generation, entries) = (snapshot.generation, snapshot.table.len());
        match outcome {
            Ok(changed) => Ok(Reloaded { generation, entries, changed: *changed }),
            Err(cause) => Err(NotTaken { cause: cause.clone(), generation }),
        }
    }

    async fn attempt(&mut self, trigger: Trigger) -> Outcome {
        let ask = if trigger == Trigger::Poll && self.judged { Ask::Poll } else { Ask::Now };
        match self.at.fetch(ask, self.at.rules.timeout).await {
            Ok(Fetched::Unchanged) => self.unchanged(),
            Ok(Fetched::Unsettled) => self.doubts(Doubt::Unsettled),
            Ok(Fetched::Document(bytes)) => {
                self.judged = false;
                self.take(Document::new(bytes), trigger)
            }
            Err(_) if matches!(trigger, Trigger::Seen(_)) && self.doubt.is_none() => self.doubts(Doubt::Nothing),
            Err(fault) => self.not_taken(Cause::Failed(fault), None),
        }
    }

    /// Nothing is said and nothing changed before this has been looked at again.
    fn doubts(&mut self, doubt: Doubt) -> Outcome {
        self.doubt = Some(doubt);
        Err(Cause::Unsettled)
    }

    fn not_taken(&mut self, cause: Cause, version: Option<Version>) -> Outcome {
        self.doubt = None;
        self.consent.store(false, Ordering::Relaxed);
        match version {
            Some(version) => {
                self.refused = Some((version, cause.clone()));
                self.judged = true;
                self.failures = 0;
            }
            None => self.failures = self.failures.saturating_add(1),
        }
        self.report(&cause, version);
        Err(cause)
    }

    /// The source has what it had.
    fn unchanged(&mut self) -> Outcome {
        self.doubt = None;
        self.failures = 0;
        if let Some((version, cause)) = &self.refused {
            self.live.metrics.mapping_read(Reload::Unchanged);
            // It may have been away in between.
            self.live.metrics.mapping_trouble(Some(cause.result()));
            self.live.mapping.not_taken(cause.clone(), Some(*version), SystemTime::now());
            return Err(cause.clone());
        }
        self.confirmed();
        Ok(false)
    }

    /// What is in force is what the source has.
    fn confirmed(&mut self) {
        let now = SystemTime::now();
        if self.live.mapping.confirmed(now) {
            log::info!("{} has the mapping that is in force again", self.name);
        }
        self.judge();
        if let Some(cache) = self.at.cache.as_ref().filter(|_| self.kept == self.live.snapshot().version) {
            cache.confirm(now);
        }
        self.live.metrics.mapping_from_cache(false);
        self.live.metrics.mapping_trouble(None);
        self.live.metrics.mapping_confirmed(Reload::Unchanged, now);
    }

    /// What the source brought last is in force.
    fn judge(&mut self) {
        (self.refused, self.doubt, self.judged, self.failures) = (None, None, true, 0);
        self.consent.store(false, Ordering::Relaxed);
    }

    fn take(&mut self, document: Document, trigger: Trigger) -> Outcome {
        let before = self.live.snapshot();
        let version = document.version;
        if before.version == Some(version) {
            self.confirmed();
            return Ok(false);
        }
        let was_refused = self.refused.as_ref().is_some_and(|(refused, _)| *refused == version);
        if was_refused && trigger == Trigger::Poll {
            return self.unchanged();
        }
        let table = match document.compile(&self.name, &self.at.endpoints) {
            Ok(table) => table,
            Err(_) if !self.believes(trigger, version, None) => return self.doubts(Doubt::Version(version)),
            Err(cause) => return self.not_taken(cause, Some(version)),
        };
        let (next, tally) = self.live.next(table, version);
        if !self.believes(trigger, version, Some(tally)) {
            return self.doubts(Doubt::Version(version));
        }
        // Consent is to what was held, and not to whatever came after it.
        let consent = was_refused && self.consent.load(Ordering::Relaxed);
        match may_shrink(&before, &next.table, version, self.at.rules.max_removed) {
            Err(held) if !consent && !self.at.rules.allow_shrink => {
                return self.not_taken(Cause::Held(held), Some(version));
            }
            Err(_) | Ok(()) => {}
        }
        self.put(next, tally, document);
        Ok(true)
    }

    /// Whether a mapping is whole, as far as the way it came tells, or because it was found twice.
    fn believes(&self, trigger: Trigger, version: Version, tally: Option<Tally>) -> bool {
        match trigger {
            Trigger::Poll | Trigger::Order | Trigger::Seen(Seen::Replaced) => true,
            _ if self.doubt == Some(Doubt::Version(version)) => true,
            // Who writes a file in several goes begins with less than there was.
            Trigger::Seen(Seen::Closed) => tally.is_some_and(|tally| tally.removed == 0 && tally.changed == 0),
            Trigger::Seen(Seen::Touched) | Trigger::SecondLook => false,
        }
    }

    fn put(&mut self, next: Snapshot, tally: Tally, document: Document) {
        let now = SystemTime::now();
        let replaced = self.live.swap(next, Origin::Source, now);
        self.retired.push(replaced);
        // After the swap: whoever reads it may rely on it.
        self.say_taken(&self.live.snapshot(), tally, now);
        self.settled = false;
        self.judge();
        self.unkept = Some(document);
    }

    fn say_taken(&self, next: &Snapshot, tally: Tally, now: SystemTime) {
        self.live.metrics.mapping_trouble(None);
        self.live.metrics.mapping_confirmed(Reload::Ok, now);
        let Snapshot { table, generation, version, .. } = next;
        let version = version.map(|version| version.to_string()).unwrap_or_default();
        let Tally { added, removed, changed } = tally;
        let what = if *generation == 1 { "loaded" } else { "reloaded" };
        log::info!(
            "mapping {what}: {} entries, generation {generation}, version {version} of {} \
             ({added} added, {removed} removed, {changed} changed)",
            table.len(),
            self.name
        );
    }

    /// Writes what was taken to disk, now that nobody waits for it.
    fn keep(&mut self) {
        let (Some(document), Some(cache)) = (self.unkept.take(), &self.at.cache) else { return };
        match cache.keep(&document.bytes, document.version) {
            Ok(()) => self.kept = Some(document.version),
            Err(e) => {
                let path = cache.path().display();
                log::warn!("the mapping is not cached: {path}: {e}; a start while the source is away has none");
            }
        }
    }

    fn report(&self, cause: &Cause, version: Option<Version>) {
        let result = cause.result();
        self.live.metrics.mapping_read(result);
        self.live.metrics.mapping_trouble(Some(result));
        self.live.mapping.not_taken(cause.clone(), version, SystemTime::now());
        let word = match cause {
            Cause::Failed(_) | Cause::Unsettled => "not read",
            Cause::Rejected(_) => "rejected",
            Cause::Held(_) => "held",
        };
        let said = match self.live.snapshot().generation {
            0 => cause.to_string(),
            generation => NotTaken { cause: cause.clone(), generation }.to_string(),
        };
        log::error!("mapping {word}:\n{said}");
    }

    /// Drops the tables that no request reads any more: here, so that no request has to.
    fn retire(&mut self) {
        for snapshot in std::mem::take(&mut self.retired) {
            match Arc::try_unwrap(snapshot) {
                Ok(unread) => unread.take_apart(),
                Err(still_read) => self.retired.push(still_read),
            }
        }
        self.live.metrics.mapping_tables(self.retired.len() + 1);
    }

    /// Cleans up after a change, some time later.
    fn settle(&mut self) {
        // The allocator gives memory back to the system some time after it was freed, and only while
        // something else is freed. Nothing is written here, so this costs no memory itself.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(NUDGE)));
        self.settled = self.retired.is_empty();
        self.retire();
    }

    /// How long until the source is asked again.
    fn pause(&self) -> Duration {
        let poll = self.at.rules.poll;
        let pause = match self.failures {
            _ if self.doubt.is_some() => return SECOND_LOOK,
            0 => poll,
            n if self.live.snapshot().version.is_some() => poll * 2_u32.pow((n - 1).min(MOST_DOUBLINGS)),
            n => poll.min(FIRST_PAUSE * 2_u32.pow((n - 1).min(16))),
        };
        // A tenth more or less, so that a fleet that started together does not ask together.
        pause.mul_f64(0.9 + 0.2 * fastrand::f64())
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
