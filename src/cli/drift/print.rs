//! What was found, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::super::load::Loaded;
use nameplate_plan::drift::finding::{Compared, Drift, Finding, Subject, Unseen};
use nameplate_plan::drift::kind::Severity;
use nameplate_plan::warning::and_more;

/// The format of the JSON. Another number is another meaning of its fields.
const FORMAT: u32 = 1;

/// Domains that a finding lists for people.
const LISTED: usize = 5;

/// What stands above entries whose owner the mapping does not name.
const NOBODY: &str = "no owner";

#[derive(Serialize)]
struct Printed<'p> {
    format: u32,
    mapping: PrintedMapping<'p>,
    compared: Compared,
    counts: BTreeMap<&'static str, usize>,
    findings: &'p [Finding],
    unknown: &'p [Unseen],
}

#[derive(Serialize)]
struct PrintedMapping<'p> {
    name: &'p str,
    version: String,
}

pub(super) fn json(loaded: &Loaded, drift: &Drift, out: &mut dyn Write) -> io::Result<()> {
    let counts = Severity::ALL.map(|severity| (severity.name(), count(drift, severity)));
    let mut counts = BTreeMap::from(counts);
    counts.insert("unknown", drift.unknown.len());
    let mapping = PrintedMapping { name: &loaded.name, version: loaded.version.to_string() };
    let Drift { findings, unknown, compared } = drift;
    let printed = Printed { format: FORMAT, mapping, compared: *compared, counts, findings, unknown };
    serde_json::to_writer_pretty(&mut *out, &printed)?;
    writeln!(out)
}

pub(super) fn text(loaded: &Loaded, drift: &Drift, out: &mut dyn Write) -> io::Result<()> {
    let Compared { apis, domains } = drift.compared;
    writeln!(out, "{}, version {}: {apis} APIs and {domains} domains compared with AWS", loaded.name, loaded.version)?;
    for (owner, findings) in by_owner(drift) {
        writeln!(out, "\n{owner}")?;
        findings.into_iter().try_for_each(|finding| print(finding, out))?;
    }
    if !drift.unknown.is_empty() {
        writeln!(out, "\nCould not be looked at")?;
        unknown(&drift.unknown, out)?;
    }
    writeln!(out, "\n{}", summary(drift))
}

fn count(drift: &Drift, severity: Severity) -> usize {
    drift.findings.iter().filter(|finding| finding.severity == severity).count()
}

/// The findings of each owner. The owner with the most dangerous one comes first; what concerns several stands under each.
fn by_owner(drift: &Drift) -> Vec<(&str, Vec<&Finding>)> {
    let mut owners: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &drift.findings {
        let named = &finding.subject.owners;
        let nobody = named.is_empty().then_some(NOBODY);
        for owner in named.iter().map(String::as_str).chain(nobody) {
            owners.entry(owner).or_default().push(finding);
        }
    }
    let mut owners: Vec<(&str, Vec<&Finding>)> = owners.into_iter().collect();
    let worst = |findings: &[&Finding]| findings.iter().map(|of| (of.severity, of.kind)).min();
    owners.sort_by_key(|(owner, findings)| (worst(findings), *owner));
    owners
}

fn print(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let Finding { kind, severity, subject, has, wants, fix } = finding;
    writeln!(out, "  {} {}: {}", severity.name(), kind.name(), subject.about)?;
    domains(subject, out)?;
    writeln!(out, "    AWS has: {has}")?;
    writeln!(out, "    needed: {wants}")?;
    writeln!(out, "    fix: {fix}")
}

fn domains(subject: &Subject, out: &mut dyn Write) -> io::Result<()> {
    if let [domain] = &subject.domains[..]
        && *domain == subject.about
    {
        return Ok(());
    }
    let listed = subject.domains.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = and_more(subject.domains.len().saturating_sub(LISTED));
    if listed.is_empty() { Ok(()) } else { writeln!(out, "    domains: {listed}{more}") }
}

/// Writes what could not be looked at, grouped by reason.
fn unknown(all: &[Unseen], out: &mut dyn Write) -> io::Result<()> {
    let mut reasons: BTreeMap<(&str, &str), Vec<&Unseen>> = BTreeMap::new();
    for unseen in all {
        reasons.entry((&unseen.why, &unseen.fix)).or_default().push(unseen);
    }
    for ((why, fix), unseen) in reasons {
        let about = unseen.iter().take(LISTED).map(|of| &*of.subject.about).collect::<Vec<_>>().join("; ");
        writeln!(out, "  {about}{}", and_more(unseen.len().saturating_sub(LISTED)))?;
        writeln!(out, "    why: {why}")?;
        writeln!(out, "    fix: {fix}")?;
    }
    Ok(())
}

fn summary(drift: &Drift) -> String {
    let counts = Severity::ALL.map(|severity| format!("{} {}", count(drift, severity), severity.name()));
    let findings = match drift.findings.len() {
        0 => "no drift".to_owned(),
        1 => format!("1 difference: {}", counts.join(", ")),
        many => format!("{many} differences: {}", counts.join(", ")),
    };
    match drift.unknown.len() {
        0 => findings,
        unknown => format!("{findings}; {unknown} could not be looked at"),
    }
}
