//! One connection to the admin listener: requests, each with its deadlines.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, header};
use pingora::ErrorType;
use pingora::http::ResponseHeader;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use tokio::time::timeout;

use super::health_checks::skip_header;
use super::hosts::Hosts;
use super::page_response::PageResponse;
use super::shared_metrics::SharedMetrics;
use super::sources::Admin;
use super::{PageRequest, answer, takes_html};

/// How long a connection may be silent before its next request. Scrapers ask every 15 to 60 seconds.
const IDLE: Duration = Duration::from_secs(75);
/// The longest that a head may take from its first byte on, and a PROXY header before it.
const HEAD: Duration = Duration::from_secs(5);
/// The longest that a response may take to be read.
const RESPONSE: Duration = Duration::from_secs(10);

/// The pages, and what guards them.
pub(crate) struct Pages {
    admin: Admin,
    hosts: Hosts,
    metrics: SharedMetrics,
}

impl Pages {
    pub(crate) fn new(admin: Admin) -> Pages {
        let hosts = Hosts::new(&admin.settings.admin_pages.hosts);
        Pages { admin, hosts, metrics: SharedMetrics::default() }
    }

    /// Serves a connection to its end. `moves` is called when something happens on it.
    pub(super) async fn serve(&self, mut stream: Stream, mut stopped: ShutdownWatch, mut moves: impl FnMut()) {
        let mut is_first = true;
        let mut first_byte = [0];
        loop {
            let began = tokio::select! {
                biased;
                began = timeout(IDLE, stream.try_peek(&mut first_byte)) => began,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            if !matches!(began, Ok(Ok(_))) {
                return;
            }
            moves();
            if std::mem::take(&mut is_first) && !matches!(timeout(HEAD, skip_header(&mut stream)).await, Ok(Ok(()))) {
                return;
            }
            let is_last = *stopped.borrow();
            let Some(kept) = self.answer_one(stream, is_last).await else { return };
            stream = kept;
            moves();
        }
    }

    /// Answers one request; returns the connection if it can carry another one.
    pub(super) async fn answer_one(&self, stream: Stream, is_last: bool) -> Option<Stream> {
        let mut session = ServerSession::new_http1(stream);
        session.set_keepalive((!is_last).then_some(IDLE.as_secs()));
        match timeout(HEAD, session.read_request()).await {
            Ok(Ok(true)) => {}
            Ok(Err(e)) if *e.etype() == ErrorType::InvalidHTTPHeader => {
                let _ = timeout(RESPONSE, session.respond_error(400)).await;
                return None;
            }
            _ => return None,
        }
        timeout(RESPONSE, self.respond(session)).await.ok()?
    }

    async fn respond(&self, mut session: ServerSession) -> Option<Stream> {
        if !session.is_body_empty() {
            // No page takes a body. Closing is cheaper than reading one to its end.
            session.set_keepalive(None);
        }
        let (header, body) = self.page(&session);
        session.write_response_header(Box::new(header)).await.ok()?;
        if !body.is_empty() {
            session.write_response_body(body, true).await.ok()?;
        }
        Some(session.finish().await.ok()??.into_parts().0)
    }

    fn page(&self, session: &ServerSession) -> (ResponseHeader, Bytes) {
        let request = session.req_header();
        let accept = request.headers.get_all(header::ACCEPT);
        let asked = PageRequest {
            method: &request.method,
            path: request.uri.path(),
            query: request.uri.query(),
            html: accept.iter().any(|value| value.to_str().is_ok_and(takes_html)),
        };
        let is_read = *asked.method == Method::GET || *asked.method == Method::HEAD;
        let (page, body) = match self.hosts.refusal(request.version, &request.uri, &request.headers) {
            None if is_read && asked.path == "/metrics" => {
                let body = self.metrics.get(Instant::now(), || answer(&self.admin, &asked).body);
                (PageResponse::metrics(String::new()), body)
            }
            refusal => {
                let mut page = refusal.unwrap_or_else(|| answer(&self.admin, &asked));
                let body = Bytes::from(std::mem::take(&mut page.body));
                (page, body)
            }
        };
        let header = page.header(body.len());
        (header, if *asked.method == Method::HEAD { Bytes::new() } else { body })
    }
}
