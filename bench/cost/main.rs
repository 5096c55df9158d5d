//! What a request costs in instructions and system calls, held against committed figures. Told in
//! bench/cost/README.md.

// It talks to whoever runs it, and nobody else uses its parts.
#![allow(clippy::print_stdout, clippy::print_stderr, unreachable_pub)]

mod counting;
mod figures;

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use nameplate_bench::api;
use nameplate_bench::proxy::Proxy;
use nameplate_testkit::authority;
use nameplate_testkit::client::{Client, Target};

use figures::Figures;

/// Domains in the mapping; requests go to the first [`ASKED`] in turn.
const DOMAINS: usize = 1_000;
const ASKED: usize = 10;

/// Requests of one round, and how many rounds there are. The first one opens the connections and warms the caches; of the
/// others, the least count is taken: nothing else fell into it, such as a sample of the CPU time. Rounds are short, because
/// a process costs one of two counts for a while, and a round that has some of both is neither.
const REQUESTS: usize = 250;
const ROUNDS: usize = 16;

const API: &str = "cost0000.execute-api.eu-west-1.amazonaws.com";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).map(PathBuf::from);
    let (Some(binary), Some(folder), Some(committed)) = (words.next(), words.next(), words.next()) else {
        eprintln!("usage: cost BINARY FOLDER FIGURES; bench/cost/run.sh calls it");
        return ExitCode::from(2);
    };
    match run(&binary, &folder, &committed) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("cost: {e:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether a request costs no more than the figures allow.
fn run(binary: &Path, folder: &Path, committed: &Path) -> Result<bool> {
    let text = fs::read_to_string(committed).with_context(|| format!("read {}", committed.display()))?;
    let committed = Figures::read(&text)?;
    authority().write_pem(&folder.join("ca.pem"))?;
    let origin = api::start(TcpListener::bind("127.0.0.1:0")?, |host, stage| (host, stage) == (API, "prod"));
    let endpoint = origin.address();
    fs::write(folder.join("mapping.yaml"), mapping())?;
    fs::write(
        folder.join("nameplate.yaml"),
        format!(
            "mapping: mapping.yaml\nthreads: 1\nlisteners:\n  - address: 127.0.0.1:0\nadmin: 127.0.0.1:0\n\
             endpoint: {{ fixed: ['{endpoint}'], ca_file: ca.pem }}\n\
             shutdown: {{ delay: 0s }}\n"
        ),
    )?;

    let counted = Figures {
        instructions: least(|requests| counting::instructions(binary, folder, requests))?,
        system_calls: least(|requests| counting::system_calls(binary, folder, requests))?,
    };
    ensure!(origin.served() as usize == 2 * ROUNDS * REQUESTS, "the API did not answer every request");
    let (report, good) = committed.judge(&counted);
    print!("{report}");
    Ok(good)
}

/// The least of the counts that `count` makes, for each request. It is handed what sends one round.
fn least(count: impl FnOnce(&mut dyn FnMut(&Proxy) -> Result<()>) -> Result<Vec<u64>>) -> Result<f64> {
    let mut client = None;
    let counts = count(&mut |proxy| {
        let connection = match &mut client {
            Some(connection) => connection,
            none => none.insert(Target::plain(proxy.plain).connect()?),
        };
        ask(connection)
    })?;
    let least = counts.into_iter().min().context("nothing was counted")?;
    Ok(least as f64 / REQUESTS as f64)
}

/// Sends the requests of a round, one after the other.
fn ask(connection: &mut Client) -> Result<()> {
    for number in 0..REQUESTS {
        let request =
            format!("GET /orders/17?page=2 HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\n\r\n", domain(number % ASKED));
        let answer = connection.exchange(request.as_bytes(), false)?;
        ensure!(answer.status == 200, "an answer has the status {}", answer.status);
    }
    Ok(())
}

fn domain(number: usize) -> String {
    format!("d{number:04}.cost.example.com")
}

fn mapping() -> String {
    let mut text = "APIS:\n".to_owned();
    for number in 0..DOMAINS {
        let domain = domain(number);
        let _ = write!(text, "  - CUSTOM_DOMAIN_URL: {domain}\n    PRIVATE_API_URL: https://{API}/prod\n");
    }
    text
}
