//! The second listener: what runs here, is it alive, is it ready, what does it count. Read-only.
//!
//! It has an address and a thread of its own, so that it answers when the workers are busy and is
//! never reached through a custom domain.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response, header};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use crate::telemetry::metrics::{self, Metrics};

const TEXT: &str = "text/plain; charset=utf-8";

const INDEX: &str = concat!(
    "nameplate ",
    env!("CARGO_PKG_VERSION"),
    "\n\n/livez    200 while the process runs\n/readyz   200 if requests should be sent here, else 503 and why\n",
    "/metrics  for Prometheus\n"
);

/// What the proxy needs before requests should be sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// A mapping is in force.
    pub table: bool,
    /// At least one address of the endpoint is known.
    pub address: bool,
    /// The process is stopping.
    pub draining: bool,
}

impl Readiness {
    /// Whether requests should be sent here.
    pub fn is_ready(self) -> bool {
        self.faults().next().is_none()
    }

    /// What is missing, one line each.
    fn faults(self) -> impl Iterator<Item = &'static str> {
        let faults = [
            (self.draining, "draining: the process is stopping"),
            (!self.table, "mapping: none is in force"),
            (!self.address, "endpoint: no address is known"),
        ];
        faults.into_iter().filter_map(|(is, fault)| is.then_some(fault))
    }
}

/// Where the admin pages learn what is in force.
pub trait Status: Send + Sync {
    /// What the proxy has and lacks now.
    fn ready(&self) -> Readiness;
    /// Brings those gauges up to date that nothing sets when they change. Called before each
    /// scrape.
    fn refresh_gauges(&self);
}

/// The admin pages, to be served by a listener of their own.
pub struct Admin {
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// What `/readyz` shows.
    pub status: Arc<dyn Status>,
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        if !session.is_body_empty() {
            // No page takes a body. Closing is cheaper than reading one to its end.
            session.set_keepalive(None);
        }
        let request = session.req_header();
        let page = answer(&request.method, request.uri.path(), self.status.ready(), || {
            self.status.refresh_gauges();
            self.metrics.render()
        });
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

/// The page for a request. `render` makes the metrics and is called only for them.
pub fn answer(method: &Method, path: &str, readiness: Readiness, render: impl FnOnce() -> String) -> Page {
    let is_page = matches!(path, "/" | "/livez" | "/readyz" | "/metrics");
    if is_page && *method != Method::GET && *method != Method::HEAD {
        return Page::text(405, "use GET or HEAD");
    }
    match path {
        "/" => Page { status: 200, content_type: TEXT, body: INDEX.into() },
        // Alive while draining too: being stopped is no reason to be killed.
        "/livez" => Page::text(200, "ok"),
        "/readyz" if readiness.is_ready() => Page::text(200, "ready"),
        "/readyz" => Page::text(503, &readiness.faults().collect::<Vec<_>>().join("\n")),
        "/metrics" => Page { status: 200, content_type: metrics::CONTENT_TYPE, body: render() },
        _ => Page::text(404, "no such page; / lists them"),
    }
}

#[cfg(test)]
mod tests;
