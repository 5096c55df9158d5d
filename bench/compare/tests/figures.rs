//! From raw lines to a report.

use std::fs;
use std::path::{Path, PathBuf};

use crate::account::parse::{self, H2load};
use crate::account::record::{self, Line, Measured};
use crate::account::stats::{Figure, median, median_of, ratio};
use crate::account::tables::number;
use crate::account::{plot, report};

const CPU: Figure = Figure { phase: "saturation", value: "cpu_us", domains: 1_000 };

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/compare").join(name)
}

/// Two rounds of a few proxies, one of them slow, one absent, one with a fault.
fn raw() -> Vec<Line> {
    record::read(&fs::read_to_string(case("raw.jsonl")).unwrap()).unwrap()
}

/// A round of a proxy: one figure.
fn measured(round: usize, proxy: &str, cpu: f64) -> Line {
    let values = [("cpu_us".to_owned(), cpu)].into();
    Line::Measured(Measured { round, proxy: proxy.into(), domains: 1_000, phase: "saturation".into(), values })
}

#[test]
fn a_known_run_gives_exactly_this_report() {
    for (name, got) in [("report.md", report::markdown(&raw())), ("summary.json", report::summary(&raw()))] {
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(case(name), &got).unwrap();
        }
        let want = fs::read_to_string(case(name)).unwrap();
        assert!(got == want, "tests/cases/compare/{name} is not what raw.jsonl gives:\n{got}");
    }
}

#[test]
fn the_median_is_the_middle_one_or_the_mean_of_the_two() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
}

/// The second round is twice as slow for all: that is the machine's doing, and in no ratio.
#[test]
fn a_ratio_is_taken_inside_each_round() {
    let lines = [(1, 10.0, 15.0), (2, 20.0, 30.0), (3, 10.0, 16.0)];
    let lines: Vec<Line> = lines
        .into_iter()
        .flat_map(|(round, base, ours)| [measured(round, "nginx-tuned", base), measured(round, "nameplate", ours)])
        .collect();
    assert_eq!(ratio(&lines, "nameplate", "nginx-tuned", CPU), Some(1.5));
    assert_eq!(median_of(&lines, "nameplate", CPU), Some(16.0));
}

#[test]
fn a_round_without_the_base_has_no_ratio() {
    let lines = [measured(1, "nginx-tuned", 10.0), measured(2, "nameplate", 30.0)];
    assert_eq!(ratio(&lines, "nameplate", "nginx-tuned", CPU), None);
}

#[test]
fn a_smoke_run_fails_for_each_of_these() {
    let faults = report::faults(&raw());
    for want in [
        "envoy was left out: envoy is not installed",
        "haproxy, change, 10 domains: HAProxy: unknown map",
        "haproxy, bodies, 1000 domains: 3 requests failed",
        "nameplate: 12.5 handshakes in 1,000 requests to many APIs",
        "nameplate, 1000 domains: no system-calls.per_request",
    ] {
        assert!(faults.iter().any(|fault| fault == want), "no `{want}` in {faults:#?}");
    }
}

#[test]
fn a_smoke_run_does_not_ask_for_what_a_proxy_does_not_do() {
    // Bare Pingora's map cannot change; nginx-sample has no TLS; instructions are counted only where that is asked for.
    let faults = report::faults(&raw());
    for never in ["bare, 10 domains: no change.ms", "nginx-sample, 1000 domains: no tls-h1.cpu_us", "instructions"] {
        assert!(!faults.iter().any(|fault| fault.contains(never)), "`{never}` in {faults:#?}");
    }
}

#[test]
fn each_plot_shows_who_was_measured_and_not_who_was_overloaded() {
    let plots = plot::all(&raw());
    let plot = |name: &str| plots.iter().find(|(known, _)| *known == name).unwrap().1.as_str();
    assert!(plot("cpu.svg").contains("NGINX, tuned") && plot("cpu.svg").contains("NGINX as the AWS sample has it"));
    assert!(!plot("latency.svg").contains("NGINX as the AWS sample has it"));
    assert!(!plot("cpu.svg").contains("Envoy"));
}

#[test]
fn numbers_have_three_digits_or_all_before_the_point() {
    let written = [0.0, 0.123, 9.99, 9.999, 12.34, 99.96, 345.6, 1_234.5, 1_234_567.0].map(number);
    assert_eq!(written, ["0", "0.12", "9.99", "10.0", "12.3", "100", "346", "1,235", "1,234,567"]);
}

#[test]
fn h2load_says_what_was_answered_and_what_was_not() {
    let text = "finished in 2.02s, 2226.00 req/s, 2.22MB/s
requests: 4452 total, 4516 started, 4452 done, 4440 succeeded, 12 failed, 5 errored, 0 timeout
status codes: 4440 2xx, 0 3xx, 0 4xx, 12 5xx
";
    assert_eq!(parse::h2load(text), Some(H2load { ok: 4_440, failed: 12, per_second: 2_226.0 }));
    assert_eq!(parse::h2load("h2load: could not connect"), None);
}

#[test]
fn a_version_is_found_in_what_each_program_says() {
    for (text, want) in [
        ("nginx version: nginx/1.22.1", "1.22.1"),
        ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", "2.6.12-1+deb12u4"),
        ("\n/a/bin/envoy  version: c8ae9/1.40.0/Clean/RELEASE/BoringSSL\n", "1.40.0"),
        ("v2.11.7 h1:abc=", "2.11.7"),
        ("Version:      3.7.15\nGo version:   go1.26.1", "3.7.15"),
        ("nameplate 0.1.0", "0.1.0"),
    ] {
        assert_eq!(parse::version(text).as_deref(), Some(want), "{text}");
    }
}
