//! `nameplate plan MAPPING`: the hosted zones, records and certificates that a mapping needs, in short for people, or as
//! JSON for Terraform and CDK.

mod files;
mod summary;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use self::files::{Beside, is_same};
use self::summary::summary;
use super::exit::{FAULTY, UNUSABLE};
use super::format::OutputFormat;
use super::load::{NotLoaded, is_input, load};
use super::settings::{SettingsPlace, code_of};
use crate::source::bounded_read::read_up_to;
use nameplate_core::domain::host::{Host, is_public_suffix};
use nameplate_core::settings::MappingSource;
use nameplate_plan::options::{Elb, Options};
use nameplate_plan::quotas::{Quota, Quotas};
use nameplate_plan::resources::{Plan, plan};
use nameplate_plan::state::State;
use nameplate_plan::warning::{About, Warning};
use nameplate_plan::zones::{ZoneMode, Zoning};

/// The largest previous plan that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

/// How zones are chosen, for `plan` and for `check --against`.
#[derive(Args, Clone, Debug, Default)]
pub struct ZoneArgs {
    /// What gets a private hosted zone
    #[arg(long, value_enum, default_value_t)]
    pub zones: Zones,
    /// A registrable domain of which the mapping has every name that the VPC looks up; repeatable. It may
    /// have a private hosted zone, which hides all its other names
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    pub own: Vec<String>,
}

/// What gets a private hosted zone, as the command line says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Zones {
    /// Each parent of domains, unless it is a registrable domain: one more domain needs nothing
    #[default]
    PerParent,
    /// Each domain by itself: hides the least
    PerName,
}

impl ZoneArgs {
    pub(super) fn zoning(&self) -> Zoning {
        let mode = match self.zones {
            Zones::PerParent => ZoneMode::PerParent,
            Zones::PerName => ZoneMode::PerName,
        };
        Zoning { mode, own: self.own.iter().cloned().collect() }
    }
}

/// What the command line of `plan` says.
#[derive(Args, Clone, Debug)]
pub(super) struct PlanArgs {
    /// A file, a folder, `-` for standard input, s3://bucket/key, s3://bucket/prefix/, or an http(s) URL
    #[arg(value_name = "MAPPING")]
    mapping: MappingSource,
    #[command(flatten)]
    zones: ZoneArgs,
    /// The load balancer: NLB, or ALB, which has a certificate more
    #[arg(long, value_enum, default_value_t, ignore_case = true)]
    elb: Balancer,
    /// A public hosted zone that ACM's validation records can go into; repeatable, the longest that fits
    /// is taken [default: each registrable domain]
    #[arg(long, value_name = "ZONE", value_parser = domain)]
    validation_zone: Vec<String>,
    /// A quota that AWS has raised; repeatable: hosted-zones (500), records-per-zone (10000),
    /// names-per-certificate (10), certificates-per-listener (25)
    #[arg(long, value_name = "NAME=NUMBER", value_parser = Quota::parse)]
    quota: Vec<(Quota, usize)>,
    /// How many imported certificates have the names that ACM cannot validate, such as *.orders.corp
    /// [default: one for each name]
    #[arg(long, value_name = "N", value_parser = imported)]
    imported_certificates: Option<usize>,
    /// The previous plan, as --output or --tfvars wrote it: its certificates stay as they are. Needed to
    /// write over a plan, unless --repack is there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Plan all certificates anew, which may replace those of the previous plan
    #[arg(long)]
    repack: bool,
    /// Also write the plan for Terraform, as the variable PLAN: nameplate.auto.tfvars.json
    #[arg(long, value_name = "FILE")]
    tfvars: Option<PathBuf>,
    /// Write the plan here, always as JSON, and nothing to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How to print the plan: in short, or the whole plan as JSON
    #[arg(short, long, value_enum, default_value_t)]
    format: OutputFormat,
    /// Their `endpoints` are those that ENDPOINT may name, and their `reload` says how sources are read.
    #[command(flatten)]
    settings: SettingsPlace,
}

/// The load balancer, as the command line says it.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Balancer {
    #[default]
    #[value(name = "NLB")]
    Network,
    #[value(name = "ALB")]
    Application,
}

/// Terraform's variables.
#[derive(Serialize)]
struct Variables<'p> {
    #[serde(rename = "PLAN")]
    plan: &'p Plan,
}

/// Why there is no plan: the exit code, and what to say.
type Failure = (u8, String);

/// Plans. Exit 0 with a plan, 1 if the mapping or the previous plan is at fault or a quota is not kept,
/// 2 if something could not be read or written.
pub(super) fn run(args: &PlanArgs, input: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let done = make(args, input).and_then(|(name, plan)| {
        for warning in &plan.warnings {
            let _ = writeln!(err, "{warning}");
        }
        put(args, &name, &plan, out)
    });
    let Err((code, what)) = done else { return 0 };
    let _ = writeln!(err, "{what}");
    code
}

/// Makes the plan; with the mapping's name.
fn make(args: &PlanArgs, input: &mut dyn Read) -> Result<(String, Plan), Failure> {
    let settings = args.settings.read().map_err(|e| (code_of(&e), format!("{e:#}")))?;
    let endpoints = args.settings.endpoints_of(&settings);
    let mut rules = settings.reload;
    rules.watch = false;
    if let Some(clash) = args.clash() {
        return Err((UNUSABLE, format!("error: {clash}\n  help: name another file")));
    }
    let overwritten = args.files().find(|path| is_plan(path));
    if let Some(path) = overwritten.filter(|_| args.state.is_none() && !args.repack) {
        return Err((UNUSABLE, forgotten(path)));
    }
    let state = args.state.as_deref().map(state).transpose()?;
    let loaded = load(&args.mapping, &rules, endpoints.as_deref(), input);
    let loaded = loaded.map_err(NotLoaded::refusal)?;
    let (name, table) = (&loaded.name, &loaded.table);
    let planned = plan(table, loaded.version, &args.options(), state.as_ref());
    let mut planned = planned.map_err(|faults| {
        let lines: Vec<_> = faults.iter().map(|fault| format!("{name}: {fault}")).collect();
        let count = if faults.len() == 1 { "1 error".to_owned() } else { format!("{} errors", faults.len()) };
        (FAULTY, format!("{}\n{count}", lines.join("\n")))
    })?;
    if args.repack && state.is_none() && overwritten.is_none() {
        planned.warnings.push(idle_repack());
        planned.warnings.sort();
    }
    let planned = planned.with_owners(table, |route| loaded.owner_of(route));
    Ok((loaded.name, planned))
}

/// Whether a file is a plan. What cannot be read is none here: it is told when it is written.
fn is_plan(path: &Path) -> bool {
    let is_file = fs::metadata(path).is_ok_and(|there| there.is_file());
    let bytes = is_file.then(|| File::open(path).and_then(|file| read_up_to(LARGEST, file, 0)));
    bytes.and_then(Result::ok).flatten().is_some_and(|bytes| State::is_in(&bytes))
}

fn forgotten(path: &Path) -> String {
    let path = path.display();
    format!(
        "error: {path} is a plan already, and without --state nothing of it is kept: its certificates may be replaced\n  \
         help: say `--state {path}` to keep its certificates, or `--repack` to plan all of them anew"
    )
}

fn idle_repack() -> Warning {
    Warning {
        about: About::Option,
        name: "--repack".into(),
        what: "`--repack` changes nothing without `--state`: all certificates are planned anew anyway".into(),
        help: "name the previous plan, `--state FILE`, so that certificates with the same names keep their ids, or \
               leave --repack out"
            .into(),
    }
}

impl PlanArgs {
    /// The files that the plan is written to.
    fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.tfvars, &self.output].into_iter().flatten().map(PathBuf::as_path)
    }

    /// What is wrong with the files, if one would be written over another.
    fn clash(&self) -> Option<String> {
        if let (Some(tfvars), Some(output)) = (&self.tfvars, &self.output)
            && is_same(tfvars, output)
        {
            return Some(format!("--output and --tfvars are both {}, and have different texts", output.display()));
        }
        let mapping = self.mapping.file().filter(|_| !is_input(&self.mapping))?;
        let path = self.files().find(|path| is_same(path, mapping))?;
        Some(format!("the plan would be written over the mapping, {}", path.display()))
    }

    fn options(&self) -> Options {
        let mut quotas = Quotas::default();
        for (quota, number) in &self.quota {
            *quota.of(&mut quotas) = *number;
        }
        Options {
            zoning: self.zones.zoning(),
            elb: match self.elb {
                Balancer::Network => Elb::Network,
                Balancer::Application => Elb::Application,
            },
            validation_zones: self.validation_zone.iter().cloned().collect::<BTreeSet<_>>(),
            quotas,
            imported_certificates: self.imported_certificates,
            repack: self.repack,
        }
    }
}

fn imported(text: &str) -> Result<usize, String> {
    let most = Quota::CertificatesPerListener.most();
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("it is a number from 1 to {most}"))
}

/// Reads the name of a domain that somebody has.
fn domain(text: &str) -> Result<String, String> {
    let host = Host::parse(text).map_err(|fault| format!("{fault}: write a domain such as example.com"))?;
    let name = host.as_str();
    if host.wildcard_parent().is_some() || !name.contains('.') || is_public_suffix(name) {
        return Err("it is a wildcard, a single label or a public suffix: write a domain such as example.com".into());
    }
    Ok(name.to_owned())
}

fn state(path: &Path) -> Result<State, Failure> {
    let name = path.display();
    let unreadable = |fault: &dyn Display| {
        (
            UNUSABLE,
            format!("error: cannot read the previous plan {name}: {fault}\n  help: leave --state out for a first plan"),
        )
    };
    let file = File::open(path).map_err(|e| unreadable(&e))?;
    let bytes = read_up_to(LARGEST, file, 0).map_err(|e| unreadable(&e))?;
    let bytes = bytes.ok_or_else(|| unreadable(&format!("it is over {LARGEST} bytes")))?;
    State::parse(&String::from_utf8_lossy(&bytes))
        .map_err(|fault| (FAULTY, format!("{name}: error: {}\n  help: {}", fault.what, fault.help)))
}

/// Writes the plan to where it is wanted. All files are written before one is put in its place.
fn put(args: &PlanArgs, name: &str, plan: &Plan, out: &mut dyn Write) -> Result<(), Failure> {
    let mut files = Vec::new();
    if let Some(path) = &args.tfvars {
        let file = Beside::write(path, json(&Variables { plan }));
        files.push((path, file.map_err(|e| unwritable(path, &e))?));
    }
    if let Some(path) = &args.output {
        files.push((path, Beside::write(path, json(plan)).map_err(|e| unwritable(path, &e))?));
    } else {
        let text = match args.format {
            OutputFormat::Text => summary(name, plan).into_bytes(),
            OutputFormat::Json => json(plan),
        };
        let written = out.write_all(&text).and_then(|()| out.flush());
        written.map_err(|e| (UNUSABLE, format!("error: cannot write the plan to standard output: {e}")))?;
    }
    for (path, file) in files {
        file.put().map_err(|e| unwritable(path, &e))?;
    }
    Ok(())
}

fn unwritable(path: &Path, fault: &io::Error) -> Failure {
    let help = "name a file in a folder that exists and may be written to";
    (UNUSABLE, format!("error: cannot write {}: {fault}\n  help: {help}", path.display()))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("a plan has texts for keys");
    text.push(b'\n');
    text
}
