//! The second listener: what runs here, is it alive, is it ready, what is in force, what does it
//! count. Read-only. `/` is for people, the others are for programs.
//!
//! It has an address and a thread of its own, so that it answers when the workers are busy and is
//! never reached through a custom domain.

mod endpoints;
pub(crate) mod health_checks;
mod mapping;
mod page;
mod query;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use http::{Method, Response, header};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;
use serde::Serialize;

use crate::downstream::clients::Clients;
use crate::live::Live;
use crate::telemetry::metrics;
use crate::upstream::endpoints::Endpoints;
use endpoints::Now;
use nameplate_core::settings::Settings;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// The most entries, faults and addresses on one page.
const MOST_SHOWN: usize = 100;

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
pub struct Readiness {
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

    fn page(self) -> Answer {
        let faults = self.faults();
        let (status, first) = if faults.is_empty() { (200, vec!["ready"]) } else { (503, faults) };
        let lines: Vec<&str> = first.into_iter().chain(self.notes.iter().map(String::as_str)).collect();
        Answer::text(status, &lines.join("\n"))
    }
}

/// The admin pages, to be served by a listener of their own.
pub struct Admin {
    /// What they tell of.
    pub live: Arc<Live>,
    /// The endpoints and their addresses.
    pub endpoints: Arc<Endpoints>,
    /// The connections of clients.
    pub clients: Arc<Clients>,
    /// What the process was started with.
    pub settings: Arc<Settings>,
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        if !session.is_body_empty() {
            // No page takes a body. Closing is cheaper than reading one to its end.
            session.set_keepalive(None);
        }
        let request = session.req_header();
        let accept = request.headers.get_all(header::ACCEPT);
        let asked = Asked {
            method: &request.method,
            path: request.uri.path(),
            query: request.uri.query(),
            html: accept.iter().any(|value| value.to_str().is_ok_and(takes_html)),
        };
        answer(self, &asked).into_response(&request.method)
    }
}

/// What a page needs of a request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
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

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The Content-Type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// What the body may do in a browser: its Content-Security-Policy. Nothing, if it is not HTML.
    pub policy: &'static str,
}

impl Answer {
    fn of(status: u16, content_type: &'static str, body: String) -> Answer {
        Answer { status, content_type, body, policy: "default-src 'none'; frame-ancestors 'none'" }
    }

    fn text(status: u16, body: &str) -> Answer {
        Answer::of(status, TEXT, format!("{body}\n"))
    }

    fn json(value: &impl Serialize) -> Answer {
        match serde_json::to_string_pretty(value) {
            Ok(json) => Answer::of(200, JSON, json + "\n"),
            Err(fault) => Answer::text(500, &fault.to_string()),
        }
    }

    fn into_response(self, method: &Method) -> Response<Vec<u8>> {
        let response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, self.content_type)
            // To HEAD too, as GET would have it (RFC 9110 section 8.6).
            .header(header::CONTENT_LENGTH, self.body.len())
            .header(header::CACHE_CONTROL, "no-store")
            .header(header::VARY, "Accept")
            .header(header::CONTENT_SECURITY_POLICY, self.policy)
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::REFERRER_POLICY, "no-referrer");
        let response = if self.status == 405 { response.header(header::ALLOW, "GET, HEAD") } else { response };
        let body = if *method == Method::HEAD { Vec::new() } else { self.body.into_bytes() };
        response.body(body).expect("each status and header is a constant or a number")
    }
}

/// The answer to a request.
pub fn answer(admin: &Admin, asked: &Asked<'_>) -> Answer {
    let Asked { method, path, query, html } = *asked;
    let live = &admin.live;
    let now = || Now { instant: Instant::now(), time: SystemTime::now() };
    let is_page = matches!(path, "/" | "/livez" | "/readyz" | "/metrics" | "/mapping" | "/endpoints");
    if is_page && *method != Method::GET && *method != Method::HEAD {
        return Answer::text(405, "use GET or HEAD");
    }
    match path {
        "/" if html => page::page(admin, query, now()),
        "/" => Answer::of(200, TEXT, INDEX.into()),
        // Alive while draining too: being stopped is no reason to be killed.
        "/livez" => Answer::text(200, "ok"),
        "/readyz" => Readiness::of(admin).page(),
        "/metrics" => {
            admin.endpoints.refresh_gauges();
            live.refresh_gauges();
            Answer::of(200, metrics::CONTENT_TYPE, live.metrics.render())
        }
        "/mapping" => mapping::page(live, query, SystemTime::now()),
        "/endpoints" => endpoints::page(&admin.endpoints, now()),
        _ => Answer::text(404, "no such page; / lists them"),
    }
}

fn rfc3339(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

#[cfg(test)]
mod tests;
