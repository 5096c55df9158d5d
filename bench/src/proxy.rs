//! The proxy under load: a process of its own, watched from outside.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use nameplate_testkit::client::try_get;
use nameplate_testkit::procfs;

/// A Nameplate that runs. Dropped, it is killed.
pub struct Proxy {
    process: Child,
    /// The first listener.
    pub plain: SocketAddr,
    /// The second listener, if there is one.
    pub tls: SocketAddr,
    /// The third listener, if there is one.
    pub third: SocketAddr,
    /// The admin pages.
    pub admin: SocketAddr,
}

/// What a process holds.
#[derive(Clone, Copy)]
pub struct Sample {
    /// When the sample was taken: seconds after the beginning.
    pub seconds: u64,
    /// Resident memory.
    pub rss_kib: u64,
    /// Open files.
    pub fds: usize,
}

impl Proxy {
    /// Starts it; returns when it is ready. `runner` is a program that runs programs, with its arguments,
    /// or nothing.
    pub fn start(runner: &[String], binary: &Path, folder: &Path) -> Result<Proxy> {
        let log = folder.join("nameplate.log");
        let mut words = runner.iter().map(OsStr::new).chain([binary.as_os_str()]);
        let mut command = Command::new(words.next().expect("the binary is one"));
        command.args(words);
        let process = command
            .args(["serve", "--config"])
            .arg(folder.join("nameplate.yaml"))
            .stdin(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        // For run.sh, should this process be killed before it can end that one.
        fs::write(folder.join("nameplate.pid"), process.id().to_string())?;
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut proxy = Proxy { process, plain: nowhere, tls: nowhere, third: nowhere, admin: nowhere };
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let said = fs::read_to_string(&log)?;
            let words = |after: &str| -> Vec<SocketAddr> {
                let rest = said.split(after).skip(1);
                rest.filter_map(|rest| rest.split([' ', '/', '\n']).next()?.parse().ok()).collect()
            };
            if let ([plain, others @ ..], [admin]) = (&words("listening on ")[..], &words("admin pages on http://")[..])
                && try_get(*admin, "localhost", "/readyz").is_ok_and(|page| page.status == 200)
            {
                (proxy.plain, proxy.admin) = (*plain, *admin);
                proxy.tls = others.first().copied().unwrap_or(nowhere);
                proxy.third = others.get(1).copied().unwrap_or(nowhere);
                return Ok(proxy);
            }
            if Instant::now() > until || proxy.process.try_wait()?.is_some() {
                bail!("nameplate did not become ready:\n{said}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it holds now.
    pub fn sample(&self, begun: Instant) -> Result<Sample> {
        Ok(Sample {
            seconds: begun.elapsed().as_secs(),
            rss_kib: procfs::status_kib(self.id(), "VmRSS:").context("nameplate has ended")?,
            fds: procfs::open_files(self.id())?,
        })
    }

    /// The sum of a metric over all its series that hold `label`.
    pub fn metric(&self, name: &str, label: &str) -> Result<u64> {
        let text = try_get(self.admin, "localhost", "/metrics").context("read the metrics")?.text();
        let of_name = |line: &&str| line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']);
        let values = text.lines().filter(of_name).filter(|line| line.contains(label));
        Ok(values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64)
    }

    /// Sends a signal by its name: `-HUP`.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").args([name, &self.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { bail!("nameplate has ended") }
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal("-TERM")?;
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("nameplate did not end within 30 s of SIGTERM")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
