//! `nameplate explain METHOD URL`: the same decision as the proxy's, in words.

mod expect;

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};

use self::expect::Expected;
use super::exit::{FAULTY, UNUSABLE, fail};
use super::format::OutputFormat;
use super::load::{Loaded, NotLoaded, all_of, load};
use super::settings::{SettingsArgs, code_of};
use nameplate_core::explain::{self, Explanation, Question, Verdict};

/// What the command line of `explain` says.
#[derive(Args, Clone, Debug)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// A value of X-HTTP-Method-Override, as a client would send it
    #[arg(long = "override", value_name = "METHOD")]
    overrides: Vec<String>,
    /// Exit 0 only if this becomes of the request: 200 or `forwarded`, a refusal's status, or its reason
    // What the API answers to a forwarded request is not known; 200 stands for any of it.
    #[arg(long, value_name = "STATUS", value_parser = Expected::parse)]
    expect: Option<Expected>,
    /// How to print the verdict
    #[arg(short, long, value_enum, default_value_t)]
    format: OutputFormat,
    /// The request's method
    method: String,
    /// The request's URL: `https://orders.internal.example.com/v1/orders?state=open`
    url: OsString,
}

/// Explains one request. Exit 0 if it would be forwarded, 1 if it would be refused; with `--expect`, 0 if that is the
/// verdict, 1 if another one is.
pub(super) fn explain(args: &ExplainArgs, out: &mut dyn Write) -> ExitCode {
    let settings = match args.settings.read() {
        Ok(settings) => settings,
        Err(e) => return fail(code_of(&e), format!("{e:#}")),
    };
    let (place, rules, endpoints) = (&settings.mapping, &settings.reload, args.settings.endpoints_of(&settings));
    let Loaded { table, files, .. } = match load(place, rules, endpoints.as_deref(), &mut std::io::stdin().lock()) {
        Ok(loaded) => loaded,
        Err(NotLoaded::Unreadable(fault)) => return fail(UNUSABLE, fault),
        Err(NotLoaded::Invalid(errors)) => return fail(FAULTY, all_of(&errors)),
    };
    let mut question = Question::of_url(&args.method, args.url.as_bytes());
    question.overrides = args.overrides.iter().map(String::as_bytes).collect();
    let explanation = explain::explain(&table, &settings, &files, &question);
    let text = match args.format {
        OutputFormat::Text => explanation.to_string(),
        OutputFormat::Json => format!("{:#}\n", as_json(&question, &explanation)),
    };
    if out.write_all(text.as_bytes()).is_err() {
        return ExitCode::from(UNUSABLE);
    }
    match args.expect {
        Some(expected) if expected.is_met_by(explanation.verdict) => ExitCode::SUCCESS,
        Some(expected) => fail(FAULTY, expected.unlike(explanation.verdict)),
        None if explanation.verdict == Verdict::Forwarded => ExitCode::SUCCESS,
        None => ExitCode::from(FAULTY),
    }
}

/// The verdict for programs. Facts are called as in the text, in small letters with underscores.
fn as_json(question: &Question<'_>, explanation: &Explanation) -> Value {
    let (verdict, refusal) = match explanation.verdict {
        Verdict::Forwarded => ("forwarded", None),
        Verdict::Refused(refusal) => ("refused", Some(refusal)),
    };
    let entry = explanation.entry.as_ref().map(
        |entry| json!({ "domain": entry.domain, "base_path": entry.base_path, "file": entry.file, "line": entry.line }),
    );
    let name = |fact: &str| fact.to_ascii_lowercase().replace([' ', '-', '/'], "_");
    let facts: Map<_, _> =
        explanation.facts.iter().map(|(fact, value)| (name(fact), Value::from(value.as_str()))).collect();
    json!({
        "request": {
            "method": question.method,
            "host": question.host,
            "target": String::from_utf8_lossy(&question.target),
        },
        "verdict": verdict,
        "status": refusal.map(|refusal| refusal.status()),
        "reason": refusal.map(|refusal| refusal.reason()),
        "message": refusal.map(|refusal| refusal.to_string()),
        "entry": entry,
        "facts": facts,
        "help": explanation.help,
    })
}
