//! `nameplate policy apply --all`: the policies of a whole mapping, in all the accounts that its APIs are in.
//!
//! Everything is looked at before anything changes. One API that must not be changed holds up no other: it is reported,
//! and the exit code says so. What is done is not done again, so a run that was broken off goes on with the next one.
//! Accounts do not wait for each other; within one, deployments keep the distance that AWS asks for.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use serde::Serialize;

use super::super::exit::{FAULTY, UNUSABLE};
use super::apply::{ApplyArgs, Target};
use super::manifest::{Listed, Manifest};
use super::options::{Policies, Refused};
use super::outcome::{self, DONE, HALF_DONE, Said, TO_DO, say};
use crate::aws::gateway::{Gateway, Role};

/// Accounts that are worked on at once.
const ACCOUNTS: usize = 8;

/// What came of one stage of one API.
#[derive(Serialize)]
struct Outcome<'a> {
    api_id: &'a str,
    region: &'a str,
    stage: &'a str,
    role: Option<String>,
    outcome: &'static str,
    #[serde(skip)]
    code: u8,
    /// What was said of it: what changes, and what went wrong.
    said: String,
}

/// A stage to deploy, and who does it.
#[derive(Clone)]
struct Work<'a> {
    target: Target<'a>,
    role: Option<Role>,
}

/// Applies the policies of all APIs. Gives the exit code.
pub(super) fn apply_all(args: &ApplyArgs, input: &mut dyn Read, said: &mut Said<'_>) -> u8 {
    let path = args.all.as_deref().expect("that is why this is called");
    let read = Manifest::read(path).and_then(|manifest| Ok((manifest, args.made.policies(input)?)));
    let (manifest, made) = match read {
        Ok(read) => read,
        Err((code, what)) => return say(said, code, &what),
    };
    let work = match work(args, path, &manifest, &made, said) {
        Ok(work) => work,
        Err((code, what)) => return say(said, code, &what),
    };
    made.warnings.iter().for_each(|warning| drop(writeln!(said.err, "{warning}")));
    outcome::run(said, async |said| {
        let outcomes = everything(&work, args, said).await;
        conclude(&outcomes, args, said)
    })
}

/// What the manifest and the mapping together ask for; what they do not agree on is refused.
fn work<'a>(
    args: &'a ApplyArgs,
    path: &Path,
    manifest: &Manifest,
    made: &'a Policies,
    said: &mut Said<'_>,
) -> Result<Vec<Work<'a>>, Refused> {
    let mut listed: BTreeMap<(&str, &str), &Listed> =
        manifest.apis.iter().map(|of| ((&*of.api_id, &*of.region), of)).collect();
    let (mut work, mut missing) = (Vec::new(), Vec::new());
    for of in &made.policies {
        let Some(entry) = listed.remove(&(&*of.api_id, &*of.region)) else {
            missing.push(format!("`{}` in {}", of.api_id, of.region));
            continue;
        };
        for stage in &of.stages {
            if !entry.stages.contains(stage) {
                let (id, name) = (&of.api_id, path.display());
                let _ =
                    writeln!(said.err, "warning: API `{id}`: {name} does not list its stage `{stage}`, which stays");
                continue;
            }
            let target = Target { args, of, mapping: made.version, stage };
            work.push(Work { target, role: entry.role() });
        }
    }
    if !missing.is_empty() {
        let (name, apis) = (path.display(), missing.join(", "));
        let help = format!("write it anew, and give it a role: nameplate policy manifest --from {name} mapping.yaml");
        return Err((
            FAULTY,
            format!("{name}: error: it does not list API {apis}; nothing was changed\n  help: {help}"),
        ));
    }
    for (id, region) in listed.into_keys() {
        let _ = writeln!(said.err, "warning: API `{id}` in {region}: no entry maps to it any more; its policy stays");
    }
    Ok(work)
}

/// Looks at everything, then does what can be done.
async fn everything<'a>(work: &[Work<'a>], args: &ApplyArgs, said: &mut Said<'_>) -> Vec<Outcome<'a>> {
    let dry = run(work, true, args, said).await;
    if args.dry_run || dry.iter().all(|outcome| outcome.code != TO_DO) {
        return dry;
    }
    let (mut outcomes, mut todo) = (Vec::new(), Vec::new());
    for (work, outcome) in work.iter().zip(dry) {
        match outcome.code {
            TO_DO => todo.push(work.clone()),
            _ => outcomes.push(outcome),
        }
    }
    let _ = writeln!(said.out, "\n{} of {} to do:", todo.len(), work.len());
    outcomes.extend(run(&todo, false, args, said).await);
    outcomes
}

/// Runs these, account by account; in the order of `work`.
async fn run<'a>(work: &[Work<'a>], dry: bool, args: &ApplyArgs, said: &mut Said<'_>) -> Vec<Outcome<'a>> {
    let mut accounts: BTreeMap<(Option<&str>, &str), Vec<usize>> = BTreeMap::new();
    for (at, Work { target, role }) in work.iter().enumerate() {
        accounts.entry((role.as_ref().and_then(Role::account), &*target.of.region)).or_default().push(at);
    }
    let interval = Duration::from_secs(if dry { 0 } else { args.interval });
    let each = accounts.into_iter().map(|((_, region), places)| async move {
        let mut gateways: BTreeMap<&Option<Role>, Gateway> = BTreeMap::new();
        let mut outcomes = Vec::new();
        for at in places {
            if !outcomes.is_empty() {
                tokio::time::sleep(interval).await;
            }
            let role = &work[at].role;
            if !gateways.contains_key(role) {
                gateways.insert(role, Gateway::connect(region, role.as_ref()).await);
            }
            outcomes.push((at, one(&work[at], dry, &gateways[role]).await));
        }
        outcomes
    });
    let mut running = stream::iter(each).buffer_unordered(ACCOUNTS);
    let mut all = Vec::new();
    while let Some(outcomes) = running.next().await {
        for (_, outcome) in &outcomes {
            let _ = write!(said.out, "\n{}", outcome.said);
        }
        all.extend(outcomes);
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, outcome)| outcome).collect()
}

async fn one<'a>(work: &Work<'a>, dry: bool, gateway: &Gateway) -> Outcome<'a> {
    let Work { target, role } = work;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut said = Said { out: &mut out, err: &mut err };
    let code = target.apply(dry, gateway, &mut said).await;
    let outcome = match code {
        DONE if dry => "nothing to do",
        DONE => "done",
        TO_DO => "to do",
        HALF_DONE => "half done",
        UNUSABLE => "failed",
        _ => "refused",
    };
    let said = String::from_utf8_lossy(&[out, err].concat()).into_owned();
    let (api_id, region) = (&*target.of.api_id, &*target.of.region);
    Outcome {
        api_id,
        region,
        stage: target.stage,
        role: role.as_ref().map(|role| role.arn.clone()),
        outcome,
        code,
        said,
    }
}

/// Says how many came to what, and writes the report. The worst outcome is the exit code.
fn conclude(outcomes: &[Outcome<'_>], args: &ApplyArgs, said: &mut Said<'_>) -> u8 {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    outcomes.iter().for_each(|outcome| *counts.entry(outcome.outcome).or_default() += 1);
    let counts: Vec<_> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let _ = writeln!(said.out, "\n{} stages: {}", outcomes.len(), counts.join(", "));
    for Outcome { api_id, region, stage, outcome, .. } in outcomes.iter().filter(|of| is_wrong(of.code)) {
        let _ = writeln!(said.err, "error: API `{api_id}` in {region}, stage `{stage}`: {outcome}; see above");
    }
    if let Some(path) = &args.report {
        let text = serde_json::to_string_pretty(outcomes).expect("texts");
        if let Err(e) = fs::write(path, text + "\n") {
            return say(said, UNUSABLE, &format!("error: cannot write {}: {e}", path.display()));
        }
    }
    let rank = |code: &u8| [DONE, TO_DO, FAULTY, UNUSABLE, HALF_DONE].iter().position(|known| known == code);
    outcomes.iter().map(|outcome| outcome.code).max_by_key(rank).unwrap_or(DONE)
}

fn is_wrong(code: u8) -> bool {
    !matches!(code, DONE | TO_DO)
}
