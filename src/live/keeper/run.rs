//! The loop around the judge: it waits for events, and does what each action asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::Live;
use super::super::reload::{Cause, NotTaken, PartErrors, Reloaded};
use super::super::snapshot::Snapshot;
use super::super::status::Origin;
use super::cache_writer::CacheWriter;
use super::candidate::{Candidate, Content, HeldTable};
use super::document::Document;
use super::handle::{Order, Replies, merge};
use super::judge::{Action, Event, Impact, Judge};
use super::parts::KeptParts;
use super::parts_cache_writer::PartsCacheWriter;
use super::reader::MappingReader;
use super::replaced::ReplacedTables;
use super::retry_turns::RetryTurns;
use super::session::{Ask, UnderWay};
use crate::source::fetch::{FetchMode, Fetched};
use crate::telemetry::metrics::ReadResult;
use nameplate_core::domain::kept::Tally;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::parts::assembly::Assembly;
use nameplate_core::verification::held::HeldEntry;
use nameplate_core::verification::state::Verification;

/// How a reading ended: whether another mapping is active now, or why the active mapping is not what
/// the source has.
type Outcome = Result<bool, Cause>;

pub(super) struct Keeper {
    pub(super) live: Arc<Live>,
    pub(super) reader: MappingReader,
    /// The source's name, for log lines.
    pub(super) name: String,
    pub(super) judge: Judge,
    /// Of a mapping in parts.
    pub(super) parts: Option<KeptParts>,
    /// Somebody has consented to what is held, and the reading under way carries it out.
    pub(super) consented: bool,
    /// What is being verified was assembled with consent: what takes its place is, too.
    pub(super) has_consent_in_verification: bool,
    /// Set where somebody consents to what is held; the judge learns of it with the next event.
    consent: Arc<AtomicBool>,
    /// Where the outcome of a reading is waited for that a verification has to end first.
    waiting: Replies,
    /// Asks APIs, where changes are verified.
    pub(super) ask: Option<Ask>,
    /// What is being verified.
    pub(super) under_way: Option<UnderWay>,
    /// The entries of the active mapping that are held.
    pub(super) held: Option<HeldTable>,
    /// Those that stay held after they were verified again.
    pub(super) verified_again: Vec<HeldEntry>,
    /// When held entries are verified again, and which of them.
    pub(super) retry_at: Option<Instant>,
    pub(super) retry_turns: RetryTurns,
    /// Somebody has consented to the entries that are held, and they are not active yet.
    has_consent_to_entries: bool,
    /// They are, and no reading has said so yet.
    pub(super) has_released: bool,
    pub(super) replaced: ReplacedTables,
    pub(super) cache: Option<CacheWriter>,
    pub(super) parts_cache: Option<PartsCacheWriter>,
}

impl Keeper {
    pub(super) fn new(live: Arc<Live>, reader: MappingReader, consent: Arc<AtomicBool>, ask: Option<Ask>) -> Keeper {
        let patience = reader.rules.timeout;
        let cache = reader.caches.clone().map(|caches| CacheWriter::new(caches.document, patience));
        let parts_cache = reader.caches.clone().map(|caches| PartsCacheWriter::new(caches.parts, patience));
        Keeper {
            name: reader.place.to_string(),
            judge: Judge::new(&reader.rules),
            parts: None,
            consented: false,
            has_consent_in_verification: false,
            live,
            reader,
            consent,
            waiting: Vec::new(),
            ask,
            under_way: None,
            held: None,
            verified_again: Vec::new(),
            retry_at: None,
            retry_turns: RetryTurns::default(),
            has_consent_to_entries: false,
            has_released: false,
            replaced: ReplacedTables::default(),
            cache,
            parts_cache,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            self.write_cache().await;
            let next = Instant::now() + self.judge.pause(fastrand::f64());
            self.schedule_retry();
            let mut verified = None;
            let (event, replies) = loop {
                let clean_up = self.replaced.clean_up_in().map(|pause| Instant::now() + pause);
                tokio::select! {
                    order = orders.recv() => match order {
                        Some(order) => break (Event::Ordered, merge(order, &mut orders)),
                        None => return,
                    },
                    done = over(&mut self.under_way) => {
                        verified = Some(done);
                        break (Event::Verified, Vec::new());
                    }
                    kind = self.reader.source.changed() => break (Event::ChangeSeen(kind), Vec::new()),
                    () = sleep_until(Some(next)) => break (Event::Due, Vec::new()),
                    () = sleep_until(self.retry_at) => {
                        self.retry_at = None;
                        break (Event::HeldDue, Vec::new());
                    }
                    () = sleep_until(clean_up) => {
                        self.replaced.clean_up();
                        self.count_tables();
                    }
                }
            };
            if matches!(event, Event::Ordered) {
                self.live.mapping.record_reload_begun();
            }
            self.waiting.extend(replies);
            let candidate = verified.and_then(|done| self.conclude(done));
            let action = self.decide(event);
            if let Some(outcome) = self.carry_out(action, candidate).await {
                self.tell(outcome);
            }
            self.consented = false;
            self.replaced.drop_unread();
            self.count_tables();
        }
    }

    /// Tells everybody who waits how a reading ended.
    fn tell(&mut self, outcome: Outcome) {
        let has_released = std::mem::take(&mut self.has_released);
        let outcome = outcome.map(|changed| changed || has_released);
        self.live.mapping.record_reload_ended(&outcome);
        for reply in std::mem::take(&mut self.waiting) {
            let _ = reply.try_send(self.reply(&outcome));
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

    /// Asks the judge. Consent counts from this event on; an event that follows from no reading leaves it to the next one.
    pub(super) fn decide(&mut self, event: Event) -> Action {
        if matches!(event, Event::Verified | Event::HeldDue) {
            return self.judge.on(event);
        }
        if self.consent.swap(false, Ordering::Relaxed) {
            (self.consented, self.has_consent_to_entries) = (true, true);
            self.judge.on(Event::Consented);
        }
        // Not in the middle of a reading, which compares with what is active.
        let is_begin = matches!(event, Event::Due | Event::ChangeSeen(_) | Event::Ordered);
        if is_begin && std::mem::take(&mut self.has_consent_to_entries) {
            self.release_all();
        }
        self.judge.on(event)
    }

    /// Does what the judge says, and tells it what happened, until the reading has an outcome. `None` where that is for a
    /// verification to say, or nothing was read.
    pub(super) async fn carry_out(&mut self, mut action: Action, mut candidate: Option<Candidate>) -> Option<Outcome> {
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
                    return Some(self.errors().map_or(Ok(changed), Err));
                }
                Action::Verify => {
                    self.begin_verification(candidate.take().expect("a mapping was compiled")).await;
                    return None;
                }
                Action::AwaitVerification | Action::Wait => return None,
                Action::VerifyHeld => {
                    self.verify_held();
                    return None;
                }
                Action::Release => {
                    self.release();
                    return None;
                }
                Action::Confirm => {
                    self.drop_verification();
                    self.confirm().await;
                    return Some(self.errors().map_or(Ok(false), Err));
                }
                Action::LookAgain => return Some(Err(Cause::Unsettled)),
                Action::Refuse(cause, version) => {
                    if version.is_some() {
                        self.drop_verification();
                    }
                    self.report(&cause, version);
                    return Some(Err(cause));
                }
                Action::StillRefused(cause, version) => {
                    self.live.metrics.mapping.read(ReadResult::Unchanged);
                    self.record_refused(&cause, Some(version));
                    return Some(Err(cause));
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
                let of_parts = match &self.held {
                    _ if active.parts.is_empty() => &none,
                    Some(held) => &held.wanted,
                    None => &active.table,
                };
                let consent = self.consented || self.has_consent_in_verification;
                self.assembled(version, parts.assemble(of_parts, consent))
            }
        }
    }

    /// Compares a compiled mapping with the active one.
    pub(super) fn compiled(&self, document: Document, table: Result<MappingTable, Cause>) -> (Event, Candidate) {
        let version = document.version;
        match table {
            Ok(table) => {
                let changes = self.to_verify(&table);
                let (next, tally) = self.live.next(table, version);
                let impact = Impact::of(&self.live.snapshot().table, &next.table, tally, document.bytes.len());
                let impact = Impact { unverified: changes.len(), ..impact };
                let content = Content::Document(document);
                (
                    Event::Compiled(version, Ok(impact)),
                    Candidate { next: Some((next, tally)), changes, ..content.into() },
                )
            }
            Err(cause) => (Event::Compiled(version, Err(cause)), Content::Document(document).into()),
        }
    }

    /// Compares an assembly of parts with the active mapping.
    pub(super) fn assembled(&self, version: Version, assembly: Assembly) -> (Event, Candidate) {
        let in_use = assembly.version();
        let (table, decided) = assembly.into_table();
        let is_new = self.live.snapshot().version != Some(in_use);
        let changes = if is_new { self.to_verify(&table) } else { Vec::new() };
        let (next, tally) = self.live.next(table, in_use);
        let content = Content::Parts(version, Some(decided));
        // What is too much has been held already, part by part.
        let impact = Impact { tally, unverified: changes.len(), ..Impact::default() };
        (Event::Compiled(version, Ok(impact)), Candidate { next: Some((next, tally)), changes, ..content.into() })
    }

    /// Makes a candidate the active mapping. Returns whether that changes anything.
    fn accept(&mut self, candidate: Candidate) -> bool {
        let Candidate { content, next, held, .. } = candidate;
        self.drop_verification();
        let (mut next, tally) = next.expect("the judge accepts what could be compiled");
        let now = SystemTime::now();
        if let Content::Parts(_, Some(decided)) = content {
            let parts = self.parts.as_mut().expect("parts were read");
            parts.commit(decided);
            next.parts = parts.get().names_by_mark().into();
            // A part with errors changes nothing that is active.
            if next.version == self.live.snapshot().version {
                self.live.metrics.mapping.set_from_cache(false);
                self.live.metrics.mapping.confirmed(ReadResult::Unchanged, now);
                self.live.mapping.record_read(now);
                return false;
            }
        } else if let (Some(cache), Content::Document(document)) = (&mut self.cache, content) {
            cache.set_pending(document);
        }
        self.replaced.add(self.live.swap(next, Origin::Source, now));
        self.hold(held);
        // After the swap: whoever reads it may rely on it.
        self.report_accepted(&self.live.snapshot(), tally, now);
        true
    }

    /// Brings metrics and pages up to date with the parts.
    pub(super) fn show_parts(&self) {
        let Some(parts) = &self.parts else { return };
        let status = parts.get().status();
        self.live.metrics.mapping.parts.set(&status, parts.get().owners_error().is_some());
        self.live.mapping.record_parts(status);
    }

    /// Tells of the parts and entries that are not active as the source has them. Returns why, if there are any.
    pub(super) fn errors(&mut self) -> Option<Cause> {
        if let Some(parts) = self.parts.as_mut()
            && parts.take_news()
        {
            parts.log();
            self.show_parts();
        }
        let of_parts = self.parts.as_mut().and_then(KeptParts::trouble);
        let cause = match (of_parts, self.held_entries()) {
            (Some(Cause::Parts(errors)), held) => Cause::Parts(PartErrors { held, ..errors }),
            (Some(cause), _) => cause,
            (None, Some(held)) => Cause::Entries(held),
            (None, None) if self.parts.is_none() => return None,
            (None, None) => {
                self.live.metrics.mapping.trouble(None);
                self.live.mapping.record_confirmed(SystemTime::now());
                return None;
            }
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
        let active = self.live.snapshot().version;
        if let Some(cache) = &mut self.cache {
            cache.confirm(active, now).await;
        }
        self.live.metrics.mapping.set_from_cache(false);
        // An error of a part stays one, and a held entry stays held, however often the source is found as it was.
        let has_part_errors = self.parts.as_mut().is_some_and(|parts| parts.trouble().is_some());
        if has_part_errors || self.held.is_some() {
            self.live.metrics.mapping.confirmed(ReadResult::Unchanged, now);
            return self.live.mapping.record_read(now);
        }
        if self.live.mapping.record_confirmed(now) {
            log::info!("{} has the mapping that is in force again", self.name);
        }
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
            // What is wrong with parts and entries is logged where it is found.
            Cause::Parts(_) | Cause::Entries(_) => return,
        };
        let said = match self.live.snapshot().generation {
            0 => cause.to_string(),
            generation => NotTaken { cause: cause.clone(), generation }.to_string(),
        };
        log::error!("mapping {word}:\n{said}");
    }

    fn record_refused(&self, cause: &Cause, version: Option<Version>) {
        // Held entries have a gauge of their own: all of the mapping but them is active.
        let is_active = matches!(cause, Cause::Entries(_));
        self.live.metrics.mapping.trouble((!is_active).then(|| cause.result()));
        self.live.mapping.record_refused(cause.clone(), version, SystemTime::now());
    }

    fn count_tables(&self) {
        self.live.metrics.mapping.tables(self.replaced.len() + 1);
    }
}

/// The end of what is being verified.
async fn over(under_way: &mut Option<UnderWay>) -> Verification {
    match under_way {
        Some(under_way) => under_way.session.over().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
