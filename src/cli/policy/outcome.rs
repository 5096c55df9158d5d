//! What every command that may call AWS says and returns.

use std::io::Write;

use super::super::exit::UNUSABLE;

/// Policies were made, or nothing is left to do.
pub(in crate::cli) const DONE: u8 = 0;

/// `apply --dry-run`: there is something to do.
pub(super) const TO_DO: u8 = 3;

/// `apply`: this run put the policy and could not deploy the stage.
pub(super) const HALF_DONE: u8 = 4;

/// Where what a command says goes.
pub(in crate::cli) struct Said<'w> {
    pub(in crate::cli) out: &'w mut dyn Write,
    pub(in crate::cli) err: &'w mut dyn Write,
}

/// Runs what calls AWS to its end. Gives the exit code.
pub(in crate::cli) fn run(said: &mut Said<'_>, calls: impl AsyncFnOnce(&mut Said<'_>) -> u8) -> u8 {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(calls(said)),
        Err(e) => say(said, UNUSABLE, &format!("error: no runtime to call AWS with: {e}")),
    }
}

pub(in crate::cli) fn say(said: &mut Said<'_>, code: u8, what: &str) -> u8 {
    let _ = writeln!(said.err, "{what}");
    code
}
