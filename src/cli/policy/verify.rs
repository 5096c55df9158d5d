//! `nameplate policy verify`: whether a policy that an API has grants more than the mapping needs, without AWS.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::super::exit::{FAULTY, UNUSABLE};
use super::super::format::OutputFormat;
use super::options::{Made, Refused, told};
use super::outcome::{DONE, Said, say};
use nameplate_plan::policy::apis;
use nameplate_plan::policy::excess::{Excess, ExcessFault, Witness, excess};

/// The most bytes of a policy that is read: many times AWS's quota.
const MAX_POLICY: u64 = 1 << 20;

/// What the command line of `policy verify` says.
#[derive(Args, Clone, Debug)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    made: Made,
    /// The policy that the API has: a file of JSON, as AWS gives it back or as it was written
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// What is granted too much, as `--format json` prints it.
#[derive(Serialize)]
struct Verified<'v> {
    api_id: &'v str,
    region: &'v str,
    ok: bool,
    violations: Vec<Violation<'v>>,
}

#[derive(Serialize)]
struct Violation<'v> {
    statement: usize,
    resource: &'v str,
    /// None where the policy is too entangled to find one.
    call: Option<Call<'v>>,
}

#[derive(Serialize)]
struct Call<'v> {
    verb: &'v str,
    stage: &'v str,
    path: &'v str,
    vpce: &'v str,
    referer: Option<&'v str>,
    /// Whether the statement also asks for what is not known here.
    conditional: bool,
}

/// Verifies a policy. Exit 0 if it grants nothing that the mapping does not need, 1 if it does.
pub(super) fn verify(args: &VerifyArgs, input: &mut dyn Read, said: &mut Said<'_>) -> u8 {
    let (api_id, region, found) = match look(args, input) {
        Ok(found) => found,
        Err((code, what)) => return say(said, code, &what),
    };
    let verified = Verified {
        api_id: &api_id,
        region: &region,
        ok: found.is_empty(),
        violations: found.iter().map(violation).collect(),
    };
    match print(&verified, args, said.out) {
        Ok(()) if verified.ok => DONE,
        Ok(()) => FAULTY,
        Err(e) => say(said, UNUSABLE, &format!("error: cannot print: {e}")),
    }
}

fn look(args: &VerifyArgs, input: &mut dyn Read) -> Result<(String, String, Vec<Excess>), Refused> {
    let loaded = args.made.load(input)?;
    let apis = args.made.chosen(apis(&loaded.table), &loaded.name)?;
    let [api] = &apis[..] else {
        let what = format!(
            "error: {} has {} APIs\n  help: say which one has the policy, with --api-id",
            loaded.name,
            apis.len()
        );
        return Err((UNUSABLE, what));
    };
    let name = args.policy.display();
    let unreadable =
        |e: io::Error| (UNUSABLE, format!("error: cannot read {name}: {e}\n  help: name a file with the policy"));
    let mut text = String::new();
    let file = fs::File::open(&args.policy).map_err(unreadable)?;
    file.take(MAX_POLICY + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_POLICY {
        let what =
            format!("{name}: error: it has more than {MAX_POLICY} bytes\n  help: API Gateway takes 8,192 at most");
        return Err((UNUSABLE, what));
    }
    match excess(&text, api, &args.made.ids()) {
        Ok(found) => Ok((api.id.to_owned(), api.region.to_owned(), found)),
        Err(ExcessFault::Mapping(fault)) => Err((FAULTY, told(&loaded.name, &fault))),
        Err(ExcessFault::Policy(fault)) => {
            let help = "`aws apigateway get-rest-api --query policy --output text` prints one";
            Err((UNUSABLE, format!("{name}: error: {fault}\n  help: {help}")))
        }
    }
}

fn violation(of: &Excess) -> Violation<'_> {
    let call = match &of.witness {
        Witness::Unknown => None,
        Witness::Call { stage, verb, path, origin, is_conditional } => Some(Call {
            verb,
            stage,
            path,
            vpce: &origin.vpce,
            referer: origin.referer.as_deref(),
            conditional: *is_conditional,
        }),
    };
    Violation { statement: of.statement, resource: &of.resource, call }
}

fn print(verified: &Verified<'_>, args: &VerifyArgs, out: &mut dyn Write) -> io::Result<()> {
    if args.format == OutputFormat::Json {
        return writeln!(out, "{}", serde_json::to_string_pretty(verified)?);
    }
    let Verified { api_id, region, violations, .. } = verified;
    let name = args.policy.display();
    if violations.is_empty() {
        return writeln!(
            out,
            "{name}: ok: it grants nothing of API {api_id} in {region} that the mapping does not need"
        );
    }
    for Violation { statement, resource, call } in violations {
        writeln!(out, "{name}: statement {statement}: {resource} grants more than the mapping needs")?;
        let Some(Call { verb, stage, path, vpce, referer, conditional }) = call else {
            writeln!(out, "  or it does not: its patterns are too many, or too much alike, to tell")?;
            continue;
        };
        let referer = referer.map(|referer| format!(", with the Referer {referer}")).unwrap_or_default();
        let where_met = if *conditional { ", where the statement's other conditions are met" } else { "" };
        writeln!(out, "  {verb} /{stage}{path} through {vpce}{referer}{where_met}")?;
    }
    let count = violations.len();
    writeln!(out, "{count} {}", if count == 1 { "violation" } else { "violations" })
}
