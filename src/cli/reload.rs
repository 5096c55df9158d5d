//! `nameplate reload`: tells the running proxy to read its mapping, certificates and log level again,
//! from inside its container (ECS Exec), where there is no shell and no `kill`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use super::exit::{FAULTY, UNUSABLE, fail};

/// What the command line of `reload` says.
#[derive(Args, Clone, Debug)]
pub(super) struct ReloadArgs {
    /// Also take a mapping that is held because it removes too many domains
    #[arg(long)]
    allow_shrink: bool,
    /// Also take a mapping that is held because it grows too much
    #[arg(long)]
    allow_growth: bool,
    /// The process to tell [default: the one `nameplate serve` or `demo` that runs here]
    #[arg(long, value_name = "PID")]
    pid: Option<i32>,
}

/// Sends the signal. Exit 0 once it is sent, 1 if there is nobody or more than one to send it to, 2
/// if it may not be sent.
pub(super) fn reload(args: &ReloadArgs, out: &mut dyn Write) -> ExitCode {
    let running = servers(Path::new("/proc"));
    let pid = match (args.pid, &running[..]) {
        (Some(pid), _) if running.contains(&pid) => pid,
        (Some(pid), _) => {
            return fail(FAULTY, format!("process {pid} is no `nameplate serve`\n  help: {}", list(&running)));
        }
        (None, [pid]) => *pid,
        (None, _) => return fail(FAULTY, format!("which process to tell?\n  help: {}", list(&running))),
    };
    let Some(target) = Pid::from_raw(pid) else { return fail(FAULTY, format!("{pid} is no process")) };
    let signal = if args.allow_shrink || args.allow_growth { Signal::USR1 } else { Signal::HUP };
    match kill_process(target, signal) {
        Ok(()) => {
            let _ = writeln!(out, "told process {pid} to reload; its log and /mapping say what came of it");
            ExitCode::SUCCESS
        }
        Err(e) => fail(UNUSABLE, format!("process {pid} cannot be told: {e}\n  help: run this as the user it runs as")),
    }
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

/// The processes that serve and act on signals. A signal to any other would end it.
fn servers(proc: &Path) -> Vec<i32> {
    let pids = std::fs::read_dir(proc).into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut servers: Vec<i32> = pids.filter(|pid| serves(&proc.join(pid.to_string()))).collect();
    servers.sort_unstable();
    servers
}

fn serves(process: &Path) -> bool {
    let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
    let mut words = line.split(|b| *b == 0);
    let program = words.next().unwrap_or_default();
    let program = program.rsplit(|b| *b == b'/').next().unwrap_or_default();
    program == b"nameplate" && matches!(words.next(), Some(b"serve" | b"demo"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_serves_is_told() {
        let proc = tempfile::tempdir().expect("a folder");
        for (pid, line) in [
            ("1", "/usr/local/bin/nameplate\0serve\0--config\0x\0"),
            ("7", "nameplate\0reload\0"),
            ("8", "sh\0-c\0nameplate serve\0"),
            ("9", "nameplate\0demo\0"),
            ("10", ""),
            ("self", "nameplate\0serve\0"),
        ] {
            std::fs::create_dir(proc.path().join(pid)).expect("a folder");
            std::fs::write(proc.path().join(pid).join("cmdline"), line).expect("written");
        }
        assert_eq!(servers(proc.path()), [1, 9]);
        assert!(servers(Path::new("/does/not/exist")).is_empty());
    }
}
