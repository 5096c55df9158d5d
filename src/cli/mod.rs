//! The command line: one subcommand a file.
//!
//! Exit codes, for every subcommand: 0 done, 1 the input is at fault, 2 it could not be read, or
//! the command line is wrong. `check --against` has two more: see [`check`]; those of `drift` are for a nightly job.

mod accounts;
mod admin_client;
mod against;
mod capacity;
pub mod check;
mod demo;
mod discover;
mod doctor;
mod draft;
mod drift;
mod environment;
mod examples;
mod exit;
mod explain;
pub mod format;
mod healthcheck;
mod import;
mod load;
mod load_parts;
mod loaded;
mod logging;
mod pages;
pub mod plan;
mod policy;
mod reload;
mod schema;
mod serve;
mod settings;
mod terminal;
mod test;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Columns of a `--help`.
const HELP_WIDTH: usize = 80;

#[derive(Parser)]
#[command(name = "nameplate", version, about = "Your own domain names for Amazon API Gateway private REST APIs")]
#[command(max_term_width = HELP_WIDTH)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the main job with nothing else: a stand-in for API Gateway, the sample mapping, the proxy
    #[command(after_help = examples::DEMO)]
    Demo(demo::DemoArgs),
    /// Run the proxy
    #[command(after_help = examples::SERVE)]
    Serve(serve::ServeArgs),
    /// Report every fault of mapping files: what, where, how to mend it
    #[command(after_help = examples::CHECK)]
    Check(check::CheckArgs),
    /// Tell what would happen to a request, and why
    #[command(after_help = examples::EXPLAIN)]
    Explain(explain::ExplainArgs),
    /// Find out why a URL does not answer: mapping, DNS, TCP, TLS, and what API Gateway says
    #[command(after_help = examples::DOCTOR)]
    Doctor(doctor::DoctorArgs),
    /// Run the tests of a mapping: requests, and what is expected to happen to each
    #[command(after_help = examples::TEST)]
    Test(test::TestArgs),
    /// Plan the hosted zones, records and certificates that a mapping needs, in short or for Terraform and CDK
    #[command(after_help = examples::PLAN)]
    Plan(plan::PlanArgs),
    /// Size a fleet: from measured CPU per request and an expected load to tasks, target and cost
    #[command(after_help = examples::CAPACITY)]
    Capacity(capacity::CapacityArgs),
    /// Draft a mapping of the private APIs that AWS accounts have, or add to one what it lacks; reads only
    #[command(after_help = examples::DISCOVER)]
    Discover(Box<discover::DiscoverArgs>),
    /// Turn API Gateway's private custom domain names into a mapping; reads only
    #[command(after_help = examples::IMPORT)]
    Import(Box<import::ImportArgs>),
    /// Print the resource policies that a mapping's APIs need, or put one in force
    Policy(Box<policy::PolicyArgs>),
    /// Find where AWS differs from a mapping: APIs, policies, deployments, VPC endpoints, records, certificates
    #[command(after_help = examples::DRIFT)]
    Drift(Box<drift::DriftArgs>),
    /// Make the running proxy read its mapping, its certificates and its log's level again, and wait for the outcome
    #[command(after_help = examples::RELOAD)]
    Reload(reload::ReloadArgs),
    /// Print the JSON Schema of a file, for editors and other tools
    #[command(after_help = examples::SCHEMA)]
    Schema(schema::SchemaArgs),
    /// Ask the running proxy whether it lives, or is ready: for a container's health check
    #[command(after_help = examples::HEALTHCHECK)]
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the completions for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions(pages::CompletionsArgs),
    /// Print the manual
    #[command(after_help = examples::MAN)]
    Man(pages::ManArgs),
}

/// Runs the command line.
pub fn run() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let code = match Cli::parse().command {
        Command::Demo(args) => demo::demo(&args, &mut out),
        Command::Serve(args) => serve::serve(&args),
        Command::Check(args) => {
            let mut input = std::io::stdin().lock();
            ExitCode::from(check::check(&args, &mut input, &mut out, &mut terminal::stderr()))
        }
        Command::Explain(args) => explain::explain(&args, &mut out),
        Command::Doctor(args) => doctor::doctor(&args, &mut out),
        Command::Test(args) => {
            let mut input = std::io::stdin().lock();
            ExitCode::from(test::test(&args, &mut input, &mut out, &mut terminal::stderr()))
        }
        Command::Plan(args) => {
            let mut input = std::io::stdin().lock();
            ExitCode::from(plan::run(&args, &mut input, &mut out, &mut terminal::stderr()))
        }
        Command::Capacity(args) => capacity::capacity(&args, &mut std::io::stdin().lock(), &mut out),
        Command::Policy(args) => {
            let mut input = std::io::stdin().lock();
            let mut said = policy::outcome::Said { out: &mut out, err: &mut terminal::stderr() };
            ExitCode::from(policy::policy(&args, &mut input, &mut said))
        }
        Command::Discover(args) => {
            let mut input = std::io::stdin().lock();
            let mut said = policy::outcome::Said { out: &mut out, err: &mut terminal::stderr() };
            ExitCode::from(discover::discover(&args, &mut input, &mut said))
        }
        Command::Import(args) => {
            let mut input = std::io::stdin().lock();
            let mut said = policy::outcome::Said { out: &mut out, err: &mut terminal::stderr() };
            ExitCode::from(import::import(&args, &mut input, &mut said))
        }
        Command::Drift(args) => {
            let mut input = std::io::stdin().lock();
            let mut said = policy::outcome::Said { out: &mut out, err: &mut terminal::stderr() };
            ExitCode::from(drift::drift(&args, &mut input, &mut said))
        }
        Command::Reload(args) => reload::reload(&args, &mut out),
        Command::Schema(args) => schema::schema(&args, &mut out),
        Command::Healthcheck(args) => healthcheck::healthcheck(&args, &mut out),
        Command::Completions(args) => pages::completions(&args, &mut Cli::command(), &mut out),
        Command::Man(args) => pages::man(&args, Cli::command(), &mut out),
    };
    exit::flush();
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_command_line_that_the_command_takes() {
        let lines = examples::ALL.iter().flat_map(|text| text.lines());
        for line in lines.filter(|line| line.starts_with("  ")) {
            let words = line.split_whitespace().take_while(|word| !["|", ">"].contains(word));
            if let Err(e) = Cli::try_parse_from(words.map(|word| word.trim_matches('\''))) {
                panic!("{line}: {e}");
            }
        }
    }
}
