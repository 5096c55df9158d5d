//! Begins each probe when it is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::Probes;
use super::plan::{Plan, Target};
use super::results::ProbeOutcome;
use crate::live::Live;
use crate::live::snapshot::DecidedEntry;
use crate::telemetry::metrics::ProbeSkipped;
use crate::upstream::ask::question::{Question, SafeVerb, below_stage};
use crate::upstream::ask::{Asker, Exhausted, Finding};
use crate::upstream::endpoint::EndpointFault;
use crate::upstream::endpoints::Endpoints;
use nameplate_core::settings::Settings;
use nameplate_core::verdict::{Outcome, classify};

/// Probes that are under way at once.
const AT_ONCE: usize = 16;
/// Between the beginnings of two probes: 20 in a second, each with a TLS handshake, are a few percent of a core.
const APART: Duration = Duration::from_millis(50);
/// How soon a changed mapping is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// What probing needs.
pub(crate) struct Probing {
    asking: Arc<Asking>,
    room: Arc<Semaphore>,
    plan: Plan,
    /// When which API is due, in milliseconds since the epoch; the first one on top. Its turn, and before it the time to
    /// ask a target again that failed.
    due: BinaryHeap<Reverse<(u64, u64)>>,
    /// The targets to ask again, by the keys of their APIs.
    again: HashMap<u64, u64>,
}

/// The first failure of a target.
struct Failed {
    api: u64,
    target: u64,
    /// When the probe was due.
    due: u64,
}

/// What each probe needs.
struct Asking {
    probes: Arc<Probes>,
    live: Arc<Live>,
    endpoints: Arc<Endpoints>,
    asker: Asker,
    /// Those that [`Probing`] has not taken yet.
    failed: Mutex<Vec<Failed>>,
}

impl Probing {
    /// Reads the authorities; nothing is sent before [`Probing::run`].
    pub(crate) fn new(
        probes: &Arc<Probes>,
        live: &Arc<Live>,
        endpoints: &Arc<Endpoints>,
        settings: &Settings,
    ) -> Result<Probing, EndpointFault> {
        let (probes, live, endpoints) = (Arc::clone(probes), Arc::clone(live), Arc::clone(endpoints));
        let asking =
            Arc::new(Asking { probes, live, endpoints, asker: Asker::new(settings)?, failed: Mutex::default() });
        let room = Arc::new(Semaphore::new(AT_ONCE));
        Ok(Probing { asking, room, plan: Plan::default(), due: BinaryHeap::new(), again: HashMap::new() })
    }

    /// Probes for as long as the process lives. A panic is logged: nothing else shows that probes have ended.
    pub(crate) async fn run(self) {
        if let Err(e) = tokio::spawn(self.probe_all()).await {
            log::error!("probing ended with an error; no API is probed until this task is replaced: {e}");
        }
    }

    async fn probe_all(mut self) {
        loop {
            self.follow_mapping().await;
            self.take_failed();
            let now = now();
            let wait = self.due.peek().map_or(LOOK, |Reverse((due, _))| Duration::from_millis(due.saturating_sub(now)));
            if !wait.is_zero() {
                sleep(wait.min(LOOK)).await;
                continue;
            }
            // It cannot be empty: what is due was looked at above.
            let Some(Reverse((due, api))) = self.due.pop() else { continue };
            if let Some(target) = self.pick(api, due, now) {
                self.begin(api, target, due).await;
            }
        }
    }

    /// The target of an API that is due: the one to ask again, else the one whose turn it is.
    fn pick(&mut self, api: u64, due: u64, now: u64) -> Option<Target> {
        let schedule = &self.asking.probes.schedule;
        let is_turn = schedule.is_turn(api, due);
        if is_turn {
            self.due.push(Reverse((schedule.next(api, now), api)));
        }
        let targets = self.plan.apis.get(&api)?;
        let again = self.again.get(&api).and_then(|key| targets.iter().find(|target| target.key == *key));
        let in_turn = || targets.get(schedule.turn(api, due, targets.len())).filter(|_| is_turn);
        again.or_else(in_turn).copied()
    }

    /// Notes what has failed for the first time: to be asked again before the other targets of its API.
    fn take_failed(&mut self) {
        let failed = std::mem::take(&mut *self.asking.failed.lock());
        for Failed { api, target, due } in failed {
            self.again.insert(api, target);
            let again = self.asking.probes.schedule.again(api, due, now());
            self.due.extend(again.map(|again| Reverse((again, api))));
        }
    }

    /// Where the mapping has changed, looks it through, and keeps the times of the APIs that stay.
    async fn follow_mapping(&mut self) {
        let snapshot = self.asking.live.snapshot();
        let (now, schedule) = (now(), &self.asking.probes.schedule);
        // A clock that was set back leaves times that are too far away.
        let is_far = self.due.peek().is_some_and(|Reverse((due, _))| *due > now.saturating_add(2 * schedule.cycle()));
        if snapshot.generation == self.plan.generation && !is_far {
            return;
        }
        self.plan = Plan::of(&snapshot, &self.asking.probes.identities).await;
        {
            let mut results = self.asking.probes.results.lock();
            results.set_targets(self.plan.generation, self.plan.targets());
            results.without_safe_verb = self.plan.without_safe_verb;
        }
        self.again.retain(|api, _| self.plan.apis.contains_key(api));
        let before: HashMap<u64, u64> = match is_far {
            true => HashMap::new(),
            // What is to be asked again has its API's next turn.
            false => self
                .due
                .drain()
                .map(|Reverse((due, api))| (api, due))
                .filter(|(api, due)| schedule.is_turn(*api, *due))
                .collect(),
        };
        let due = |api: &u64| before.get(api).copied().unwrap_or_else(|| schedule.next(*api, now));
        self.due = self.plan.apis.keys().map(|api| Reverse((due(api), *api))).collect();
    }

    /// Begins a probe as soon as there is room for it; skips it where that is too late.
    async fn begin(&mut self, api: u64, target: Target, due: u64) {
        let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { return };
        let metrics = &self.asking.live.metrics.probes;
        if now() > due.saturating_add(self.asking.probes.schedule.patience()) {
            metrics.skipped(ProbeSkipped::Late);
            return;
        }
        let snapshot = self.asking.live.snapshot();
        // The mapping has changed meanwhile: the plan is made anew first.
        if snapshot.generation != self.plan.generation {
            return;
        }
        let entry = snapshot.decided(target.place);
        // Not before: what was skipped is still to be asked again.
        self.again.remove(&api);
        tokio::spawn(Arc::clone(&self.asking).probe(entry, (api, target.key), due, permit));
        sleep(APART).await;
    }
}

impl Asking {
    /// Asks one API, and keeps the outcome.
    async fn probe(
        self: Arc<Self>,
        entry: DecidedEntry,
        (api, target): (u64, u64),
        due: u64,
        _room: OwnedSemaphorePermit,
    ) {
        let metrics = &self.live.metrics.probes;
        match self.ask(&entry, due).await {
            Some(Ok(finding)) => {
                let verdict = classify(&finding.evidence);
                metrics.ended(verdict.class());
                let status = match &finding.evidence.outcome {
                    Outcome::Answered(response) => Some(response.status),
                    _ => None,
                };
                let outcome = ProbeOutcome { verdict, status, at: SystemTime::now() };
                if self.probes.results.lock().note(target, outcome) {
                    self.failed.lock().push(Failed { api, target, due });
                }
            }
            Some(Err(e)) => {
                log::debug!("a probe of {} was skipped: {e}", entry.route.host());
                metrics.skipped(ProbeSkipped::Exhausted);
            }
            None => {}
        }
    }

    async fn ask(&self, entry: &DecidedEntry, due: u64) -> Option<Result<Finding, Exhausted>> {
        let (route, place) = (&entry.route, entry.entry.endpoint());
        let target = below_stage(route, &self.probes.identities.path(route)?);
        let question = Question::new(route, SafeVerb::allowed_by(route), &target, None)?;
        // The address changes with the time, not with a pool's turn, which is the requests'.
        let turn = usize::try_from(due / 1_000).unwrap_or(0);
        Some(self.asker.ask(&self.endpoints, place, &question, turn, self.probes.timeout).await)
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
