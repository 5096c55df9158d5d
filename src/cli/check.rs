//! `nameplate check`: every fault of a mapping, before it is in force; and, against the one before,
//! what it changes.

use std::io::{self, Read, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::against::{Against, Verdict};
use super::load::{Loaded, NotLoaded, is_input, load};
use super::plan::ZoneArgs;
use super::settings::{SettingsPlace, code_of};
use nameplate_core::diagnostic::{Diagnostic, Diagnostics};
use nameplate_core::domain::limits::stricter_below_wider;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::load::Compiled;
use nameplate_core::mapping::regions::EndpointRegions;
use nameplate_core::settings::{MappingSource, ReloadRules};
use nameplate_plan::change::Change;

/// Every mapping is without fault, and, against an old one, running tasks take the change by themselves.
pub const OK: u8 = 0;
/// A mapping has faults.
pub const FAULTS: u8 = 1;
/// A file could not be read, or none was named.
pub const UNREADABLE: u8 = 2;
/// Against the old mapping: something must be deployed before every domain of the new one works.
pub const DEPLOYMENT: u8 = 3;
/// Against the old mapping: tasks would hold the change, because it removes too many domains or grows too much.
pub const HELD: u8 = 4;

/// What the command line of `check` says.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Mappings: files, `-` for standard input, s3://bucket/key, or http(s) URLs
    #[arg(required = true, value_name = "MAPPING")]
    pub mappings: Vec<MappingSource>,
    /// Say what the mapping changes against this one, and whether running tasks take it by themselves.
    /// An empty file stands for no mapping yet
    #[arg(long, value_name = "OLD")]
    pub against: Option<MappingSource>,
    /// How to say it: `json` is one line of JSON for each mapping
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Their `endpoints` are those that ENDPOINT may name, an API must be in its endpoint's region, and their `reload` says how sources are read and
    /// what a change may remove.
    #[command(flatten)]
    pub(super) settings: SettingsPlace,
    /// Percent of the domains that a change may remove [default: `reload: max_removed` of the settings, and
    /// all where they have `allow_shrink`]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub max_removed: Option<u8>,
    /// As `plan` is told, for --against: they decide which domains need a deployment
    #[command(flatten)]
    pub zones: ZoneArgs,
}

/// How `check` says what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For pipelines.
    Json,
}

impl CheckArgs {
    /// Checks these, in text, against nothing.
    pub fn of(mappings: Vec<MappingSource>) -> CheckArgs {
        let zones = ZoneArgs::default();
        CheckArgs {
            mappings,
            against: None,
            format: Format::Text,
            settings: SettingsPlace::default(),
            max_removed: None,
            zones,
        }
    }
}

/// Checks mappings. Says on `out` what is well, on `err` what is not and what to know (in JSON, all on `out`), and
/// returns the exit code: the worst of the mappings'.
pub fn check(args: &CheckArgs, input: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let usage = match (&args.mappings[..], &args.against) {
        ([], _) => Some("no mapping file named\n  help: nameplate check mapping.yaml"),
        ([new], Some(old)) if is_input(new) && is_input(old) => {
            Some("both mappings are standard input\n  help: write one of them to a file")
        }
        ([_, _, ..], Some(_)) => Some("--against compares one mapping\n  help: name one mapping, and the old one"),
        _ => None,
    };
    if let Some(usage) = usage {
        let _ = writeln!(err, "error: {usage}");
        return UNREADABLE;
    }
    let settings = match args.settings.read() {
        Ok(settings) => settings,
        Err(e) => {
            let _ = writeln!(err, "{e:#}");
            return code_of(&e);
        }
    };
    let endpoints = args.settings.endpoints_of(&settings);
    let regions = args.settings.regions_of(&settings);
    let mut rules = settings.reload;
    rules.watch = false;
    // Tasks with consent from their settings hold nothing.
    let most = if rules.allow_shrink { 100 } else { rules.max_removed };
    rules.max_removed = args.max_removed.unwrap_or(most);
    let mut check = Check { args, rules, endpoints, regions, input, out, err };
    args.mappings.iter().map(|place| check.one(place).unwrap_or(UNREADABLE)).max().unwrap_or(OK)
}

struct Check<'a> {
    args: &'a CheckArgs,
    rules: ReloadRules,
    endpoints: Option<Vec<String>>,
    regions: EndpointRegions,
    input: &'a mut dyn Read,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

/// What `--format json` says of a mapping.
#[derive(Serialize)]
struct Report<'r> {
    mapping: &'r str,
    ok: bool,
    version: String,
    sha256: String,
    entries: usize,
    domains: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Against<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

/// What somebody should know of a mapping without errors.
#[derive(Serialize)]
struct Warning {
    line: u32,
    what: String,
    help: &'static str,
}

/// What it says of one with faults, or that could not be read.
#[derive(Serialize)]
struct Refusal<'r> {
    mapping: &'r str,
    ok: bool,
    errors: usize,
    faults: Vec<&'r Diagnostic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<&'r str>,
}

impl Check<'_> {
    fn one(&mut self, place: &MappingSource) -> io::Result<u8> {
        let Loaded { name, mapping } = match load(place, &self.rules, self.endpoints.as_deref(), self.input) {
            Ok(loaded) => loaded,
            Err(fault) => return self.refuse(&place.to_string(), &fault),
        };
        if let Some(errors) = self.regions.errors(&mapping.table, &name) {
            return self.refuse(&name, &NotLoaded::Invalid(errors));
        }
        let Some(old) = &self.args.against else { return self.accept(&name, &mapping, None) };
        let old = match load(old, &self.rules, None, self.input) {
            Ok(loaded) => loaded,
            Err(NotLoaded::Invalid(faults)) if faults.is_of_nothing() => Loaded {
                name: old.to_string(),
                mapping: Compiled { table: MappingTable::default(), version: mapping.version },
            },
            Err(fault) => return self.refuse(&old.to_string(), &fault),
        };
        let change = Change::between(&old.mapping.table, &mapping.table, &self.args.zones.zoning());
        let against = Against::of(&old, (&name, mapping.table.len()), &change, &self.rules);
        self.accept(&name, &mapping, Some(against))
    }

    fn accept(&mut self, name: &str, mapping: &Compiled, against: Option<Against<'_>>) -> io::Result<u8> {
        let code = match against.as_ref().map(|against| against.verdict) {
            None | Some(Verdict::None | Verdict::Hot) => OK,
            Some(Verdict::Deployment) => DEPLOYMENT,
            Some(Verdict::Held) => HELD,
        };
        let Compiled { table, version } = mapping;
        let warnings = warnings(table);
        match self.args.format {
            Format::Text => {
                writeln!(self.out, "{name}: ok: {}", summary(table, version))?;
                for Warning { line, what, help } in &warnings {
                    writeln!(self.err, "{name}:{line}: warning: {what}\n  help: {help}")?;
                }
                if let Some(against) = &against {
                    write!(self.out, "{against}")?;
                }
            }
            Format::Json => {
                let (entries, domains) = (table.len(), table.domains());
                let (version, sha256) = (version.to_string(), version.full());
                self.json(&Report { mapping: name, ok: true, version, sha256, entries, domains, against, warnings })?;
            }
        }
        Ok(code)
    }

    fn refuse(&mut self, name: &str, fault: &NotLoaded) -> io::Result<u8> {
        let code = match fault {
            NotLoaded::Invalid(_) => FAULTS,
            NotLoaded::Unreadable(_) => UNREADABLE,
        };
        match (self.args.format, fault) {
            (Format::Text, NotLoaded::Invalid(faults)) => writeln!(self.err, "{faults}")?,
            (Format::Text, NotLoaded::Unreadable(what)) => writeln!(self.err, "error: {what}")?,
            (Format::Json, NotLoaded::Invalid(faults)) => self.json(&refusal(name, faults))?,
            (Format::Json, NotLoaded::Unreadable(what)) => {
                let unreadable = Some(what.as_str());
                self.json(&Refusal { mapping: name, ok: false, errors: 1, faults: Vec::new(), unreadable })?;
            }
        }
        Ok(code)
    }

    fn json(&mut self, report: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self.out, report)?;
        writeln!(self.out)
    }
}

fn refusal<'r>(mapping: &'r str, faults: &'r Diagnostics) -> Refusal<'r> {
    Refusal { mapping, ok: false, errors: faults.len(), faults: faults.iter().collect(), unreadable: None }
}

/// Warns of entries that allow less than one above them, and that other spellings of their paths would go round.
fn warnings(table: &MappingTable) -> Vec<Warning> {
    let name = |route: &Route| format!("`{}{}`", route.host(), route.base());
    let warning = |(strict, wide): (usize, usize)| {
        let (strict, wide) = (&table.routes()[strict], &table.routes()[wide]);
        Warning {
            line: strict.line,
            what: format!(
                "{} allows less than {} (line {}), which leads to the same API and stage",
                name(strict),
                name(wide),
                wide.line
            ),
            help: "other spellings of its paths (`//x`, `/%78`) are refused with `ambiguous_path`; what nobody may call \
                   is best refused by the API as well",
        }
    };
    let mut warnings: Vec<_> = stricter_below_wider(table.routes()).into_iter().map(warning).collect();
    warnings.sort_by_key(|warning| warning.line);
    warnings
}

fn summary(table: &MappingTable, version: &Version) -> String {
    let counted = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let (entries, domains) = (table.len(), table.domains());
    format!("{}, {}, version {version}", counted(entries, "entry", "entries"), counted(domains, "domain", "domains"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "APIS:\n  - CUSTOM_DOMAIN_URL: a.example.com\n    PRIVATE_API_URL: https://abc.execute-api.eu-west-1.amazonaws.com/p\n";

    const OKAY: &str = "<stdin>: ok: 1 entry, 1 domain, version 52c2adbb3093\n";

    fn run(files: &[&str], input: &str) -> (u8, String, String) {
        let files = files.iter().map(|file| file.parse().expect("a source")).collect();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = check(&CheckArgs::of(files), &mut input.as_bytes(), &mut out, &mut err);
        (code, String::from_utf8(out).expect("text"), String::from_utf8(err).expect("text"))
    }

    #[test]
    fn standard_input_is_a_file_like_others() {
        assert_eq!(run(&["-"], GOOD), (OK, OKAY.into(), String::new()));
        let (code, out, err) = run(&["-"], "APIS: []\n");
        assert_eq!((code, &*out), (FAULTS, ""));
        assert!(err.starts_with("<stdin>:1:1: error: APIS lists no entry\n") && err.ends_with("\n1 error\n"), "{err}");
    }

    #[test]
    fn the_worst_file_decides() {
        let (code, out, err) = run(&["-", "/does/not/exist.yaml"], GOOD);
        assert_eq!((code, &*out), (UNREADABLE, OKAY));
        assert!(err.starts_with("error: cannot read /does/not/exist.yaml: "), "{err}");
    }

    #[test]
    fn no_file_is_a_fault_of_usage() {
        assert_eq!(run(&[], "").0, UNREADABLE);
    }
}
