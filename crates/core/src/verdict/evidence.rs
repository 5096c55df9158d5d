//! What one exchange with an API shows on the wire.

/// How much of a response's body is evidence, in bytes. API Gateway's own bodies are much shorter.
pub const BODY_LIMIT: usize = 4096;

/// One exchange with an API: what was sent, how far it got, and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What was sent.
    pub asked: Asked,
    /// How far the exchange got.
    pub outcome: Outcome,
}

/// What was sent, or would have been sent had the connection been made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub verb: String,
    /// The server name of the TLS handshake.
    pub server_name: String,
    /// The Host header.
    pub host: String,
    /// Reports whether the request carried credentials: `authorization`, `x-api-key` or `x-amz-security-token`.
    pub has_credentials: bool,
}

/// How far an exchange got, in the order of its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No address is known for the endpoint.
    NotResolved,
    /// The endpoint's address took no connection.
    NotConnected(ConnectError),
    /// The connection was made, the TLS handshake failed.
    NotSecured(TlsError),
    /// The request was sent, and no response came.
    NotAnswered(ResponseError),
    /// A response came.
    Answered(Response),
}

/// Why an address took no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// The address refused it: nothing listens on the port.
    Refused,
    /// Nothing came back in time, as with a security group that does not allow the port.
    TimedOut,
    /// No route leads to the address.
    Unreachable,
    /// Any other error.
    Other,
}

/// Why a TLS handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// The certificate is for other names.
    WrongName {
        /// The DNS names on the certificate; empty where they are not known.
        names: Vec<String>,
    },
    /// No authority that is trusted here signed the certificate, or it may not stand for a server: it is an authority's own,
    /// is for another purpose, or is signed with an algorithm that is not taken.
    Untrusted,
    /// The certificate is past its end, or before its start.
    Expired,
    /// The peer closed or reset the connection, or sent a TLS alert, before the handshake ended.
    Closed,
    /// The handshake did not end in time.
    TimedOut,
    /// The peer does not speak TLS.
    NotTls,
    /// Any other error.
    Other,
}

/// Why no response came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// No response head came in time.
    TimedOut,
    /// The connection was closed or reset first.
    Closed,
    /// What came is not HTTP.
    NotHttp,
}

/// A response: what of it tells who wrote it, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// `x-amzn-errortype`. API Gateway sets it in its own errors, not in an integration's.
    pub error_type: Option<String>,
    /// Reports whether `x-amzn-requestid` is there.
    pub has_request_id: bool,
    /// Reports whether `x-amz-apigw-id` is there.
    pub has_apigw_id: bool,
    /// Reports whether `x-amzn-trace-id` is there, which responses of Lambda integrations carry, and some of API Gateway.
    pub has_trace_id: bool,
    /// Reports whether an `x-amzn-remapped-*` header is there: API Gateway renames a header of the integration's so.
    pub has_remapped: bool,
    /// The first [`BODY_LIMIT`] bytes of the body.
    pub body: Vec<u8>,
}
