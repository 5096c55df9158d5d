//! Which figures the report has, and how they read.

use super::stats::Figure;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Less,
    More,
    /// It is told, not judged.
    Neither,
}

/// How a median is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Plain,
    /// A whole number.
    Count,
    /// Microseconds, as milliseconds.
    Millis,
    /// A share of one, in percent.
    Percent,
    /// The ratio to the base instead.
    Ratio,
}

pub struct Column {
    pub title: &'static str,
    pub phase: &'static str,
    pub value: &'static str,
    pub shown: Shown,
    pub better: Better,
}

impl Column {
    pub fn figure(&self, domains: usize) -> Figure {
        Figure { phase: self.phase, value: self.value, domains }
    }
}

pub struct Table {
    pub title: &'static str,
    /// Whether there is one for each of `--sizes`, and the title begins with that.
    pub sized: bool,
    pub about: &'static str,
    pub columns: &'static [Column],
}

const fn column(title: &'static str, phase: &'static str, value: &'static str, shown: Shown, better: Better) -> Column {
    Column { title, phase, value, shown, better }
}

use Better::{Less, More, Neither};
use Shown::{Count, Millis, Percent, Plain, Ratio};

/// Those with the mapping of `--domains`.
pub const STEADY: &[Table] = &[
    Table {
        sized: false,
        title: "Plaintext in, kept connections, 1 KiB answers",
        about: "CPU time and throughput with as many requests as there can be, latency at a fixed rate.",
        columns: &[
            column("CPU µs/request", "saturation", "cpu_us", Plain, Less),
            column("ratio", "saturation", "cpu_us", Ratio, Neither),
            column("requests/s", "saturation", "per_second", Plain, More),
            column("p50 ms", "rate", "p50_us", Millis, Less),
            column("p99 ms", "rate", "p99_us", Millis, Less),
            column("p99.9 ms", "rate", "p999_us", Millis, Less),
            column("100 KiB: CPU s/GB", "bodies", "cpu_s_per_gb", Plain, Less),
            column("ratio", "bodies", "cpu_s_per_gb", Ratio, Neither),
            column("system calls/request", "system-calls", "per_request", Plain, Less),
            column("instructions/request", "instructions", "per_request", Plain, Less),
            column("memory MB", "saturation", "proportional_mb", Plain, Less),
        ],
    },
    Table {
        sized: false,
        title: "TLS in",
        about: "The client's side is TLS 1.3 with an RSA certificate; otherwise as above.",
        columns: &[
            column("HTTP/1.1: CPU µs/request", "tls-h1", "cpu_us", Plain, Less),
            column("ratio", "tls-h1", "cpu_us", Ratio, Neither),
            column("HTTP/1.1: requests/s", "tls-h1", "per_second", Plain, More),
            column("HTTP/2: CPU µs/request", "tls-h2", "cpu_us", Plain, Less),
            column("ratio", "tls-h2", "cpu_us", Ratio, Neither),
            column("HTTP/2: requests/s", "tls-h2", "per_second", Plain, More),
        ],
    },
    Table {
        sized: false,
        title: "Traffic spread over all APIs",
        about: "Each API has connections of its own where SNI is its name, so more have to be kept, and opened.",
        columns: &[
            column("CPU µs/request", "spread", "cpu_us", Plain, Less),
            column("ratio", "spread", "cpu_us", Ratio, Neither),
            column("requests/s", "spread", "per_second", Plain, More),
            column("handshakes/1,000 requests", "spread", "handshakes_per_1000", Plain, Less),
            column("of them resumed", "spread", "resumed_per_1000", Plain, Neither),
            column("memory MB", "spread", "proportional_mb", Plain, Less),
        ],
    },
    Table {
        sized: false,
        title: "What the API gets",
        about: "Requests for five domains in turn, one connection. Own: the Host, and the SNI, are the API's own name.",
        columns: &[
            column("own Host", "check", "own_host", Percent, Neither),
            column("own SNI", "check", "own_sni", Percent, Neither),
        ],
    },
];

/// The one that there is for each of `--sizes`.
pub const SIZE: &Table = &Table {
    sized: true,
    title: "domains: start, and one more while requests go on",
    about: "Memory is the share of each page that is the proxy's own (PSS), summed over its processes.",
    columns: &[
        column("start ms", "start", "ms", Plain, Less),
        column("memory MB", "start", "proportional_mb", Plain, Less),
        column("new domain answers after ms", "change", "ms", Plain, Less),
        column("extra memory MB", "change", "extra_mb", Plain, Less),
        column("p99 ms before", "change", "before_p99_us", Millis, Neither),
        column("p99 ms during", "change", "p99_us", Millis, Less),
        column("longest ms", "change", "longest_us", Millis, Less),
        column("failed", "change", "failed", Count, Less),
        column("sent again", "change", "retried", Count, Neither),
    ],
};

/// Three digits, or all before the point.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        1_000.0.. => thousands(value.round() as i64),
        99.95.. => format!("{value:.0}"),
        9.995.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// `1,000,000`
pub fn thousands(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    let sign = if value < 0 { "-" } else { "" };
    sign.to_owned() + &groups.collect::<Vec<_>>().join(",")
}
