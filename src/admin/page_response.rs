//! A page of the admin listener, as it is sent.

use std::time::SystemTime;

use http::{Response, header};
use pingora::http::ResponseHeader;
use serde::Serialize;

use crate::telemetry::metrics;

pub(super) const TEXT: &str = "text/plain; charset=utf-8";

pub(super) const JSON: &str = "application/json";

/// The most entries, faults and addresses on one page.
pub(super) const MOST_SHOWN: usize = 100;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageResponse {
    /// The HTTP status.
    pub status: u16,
    /// The Content-Type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// What the body may do in a browser: its Content-Security-Policy. Nothing, if it is not HTML.
    pub policy: &'static str,
}

impl PageResponse {
    pub(super) fn of(status: u16, content_type: &'static str, body: String) -> PageResponse {
        PageResponse { status, content_type, body, policy: "default-src 'none'; frame-ancestors 'none'" }
    }

    pub(super) fn text(status: u16, body: &str) -> PageResponse {
        PageResponse::of(status, TEXT, format!("{body}\n"))
    }

    pub(super) fn json(value: &impl Serialize) -> PageResponse {
        match serde_json::to_string_pretty(value) {
            Ok(json) => PageResponse::of(200, JSON, json + "\n"),
            Err(fault) => PageResponse::text(500, &fault.to_string()),
        }
    }

    /// The metrics, as this text.
    pub(super) fn metrics(text: String) -> PageResponse {
        PageResponse::of(200, metrics::CONTENT_TYPE, text)
    }

    /// Its header, with a body of this length.
    pub(super) fn header(&self, length: usize) -> ResponseHeader {
        let response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, self.content_type)
            // To HEAD too, as GET would have it (RFC 9110 section 8.6).
            .header(header::CONTENT_LENGTH, length)
            .header(header::CACHE_CONTROL, "no-store")
            .header(header::VARY, "Accept")
            .header(header::CONTENT_SECURITY_POLICY, self.policy)
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::REFERRER_POLICY, "no-referrer");
        let response = if self.status == 405 { response.header(header::ALLOW, "GET, HEAD") } else { response };
        let response = response.body(()).expect("each status and header is a constant or a number");
        response.into_parts().0.into()
    }
}

pub(super) fn rfc3339(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}
