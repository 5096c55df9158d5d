//! The keys of the clients' side, and of how it stops.

use super::forms::{AT_LEAST_ONE, FLAG, NETWORKS, PATH, SOME, SOME_OR_NONE, key, keys, number, optional, size, text};
use crate::settings::kind::{Keys, Scalar, Value};

pub(super) const LIMITS: Keys = keys(
    "limits",
    &[
        key(
            "body",
            size(0, u64::MAX),
            "10485760",
            "The body: API Gateway's payload quota is 10 MB. A larger one is refused with 413.",
        ),
        key(
            "headers",
            size(0, u32::MAX as u64),
            "10240",
            "All header names and values. Larger ones are refused with 431.",
        ),
        key("url", size(0, u32::MAX as u64), "8192", "The request target. A longer one is refused with 414."),
    ],
);

pub(super) const FORWARDED: Keys = keys(
    "forwarded",
    &[
        key("trust", NETWORKS, "[]", "Networks whose X-Forwarded-* headers are believed: the ALB's subnets."),
        optional(
            "proto",
            Value::One(Scalar::Choice(&["http", "https"])),
            "What the client used, where the load balancer ended its TLS. Default: what the listener speaks.",
        ),
        optional("port", number(0, 65_535), "The port the client used. Default: the listener's."),
        key("untouched", FLAG, "false", "Leave all four headers as they arrive."),
    ],
);

pub(super) const CLIENT: Keys = keys(
    "client",
    &[
        key(
            "keep_alive",
            SOME,
            "75s",
            "How long an idle connection waits for its next request. Keep it over the idle timeout of the ALB, 60 s by \
             default.",
        ),
        key(
            "header_timeout",
            SOME,
            "10s",
            "The longest that the head of a request, or a TLS handshake, may take; then 408.",
        ),
        key("read_timeout", SOME, "30s", "The longest silence inside a request."),
        key("write_timeout", SOME, "30s", "The longest time a client may take no byte of a response."),
        key(
            "min_send_rate",
            size(0, u32::MAX as u64),
            "1024",
            "Bytes a second that a client must take of a response; 0 for no limit.",
        ),
        key(
            "min_receive_rate",
            size(0, u32::MAX as u64),
            "1024",
            "Bytes a second that a client must send of a body; 0 for no limit.",
        ),
        key("requests_per_connection", AT_LEAST_ONE, "10000", "Requests after which a connection is closed."),
        optional(
            "max_connections",
            AT_LEAST_ONE,
            "Connections that may be open at once. Default: as many as file descriptors and memory have room for.",
        ),
        optional(
            "max_requests",
            AT_LEAST_ONE,
            "Requests that may be in flight at once. Default: as many as file descriptors and memory have room for.",
        ),
    ],
);

pub(super) const SHUTDOWN: Keys = keys(
    "shutdown",
    &[
        key("delay", SOME_OR_NONE, "5s", "How long connections are still accepted after readiness has failed."),
        key("grace_period", SOME_OR_NONE, "20s", "The longest time to wait for requests in flight after that."),
        optional(
            "upgrade_socket",
            text(PATH),
            "A socket file where `nameplate serve --upgrade` waits for the listening sockets of this process.",
        ),
    ],
);
