//! `nameplate policy`: the resource policies a mapping asks for, printed, written to files, verified,
//! or applied.

mod all;
mod apply;
mod manifest;
pub(super) mod options;
pub(super) mod outcome;
mod verify;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use self::options::{Made, Policies};
use self::outcome::{DONE, Said, say};
use super::exit::UNUSABLE;
use nameplate_plan::policy::ApiPolicy;
use nameplate_plan::policy::document::Policy;

/// What the command line of `policy` says.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    command: Option<PolicyCommand>,
    #[command(flatten)]
    made: Made,
    /// How to print it: `json` is an object for each API, or with --api-id its policy alone
    #[arg(short, long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Write each policy to a file of this folder instead, {api id}.{region}.json
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

#[derive(Subcommand, Clone, Debug)]
enum PolicyCommand {
    /// Put an API's policy in force: show what changes, replace it, deploy the stage
    #[command(override_usage = "nameplate policy apply [OPTIONS] --vpce <ID> --stage <STAGE> <MAPPING>\n       \
                                  nameplate policy apply [OPTIONS] --vpce <ID> --all <MANIFEST> <MAPPING>")]
    Apply(apply::ApplyArgs),
    /// Write which role applies the policy of each API: what `policy apply --all` reads
    Manifest(manifest::ManifestArgs),
    /// Find what a policy grants beyond what the mapping needs, with a call for each, without AWS
    #[command(after_help = super::examples::POLICY_VERIFY)]
    Verify(verify::VerifyArgs),
}

/// How policies are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// An API's policy, as `--format json` prints it.
#[derive(Serialize)]
struct Shown<'p> {
    api_id: &'p str,
    region: &'p str,
    stages: &'p [String],
    domains: &'p [String],
    policy: &'p Policy,
}

impl<'p> From<&'p ApiPolicy> for Shown<'p> {
    fn from(of: &'p ApiPolicy) -> Shown<'p> {
        let ApiPolicy { api_id, region, stages, domains, policy, .. } = of;
        Shown { api_id, region, stages, domains, policy }
    }
}

/// Makes policies, and prints or applies them. Gives the exit code.
pub(super) fn policy(args: &PolicyArgs, input: &mut dyn Read, said: &mut Said<'_>) -> u8 {
    match &args.command {
        Some(PolicyCommand::Apply(args)) if args.all.is_some() => return all::apply_all(args, input, said),
        Some(PolicyCommand::Apply(args)) => return apply::apply(args, input, said),
        Some(PolicyCommand::Manifest(args)) => return manifest::manifest(args, input, said),
        Some(PolicyCommand::Verify(args)) => return verify::verify(args, input, said),
        None => {}
    }
    if args.output_dir.is_some() && args.format == Format::Text {
        let what = "error: --output-dir writes JSON, and --format says text\n  help: leave one of them out";
        return say(said, UNUSABLE, what);
    }
    let made = match args.made.policies(input) {
        Ok(made) => made,
        Err((code, what)) => return say(said, code, &what),
    };
    made.warnings.iter().for_each(|warning| drop(writeln!(said.err, "{warning}")));
    let done = match &args.output_dir {
        Some(folder) => write_files(folder, &made, said.out),
        None => print(args, &made, said.out).map_err(|e| format!("error: cannot print: {e}")),
    };
    match done {
        Ok(()) => DONE,
        Err(what) => say(said, UNUSABLE, &what),
    }
}

fn print(args: &PolicyArgs, made: &Policies, out: &mut dyn Write) -> io::Result<()> {
    match (args.format, &made.policies[..]) {
        (Format::Text, policies) => policies.iter().try_for_each(|of| print_text(of, args.made.max_size, out)),
        (Format::Json, [of]) if args.made.api_id.is_some() => writeln!(out, "{}", of.policy.text()),
        (Format::Json, policies) => {
            let all: Vec<Shown<'_>> = policies.iter().map(Shown::from).collect();
            serde_json::to_writer_pretty(&mut *out, &all)?;
            writeln!(out)
        }
    }
}

fn print_text(of: &ApiPolicy, most: usize, out: &mut dyn Write) -> io::Result<()> {
    let size = of.policy.text().chars().count();
    writeln!(out, "API {} in {}: {size} of {most} characters", of.api_id, of.region)?;
    writeln!(out, "  stages {}", of.stages.join(", "))?;
    writeln!(out, "  domains {}", of.domains.join(", "))?;
    for statement in &of.policy.statements {
        write!(out, "  {:?} everybody", statement.effect)?;
        if let Some(condition) = &statement.condition {
            write!(out, " where {} {} {}", condition.operator, condition.key, condition.values.join(", "))?;
        }
        writeln!(out)?;
        statement.resources.iter().try_for_each(|resource| writeln!(out, "    {resource}"))?;
    }
    Ok(())
}

fn write_files(folder: &Path, made: &Policies, out: &mut dyn Write) -> Result<(), String> {
    let failed = |path: &Path, e: &io::Error| {
        format!("error: cannot write {}: {e}\n  help: name a folder that can be written", path.display())
    };
    if folder.is_file() {
        let what = format!("error: --output-dir {} is a file", folder.display());
        return Err(what + "\n  help: name a folder; one that is not there is made");
    }
    fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    for of in &made.policies {
        // Both are letters, digits and hyphens: a mapping with anything else is at fault.
        let path = folder.join(format!("{}.{}.json", of.api_id, of.region));
        fs::write(&path, of.policy.text() + "\n").map_err(|e| failed(&path, &e))?;
        writeln!(out, "{}", path.display()).map_err(|e| format!("error: cannot print: {e}"))?;
    }
    Ok(())
}
