//! Processes of the comparison: started on a CPU, watched from outside, and ended, whatever ends the run.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nameplate_testkit::procfs;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Process groups that were started here and have not ended.
static STARTED: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// How long a process may take to end after SIGTERM.
const ENDING: Duration = Duration::from_secs(5);

/// What to start.
pub struct Start<'a> {
    pub program: &'a Path,
    pub arguments: &'a [String],
    pub environment: &'a [(&'static str, String)],
    pub folder: &'a Path,
    pub cpu: usize,
    /// What it writes goes here.
    pub log: &'a Path,
    /// Its standard output is a pipe that is read, instead.
    pub reads_output: bool,
}

/// A process that ends with this value.
pub struct Process {
    child: Child,
    pid: Pid,
}

/// What a process and those it started hold, in MB.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// Shared pages in each process anew.
    pub resident: f64,
    /// Shared pages shared out.
    pub proportional: f64,
}

impl Process {
    pub fn start(what: &Start<'_>) -> Result<Process> {
        let log = File::create(what.log).with_context(|| format!("write {}", what.log.display()))?;
        let output = if what.reads_output { Stdio::piped() } else { log.try_clone()?.into() };
        let mut command = Command::new("taskset");
        command.args(["-c", &what.cpu.to_string()]).arg(what.program).args(what.arguments);
        command.envs(what.environment.iter().map(|(name, value)| (name, value))).current_dir(what.folder);
        command.stdin(Stdio::null()).stdout(output).stderr(log);
        let mut process = Process::of(&mut command)?;
        if let Some(output) = process.child.stdout.take() {
            // Read whole and forgotten, as a log driver that keeps up does.
            std::thread::spawn(move || {
                let mut lines = BufReader::with_capacity(256 * 1024, output);
                while let Ok(length @ 1..) = lines.fill_buf().map(<[u8]>::len) {
                    lines.consume(length);
                }
            });
        }
        Ok(process)
    }

    /// Starts it in a process group of its own, so that a Ctrl-C at the terminal is ours to act on.
    pub fn of(command: &mut Command) -> Result<Process> {
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.process_group(0).spawn();
        let child = child.with_context(|| format!("start {}", Path::new(command.get_program()).display()))?;
        let pid = Pid::from_child(&child);
        started.push(pid);
        Ok(Process { child, pid })
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid, signal).context("signal a process")
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end, and ends it where that takes too long.
    pub fn wait(mut self, limit: Duration) -> Option<ExitStatus> {
        self.wait_for(limit)
    }

    fn wait_for(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        while self.ended().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.ended()
    }

    /// To look at it from another thread.
    pub fn watch(&self) -> Watch {
        Watch { root: self.child.id() }
    }

    pub fn tree(&self) -> Vec<u32> {
        self.watch().tree()
    }

    pub fn cpu(&self) -> f64 {
        self.watch().cpu()
    }

    pub fn memory(&self) -> Memory {
        self.watch().memory()
    }
}

/// A process, seen from outside.
#[derive(Clone, Copy)]
pub struct Watch {
    root: u32,
}

impl Watch {
    /// It, and what it started, and so on.
    pub fn tree(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for pid in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = pid.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(stat) = procfs::stat(pid) {
                children.entry(stat.parent).or_default().push(pid);
            }
        }
        let mut all = vec![self.root];
        let mut at = 0;
        while at < all.len() {
            all.extend(children.remove(&all[at]).unwrap_or_default());
            at += 1;
        }
        all
    }

    /// Seconds of CPU time that it has used, with all below it, and with those of them that have ended.
    pub fn cpu(&self) -> f64 {
        self.tree().into_iter().filter_map(procfs::stat).map(|stat| stat.cpu + stat.cpu_of_children).sum()
    }

    pub fn memory(&self) -> Memory {
        let mut sum = Memory::default();
        for pid in self.tree() {
            let (resident, proportional) = procfs::memory_kib(pid).unwrap_or_default();
            sum.resident += megabytes(resident);
            sum.proportional += megabytes(proportional);
        }
        sum
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = kill_process(self.pid, Signal::TERM);
            self.wait_for(ENDING);
        }
        // Also what it leaves behind: its group has nobody else in it.
        let _ = kill_process_group(self.pid, Signal::KILL);
        let _ = self.child.wait();
        STARTED.lock().unwrap_or_else(PoisonError::into_inner).retain(|pid| *pid != self.pid);
    }
}

/// Ends all that runs, for a run that is broken off.
pub fn end_all() {
    for group in STARTED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn megabytes(kib: u64) -> f64 {
    kib as f64 * 1_024.0 / 1e6
}

/// What a command prints, on either output, within a limit; whether it succeeded is told by `Ok`.
pub fn output(program: impl AsRef<OsStr>, arguments: &[String], limit: Duration, scratch: &Path) -> Result<String> {
    let program = program.as_ref();
    // Without its folder: what went wrong stands in the report.
    let name = Path::new(program).file_name().unwrap_or(program).display();
    let file = File::create(scratch).with_context(|| format!("write {}", scratch.display()))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let status = Process::of(&mut command)?.wait(limit);
    let text = fs::read_to_string(scratch)?;
    match status {
        Some(status) if status.success() => Ok(text),
        Some(status) => anyhow::bail!("{name}: {status}: {}", text.lines().last().unwrap_or_default()),
        None => anyhow::bail!("{name}: no end within {} s", limit.as_secs()),
    }
}
