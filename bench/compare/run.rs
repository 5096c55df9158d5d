//! The order of work: rounds in which each proxy has its turn, so that what else the machine does weighs on all.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::account::record::{Line, Machine, Measured};
use crate::account::{parse, report};
use crate::options::Options;
use crate::peers::{Peer, Phase, Program};
use crate::process::{self, output};
use crate::rig::Rig;
use crate::subject::Subject;

/// What is measured with the mapping of `--domains`, in this order.
const STEADY: [Phase; 8] = [
    Phase::Check,
    Phase::Saturation,
    Phase::Rate,
    Phase::Bodies,
    Phase::TlsH1,
    Phase::TlsH2,
    Phase::SystemCalls,
    Phase::Spread,
];
/// What is measured with each of `--sizes`.
const SIZES: [Phase; 2] = [Phase::Start, Phase::Change];

/// Whether all is well: always, but for `--smoke`, which says what is not.
pub fn run(options: &Options) -> Result<bool> {
    end_on_signals()?;
    // Nothing of ours is to be in the proxy's way. What is started from here on is there, too, unless it is told.
    let mut cpus = CpuSet::new();
    cpus.set(options.load_cpu);
    sched_setaffinity(None, &cpus).with_context(|| format!("use CPU {} alone", options.load_cpu))?;
    fs::create_dir_all(&options.out)?;
    let nginx = find(Program::System("nginx"), options).context("nginx, which is the origin too")?;
    let rig = Rig::start(&options.scratch, &nginx, options.load_cpu, options.proxy_cpu)?;
    let mut book = Book::open(&options.out.join("raw.jsonl"), &rig)?;
    let peers = book.begin(options, &rig)?;
    for round in 1..=options.rounds {
        for (peer, program) in &peers {
            let one = One { rig: &rig, options, peer, program, round, domains: options.domains, under: &[] };
            one.measure(&STEADY, &mut book)?;
        }
    }
    for round in 1..=options.change_rounds {
        for &domains in &options.sizes {
            for (peer, program) in peers.iter().filter(|(peer, _)| peer.does(Phase::Start)) {
                let one = One { rig: &rig, options, peer, program, round, domains, under: &[] };
                one.measure(&SIZES, &mut book)?;
            }
        }
    }
    if options.instructions {
        instructions(&rig, options, &peers, &mut book)?;
    }
    report::write(&options.out, &book.lines)?;
    say(&format!("the report is {}", options.out.join("report.md").display()));
    let faults = if options.smoke { report::faults(&book.lines) } else { Vec::new() };
    for fault in &faults {
        say(&format!("FAULT: {fault}"));
    }
    Ok(faults.is_empty())
}

type Present = Vec<(&'static Peer, PathBuf)>;

fn instructions(rig: &Rig, options: &Options, peers: &Present, book: &mut Book) -> Result<()> {
    let under = ["valgrind", "-q", "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=callgrind.out.%p"];
    let under = under.map(str::to_owned);
    let patient = Options { patience: options.patience.max(300), ..options.clone() };
    for (peer, program) in peers.iter().filter(|(peer, _)| peer.does(Phase::Instructions)) {
        let domains = options.domains;
        let one = One { rig, options: &patient, peer, program, round: 1, domains, under: &under };
        one.measure(&[Phase::Instructions], book)?;
    }
    Ok(())
}

/// One proxy in one round.
struct One<'a> {
    rig: &'a Rig,
    options: &'a Options,
    peer: &'static Peer,
    program: &'a Path,
    round: usize,
    domains: usize,
    under: &'a [String],
}

impl One<'_> {
    fn measure(&self, phases: &[Phase], book: &mut Book) -> Result<()> {
        let began = Instant::now();
        let (rig, options) = (self.rig, self.options);
        let phases = phases.iter().copied().filter(|phase| self.peer.does(*phase));
        match Subject::start(rig, options, self.peer, self.program, self.domains, self.under) {
            Err(why) => book.fault(self, "start", &why)?,
            Ok(mut subject) => {
                for phase in phases {
                    match subject.measure(phase) {
                        Ok(values) => book.measured(self, phase, values)?,
                        Err(why) => book.fault(self, phase.name(), &why)?,
                    }
                }
            }
        }
        let (round, domains, took) = (self.round, self.domains, began.elapsed().as_secs_f64());
        say(&format!("round {round}, {domains} domains: {} took {took:.1} s", self.peer.name));
        Ok(())
    }
}

/// The raw data, written as it comes.
struct Book {
    file: File,
    lines: Vec<Line>,
    /// What no result may name: where this ran.
    private: Vec<String>,
}

impl Book {
    fn open(path: &Path, rig: &Rig) -> Result<Book> {
        let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
        Ok(Book { file, lines: Vec::new(), private: vec![rig.folder.display().to_string()] })
    }

    fn write(&mut self, line: Line) -> Result<()> {
        writeln!(self.file, "{}", serde_json::to_string(&line)?)?;
        self.lines.push(line);
        Ok(())
    }

    /// Writes down the machine and who is absent; who is there.
    fn begin(&mut self, options: &Options, rig: &Rig) -> Result<Present> {
        let (mut present, mut absent) = (Vec::new(), Vec::new());
        let mut versions = BTreeMap::new();
        for peer in options.peers().map_err(anyhow::Error::msg)? {
            let found = find(peer.program, options).and_then(|program| Ok((version(peer, &program, rig)?, program)));
            match found {
                Ok((version, program)) => {
                    versions.insert(peer.name.to_owned(), version);
                    present.push((peer, program));
                }
                Err(why) => absent.push((peer, why)),
            }
        }
        self.write(Line::Machine(machine(options, versions)))?;
        for (peer, why) in absent {
            say(&format!("LEFT OUT: {}: {why:#}", peer.name));
            let why = self.public(&format!("{why:#}"));
            self.write(Line::Absent { proxy: peer.name.to_owned(), why })?;
        }
        Ok(present)
    }

    fn measured(&mut self, of: &One<'_>, phase: Phase, values: BTreeMap<String, f64>) -> Result<()> {
        let (round, proxy, domains) = (of.round, of.peer.name.to_owned(), of.domains);
        let phase = phase.name().to_owned();
        // Six digits say it all.
        let rounded = |value: f64| if value == 0.0 { 0.0 } else { format!("{value:.5e}").parse().unwrap_or(value) };
        let values = values.into_iter().map(|(name, value)| (name, rounded(value))).collect();
        self.write(Line::Measured(Measured { round, proxy, domains, phase, values }))
    }

    fn fault(&mut self, of: &One<'_>, phase: &str, why: &anyhow::Error) -> Result<()> {
        let (round, proxy, domains) = (of.round, of.peer.name.to_owned(), of.domains);
        let (phase, why) = (phase.to_owned(), self.public(&format!("{why:#}")));
        say(&format!("FAULT: {proxy}, {phase}, {domains} domains: {why}"));
        self.write(Line::Fault { round, proxy, domains, phase, why })
    }

    fn public(&self, text: &str) -> String {
        self.private.iter().fold(text.to_owned(), |text, path| text.replace(path, "RUN"))
    }
}

fn machine(options: &Options, versions: BTreeMap<String, String>) -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let cpuinfo = read("/proc/cpuinfo");
    let kib = after(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0_u64);
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    Machine {
        day: now[..10].to_owned(),
        cpu: after(&cpuinfo, "model name"),
        cpus: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
        memory_gb: (kib * 1_024).div_ceil(1_000_000_000),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        commit: options.commit.clone(),
        versions,
        rounds: options.rounds,
        seconds: options.seconds,
        rate: options.rate,
        connections: options.connections,
        domains: options.domains,
        sizes: options.sizes.clone(),
    }
}

fn find(program: Program, options: &Options) -> Result<PathBuf> {
    let path = match program {
        Program::Nameplate => options.nameplate.clone(),
        Program::Bare => options.bare.clone(),
        Program::Installed(name) => options.installed.join(name),
        Program::System(name) => {
            let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
            let found = path.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.is_file());
            found.with_context(|| format!("{name} is not installed"))?
        }
    };
    if path.is_file() {
        return Ok(fs::canonicalize(path)?);
    }
    let name = path.file_name().unwrap_or_default().display();
    bail!("{name} is not installed: bench/compare/run.sh says why it could not install it");
}

fn version(peer: &Peer, program: &Path, rig: &Rig) -> Result<String> {
    let words: Vec<_> = peer.version.iter().map(|word| (*word).to_owned()).collect();
    let text = output(program, &words, Duration::from_secs(20), &rig.folder.join("version.log"))?;
    Ok(parse::version(&text).unwrap_or_else(|| "unknown".into()))
}

/// SIGINT and SIGTERM end what was started, and then us.
fn end_on_signals() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            process::end_all();
            say("broken off; what was measured so far is in raw.jsonl");
            std::process::exit(130);
        });
    });
    Ok(())
}

fn say(text: &str) {
    eprintln!("compare: {text}");
}
