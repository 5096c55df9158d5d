//! Which target of CPU utilization holds p99, for each way to scale on it: told in docs/scaling.md.
//!
//! `cargo run -p nameplate-bench --bin scaling FOLDER` writes the tables and plots there; docs/scaling is such a folder.

// It talks to whoever runs it.
#![allow(clippy::print_stderr, unreachable_pub)]

mod simulation;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1).map(PathBuf::from) else {
        eprintln!("usage: scaling FOLDER; docs/scaling is where the repository keeps what it writes");
        return ExitCode::from(2);
    };
    for (name, text) in simulation::files() {
        if let Err(e) = std::fs::write(folder.join(name), text) {
            eprintln!("scaling: write {}: {e}", folder.join(name).display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
