//! `nameplate explain METHOD URL`: the same decision as the proxy's, in words.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::exit::{FAULTY, UNUSABLE, fail};
use super::load::{Loaded, NotLoaded, load};
use super::settings::{SettingsArgs, code_of};
use nameplate_core::explain::{self, Question, Verdict};

/// What the command line of `explain` says.
#[derive(Args, Clone, Debug)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// A value of X-HTTP-Method-Override, as a client would send it
    #[arg(long = "override", value_name = "METHOD")]
    overrides: Vec<String>,
    /// The request's method
    method: String,
    /// The request's URL: `https://orders.internal.example.com/v1/orders?state=open`
    url: String,
}

/// Explains one request. Exit 0 if it would be forwarded, 1 if it would be refused.
pub(super) fn explain(args: &ExplainArgs, out: &mut dyn Write) -> ExitCode {
    let settings = match args.settings.read() {
        Ok(settings) => settings,
        Err(e) => return fail(code_of(&e), format!("{e:#}")),
    };
    let (place, rules, endpoints) = (&settings.mapping, &settings.reload, args.settings.endpoints_of(&settings));
    let Loaded { name: file, mapping } = match load(place, rules, endpoints.as_deref(), &mut std::io::stdin().lock()) {
        Ok(loaded) => loaded,
        Err(NotLoaded::Unreadable(fault)) => return fail(UNUSABLE, fault),
        Err(NotLoaded::Invalid(faults)) => return fail(FAULTY, faults),
    };
    let mut question = Question::of_url(&args.method, &args.url);
    question.overrides = args.overrides.iter().map(String::as_bytes).collect();
    let explanation = explain::explain(&mapping.table, &settings, &file, &question);
    if out.write_all(explanation.to_string().as_bytes()).is_err() {
        return ExitCode::from(UNUSABLE);
    }
    if explanation.verdict == Verdict::Forwarded { ExitCode::SUCCESS } else { ExitCode::from(FAULTY) }
}
