//! `nameplate completions` and `nameplate man`: what a shell and a manual know of the command line, from its definition.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::exit::{UNUSABLE, fail};

/// What the command line of `completions` says.
#[derive(Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// What the command line of `man` says.
#[derive(Args)]
pub(super) struct ManArgs {
    /// Write a page for each command into this folder, instead of printing the one of `nameplate`
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Prints a shell's completions.
pub(super) fn completions(args: &CompletionsArgs, command: &mut Command, out: &mut dyn Write) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "nameplate", &mut script);
    printed(out.write_all(&script))
}

/// Prints the manual's page, or writes all of its pages.
pub(super) fn man(args: &ManArgs, command: Command, out: &mut dyn Write) -> ExitCode {
    match &args.out {
        None => printed(Man::new(command).render(out)),
        Some(folder) => match clap_mangen::generate_to(command, folder) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => fail(UNUSABLE, format!("error: cannot write to {}: {e}", folder.display())),
        },
    }
}

fn printed(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read it has gone: `nameplate man | head`.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => fail(UNUSABLE, format!("error: cannot print: {e}")),
    }
}
