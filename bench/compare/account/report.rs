//! The report: tables, where Nameplate loses, what is missing, and the same as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::plot;
use super::record::{Line, Machine};
use super::stats::{median_of, ratio, total};
use super::tables::{Better, Column, SIZE, STEADY, Shown, Table, number, thousands};
use crate::peers::{BASE, OURS, PEERS, Peer, Phase};

/// A proxy that reaches less than this share of the rate is overloaded, and its latency says nothing.
const KEEPS_UP: f64 = 0.97;
/// Figures that differ by less are the same.
const SAME: f64 = 0.02;
/// Handshakes in 1,000 requests to many APIs that are too many, once connections to each are kept.
const MOST_HANDSHAKES: f64 = 10.0;
const NONE: &str = "–";

/// Writes all files of a report; `raw.jsonl` is there.
pub fn write(folder: &Path, lines: &[Line]) -> Result<()> {
    let mut files = vec![("report.md", markdown(lines)), ("summary.json", summary(lines))];
    files.extend(plot::all(lines));
    for (name, text) in files {
        fs::write(folder.join(name), text).with_context(|| format!("write {}", folder.join(name).display()))?;
    }
    Ok(())
}

fn machine(lines: &[Line]) -> Machine {
    let machine = lines.iter().find_map(|line| match line {
        Line::Machine(machine) => Some(machine.clone()),
        _ => None,
    });
    machine.unwrap_or_default()
}

/// The proxies of a report, absent ones too, in the order of the tables.
pub fn peers(lines: &[Line]) -> Vec<&'static Peer> {
    let named = |line: &Line, name: &str| match line {
        Line::Machine(_) => false,
        Line::Absent { proxy, .. } | Line::Fault { proxy, .. } => proxy == name,
        Line::Measured(measured) => measured.proxy == name,
    };
    PEERS.iter().filter(|peer| lines.iter().any(|line| named(line, peer.name))).collect()
}

/// The tables of a report and the mapping each is about.
fn tables(lines: &[Line]) -> Vec<(&'static Table, usize)> {
    let machine = machine(lines);
    let steady = STEADY.iter().map(|table| (table, machine.domains));
    steady.chain(machine.sizes.iter().map(|size| (SIZE, *size))).collect()
}

fn title(table: &Table, domains: usize) -> String {
    if table.sized { format!("{} {}", thousands(domains as i64), table.title) } else { table.title.to_owned() }
}

pub fn markdown(lines: &[Line]) -> String {
    let mut text = head(&machine(lines));
    for (table, domains) in tables(lines) {
        let title = title(table, domains);
        let _ = write!(text, "\n## {title}\n\n");
        if !table.about.is_empty() {
            let _ = write!(text, "{}\n\n", table.about);
        }
        text += &rows(lines, table, domains);
    }
    text += "\n## Requests that failed, in all phases\n\n";
    text +=
        "Another status than 200, no answer, or half of one. Sent again: a kept connection had been closed, and a\n";
    text += "second one answered.\n\n| proxy | failed | sent again |\n|---|---|---|\n";
    for peer in peers(lines) {
        let [failed, again] = ["failed", "retried"].map(|value| thousands(total(lines, peer.name, value) as i64));
        let _ = if is_absent(lines, peer) {
            writeln!(text, "| {} | left out | |", peer.title)
        } else {
            writeln!(text, "| {} | {failed} | {again} |", peer.title)
        };
    }
    text += &losses(lines);
    text += &missing_text(lines);
    text += "\n## Plots\n\n";
    for (name, _) in plot::all(lines) {
        let _ = writeln!(text, "![{}]({name})", name.trim_end_matches(".svg"));
    }
    text
}

fn head(machine: &Machine) -> String {
    let Machine { day, cpu, cpus, memory_gb, kernel, commit, rounds, seconds, rate, connections, domains, .. } =
        machine;
    let versions: Vec<_> = machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "# The comparison of {day}\n\n\
         {cpus} CPUs ({cpu}), {memory_gb} GB, Linux {kernel}. Nameplate of commit {commit}.\n\
         Versions: {}.\n\n\
         {rounds} rounds of {seconds} s a load; {connections} connections; {} domains unless it says otherwise; \
         latency at {} requests/s.\n\
         Figures are medians over rounds. A ratio is to tuned NGINX in the same round, then the median of those.\n\
         `{NONE}`: not measured, for a reason at the end. What each column is: [README](../README.md).\n",
        versions.join(", "),
        thousands(*domains as i64),
        number(*rate),
    )
}

fn is_absent(lines: &[Line], peer: &Peer) -> bool {
    lines.iter().any(|line| matches!(line, Line::Absent { proxy, .. } if proxy == peer.name))
}

fn rows(lines: &[Line], table: &Table, domains: usize) -> String {
    let titles: Vec<_> = table.columns.iter().map(|column| column.title).collect();
    let mut text = format!("| proxy | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(titles.len()));
    for peer in peers(lines) {
        let cells: Vec<_> = table.columns.iter().map(|column| cell(lines, peer, column, domains)).collect();
        if is_absent(lines, peer) {
            let _ = writeln!(text, "| {} | left out |{}", peer.title, " |".repeat(titles.len() - 1));
        } else if cells.iter().any(|cell| cell != NONE) {
            let _ = writeln!(text, "| {} | {} |", peer.title, cells.join(" | "));
        }
    }
    text
}

fn cell(lines: &[Line], peer: &Peer, column: &Column, domains: usize) -> String {
    let figure = column.figure(domains);
    let failed = |line: &Line| match line {
        Line::Fault { proxy, phase, domains: of, .. } => {
            proxy == peer.name && (phase == column.phase || phase == "start") && *of == domains
        }
        _ => false,
    };
    let Some(median) = median_of(lines, peer.name, figure) else {
        return if lines.iter().any(failed) { "failed" } else { NONE }.to_owned();
    };
    if column.phase == "rate" && !keeps_up(lines, peer, domains) {
        return "overloaded".into();
    }
    match column.shown {
        Shown::Plain => number(median),
        Shown::Count => thousands(median.round() as i64),
        Shown::Millis => number(median / 1e3),
        Shown::Percent => format!("{:.0} %", median * 100.0),
        Shown::Ratio => {
            ratio(lines, peer.name, BASE, figure).map_or_else(|| NONE.into(), |ratio| format!("{ratio:.2}"))
        }
    }
}

/// Whether a proxy reached the rate at which latency is measured.
pub fn keeps_up(lines: &[Line], peer: &Peer, domains: usize) -> bool {
    let rate = machine(lines).rate;
    let reached = super::stats::Figure { phase: "rate", value: "per_second", domains };
    median_of(lines, peer.name, reached).is_some_and(|reached| reached >= rate * KEEPS_UP)
}

/// Each figure in which another proxy is better than Nameplate.
fn losses(lines: &[Line]) -> String {
    let mut text = "\n## Where Nameplate is behind\n\n".to_owned();
    let before = text.len();
    for (table, domains) in tables(lines) {
        for column in table.columns.iter().filter(|column| column.better != Better::Neither) {
            let better = better_ones(lines, column, domains);
            if !better.is_empty() {
                let _ = writeln!(text, "- {}; {}: {}", title(table, domains), column.title, better.join(", "));
            }
        }
    }
    if !peers(lines).iter().any(|peer| peer.name == OURS) {
        text += "It was not measured.\n";
    } else if text.len() == before {
        text += "Nowhere in what was measured.\n";
    }
    text
}

/// Who is better than Nameplate, and by how much.
fn better_ones(lines: &[Line], column: &Column, domains: usize) -> Vec<String> {
    let figure = column.figure(domains);
    let Some(ours) = median_of(lines, OURS, figure) else { return Vec::new() };
    let others = peers(lines).into_iter().filter(|peer| !peer.name.starts_with(OURS));
    let better = others.filter_map(|peer| {
        let theirs = median_of(lines, peer.name, figure)?;
        if column.phase == "rate" && !keeps_up(lines, peer, domains) {
            return None;
        }
        let is = match column.better {
            Better::Less => theirs < ours * (1.0 - SAME),
            Better::More => theirs > ours * (1.0 + SAME),
            Better::Neither => false,
        };
        let written = |value: f64| number(if column.shown == Shown::Millis { value / 1e3 } else { value });
        is.then(|| format!("{} {} against {}", peer.title, written(theirs), written(ours)))
    });
    better.collect()
}

fn missing_text(lines: &[Line]) -> String {
    let mut text = "\n## Left out, and what went wrong\n\n".to_owned();
    let before = text.len();
    let title = |name: &str| PEERS.iter().find(|peer| peer.name == name).map_or("?", |peer| peer.title);
    for line in lines {
        match line {
            Line::Absent { proxy, why } => {
                let _ = writeln!(text, "- {} was left out: {}", title(proxy), one_line(why));
            }
            Line::Fault { round, proxy, domains, phase, why } => {
                let _ = writeln!(
                    text,
                    "- {}, {phase} with {} domains, round {round}: {}",
                    title(proxy),
                    thousands(*domains as i64),
                    one_line(why)
                );
            }
            Line::Machine(_) | Line::Measured(_) => {}
        }
    }
    if text.len() == before {
        text += "Nothing went wrong.\n";
    }
    text += "\nNot measured, because there is nothing to measure, or because it was not asked for:\n\n";
    for peer in peers(lines).into_iter().filter(|peer| !peer.leaves_out.is_empty()) {
        let _ = writeln!(text, "- {}: {}", peer.title, peer.leaves_out);
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Medians and ratios by proxy and figure, for programs.
pub fn summary(lines: &[Line]) -> String {
    let mut proxies = Map::new();
    for peer in peers(lines) {
        let mut figures = Map::new();
        for (table, domains) in tables(lines) {
            for column in table.columns.iter().filter(|column| column.shown != Shown::Ratio) {
                let figure = column.figure(domains);
                let Some(median) = median_of(lines, peer.name, figure).map(six_digits) else { continue };
                let ratio = ratio(lines, peer.name, BASE, figure).map(|ratio| (ratio * 1e3).round() / 1e3);
                let name = format!("{}.{}@{domains}", column.phase, column.value);
                figures.insert(name, json!({ "median": median, "ratio": ratio }));
            }
        }
        proxies.insert(peer.name.to_owned(), Value::Object(figures));
    }
    let summary = json!({ "machine": machine(lines), "ratios_to": BASE, "proxies": proxies });
    serde_json::to_string_pretty(&summary).expect("text and numbers") + "\n"
}

/// What a figure is worth at most.
fn six_digits(value: f64) -> f64 {
    if value == 0.0 { value } else { format!("{value:.5e}").parse().unwrap_or(value) }
}

/// What is wrong with a smoke run. None of it is about time.
pub fn faults(lines: &[Line]) -> Vec<String> {
    let mut faults = Vec::new();
    for line in lines {
        match line {
            Line::Machine(_) => {}
            Line::Absent { proxy, why } => faults.push(format!("{proxy} was left out: {why}")),
            Line::Fault { proxy, phase, domains, why, .. } => {
                faults.push(format!("{proxy}, {phase}, {domains} domains: {why}"));
            }
            Line::Measured(m) => {
                let failed = m.values.get("failed").copied().unwrap_or_default();
                if failed > 0.0 {
                    faults.push(format!("{}, {}, {} domains: {failed} requests failed", m.proxy, m.phase, m.domains));
                }
                let handshakes = m.values.get("handshakes_per_1000").copied().unwrap_or_default();
                if m.proxy.starts_with(OURS) && handshakes > MOST_HANDSHAKES {
                    faults.push(format!("{}: {handshakes} handshakes in 1,000 requests to many APIs", m.proxy));
                }
            }
        }
    }
    faults.extend(missing(lines));
    faults
}

/// Figures that a proxy which was measured should have, and has not.
fn missing(lines: &[Line]) -> Vec<String> {
    let phases: BTreeMap<&str, Phase> = Phase::ALL.iter().map(|phase| (phase.name(), *phase)).collect();
    let mut missing = Vec::new();
    for peer in peers(lines) {
        for (table, domains) in tables(lines) {
            for column in table.columns {
                // Counting instructions is asked for by itself.
                let asked =
                    phases.get(column.phase).is_some_and(|phase| peer.does(*phase) && *phase != Phase::Instructions);
                // Those that have no figures of their own with other mappings.
                let sized = table.sized && !peer.does(Phase::Start);
                if asked && !sized && median_of(lines, peer.name, column.figure(domains)).is_none() {
                    missing.push(format!("{}, {domains} domains: no {}.{}", peer.name, column.phase, column.value));
                }
            }
        }
    }
    missing.dedup();
    missing
}
