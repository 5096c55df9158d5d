//! What a change of the mapping does to access: the verbs and paths of an API that its resource policy starts to allow, and
//! those that it stops allowing.
//!
//! It compares the policies that `nameplate policy` would write for both mappings, without `--referer` and `--fold`.
//! **Invariant:** a call that exactly one of the two policies allows is at or below one of the [`AccessChange`]s, and the
//! witness of each is such a call.

use std::collections::{BTreeMap, BTreeSet};

use super::grants::Grants;
use super::{Api, apis};
use nameplate_core::domain::table::MappingTable;

/// Which way access changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Calls are let in that were not.
    Granted,
    /// Calls are let in no longer.
    Revoked,
}

/// Verbs at a path of an API, and below it, that are let in as they were not before, or no longer. What is below it and was
/// let in before already, or still is, stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessChange {
    /// Which way.
    pub direction: Direction,
    /// The API's id.
    pub api_id: String,
    /// The API's region.
    pub region: String,
    /// The endpoints of the settings that the calls come through, by name.
    pub endpoints: Vec<String>,
    /// The stage.
    pub stage: String,
    /// The path in the stage; empty for all of it.
    pub path: String,
    /// The verbs, sorted.
    pub verbs: Vec<&'static str>,
    /// A path in the stage whose calls change.
    pub example: String,
}

impl AccessChange {
    /// A call that changes: verb, then stage and path.
    pub fn witness(&self) -> String {
        // Of several verbs the one that anybody can try.
        let verb = self.verbs.iter().find(|verb| **verb == "GET").or(self.verbs.first()).copied().unwrap_or_default();
        format!("{verb} /{}{}", self.stage, self.example)
    }
}

/// What the policies of one mapping allow and those of the other do not: first what is granted, then what is revoked, each by
/// API, stage and path.
pub fn changes(old: &MappingTable, new: &MappingTable) -> Vec<AccessChange> {
    let (before, after) = (by_api(old), by_api(new));
    let mut found = beyond(Direction::Granted, &after, &before);
    found.extend(beyond(Direction::Revoked, &before, &after));
    found
}

/// APIs by id and region.
type ByApi<'t> = BTreeMap<(&'t str, &'t str), Api<'t>>;

fn by_api(table: &MappingTable) -> ByApi<'_> {
    apis(table).into_iter().map(|api| ((api.id, api.region), api)).collect()
}

/// What `these` allow beyond `others`.
fn beyond(direction: Direction, these: &ByApi<'_>, others: &ByApi<'_>) -> Vec<AccessChange> {
    let mut found = Vec::new();
    for (key, api) in these {
        let other = others.get(key);
        if other.is_some_and(|other| is_same(api, other)) {
            continue;
        }
        let (grants, endpoints) = (api.grants(), endpoints_of(api));
        let (other_grants, other_endpoints) =
            other.map(|other| (other.grants(), endpoints_of(other))).unwrap_or_default();
        // Through an endpoint that the other policy does not name, every call is let in by this one alone.
        let (known, unknown) = endpoints.into_iter().partition::<Vec<_>, _>(|name| other_endpoints.contains(name));
        for (endpoints, allowed) in [(known, &other_grants), (unknown, &Grants::default())] {
            if endpoints.is_empty() {
                continue;
            }
            for ((stage, path), verbs) in grants.beyond(allowed).uncovered().places() {
                found.push(AccessChange {
                    direction,
                    api_id: api.id.to_owned(),
                    region: api.region.to_owned(),
                    endpoints: endpoints.clone(),
                    example: example(stage, path, allowed),
                    stage: stage.clone(),
                    path: path.clone(),
                    verbs: verbs.iter().copied().collect(),
                });
            }
        }
    }
    found
}

/// Reports whether two mappings lead to an API in the same way, entry by entry, so that their policies are the same.
fn is_same(one: &Api<'_>, two: &Api<'_>) -> bool {
    one.routes.len() == two.routes.len() && one.routes.iter().zip(&two.routes).all(|(a, b)| a.says_the_same(b))
}

fn endpoints_of(api: &Api<'_>) -> BTreeSet<String> {
    api.endpoints().into_iter().collect()
}

/// A path below another one that the other policy says nothing of.
fn example(stage: &str, path: &str, others: &Grants) -> String {
    let numbered = (2_u32..).map(|number| format!("{path}/example{number}"));
    let mut all = std::iter::once(format!("{path}/example")).chain(numbered);
    all.find(|path| !others.has_place(&(stage.to_owned(), path.clone()))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::mapping::compile::compile;

    /// A mapping of entries: stage and path, verbs, endpoint.
    fn table(entries: &[(&str, &str, &str)]) -> MappingTable {
        let entry = |(at, (path, verbs, endpoint)): (usize, &(&str, &str, &str))| {
            format!(
                "  - CUSTOM_DOMAIN_URL: a{at}.in.example.com\n    PRIVATE_API_URL: \
                 https://abc.execute-api.eu-west-1.amazonaws.com/{path}\n    VERBS: {verbs}\n    ENDPOINT: {endpoint}\n"
            )
        };
        let entries: String = entries.iter().enumerate().map(entry).collect();
        compile(&format!("APIS:\n{entries}"), "m", None).expect("a mapping")
    }

    fn told(old: &[(&str, &str, &str)], new: &[(&str, &str, &str)]) -> Vec<String> {
        let line = |of: AccessChange| {
            let (endpoints, verbs) = (of.endpoints.join(" "), of.verbs.join(" "));
            format!("{:?} {endpoints} /{}{} {verbs}: {}", of.direction, of.stage, of.path, of.witness())
        };
        changes(&table(old), &table(new)).into_iter().map(line).collect()
    }

    #[test]
    fn a_wider_path_grants_what_no_narrower_one_had() {
        let old = [("dev/a", "GET", "default"), ("dev/a/example", "GET", "default")];
        let new = [("dev/a", "[GET, PUT]", "default"), ("tst", "GET", "default")];
        let want = ["Granted default /dev/a PUT: PUT /dev/a/example2", "Granted default /tst GET: GET /tst/example"];
        assert_eq!(told(&old, &new), want);
        let want = ["Revoked default /dev/a PUT: PUT /dev/a/example2", "Revoked default /tst GET: GET /tst/example"];
        assert_eq!(told(&new, &[old[0], ("dev/a/example", "[GET, PUT]", "default")]), want);
    }

    #[test]
    fn another_endpoint_is_another_way_in() {
        let (old, new) = ([("dev", "GET", "default")], [("dev", "GET", "far")]);
        let want = ["Granted far /dev GET: GET /dev/example", "Revoked default /dev GET: GET /dev/example"];
        assert_eq!(told(&old, &new), want);
        assert_eq!(told(&old, &old), [""; 0]);
    }
}
