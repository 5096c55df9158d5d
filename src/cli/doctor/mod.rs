//! `nameplate doctor URL`: why a URL does not answer, step by step from the mapping to the API's response.

mod aws;
mod causes;
mod entry;
mod exchange;
mod report;
mod text;

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use self::aws::AwsSeen;
use self::entry::Known;
use self::report::Report;
use super::admin_client::patience;
use super::environment;
use super::exit::{FAULTY, UNUSABLE, fail};
use super::format::OutputFormat;
use super::settings::{SettingsArgs, code_of};
use nameplate_core::domain::decide::{Decision, RequestView, decide};
use nameplate_core::domain::host::HostBuffer;
use nameplate_core::domain::target::without_fragment;
use nameplate_core::explain::{self, Question, Verdict};

/// What the command line of `doctor` says.
#[derive(Args, Clone, Debug)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Take the entry and the addresses from the running task with this admin listener, instead of a mapping
    #[arg(long, value_name = "IP:PORT", value_parser = environment::admin_address, conflicts_with = "mapping")]
    admin: Option<SocketAddr>,
    /// The method that the mapping is asked about. The API is asked with GET, HEAD or OPTIONS only, without credentials
    /// and without a body [default: the first that the entry allows, GET before all]
    #[arg(short = 'X', long, value_name = "METHOD")]
    method: Option<String>,
    /// Also ask API Gateway's control plane, read-only, with the AWS credentials at hand
    #[arg(long)]
    aws: bool,
    /// The id of the VPC endpoint, where its name in the settings does not say it
    #[arg(long, value_name = "ID", requires = "aws")]
    vpce: Option<String>,
    /// The longest that the steps at one address may take, in all
    #[arg(long, value_name = "DURATION", value_parser = patience, default_value = "35s")]
    timeout: Duration,
    /// How to print the findings
    #[arg(short, long, value_enum, default_value_t)]
    format: OutputFormat,
    /// The URL, as a client calls it: `https://orders.internal.example.com/v1/orders`
    url: OsString,
}

/// Examines a URL. Exit 0 if the API answers at every address, or only asks for credentials; 1 if it does not, or the
/// mapping refuses the request; 2 if the command could not look.
pub(super) fn doctor(args: &DoctorArgs, out: &mut dyn Write) -> ExitCode {
    let report = match examine(args) {
        Ok(report) => report,
        Err((code, what)) => return fail(code, what),
    };
    let printed = match args.format {
        OutputFormat::Text => text::write(&report, out),
        OutputFormat::Json => {
            serde_json::to_string_pretty(&report).map_err(io::Error::from).and_then(|json| writeln!(out, "{json}"))
        }
    };
    match printed {
        Ok(()) if report.ok => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(FAULTY),
        Err(e) => fail(UNUSABLE, format!("error: cannot print: {e}")),
    }
}

fn examine(args: &DoctorArgs) -> Result<Report, (u8, String)> {
    let settings = args.settings.read().map_err(|e| (code_of(&e), format!("{e:#}")))?;
    let host = Question::of_url("GET", args.url.as_bytes()).host.into_owned();
    let endpoints = args.settings.endpoints_of(&settings);
    let known = match args.admin {
        Some(admin) => entry::from_task(admin, &host, (settings, endpoints.is_some()), args.timeout)?,
        None => entry::from_mapping(settings, endpoints.as_deref())?,
    };
    let method = match &args.method {
        Some(method) => method.clone(),
        None => first_allowed_method(&known, args),
    };
    let question = Question::of_url(&method, args.url.as_bytes());
    let explanation = explain::explain(&known.table, &known.settings, &known.files, &question);
    let url = args.url.to_string_lossy();
    let mapped = report::Mapped::of(&explanation, &known.source);
    if let Verdict::Refused(_) = explanation.verdict {
        return Ok(Report::refused(&url, &method, mapped));
    }
    let mut buffer = HostBuffer::default();
    let Some(decision) = decided(&known, &question, &mut buffer) else {
        return Ok(Report::refused(&url, &method, mapped));
    };
    let exchanged = exchange::exchange(&known, &decision, &question, args.timeout).map_err(|what| (UNUSABLE, what))?;
    let mut report = Report::of(&url, &method, mapped, &exchanged);
    if args.aws {
        report.aws = Some(of_aws(args, &decision, &question.host, &report).map_err(|what| (UNUSABLE, what))?);
    }
    Ok(report)
}

/// What AWS says of the API that was asked.
fn of_aws(args: &DoctorArgs, decision: &Decision<'_>, host: &str, report: &Report) -> Result<AwsSeen, String> {
    let dns_name = report.endpoint.as_ref().and_then(|endpoint| endpoint.dns_name.as_deref());
    let (stage, verb) = report.request.as_ref().map(|sent| (&*sent.stage, &*sent.verb)).unwrap_or_default();
    let asked = aws::Asked {
        stage,
        verb,
        host,
        causes: report.verdict.iter().flat_map(|verdict| &verdict.causes).map(|cause| cause.label).collect(),
        vpce: args.vpce.clone().or_else(|| dns_name.and_then(aws::endpoint_id)),
    };
    aws::look(decision, &asked)
}

/// The same decision as the explanation's, for the entry itself.
fn decided<'k>(known: &'k Known, question: &Question<'_>, buffer: &mut HostBuffer) -> Option<Decision<'k>> {
    let view = RequestView {
        method: question.method,
        target: without_fragment(&question.target),
        host: Some(question.host.as_bytes()),
        host_optional: false,
        header_bytes: 0,
        content_length: None,
    };
    decide(&known.table, &known.settings.limits.into(), view, [], buffer).ok()
}

/// The first method that the entry allows, the safe ones first; GET where there is none, for the mapping to refuse.
fn first_allowed_method(known: &Known, args: &DoctorArgs) -> String {
    let all = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
    let allowed = all.into_iter().find(|method| {
        let question = Question::of_url(method, args.url.as_bytes());
        decided(known, &question, &mut HostBuffer::default()).is_some()
    });
    allowed.unwrap_or("GET").to_owned()
}
