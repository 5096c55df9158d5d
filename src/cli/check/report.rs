//! What `check` prints of each mapping, in the format that was asked for.

use std::io::{self, Write};

use serde::Serialize;

use super::super::against::Against;
use super::super::format::Format;
use super::super::load::{Loaded, NotLoaded};
use super::github;
use super::markdown;
use super::sarif::Log;
use nameplate_core::diagnostic::{Diagnostic, Diagnostics};
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;

/// The most errors, or warnings, of a file that are shown as text without `--all`.
const MOST_SHOWN: usize = 50;

/// What stands behind the number of those that are not shown.
const HINT: &str = "; `--all` shows them";

/// Prints what came of each mapping.
pub(super) struct Report<'w> {
    format: Format,
    /// How many errors, or warnings, of a file are shown as text.
    most: usize,
    out: &'w mut dyn Write,
    err: &'w mut dyn Write,
    /// What SARIF says of all of them, at the end.
    log: Log,
}

/// What `--format json` says of a mapping.
#[derive(Serialize)]
struct Accepted<'r> {
    mapping: &'r str,
    ok: bool,
    version: String,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<usize>,
    entries: usize,
    domains: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Against<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'r Diagnostic>,
}

/// What it says of settings without errors.
#[derive(Serialize)]
struct AcceptedSettings<'r> {
    settings: &'r str,
    ok: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'r Diagnostic>,
}

/// What it says of a mapping, or of settings, with errors, or that could not be read.
#[derive(Serialize)]
struct Refused<'r> {
    #[serde(flatten)]
    file: File<'r>,
    ok: bool,
    errors: usize,
    faults: Vec<&'r Diagnostic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<&'r str>,
}

/// Which file it is, and of what kind.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum File<'r> {
    Mapping(&'r str),
    Settings(&'r str),
}

impl<'r> File<'r> {
    /// A file of the same kind.
    fn named<'n>(self, name: &'n str) -> File<'n> {
        match self {
            File::Mapping(_) => File::Mapping(name),
            File::Settings(_) => File::Settings(name),
        }
    }

    fn name(self) -> &'r str {
        match self {
            File::Mapping(name) | File::Settings(name) => name,
        }
    }
}

impl<'w> Report<'w> {
    /// `all` shows as text what is more than [`MOST_SHOWN`], too.
    pub(super) fn new(format: Format, all: bool, out: &'w mut dyn Write, err: &'w mut dyn Write) -> Report<'w> {
        let most = if all { usize::MAX } else { MOST_SHOWN };
        Report { format, most, out, err, log: Log::default() }
    }

    /// A mapping without errors.
    pub(super) fn accept(&mut self, mapping: &Loaded, against: Option<Against<'_>>) -> io::Result<()> {
        let Loaded { name, table, version, warnings, parts, .. } = mapping;
        if self.format == Format::Json {
            let (entries, domains) = (table.len(), table.domains());
            let (version, sha256) = (version.to_string(), version.full());
            let warnings = warnings.iter().flat_map(Diagnostics::iter).collect();
            let parts = (!parts.is_empty()).then_some(parts.len());
            return self.json(&Accepted {
                mapping: name,
                ok: true,
                version,
                sha256,
                parts,
                entries,
                domains,
                against,
                warnings,
            });
        }
        if self.format == Format::Markdown {
            let change = against.map(|against| against.markdown()).unwrap_or_default();
            self.out.write_all(markdown::accepted(name, &summary(table, version), &change).as_bytes())?;
            return warnings.iter().try_for_each(|warnings| self.warn(warnings.file(), warnings));
        }
        let against = against.map(|against| against.to_string()).unwrap_or_default();
        let parts =
            if parts.is_empty() { String::new() } else { format!("{}, ", counted(parts.len(), "part", "parts")) };
        self.say(&format!("{name}: ok: {parts}{}\n{against}", summary(table, version)))?;
        warnings.iter().try_for_each(|warnings| self.warn(warnings.file(), warnings))
    }

    /// Settings without errors.
    pub(super) fn accept_settings(&mut self, name: &str, summary: &str, warnings: &Diagnostics) -> io::Result<()> {
        if self.format == Format::Json {
            return self.json(&AcceptedSettings { settings: name, ok: true, warnings: warnings.iter().collect() });
        }
        self.say(&format!("{name}: ok: {summary}\n"))?;
        self.warn(name, warnings)
    }

    /// Prints lines for people, where there are any.
    fn say(&mut self, lines: &str) -> io::Result<()> {
        match self.format {
            Format::Text => self.out.write_all(lines.as_bytes()),
            Format::Github => self.out.write_all(github::plain(lines).as_bytes()),
            Format::Markdown => self.out.write_all(markdown::fenced(lines).as_bytes()),
            Format::Json | Format::Sarif => Ok(()),
        }
    }

    fn warn(&mut self, name: &str, warnings: &Diagnostics) -> io::Result<()> {
        match self.format {
            Format::Text if warnings.is_empty() => Ok(()),
            Format::Text => writeln!(self.err, "{}", warnings.first_with_hint(self.most, HINT)),
            Format::Github => {
                warnings.iter().try_for_each(|found| writeln!(self.out, "{}", github::annotation(name, found)))
            }
            Format::Sarif => {
                warnings.iter().for_each(|found| self.log.add(name, found));
                Ok(())
            }
            Format::Markdown if warnings.is_empty() => Ok(()),
            Format::Markdown => {
                let text = warnings.first_with_hint(self.most, "").to_string();
                self.out.write_all(markdown::fenced(&text).as_bytes())
            }
            Format::Json => Ok(()),
        }
    }

    /// A mapping with errors, or one that could not be read.
    pub(super) fn refuse(&mut self, name: &str, why: &NotLoaded) -> io::Result<()> {
        self.refuse_file(File::Mapping(name), why)
    }

    /// As [`Report::refuse`], of settings.
    pub(super) fn refuse_settings(&mut self, name: &str, why: &NotLoaded) -> io::Result<()> {
        self.refuse_file(File::Settings(name), why)
    }

    fn refuse_file(&mut self, file: File<'_>, why: &NotLoaded) -> io::Result<()> {
        match (self.format, why) {
            (Format::Text, NotLoaded::Invalid(files)) => {
                for errors in files {
                    writeln!(self.err, "{}", errors.first_with_hint(self.most, HINT))?;
                }
            }
            (Format::Text, NotLoaded::Unreadable(what)) => writeln!(self.err, "error: {what}")?,
            (Format::Json, NotLoaded::Invalid(files)) => {
                for errors in files {
                    self.json(&refused(file.named(errors.file()), errors))?;
                }
            }
            (Format::Json, NotLoaded::Unreadable(what)) => {
                let unreadable = Some(what.as_str());
                self.json(&Refused { file, ok: false, errors: 1, faults: Vec::new(), unreadable })?;
            }
            (Format::Github, NotLoaded::Invalid(files)) => {
                for (name, error) in files.iter().flat_map(|errors| errors.iter().map(|error| (errors.file(), error))) {
                    writeln!(self.out, "{}", github::annotation(name, error))?;
                }
            }
            (Format::Github, NotLoaded::Unreadable(what)) => {
                writeln!(self.out, "{}", github::unreadable(file.name(), what))?
            }
            (Format::Markdown, NotLoaded::Invalid(files)) => {
                for errors in files {
                    let text = errors.first_with_hint(self.most, "").to_string();
                    self.out.write_all(markdown::refused(errors.file(), &text).as_bytes())?;
                }
            }
            (Format::Markdown, NotLoaded::Unreadable(what)) => {
                self.out.write_all(markdown::refused(file.name(), &format!("error: {what}")).as_bytes())?;
            }
            (Format::Sarif, NotLoaded::Invalid(files)) => {
                for errors in files {
                    errors.iter().for_each(|error| self.log.add(errors.file(), error));
                }
            }
            (Format::Sarif, NotLoaded::Unreadable(what)) => self.log.unreadable(what),
        }
        Ok(())
    }

    /// Prints what is printed of all mappings together.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.format {
            Format::Sarif => writeln!(self.out, "{:#}", self.log.into_json()),
            Format::Text | Format::Json | Format::Github | Format::Markdown => Ok(()),
        }
    }

    fn json(&mut self, report: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self.out, report)?;
        writeln!(self.out)
    }
}

fn refused<'r>(file: File<'r>, errors: &'r Diagnostics) -> Refused<'r> {
    Refused { file, ok: false, errors: errors.len(), faults: errors.iter().collect(), unreadable: None }
}

fn summary(table: &MappingTable, version: &Version) -> String {
    let (entries, domains) = (table.len(), table.domains());
    format!("{}, {}, version {version}", counted(entries, "entry", "entries"), counted(domains, "domain", "domains"))
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
