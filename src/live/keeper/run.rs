//! The loop around the judge: it waits for events, and does what each action asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::Live;
use super::super::reload::{Cause, NotTaken, Reloaded};
use super::super::snapshot::Snapshot;
use super::super::status::Origin;
use super::cache_writer::CacheWriter;
use super::document::Document;
use super::handle::{Order, merge};
use super::judge::{Action, Event, Impact, Judge, Size};
use super::parts::KeptParts;
use super::parts_cache_writer::PartsCacheWriter;
use super::reader::{Brought, Cached, FirstParts, FirstRead, MappingReader};
use super::replaced::ReplacedTables;
use crate::source::cache::{CacheError, CachedMapping};
use crate::source::fetch::{FetchMode, Fetched};
use crate::source::parts_cache::CachedParts;
use crate::telemetry::metrics::ReadResult;
use nameplate_core::domain::kept::Tally;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::parts::assembly::{Assembly, Decided};

/// How a reading ended: whether another mapping is active now, or why the active mapping is not what
/// the source has.
type Outcome = Result<bool, Cause>;

/// What the source brought, and what would follow from it once it is compiled.
struct Candidate {
    content: Content,
    next: Option<(Snapshot, Tally)>,
}

/// What the source brought.
enum Content {
    /// The whole mapping.
    Document(Document),
    /// The parts of this version of it; and once it is decided, which versions of them are used.
    Parts(Version, Option<Decided>),
}

impl From<Content> for Candidate {
    fn from(content: Content) -> Candidate {
        Candidate { content, next: None }
    }
}

pub(super) struct Keeper {
    live: Arc<Live>,
    reader: MappingReader,
    /// The source's name, for log lines.
    name: String,
    judge: Judge,
    /// Of a mapping in parts.
    parts: Option<KeptParts>,
    /// Somebody has consented to what is held, and the reading under way carries it out.
    consented: bool,
    /// Set where somebody consents to what is held; the judge learns of it with the next event.
    consent: Arc<AtomicBool>,
    replaced: ReplacedTables,
    cache: Option<CacheWriter>,
    parts_cache: Option<PartsCacheWriter>,
}

impl Keeper {
    pub(super) fn new(live: Arc<Live>, reader: MappingReader, consent: Arc<AtomicBool>) -> Keeper {
        let patience = reader.rules.timeout;
        let cache = reader.caches.clone().map(|caches| CacheWriter::new(caches.document, patience));
        let parts_cache = reader.caches.clone().map(|caches| PartsCacheWriter::new(caches.parts, patience));
        Keeper {
            name: reader.place.to_string(),
            judge: Judge::new(&reader.rules),
            parts: None,
            consented: false,
            live,
            reader,
            consent,
            replaced: ReplacedTables::default(),
            cache,
            parts_cache,
        }
    }

    /// Activates the first mapping: the source's, else the cached one, else none yet.
    pub(super) async fn begin(&mut self, first: FirstRead) {
        let (event, candidate) = match first.brought {
            Brought::Document(document, table) => {
                let (event, candidate) = self.compiled(document, table);
                (event, Some(candidate))
            }
            Brought::Parts(first, assembly) => {
                let version = self.take_first(*first);
                let (event, candidate) = self.assembled(version, *assembly);
                (event, Some(candidate))
            }
            Brought::NoPart(first, cause) => {
                let version = self.take_first(*first);
                (Event::Compiled(version, Err(cause)), None)
            }
            Brought::Unsettled => (Event::Unsettled, None),
            Brought::Failed(error) => (Event::Failed(error), None),
        };
        let action = self.decide(event);
        // Nobody waits for the outcome of this reading.
        let _ = self.carry_out(action, candidate).await;
        if self.live.snapshot().table.is_empty() {
            self.start_from_cache(first.cached);
        }
        if self.live.snapshot().table.is_empty() {
            log::error!("no mapping yet: requests are answered 503 until {} can be read", self.name);
        }
    }

    /// Takes the parts that the start has read. Returns which mapping the source has.
    fn take_first(&mut self, first: FirstParts) -> Version {
        let FirstParts { parts, found, cached } = first;
        if let Some(cache) = &mut self.parts_cache {
            cached.iter().for_each(|cached| cache.note_kept(cached));
            cache.note_read(&found, parts.get());
        }
        let version = parts.get().version();
        self.parts = Some(parts);
        version
    }

    fn start_from_cache(&mut self, cached: Option<Result<Cached, CacheError>>) {
        match cached {
            None | Some(Err(CacheError::Missing(_))) => {}
            Some(Err(error)) => log::error!("the cached mapping cannot be used: {error}"),
            Some(Ok(Cached::Document(cached))) => self.start_from_document(cached),
            Some(Ok(Cached::Parts(cached))) => self.start_from_parts(&cached),
        }
    }

    fn start_from_document(&mut self, cached: CachedMapping) {
        let Some(caches) = &self.reader.caches else { return };
        let CachedMapping { bytes, version, at } = cached;
        let (path, length) = (caches.document.path().display().to_string(), bytes.len());
        let table = match (Document { bytes, version }).compile(&path, &self.reader.endpoints) {
            Ok(table) => table,
            Err(cause) => return log::error!("the cached mapping cannot be used: {cause}"),
        };
        let size = Size { entries: table.len() as u64, bytes: length as u64 };
        if let Some(cache) = &mut self.cache {
            cache.note_kept(version);
        }
        let (next, _) = self.live.next(table, version);
        self.start_with(next, size, at, &path);
    }

    fn start_from_parts(&mut self, cached: &CachedParts) {
        let Some(caches) = &self.reader.caches else { return };
        let path = caches.parts.path().display().to_string();
        let mut parts = KeptParts::new(&self.reader.place, &self.reader.rules, &self.reader.endpoints);
        let table = parts.restore(cached);
        let size = Size { entries: table.len() as u64, bytes: 0 };
        let at = cached.parts.iter().map(|part| part.at).max().unwrap_or(SystemTime::UNIX_EPOCH);
        if let Some(cache) = &mut self.parts_cache {
            cache.note_kept(cached);
        }
        let (mut next, _) = self.live.next(table, parts.get().version());
        next.parts = parts.get().names_by_mark().into();
        self.parts = Some(parts);
        self.start_with(next, size, at, &path);
        self.show_parts();
    }

    /// Activates a cached mapping, which the source last had at this time.
    fn start_with(&mut self, next: Snapshot, size: Size, at: SystemTime, path: &str) {
        let (entries, version) = (next.table.len(), next.version);
        let Some(version) = version else { return };
        self.live.swap(next, Origin::Cache, at);
        log::warn!("{entries} entries are in force from {path}, version {version}");
        self.judge.on(Event::StartedFromCache(version, size));
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            self.write_cache().await;
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
            self.consented = false;
            self.live.mapping.record_reload_ended(&outcome);
            for reply in replies {
                let _ = reply.try_send(self.reply(&outcome));
            }
            self.replaced.drop_unread();
            self.count_tables();
        }
    }

    async fn write_cache(&mut self) {
        if let Some(cache) = &mut self.cache {
            cache.write().await;
        }
        if let (Some(cache), Some(parts)) = (&mut self.parts_cache, &self.parts) {
            cache.write(parts.get()).await;
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
            self.consented = true;
            self.judge.on(Event::Consented);
        }
        self.judge.on(event)
    }

    /// Does what the judge says, and tells it what happened, until the reading has an outcome.
    async fn carry_out(&mut self, mut action: Action, mut candidate: Option<Candidate>) -> Outcome {
        loop {
            let event = match action {
                Action::Fetch(mode) => {
                    let (event, content) = self.fetch(mode).await;
                    candidate = content.map(Candidate::from);
                    event
                }
                Action::Compile => {
                    let Candidate { content, .. } = candidate.take().expect("a mapping was read");
                    let (event, compiled) = self.compile(content);
                    candidate = Some(compiled);
                    event
                }
                Action::Accept => {
                    let changed = self.accept(candidate.take().expect("a mapping was compiled"));
                    return self.part_errors().map_or(Ok(changed), Err);
                }
                Action::Confirm => {
                    self.confirm().await;
                    return self.part_errors().map_or(Ok(false), Err);
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

    async fn fetch(&mut self, mode: FetchMode) -> (Event, Option<Content>) {
        match self.reader.fetch(mode, self.reader.rules.timeout).await {
            Ok(Fetched::Unchanged) => (Event::Unchanged, None),
            Ok(Fetched::Unsettled) => (Event::Unsettled, None),
            Ok(Fetched::Document(bytes)) => {
                let document = Document::new(bytes);
                (Event::Read(document.version), Some(Content::Document(document)))
            }
            Ok(Fetched::Parts(found)) => {
                let MappingReader { place, rules, endpoints, .. } = &self.reader;
                let parts = self.parts.get_or_insert_with(|| KeptParts::new(place, rules, endpoints));
                if let Some(cache) = &mut self.parts_cache {
                    cache.note_read(&found, parts.get());
                }
                let version = parts.update(&found);
                let is_reconsidered = self.consented && parts.get().has_held();
                let event = if is_reconsidered { Event::Reconsidered } else { Event::Read(version) };
                (event, Some(Content::Parts(version, None)))
            }
            Err(error) => (Event::Failed(error), None),
        }
    }

    fn compile(&self, content: Content) -> (Event, Candidate) {
        match content {
            Content::Document(document) => {
                let table = document.compile(&self.name, &self.reader.endpoints);
                self.compiled(document, table)
            }
            Content::Parts(version, _) => {
                let (parts, active) = (self.parts.as_ref().expect("parts were read"), self.live.snapshot());
                // What is active of a mapping of one document is no part's.
                let none = MappingTable::default();
                let of_parts = if active.parts.is_empty() { &none } else { &active.table };
                self.assembled(version, parts.assemble(of_parts, self.consented))
            }
        }
    }

    /// Compares a compiled mapping with the active one.
    fn compiled(&self, document: Document, table: Result<MappingTable, Cause>) -> (Event, Candidate) {
        let version = document.version;
        match table {
            Ok(table) => {
                let (next, tally) = self.live.next(table, version);
                let impact = Impact::of(&self.live.snapshot().table, &next.table, tally, document.bytes.len());
                let candidate = Candidate { content: Content::Document(document), next: Some((next, tally)) };
                (Event::Compiled(version, Ok(impact)), candidate)
            }
            Err(cause) => (Event::Compiled(version, Err(cause)), Content::Document(document).into()),
        }
    }

    /// Compares an assembly of parts with the active mapping.
    fn assembled(&self, version: Version, assembly: Assembly) -> (Event, Candidate) {
        let in_use = assembly.version();
        let (table, decided) = assembly.into_table();
        let (next, tally) = self.live.next(table, in_use);
        let content = Content::Parts(version, Some(decided));
        // What is too much has been held already, part by part.
        let impact = Impact { tally, ..Impact::default() };
        (Event::Compiled(version, Ok(impact)), Candidate { content, next: Some((next, tally)) })
    }

    /// Makes a candidate the active mapping. Returns whether that changes anything.
    fn accept(&mut self, candidate: Candidate) -> bool {
        let Candidate { content, next } = candidate;
        let (mut next, tally) = next.expect("the judge accepts what could be compiled");
        let now = SystemTime::now();
        if let Content::Parts(_, Some(decided)) = content {
            let parts = self.parts.as_mut().expect("parts were read");
            parts.commit(decided);
            next.parts = parts.get().names_by_mark().into();
            // A part with errors changes nothing that is active.
            if next.version == self.live.snapshot().version {
                self.live.metrics.mapping.confirmed(ReadResult::Unchanged, now);
                self.live.mapping.record_read(now);
                return false;
            }
        } else if let (Some(cache), Content::Document(document)) = (&mut self.cache, content) {
            cache.set_pending(document);
        }
        self.replaced.add(self.live.swap(next, Origin::Source, now));
        // After the swap: whoever reads it may rely on it.
        self.report_accepted(&self.live.snapshot(), tally, now);
        true
    }

    /// Brings metrics and pages up to date with the parts.
    fn show_parts(&self) {
        let Some(parts) = &self.parts else { return };
        let status = parts.get().status();
        self.live.metrics.mapping.parts.set(&status, parts.get().owners_error().is_some());
        self.live.mapping.record_parts(status);
    }

    /// Tells of the parts of a mapping in parts. Returns those that are not active as the source has them.
    fn part_errors(&mut self) -> Option<Cause> {
        self.show_parts();
        let parts = self.parts.as_mut()?;
        parts.log();
        let Some(cause) = parts.trouble() else {
            self.live.metrics.mapping.trouble(None);
            self.live.mapping.record_confirmed(SystemTime::now());
            return None;
        };
        self.record_refused(&cause, None);
        Some(cause)
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
        if let Some(cache) = self.parts_cache.as_mut().filter(|_| self.parts.is_some()) {
            cache.confirm(now).await;
        }
        // An error of a part stays one, however often the source is found as it was.
        let has_part_errors = self.parts.as_ref().is_some_and(|parts| parts.trouble().is_some());
        if has_part_errors {
            self.live.metrics.mapping.confirmed(ReadResult::Unchanged, now);
            return self.live.mapping.record_read(now);
        }
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
            // What is wrong with parts is logged part by part.
            Cause::Parts(_) => return,
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
