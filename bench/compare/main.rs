//! The comparison: Nameplate beside other proxies, doing the same work. Told in bench/compare/README.md.

// It talks to whoever runs it, and nobody else uses its parts.
#![allow(clippy::print_stdout, clippy::print_stderr, unreachable_pub)]

mod account;
mod certificates;
mod load;
mod mapping;
mod options;
mod peers;
mod phases;
mod process;
mod rig;
mod run;
mod subject;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Compares Nameplate with other proxies; bench/compare/run.sh calls it")]
struct Arguments {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    Run(options::Options),
    /// Sends requests to one proxy, and prints what became of them as a line of JSON.
    Load(load::Order),
    /// Makes the tables, the plots and the summary of a folder anew from its raw.jsonl.
    Report {
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        What::Run(options) => run::run(&options.settled()),
        What::Load(order) => load(&order).map(|()| true),
        What::Report { folder } => report(&folder).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            process::end_all();
            eprintln!("compare: {e:#}");
            ExitCode::from(2)
        }
    }
}

fn load(order: &load::Order) -> Result<()> {
    let outcome = load::run(order).with_context(|| format!("send to {}", order.to))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

fn report(folder: &std::path::Path) -> Result<()> {
    let raw = folder.join("raw.jsonl");
    let text = std::fs::read_to_string(&raw).with_context(|| format!("read {}", raw.display()))?;
    let lines = account::record::read(&text).map_err(|why| anyhow::anyhow!("{}: {why}", raw.display()))?;
    account::report::write(folder, &lines)
}
