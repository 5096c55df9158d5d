//! What `doctor` found, for people.

use std::io::{self, Write};

use super::aws::AwsSeen;
use super::causes::Judged;
use super::report::{AddressSeen, EndpointSeen, Report, Sent};
use nameplate_core::diagnostic::printable_name;

/// Prints a report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} {}", report.method, report.url)?;
    mapping(report, out)?;
    if let Some(request) = &report.request {
        sent(request, out)?;
        if request.verb != report.method {
            let Sent { verb, .. } = request;
            writeln!(
                out,
                "  note       asked with {verb}, as {} may change something; it may not be defined",
                report.method
            )?;
        }
    }
    if let Some(endpoint) = &report.endpoint {
        seen(endpoint, out)?;
    }
    let Some(worst) = &report.verdict else { return Ok(()) };
    let addresses: Vec<&AddressSeen> = report.endpoint.iter().flat_map(|endpoint| &endpoint.addresses).collect();
    if addresses.iter().all(|address| address.verdict == *worst) {
        causes(worst, out)?;
    } else {
        for (verdict, at) in by_verdict(&addresses) {
            write!(out, "\nAt {}:", at.join(", "))?;
            causes(verdict, out)?;
        }
    }
    report.aws.as_ref().map_or(Ok(()), |aws| of_aws(aws, out))
}

/// What API Gateway's control plane says.
fn of_aws(seen: &AwsSeen, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nAWS, with the credentials at hand:")?;
    for note in &seen.notes {
        writeln!(out, "  {}", printable_name(note))?;
    }
    if let Some(policy) = &seen.policy {
        writeln!(out, "  the resource policy {} the request:", policy.says())?;
        for statement in &policy.statements {
            writeln!(out, "    {}", printable_name(&statement.to_string()))?;
        }
    }
    if let Some(error) = &seen.error {
        writeln!(out, "  {error}")?;
    }
    if seen.causes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nWith that, what is left:")?;
    for cause in &seen.causes {
        writeln!(out, "- {} ({}).\n  {}", cause.title, cause.label, cause.cure)?;
    }
    Ok(())
}

/// The verdicts, each with the addresses that it is of.
fn by_verdict<'r>(addresses: &[&'r AddressSeen]) -> Vec<(&'r Judged, Vec<&'r str>)> {
    let mut groups: Vec<(&Judged, Vec<&str>)> = Vec::new();
    for seen in addresses {
        let at = seen.address.as_deref().unwrap_or("none");
        match groups.iter_mut().find(|(verdict, _)| **verdict == seen.verdict) {
            Some((_, group)) => group.push(at),
            None => groups.push((&seen.verdict, vec![at])),
        }
    }
    groups
}

fn mapping(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mapping = &report.mapping;
    writeln!(out, "  mapping    {}", mapping.source)?;
    if let Some(entry) = &mapping.entry {
        writeln!(out, "  entry      {entry}")?;
    }
    let Some(refusal) = &mapping.refusal else { return Ok(()) };
    let status = mapping.status.map(|status| status.to_string()).unwrap_or_default();
    writeln!(out, "  refused    {status} {refusal}")?;
    for (fact, value) in &mapping.facts {
        writeln!(out, "  {fact:10} {value}")?;
    }
    if let Some(help) = &mapping.help {
        writeln!(out, "  help: {help}")?;
    }
    writeln!(out, "\nNameplate refuses the request itself; no API is asked.")
}

fn sent(request: &Sent, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  request    {} {}", request.verb, request.url)?;
    writeln!(out, "  SNI        {}", request.server_name)?;
    writeln!(out, "  Host       {}", request.host)?;
    writeln!(out, "  API        x-apigw-api-id {}, stage {}", request.api_id, request.stage)
}

fn seen(endpoint: &EndpointSeen, out: &mut dyn Write) -> io::Result<()> {
    let name = endpoint.dns_name.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
    writeln!(out, "  endpoint   {} ({}{name})", endpoint.name, endpoint.kind)?;
    if let Some(error) = &endpoint.lookup_error {
        writeln!(out, "  DNS        {error}")?;
    }
    endpoint.addresses.iter().try_for_each(|seen| address(seen, out))
}

fn address(seen: &AddressSeen, out: &mut dyn Write) -> io::Result<()> {
    let zone = if seen.zone == "local" { " (this zone)" } else { "" };
    let cooling = if seen.cooling { ", left alone by the task for now" } else { "" };
    writeln!(out, "  address    {}{zone}{cooling}", seen.address.as_deref().unwrap_or("none"))?;
    let took = |step: &str, time: Option<f64>| time.map(|time| format!("{step} {time} ms"));
    let steps = &seen.milliseconds;
    let steps = [took("TCP", steps.connect), took("TLS", steps.tls), took("response", steps.first_byte)];
    let steps: Vec<String> = steps.into_iter().flatten().collect();
    if !steps.is_empty() {
        writeln!(out, "    took     {}", steps.join(", "))?;
    }
    if !seen.certificate.is_empty() {
        writeln!(out, "    names    {}", seen.certificate.join(", "))?;
    }
    match &seen.response {
        Some(response) => {
            let kind = response.error_type.as_ref().map(|kind| format!(" {kind}")).unwrap_or_default();
            writeln!(out, "    response {}{kind} {}", response.status, response.body.trim())
        }
        None => writeln!(out, "    ended    {}", seen.outcome),
    }
}

fn causes(verdict: &Judged, out: &mut dyn Write) -> io::Result<()> {
    if let [cause] = &verdict.causes[..] {
        writeln!(out, "\n{} ({}).", cause.title, cause.label)?;
        writeln!(out, "  {}\n  {}", cause.cure, cause.document)?;
        return Ok(());
    }
    writeln!(out, "\nWhat came back fits {} causes, the likeliest first:", verdict.causes.len())?;
    for cause in &verdict.causes {
        writeln!(out, "- {} ({}).", cause.title, cause.label)?;
        writeln!(out, "  {}\n  {}", cause.cure, cause.document)?;
    }
    Ok(())
}
