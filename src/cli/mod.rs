//! The command line: one subcommand a file.
//!
//! Exit codes, for every subcommand: 0 done, 1 the input is at fault, 2 it could not be read, or
//! the command line is wrong. `check --against` has two more: see [`check`].

mod against;
mod capacity;
pub mod check;
mod demo;
mod exit;
mod explain;
mod healthcheck;
mod load;
mod logging;
pub mod plan;
mod policy;
mod reload;
mod serve;
mod settings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "nameplate", version, about = "Your own domain names for Amazon API Gateway private REST APIs")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the main job with nothing else: a stand-in for API Gateway, the sample mapping, the proxy
    Demo(demo::DemoArgs),
    /// Run the proxy
    Serve(serve::ServeArgs),
    /// Report every fault of mapping files: what, where, how to mend it
    Check(check::CheckArgs),
    /// Tell what would happen to a request, and why
    Explain(explain::ExplainArgs),
    /// Plan the hosted zones, records and certificates that a mapping needs, as JSON for Terraform and CDK
    Plan(plan::PlanArgs),
    /// Size a fleet: from measured CPU per request and an expected load to tasks, target and cost
    Capacity(capacity::CapacityArgs),
    /// Print the resource policies that a mapping's APIs need, or put one in force
    Policy(Box<policy::PolicyArgs>),
    /// Make the running proxy read its mapping, its certificates and its log's level again
    Reload(reload::ReloadArgs),
    /// Ask the running proxy whether it lives, or is ready: for a container's health check
    Healthcheck(healthcheck::HealthcheckArgs),
}

/// Runs the command line.
pub fn run() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let code = match Cli::parse().command {
        Command::Demo(args) => demo::demo(&args, &mut out),
        Command::Serve(args) => serve::serve(&args),
        Command::Check(args) => {
            let mut input = std::io::stdin().lock();
            ExitCode::from(check::check(&args, &mut input, &mut out, &mut std::io::stderr().lock()))
        }
        Command::Explain(args) => explain::explain(&args, &mut out),
        Command::Plan(args) => {
            let mut input = std::io::stdin().lock();
            ExitCode::from(plan::run(&args, &mut input, &mut out, &mut std::io::stderr().lock()))
        }
        Command::Capacity(args) => capacity::capacity(&args, &mut std::io::stdin().lock(), &mut out),
        Command::Policy(args) => {
            let mut input = std::io::stdin().lock();
            let mut said = policy::outcome::Said { out: &mut out, err: &mut std::io::stderr().lock() };
            ExitCode::from(policy::policy(&args, &mut input, &mut said))
        }
        Command::Reload(args) => reload::reload(&args, &mut out),
        Command::Healthcheck(args) => healthcheck::healthcheck(&args, &mut out),
    };
    exit::flush();
    code
}
