//! The second listener: what runs here, is it alive, is it ready, what is in force, what does it
//! count. Read-only. `/` is for people, the others are for programs.
//!
//! It has an address and a thread of its own, so that it answers when the workers are busy and is
//! never reached through a custom domain.

pub(crate) mod connection;
mod endpoints;
mod health_checks;
mod hosts;
pub(crate) mod listener;
mod mapping;
mod page;
mod page_response;
mod query;
mod shared_metrics;
pub(crate) mod sources;

use std::time::{Instant, SystemTime};

use http::Method;

use endpoints::Now;
use page_response::{PageResponse, TEXT};
use sources::Admin;

const INDEX: &str = concat!(
    "nameplate ",
    env!("CARGO_PKG_VERSION"),
    "\n\n/livez      200 while the process runs\n/readyz     200 if requests should be sent here, else 503 and why\n",
    "/metrics    for Prometheus\n",
    "/mapping    what is in force, and what was not taken; ?domain=NAME finds entries\n",
    "/endpoints  addresses by zone and state\n\nA browser gets a status page here.\n"
);

/// What the proxy needs before requests should be sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Readiness {
    /// A mapping is in force.
    pub table: bool,
    /// At least one address of the default endpoint is known.
    pub address: bool,
    /// The process is stopping.
    pub draining: bool,
    /// What an operator should know all the same, one line each.
    pub notes: Vec<String>,
}

impl Readiness {
    fn of(admin: &Admin) -> Readiness {
        let live = &admin.live;
        Readiness {
            table: !live.snapshot().table.is_empty(),
            address: admin.endpoints.at(0).endpoint.is_ready(),
            draining: admin.clients.draining(),
            notes: mapping::notes(live, SystemTime::now()),
        }
    }

    /// What is missing, one line each.
    fn faults(&self) -> Vec<&'static str> {
        let faults = [
            (self.draining, "draining: the process is stopping"),
            (!self.table, "mapping: none is in force"),
            (!self.address, "endpoint: no address is known"),
        ];
        faults.into_iter().filter_map(|(is, fault)| is.then_some(fault)).collect()
    }

    fn page(self) -> PageResponse {
        let faults = self.faults();
        let (status, first) = if faults.is_empty() { (200, vec!["ready"]) } else { (503, faults) };
        let lines: Vec<&str> = first.into_iter().chain(self.notes.iter().map(String::as_str)).collect();
        PageResponse::text(status, &lines.join("\n"))
    }
}

/// What a page needs of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRequest<'r> {
    /// The method.
    pub method: &'r Method,
    /// The path.
    pub path: &'r str,
    /// The query, where there is one.
    pub query: Option<&'r str>,
    /// Whether the client names HTML among what it takes. `*/*` alone, which curl sends, does not.
    pub html: bool,
}

/// Whether an Accept header names HTML.
fn takes_html(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("text/html"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        is_html && weight != Some(0.0)
    })
}

/// The answer to a request.
pub(crate) fn answer(admin: &Admin, asked: &PageRequest<'_>) -> PageResponse {
    let PageRequest { method, path, query, html } = *asked;
    let live = &admin.live;
    let now = || Now { instant: Instant::now(), time: SystemTime::now() };
    let is_page = matches!(path, "/" | "/livez" | "/readyz" | "/metrics" | "/mapping" | "/endpoints");
    if is_page && *method != Method::GET && *method != Method::HEAD {
        return PageResponse::text(405, "use GET or HEAD");
    }
    match path {
        "/" if html => page::page(admin, query, now()),
        "/" => PageResponse::of(200, TEXT, INDEX.into()),
        // Alive while draining too: being stopped is no reason to be killed.
        "/livez" => PageResponse::text(200, "ok"),
        "/readyz" => Readiness::of(admin).page(),
        "/metrics" => {
            admin.endpoints.refresh_gauges();
            live.refresh_gauges();
            if let Some(probes) = &admin.probes {
                live.metrics.probes.targets(probes.counts());
            }
            PageResponse::metrics(live.metrics.render())
        }
        "/mapping" => mapping::page(admin, query, SystemTime::now()),
        "/endpoints" => endpoints::page(&admin.endpoints, now()),
        _ => PageResponse::text(404, "no such page; / lists them"),
    }
}

#[cfg(test)]
mod tests;
