//! Entries for the private APIs that accounts have and a mapping does not.
//!
//! **Invariant:** each stage of each API is in the mapping, or in a proposal, or is named as left out; none is invented.
//! The order is that of accounts, regions, names and ids, so the same accounts make the same text.

mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use nameplate_core::diagnostic::printable_name;
use nameplate_core::domain::region::suffix_of;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::mapping::check_custom_domain;
use nameplate_core::mapping::insert::NewEntry;

use self::template::Values;
pub use self::template::{Template, TemplateError, label};

/// A private REST API that an account has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundApi {
    /// The account's id.
    pub account_id: String,
    /// Its region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The account's name; its id where it has no name.
    pub account: String,
    /// Its stages.
    pub stages: Vec<String>,
    /// The owner, by its tags.
    pub owner: Option<String>,
    /// True if its execute-api endpoint is disabled, so that only API Gateway's own custom domain names reach it.
    pub is_closed: bool,
}

/// The proposal for a stage of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The place of the API among those that were found.
    pub api: usize,
    /// The stage.
    pub stage: String,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome for a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mapping has it, by this domain.
    Mapped(String),
    /// It has an entry now.
    New(NewEntry),
    /// It has no entry, and this is why.
    LeftOut(String),
}

/// Proposes an entry for each stage that the mapping does not lead to.
pub fn propose(found: &[FoundApi], template: &Template, mapping: &MappingTable) -> Vec<Proposal> {
    let mut proposer = Proposer { template, mapping, taken: BTreeSet::new() };
    let mut proposals = Vec::new();
    for (api, of) in found.iter().enumerate() {
        let mut stages: Vec<&String> = of.stages.iter().collect();
        stages.sort();
        for stage in stages {
            proposals.push(Proposal { api, stage: stage.clone(), outcome: proposer.outcome(of, stage) });
        }
    }
    proposals
}

struct Proposer<'p> {
    template: &'p Template,
    mapping: &'p MappingTable,
    /// The domains, with base paths, of the proposals so far.
    taken: BTreeSet<String>,
}

impl Proposer<'_> {
    fn outcome(&mut self, of: &FoundApi, stage: &str) -> Outcome {
        if let Some(domain) = self.mapped(of, stage) {
            return Outcome::Mapped(domain);
        }
        if of.is_closed {
            return Outcome::LeftOut(
                "its execute-api endpoint is disabled, so that Nameplate cannot call it".to_owned(),
            );
        }
        let FoundApi { id, region, .. } = of;
        let api = format!("https://{id}.execute-api.{region}.{}/{stage}", suffix_of(region));
        let mut why = None;
        for domain in self.candidates(of, stage) {
            match check_custom_domain(&domain) {
                Err((_, what, _)) => why = Some(format!("`{domain}` is not a domain for it: {what}")),
                Ok(()) if self.is_taken(&domain) => why = Some(format!("`{domain}` is another API's")),
                Ok(()) => {
                    self.taken.insert(domain.clone());
                    return Outcome::New(NewEntry { comments: vec![about(of)], domain, api });
                }
            }
        }
        Outcome::LeftOut(why.expect("there are candidates"))
    }

    /// The domains for a stage, the best first: by the API's name; and where that is another API's or not a domain, by
    /// its id.
    fn candidates(&self, of: &FoundApi, stage: &str) -> Vec<String> {
        let name = label(&of.name);
        let named = if name.is_empty() { of.id.clone() } else { name.clone() };
        let base = match of.stages.len() > 1 && !self.template.names_stage() {
            true => format!("/{stage}"),
            false => String::new(),
        };
        let both = format!("{name}-{}", of.id);
        let FoundApi { id, account, account_id, region, .. } = of;
        let fill = |api: &&String| self.template.fill(&Values { api, id, stage, account, account_id, region }) + &base;
        [&named, &both, id].iter().map(fill).collect()
    }

    fn is_taken(&self, domain: &str) -> bool {
        let (host, base) = split(domain);
        self.taken.contains(domain) || self.mapping.routes_of(host).iter().any(|route| route.base() == base)
    }

    /// The domain by which the mapping leads to a stage.
    fn mapped(&self, of: &FoundApi, stage: &str) -> Option<String> {
        let leads = self.mapping.in_any_order().map(|(_, route)| route).find(|route| {
            let first = route.prefix().split('/').nth(1);
            route.api_id() == of.id && route.region() == of.region && first == Some(stage)
        })?;
        Some(format!("{}{}", leads.host(), leads.base()))
    }
}

/// A domain's host, and its base path.
fn split(domain: &str) -> (&str, &str) {
    domain.find('/').map_or((domain, ""), |at| domain.split_at(at))
}

fn about(of: &FoundApi) -> String {
    let FoundApi { name, account, account_id, owner, .. } = of;
    let account = if account == account_id { account_id.clone() } else { format!("{account} ({account_id})") };
    let owner = owner.as_ref().map(|owner| format!(", owner {}", printable_name(owner))).unwrap_or_default();
    format!("{} of account {account}{owner}", printable_name(name))
}
