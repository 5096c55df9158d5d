//! A proxy that runs: from its files to its first answer, and what it does when the mapping changes.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nameplate_testkit::client::Target;
use rustix::process::Signal;

use crate::mapping::{self, Entry, SMALL, STAGE};
use crate::options::Options;
use crate::peers::{Peer, Place, Reload};
use crate::process::{self, Process, Start};
use crate::rig::{Rig, ask};

/// How often it is asked whether it answers.
const ASKING: Duration = Duration::from_millis(5);

pub struct Subject<'r> {
    pub rig: &'r Rig,
    pub options: &'r Options,
    pub peer: &'static Peer,
    pub place: Place,
    pub domains: usize,
    pub process: Process,
    /// From the start of the process to its first answer for the last domain.
    pub started_after: Duration,
    program: PathBuf,
}

impl<'r> Subject<'r> {
    /// Starts it with so many domains. `under` is a program that runs it, with its arguments.
    pub fn start(
        rig: &'r Rig,
        options: &'r Options,
        peer: &'static Peer,
        program: &Path,
        domains: usize,
        under: &[String],
    ) -> Result<Self> {
        let place = rig.place(peer.name)?;
        let entries: Vec<Entry> = mapping::entries(domains, false).collect();
        for (file, text) in peer.render(&place, &entries).map_err(anyhow::Error::msg)? {
            fs::write(place.folder.join(file.name), text)?;
        }
        let mut words: Vec<String> = under.to_vec();
        words.push(program.display().to_string());
        words.extend(peer.arguments(&place));
        let first = PathBuf::from(words.remove(0));
        let log = place.folder.join("output.log");
        let what = Start {
            program: &first,
            arguments: &words,
            environment: &peer.environment(&place.folder),
            folder: &place.folder,
            cpu: rig.proxy_cpu,
            log: &log,
            reads_output: peer.logs(),
        };
        let began = Instant::now();
        let process = Process::start(&what)?;
        let program = program.to_owned();
        let mut subject =
            Subject { rig, options, peer, place, domains, process, started_after: Duration::ZERO, program };
        let last = mapping::domain(domains - 1);
        subject.started_after = subject.until_it_answers(&last, began)?;
        Ok(subject)
    }

    /// Its listener without TLS.
    pub fn target(&self) -> Target {
        Target::plain(self.place.plain)
    }

    /// How long after `began` it first answered for this domain as the API does.
    pub fn until_it_answers(&mut self, domain: &str, began: Instant) -> Result<Duration> {
        let limit = Duration::from_secs(self.options.patience);
        let target = self.target();
        let mut looked = Instant::now();
        loop {
            let answer = ask(&target, domain, SMALL);
            let took = began.elapsed();
            // Not what a proxy says that does not know the domain.
            if answer.is_ok_and(|answer| answer.status == 200 && answer.body.starts_with(b"{\"pad\"")) {
                return Ok(took);
            }
            if let Some(status) = self.process.ended() {
                bail!("it ended with {status}: {}", self.last_words());
            }
            if took > limit {
                bail!("no answer for {domain} within {} s; {}", limit.as_secs(), self.last_words());
            }
            if looked.elapsed() > Duration::from_millis(100) {
                let held = self.process.memory().proportional;
                if held > self.options.memory as f64 {
                    bail!("given up at {:.1} GB of memory after {:.0} s", held / 1e3, took.as_secs_f64());
                }
                looked = Instant::now();
            }
            std::thread::sleep(ASKING);
        }
    }

    /// Adds a domain to its mapping, and says so in the way it has. From when its files are in place.
    pub fn change(&self) -> Result<Instant> {
        let entries: Vec<Entry> = mapping::entries(self.domains, true).collect();
        let files = self.peer.render(&self.place, &entries).map_err(anyhow::Error::msg)?;
        for (file, text) in files.into_iter().filter(|(file, _)| file.changes) {
            // Beside the folder, so that who watches it sees one change.
            let new = self.place.folder.join("new");
            fs::write(&new, text)?;
            fs::rename(new, self.place.folder.join(file.name))?;
        }
        let now = Instant::now();
        match self.peer.reload {
            Reload::Watches => {}
            Reload::Hangup => self.process.signal(Signal::HUP)?,
            Reload::AddMap => self.add_map(&entries[self.domains])?,
            Reload::Caddy => self.caddy_reload()?,
            Reload::Never => bail!("its mapping cannot change"),
        }
        Ok(now)
    }

    fn add_map(&self, entry: &Entry) -> Result<()> {
        let mut socket = UnixStream::connect(self.place.folder.join("haproxy.sock"))?;
        socket.set_read_timeout(Some(Duration::from_secs(self.options.patience)))?;
        let map = self.place.folder.join("apis.map");
        writeln!(socket, "add map {} {} {}/{STAGE}", map.display(), entry.domain, entry.id)?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).context("HAProxy's answer to `add map`")?;
        if answer.trim().is_empty() { Ok(()) } else { bail!("HAProxy: {}", answer.trim()) }
    }

    fn caddy_reload(&self) -> Result<()> {
        let admin = self.place.admin.to_string();
        let config = self.place.folder.join("caddy.json").display().to_string();
        let words = ["reload", "--force", "--address", &admin, "--config", &config].map(str::to_owned);
        let limit = Duration::from_secs(self.options.patience);
        process::output(&self.program, &words, limit, &self.place.folder.join("reload.log"))?;
        Ok(())
    }

    /// The end of what it wrote.
    fn last_words(&self) -> String {
        let logs = ["nginx.log", "output.log"].map(|name| self.place.folder.join(name));
        let lines = logs.iter().filter_map(|log| fs::read_to_string(log).ok());
        let last = lines.filter_map(|text| text.lines().last().map(str::to_owned)).next();
        format!("its log ends with: {}", last.unwrap_or_else(|| "nothing".into()))
    }
}
