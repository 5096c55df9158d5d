//! Which APIs are probed: those of the active mapping, each once, however many entries lead to it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::live::snapshot::Snapshot;
use crate::upstream::ask::question::{SafeVerb, below_stage, stage_and_base};
use nameplate_core::domain::probe::Probe;
use nameplate_core::domain::route::Route;

/// Entries looked at before others have their turn on this runtime.
const AT_ONCE: usize = 512;

/// How APIs and their targets are told apart. Random in each process, so that no mapping can make two of them alike, and
/// no two tasks probe by the same clock.
#[derive(Debug)]
pub(super) struct Identities {
    hasher: RandomState,
    /// The path of entries without PROBE, below their own.
    path: String,
}

impl Identities {
    pub(super) fn new(path: &str) -> Identities {
        Identities { hasher: RandomState::new(), path: path.to_owned() }
    }

    /// The path below the stage at which an entry's API is probed; `None` if it is not. Without PROBE nothing is asked that
    /// a policy with the entry's own path and methods would deny.
    pub(super) fn path<'p>(&'p self, route: &'p Route) -> Option<Cow<'p, str>> {
        match route.overrides().and_then(|overrides| overrides.probe.as_ref()) {
            None => SafeVerb::listed_by(route).map(|_| self.below_entry(route)),
            Some(Probe::Path(path)) => Some(Cow::Borrowed(path)),
            Some(Probe::Off) => None,
        }
    }

    /// Reports whether an entry is not probed because its VERBS list no safe method, and it has no PROBE.
    pub(super) fn has_no_safe_verb(route: &Route) -> bool {
        route.overrides().is_none_or(|overrides| overrides.probe.is_none()) && SafeVerb::listed_by(route).is_none()
    }

    /// The default path, below the one that the entry adds to its stage.
    fn below_entry<'p>(&'p self, route: &'p Route) -> Cow<'p, str> {
        match (stage_and_base(route).1, self.path.as_str()) {
            ("", path) => Cow::Borrowed(path),
            (base, "/") => Cow::Borrowed(base),
            (base, path) => Cow::Owned(format!("{base}{path}")),
        }
    }

    /// What an entry's API is asked: entries that have this in common share a probe.
    pub(super) fn target(&self, route: &Route, endpoint: usize) -> Option<u64> {
        let path = self.path(route)?;
        Some(self.hasher.hash_one((route.api_host(), endpoint, below_stage(route, &path))))
    }

    fn api(&self, route: &Route) -> u64 {
        self.hasher.hash_one((route.api_id(), route.region()))
    }
}

/// What one probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) key: u64,
    /// The place of an entry that leads there.
    pub(super) place: u32,
}

/// The APIs of one snapshot.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) generation: u64,
    /// By the keys of the APIs.
    pub(super) apis: HashMap<u64, Vec<Target>>,
    /// Entries that are not probed because they allow no safe method.
    pub(super) without_safe_verb: usize,
}

impl Plan {
    /// Looks through a snapshot, a piece at a time.
    pub(super) async fn of(snapshot: &Snapshot, identities: &Identities) -> Plan {
        let mut apis: HashMap<u64, Vec<Target>> = HashMap::new();
        let mut without_safe_verb = 0;
        let mut known = std::collections::HashSet::new();
        for (at, (place, route)) in snapshot.table.in_any_order().enumerate() {
            if at % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            without_safe_verb += usize::from(Identities::has_no_safe_verb(route));
            let Some(key) = identities.target(route, snapshot.entry(place).endpoint()) else { continue };
            if known.insert(key) {
                apis.entry(identities.api(route)).or_default().push(Target { key, place });
            }
        }
        Plan { generation: snapshot.generation, apis, without_safe_verb }
    }

    /// Every target.
    pub(super) fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        self.apis.values().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::mapping::compile::compile;
    use nameplate_core::mapping::load::version_of;

    /// The snapshot of a mapping, and what is probed of it.
    fn plan(text: &str, identities: &Identities) -> (Snapshot, Plan) {
        let table = compile(text, "m", None).expect("a mapping");
        let (snapshot, _) = Snapshot::default().next(table, version_of(b"m"), &|_| Some(0));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let plan = runtime.block_on(Plan::of(&snapshot, identities));
        (snapshot, plan)
    }

    /// How many APIs a mapping has that are probed, and how many targets.
    fn of(entries: &[(&str, &str)]) -> (usize, usize) {
        let mut text = "APIS:\n".to_owned();
        for (at, (api, probe)) in entries.iter().enumerate() {
            text += &format!("  - CUSTOM_DOMAIN_URL: d{at}.example.com\n    PRIVATE_API_URL: https://{api}\n");
            if !probe.is_empty() {
                text += &format!("    PROBE: {probe}\n");
            }
        }
        let (_, plan) = plan(&text, &Identities::new("/"));
        (plan.apis.len(), plan.targets().count())
    }

    #[test]
    fn each_place_leads_to_its_target_in_a_mapping_of_many_shards() {
        let entry = |at: usize| {
            let api = format!("https://a{at}.execute-api.eu-west-1.amazonaws.com/prod");
            format!("  - CUSTOM_DOMAIN_URL: d{at}.example.com\n    PRIVATE_API_URL: {api}\n")
        };
        let text = format!("APIS:\n{}", (0..200).map(entry).collect::<String>());
        let identities = Identities::new("/");
        let (snapshot, plan) = plan(&text, &identities);
        assert_eq!((plan.apis.len(), plan.targets().count()), (200, 200));
        for target in plan.targets() {
            assert_eq!(identities.target(snapshot.table.route(target.place), 0), Some(target.key));
        }
    }

    #[test]
    fn entries_of_one_api_stage_and_path_share_a_probe() {
        const A: &str = "aaa.execute-api.eu-west-1.amazonaws.com/prod";
        const A_BASE: &str = "aaa.execute-api.eu-west-1.amazonaws.com/prod/v1";
        const A_TEST: &str = "aaa.execute-api.eu-west-1.amazonaws.com/test";
        const B: &str = "bbb.execute-api.eu-west-1.amazonaws.com/prod";
        assert_eq!(of(&[(A, ""), (A, ""), (A, "/")]), (1, 1));
        assert_eq!(of(&[(A, ""), (A_BASE, ""), (A_BASE, "/v1")]), (1, 2), "each entry's own path");
        assert_eq!(of(&[(A, ""), (A, "/health"), (A_TEST, ""), (B, "")]), (2, 4));
        assert_eq!(
            of(&[(A, "off"), (A_TEST, "off")]),
            (0, 0),
            "nothing is asked of an API that no entry lets be asked"
        );
        assert_eq!(of(&[(A, "off"), (A, "")]), (1, 1));
    }

    #[test]
    fn nothing_is_asked_that_a_policy_of_the_entries_alone_denies() {
        let entry = |at: usize, more: &str| {
            let api = "https://aaa.execute-api.eu-west-1.amazonaws.com/prod/v1";
            format!("  - CUSTOM_DOMAIN_URL: d{at}.example.com\n    PRIVATE_API_URL: {api}\n    VERBS: {more}\n")
        };
        let all = ["[GET]", "[POST]", "[POST, DELETE]\n    PROBE: /health", "[POST]\n    PROBE: off"];
        let text = all.iter().enumerate().map(|(at, more)| entry(at, more)).collect::<String>();
        for (default, path) in [("/", "/v1"), ("/ready", "/v1/ready")] {
            let identities = Identities::new(default);
            let (snapshot, plan) = plan(&format!("APIS:\n{text}"), &identities);
            assert_eq!(plan.without_safe_verb, 1);
            let mut paths: Vec<_> = snapshot.table.routes().into_iter().map(|route| identities.path(route)).collect();
            paths.sort();
            assert_eq!(paths, [None, None, Some("/health".into()), Some(path.into())]);
        }
    }
}
