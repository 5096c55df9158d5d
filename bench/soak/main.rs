//! The soak: a real `nameplate serve` under load for an hour, while everything around it changes. Told in
//! bench/soak/README.md.

// It talks to whoever runs it, and nobody else uses its parts.
#![allow(clippy::print_stdout, clippy::print_stderr, unreachable_pub)]

mod attack;
mod entries;
mod load;
mod origin;
mod report;
mod tally;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use nameplate_bench::proxy::{Proxy, Sample};
use nameplate_testkit::authority;
use nameplate_testkit::client::{Target, tls_config};
use nameplate_testkit::dns::{Answer, Dns};
use rustls::client::Resumption;

use origin::{NAME, Origins};
use report::Report;
use tally::{Outages, Tally};

/// Connections that carry requests, a thread each; every fourth one is TLS.
const WORKERS: usize = 16;

/// Idle connections to an address are closed after this.
const IDLE: Duration = Duration::from_secs(5);

// How often what happens around the proxy happens, in seconds. An address is down for `DOWN`.
const MAPPING_EVERY: u64 = 5;
const CERTIFICATE_EVERY: u64 = 20;
const OUTAGE_EVERY: u64 = 30;
const DOWN: u64 = 4;
const ADDRESSES_EVERY: u64 = 15;

/// The name the TLS workers ask for.
const TLS_NAME: &str = "tls.soak.example.com";

struct Arguments {
    binary: PathBuf,
    folder: PathBuf,
    length: Duration,
    /// Requests a second in all; 0 is as many as there can be.
    rate: u32,
}

impl Arguments {
    fn read() -> Option<Arguments> {
        let mut words = std::env::args().skip(1);
        let minutes: f64 = words.next()?.parse().ok().filter(|minutes| (0.5..=10_000.0).contains(minutes))?;
        let (binary, folder) = (words.next()?.into(), words.next()?.into());
        let rate = words.next()?.parse().ok()?;
        Some(Arguments { binary, folder, length: Duration::from_secs_f64(minutes * 60.0), rate })
    }
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read() else {
        eprintln!("usage: soak MINUTES BINARY FOLDER RATE; bench/soak/run.sh calls it");
        return ExitCode::from(2);
    };
    match soak(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("soak: {e:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing went wrong.
fn soak(arguments: &Arguments) -> Result<bool> {
    let folder = &arguments.folder;
    authority().write_pem(&folder.join("ca.pem"))?;
    write_certificate(folder)?;
    entries::save(folder, 0)?;
    let mut origins = Origins::start()?;
    let names = Dns::start(addresses([0, 1]));
    fs::write(folder.join("nameplate.yaml"), settings(&origins, &names))?;

    let mut proxy = Proxy::start(&[], &arguments.binary, folder)?;
    let begun = Instant::now();
    let idle_before = proxy.sample(begun)?;

    let (stop, outages) = (Arc::new(AtomicBool::new(false)), Arc::new(Outages::default()));
    let mut tls = tls_config();
    // A session that is taken up again shows the certificate it began with.
    tls.resumption = Resumption::disabled();
    let tls = Arc::new(tls);
    let interval = match arguments.rate {
        0 => Duration::ZERO,
        rate => Duration::from_secs(WORKERS as u64) / rate,
    };
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let target = match worker % 4 {
                3 => Target { address: proxy.tls, tls: Some((Arc::clone(&tls), TLS_NAME.into())) },
                _ => Target::plain(proxy.plain),
            };
            let (stop, outages) = (Arc::clone(&stop), Arc::clone(&outages));
            std::thread::spawn(move || load::work(worker, &target, interval, &stop, &outages))
        })
        .collect();

    let mut around = Around {
        folder,
        names: &names,
        outages: &outages,
        mappings: 0,
        certificates: 0,
        moves: 0,
        left_out: 2,
        down: None,
    };
    // Between the two samples of memory that are compared.
    let (from, until) = (begun + arguments.length.mul_f64(0.3), begun + arguments.length.mul_f64(0.7));
    let attacked = proxy.third;
    let attacker = std::thread::spawn(move || attack::attack(attacked, from, until));
    let samples = around.happen(arguments.length, begun, &proxy, &mut origins);
    stop.store(true, Ordering::Relaxed);
    let attacks = attacker.join().expect("an attacker that ends");
    let mut tally = Tally::default();
    for worker in workers {
        tally.add(worker.join().expect("a worker reports what went wrong"));
    }
    let samples = samples?;

    // All clients are gone; what was kept for them goes too.
    std::thread::sleep(IDLE + Duration::from_secs(3));
    let idle_after = proxy.sample(begun)?;
    let mut report = Report {
        tally,
        samples,
        idle_before,
        idle_after,
        served: origins.served(),
        attacks: Vec::new(),
        faults: Vec::new(),
    };
    report.count(&proxy, around.mappings, around.certificates)?;
    report.count_attacks(&proxy, attacks)?;
    report.judge();
    match proxy.stop()? {
        status if status.success() => {}
        status => report.faults.push(format!("nameplate ended with {status} after SIGTERM")),
    }
    report.print(around.happened());
    Ok(report.faults.is_empty())
}

/// What happens around the proxy while it works.
struct Around<'a> {
    folder: &'a Path,
    names: &'a Dns,
    outages: &'a Outages,
    mappings: u64,
    certificates: u64,
    moves: u64,
    /// The address that DNS does not name.
    left_out: usize,
    down: Option<(usize, u64)>,
}

impl Around<'_> {
    /// Runs for the length of the soak, and takes samples.
    fn happen(
        &mut self,
        length: Duration,
        begun: Instant,
        proxy: &Proxy,
        origins: &mut Origins,
    ) -> Result<Vec<Sample>> {
        let sample_every = (length.as_secs() / 30).clamp(1, 10);
        let mut csv = fs::File::create(self.folder.join("samples.csv"))?;
        writeln!(csv, "seconds,rss_kib,open_fds")?;
        let mut samples = Vec::new();
        for second in 1..=length.as_secs() {
            std::thread::sleep((begun + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
            if second.is_multiple_of(MAPPING_EVERY) {
                self.mappings += 1;
                entries::save(self.folder, self.mappings as usize)?;
            }
            if second % CERTIFICATE_EVERY == CERTIFICATE_EVERY / 2 {
                self.certificates += 1;
                write_certificate(self.folder)?;
                proxy.signal("-HUP")?;
            }
            self.addresses(second, length.as_secs(), origins)?;
            if second.is_multiple_of(sample_every) {
                let sample = proxy.sample(begun)?;
                writeln!(csv, "{},{},{}", sample.seconds, sample.rss_kib, sample.fds)?;
                samples.push(sample);
            }
        }
        Ok(samples)
    }

    /// Brings one address down for a while, or lets DNS name another two.
    fn addresses(&mut self, second: u64, length: u64, origins: &mut Origins) -> Result<()> {
        if let Some((at, until)) = self.down {
            if second >= until {
                origins.bring_up(at)?;
                self.down = None;
            }
            return Ok(());
        }
        if second % OUTAGE_EVERY == OUTAGE_EVERY / 3 && second + DOWN < length {
            let at = (self.left_out + 1) % origin::ADDRESSES;
            self.outages.begin();
            origins.take_down(at);
            self.outages.is_down();
            self.down = Some((at, second + DOWN));
        } else if second % ADDRESSES_EVERY == ADDRESSES_EVERY - 1 {
            self.moves += 1;
            self.left_out = (self.left_out + 1) % origin::ADDRESSES;
            let places = (0..origin::ADDRESSES).filter(|at| *at != self.left_out);
            self.names.answers(addresses(places));
        }
        Ok(())
    }

    fn happened(&self) -> [(&'static str, u64); 4] {
        [
            ("mappings put in place", self.mappings),
            ("certificates put in place, with SIGHUP", self.certificates),
            ("addresses taken down and up", self.outages.count() as u64),
            ("changes of the endpoint's addresses in DNS", self.moves),
        ]
    }
}

/// A new certificate and key for the TLS listener. Nothing reads them before SIGHUP.
fn write_certificate(folder: &Path) -> Result<()> {
    let leaf = authority().issue(&[TLS_NAME.to_owned()])?;
    for (name, text) in [("server.pem", leaf.certificate_pem().to_owned()), ("server.key", leaf.key_pem())] {
        let new = folder.join("new.pem");
        fs::write(&new, text)?;
        fs::rename(new, folder.join(name))?;
    }
    Ok(())
}

/// What DNS has of the endpoint: these of its addresses, for a second.
fn addresses(places: impl IntoIterator<Item = usize>) -> Answer {
    Answer::Addresses(places.into_iter().map(|place| origin::address(place).into()).collect(), 1)
}

fn settings(origins: &Origins, names: &Dns) -> String {
    format!(
        "mapping: mapping.yaml
threads: 2
listeners:
  - address: 127.0.0.1:0
  - address: 127.0.0.1:0
    tls: {{ certificate: server.pem, key: server.key }}
  - address: 127.0.0.1:0
    h2c: true
    proxy_protocol: {{ trust: [127.0.0.0/8] }}
admin: 127.0.0.1:0
memory: {}
client:
  max_requests: {}
endpoint:
  name: {NAME}
  port: {}
  nameservers: ['{}']
  ca_file: ca.pem
  idle_timeout: {}s
  min_ttl: 1s
  max_ttl: 2s
",
        attack::MEMORY_MIB << 20,
        attack::MOST_REQUESTS,
        origins.port,
        names.address(),
        IDLE.as_secs()
    )
}
