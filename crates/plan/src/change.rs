//! What a new mapping changes, and whether running tasks can take it by themselves.

use super::names::{Names, Needs};
use super::zones::Zoning;
use nameplate_core::domain::overrides::DEFAULT_ENDPOINT;
use nameplate_core::domain::pace::Pace;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::steps::{Step, steps};
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::verbs::VerbSet;

/// One entry's change.
#[derive(Clone, Debug)]
pub enum EntryChange<'t> {
    /// Only the new mapping has it.
    Added(&'t Route),
    /// Only the old one had it.
    Removed(&'t Route),
    /// Both have it, and it says something else.
    Changed {
        /// As it was.
        old: &'t Route,
        /// As it is now.
        new: &'t Route,
        /// The keys that differ.
        keys: Vec<KeyChange>,
    },
}

impl EntryChange<'_> {
    /// The entry, as the new mapping has it where it does.
    pub fn route(&self) -> &Route {
        match self {
            EntryChange::Added(route) | EntryChange::Removed(route) | EntryChange::Changed { new: route, .. } => route,
        }
    }
}

/// A key that says something else, as a mapping writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// Which key.
    pub key: &'static str,
    /// What it said.
    pub old: String,
    /// What it says.
    pub new: String,
}

/// Everything that changes from one mapping to the next, in the order of domains.
#[derive(Debug)]
pub struct Change<'t> {
    /// The entries that differ.
    pub entries: Vec<EntryChange<'t>>,
    /// How many say the same.
    pub unchanged: usize,
    /// What must be deployed before the new domains can be reached.
    pub needs: Needs,
    /// What the next deployment may take away.
    pub unused: Needs,
    /// Domains that are gone, of how many there were.
    pub removed_domains: (usize, usize),
}

impl<'t> Change<'t> {
    /// Compares two mappings; `zoning` says which zones their domains need.
    pub fn between(old: &'t MappingTable, new: &'t MappingTable, zoning: &Zoning) -> Change<'t> {
        let mut unchanged = 0;
        let mut entries = Vec::new();
        for step in steps(old, new) {
            match step {
                Step::Gone(at) => entries.push(EntryChange::Removed(old.route(at))),
                Step::New(at) => entries.push(EntryChange::Added(new.route(at))),
                Step::Stayed(before, after) => {
                    let (before, after) = (old.route(before), new.route(after));
                    if before.says_the_same(after) {
                        unchanged += 1;
                    } else {
                        entries.push(EntryChange::Changed { old: before, new: after, keys: keys(before, after) });
                    }
                }
            }
        }
        let (had, has) = (Names::of(old, zoning), Names::of(new, zoning));
        Change {
            entries,
            unchanged,
            needs: has.beyond(&had),
            unused: had.beyond(&has),
            removed_domains: (old.domains_missing_in(new, Pace::default()), old.domains()),
        }
    }

    /// How many entries are added, removed and changed.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&EntryChange<'_>) -> bool| self.entries.iter().filter(|entry| is(entry)).count();
        (
            count(|entry| matches!(entry, EntryChange::Added(_))),
            count(|entry| matches!(entry, EntryChange::Removed(_))),
            count(|entry| matches!(entry, EntryChange::Changed { .. })),
        )
    }
}

/// The keys in which two entries differ, beside their domains and base paths.
pub fn keys(old: &Route, new: &Route) -> Vec<KeyChange> {
    let spelled = |route: &Route| {
        let choices = &route.choices;
        let overrides = route.overrides().cloned().unwrap_or_default();
        [
            ("PRIVATE_API_URL", private_api_url(route)),
            ("VERBS", if choices.verbs == VerbSet::ALL { "ANY".into() } else { choices.verbs.to_string() }),
            ("REFERER", choices.referer.name().into()),
            ("HOST", choices.host.name().into()),
            ("RESPONSE", choices.response.name().into()),
            ("ENDPOINT", overrides.endpoint.unwrap_or_else(|| DEFAULT_ENDPOINT.into())),
            ("TIMEOUT", or_none(overrides.timeouts.to_string())),
            ("RATE_LIMIT", or_none(overrides.rate.map(|rate| rate.to_string()).unwrap_or_default())),
            ("PROBE", or_none(overrides.probe.map(|probe| probe.to_string()).unwrap_or_default())),
        ]
    };
    let pairs = spelled(old).into_iter().zip(spelled(new));
    let differ = pairs.filter(|((_, old), (_, new))| old != new);
    differ.map(|((key, old), (_, new))| KeyChange { key, old, new }).collect()
}

fn or_none(value: String) -> String {
    if value.is_empty() { "none".into() } else { value }
}

/// An entry's PRIVATE_API_URL.
pub fn private_api_url(route: &Route) -> String {
    format!("https://{}{}", route.api_host(), route.prefix())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::domain::api::PrivateApi;
    use nameplate_core::domain::base_path::BasePath;
    use nameplate_core::domain::host::Host;
    use nameplate_core::domain::route::{Choices, HostMode, RefererMode, ResponseMode};

    /// Domain and base path, what follows the API's id in its URL, and the choices.
    type Drawn<'d> = (&'d str, &'d str, Choices);

    fn table(entries: &[Drawn<'_>]) -> MappingTable {
        let route = |(domain, rest, choices): &Drawn<'_>| {
            let (host, base) = domain.split_at(domain.find('/').unwrap_or(domain.len()));
            let api = PrivateApi::parse(&format!("https://abc.execute-api.{rest}")).expect("an api");
            let base = BasePath::parse(base).expect("a base path");
            Route::new(&Host::parse(host).expect("a host"), &base, &api, *choices, 1)
        };
        MappingTable::new(entries.iter().map(route).collect())
    }

    fn plain<'d>(domain: &'d str, rest: &'d str) -> Drawn<'d> {
        (domain, rest, Choices::default())
    }

    const P: &str = "eu-west-1.amazonaws.com/p";
    const Q: &str = "eu-west-1.amazonaws.com/q";

    #[test]
    fn each_entry_is_added_removed_changed_or_the_same() {
        let old = table(&[plain("a.example.com", P), plain("b.example.com", P), plain("c.example.com", P)]);
        let all_else = Choices {
            verbs: VerbSet::NONE.with("GET").expect("a verb"),
            host: HostMode::Preserve,
            referer: RefererMode::Preserve,
            response: ResponseMode::Untouched,
        };
        let new = table(&[plain("d.example.com", P), ("c.example.com", Q, all_else), plain("b.example.com", P)]);
        let change = Change::between(&old, &new, &Zoning::default());
        assert_eq!((change.counts(), change.unchanged, change.removed_domains), ((1, 1, 1), 1, (1, 3)));
        let hosts: Vec<_> = change.entries.iter().map(|entry| entry.route().host()).collect();
        assert_eq!(hosts, ["a.example.com", "c.example.com", "d.example.com"]);
        let EntryChange::Changed { keys, .. } = &change.entries[1] else { panic!("{:?}", change.entries) };
        let named: Vec<_> = keys.iter().map(|key| (key.key, &*key.old, &*key.new)).collect();
        let url = |stage: &str| format!("https://abc.execute-api.{stage}");
        let want = [
            ("PRIVATE_API_URL", &*url(P), &*url(Q)),
            ("VERBS", "ANY", "GET"),
            ("REFERER", "domain", "preserve"),
            ("HOST", "api", "preserve"),
            ("RESPONSE", "translate", "untouched"),
        ];
        assert_eq!(named, want);
    }

    const NOTHING: [&[&str]; 5] = [&[]; 5];

    /// What `new` needs beside `old`: zones, records, certificate names, regions, endpoints.
    #[track_caller]
    fn needs(old: &[&str], new: &[(&str, &str)], want: [&[&str]; 5]) {
        let old: Vec<_> = old.iter().map(|domain| plain(domain, P)).collect();
        let new: Vec<_> = new.iter().map(|(domain, rest)| plain(domain, rest)).collect();
        let needs = Change::between(&table(&old), &table(&new), &Zoning::default()).needs;
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let record = |name: &&str| name.split_once(' ').map(|(zone, record)| (zone.to_owned(), record.to_owned()));
        let want = Needs {
            zones: set(want[0]),
            records: want[1].iter().filter_map(record).collect(),
            certificates: set(want[2]),
            regions: set(want[3]),
            endpoints: set(want[4]),
        };
        assert_eq!(needs, want, "{new:?}");
    }

    #[test]
    fn a_domain_under_a_known_parent_is_hot() {
        let new = [("b.in.example.com", P), ("*.in.example.com", Q), ("a.in.example.com/v1", Q)];
        needs(&["a.in.example.com"], &new, NOTHING);
        // Also where the name is that of a zone.
        needs(&["a.in.example.com", "a.team.in.example.com"], &[("team.in.example.com", P)], NOTHING);
    }

    #[test]
    fn a_new_parent_region_or_apex_is_not() {
        let old = ["a.in.example.com"];
        needs(&old, &[("a.team.example.com", P)], [&["team.example.com"], &[], &["*.team.example.com"], &[], &[]]);
        needs(&old, &[("example.org", P)], [&["example.org"], &[], &["example.org"], &[], &[]]);
        needs(&old, &[("b.in.example.com", "eu-west-3.amazonaws.com/p")], [&[], &[], &[], &["eu-west-3"], &[]]);
        let apex: &[&str] = &["in.example.com in.example.com"];
        needs(&old, &[("in.example.com", P)], [&[], apex, &["*.example.com"], &[], &[]]);
    }

    #[test]
    fn directly_under_a_registrable_domain_each_has_a_zone_of_its_own() {
        needs(&["a.example.com"], &[("b.example.com", P)], [&["b.example.com"], &[], &[], &[], &[]]);
    }
}
