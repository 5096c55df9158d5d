//! What holds for plans of all mappings; and tables for the tests of this room.

mod assigning;
mod ownership;
mod policies;
mod promises;
mod quotas;
mod timeouts;
mod zones;

use proptest::prelude::*;

use super::options::Options;
use super::resources::{Plan, plan};
use super::state::State;
use super::zones::{ZoneMode, Zoning};
use nameplate_core::domain::api::PrivateApi;
use nameplate_core::domain::base_path::BasePath;
use nameplate_core::domain::host::{Host, is_public_suffix};
use nameplate_core::domain::overrides::Overrides;
use nameplate_core::domain::route::{Choices, Drafts};
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;

const VERSION: Version = Version([7; 32]);

/// A domain, the region of its API, and its endpoint; `""` is the default one.
type Entry<'e> = (&'e str, &'e str, &'e str);

fn table_of(entries: &[Entry<'_>]) -> MappingTable {
    let mut drafts = Drafts::default();
    for (domain, region, endpoint) in entries {
        let api = PrivateApi::parse(&format!("https://abc.execute-api.{region}.amazonaws.com/p")).expect("an api");
        let host = Host::parse(domain).expect("a host");
        let endpoint = Some((*endpoint).to_owned()).filter(|name| !name.is_empty());
        let overrides = Overrides { endpoint, ..Overrides::default() };
        drafts.push_with(&host, &BasePath::default(), &api, (Choices::default(), overrides), 1);
    }
    MappingTable::new(drafts.finish())
}

fn table(domains: &[impl AsRef<str>]) -> MappingTable {
    table_of(&domains.iter().map(|domain| (domain.as_ref(), "eu-west-1", "")).collect::<Vec<_>>())
}

fn zoning(mode: ZoneMode, own: &[&str]) -> Zoning {
    Zoning { mode, own: own.iter().map(|name| (*name).to_owned()).collect() }
}

#[track_caller]
fn planned(domains: &[impl AsRef<str>], options: &Options, state: Option<&State>) -> Plan {
    plan(&table(domains), VERSION, options, state).expect("within the quotas")
}

/// A plan as the next one reads it.
fn state_of(plan: &Plan) -> State {
    State::parse(&serde_json::to_string(plan).expect("JSON")).expect("a plan")
}

/// Domains that nest, share parents, and stand directly under suffixes of every kind.
fn any_domain() -> impl Strategy<Value = String> {
    let label = prop::sample::select(&["a", "b", "c", "team"][..]);
    let base = prop::sample::select(&["example.com", "other.co.uk", "github.io", "uk.com", "orders.corp", "corp"][..]);
    let labels = prop::collection::vec(label, 0..4);
    let domain = (any::<bool>(), labels, base).prop_map(|(wildcard, labels, base)| {
        let front: String = labels.iter().flat_map(|label| [label, "."]).collect();
        format!("{}{front}{base}", if wildcard { "*." } else { "" })
    });
    domain.prop_filter("no mapping has it", |domain| {
        let name = domain.strip_prefix("*.").unwrap_or(domain);
        name.contains('.') && !is_public_suffix(name)
    })
}

pub(crate) fn any_domains(most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set(any_domain(), 1..most).prop_map(|domains| domains.into_iter().collect())
}

fn any_zoning() -> impl Strategy<Value = Zoning> {
    let own = prop::sample::subsequence(&["example.com", "other.co.uk", "orders.corp", "a.example.com"][..], 0..=4);
    let mode = prop::sample::select(&[ZoneMode::PerParent, ZoneMode::PerName][..]);
    (mode, own).prop_map(|(mode, own)| zoning(mode, &own))
}
