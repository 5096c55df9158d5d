//! The second listener: what runs here, is it alive, is it ready, what is in force, what does it
//! count. Read-only.
//!
//! It has an address and a thread of its own, so that it answers when the workers are busy and is
//! never reached through a custom domain.

mod mapping;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use http::{Method, Response, header};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use crate::live::Live;
use crate::telemetry::metrics;

const TEXT: &str = "text/plain; charset=utf-8";

const INDEX: &str = concat!(
    "nameplate ",
    env!("CARGO_PKG_VERSION"),
    "\n\n/livez    200 while the process runs\n/readyz   200 if requests should be sent here, else 503 and why\n",
    "/metrics  for Prometheus\n",
    "/mapping  what is in force, and what was not taken; ?domain=NAME finds entries\n"
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
    fn of(live: &Live) -> Readiness {
        Readiness {
            table: !live.snapshot().table.is_empty(),
            address: live.endpoints.at(0).endpoint.is_ready(),
            draining: live.connections.draining(),
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

    fn page(self) -> Page {
        let faults = self.faults();
        let (status, first) = if faults.is_empty() { (200, vec!["ready"]) } else { (503, faults) };
        let lines: Vec<&str> = first.into_iter().chain(self.notes.iter().map(String::as_str)).collect();
        Page::text(status, &lines.join("\n"))
    }
}

/// The admin pages, to be served by a listener of their own.
pub struct Admin {
    /// What they tell of.
    pub live: Arc<Live>,
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        if !session.is_body_empty() {
            // No page takes a body. Closing is cheaper than reading one to its end.
            session.set_keepalive(None);
        }
        let request = session.req_header();
        let page = answer(&self.live, &request.method, request.uri.path(), request.uri.query());
        page.into_response(&request.method)
    }
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The Content-Type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Page {
    fn text(status: u16, body: &str) -> Page {
        Page { status, content_type: TEXT, body: format!("{body}\n") }
    }

    fn into_response(self, method: &Method) -> Response<Vec<u8>> {
        let response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, self.content_type)
            // To HEAD too, as GET would have it (RFC 9110 section 8.6).
            .header(header::CONTENT_LENGTH, self.body.len())
            .header(header::CACHE_CONTROL, "no-store");
        let response = if self.status == 405 { response.header(header::ALLOW, "GET, HEAD") } else { response };
        let body = if *method == Method::HEAD { Vec::new() } else { self.body.into_bytes() };
        response.body(body).expect("each status and header is a constant or a number")
    }
}

/// The page for a request.
pub fn answer(live: &Live, method: &Method, path: &str, query: Option<&str>) -> Page {
    let is_page = matches!(path, "/" | "/livez" | "/readyz" | "/metrics" | "/mapping");
    if is_page && *method != Method::GET && *method != Method::HEAD {
        return Page::text(405, "use GET or HEAD");
    }
    match path {
        "/" => Page { status: 200, content_type: TEXT, body: INDEX.into() },
        // Alive while draining too: being stopped is no reason to be killed.
        "/livez" => Page::text(200, "ok"),
        "/readyz" => Readiness::of(live).page(),
        "/metrics" => {
            live.refresh_gauges();
            Page { status: 200, content_type: metrics::CONTENT_TYPE, body: live.metrics.render() }
        }
        "/mapping" => mapping::page(live, query, SystemTime::now()),
        _ => Page::text(404, "no such page; / lists them"),
    }
}

#[cfg(test)]
mod tests;
