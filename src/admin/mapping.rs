//! `/mapping`: what is in force, since when, what came after it and was not taken; and its entries by
//! domain.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::page_response::{MOST_SHOWN, PageResponse, rfc3339};
use super::query;
use super::sources::Admin;
use crate::live::Live;
use crate::live::held_entries::HeldStatus;
use crate::live::probes::{ProbeOutcome, Probes};
use crate::live::reload::Cause;
use crate::live::snapshot::Snapshot;
use crate::live::status::{Origin, Reloads, Report, Trouble};
use nameplate_core::diagnostic::Diagnostic;
use nameplate_core::domain::host::{HostBuffer, normalize};
use nameplate_core::domain::order::by_domain;
use nameplate_core::domain::overrides::Timeouts;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::verbs::VerbSet;
use nameplate_core::domain::version::Version;
use nameplate_core::parts::OWNERS_FILE;
use nameplate_core::parts::assembly::PartStatus;
use nameplate_core::parts::error::NotInUse;
use nameplate_core::settings::DEFAULT_ENDPOINT;

#[derive(Serialize)]
struct Mapping<'l> {
    source: &'l str,
    version: Option<String>,
    sha256: Option<String>,
    generation: u64,
    entries: usize,
    domains: usize,
    /// `source` or `cache`.
    origin: Option<&'static str>,
    in_force_since: Option<String>,
    confirmed: Option<String>,
    staleness_seconds: u64,
    trouble: Option<Shown>,
    reloads: ShownReloads,
    /// Of a mapping in parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<ShownPart>,
    /// Why `owners.yaml` is not active as the source has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    owners_error: Option<ShownOwnersError>,
    /// Entries that keep the target that they had.
    held: Vec<ShownHeld>,
    more_held: usize,
    /// The mapping that becomes active once its entries are verified.
    verifying: Option<ShownVerifying>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Found<'l>>,
}

/// Readings that somebody asked for, by signal or with `nameplate reload`.
#[derive(Serialize)]
struct ShownReloads {
    begun: u64,
    ended: u64,
    /// How the last one ended: `taken`, `unchanged`, `rejected`, `held` or `failed`.
    result: Option<&'static str>,
    /// What was refused: the `source` could not be read, the whole `mapping`, some `parts` or some `entries`.
    kind: Option<&'static str>,
    /// Why it was refused.
    message: Option<String>,
}

/// An entry that keeps the target that it had, because the new one answers worse.
#[derive(Serialize)]
struct ShownHeld {
    domain: String,
    base_path: String,
    /// The part that it is from, where the mapping has parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    /// Where the mapping leads it.
    target: String,
    /// Where it leads as long as it is held.
    keeps: String,
    /// The class of the new target's verdict, or `unverified`.
    reason: &'static str,
    since: String,
    message: String,
}

/// A mapping that is being verified.
#[derive(Serialize)]
struct ShownVerifying {
    version: String,
    /// How many of its entries lead elsewhere.
    entries: usize,
}

/// A part of the mapping.
#[derive(Serialize)]
struct ShownPart {
    name: String,
    owner: Option<String>,
    contact: Option<String>,
    /// The version that is active.
    version: Option<String>,
    active_since: Option<String>,
    entries: usize,
    /// How many of its entries keep the target that they had.
    held_entries: usize,
    error: Option<ShownError>,
}

/// Why `owners.yaml` is not active as the source has it.
#[derive(Serialize)]
struct ShownOwnersError {
    /// `rejected`, `held` or `failed`.
    reason: &'static str,
    version: Option<String>,
    message: String,
}

/// Why a part is not active as the source has it.
#[derive(Serialize)]
struct ShownError {
    /// `rejected`, `held` or `failed`.
    reason: &'static str,
    since: String,
    version: Option<String>,
    message: String,
}

/// Why what the source has is not in force.
#[derive(Serialize)]
struct Shown {
    /// `rejected`, `held` or `failed`.
    reason: &'static str,
    since: String,
    version: Option<String>,
    message: String,
    faults: Vec<Diagnostic>,
    more_faults: usize,
}

/// The entries of a domain.
#[derive(Serialize)]
pub(super) struct Found<'l> {
    pub(super) query: String,
    /// `answers`: these entries answer for that host; `contains`: their domains contain the text.
    pub(super) by: &'static str,
    pub(super) entries: Vec<Entry<'l>>,
    pub(super) more: usize,
}

/// One of them.
#[derive(Serialize)]
pub(super) struct Entry<'l> {
    pub(super) domain: &'l str,
    pub(super) base_path: &'l str,
    pub(super) api_id: &'l str,
    pub(super) api_host: &'l str,
    pub(super) prefix: &'l str,
    pub(super) verbs: Option<String>,
    pub(super) referer: &'static str,
    pub(super) host: &'static str,
    pub(super) response: &'static str,
    pub(super) endpoint: String,
    pub(super) timeout: Option<String>,
    pub(super) rate_limit: Option<String>,
    /// The part of the mapping, where it has parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<&'l str>,
    pub(super) line: u32,
    pub(super) since_generation: u64,
    pub(super) requests: u64,
    /// Where APIs are probed, and this one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) probe: Option<Probed>,
}

/// The last probe of an entry's API.
#[derive(Serialize)]
pub(super) struct Probed {
    /// Below the stage.
    path: String,
    /// `pending` before the first one.
    pub(super) class: &'static str,
    /// One is certain; of several, the evidence fits each.
    causes: Vec<ProbedCause>,
    status: Option<u16>,
    probed: Option<String>,
}

/// Why an API does or does not answer.
#[derive(Serialize)]
struct ProbedCause {
    cause: &'static str,
    title: &'static str,
    cure: &'static str,
    document: &'static str,
}

/// The page. `?domain=NAME` adds the entries that answer for a host, or, where none does, those whose
/// domain contains the text.
pub(super) fn page(admin: &Admin, query: Option<&str>, now: SystemTime) -> PageResponse {
    let Some([domain]) = query::values(query, ["domain"]) else {
        return PageResponse::text(400, "write /mapping or /mapping?domain=NAME");
    };
    let live = &admin.live;
    let snapshot = live.snapshot();
    let report = live.mapping.report();
    let mut held_of_parts: HashMap<&str, usize> = HashMap::new();
    for part in report.held.iter().filter_map(|held| snapshot.part_of_mark(held.part)) {
        *held_of_parts.entry(part).or_default() += 1;
    }
    let mapping = Mapping {
        source: &live.mapping.source,
        version: snapshot.version.map(|version| version.to_string()),
        sha256: snapshot.version.as_ref().map(Version::full),
        generation: snapshot.generation,
        entries: snapshot.table.len(),
        domains: snapshot.table.domains(),
        origin: report.in_force.map(|(_, origin)| match origin {
            Origin::Source => "source",
            Origin::Cache => "cache",
        }),
        in_force_since: report.in_force.map(|(since, _)| rfc3339(since)),
        confirmed: report.confirmed.map(rfc3339),
        staleness_seconds: live.mapping.staleness(now).as_secs(),
        owners_error: report.trouble.as_ref().and_then(shown_owners_error),
        trouble: report.trouble.map(shown),
        reloads: shown_reloads(report.reloads),
        parts: report.parts.iter().map(|part| shown_part(part, &held_of_parts)).collect(),
        held: report.held.iter().take(MOST_SHOWN).map(|held| shown_held(held, &snapshot)).collect(),
        more_held: report.held.len().saturating_sub(MOST_SHOWN),
        verifying: report.verifying.map(|(version, entries)| ShownVerifying { version: version.to_string(), entries }),
        found: domain.map(|domain| find(&snapshot, admin.probes.as_deref(), domain)),
    };
    PageResponse::json(&mapping)
}

fn shown_part(part: &PartStatus, held_of_parts: &HashMap<&str, usize>) -> ShownPart {
    let (error, error_since) = part.error.clone().unzip();
    ShownPart {
        name: part.name.to_string(),
        owner: part.owner.clone(),
        contact: part.contact.clone(),
        version: part.version.map(|version| version.to_string()),
        active_since: part.since.map(rfc3339),
        entries: part.entries,
        held_entries: held_of_parts.get(&*part.name).copied().unwrap_or_default(),
        error: error.map(|error| ShownError {
            reason: error.label(),
            since: error_since.map(rfc3339).unwrap_or_default(),
            version: error.version().map(|version| version.to_string()),
            message: error.to_string(),
        }),
    }
}

fn shown_owners_error(trouble: &Trouble) -> Option<ShownOwnersError> {
    let Cause::Parts(errors) = &trouble.cause else { return None };
    let NotInUse { error, .. } = errors.list.iter().find(|part| &*part.name == OWNERS_FILE)?;
    let version = error.version().map(|version| version.to_string());
    Some(ShownOwnersError { reason: error.label(), version, message: error.to_string() })
}

fn shown_held(held: &HeldStatus, snapshot: &Snapshot) -> ShownHeld {
    ShownHeld {
        domain: held.domain.clone(),
        base_path: held.base_path.clone(),
        part: snapshot.part_of_mark(held.part).map(str::to_owned),
        target: held.target.clone(),
        keeps: held.keeps.clone(),
        reason: held.reason.label(),
        since: rfc3339(held.since),
        message: held.why(),
    }
}

fn shown_reloads(reloads: Reloads) -> ShownReloads {
    let Reloads { begun, ended, last } = reloads;
    let (kind, result) = (last.as_ref().and_then(|last| last.kind), last.as_ref().map(|last| last.result));
    ShownReloads { begun, ended, result, kind, message: last.and_then(|last| last.message) }
}

fn shown(trouble: Trouble) -> Shown {
    let (message, reason) = (trouble.cause.to_string(), trouble.cause.result().label());
    let faults = if let Cause::Rejected(faults) = trouble.cause { Some(faults) } else { None };
    let first: Vec<_> = faults.iter().flat_map(|faults| faults.iter().take(MOST_SHOWN)).cloned().collect();
    Shown {
        reason,
        since: rfc3339(trouble.since),
        version: trouble.version.map(|version| version.to_string()),
        message,
        more_faults: faults.map_or(0, |faults| faults.len()) - first.len(),
        faults: first,
    }
}

/// The entries that answer for a host, or, where none does, those whose domain contains the text.
pub(super) fn find<'s>(snapshot: &'s Snapshot, probes: Option<&Probes>, query: String) -> Found<'s> {
    let table = &snapshot.table;
    let mut buffer = HostBuffer::default();
    let answers = normalize(query.as_bytes(), &mut buffer).map(|host| table.places_of(host)).unwrap_or_default();
    let text = query.to_ascii_lowercase();
    let (by, all): (_, Vec<u32>) = if answers.is_empty() {
        let contains = |route: &Route| route.host().contains(&text);
        let mut all: Vec<_> = table.in_any_order().filter(|(_, route)| contains(route)).collect();
        all.sort_unstable_by(|(_, one), (_, other)| by_domain(one, other));
        ("contains", all.into_iter().map(|(at, _)| at).collect())
    } else {
        ("answers", answers.collect())
    };
    let entries: Vec<Entry<'_>> = all.iter().take(MOST_SHOWN).map(|at| entry(snapshot, probes, *at)).collect();
    Found { query, by, more: all.len() - entries.len(), entries }
}

fn entry<'s>(snapshot: &'s Snapshot, probes: Option<&Probes>, at: u32) -> Entry<'s> {
    let (route, kept) = (snapshot.table.route(at), snapshot.entry(at));
    let choices = &route.choices;
    let own = route.overrides().cloned().unwrap_or_default();
    let all = choices.verbs == VerbSet::ALL;
    Entry {
        domain: route.host(),
        base_path: route.base(),
        api_id: route.api_id(),
        api_host: route.api_host(),
        prefix: route.prefix(),
        verbs: (!all).then(|| choices.verbs.to_string()),
        referer: choices.referer.name(),
        host: choices.host.name(),
        response: choices.response.name(),
        endpoint: own.endpoint.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
        timeout: (own.timeouts != Timeouts::default()).then(|| own.timeouts.to_string()),
        rate_limit: own.rate.map(|rate| rate.to_string()),
        part: snapshot.part(route),
        line: route.line,
        since_generation: kept.since,
        requests: kept.requests(),
        probe: probes
            .and_then(|probes| probes.of(route, kept.endpoint()))
            .map(|(path, outcome)| probed(&path, outcome)),
    }
}

fn probed(path: &str, outcome: Option<ProbeOutcome>) -> Probed {
    let causes = outcome.iter().flat_map(|outcome| outcome.verdict.causes());
    Probed {
        path: path.to_owned(),
        class: outcome.as_ref().map_or("pending", |outcome| outcome.verdict.class().label()),
        causes: causes
            .map(|cause| ProbedCause {
                cause: cause.label(),
                title: cause.title(),
                cure: cause.cure(),
                document: cause.document(),
            })
            .collect(),
        status: outcome.as_ref().and_then(|outcome| outcome.status),
        probed: outcome.map(|outcome| rfc3339(outcome.at)),
    }
}

/// What `/readyz` says beside whether it is ready.
pub(super) fn notes(live: &Live, now: SystemTime) -> Vec<String> {
    let Report { in_force, trouble, .. } = live.mapping.report();
    let age = humantime::format_duration(Duration::from_secs(live.mapping.staleness(now).as_secs()));
    let mut notes = Vec::new();
    if matches!(in_force, Some((_, Origin::Cache))) {
        notes.push(format!("mapping: from the cache; the source last had it {age} ago"));
    }
    if let Some(Trouble { cause, .. }) = trouble {
        let text = cause.to_string();
        let first = text.lines().next().unwrap_or_default();
        notes.push(match cause {
            Cause::Entries(_) => format!("mapping: {first}"),
            _ => format!("mapping: what {} has is not in force: {first}", live.mapping.source),
        });
    }
    notes
}
