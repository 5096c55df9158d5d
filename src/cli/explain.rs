//! `nameplate explain METHOD URL`: the same decision as the proxy's, in words.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::load::{Loaded, NotLoaded, load};
use super::settings::{SettingsArgs, code_of};
use super::{FAULTY, UNUSABLE, fail};
use crate::config::settings::{DEFAULT_ENDPOINT, Settings, Sni};
use crate::domain::decide::{Decision, Refused, RequestView, decide};
use crate::domain::host::{HostBuffer, normalize};
use crate::domain::overrides::Timeouts;
use crate::domain::refusal::Refusal;
use crate::domain::route::{HostMode, RefererMode, ResponseMode, Route};
use crate::domain::table::MappingTable;
use crate::domain::target::Target;

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
    let table = mapping.table;
    let overrides: Vec<&[u8]> = args.overrides.iter().map(String::as_bytes).collect();
    let mut text = String::new();
    let forwarded = tell(&table, &settings, &file, &args.method, &args.url, &overrides, &mut text);
    if out.write_all(text.as_bytes()).is_err() {
        return ExitCode::from(UNUSABLE);
    }
    if forwarded { ExitCode::SUCCESS } else { ExitCode::from(FAULTY) }
}

fn tell(
    table: &MappingTable,
    settings: &Settings,
    file: &str,
    method: &str,
    url: &str,
    overrides: &[&[u8]],
    out: &mut String,
) -> bool {
    // Clients never send the fragment; without a scheme a URL is taken as https.
    let url = url.split('#').next().unwrap_or_default();
    let before_path = url.split_once(['/', '?']).map_or(url, |(before, _)| before);
    let has_scheme = before_path.ends_with(':') && url[before_path.len()..].starts_with("//");
    let url = if has_scheme { url.to_owned() } else { format!("https://{url}") };
    let host = Target::parse(url.as_bytes()).ok().and_then(|target| target.authority).unwrap_or_default();
    let origin_form = &url.as_bytes()[host_end(&url, host)..];
    let origin_form = match origin_form.first() {
        None => b"/".to_vec(),
        Some(b'?') => [b"/", origin_form].concat(),
        Some(_) => origin_form.to_vec(),
    };
    let view = RequestView {
        method,
        target: &origin_form,
        host: Some(host),
        host_optional: false,
        header_bytes: 0,
        content_length: None,
    };
    match decide(table, &settings.limits.into(), view, overrides.iter().copied(), &mut HostBuffer::default()) {
        Ok(decision) => {
            forwarded(file, method, &decision, &String::from_utf8_lossy(host), settings, out);
            true
        }
        Err(refused) => {
            refusal(table, file, refused, &String::from_utf8_lossy(host), out);
            false
        }
    }
}

fn host_end(url: &str, host: &[u8]) -> usize {
    url.find("://").map_or(0, |at| at + 3) + host.len()
}

/// A host as it is looked up; one that cannot be was refused before.
fn normal<'b>(asked: &'b str, buffer: &'b mut HostBuffer) -> &'b str {
    normalize(asked.as_bytes(), buffer).unwrap_or(asked)
}

fn line(out: &mut String, name: &str, value: &str) {
    out.push_str(&format!("  {name:<18} {value}\n"));
}

fn forwarded(file: &str, method: &str, decision: &Decision<'_>, asked: &str, settings: &Settings, out: &mut String) {
    let route = decision.route;
    let own = route.overrides().unwrap_or_default();
    let endpoint = own.endpoint.as_ref().map_or(Some(&settings.endpoint), |name| settings.endpoints.get(name));
    let shared = endpoint.filter(|endpoint| endpoint.sni == Sni::Shared).and_then(|endpoint| endpoint.name.as_deref());
    let target = String::from_utf8_lossy(&decision.target);
    let host = if route.choices.host == HostMode::Preserve { asked } else { route.api_host() };
    let mut buffer = HostBuffer::default();
    let domain = if route.is_wildcard() { normal(asked, &mut buffer) } else { route.host() };
    out.push_str(&format!("forwarded: {}{} ({file}:{})\n", route.host(), route.base(), route.line));
    line(out, "upstream", &format!("{method} https://{}{target}", route.api_host()));
    line(out, "endpoint", own.endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT));
    line(out, "SNI", shared.unwrap_or(route.api_host()));
    line(out, "Host", host);
    line(out, "x-apigw-api-id", route.api_id());
    line(out, "X-Upstream-Domain", domain);
    let referer = if route.choices.referer == RefererMode::Preserve { "(as the client sends it)" } else { domain };
    line(out, "Referer", referer);
    line(out, "verbs", &route.choices.verbs.to_string());
    if own.timeouts != Timeouts::default() {
        line(out, "timeouts", &own.timeouts.to_string());
    }
    if let Some(rate) = own.rate {
        line(out, "rate limit", &format!("{rate} for each task"));
    }
    let answers = match route.choices.response {
        ResponseMode::Translate => "Location, Content-Location and cookies of this API in the domain's terms",
        ResponseMode::Untouched => "as the API sends them",
    };
    line(out, "answers", answers);
}

fn refusal(table: &MappingTable, file: &str, refused: Refused, asked: &str, out: &mut String) {
    let Refused { refusal, index } = refused;
    out.push_str(&format!("refused: {} {} ({refusal})\n", refusal.status(), refusal.reason()));
    let route: Option<&Route> = index.map(|index| table.route(index));
    if let Some(route) = route {
        line(out, "entry", &format!("{}{} ({file}:{})", route.host(), route.base(), route.line));
        if refusal == Refusal::MethodNotAllowed {
            line(out, "Allow", &route.choices.verbs.to_string());
        }
    }
    if refusal == Refusal::UnknownPath {
        let mut buffer = HostBuffer::default();
        let bases: Vec<&str> = table.routes_of(normal(asked, &mut buffer)).iter().map(Route::base).collect();
        line(out, "mapped paths", &bases.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::compile::compile;
    use crate::domain::api::PrivateApi;
    use crate::domain::host::Host;
    use crate::domain::route::Choices;

    fn told(method: &str, url: &str) -> (bool, String) {
        let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/prod").expect("an api");
        let route = Route::new(&Host::parse("pay.example.com").expect("a host"), "/v1", &api, Choices::default(), 3);
        let table = MappingTable::new(vec![route]);
        let mut out = String::new();
        let forwarded = tell(&table, &Settings::default(), "m.yaml", method, url, &[], &mut out);
        (forwarded, out)
    }

    #[test]
    fn a_forwarded_request_shows_where_it_goes() {
        let (forwarded, text) = told("GET", "https://PAY.example.com/v1/x?y=1#z");
        assert!(forwarded, "{text}");
        assert!(text.starts_with("forwarded: pay.example.com/v1 (m.yaml:3)\n"), "{text}");
        assert!(text.contains("GET https://abc.execute-api.eu-west-1.amazonaws.com/prod/x?y=1\n"), "{text}");
    }

    #[test]
    fn what_an_entry_overrides_is_told() {
        let text = "APIS:\n  - CUSTOM_DOMAIN_URL: pay.example.com\n    PRIVATE_API_URL: \
                    https://abc.execute-api.eu-west-1.amazonaws.com/p\n    ENDPOINT: far\n    TIMEOUT: total=15m\n    \
                    RATE_LIMIT: 5/s\n";
        let table = compile(text, "m.yaml", None).expect("a mapping");
        let settings =
            Settings::parse("endpoints: { far: { name: far.example, sni: shared } }", "s").expect("settings");
        let mut out = String::new();
        assert!(tell(&table, &settings, "m.yaml", "GET", "pay.example.com", &[], &mut out));
        for line in ["endpoint           far\n", "SNI                far.example\n", "timeouts           total=15m\n"] {
            assert!(out.contains(line), "{line:?} in\n{out}");
        }
        assert!(out.contains("rate limit         5/s for each task\n"), "{out}");
    }

    #[test]
    fn a_refused_request_shows_why() {
        let (forwarded, text) = told("GET", "pay.example.com/v2");
        assert!(!forwarded);
        assert!(text.starts_with("refused: 404 unknown_path"), "{text}");
        assert!(text.contains("mapped paths       /v1\n"), "{text}");
        assert!(told("GET", "https://pay.example.com/v1/../x").1.starts_with("refused: 400 dot_segment"));
        assert!(told("GET", "https://other.example/").1.starts_with("refused: 421 unknown_host"));
        assert!(told("GET", "pay.example.com/v1?u=https://x").0, "a URL inside the query is no scheme");
        assert!(told("GET", "https:///x").1.starts_with("refused: 400 missing_host"));
    }
}
