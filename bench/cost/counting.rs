//! The two counters: valgrind's callgrind for instructions, strace for system calls.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use nameplate_bench::counters;
use nameplate_bench::proxy::Proxy;

use crate::ROUNDS;

/// Sends the requests of one round.
pub type Requests<'r> = &'r mut dyn FnMut(&Proxy) -> Result<()>;

/// Instructions of the process in user space, a count for each time.
pub fn instructions(binary: &Path, folder: &Path, requests: Requests<'_>) -> Result<Vec<u64>> {
    let out = folder.join("callgrind.out");
    let runner = ["valgrind", "-q", "--tool=callgrind", &format!("--callgrind-out-file={}", out.display())];
    let mut proxy = Proxy::start(&runner.map(str::to_owned), binary, folder)?;
    let id = proxy.id().to_string();
    let control = |what: &str| -> Result<()> {
        let said = Command::new("callgrind_control").args([what, &id]).stdin(Stdio::null()).output()?;
        ensure!(said.status.success(), "callgrind_control {what}: {}", String::from_utf8_lossy(&said.stderr));
        Ok(())
    };
    requests(&proxy)?;
    let mut counts = Vec::new();
    for count in 1..ROUNDS {
        control("-z")?;
        requests(&proxy)?;
        control("-d")?;
        let path = folder.join(format!("callgrind.out.{count}"));
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        counts.push(counters::callgrind(&text).with_context(|| format!("{} has no totals", path.display()))?);
    }
    proxy.stop()?;
    Ok(counts)
}

/// System calls of the process, a count for each time.
pub fn system_calls(binary: &Path, folder: &Path, requests: Requests<'_>) -> Result<Vec<u64>> {
    let mut proxy = Proxy::start(&[], binary, folder)?;
    requests(&proxy)?;
    let out = folder.join("strace.out");
    let mut counts = Vec::new();
    for _ in 1..ROUNDS {
        let mut strace = Command::new("strace")
            .args(["-f", "-c", "-U", "name,calls", "-p", &proxy.id().to_string(), "-o"])
            .arg(&out)
            .stderr(Stdio::piped())
            .spawn()
            .context("start strace")?;
        // It says so for the first thread once it holds all of them.
        let mut said = BufReader::new(strace.stderr.take().context("strace says nothing")?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        ensure!(line.contains("attached"), "strace: {line}");
        requests(&proxy)?;
        Command::new("kill").args(["-INT", &strace.id().to_string()]).status()?;
        strace.wait()?;
        counts.push(counters::strace(&fs::read_to_string(&out)?).context("strace counted nothing")?);
    }
    proxy.stop()?;
    Ok(counts)
}
