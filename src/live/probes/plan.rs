//! Which APIs are probed: those of the active mapping, each once, however many entries lead to it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::live::snapshot::Snapshot;
use crate::upstream::ask::question::below_stage;
use nameplate_core::domain::probe::Probe;
use nameplate_core::domain::route::Route;

/// Entries looked at before others have their turn on this runtime.
const AT_ONCE: usize = 512;

/// How APIs and their targets are told apart. Random in each process, so that no mapping can make two of them alike, and
/// no two tasks probe by the same clock.
#[derive(Debug)]
pub(super) struct Identities {
    hasher: RandomState,
    /// The path of entries without PROBE.
    path: String,
}

impl Identities {
    pub(super) fn new(path: &str) -> Identities {
        Identities { hasher: RandomState::new(), path: path.to_owned() }
    }

    /// The path below the stage at which an entry's API is probed; `None` if it is not.
    pub(super) fn path<'p>(&'p self, route: &'p Route) -> Option<&'p str> {
        match route.overrides().and_then(|overrides| overrides.probe.as_ref()) {
            None => Some(&self.path),
            Some(Probe::Path(path)) => Some(path),
            Some(Probe::Off) => None,
        }
    }

    /// What an entry's API is asked: entries that have this in common share a probe.
    pub(super) fn target(&self, route: &Route, endpoint: usize) -> Option<u64> {
        let path = self.path(route)?;
        Some(self.hasher.hash_one((route.api_host(), endpoint, below_stage(route, path))))
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
}

impl Plan {
    /// Looks through a snapshot, a piece at a time.
    pub(super) async fn of(snapshot: &Snapshot, identities: &Identities) -> Plan {
        let mut apis: HashMap<u64, Vec<Target>> = HashMap::new();
        let mut known = std::collections::HashSet::new();
        for (at, (place, route)) in snapshot.table.in_any_order().enumerate() {
            if at % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let Some(key) = identities.target(route, snapshot.entry(place).endpoint()) else { continue };
            if known.insert(key) {
                apis.entry(identities.api(route)).or_default().push(Target { key, place });
            }
        }
        Plan { generation: snapshot.generation, apis }
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
        assert_eq!(of(&[(A, ""), (A, ""), (A_BASE, ""), (A, "/")]), (1, 1));
        assert_eq!(of(&[(A, ""), (A, "/health"), (A_TEST, ""), (B, "")]), (2, 4));
        assert_eq!(
            of(&[(A, "off"), (A_TEST, "off")]),
            (0, 0),
            "nothing is asked of an API that no entry lets be asked"
        );
        assert_eq!(of(&[(A, "off"), (A, "")]), (1, 1));
    }
}
