//! `nameplate import`: API Gateway's private custom domain names as entries of a mapping.

use std::io::Read;

use clap::Args;
use serde::Serialize;

use super::accounts::{AccountsArgs, Part, Refused, Survey, survey};
use super::draft::{DraftArgs, Existing};
use super::exit::UNUSABLE;
use super::policy::outcome::{Said, run, say};
use crate::aws::calls::IMPORT;
use crate::aws::catalog::{AccessAssociation, BasePathMapping, PrivateDomain, RoutingRule, RuleCondition};
use crate::aws::gateway::Fault;
use crate::aws::session::Session;
use nameplate_plan::custom_domain_names::{
    BasePathTarget, CustomDomainName, Imported, Left, RoutingMode, Rule, import as carry_over,
};

/// Something is not carried over.
const LEFT: u8 = 3;

/// The flags of `import`.
#[derive(Args, Clone, Debug)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    accounts: AccountsArgs,
    #[command(flatten)]
    draft: DraftArgs,
}

/// The result, as `--format json` prints it.
#[derive(Serialize)]
struct Report<'r> {
    entries: Vec<ReportedEntry<'r>>,
    /// Entries that the mapping has already.
    known: usize,
    /// Parts without an entry.
    not_carried_over: Vec<ReportedLeft<'r>>,
    /// Surroundings of custom domain names.
    notes: Vec<ReportedLeft<'r>>,
    /// Errors of accounts that could not be read.
    errors: &'r [String],
}

#[derive(Serialize)]
struct ReportedEntry<'r> {
    custom_domain_url: &'r str,
    private_api_url: &'r str,
    from: &'r [String],
}

#[derive(Serialize)]
struct ReportedLeft<'r> {
    domain: &'r str,
    what: &'r str,
    why: &'r str,
}

/// Imports custom domain names. Returns the exit code: 0 all of it is carried over, 1 the accounts or the mapping have an
/// error, 2 something could not be read, 3 something is not carried over.
pub(super) fn import(args: &ImportArgs, input: &mut dyn Read, said: &mut Said<'_>) -> u8 {
    if let Some(policy) = args.accounts.policy(IMPORT) {
        return match policy {
            Ok(policy) => writeln!(said.out, "{policy}").map_or(UNUSABLE, |()| 0),
            Err((code, what)) => say(said, code, &what),
        };
    }
    let read = args.accounts.accounts().and_then(|accounts| Ok((accounts, args.draft.existing(input)?)));
    let (accounts, existing) = match read {
        Ok(read) => read,
        Err((code, what)) => return say(said, code, &what),
    };
    run(said, async |said| {
        let found = survey(&accounts, async |session: &Session| custom_domain_names(session).await).await;
        found.say(said);
        match conclude(args, &existing, &found, said) {
            Ok(_) if !found.unread.is_empty() => UNUSABLE,
            Ok(is_whole) => {
                if is_whole {
                    0
                } else {
                    LEFT
                }
            }
            Err((code, what)) => say(said, code, &what),
        }
    })
}

/// The private custom domain names of an account and region, in the order of their names and ids.
async fn custom_domain_names(session: &Session) -> Result<Part<CustomDomainName>, Fault> {
    let catalog = session.catalog();
    let mut domains = catalog.private_domains().await?;
    domains.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let associations = if domains.is_empty() { Vec::new() } else { catalog.access_associations().await? };
    let name = |of: &PrivateDomain| format!("{} ({})", of.name.escape_debug(), of.id.escape_debug());
    Ok(Part::of(domains, name, async |domain: PrivateDomain| {
        let mappings = catalog.base_path_mappings(&domain).await?;
        let rules = catalog.routing_rules(&domain).await?;
        Ok(custom_domain_name(session, domain, mappings, rules, &associations))
    })
    .await)
}

fn custom_domain_name(
    session: &Session,
    domain: PrivateDomain,
    mappings: Vec<BasePathMapping>,
    rules: Vec<RoutingRule>,
    associations: &[AccessAssociation],
) -> CustomDomainName {
    let Session { name, account, region, .. } = session;
    CustomDomainName {
        account: if name == account { account.clone() } else { format!("{name} ({account})") },
        region: region.clone(),
        mode: RoutingMode::named(domain.routing_mode.as_deref()),
        surroundings: surroundings(&domain, associations),
        has_mutual_tls: domain.has_mutual_tls,
        name: domain.name.to_ascii_lowercase(),
        mappings: mappings.into_iter().map(target).collect(),
        rules: rules.into_iter().map(rule).collect(),
    }
}

fn target(of: BasePathMapping) -> BasePathTarget {
    BasePathTarget { base_path: of.base_path, api_id: of.api_id, stage: of.stage }
}

fn rule(of: RoutingRule) -> Rule {
    let is_known = |of: &RuleCondition| of.match_base_paths.is_some() != of.match_headers.is_some();
    let path_conditions = of.conditions.iter().filter(|of| of.match_base_paths.is_some()).count();
    let paths = of.conditions.iter().filter_map(|of| of.match_base_paths.as_ref());
    let headers = of.conditions.iter().filter_map(|of| of.match_headers.as_ref());
    let header = |any: &crate::aws::catalog::AnyOf<crate::aws::catalog::MatchedHeader>| {
        any.any_of.iter().map(|of| format!("{}: {}", of.header, of.value_glob)).collect::<Vec<_>>().join("` or `")
    };
    let invoke = of.actions.first().and_then(|action| action.invoke_api.clone());
    Rule {
        id: of.routing_rule_id,
        priority: of.priority,
        base_paths: paths.flat_map(|any| any.any_of.clone()).collect(),
        headers: headers.map(header).collect(),
        stage: invoke.as_ref().map(|of| of.stage.clone()).unwrap_or_default(),
        strips_base_path: invoke.as_ref().is_some_and(|of| of.strip_base_path),
        api_id: invoke.map(|of| of.api_id),
        is_unknown: !of.conditions.iter().all(is_known) || path_conditions > 1 || of.actions.len() > 1,
    }
}

/// The surroundings of a custom domain name. Each is `what it is; what to do about it`.
fn surroundings(of: &PrivateDomain, associations: &[AccessAssociation]) -> Vec<String> {
    let mut found = Vec::new();
    if !of.policy.is_empty() {
        found.push(
            "its resource policy; the resource policies of the APIs decide who calls them: nameplate policy".to_owned(),
        );
    }
    if let Some(arn) = &of.certificate_arn {
        found.push(format!("certificate {arn}; the listener before Nameplate needs one for this name: nameplate plan"));
    }
    if let Some(policy) = &of.security_policy {
        found.push(format!("security policy {policy}; the listener's TLS versions are its own settings"));
    }
    let sources = associations.iter().filter(|association| association.domain_arn == of.arn);
    for AccessAssociation { source, .. } in sources {
        found.push(format!(
            "VPC endpoint {source} may call it; its clients have to reach Nameplate instead: docs/moving.md"
        ));
    }
    found
}

/// Makes the mapping, and prints the outcome. Returns whether all of it is carried over.
fn conclude(
    args: &ImportArgs,
    existing: &Existing,
    survey: &Survey<Vec<CustomDomainName>>,
    said: &mut Said<'_>,
) -> Result<bool, Refused> {
    if survey.found.is_empty() && !survey.unread.is_empty() {
        return Err((UNUSABLE, "error: no account could be read; no mapping was made".to_owned()));
    }
    let domains: Vec<CustomDomainName> = survey.found.iter().flat_map(|(_, domains)| domains.clone()).collect();
    let imported = carry_over(&domains, &existing.table);
    let Imported { entries, known, left, notes } = &imported;
    let text = args.draft.text(existing, &head(left), entries)?;
    for Left { domain, what, why } in left {
        let _ = writeln!(said.err, "warning: {domain}: not carried over: {what}: {why}");
    }
    for Left { domain, what, why } in notes {
        let _ = writeln!(said.err, "note: {domain}: {what}: {why}");
    }
    let (count, new) = (domains.len(), entries.len());
    let _ = writeln!(
        said.err,
        "{count} private custom domain names: {new} new entries, {known} mapped already, {} not carried over",
        left.len()
    );
    args.draft.deliver(text.as_deref(), &json(&imported, &survey.unread), said.out)?;
    Ok(left.is_empty())
}

fn head(left: &[Left]) -> Vec<String> {
    let mut head = vec!["Made by `nameplate import` of API Gateway's private custom domain names.".to_owned()];
    if !left.is_empty() {
        head.push("Not carried over:".to_owned());
        head.extend(left.iter().map(|Left { domain, what, why }| format!("- {domain}: {what}: {why}")));
    }
    head
}

fn json(imported: &Imported, errors: &[String]) -> String {
    let Imported { entries, known, left, notes } = imported;
    let report = Report {
        entries: entries
            .iter()
            .map(|of| ReportedEntry { custom_domain_url: &of.domain, private_api_url: &of.api, from: &of.comments })
            .collect(),
        known: *known,
        not_carried_over: left.iter().map(reported).collect(),
        notes: notes.iter().map(reported).collect(),
        errors,
    };
    serde_json::to_string_pretty(&report).expect("texts")
}

fn reported(Left { domain, what, why }: &Left) -> ReportedLeft<'_> {
    ReportedLeft { domain, what, why }
}
