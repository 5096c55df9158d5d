//! The keys of an endpoint.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::forms::{
    ADDRESS, AT_LEAST_ONE, BEFORE_API_GATEWAY, CHECKS, FLAG, PATH, SOME, because, key, keys, number, optional, text,
};
use crate::domain::overrides::{DEFAULT_ENDPOINT, is_endpoint_name};
use crate::settings::host_name::{self, check_endpoint_name, shown};
use crate::settings::kind::{Key, Keys, List, Scalar, Text, Value};
use crate::settings::problem::Wrong;
use crate::settings::values::{read_address, read_nameserver};

const NAME: Text = Text {
    called: "a DNS name",
    example: host_name::EXAMPLE,
    pattern: Some(r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$"),
    check: check_endpoint_name,
};

/// An address that help texts show.
const FIXED_EXAMPLE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 1, 17)), 443);

const FIXED: Value = Value::List(List {
    item: &text(Text {
        called: "an IP address with a port",
        example: "10.0.1.17:443",
        pattern: ADDRESS,
        check: |text| read_address(text, FIXED_EXAMPLE).map(|_| ()),
    }),
    at_least_one: None,
    example: "['10.0.1.17:443']",
});

const NAMESERVERS: Value = Value::List(List {
    item: &text(Text {
        called: "an IP address",
        example: "169.254.169.253",
        pattern: Some(r"^[0-9A-Fa-f:.\[\]%]+$"),
        check: |text| read_nameserver(text).map(|_| ()),
    }),
    at_least_one: None,
    example: "[169.254.169.253]",
});

const ZONE: Text = Text { called: "an Availability Zone", example: "eu-west-1a", pattern: None, check: |_| Ok(()) };

const KEYS: [Key; 26] = [
    optional("name", text(NAME), "The endpoint's DNS name. One of name, private_dns and fixed is required."),
    key("private_dns", FLAG, "false", "Look up each API's own name, which the endpoint's private DNS answers."),
    key("fixed", FIXED, "[]", "Addresses to use as they are, with their ports: for tests and the demo."),
    key("port", number(1, 65_535), "443", "The port behind a name."),
    key(
        "nameservers",
        NAMESERVERS,
        "[]",
        "DNS servers to ask, port 53 unless another one is written. Default: those of /etc/resolv.conf.",
    ),
    key(
        "ip_family",
        Value::One(Scalar::Choice(&["auto", "ipv4", "ipv6", "both"])),
        "auto",
        "Which addresses are looked up. auto: IPv4, and IPv6 where the task has a route to global IPv6 addresses.",
    ),
    optional("ca_file", text(PATH), "PEM file of the certificate authorities to trust. Default: the system's."),
    optional(
        "zone",
        text(ZONE),
        "The Availability Zone whose addresses are used first. Default: the task's own; \"\" for no preference.",
    ),
    optional("zonal_name", text(NAME), "The DNS name of the addresses in our zone. Default: made of name and zone."),
    key(
        "sni",
        Value::One(Scalar::Choice(&["api", "shared"])),
        "api",
        "What SNI names: the API, or the endpoint, so that all APIs share connections.",
    ),
    key("connect_timeout", SOME, "1s", "To open a TCP connection. At most tls_timeout."),
    key("tls_timeout", SOME, "3s", "TCP and TLS together."),
    optional(
        "first_byte_timeout",
        SOME,
        "From having a connection to the header of the response. Default: read_timeout.",
    ),
    key("read_timeout", SOME, "30s", "The longest silence while a response is awaited or arrives."),
    key("write_timeout", SOME, "30s", "The longest time the endpoint may take no byte of a request."),
    optional(
        "total_timeout",
        SOME,
        "From a request's header to the end of its response, retries included. Default: none.",
    ),
    because(
        "API Gateway closes idle connections after 310s",
        key("idle_timeout", BEFORE_API_GATEWAY, "60s", "How long an idle connection is kept for the next request."),
    ),
    key("pool_size", AT_LEAST_ONE, "8192", "Idle connections kept in all, over all endpoints."),
    key("connect_attempts", AT_LEAST_ONE, "3", "Attempts to connect, the first included. For all endpoints."),
    key(
        "retry_budget",
        number(0, 100),
        "20",
        "Further attempts, in percent of requests; 0 for none. For all endpoints.",
    ),
    key("eject_after", AT_LEAST_ONE, "3", "Failures in a row after which an address is left alone for cool_down."),
    key("cool_down", SOME, "5s", "How long an address is left alone the first time; then twice as long each time."),
    key("max_cool_down", SOME, "60s", "The longest that an address is left alone."),
    because(
        "every task tries every address this often",
        key("check_interval", CHECKS, "0s", "How often each address is tried with a handshake; 0s for never."),
    ),
    key("min_ttl", SOME, "5s", "The TTL of a DNS response counts as no less than this."),
    key("max_ttl", SOME, "60s", "The TTL of a DNS response counts as no more than this."),
];

/// Those of every endpoint.
pub(super) const ENDPOINT: Keys = keys("endpoint", &KEYS);

/// Checks the name of an endpoint beside the default one.
pub(super) fn check_name(name: &str) -> Result<(), Wrong> {
    if name == DEFAULT_ENDPOINT {
        let help = "set its keys in `endpoint`, or choose another name";
        return Err(Wrong::new(format!("`{DEFAULT_ENDPOINT}` is the name of `endpoint`"), help));
    }
    if is_endpoint_name(name) {
        return Ok(());
    }
    Err(Wrong::new(
        format!("`{}` is not a name for an endpoint", shown(name)),
        "write up to 64 letters, digits, `-` and `_`",
    ))
}
