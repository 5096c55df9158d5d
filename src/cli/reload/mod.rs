//! `nameplate reload`: tells the running proxy to read its mapping, certificates and log level again, from inside its
//! container (ECS Exec), where there is no shell and no `kill`; then waits for what becomes of the mapping.

mod held;
mod outcome;
mod parts;
mod process;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use self::outcome::{Ended, Outcome, begun, wait};
use self::parts::Reason;
use self::process::{admin_of, servers};
use super::admin_client::{patience, reachable};
use super::check::HELD;
use super::exit::{FAULTY, UNUSABLE, fail};
use super::terminal;

/// What is active after a reload that was not taken.
const UNCHANGED: &str = "the active mapping is unchanged";

/// What is active after a reload that was taken but for held entries.
const OTHERS_ACTIVE: &str = "all other entries are active";

/// The longest that the signal waits for a look at the admin listener.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// What the command line of `reload` says.
#[derive(Args, Clone, Debug)]
pub(super) struct ReloadArgs {
    /// Also take a mapping that is held because it removes too many domains. Consent is one signal: the other two flags give
    /// the same one, and each takes all that is held
    #[arg(long)]
    allow_shrink: bool,
    /// Also take a mapping that is held because it grows too much; and all else that is held, as `--allow-shrink`
    #[arg(long)]
    allow_growth: bool,
    /// Also take entries that are held because their new API answers worse than the old one; and all else that is held,
    /// removals included, as `--allow-shrink`
    #[arg(long)]
    allow_unverified: bool,
    /// Fail if this part is not active as the source has it; `NAME/` is every part below a folder. Errors of other parts are
    /// warnings
    #[arg(long, value_name = "NAME", conflicts_with = "no_wait")]
    part: Vec<String>,
    /// The process to tell [default: the one `nameplate serve` or `demo` that runs here]
    #[arg(long, value_name = "PID")]
    pid: Option<i32>,
    /// How long to wait for the outcome
    #[arg(long, value_name = "DURATION", value_parser = patience, default_value = "30s")]
    wait: Duration,
    /// Only tell the process, and do not wait
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
    /// The admin listener that tells the outcome [default: as the process was started with]
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<SocketAddr>,
}

impl ReloadArgs {
    /// Reports whether what is held is to be taken: one signal for everything.
    fn consents(&self) -> bool {
        self.allow_shrink || self.allow_growth || self.allow_unverified
    }
}

/// Sends the signal, and waits for the outcome. Exit 0 once the mapping is active, 1 if it is rejected or there is not one
/// process to tell, 2 if the process may not be told, its source cannot be read or the outcome cannot be learned, 4 if the
/// mapping, or some of it, is held. Of a mapping in parts, the parts that `--part` names decide, with their held entries;
/// where it names none, all held entries do; and with consent the parts that are held.
pub(super) fn reload(args: &ReloadArgs, out: &mut dyn Write) -> ExitCode {
    let proc = Path::new("/proc");
    let running = servers(proc);
    let pid = match (args.pid, &running[..]) {
        (Some(pid), _) if running.contains(&pid) => pid,
        (Some(pid), _) => {
            return fail(FAULTY, format!("process {pid} is not a `nameplate serve`\n  help: {}", list(&running)));
        }
        (None, [pid]) => *pid,
        (None, _) => return fail(FAULTY, format!("which process to tell?\n  help: {}", list(&running))),
    };
    let Some(target) = Pid::from_raw(pid) else { return fail(FAULTY, format!("{pid} is not a process")) };
    let process = proc.join(pid.to_string());
    // Asked before the signal: whatever begins from now on reads what is there now.
    let before = (!args.no_wait).then(|| {
        let admin = args.admin.map_or_else(|| admin_of(&process), Ok).map_err(|e| format!("{e:#}"))?;
        let admin = reachable(admin);
        Ok((admin, begun(admin, args.wait.min(LONGEST_LOOK))?))
    });
    let consents = args.consents();
    let signal = if consents { Signal::USR1 } else { Signal::HUP };
    if let Err(e) = kill_process(target, signal) {
        return fail(UNUSABLE, format!("process {pid} cannot be told: {e}\n  help: run this as the user it runs as"));
    }
    let Some(before) = before else {
        let _ = writeln!(out, "told process {pid} to reload; its log and /mapping tell the outcome");
        return ExitCode::SUCCESS;
    };
    match before.and_then(|(admin, begun)| wait(admin, begun, consents, args.wait)) {
        Ok(ended) => tell(&ended, args, out),
        Err(why) => fail(
            UNUSABLE,
            format!(
                "told process {pid} to reload; the outcome is not known: {why}\n  help: its log tells it; say --admin \
                 IP:PORT if its admin listener is elsewhere, --wait to wait longer, or --no-wait"
            ),
        ),
    }
}

fn tell(ended: &Ended, args: &ReloadArgs, out: &mut dyn Write) -> ExitCode {
    match &ended.outcome {
        Outcome::Taken(active) | Outcome::Unchanged(active) => {
            if let Some(unknown) = no_part(ended, args) {
                return unknown;
            }
            let word = if matches!(ended.outcome, Outcome::Taken(_)) { "reloaded" } else { "unchanged" };
            let _ = writeln!(out, "mapping {word}: {active}");
            ExitCode::SUCCESS
        }
        Outcome::InParts(active) => tell_of_parts(ended, active, args, out),
        Outcome::Rejected(errors) => fail(FAULTY, format!("{errors}\nmapping rejected; {UNCHANGED}")),
        Outcome::Held(why) => fail_held(ended, args, why, UNCHANGED),
        Outcome::EntriesHeld(why) => fail_held(ended, args, why, OTHERS_ACTIVE),
        Outcome::Unreadable(why) => fail(UNUSABLE, format!("the mapping cannot be read: {why}\n{UNCHANGED}")),
    }
}

/// Tells of a mapping that waits for consent, or some of whose entries do.
fn fail_held(ended: &Ended, args: &ReloadArgs, why: &str, rest: &str) -> ExitCode {
    no_part(ended, args).unwrap_or_else(|| fail(HELD, format!("{why}\nmapping held; {rest}")))
}

/// Tells of the parts, and of the entries of parts, that are not active as the source has them. They are errors only of
/// those who asked about them: one team's pipeline does not fail because of another team's part. Who names no part asks
/// about all held entries.
fn tell_of_parts(ended: &Ended, active: &str, args: &ReloadArgs, out: &mut dyn Write) -> ExitCode {
    if let Some(unknown) = no_part(ended, args) {
        return unknown;
    }
    let told = ended.parts.told(&args.part, args.consents());
    let held = ended.held.told(&args.part);
    let code = match told.worst {
        None if ended.held.has_asked(&args.part) => HELD,
        None => {
            let _ = write!(terminal::stderr(), "{}{held}", told.text);
            let _ = writeln!(out, "mapping reloaded: {active}");
            return ExitCode::SUCCESS;
        }
        Some(Reason::Rejected) => FAULTY,
        Some(Reason::Failed) => UNUSABLE,
        Some(Reason::Held) => HELD,
    };
    let rest = if ended.parts.are_active() {
        format!("mapping held; {OTHERS_ACTIVE}")
    } else {
        format!("all other parts are active: {active}")
    };
    fail(code, format!("{}{held}{rest}", told.text))
}

/// Fails where `--part` names a part that there is not.
fn no_part(ended: &Ended, args: &ReloadArgs) -> Option<ExitCode> {
    let name = ended.parts.unknown(&args.part)?;
    let help = "name it as /mapping does, by its path below the folder; `NAME/` is every part below a folder";
    Some(fail(FAULTY, format!("the mapping has no part {name}\n  help: {help}")))
}

fn list(running: &[i32]) -> String {
    match running {
        [] => "no `nameplate serve` runs where this can see it".into(),
        pids => {
            let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
            format!("name one with --pid; running: {}", pids.join(", "))
        }
    }
}
