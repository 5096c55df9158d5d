//! `nameplate discover`: the private REST APIs that accounts have, as entries of a mapping.

mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::accounts::{AccountsArgs, Part, Refused, Survey, survey};
use super::draft::{DraftArgs, Existing};
use super::exit::UNUSABLE;
use super::policy::outcome::{Said, run, say};
use crate::aws::calls::DISCOVER;
use crate::aws::catalog::ListedApi;
use crate::aws::gateway::{Fault, Stage};
use crate::aws::session::Session;
use nameplate_core::mapping::insert::NewEntry;
use nameplate_plan::proposals::{FoundApi, Outcome, Proposal, Template, propose};

/// The flags of `discover`.
#[derive(Args, Clone, Debug)]
pub(super) struct DiscoverArgs {
    #[command(flatten)]
    accounts: AccountsArgs,
    /// The domain to propose for an API: text with {api} (its name), {id}, {stage}, {account} (its name, or else its id),
    /// {account_id} and {region}
    #[arg(long, value_name = "TEMPLATE", required_unless_present = "print_policy")]
    domain: Option<Template>,
    /// A tag of APIs that names their owner, in any case; the first of several counts that an API has
    #[arg(long, value_name = "TAG", default_value = "owner")]
    owner_tag: Vec<String>,
    /// Write the new entries into the parts of this folder instead, one for each owner, {owner}.yaml; a folder that is
    /// not there is made
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["into", "output"])]
    parts: Option<PathBuf>,
    #[command(flatten)]
    draft: DraftArgs,
}

/// A private API, and its stages.
type Listed = (ListedApi, Vec<Stage>);

/// The result, as `--format json` prints it.
#[derive(Serialize)]
struct Report<'r> {
    apis: Vec<ReportedApi<'r>>,
    /// Errors of accounts that could not be read.
    errors: &'r [String],
}

#[derive(Serialize)]
struct ReportedApi<'r> {
    account: &'r str,
    account_id: &'r str,
    region: &'r str,
    api_id: &'r str,
    name: &'r str,
    owner: Option<&'r str>,
    tags: &'r BTreeMap<String, String>,
    vpc_endpoint_ids: &'r [String],
    stages: Vec<ReportedStage<'r>>,
}

#[derive(Serialize)]
struct ReportedStage<'r> {
    stage: &'r str,
    /// `new`, `mapped` or `left out`.
    outcome: &'static str,
    custom_domain_url: Option<&'r str>,
    /// Of a new entry.
    private_api_url: Option<&'r str>,
    /// The reason why it is left out.
    why: Option<&'r str>,
}

/// Drafts a mapping. Returns the exit code: 0 done, 1 the accounts or the mapping have an error, 2 something could not be
/// read; the draft has the rest.
pub(super) fn discover(args: &DiscoverArgs, input: &mut dyn Read, said: &mut Said<'_>) -> u8 {
    if let Some(policy) = args.accounts.policy(DISCOVER) {
        return match policy {
            Ok(policy) => writeln!(said.out, "{policy}").map_or(UNUSABLE, |()| 0),
            Err((code, what)) => say(said, code, &what),
        };
    }
    let read = args.accounts.accounts().and_then(|accounts| Ok((accounts, args.existing(input)?)));
    let (accounts, existing) = match read {
        Ok(read) => read,
        Err((code, what)) => return say(said, code, &what),
    };
    run(said, async |said| {
        let found = survey(&accounts, async |session: &Session| private_apis(session).await).await;
        found.say(said);
        match conclude(args, &existing, &found, said) {
            Ok(()) if found.unread.is_empty() => 0,
            Ok(()) => UNUSABLE,
            Err((code, what)) => say(said, code, &what),
        }
    })
}

async fn private_apis(session: &Session) -> Result<Part<Listed>, Fault> {
    let gateway = session.gateway();
    let mut listed = session.catalog().rest_apis().await?;
    listed.retain(|of| of.api.is_private());
    let name = |of: &ListedApi| format!("API {} ({})", of.id.escape_debug(), of.api.name.escape_debug());
    Ok(Part::of(listed, name, async |listed: ListedApi| {
        let stages = gateway.stages(&listed.id).await?;
        Ok((listed, stages))
    })
    .await)
}

fn conclude(
    args: &DiscoverArgs,
    existing: &Existing,
    survey: &Survey<Vec<Listed>>,
    said: &mut Said<'_>,
) -> Result<(), Refused> {
    if survey.found.is_empty() && !survey.unread.is_empty() {
        return Err((UNUSABLE, "error: no account could be read; no mapping was made".to_owned()));
    }
    let listed = survey.found.iter().flat_map(|(session, apis)| apis.iter().map(move |of| (session, of)));
    let mut found: Vec<(FoundApi, &Listed)> = listed.map(|(session, of)| (args.found(session, of), of)).collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let apis: Vec<FoundApi> = found.iter().map(|(api, _)| api.clone()).collect();
    let template = args.domain.as_ref().expect("clap requires it");
    let proposals = propose(&apis, template, &existing.table);
    let new = |of: &Proposal| entry(of).map(|entry| (apis[of.api].owner.clone(), entry.clone()));
    let entries: Vec<(Option<String>, NewEntry)> = proposals.iter().filter_map(new).collect();
    let report = Report { apis: reported(&found, &proposals), errors: &survey.unread };
    let json = serde_json::to_string_pretty(&report).expect("texts");
    let text = match &args.parts {
        Some(folder) => {
            let written = parts::write(folder, &head(), &entries)?;
            written.iter().for_each(|path| drop(writeln!(said.err, "{}", path.display())));
            None
        }
        None => {
            let entries: Vec<NewEntry> = entries.into_iter().map(|(_, entry)| entry).collect();
            args.draft.text(existing, &head(), &entries)?
        }
    };
    say_outcome(&apis, &proposals, said);
    args.draft.deliver(text.as_deref(), &json, said.out)
}

impl DiscoverArgs {
    fn existing(&self, input: &mut dyn Read) -> Result<Existing, Refused> {
        match &self.parts {
            Some(folder) => parts::existing(folder),
            None => self.draft.existing(input),
        }
    }

    fn found(&self, session: &Session, (listed, stages): &Listed) -> FoundApi {
        let tag = |name: &String| listed.tags.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(name));
        let owner = self.owner_tag.iter().find_map(tag).map(|(_, value)| value.clone());
        FoundApi {
            account_id: session.account.clone(),
            region: session.region.clone(),
            name: listed.api.name.clone(),
            id: listed.id.clone(),
            account: session.name.clone(),
            stages: stages.iter().map(|stage| stage.name.clone()).collect(),
            owner: owner.filter(|owner| !owner.is_empty()),
            is_closed: listed.api.is_closed,
        }
    }
}

fn entry(of: &Proposal) -> Option<&NewEntry> {
    match &of.outcome {
        Outcome::New(entry) => Some(entry),
        Outcome::Mapped(_) | Outcome::LeftOut(_) => None,
    }
}

fn head() -> Vec<String> {
    vec![
        "A draft of `nameplate discover`. Each domain is a proposal: change it, delete what no client needs, and add VERBS,"
            .to_owned(),
        "before a running Nameplate reads it. The next run with --into or --parts keeps every change, and adds what is new.".to_owned(),
    ]
}

/// Prints the outcome, and names each stage without an entry.
fn say_outcome(apis: &[FoundApi], proposals: &[Proposal], said: &mut Said<'_>) {
    let named = |of: &FoundApi| {
        format!("API {} ({}) of account {} in {}", of.id, of.name.escape_debug(), of.account, of.region)
    };
    for api in apis.iter().filter(|api| api.stages.is_empty()) {
        let _ = writeln!(said.err, "warning: {}: it has no stage, so no entry can lead to it", named(api));
    }
    let (mut new, mut mapped, mut left) = (0, 0, 0);
    for Proposal { api, stage, outcome } in proposals {
        match outcome {
            Outcome::New(_) => new += 1,
            Outcome::Mapped(_) => mapped += 1,
            Outcome::LeftOut(why) => {
                left += 1;
                let _ = writeln!(said.err, "warning: {}, stage {stage}: no entry: {why}", named(&apis[*api]));
            }
        }
    }
    let accounts: BTreeSet<&str> = apis.iter().map(|api| &*api.account_id).collect();
    let (apis, accounts) = (apis.len(), accounts.len());
    let left = if left == 0 { String::new() } else { format!(", {left} without an entry") };
    let _ = writeln!(
        said.err,
        "{apis} private APIs in {accounts} accounts: {new} new entries, {mapped} stages mapped already{left}"
    );
}

fn reported<'r>(found: &'r [(FoundApi, &'r Listed)], proposals: &'r [Proposal]) -> Vec<ReportedApi<'r>> {
    let of_api = |(at, (api, (listed, _))): (usize, &'r (FoundApi, &'r Listed))| ReportedApi {
        account: &api.account,
        account_id: &api.account_id,
        region: &api.region,
        api_id: &api.id,
        name: &api.name,
        owner: api.owner.as_deref(),
        tags: &listed.tags,
        vpc_endpoint_ids: &listed.api.endpoint_ids,
        stages: proposals.iter().filter(|of| of.api == at).map(stage).collect(),
    };
    found.iter().enumerate().map(of_api).collect()
}

fn stage(of: &Proposal) -> ReportedStage<'_> {
    let (outcome, custom_domain_url, why) = match &of.outcome {
        Outcome::New(entry) => ("new", Some(&*entry.domain), None),
        Outcome::Mapped(domain) => ("mapped", Some(&**domain), None),
        Outcome::LeftOut(why) => ("left out", None, Some(&**why)),
    };
    let private_api_url = entry(of).map(|entry| &*entry.api);
    ReportedStage { stage: &of.stage, outcome, custom_domain_url, private_api_url, why }
}
