//! The loop around the judge: it waits for events, and does what each action asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::Live;
use super::super::reload::{Cause, NotTaken, Reloaded};
use super::super::snapshot::{Snapshot, Tally};
use super::super::status::Origin;
use super::cache_writer::CacheWriter;
use super::document::Document;
use super::handle::{Order, merge};
use super::judge::{Action, Event, Impact, Judge, Size};
use super::reader::{Brought, FirstRead, MappingReader};
use super::replaced::ReplacedTables;
use crate::source::cache::{CacheError, CachedMapping};
use crate::source::error::FetchError;
use crate::source::fetch::{FetchMode, Fetched};
use crate::telemetry::metrics::ReadResult;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;

/// How a reading ended: whether another mapping is active now, or why the active mapping is not what
/// the source has.
type Outcome = Result<bool, Cause>;

/// A document that the source brought, and what would follow from it once it is compiled.
struct Candidate {
    document: Document,
    next: Option<(Snapshot, Tally)>,
}

pub(super) struct Keeper {
    live: Arc<Live>,
    reader: MappingReader,
    /// The source's name, for log lines.
    name: String,
    judge: Judge,
    /// Set where somebody consents to what is held; the judge learns of it with the next event.
    consent: Arc<AtomicBool>,
    replaced: ReplacedTables,
    cache: Option<CacheWriter>,
}

impl Keeper {
    pub(super) fn new(live: Arc<Live>, reader: MappingReader, consent: Arc<AtomicBool>) -> Keeper {
        let cache = reader.cache.clone().map(|cache| CacheWriter::new(cache, reader.rules.timeout));
        Keeper {
            name: reader.place.to_string(),
            judge: Judge::new(&reader.rules),
            live,
            reader,
            consent,
            replaced: ReplacedTables::default(),
            cache,
        }
    }

    /// Activates the first mapping: the source's, else the cached one, else none yet.
    pub(super) async fn begin(&mut self, first: FirstRead) {
        let (event, candidate) = match first.brought {
            Brought::Document(document, table) => {
                let (event, candidate) = self.compiled(document, table);
                (event, Some(candidate))
            }
            Brought::Unsettled => (Event::Unsettled, None),
            Brought::Failed(error) => (Event::Failed(error), None),
        };
        let action = self.decide(event);
        // Nobody waits for the outcome of this reading.
        if self.carry_out(action, candidate).await.is_ok() {
            return;
        }
        self.start_from_cache(first.cached);
        if self.live.snapshot().table.is_empty() {
            log::error!("no mapping yet: requests are answered 503 until {} can be read", self.name);
        }
    }

    fn start_from_cache(&mut self, cached: Option<Result<CachedMapping, CacheError>>) {
        let (Some(cache), Some(cached)) = (&self.reader.cache, cached) else { return };
        let cached = match cached {
            Ok(cached) => cached,
            Err(CacheError::Missing(_)) => return,
            Err(error) => return log::error!("the cached mapping cannot be used: {error}"),
        };
        let CachedMapping { bytes, version, at } = cached;
        let (path, length) = (cache.path().display(), bytes.len());
        let table = match (Document { bytes, version }).compile(&path.to_string(), &self.reader.endpoints) {
            Ok(table) => table,
            Err(cause) => return log::error!("the cached mapping cannot be used: {cause}"),
        };
        let entries = table.len();
        let size = Size { entries: entries as u64, bytes: length as u64 };
        self.live.put_in_force(table, version, Origin::Cache, at);
        if let Some(cache) = &mut self.cache {
            cache.note_kept(version);
        }
        log::warn!("{entries} entries are in force from {path}, version {version}");
        self.judge.on(Event::StartedFromCache(version, size));
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            if let Some(cache) = &mut self.cache {
                cache.write().await;
            }
            let next = Instant::now() + self.judge.pause(fastrand::f64());
            let (event, replies) = loop {
                let clean_up = self.replaced.clean_up_in().map(|pause| Instant::now() + pause);
                tokio::select! {
                    order = orders.recv() => match order {
                        Some(order) => break (Event::Ordered, merge(order, &mut orders)),
                        None => return,
                    },
                    kind = self.reader.source.changed() => break (Event::ChangeSeen(kind), Vec::new()),
                    () = sleep_until(Some(next)) => break (Event::Due, Vec::new()),
                    () = sleep_until(clean_up) => {
                        self.replaced.clean_up();
                        self.count_tables();
                    }
                }
            };
            if matches!(event, Event::Ordered) {
                self.live.mapping.record_reload_begun();
            }
            let action = self.decide(event);
            let outcome = self.carry_out(action, None).await;
            self.live.mapping.record_reload_ended(&outcome);
            for reply in replies {
                let _ = reply.try_send(self.reply(&outcome));
            }
            self.replaced.drop_unread();
            self.count_tables();
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

    /// Asks the judge. Consent counts from this event on.
    fn decide(&mut self, event: Event) -> Action {
        if self.consent.swap(false, Ordering::Relaxed) {
            self.judge.on(Event::Consented);
        }
        self.judge.on(event)
    }

    /// Does what the judge says, and tells it what happened, until the reading has an outcome.
    async fn carry_out(&mut self, mut action: Action, mut candidate: Option<Candidate>) -> Outcome {
        loop {
            let event = match action {
                Action::Fetch(mode) => {
                    let (event, document) = self.fetch(mode).await;
                    candidate = document.map(|document| Candidate { document, next: None });
                    event
                }
                Action::Compile => {
                    let Candidate { document, .. } = candidate.take().expect("a document was read");
                    let table = document.compile(&self.name, &self.reader.endpoints);
                    let (event, compiled) = self.compiled(document, table);
                    candidate = Some(compiled);
                    event
                }
                Action::Accept => {
                    self.accept(candidate.take().expect("a document was compiled"));
                    return Ok(true);
                }
                Action::Confirm => {
                    self.confirm().await;
                    return Ok(false);
                }
                Action::LookAgain | Action::Wait => return Err(Cause::Unsettled),
                Action::Refuse(cause, version) => {
                    self.report(&cause, version);
                    return Err(cause);
                }
                Action::StillRefused(cause, version) => {
                    self.live.metrics.mapping.read(ReadResult::Unchanged);
                    self.record_refused(&cause, Some(version));
                    return Err(cause);
                }
            };
            action = self.decide(event);
        }
    }

    async fn fetch(&mut self, mode: FetchMode) -> (Event, Option<Document>) {
        match self.reader.fetch(mode, self.reader.rules.timeout).await {
            Ok(Fetched::Unchanged) => (Event::Unchanged, None),
            Ok(Fetched::Unsettled) => (Event::Unsettled, None),
            Ok(Fetched::Document(bytes)) => {
                let document = Document::new(bytes);
                (Event::Read(document.version), Some(document))
            }
            Ok(Fetched::Parts(_)) => (Event::Failed(FetchError::in_parts(&self.reader.place)), None),
            Err(error) => (Event::Failed(error), None),
        }
    }

    /// Compares a compiled mapping with the active one.
    fn compiled(&self, document: Document, table: Result<MappingTable, Cause>) -> (Event, Candidate) {
        let version = document.version;
        match table {
            Ok(table) => {
                let (next, tally) = self.live.next(table, version);
                let impact = Impact::of(&self.live.snapshot().table, &next.table, tally, document.bytes.len());
                (Event::Compiled(version, Ok(impact)), Candidate { document, next: Some((next, tally)) })
            }
            Err(cause) => (Event::Compiled(version, Err(cause)), Candidate { document, next: None }),
        }
    }

    fn accept(&mut self, candidate: Candidate) {
        let Candidate { document, next } = candidate;
        let (next, tally) = next.expect("the judge accepts what could be compiled");
        let now = SystemTime::now();
        self.replaced.add(self.live.swap(next, Origin::Source, now));
        // After the swap: whoever reads it may rely on it.
        self.report_accepted(&self.live.snapshot(), tally, now);
        if let Some(cache) = &mut self.cache {
            cache.set_pending(document);
        }
    }

    fn report_accepted(&self, next: &Snapshot, tally: Tally, now: SystemTime) {
        self.live.metrics.mapping.trouble(None);
        self.live.metrics.mapping.confirmed(ReadResult::Ok, now);
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

    /// Notes that the source has the active mapping.
    async fn confirm(&mut self) {
        let now = SystemTime::now();
        if self.live.mapping.record_confirmed(now) {
            log::info!("{} has the mapping that is in force again", self.name);
        }
        let active = self.live.snapshot().version;
        if let Some(cache) = &mut self.cache {
            cache.confirm(active, now).await;
        }
        self.live.metrics.mapping.set_from_cache(false);
        self.live.metrics.mapping.trouble(None);
        self.live.metrics.mapping.confirmed(ReadResult::Unchanged, now);
    }

    fn report(&self, cause: &Cause, version: Option<Version>) {
        self.live.metrics.mapping.read(cause.result());
        self.record_refused(cause, version);
        let word = match cause {
            Cause::Failed(_) | Cause::Unsettled => "not read",
            Cause::Rejected(_) => "rejected",
            Cause::Held(_) | Cause::Grown(_) => "held",
        };
        let said = match self.live.snapshot().generation {
            0 => cause.to_string(),
            generation => NotTaken { cause: cause.clone(), generation }.to_string(),
        };
        log::error!("mapping {word}:\n{said}");
    }

    fn record_refused(&self, cause: &Cause, version: Option<Version>) {
        self.live.metrics.mapping.trouble(Some(cause.result()));
        self.live.mapping.record_refused(cause.clone(), version, SystemTime::now());
    }

    fn count_tables(&self) {
        self.live.metrics.mapping.tables(self.replaced.len() + 1);
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
