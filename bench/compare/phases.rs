//! What is measured of a proxy that runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nameplate_bench::counters;
use nameplate_testkit::procfs;
use rustix::process::Signal;

use crate::account::parse;
use crate::load::{Order, Outcome};
use crate::mapping::{self, BIG, ECHO, SMALL, STAGE, SUFFIX};
use crate::peers::Phase;
use crate::process::{Process, output};
use crate::subject::Subject;

/// What a phase has found, by name.
pub type Values = BTreeMap<String, f64>;

/// Domains that get requests where it is not about many of them.
const HOT: usize = 10;
/// What a load may take beyond its time.
const GRACE: Duration = Duration::from_secs(20);
/// Connections while bodies are large, while the mapping changes, and while system calls are counted.
const FEWER: usize = 32;
const FEW: usize = 16;
/// Requests over which system calls and instructions are counted, and before.
const COUNTED: u64 = 4_000;
const BEFORE_COUNTING: u64 = 3_000;
/// The same under callgrind, where all is fifty times slower.
const COUNTED_SLOWLY: u64 = 1_000;

fn values<const N: usize>(pairs: [(&str, f64); N]) -> Values {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Subject<'_> {
    pub fn measure(&mut self, phase: Phase) -> Result<Values> {
        match phase {
            Phase::Check => self.check(),
            Phase::Saturation => self.saturation(),
            Phase::Rate => self.rate(),
            Phase::Bodies => self.bodies(),
            Phase::TlsH1 => self.tls_h1(),
            Phase::TlsH2 => self.tls_h2(),
            Phase::SystemCalls => self.system_calls(),
            Phase::Spread => self.spread(),
            Phase::Start => self.started(),
            Phase::Change => self.change_under_load(),
            Phase::Instructions => self.instructions(),
        }
    }

    fn order(&self) -> Order {
        Order {
            to: self.place.plain,
            ca: None,
            connections: self.options.connections,
            seconds: self.options.seconds,
            rate: None,
            domains: self.domains,
            hot: HOT,
            path: SMALL.to_owned(),
            host: None,
            body: None,
            large_body: None,
            limit: None,
            until_input_ends: false,
        }
    }

    /// A load, in a process of its own.
    fn load(&self, order: &Order) -> Result<Outcome> {
        self.start_load(order)?.finish(Duration::from_secs_f64(order.seconds) + GRACE)
    }

    fn start_load(&self, order: &Order) -> Result<Load> {
        let mut command = Command::new("taskset");
        command.args(["-c", &self.rig.load_cpu.to_string()]).arg(std::env::current_exe()?).arg("load");
        let mut word = |name: &str, value: String| {
            command.args([name, &value]);
        };
        word("--to", order.to.to_string());
        word("--connections", order.connections.to_string());
        word("--seconds", order.seconds.to_string());
        word("--domains", order.domains.to_string());
        word("--hot", order.hot.to_string());
        word("--path", order.path.clone());
        order.ca.iter().for_each(|ca| word("--ca", ca.display().to_string()));
        order.rate.into_iter().for_each(|rate| word("--rate", rate.to_string()));
        order.limit.into_iter().for_each(|limit| word("--limit", limit.to_string()));
        if order.until_input_ends {
            command.arg("--until-input-ends");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Ok(Load { process: Process::of(&mut command)? })
    }

    /// A load, and the CPU seconds that the proxy took for it.
    fn costs(&self, order: &Order) -> Result<(Outcome, f64)> {
        let before = self.process.cpu();
        let outcome = self.load(order)?;
        let seconds = self.process.cpu() - before;
        if outcome.ok == 0 {
            bail!("no request was answered: {}", outcome.first_failure.as_deref().unwrap_or("none was sent"));
        }
        Ok((outcome, seconds))
    }

    /// Whether requests get where they belong, over one connection and for five domains in turn.
    fn check(&mut self) -> Result<Values> {
        const REQUESTS: usize = 20;
        let mut connection = self.target().connect()?;
        let (mut own_sni, mut own_host) = (0, 0);
        for turn in 0..REQUESTS {
            let at = (turn % 5) * self.domains / 5;
            let request = format!("GET {ECHO} HTTP/1.1\r\nHost: {}\r\n\r\n", mapping::domain(at));
            let answer = connection.exchange(request.as_bytes(), false)?;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            let echo: BTreeMap<String, String> =
                serde_json::from_str(&text).with_context(|| format!("status {}: no echo: {text}", answer.status))?;
            let is = |name: &str, want: &str| echo.get(name).is_some_and(|value| value == want);
            let (id, host) = (mapping::id(at), format!("{}{SUFFIX}", mapping::id(at)));
            if !is("uri", &format!("/{STAGE}{ECHO}")) || !(is("host", &host) || is("id", &id)) {
                bail!("WRONG ANSWERS: a request for {} became {text}", mapping::domain(at));
            }
            own_host += usize::from(is("host", &host));
            own_sni += usize::from(is("sni", &host));
        }
        let share = |count: usize| count as f64 / REQUESTS as f64;
        Ok(values([("routed", 1.0), ("own_host", share(own_host)), ("own_sni", share(own_sni))]))
    }

    /// As many requests as there can be.
    fn saturation(&mut self) -> Result<Values> {
        let order = self.order();
        self.load(&Order { seconds: (order.seconds / 2.0).min(1.5), ..order.clone() })?;
        let (outcome, cpu) = self.costs(&order)?;
        let memory = self.process.memory();
        let mut found = values([
            ("cpu_us", cpu * 1e6 / outcome.ok as f64),
            ("per_second", outcome.per_second()),
            ("cpu_share", cpu / outcome.seconds),
            ("resident_mb", memory.resident),
            ("proportional_mb", memory.proportional),
        ]);
        found.extend(failures(&outcome));
        Ok(found)
    }

    /// A steady rate that all should keep up with.
    fn rate(&mut self) -> Result<Values> {
        let order = Order { rate: Some(self.options.rate), ..self.order() };
        let (outcome, cpu) = self.costs(&order)?;
        let mut found = latencies(&outcome);
        found.insert("cpu_us".into(), cpu * 1e6 / outcome.ok as f64);
        found.insert("per_second".into(), outcome.per_second());
        found.extend(failures(&outcome));
        Ok(found)
    }

    fn bodies(&mut self) -> Result<Values> {
        let order = Order { connections: FEWER.min(self.options.connections), path: BIG.to_owned(), ..self.order() };
        let (outcome, cpu) = self.costs(&order)?;
        let gigabytes = outcome.bytes as f64 / 1e9;
        let mut found =
            values([("cpu_s_per_gb", cpu / gigabytes), ("mb_per_second", gigabytes * 1e3 / outcome.seconds)]);
        found.extend(failures(&outcome));
        Ok(found)
    }

    fn tls_h1(&mut self) -> Result<Values> {
        let ca = Some(self.place.folder.join("ca.pem"));
        let (outcome, cpu) = self.costs(&Order { to: self.place.tls, ca, ..self.order() })?;
        let mut found = values([("cpu_us", cpu * 1e6 / outcome.ok as f64), ("per_second", outcome.per_second())]);
        found.extend(failures(&outcome));
        Ok(found)
    }

    fn tls_h2(&mut self) -> Result<Values> {
        let host = mapping::domain(0);
        let seconds = self.options.seconds.ceil();
        let mut words: Vec<String> = ["-c", &self.rig.load_cpu.to_string(), "h2load", "-t1"].map(str::to_owned).into();
        words.extend([
            "-c8".to_owned(),
            "-m8".to_owned(),
            "-D".to_owned(),
            format!("{seconds}"),
            format!("--connect-to={}", self.place.tls),
        ]);
        words.push(format!("https://{host}{SMALL}"));
        let before = self.process.cpu();
        let limit = Duration::from_secs_f64(seconds) + GRACE;
        let text = output("taskset", &words, limit, &self.place.folder.join("h2load.log"))?;
        let cpu = self.process.cpu() - before;
        let counted = parse::h2load(&text).with_context(|| format!("what h2load says: {text}"))?;
        if counted.ok == 0 {
            bail!("no request was answered over TLS");
        }
        Ok(values([
            ("cpu_us", cpu * 1e6 / counted.ok as f64),
            ("per_second", counted.ok as f64 / seconds),
            ("failed", counted.failed as f64),
        ]))
    }

    fn system_calls(&mut self) -> Result<Values> {
        let order = Order { connections: FEW, seconds: 20.0, limit: Some(BEFORE_COUNTING), ..self.order() };
        self.load(&order)?;
        let file = self.place.folder.join("strace.txt");
        let pids = self.process.tree();
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-U", "name,calls", "-o"]).arg(&file);
        command.args(pids.iter().flat_map(|pid| ["-p".to_owned(), pid.to_string()]));
        let log = fs::File::create(self.place.folder.join("strace.log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let strace = Process::of(&mut command)?;
        let until = Instant::now() + Duration::from_secs(5);
        while !pids.iter().all(|pid| is_traced(*pid)) {
            if Instant::now() > until {
                bail!("strace does not get hold of it; it may not be allowed to here");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let outcome = self.load(&Order { limit: Some(COUNTED), ..order })?;
        strace.signal(Signal::INT)?;
        strace.wait(Duration::from_secs(10)).context("strace does not end")?;
        let calls = counters::strace(&fs::read_to_string(&file)?).context("what strace says")?;
        let mut found = values([("per_request", calls as f64 / outcome.ok.max(1) as f64)]);
        found.extend(failures(&outcome));
        Ok(found)
    }

    /// Traffic for all APIs alike: what is kept of connections.
    fn spread(&mut self) -> Result<Values> {
        let order = Order { hot: self.domains, ..self.order() };
        let warm_up = Order { seconds: 15.0, limit: Some(self.options.spread_warm_up), ..order.clone() };
        let warmed = self.load(&warm_up)?;
        let before = self.rig.handshakes()?;
        let (outcome, cpu) = self.costs(&order)?;
        let after = self.rig.handshakes()?;
        let memory = self.process.memory();
        let new = (after.all - before.all) as f64;
        let mut found = values([
            ("cpu_us", cpu * 1e6 / outcome.ok as f64),
            ("per_second", outcome.per_second()),
            ("handshakes_per_1000", new * 1e3 / outcome.ok as f64),
            ("resumed_per_1000", (after.resumed - before.resumed) as f64 * 1e3 / outcome.ok as f64),
            ("proportional_mb", memory.proportional),
        ]);
        found.extend(failures(&outcome));
        *found.entry("failed".into()).or_default() += warmed.failed as f64;
        Ok(found)
    }

    fn started(&mut self) -> Result<Values> {
        let memory = self.process.memory();
        Ok(values([
            ("ms", self.started_after.as_secs_f64() * 1e3),
            ("resident_mb", memory.resident),
            ("proportional_mb", memory.proportional),
        ]))
    }

    /// A domain is added while requests go on.
    fn change_under_load(&mut self) -> Result<Values> {
        let rate = Some(self.options.change_rate);
        let quiet = Order { connections: FEWER, rate, seconds: self.options.seconds.min(3.0), ..self.order() };
        let before = self.load(&quiet)?;
        let held = self.process.memory().proportional;
        let lasting = self.options.patience as f64 + 30.0;
        let load = self.start_load(&Order { seconds: lasting, until_input_ends: true, ..quiet.clone() })?;
        std::thread::sleep(Duration::from_millis(300));
        let began = self.change()?;
        let (answered, most) = self.watched(began)?;
        let during = load.end()?;
        Ok(values([
            ("ms", answered.as_secs_f64() * 1e3),
            ("extra_mb", (most - held).max(0.0)),
            ("before_p99_us", before.p99_us),
            ("p99_us", during.p99_us),
            ("longest_us", during.longest_us),
            ("failed", (before.failed + during.failed) as f64),
            ("retried", during.retried as f64),
        ]))
    }

    /// How long the change takes, and the most memory until a little after.
    fn watched(&mut self, began: Instant) -> Result<(Duration, f64)> {
        let settling = Duration::from_secs_f64(self.options.seconds.min(2.0));
        let done = AtomicBool::new(false);
        // Its process is asked from another thread, by its number.
        let watch = self.process.watch();
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut most = 0.0_f64;
                while !done.load(Ordering::Relaxed) {
                    most = most.max(watch.memory().proportional);
                    std::thread::sleep(Duration::from_millis(20));
                }
                most
            });
            let answered = self.until_it_answers(&mapping::added(), began);
            if answered.is_ok() {
                std::thread::sleep(settling);
            }
            done.store(true, Ordering::Relaxed);
            let most = watcher.join().expect("it only reads");
            Ok((answered?, most))
        })
    }

    /// User instructions a request, under callgrind.
    fn instructions(&mut self) -> Result<Values> {
        let order = Order { connections: 8, seconds: 120.0, limit: Some(BEFORE_COUNTING), ..self.order() };
        self.load(&order)?;
        let control = |what: &str| -> Result<()> {
            for pid in self.process.tree() {
                let words = [what.to_owned(), pid.to_string()];
                let log = self.place.folder.join("callgrind_control.log");
                output("callgrind_control", &words, Duration::from_secs(60), &log)?;
            }
            Ok(())
        };
        control("--zero")?;
        let before = self.rig.handshakes()?;
        let outcome = self.load(&Order { limit: Some(COUNTED_SLOWLY), ..order })?;
        let handshakes = self.rig.handshakes()?.all - before.all;
        dumps(&self.place.folder, |path| Ok(fs::remove_file(path)?))?;
        control("--dump")?;
        let mut sum = 0;
        dumps(&self.place.folder, |path| {
            sum += counters::callgrind(&fs::read_to_string(path)?).unwrap_or_default();
            Ok(())
        })?;
        if sum == 0 || outcome.ok == 0 {
            bail!("callgrind counted nothing");
        }
        let mut found = values([("per_request", sum as f64 / outcome.ok as f64), ("handshakes", handshakes as f64)]);
        found.extend(failures(&outcome));
        Ok(found)
    }
}

/// Each file that callgrind has written.
fn dumps(folder: &Path, mut each: impl FnMut(&Path) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("callgrind.out")) {
            each(&path)?;
        }
    }
    Ok(())
}

fn is_traced(pid: u32) -> bool {
    procfs::status(pid, "TracerPid:").is_some_and(|tracer| tracer != "0")
}

fn failures(outcome: &Outcome) -> Values {
    values([("failed", outcome.failed as f64), ("retried", outcome.retried as f64)])
}

fn latencies(outcome: &Outcome) -> Values {
    values([("p50_us", outcome.p50_us), ("p99_us", outcome.p99_us), ("p999_us", outcome.p999_us)])
}

/// A load that runs.
struct Load {
    process: Process,
}

impl Load {
    /// Tells it to end.
    fn end(mut self) -> Result<Outcome> {
        drop(self.process.child().stdin.take());
        self.finish(GRACE)
    }

    fn finish(mut self, limit: Duration) -> Result<Outcome> {
        let mut text = String::new();
        let out = self.process.child().stdout.take().context("a pipe")?;
        // It prints one short line at its end, which fits into the pipe.
        self.process.wait(limit).context("the load does not end")?;
        std::io::Read::read_to_string(&mut { out }, &mut text)?;
        serde_json::from_str(&text).with_context(|| format!("what the load says: {text}"))
    }
}
