//! `nameplate policy apply`: the policy of one API, put in force and deployed.
//!
//! The order is that of safety: everything that can be refused is refused before anything changes, and what
//! is done already is not done again by the next run.

use std::io::Read;

use std::path::PathBuf;

use clap::Args;

use super::super::exit::{FAULTY, UNUSABLE};
use super::options::{Made, Policies, Refused};
use super::outcome::{DONE, HALF_DONE, Said, TO_DO, run, say};
use crate::aws::gateway::{Canary, Fault, Gateway, RestApi, Stage};
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::load::version_of;
use nameplate_plan::policy::deployed::{Deployment, Standing, description, is_ours, standing};
use nameplate_plan::policy::in_force::InForce;
use nameplate_plan::policy::{ApiPolicy, grammar};

/// What the command line of `policy apply` says.
#[derive(Args, Clone, Debug)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    pub(super) made: Made,
    /// The stage to deploy
    #[arg(long, value_name = "STAGE", required_unless_present = "all")]
    stage: Option<String>,
    /// The policies of all APIs, each with the role that this file names: what `policy manifest` writes
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["stage", "api_id"])]
    pub(super) all: Option<PathBuf>,
    /// With --all: write what came of each into this file, as JSON
    #[arg(long, value_name = "FILE", requires = "all")]
    pub(super) report: Option<PathBuf>,
    /// With --all: seconds between two deployments in one account and region, of which AWS takes one in 5 s
    #[arg(long, value_name = "SECONDS", requires = "all", default_value_t = 5)]
    pub(super) interval: u64,
    /// Say what would change, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Drop statements in force that Nameplate did not write
    #[arg(long, conflicts_with = "keep")]
    replace: bool,
    /// Leave them in force, behind ours
    #[arg(long)]
    keep: bool,
    /// Deploy the stage though nothing changes
    #[arg(long)]
    redeploy: bool,
}

/// One stage of one API, whose policy to apply.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) args: &'a ApplyArgs,
    pub(super) of: &'a ApiPolicy,
    pub(super) mapping: Version,
    pub(super) stage: &'a str,
}

/// What is to be done, once nothing stands against it.
struct Task<'a> {
    target: Target<'a>,
    /// The policy to put, whole.
    text: String,
    /// Whether it says another thing than the one in force.
    puts: bool,
    /// Statements that --keep leaves in force.
    kept: usize,
    stage: Stage,
    /// The other stages that the policy is for and that the API has.
    others: Vec<String>,
    deployments: Vec<Deployment>,
}

/// Applies the policy of one API. Gives the exit code.
pub(super) fn apply(args: &ApplyArgs, input: &mut dyn Read, said: &mut Said<'_>) -> u8 {
    let (made, stage) = match one_policy(args, input) {
        Ok(one) => one,
        Err((code, what)) => return say(said, code, &what),
    };
    made.warnings.iter().for_each(|warning| drop(writeln!(said.err, "{warning}")));
    let of = &made.policies[0];
    let target = Target { args, of, mapping: made.version, stage };
    run(said, async |said| {
        let gateway = Gateway::connect(&of.region, None).await;
        target.apply(args.dry_run, &gateway, said).await
    })
}

impl Target<'_> {
    /// Applies its policy, or in a dry run says what that would change. Gives the exit code.
    pub(super) async fn apply(self, dry_run: bool, gateway: &Gateway, said: &mut Said<'_>) -> u8 {
        let done = match prepare(self, gateway, said).await {
            Ok(task) => carry_out(&task, dry_run, gateway, said).await,
            Err(refused) => Err(refused),
        };
        done.unwrap_or_else(|(code, what)| say(said, code, &what))
    }
}

fn one_policy<'a>(args: &'a ApplyArgs, input: &mut dyn Read) -> Result<(Policies, &'a str), Refused> {
    let stage = args.stage.as_deref().expect("clap requires it");
    if args.made.api_id.is_none() {
        return Err((UNUSABLE, "error: --api-id is missing\n  help: name the API whose policy to apply".to_owned()));
    }
    let made = args.made.policies(input)?;
    let of = &made.policies[0];
    if !of.stages.iter().any(|known| known == stage) {
        let known = of.stages.join(", ");
        let what = format!("error: no entry maps to stage `{stage}` of API `{}`", of.api_id);
        return Err((FAULTY, format!("{what}\n  help: the policy would let nobody call it; the mapping has {known}")));
    }
    Ok((made, stage))
}

/// Reads how things stand, says what changes, and refuses what must not be done.
async fn prepare<'a>(target: Target<'a>, gateway: &Gateway, said: &mut Said<'_>) -> Result<Task<'a>, Refused> {
    let Target { args, of, .. } = target;
    let (api, stages, stage) = look(target.stage, of, gateway).await?;
    for warning in warnings(of, &api, &stages) {
        let _ = writeln!(said.err, "warning: API `{}`: {warning}", of.api_id);
    }
    let deployments = gateway.deployments(&of.api_id).await.map_err(refused)?;
    let in_force = InForce::read(&api.policy, &of.region, &of.api_id);
    let mut in_force = in_force.or_else(|fault| match args.replace {
        true => Ok(InForce::default()),
        false => Err((FAULTY, format!("error: {fault}\n  help: --replace puts ours in its place"))),
    })?;
    if !deployments.iter().any(is_ours) {
        in_force.disown(&of.policy);
    }
    let change = in_force.change_to(&of.policy);
    let foreign = in_force.foreign();
    let head = format!("API {} ({}) in {}, stage {}", of.api_id, api.name, of.region, target.stage);
    let _ = writeln!(said.out, "{head}\n{}", change.to_string().trim_end());
    if !foreign.is_empty() && !args.replace && !args.keep {
        return Err((FAULTY, foreign_fault(&of.api_id, &foreign, in_force.has_disowned())));
    }
    if let Some(version) = in_force.version_at_odds().filter(|_| args.keep) {
        return Err((FAULTY, version_fault(&of.api_id, version)));
    }
    let text = if args.keep { in_force.kept_beside(&of.policy) } else { of.policy.text() };
    check(&text, of, args)?;
    let dropped = if args.replace { &foreign[..] } else { &[] };
    for statement in dropped {
        let _ = writeln!(said.out, "  - {statement}");
    }
    // Disowned statements that are kept get a Sid.
    let puts = !change.is_none() || !dropped.is_empty() || in_force.has_disowned();
    if let Some(id) = in_force.id().filter(|_| puts && !args.keep) {
        let _ = writeln!(said.out, "  - Id {id}");
    }
    let kept = if args.keep { foreign.len() } else { 0 };
    let others = of.stages.iter().filter(|name| **name != target.stage && has(&stages, name)).cloned().collect();
    Ok(Task { target, text, puts, kept, stage, others, deployments })
}

/// The API, its stages, and the one to deploy; an API or a stage that this is not for is refused.
async fn look(wanted: &str, of: &ApiPolicy, gateway: &Gateway) -> Result<(RestApi, Vec<Stage>, Stage), Refused> {
    let api = gateway.rest_api(&of.api_id).await.map_err(refused)?;
    if !api.is_private() {
        let kinds = api.kinds.join(", ");
        let what = format!("error: API `{}` is not PRIVATE: the policy would shut everybody out", of.api_id);
        let kinds = if kinds.is_empty() { String::new() } else { format!("it is {kinds}; ") };
        return Err((FAULTY, format!("{what}\n  help: {kinds}make it private, or map another API")));
    }
    let stages = gateway.stages(&of.api_id).await.map_err(refused)?;
    let Some(stage) = stages.iter().find(|stage| stage.name == wanted).cloned() else {
        let known = stages.iter().map(|stage| &*stage.name).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {known}") };
        let what = format!("error: API `{}` has no stage `{wanted}`", of.api_id);
        return Err((FAULTY, format!("{what}\n  help: {known}")));
    };
    match canary_fault(&of.api_id, &stage) {
        Some(fault) => Err((FAULTY, fault)),
        None => Ok((api, stages, stage)),
    }
}

/// A stage with a canary cannot be deployed: the deployment would become the canary's, and the stage would keep the
/// policy it has for all other traffic.
fn canary_fault(id: &str, stage: &Stage) -> Option<String> {
    let Canary { deployment, percent } = stage.canary.as_ref()?;
    let (name, serving) = (&stage.name, &stage.deployment);
    Some(format!(
        "error: stage `{name}` of API `{id}` has a canary with {percent} % of its traffic, and a new deployment would go \
         there alone; nothing was changed\n  help: promote the canary (deployment {deployment}) or end it (back to \
         {serving}: `aws apigateway update-stage --rest-api-id {id} --stage-name {name} --patch-operations \
         op=remove,path=/canarySettings`), then run this again"
    ))
}

fn refused(fault: Fault) -> Refused {
    (if fault.kind.is_of_input() { FAULTY } else { UNUSABLE }, format!("error: {fault}"))
}

fn foreign_fault(api_id: &str, foreign: &[String], disowned: bool) -> String {
    let count = match foreign.len() {
        1 => "a statement".to_owned(),
        more => format!("{more} statements"),
    };
    let listed: String = foreign.iter().map(|statement| format!("    {statement}\n")).collect();
    let form = "no deployment of this API is Nameplate's, so a statement of its form counts as somebody else's; ";
    let form = if disowned { form } else { "" };
    format!(
        "error: the policy in force of API `{api_id}` has {count} that Nameplate did not write; nothing was \
         changed\n{listed}  help: {form}--keep leaves them in force beside ours, --replace drops them"
    )
}

fn version_fault(api_id: &str, version: &str) -> String {
    format!(
        "error: the policy in force of API `{api_id}` is of version {version}, in which `${{` is nothing special, and a \
         statement to keep has it; nothing was changed\n  help: ours is of 2012-10-17, where it begins a variable: \
         bring the policy to that version first, or --replace it"
    )
}

/// What would be put must follow the grammar. Statements of others AWS has taken before.
fn check(text: &str, of: &ApiPolicy, args: &ApplyArgs) -> Result<(), Refused> {
    let own = of.policy.statements.len();
    let faults = grammar::check(text, args.made.max_size);
    let ours = faults.iter().filter(|fault| fault.statement.is_none_or(|number| number <= own));
    let told: Vec<String> = ours.map(|fault| format!("error: API `{}`: {fault}", of.api_id)).collect();
    match told.is_empty() {
        true => Ok(()),
        false => Err((FAULTY, told.join("\n") + "\n  help: nothing was changed; with --keep, drop statements first")),
    }
}

fn warnings(of: &ApiPolicy, api: &RestApi, stages: &[Stage]) -> Vec<String> {
    let mut warnings = Vec::new();
    let source = of.policy.statements.iter().filter_map(|statement| statement.condition.as_ref());
    let ids = source.filter(|condition| condition.key == "aws:SourceVpce").flat_map(|condition| &condition.values);
    for id in ids.filter(|id| !api.endpoint_ids.is_empty() && !api.endpoint_ids.contains(*id)) {
        let with = api.endpoint_ids.join(", ");
        warnings
            .push(format!("it is associated with {with}, not with {id}: the name {}-{id} does not exist", of.api_id));
    }
    for stage in stages.iter().filter(|stage| !of.stages.contains(&stage.name)) {
        let name = &stage.name;
        warnings.push(format!("no entry maps to its stage `{name}`: once that is deployed, nobody may call it"));
    }
    for name in of.stages.iter().filter(|name| !has(stages, name)) {
        warnings.push(format!("it has no stage `{name}`, which entries map to: calls of these entries fail"));
    }
    warnings
}

fn has(stages: &[Stage], name: &str) -> bool {
    stages.iter().any(|stage| stage.name == name)
}

impl Task<'_> {
    fn fingerprint(&self) -> Version {
        version_of(self.text.as_bytes())
    }

    /// What is left when the stage could not be deployed.
    fn not_deployed(&self, fault: Fault) -> Refused {
        let (id, stage, serving) = (&self.target.of.api_id, self.target.stage, &self.stage.deployment);
        let (code, state) = match self.puts {
            true => (HALF_DONE, format!("API `{id}` has the new policy")),
            false => (refused(fault.clone()).0, format!("nothing was put: API `{id}` had this policy before")),
        };
        let state = format!("{state}, and stage `{stage}` still serves deployment {serving} with the policy of that");
        let again = format!("run the same command again: it deploys stage `{stage}`, and puts no policy twice");
        (code, format!("error: {}\n{state}\n  help: {}; {again}", fault.what, fault.help))
    }
}

/// Does what is to be done, or in a dry run says what that is.
async fn carry_out(task: &Task<'_>, dry_run: bool, gateway: &Gateway, said: &mut Said<'_>) -> Result<u8, Refused> {
    let Target { args, of, mapping, stage } = task.target;
    let id = &*of.api_id;
    let must_deploy = task.puts || args.redeploy || !is_deployed(task, said);
    if !must_deploy {
        return Ok(DONE);
    }
    let size = task.text.chars().count();
    let beside = if task.kept == 0 { String::new() } else { format!(", {} of them not ours", task.kept) };
    let policy = format!("the policy of mapping {mapping} on API `{id}`: {size} characters{beside}");
    if dry_run {
        if task.puts {
            let _ = writeln!(said.out, "would put {policy}");
        }
        let _ = writeln!(said.out, "would deploy stage `{stage}`, with whatever else of the API is not deployed yet");
        return Ok(TO_DO);
    }
    if task.puts {
        gateway.put_policy(id, &task.text).await.map_err(|fault| {
            let (code, what) = refused(fault);
            (
                code,
                format!("{what}\nAPI `{id}` has the policy it had, unless AWS carried this out and could not say so"),
            )
        })?;
        let _ = writeln!(said.out, "put {policy}");
    }
    let describe = description(&task.fingerprint(), &mapping, stage);
    match gateway.deploy(id, stage, &describe).await {
        Ok(deployment) => {
            confirm(task, gateway, &deployment).await?;
            let _ = writeln!(said.out, "deployed stage `{stage}`: deployment {deployment}");
            others(task, said);
            Ok(DONE)
        }
        Err(fault) => Err(task.not_deployed(fault)),
    }
}

/// Makes sure that the stage serves a deployment that was just made: somebody may have deployed it at the same time, or
/// begun a canary.
async fn confirm(task: &Task<'_>, gateway: &Gateway, made: &str) -> Result<(), Refused> {
    let (id, name) = (&*task.target.of.api_id, task.target.stage);
    let stages = gateway.stages(id).await.map_err(|fault| {
        let Fault { what, help, .. } = fault;
        (HALF_DONE, format!("error: deployment {made} was made, and whether stage `{name}` serves it is unknown: {what}\n  help: {help}"))
    })?;
    let serving = stages.iter().find(|stage| stage.name == *name);
    if let Some(fault) = serving.and_then(|stage| canary_fault(id, stage)) {
        return Err((HALF_DONE, fault.replace("nothing was changed", "the API has the policy, the stage does not")));
    }
    match serving.map(|stage| &*stage.deployment) {
        Some(serving) if serving == made => Ok(()),
        serving => Err((
            HALF_DONE,
            format!(
                "error: deployment {made} was made, and stage `{name}` of API `{id}` serves {} instead\n  help: somebody \
                 else deployed it at the same time; run this again, and it says how things stand",
                serving.unwrap_or("nothing")
            ),
        )),
    }
}

/// Whether the policy that is in force is deployed, too; says so.
fn is_deployed(task: &Task<'_>, said: &mut Said<'_>) -> bool {
    let (id, stage) = (&*task.target.of.api_id, task.target.stage);
    let told = match standing(&task.deployments, &task.stage.deployment, &task.fingerprint(), stage) {
        Standing::Deployed(since) => {
            let _ = writeln!(said.out, "nothing to do: stage `{stage}` has this policy since deployment {since}");
            return true;
        }
        Standing::SetBack(to) => {
            let _ = writeln!(
                said.err,
                "warning: API `{id}`: this policy was deployed, and stage `{stage}` was set back to the older \
                 deployment {to} since\n  help: --redeploy deploys it again"
            );
            let _ = writeln!(said.out, "nothing to do: the policy is on the API");
            return true;
        }
        Standing::Unknown => "the policy is on the API, and nothing says that it is deployed",
    };
    let _ = writeln!(said.out, "{told}");
    false
}

fn others(task: &Task<'_>, said: &mut Said<'_>) {
    if task.puts && !task.others.is_empty() {
        let _ = writeln!(said.out, "not deployed: {}; run this for each of them", task.others.join(", "));
    }
}
