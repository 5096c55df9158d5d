//! The entries that are held because their new target answers worse than the old one, for people.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use nameplate_core::domain::overrides::DEFAULT_ENDPOINT;
use nameplate_core::domain::route::Route;
use nameplate_core::verdict::Verdict;
use nameplate_core::verification::changes::Before;
use nameplate_core::verification::held::{HeldEntry, Reason};

/// The most entries that one message lists.
const MOST_LISTED: usize = 10;

/// The entries of the active mapping that are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldEntries {
    /// In the order of a table.
    pub list: Arc<[HeldStatus]>,
    /// How many entries the mapping has.
    pub entries: usize,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldStatus {
    /// Its custom domain.
    pub domain: String,
    /// Its base path.
    pub base_path: String,
    /// The mark of the part that it is from, where the mapping has parts.
    pub part: u16,
    /// Where the mapping leads it.
    pub target: String,
    /// Where it leads as long as it is held.
    pub keeps: String,
    /// Why it is held.
    pub reason: Reason,
    /// Since when.
    pub since: SystemTime,
}

impl HeldStatus {
    /// Returns the entries as people read them. One that was held before, with the same target, is held since then.
    pub(super) fn list(held: &[HeldEntry], before: &[HeldStatus], now: SystemTime) -> Arc<[HeldStatus]> {
        let key = |status: &HeldStatus| (status.domain.clone(), status.base_path.clone(), status.target.clone());
        let since: HashMap<_, _> = before.iter().map(|status| (key(status), status.since)).collect();
        let status = |entry: &HeldEntry| {
            let status = HeldStatus::new(entry, now);
            let since = since.get(&key(&status)).copied().unwrap_or(now);
            HeldStatus { since, ..status }
        };
        held.iter().map(status).collect()
    }

    fn new(entry: &HeldEntry, since: SystemTime) -> HeldStatus {
        let next = &entry.change.next;
        let keeps = match &entry.change.before {
            Before::Entry(old) => target(old),
            Before::Wider(wider) => format!("{} (entry {}{})", target(wider), wider.host(), wider.base()),
        };
        HeldStatus {
            domain: next.host().to_owned(),
            base_path: next.base().to_owned(),
            part: next.part,
            target: target(next),
            keeps,
            reason: entry.reason.clone(),
            since,
        }
    }

    /// Says why it is held, in a sentence without its end.
    pub fn why(&self) -> String {
        match &self.reason {
            Reason::Unverified => "it could not be asked in time".to_owned(),
            Reason::Worse { verdict, before } => {
                let before = before.as_ref().map(|before| format!("; the old target: {}", causes(before)));
                format!("{}{}", causes(verdict), before.unwrap_or_default())
            }
        }
    }
}

/// The causes that a verdict names, in a few words.
fn causes(verdict: &Verdict) -> String {
    let titles: Vec<&str> = verdict.causes().iter().map(|cause| cause.title()).collect();
    titles.join(", or ")
}

/// Where an entry leads, as a mapping writes it.
fn target(route: &Route) -> String {
    let endpoint = route.overrides().and_then(|overrides| overrides.endpoint.as_deref());
    let endpoint = endpoint.filter(|name| *name != DEFAULT_ENDPOINT);
    let endpoint = endpoint.map(|name| format!(" through endpoint {name}")).unwrap_or_default();
    format!("https://{}{}{endpoint}", route.api_host(), route.prefix())
}

impl fmt::Display for HeldEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HeldEntries { list, entries } = self;
        write!(f, "{} of {entries} entries are held: their new targets answer worse than the old ones", list.len())?;
        for held in list.iter().take(MOST_LISTED) {
            let HeldStatus { domain, base_path, target, keeps, .. } = held;
            write!(f, "\nentry {domain}{base_path}: {target}: {}; it keeps {keeps}", held.why())?;
        }
        if list.len() > MOST_LISTED {
            write!(f, "\nand {} more entries; /mapping lists them", list.len() - MOST_LISTED)?;
        }
        write!(
            f,
            "\n  help: each becomes active by itself once its API answers; if it is meant as it is, `nameplate reload \
             --allow-unverified` takes it"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nameplate_core::domain::api::PrivateApi;
    use nameplate_core::domain::base_path::BasePath;
    use nameplate_core::domain::host::Host;
    use nameplate_core::domain::route::Choices;
    use nameplate_core::verification::changes::Change;
    use std::time::{Duration, UNIX_EPOCH};

    fn route(host: &str, api: &str) -> Route {
        let api = PrivateApi::parse(&format!("https://{api}.execute-api.eu-west-1.amazonaws.com/prod"));
        let (host, base) = (Host::parse(host).expect("a host"), BasePath::parse("/v1").expect("a base path"));
        Route::new(&host, &base, &api.expect("an API"), Choices::default(), 1)
    }

    fn held(host: &str, api: &str, before: Before) -> HeldEntry {
        HeldEntry { change: Change { next: route(host, api), before }, reason: Reason::Unverified }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_entry_is_held_since_its_target_was_first_held() {
        let old = || Before::Entry(route("a.example.com", "old"));
        let first = HeldStatus::list(&[held("a.example.com", "bad1", old())], &[], at(1));
        let same = HeldStatus::list(&[held("a.example.com", "bad1", old())], &first, at(2));
        let other = HeldStatus::list(&[held("a.example.com", "bad2", old())], &same, at(3));
        assert_eq!((first[0].since, same[0].since, other[0].since), (at(1), at(1), at(3)));
    }

    #[test]
    fn a_message_lists_some_and_counts_the_rest() {
        let held: Vec<_> = (0..12)
            .map(|n| held(&format!("d{n}.example.com"), "bad", Before::Wider(route("*.example.com", "old"))))
            .collect();
        let said = HeldEntries { list: HeldStatus::list(&held, &[], at(1)), entries: 20 }.to_string();
        for want in [
            "12 of 20 entries are held",
            "\nentry d0.example.com/v1: https://bad.execute-api.eu-west-1.amazonaws.com/prod: it could not be asked in time; \
             it keeps https://old.execute-api.eu-west-1.amazonaws.com/prod (entry *.example.com/v1)\n",
            "\nand 2 more entries; /mapping lists them\n",
            "`nameplate reload --allow-unverified`",
        ] {
            assert!(said.contains(want), "{want}: {said}");
        }
        assert!(!said.contains("d10.example.com"), "{said}");
    }
}
