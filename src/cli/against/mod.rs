//! `check --against`: what a new mapping changes, for people, for pipelines and for pull requests.

mod access;
mod markdown;
mod requests;

use std::fmt;

use serde::Serialize;

use self::access::Access;
use self::requests::Requests;
use super::load::Loaded;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::{grows_beyond, removes_too_many};
use nameplate_core::settings::ReloadRules;
use nameplate_plan::change::{Change, EntryChange, KeyChange, private_api_url};
use nameplate_plan::names::Needs;

/// The most entries that change that are shown as text without `--all`.
const MOST_ENTRIES: usize = 50;

/// What becomes of the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// Nothing changes.
    None,
    /// Running tasks take it by themselves.
    Hot,
    /// Something must be deployed before every domain works.
    Deployment,
    /// Running tasks would hold it: it removes too many domains, or has too many entries.
    Held,
}

/// The change from one mapping to another.
#[derive(Serialize)]
pub(super) struct Against<'c> {
    mapping: &'c str,
    /// Of the old mapping; none where there was none.
    version: Option<String>,
    entries: usize,
    domains: usize,
    /// `none`, `hot`, `deployment` or `held`.
    pub(super) verdict: Verdict,
    added: usize,
    removed: usize,
    changed: usize,
    unchanged: usize,
    removed_domains: usize,
    max_removed_percent: u8,
    /// `reload: hold_entries`, where it grows beyond that.
    #[serde(skip_serializing_if = "Option::is_none")]
    grows_beyond: Option<u64>,
    changes: Vec<Line<'c>>,
    /// What happens to requests.
    requests: Requests<'c>,
    /// What resource policies have to say otherwise.
    access: Access,
    /// Whether text shows everything.
    #[serde(skip)]
    all: bool,
    /// What must be deployed first.
    needs: Shown<'c>,
    /// What the next deployment may take away.
    unused: Shown<'c>,
}

#[derive(Serialize)]
struct Line<'c> {
    change: &'static str,
    domain: &'c str,
    base_path: &'c str,
    private_api_url: String,
    /// Of the new mapping, or for one that is gone of the old one.
    file: String,
    /// In that file.
    line: u32,
    /// Who answers for it, where the mapping says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'c str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<Key<'c>>,
}

#[derive(Serialize)]
struct Key<'c> {
    key: &'static str,
    old: &'c str,
    new: &'c str,
}

#[derive(Serialize)]
struct Shown<'c> {
    hosted_zones: Vec<&'c str>,
    /// In zones that both mappings need.
    records: Vec<Record<'c>>,
    certificate_names: Vec<&'c str>,
    regions: Vec<&'c str>,
    endpoints: Vec<&'c str>,
}

#[derive(Serialize)]
struct Record<'c> {
    hosted_zone: &'c str,
    name: &'c str,
}

impl<'c> Against<'c> {
    /// The change to a new mapping; `all` shows everything as text.
    pub(super) fn of(
        old: &'c Loaded,
        new: &'c Loaded,
        change: &'c Change<'c>,
        (rules, all): (&ReloadRules, bool),
    ) -> Against<'c> {
        let (most, entries) = (rules.max_removed, new.table.len());
        let (added, removed, changed) = change.counts();
        let (gone, had) = change.removed_domains;
        // Without a mapping before, there is nothing that a task could compare with.
        let grows = had > 0 && grows_beyond(entries as u64, old.table.len() as u64, rules.hold_entries);
        let verdict = if change.entries.is_empty() {
            Verdict::None
        } else if grows || removes_too_many(gone, had, most) {
            Verdict::Held
        } else if change.needs.is_empty() {
            Verdict::Hot
        } else {
            Verdict::Deployment
        };
        Against {
            mapping: &old.name,
            version: (had > 0).then(|| old.version.to_string()),
            entries: old.table.len(),
            domains: had,
            verdict,
            added,
            removed,
            changed,
            unchanged: change.unchanged,
            removed_domains: gone,
            max_removed_percent: most,
            grows_beyond: grows.then_some(rules.hold_entries),
            changes: change.entries.iter().map(|entry| line(entry, old, new)).collect(),
            requests: Requests::between(old, new),
            access: Access::between(&old.table, &new.table),
            all,
            needs: shown(&change.needs),
            unused: shown(&change.unused),
        }
    }
}

fn line<'c>(entry: &'c EntryChange<'c>, old: &'c Loaded, new: &'c Loaded) -> Line<'c> {
    let route: &'c Route = entry.route();
    let (change, keys): (_, &[KeyChange]) = match entry {
        EntryChange::Added(_) => ("added", &[]),
        EntryChange::Removed(_) => ("removed", &[]),
        EntryChange::Changed { keys, .. } => ("changed", keys),
    };
    let keys = keys.iter().map(|key| Key { key: key.key, old: &key.old, new: &key.new }).collect();
    let private_api_url = private_api_url(route);
    let of = if change == "removed" { old } else { new };
    let (file, owner) = (of.files.of(route), of.owner_of(route).map(|owner| owner.name));
    Line { change, domain: route.host(), base_path: route.base(), private_api_url, file, line: route.line, owner, keys }
}

fn shown(needs: &Needs) -> Shown<'_> {
    Shown {
        hosted_zones: needs.zones.iter().map(String::as_str).collect(),
        records: needs.records.iter().map(|(hosted_zone, name)| Record { hosted_zone, name }).collect(),
        certificate_names: needs.certificates.iter().map(String::as_str).collect(),
        regions: needs.regions.iter().map(String::as_str).collect(),
        endpoints: needs.endpoints.iter().map(String::as_str).collect(),
    }
}

/// For people: each change, then what becomes of it all.
impl fmt::Display for Against<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "against {}:", self.mapping)?;
        let most = if self.all { usize::MAX } else { MOST_ENTRIES };
        for line in self.changes.iter().take(most) {
            let Line { domain, base_path, private_api_url, file, line: at, .. } = line;
            match line.change {
                "added" => writeln!(f, "  + {domain}{base_path}: {private_api_url} ({file}:{at})")?,
                "removed" => writeln!(f, "  - {domain}{base_path}: {private_api_url} ({file}:{at})")?,
                _ => writeln!(f, "  ~ {domain}{base_path} ({file}:{at})")?,
            }
            for Key { key, old, new } in &line.keys {
                writeln!(f, "      {key}: {old} -> {new}")?;
            }
        }
        if let Some(more @ 1..) = self.changes.len().checked_sub(most) {
            writeln!(f, "  and {more} more; `--all` shows them")?;
        }
        let Against { added, removed, changed, unchanged, .. } = self;
        writeln!(f, "{added} added, {removed} removed, {changed} changed, {unchanged} unchanged")?;
        self.requests.write(f, self.all)?;
        self.access.write(f, self.all)?;
        match self.verdict {
            Verdict::None => writeln!(f, "no change"),
            Verdict::Hot => writeln!(f, "hot: running tasks take it from the mapping's source"),
            Verdict::Deployment if self.needs.endpoints.is_empty() => {
                writeln!(f, "deployment: running tasks take it, and its new domains need")
            }
            // A task rejects a mapping that names an endpoint its settings do not have.
            Verdict::Deployment => {
                writeln!(f, "deployment: running tasks take it once they have the endpoint, and it needs")
            }
            Verdict::Held => match self.grows_beyond {
                Some(most) => writeln!(
                    f,
                    "held: it grows beyond {most} entries, and running tasks take no change that does\n  help: if that is \
                     meant, see `hold_entries` in docs/mapping.md"
                ),
                None => writeln!(
                    f,
                    "held: it removes {} of {} domains, and running tasks take no change that removes more than {} %\n  \
                     help: if that is meant, split it, or see `allow_shrink` in docs/mapping.md",
                    self.removed_domains, self.domains, self.max_removed_percent
                ),
            },
        }?;
        if self.verdict == Verdict::Held && !self.needs.is_empty() {
            writeln!(f, "deployment: its new domains need")?;
        }
        self.needs.write(f)?;
        if !self.unused.is_empty() {
            writeln!(f, "no longer used; the next deployment may take it away:")?;
        }
        self.unused.write(f)
    }
}

impl Shown<'_> {
    fn is_empty(&self) -> bool {
        let Shown { hosted_zones, records, certificate_names, regions, endpoints } = self;
        let none = hosted_zones.is_empty() && records.is_empty() && certificate_names.is_empty();
        none && regions.is_empty() && endpoints.is_empty()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for zone in &self.hosted_zones {
            writeln!(f, "  private hosted zone {zone}")?;
        }
        for Record { hosted_zone, name } in &self.records {
            writeln!(f, "  record {name} in the private hosted zone {hosted_zone}")?;
        }
        for name in &self.certificate_names {
            writeln!(f, "  certificate for {name}")?;
        }
        for region in &self.regions {
            writeln!(f, "  execute-api VPC endpoint for region {region}")?;
        }
        for endpoint in &self.endpoints {
            writeln!(f, "  endpoint {endpoint} in the settings")?;
        }
        Ok(())
    }
}
