//! `nameplate check`: every fault of a mapping, before it is in force; and, against the one before,
//! what it changes.

mod files;
mod github;
mod markdown;
mod report;
mod sarif;
mod settings_alone;

use std::io::{self, Read, Write};

use clap::Args;

use super::against::{Against, Verdict};
pub use super::format::Format;
use super::load::{Loaded, NotLoaded, is_input, load};
use super::plan::ZoneArgs;
use super::settings::SettingsPlace;
use nameplate_core::diagnostic::Diagnostics;
use nameplate_core::mapping::regions::EndpointRegions;
use nameplate_core::settings::{MappingSource, ReloadRules};
use nameplate_plan::change::Change;

use self::files::expanded;
use self::report::Report;
use self::settings_alone::{check_settings, refuse_settings};

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
    /// Mappings: files, patterns of files (`mappings/**/*.yaml`), `-` for standard input, s3://bucket/key, or http(s)
    /// URLs. Without any, the settings are checked, and the files they name
    #[arg(value_name = "MAPPING")]
    pub mappings: Vec<MappingSource>,
    /// Say what the mapping changes against this one, and whether running tasks take it by themselves.
    /// An empty file stands for no mapping yet
    #[arg(long, value_name = "OLD")]
    pub against: Option<MappingSource>,
    /// How to say it
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Show everything as text: every error and warning, and all that a change does, not the first of each
    #[arg(long)]
    pub all: bool,
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

impl CheckArgs {
    /// Checks these, in text, against nothing.
    pub fn of(mappings: Vec<MappingSource>) -> CheckArgs {
        let zones = ZoneArgs::default();
        CheckArgs {
            mappings,
            against: None,
            format: Format::Text,
            all: false,
            settings: SettingsPlace::default(),
            max_removed: None,
            zones,
        }
    }
}

/// Checks mappings. Says on `out` what is well, on `err` what is not and what to know (in other formats than text, all
/// on `out`), and returns the exit code: the worst of the mappings'.
pub fn check(args: &CheckArgs, input: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    if args.mappings.is_empty() && args.against.is_none() && args.settings.is_given() {
        let mut report = Report::new(args.format, args.all, out, err);
        let code = check_settings(&args.settings, &mut report);
        return code.and_then(|code| report.finish().map(|()| code)).unwrap_or(UNREADABLE);
    }
    let mappings = match expanded(&args.mappings).and_then(|mappings| usable(mappings, args)) {
        Ok(mappings) => mappings,
        Err(usage) => {
            let mut report = Report::new(args.format, args.all, out, err);
            let _ = report.refuse("", &NotLoaded::Unreadable(usage)).and_then(|()| report.finish());
            return UNREADABLE;
        }
    };
    let settings = match args.settings.read() {
        Ok(settings) => settings,
        Err(e) => {
            let mut report = Report::new(args.format, args.all, out, err);
            let code = refuse_settings(e, &mut report);
            return code.and_then(|code| report.finish().map(|()| code)).unwrap_or(UNREADABLE);
        }
    };
    let endpoints = args.settings.endpoints_of(&settings);
    let regions = args.settings.regions_of(&settings);
    let mut rules = settings.reload;
    rules.watch = false;
    // Tasks with consent from their settings hold nothing.
    let most = if rules.allow_shrink { 100 } else { rules.max_removed };
    rules.max_removed = args.max_removed.unwrap_or(most);
    let mut check =
        Check { args, rules, endpoints, regions, input, report: Report::new(args.format, args.all, out, err) };
    let code = mappings.iter().map(|place| check.one(place).unwrap_or(UNREADABLE)).max().unwrap_or(OK);
    check.report.finish().map_or(UNREADABLE, |()| code)
}

/// The mappings, if they go together with each other and with the one that they are compared with.
fn usable(mappings: Vec<MappingSource>, args: &CheckArgs) -> Result<Vec<MappingSource>, String> {
    let usage = match (&mappings[..], &args.against) {
        ([], _) => "no mapping file named\n  help: nameplate check mapping.yaml",
        ([new], Some(old)) if is_input(new) && is_input(old) => {
            "both mappings are standard input\n  help: write one of them to a file"
        }
        ([_, _, ..], Some(_)) => "--against compares one mapping\n  help: name one mapping, and the old one",
        (mappings, _) if mappings.iter().filter(|mapping| is_input(mapping)).count() > 1 => {
            "standard input is named twice\n  help: name `-` once"
        }
        _ => return Ok(mappings),
    };
    Err(usage.into())
}

struct Check<'a> {
    args: &'a CheckArgs,
    rules: ReloadRules,
    endpoints: Option<Vec<String>>,
    regions: EndpointRegions,
    input: &'a mut dyn Read,
    report: Report<'a>,
}

impl Check<'_> {
    fn one(&mut self, place: &MappingSource) -> io::Result<u8> {
        let loaded = match load(place, &self.rules, self.endpoints.as_deref(), self.input) {
            Ok(loaded) => loaded,
            Err(fault) => return self.refuse(&place.to_string(), &fault),
        };
        let errors = self.regions.errors(&loaded.table, |route| loaded.files.of(route));
        if !errors.is_empty() {
            return self.refuse(&loaded.name, &NotLoaded::Invalid(errors));
        }
        let Some(old) = &self.args.against else {
            self.report.accept(&loaded, None)?;
            return Ok(OK);
        };
        let old = match load(old, &self.rules, None, self.input) {
            Ok(loaded) => loaded,
            Err(NotLoaded::Invalid(errors)) if errors.iter().all(Diagnostics::is_of_nothing) => {
                Loaded::nothing(&old.to_string(), loaded.version)
            }
            Err(fault) => return self.refuse(&old.to_string(), &fault),
        };
        let change = Change::between(&old.table, &loaded.table, &self.args.zones.zoning());
        let against = Against::of(&old, &loaded, &change, (&self.rules, self.args.all));
        let code = match against.verdict {
            Verdict::None | Verdict::Hot => OK,
            Verdict::Deployment => DEPLOYMENT,
            Verdict::Held => HELD,
        };
        self.report.accept(&loaded, Some(against))?;
        Ok(code)
    }

    fn refuse(&mut self, name: &str, fault: &NotLoaded) -> io::Result<u8> {
        self.report.refuse(name, fault)?;
        Ok(match fault {
            NotLoaded::Invalid(_) => FAULTS,
            NotLoaded::Unreadable(_) => UNREADABLE,
        })
    }
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
