//! Keeps the mapping in force what its source has.
//!
//! It has a thread of its own, below the requests' in priority: reading and compiling 100,000 entries
//! takes a tenth of a second, and where there is one core, requests come first.

mod first;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Live;
use super::reload::{Cause, Document, NotTaken, Reloaded, may_shrink};
use super::snapshot::{Snapshot, Tally};
use super::status::Origin;
use crate::config::settings::{MappingSource, Reload as Rules};
use crate::domain::table::MappingTable;
use crate::domain::version::Version;
use crate::source::cache::CacheFault;
use crate::source::{Ask, Fetched, Seen};
use crate::telemetry::metrics::Reload;
pub use first::FirstFault;
use first::{First, Opened};

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
/// Orders that may wait; they are all carried out by one reading.
const ORDERS: usize = 16;

/// What somebody wants of the mapping.
#[derive(Default)]
struct Order {
    /// Take what is held.
    allow_shrink: bool,
    reply: Option<SyncSender<Result<Reloaded, NotTaken>>>,
}

/// The way to a running keeper. It ends when this is dropped.
pub struct Handle(mpsc::Sender<Order>);

impl Handle {
    /// Asks for the mapping to be read now. Of many asked for at once, one reading serves all.
    pub fn order(&self, allow_shrink: bool) {
        // A full queue is as many readings as anybody could want.
        let _ = self.0.try_send(Order { allow_shrink, reply: None });
    }

    /// As [`Handle::order`], and waits for what came of it. `None` if the keeper has ended.
    pub fn reload(&self, allow_shrink: bool) -> Option<Result<Reloaded, NotTaken>> {
        let (reply, outcome) = sync_channel(1);
        self.0.blocking_send(Order { allow_shrink, reply: Some(reply) }).ok()?;
        outcome.recv().ok()
    }
}

/// A keeper that has read the mapping, and waits for what to put it in force in.
pub struct Waiting {
    live: SyncSender<Arc<Live>>,
    begun: Receiver<()>,
    orders: mpsc::Sender<Order>,
}

impl Waiting {
    /// Puts the mapping in force, the cached one if the source had none, and goes on to keep it.
    pub fn begin(self, live: Arc<Live>) -> Handle {
        let _ = self.live.send(live);
        // Err: the thread has ended, and there is nothing to wait for.
        let _ = self.begun.recv();
        Handle(self.orders)
    }
}

/// Starts a keeper; returns once it has read the mapping, or when there is no use in waiting for one.
pub fn start(place: MappingSource, rules: Rules) -> Result<Waiting, FirstFault> {
    let (orders, received) = mpsc::channel(ORDERS);
    let (live, lives) = sync_channel(1);
    let (begins, begun) = sync_channel(1);
    let (reads, read) = sync_channel(1);
    let run = move |runtime: tokio::runtime::Runtime| {
        runtime.block_on(async {
            let opened = match Opened::new(place, rules) {
                Ok(opened) => opened,
                Err(fault) => return drop(reads.send(Err(fault.into()))),
            };
            let (opened, first) = match opened.first().await {
                Ok(read) => read,
                Err(fault) => return drop(reads.send(Err(fault))),
            };
            let _ = reads.send(Ok(()));
            let Ok(live) = lives.recv() else { return };
            let mut keeper = Keeper::new(live, opened);
            keeper.begin(first);
            let _ = begins.send(());
            yield_to_requests();
            keeper.run(received).await;
        });
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("mapping".into()).spawn(move || run(runtime))?;
    read.recv().map_err(|_| io::Error::other("the thread has ended"))??;
    Ok(Waiting { live, begun, orders })
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
    /// A change was seen, and is complete.
    Seen,
    /// A change was seen that may be half of one.
    Glimpsed,
    /// Somebody asked.
    Order { allow_shrink: bool },
}

/// What came of a reading.
enum Outcome {
    InForce {
        changed: bool,
    },
    NotTaken(Cause),
    /// As the last time: the version that was not taken then is still there.
    StillNotTaken,
}

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
    /// What was taken and is not on disk yet.
    unkept: Option<Document>,
}

/// What was found where a change may not be complete. It is believed when it is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// A file that changed a moment ago, or while it was read.
    Unsettled,
    /// No mapping that could be read.
    Nothing,
    /// A mapping that is at fault, or that has fewer domains.
    Less(Version),
}

impl Keeper {
    fn new(live: Arc<Live>, at: Opened) -> Keeper {
        let name = at.place.to_string();
        Keeper {
            live,
            at,
            name,
            retired: Vec::new(),
            settled: false,
            failures: 0,
            refused: None,
            doubt: None,
            unkept: None,
        }
    }

    /// Puts the first mapping in force: the source's, else the cached one, else none yet.
    fn begin(&mut self, first: First) {
        let (cause, version) = match first {
            Ok((table, document)) => return self.put(table, document),
            Err(none) => none,
        };
        self.failures = 1;
        self.not_taken(cause, version);
        self.start_from_cache();
        if self.live.snapshot().table.is_empty() {
            log::error!("no mapping yet: requests are answered 503 until {} can be read", self.name);
        }
    }

    fn start_from_cache(&mut self) {
        let Some(cache) = &self.at.cache else { return };
        let kept = match cache.read(self.at.rules.max_bytes) {
            Ok(kept) => kept,
            Err(CacheFault::None(_)) => return,
            Err(fault) => return log::error!("the cached mapping cannot be used: {fault}"),
        };
        let document = Document { bytes: kept.bytes, version: kept.version };
        let table = match document.compile(&cache.path().display().to_string()) {
            Ok(table) => table,
            Err(cause) => return log::error!("the cached mapping cannot be used: {cause}"),
        };
        let (reloaded, _, _) = self.live.put_in_force(table, kept.version, Origin::Cache, kept.at);
        self.live.metrics.mapping_version(&kept.version.to_string(), &self.name);
        self.live.metrics.mapping_from_cache(true);
        let (entries, path) = (reloaded.entries, cache.path().display());
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
                        Some(order) => break merge(order, &mut orders),
                        None => return,
                    },
                    seen = self.at.source.changed() => break (trigger_of(seen), Vec::new()),
                    () = sleep_until(Some(next)) => break (self.second_look(), Vec::new()),
                    () = sleep_until(retiring) => self.settle(),
                }
            };
            let outcome = self.attempt(trigger).await;
            for reply in replies {
                let _ = reply.try_send(self.reply(&outcome));
            }
        }
    }

    fn second_look(&self) -> Trigger {
        match self.doubt {
            // It must have been still for long enough, which is for the file's own times to say.
            None | Some(Doubt::Unsettled) => Trigger::Poll,
            Some(Doubt::Nothing | Doubt::Less(_)) => Trigger::Glimpsed,
        }
    }

    fn reply(&self, outcome: &Outcome) -> Result<Reloaded, NotTaken> {
        let snapshot = self.live.snapshot();
        match outcome {
            Outcome::InForce { changed } => {
                let (generation, entries) = (snapshot.generation, snapshot.table.len());
                Ok(Reloaded { generation, entries, changed: *changed })
            }
            Outcome::NotTaken(cause) => Err(NotTaken { cause: cause.clone(), generation: snapshot.generation }),
            Outcome::StillNotTaken => Err(NotTaken {
                cause: self.refused.as_ref().map_or(Cause::Unsettled, |(_, cause)| cause.clone()),
                generation: snapshot.generation,
            }),
        }
    }

    async fn attempt(&mut self, trigger: Trigger) -> Outcome {
        let ask = if trigger == Trigger::Poll { Ask::Poll } else { Ask::Now };
        let fetched = self.at.fetch(ask, self.at.rules.timeout).await;
        self.failures = if fetched.is_err() { self.failures.saturating_add(1) } else { 0 };
        match fetched {
            Ok(Fetched::Unchanged) => self.unchanged(),
            Ok(Fetched::Unsettled) => self.doubts(Doubt::Unsettled),
            Ok(Fetched::Document(bytes)) => self.take(Document::new(bytes), trigger),
            Err(fault) => {
                let seen = matches!(trigger, Trigger::Seen | Trigger::Glimpsed);
                if seen && self.doubt != Some(Doubt::Nothing) {
                    return self.doubts(Doubt::Nothing);
                }
                self.not_taken(Cause::Failed(fault), None)
            }
        }
    }

    /// Nothing is said and nothing changed before this has been looked at again.
    fn doubts(&mut self, doubt: Doubt) -> Outcome {
        self.doubt = Some(doubt);
        Outcome::NotTaken(Cause::Unsettled)
    }

    fn not_taken(&mut self, cause: Cause, version: Option<Version>) -> Outcome {
        self.doubt = None;
        if let Some(version) = version {
            self.refused = Some((version, cause.clone()));
        }
        self.report(&cause, version);
        Outcome::NotTaken(cause)
    }

    /// The source has what it had.
    fn unchanged(&mut self) -> Outcome {
        self.doubt = None;
        if let Some((version, cause)) = &self.refused {
            self.live.metrics.mapping_read(Reload::Unchanged);
            // It may have been away in between.
            self.live.metrics.mapping_trouble(Some(result_of(cause)));
            self.live.mapping.not_taken(cause.clone(), Some(*version), SystemTime::now());
            return Outcome::StillNotTaken;
        }
        self.confirmed();
        Outcome::InForce { changed: false }
    }

    /// What is in force is what the source has.
    fn confirmed(&mut self) {
        let now = SystemTime::now();
        if self.live.mapping.report().trouble.is_some() {
            log::info!("{} has the mapping that is in force again", self.name);
        }
        self.refused = None;
        self.doubt = None;
        if let Some(cache) = &self.at.cache {
            cache.confirm(now);
        }
        self.live.mapping.confirmed(now);
        self.live.metrics.mapping_from_cache(false);
        self.live.metrics.mapping_trouble(None);
        self.live.metrics.mapping_confirmed(Reload::Unchanged, now);
    }

    fn take(&mut self, document: Document, trigger: Trigger) -> Outcome {
        let before = self.live.snapshot();
        let version = document.version;
        if before.version == Some(version) {
            self.confirmed();
            return Outcome::InForce { changed: false };
        }
        let was_refused = self.refused.as_ref().is_some_and(|(refused, _)| *refused == version);
        if was_refused && trigger == Trigger::Poll {
            return self.unchanged();
        }
        let doubtful = trigger == Trigger::Glimpsed && self.doubt != Some(Doubt::Less(version));
        let table = match document.compile(&self.name) {
            Ok(table) => table,
            Err(_) if doubtful => return self.doubts(Doubt::Less(version)),
            Err(cause) => return self.not_taken(cause, Some(version)),
        };
        // An override is for what was held, not for whatever came after it.
        let allowed = self.at.rules.allow_shrink || (trigger == Trigger::Order { allow_shrink: true } && was_refused);
        match may_shrink(&before, &table, version, self.at.rules.max_removed) {
            // Half of a file that is being written has fewer domains than it will have.
            Err(_) | Ok(1..) if doubtful => return self.doubts(Doubt::Less(version)),
            Err(held) if !allowed => return self.not_taken(Cause::Held(held), Some(version)),
            Err(_) | Ok(_) => {}
        }
        drop(before);
        self.put(table, document);
        Outcome::InForce { changed: true }
    }

    fn put(&mut self, table: MappingTable, document: Document) {
        let now = SystemTime::now();
        let (reloaded, tally, replaced) = self.live.put_in_force(table, document.version, Origin::Source, now);
        self.retired.push(replaced);
        self.settled = false;
        (self.refused, self.doubt) = (None, None);
        self.say_taken(&reloaded, tally, document.version, now);
        self.unkept = Some(document);
    }

    fn say_taken(&self, reloaded: &Reloaded, tally: Tally, version: Version, now: SystemTime) {
        let metrics = &self.live.metrics;
        metrics.mapping_version(&version.to_string(), &self.name);
        metrics.mapping_from_cache(false);
        metrics.mapping_trouble(None);
        metrics.mapping_confirmed(Reload::Ok, now);
        let Reloaded { generation, entries, .. } = reloaded;
        let Tally { added, removed, changed } = tally;
        let what = if *generation == 1 { "loaded" } else { "reloaded" };
        log::info!(
            "mapping {what}: {entries} entries, generation {generation}, version {version} of {} \
             ({added} added, {removed} removed, {changed} changed)",
            self.name
        );
    }

    /// Writes what was taken to disk, now that nobody waits for it.
    fn keep(&mut self) {
        let (Some(document), Some(cache)) = (self.unkept.take(), &self.at.cache) else { return };
        if let Err(e) = cache.keep(&document.bytes, document.version) {
            let path = cache.path().display();
            log::warn!("the mapping is not cached: {path}: {e}; a start while the source is away has none");
        }
    }

    fn report(&self, cause: &Cause, version: Option<Version>) {
        let result = result_of(cause);
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
    fn settle(&mut self) {
        // The allocator gives memory back to the system some time after it was freed, and only while
        // something else is freed. Nothing is written here, so this costs no memory itself.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(NUDGE)));
        self.settled = self.retired.is_empty();
        for snapshot in std::mem::take(&mut self.retired) {
            match Arc::try_unwrap(snapshot) {
                Ok(unread) => unread.take_apart(),
                Err(still_read) => self.retired.push(still_read),
            }
        }
        self.live.metrics.mapping_tables(self.retired.len() + 1);
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

fn trigger_of(seen: Seen) -> Trigger {
    match seen {
        Seen::Replaced => Trigger::Seen,
        Seen::Written => Trigger::Glimpsed,
    }
}

fn result_of(cause: &Cause) -> Reload {
    match cause {
        Cause::Failed(_) | Cause::Unsettled => Reload::Failed,
        Cause::Rejected(_) => Reload::Rejected,
        Cause::Held(_) => Reload::Held,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// All orders that wait, as one.
fn merge(first: Order, orders: &mut mpsc::Receiver<Order>) -> (Trigger, Vec<SyncSender<Result<Reloaded, NotTaken>>>) {
    let mut allow_shrink = first.allow_shrink;
    let mut replies: Vec<_> = first.reply.into_iter().collect();
    while let Ok(order) = orders.try_recv() {
        allow_shrink |= order.allow_shrink;
        replies.extend(order.reply);
    }
    (Trigger::Order { allow_shrink }, replies)
}
