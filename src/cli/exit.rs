//! Exit codes, and the last words before one.

use std::io::Write;
use std::process::ExitCode;

use super::{logging, terminal};
use crate::telemetry::lines;

/// The input is at fault.
pub(super) const FAULTY: u8 = 1;

/// The input could not be read, or the command line is wrong.
pub(super) const UNUSABLE: u8 = 2;

/// Says what went wrong, on standard error, and what that means for the exit code.
pub(super) fn fail(code: u8, what: impl std::fmt::Display) -> ExitCode {
    let _ = writeln!(terminal::stderr(), "{what}");
    ExitCode::from(code)
}

/// Waits until every log has been written so far, but not for long.
pub(super) fn flush() {
    lines::flush_stdout();
    logging::flush();
}
