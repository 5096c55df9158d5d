//! What `compare run` can be told.

use std::path::PathBuf;

use crate::peers::{PEERS, Peer, named};

/// Measures every proxy, and writes the report.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// The Nameplate to measure.
    #[arg(long)]
    pub nameplate: PathBuf,
    /// bench/compare/bare.rs, built.
    #[arg(long)]
    pub bare: PathBuf,
    /// Where envoy, caddy and traefik are.
    #[arg(long)]
    pub installed: PathBuf,
    /// For what is written while it runs; emptied first.
    #[arg(long)]
    pub scratch: PathBuf,
    /// Where the results go.
    #[arg(long)]
    pub out: PathBuf,
    /// Every proxy is measured once a round.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Rounds of starting and changing, which take longer.
    #[arg(long, default_value_t = 3)]
    pub change_rounds: usize,
    /// Length of a load, in seconds.
    #[arg(long, default_value_t = 4.0)]
    pub seconds: f64,
    /// Requests a second where latency is measured.
    #[arg(long, default_value_t = 9_000.0)]
    pub rate: f64,
    /// Requests a second while the mapping changes.
    #[arg(long, default_value_t = 1_000.0)]
    pub change_rate: f64,
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// In the mapping, but for `--sizes`.
    #[arg(long, default_value_t = 1_000)]
    pub domains: usize,
    /// Mappings to start with and to change.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1_000, 100_000])]
    pub sizes: Vec<usize>,
    /// Requests before those that are spread over all APIs are counted.
    #[arg(long, default_value_t = 60_000)]
    pub spread_warm_up: u64,
    /// The longest that a start, or a change, may take, in seconds.
    #[arg(long, default_value_t = 120)]
    pub patience: u64,
    /// The most memory that a proxy may take, in MB.
    #[arg(long, default_value_t = 8_000)]
    pub memory: u64,
    #[arg(long, default_value_t = 0)]
    pub load_cpu: usize,
    #[arg(long, default_value_t = 1)]
    pub proxy_cpu: usize,
    /// Count instructions too, with callgrind: slow, once for each proxy it can run.
    #[arg(long)]
    pub instructions: bool,
    /// Only these proxies.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// For CI: a minute, few proxies, and a failure where an answer was wrong or a measure is missing.
    #[arg(long)]
    pub smoke: bool,
    /// The commit that Nameplate was built from, for the report.
    #[arg(long, default_value = "unknown")]
    pub commit: String,
}

/// What the smoke run has.
const SMOKE: [&str; 5] = ["nginx-tuned", "haproxy", "bare", "nameplate", "nameplate-shared"];

impl Options {
    /// The proxies to measure, or a name that is none.
    pub fn peers(&self) -> Result<Vec<&'static Peer>, String> {
        let names: Vec<&str> = match (&self.only[..], self.smoke) {
            ([], true) => SMOKE.to_vec(),
            ([], false) => PEERS.iter().map(|peer| peer.name).collect(),
            (only, _) => only.iter().map(String::as_str).collect(),
        };
        let known = || PEERS.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", ");
        let peer =
            |name| named(name).ok_or_else(|| format!("--only {name}: no such proxy\nhelp: there are {}", known()));
        names.into_iter().map(peer).collect()
    }

    /// With `--smoke`, what is short and small, whatever else was said.
    pub fn settled(mut self) -> Options {
        if self.smoke {
            self.rounds = 1;
            self.change_rounds = 1;
            self.seconds = 1.0;
            self.rate = 1_000.0;
            self.change_rate = 300.0;
            self.connections = 16;
            self.sizes = vec![10, 1_000];
            self.spread_warm_up = 20_000;
            self.patience = 30;
        }
        self
    }
}
