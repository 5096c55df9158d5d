//! The answers we give ourselves instead of the API's.

/// Why a request was not answered by its API: one status, one metric label and one message each.
/// In the order of [`Refusal::ALL`], which is that of their statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// No Host header and no `:authority`.
    #[error("The request names no host")]
    MissingHost,
    /// The host is not a host name.
    #[error("The host of the request is malformed")]
    MalformedHost,
    /// The request target is not one we can forward without guessing.
    #[error("The request target is malformed")]
    MalformedTarget,
    /// A `.` or `..` segment, in any single encoding.
    #[error("The path contains a dot segment")]
    DotSegment,
    /// Spelled plainly, the path would be that of an entry that allows less of the same API.
    #[error("The path can be read as another one")]
    AmbiguousPath,
    /// The headers contradict each other or nominate what they must not, or the body breaks its framing.
    #[error("The request is malformed")]
    MalformedMessage,
    /// The host is known; no entry of it covers this path.
    #[error("No API is mapped to this path")]
    UnknownPath,
    /// The entry does not list this method.
    #[error("Method Not Allowed")]
    MethodNotAllowed,
    /// The client stopped sending in the middle of its request.
    #[error("The request did not arrive in time")]
    RequestTimeout,
    /// The body is over the limit API Gateway has (10 MB by default).
    #[error("Request Too Long")]
    BodyTooLarge,
    /// The target is over the limit (8,192 bytes by default).
    #[error("URI Too Long")]
    UriTooLong,
    /// No entry for this host. 421 and not 404: the request was sent to a server that does not
    /// speak for this authority (RFC 9110 section 15.5.20), it is not cacheable by default, and an
    /// HTTP/2 client that coalesced connections retries on its own.
    #[error("No API is mapped to this host")]
    UnknownHost,
    /// The entry's RATE_LIMIT is used up for now.
    #[error("Too Many Requests")]
    RateLimited,
    /// The headers are over the limit (10,240 bytes by default).
    #[error("Request Header Fields Too Large")]
    HeadersTooLarge,
    /// A fault of ours.
    #[error("Internal server error")]
    Internal,
    /// Every address failed to connect.
    #[error("The API endpoint could not be reached")]
    ConnectFailed,
    /// The endpoint's certificate was not what it must be, or the handshake failed.
    #[error("The API endpoint could not be verified")]
    TlsFailed,
    /// The endpoint's answer broke off or was not HTTP.
    #[error("The API endpoint gave no valid answer")]
    BadAnswer,
    /// No mapping is in force yet: its source has been away since the start. 503 and not 421: in a
    /// moment the same request may have an API.
    #[error("No mapping is in force yet")]
    NoMapping,
    /// As many connections are open as there may be; this one was one too many.
    #[error("Too many connections are open")]
    TooManyConnections,
    /// As many requests are in flight as there may be, or the process is short of memory.
    #[error("Too many requests are in flight")]
    Overloaded,
    /// The process is busy, and this client has its share of the requests in flight.
    #[error("Too many requests of this client are in flight")]
    ClientShare,
    /// Discovery has found no address yet.
    #[error("No address of the API endpoint is known")]
    NoUpstream,
    /// The endpoint was too slow to connect, to answer or to go on.
    #[error("Endpoint request timed out")]
    UpstreamTimeout,
}

impl Refusal {
    /// All of them, in the order of their statuses.
    pub const ALL: [Refusal; 24] = [
        Refusal::MissingHost,
        Refusal::MalformedHost,
        Refusal::MalformedTarget,
        Refusal::DotSegment,
        Refusal::AmbiguousPath,
        Refusal::MalformedMessage,
        Refusal::UnknownPath,
        Refusal::MethodNotAllowed,
        Refusal::RequestTimeout,
        Refusal::BodyTooLarge,
        Refusal::UriTooLong,
        Refusal::UnknownHost,
        Refusal::RateLimited,
        Refusal::HeadersTooLarge,
        Refusal::Internal,
        Refusal::ConnectFailed,
        Refusal::TlsFailed,
        Refusal::BadAnswer,
        Refusal::NoMapping,
        Refusal::TooManyConnections,
        Refusal::Overloaded,
        Refusal::ClientShare,
        Refusal::NoUpstream,
        Refusal::UpstreamTimeout,
    ];

    /// The HTTP status we answer with.
    #[inline]
    pub const fn status(self) -> u16 {
        match self {
            Refusal::MissingHost
            | Refusal::MalformedHost
            | Refusal::MalformedTarget
            | Refusal::DotSegment
            | Refusal::AmbiguousPath
            | Refusal::MalformedMessage => 400,
            Refusal::UnknownPath => 404,
            Refusal::MethodNotAllowed => 405,
            Refusal::RequestTimeout => 408,
            Refusal::BodyTooLarge => 413,
            Refusal::UriTooLong => 414,
            Refusal::UnknownHost => 421,
            Refusal::RateLimited => 429,
            Refusal::HeadersTooLarge => 431,
            Refusal::Internal => 500,
            Refusal::ConnectFailed | Refusal::TlsFailed | Refusal::BadAnswer => 502,
            Refusal::NoMapping
            | Refusal::TooManyConnections
            | Refusal::Overloaded
            | Refusal::ClientShare
            | Refusal::NoUpstream => 503,
            Refusal::UpstreamTimeout => 504,
        }
    }

    /// The reason, as `x-nameplate-refusal`, the metric label and the log carry it.
    #[inline]
    pub const fn reason(self) -> &'static str {
        match self {
            Refusal::MissingHost => "missing_host",
            Refusal::MalformedHost => "malformed_host",
            Refusal::MalformedTarget => "malformed_target",
            Refusal::DotSegment => "dot_segment",
            Refusal::AmbiguousPath => "ambiguous_path",
            Refusal::MalformedMessage => "malformed_message",
            Refusal::UnknownHost => "unknown_host",
            Refusal::UnknownPath => "unknown_path",
            Refusal::MethodNotAllowed => "method_not_allowed",
            Refusal::BodyTooLarge => "body_too_large",
            Refusal::UriTooLong => "uri_too_long",
            Refusal::HeadersTooLarge => "headers_too_large",
            Refusal::RequestTimeout => "request_timeout",
            Refusal::RateLimited => "rate_limited",
            Refusal::TooManyConnections => "too_many_connections",
            Refusal::Overloaded => "overloaded",
            Refusal::ClientShare => "client_share",
            Refusal::Internal => "internal",
            Refusal::ConnectFailed => "connect_failed",
            Refusal::TlsFailed => "tls_failed",
            Refusal::BadAnswer => "bad_answer",
            Refusal::NoMapping => "no_mapping",
            Refusal::NoUpstream => "no_upstream",
            Refusal::UpstreamTimeout => "upstream_timeout",
        }
    }

    /// Where this refusal stands in [`Refusal::ALL`]: an index for a counter resolved once.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_refusal_has_a_reason_and_an_index_of_its_own() {
        let reasons: HashSet<_> = Refusal::ALL.iter().map(|r| r.reason()).collect();
        assert_eq!(reasons.len(), Refusal::ALL.len());
        for (at, refusal) in Refusal::ALL.iter().enumerate() {
            assert_eq!(refusal.index(), at);
        }
    }

    #[test]
    fn the_list_is_in_the_order_of_statuses() {
        assert!(Refusal::ALL.is_sorted_by_key(|r| r.status()));
    }
}
