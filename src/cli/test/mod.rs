//! `nameplate test`: the tests of a mapping, run against it; which entries they miss, and which changes they would not notice.

mod report;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use self::report::{Entry, Files, Mutations, Report};
use super::exit::{FAULTY, UNUSABLE};
use super::format::OutputFormat;
use super::load::{Loaded, NotLoaded, load};
use super::settings::{SettingsArgs, code_of};
use nameplate_core::diagnostic::{Diagnostics, printable_name};
use nameplate_core::mapping_test::{Coverage, Mutation, Suite, read, run, survivors, written};
use nameplate_core::settings::Settings;
use nameplate_core::settings::mapping::MAX_FILE;

/// Every test passes, and with --mutate every change is noticed.
const PASSED: u8 = 0;

/// What the command line of `test` says.
#[derive(Args, Clone, Debug)]
pub(super) struct TestArgs {
    /// Files of tests
    #[arg(value_name = "FILE", required_unless_present = "init")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Print tests that say what the mapping does now, for each class of requests that it can tell apart
    #[arg(long, conflicts_with_all = ["files", "mutate"])]
    init: bool,
    /// Also delete each entry, and lead it to another API and another stage; a change that no test notices is an error
    #[arg(long)]
    mutate: bool,
    /// Show every failure, entry and change as text, not the first 50 of each
    #[arg(long)]
    all: bool,
    /// How to print what came of the tests
    #[arg(short, long, value_enum, default_value_t)]
    format: OutputFormat,
}

/// Why nothing was tested: the exit code, and what to say.
type Refused = (u8, String);

/// Runs tests, or writes them. Returns the exit code.
pub(super) fn test(args: &TestArgs, input: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let tested = loaded(args, input).and_then(|(settings, mapping)| {
        if args.init {
            let text = written(&mapping.table, &settings);
            return out.write_all(text.as_bytes()).map(|()| PASSED).map_err(|e| cannot_print(&e));
        }
        let report = tested(args, &settings, &mapping)?;
        report.print(args.format, args.all, out, err).map_err(|e| cannot_print(&e))?;
        Ok(if report.is_ok() { PASSED } else { FAULTY })
    });
    tested.unwrap_or_else(|(code, what)| {
        let _ = writeln!(err, "{what}");
        code
    })
}

fn cannot_print(e: &io::Error) -> Refused {
    (UNUSABLE, format!("error: cannot print: {e}"))
}

fn loaded(args: &TestArgs, input: &mut dyn Read) -> Result<(Settings, Loaded), Refused> {
    let settings = args.settings.read().map_err(|e| (code_of(&e), format!("{e:#}")))?;
    let endpoints = args.settings.endpoints_of(&settings);
    let loaded = load(&settings.mapping, &settings.reload, endpoints.as_deref(), input).map_err(NotLoaded::refusal)?;
    Ok((settings, loaded))
}

fn tested(args: &TestArgs, settings: &Settings, mapping: &Loaded) -> Result<Report, Refused> {
    let (mut suites, mut errors): (Vec<(String, Suite)>, Vec<String>) = (Vec::new(), Vec::new());
    for path in &args.files {
        let name = printable_name(&path.display().to_string());
        match suite(path, &name)? {
            Ok(suite) => suites.push((name, suite)),
            Err(found) => errors.push(found.to_string()),
        }
    }
    if !errors.is_empty() {
        return Err((FAULTY, errors.join("\n")));
    }
    let table = &mapping.table;
    let mut coverage = Coverage::new();
    let files = suites.iter().map(|(name, suite)| Files {
        name: name.clone(),
        outcome: run(suite, (table, &mapping.files), settings, &mut coverage),
    });
    let files = files.collect();
    let missed = table.in_order().into_iter().filter(|(index, _)| !coverage.contains_key(index));
    let unreached = missed.map(|(index, _)| entry(mapping, index)).collect();
    let suites: Vec<Suite> = suites.into_iter().map(|(_, suite)| suite).collect();
    let mutations = args.mutate.then(|| Mutations {
        changes: table.len() * Mutation::ALL.len(),
        survivors: survivors(&suites, table, settings)
            .into_iter()
            .map(|(index, change)| (entry(mapping, index), change))
            .collect(),
    });
    Ok(Report { mapping: mapping.name.clone(), files, entries: table.len(), unreached, mutations })
}

/// Reads a file of tests.
fn suite(path: &Path, name: &str) -> Result<Result<Suite, Diagnostics>, Refused> {
    let unreadable = |e: io::Error| (UNUSABLE, format!("error: cannot read {name}: {e}\n  help: name a file of tests"));
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).map_err(unreadable)?;
    Ok(read(&bytes, name))
}

fn entry(mapping: &Loaded, index: u32) -> Entry {
    let route = mapping.table.route(index);
    let file = mapping.files.of(route);
    Entry { domain: route.host().to_owned(), base_path: route.base().to_owned(), file, line: route.line }
}
