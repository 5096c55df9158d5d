//! Stories that run origin, proxy and client in one process, and what holds the sources in order.

// Nobody but these tests sees the harness, it keeps more at hand than each story takes, and a
// failed test prints its exchanges.
#![allow(unreachable_pub, dead_code, clippy::print_stderr, clippy::unwrap_used)]

mod harness;

mod access_log;
mod answers;
mod bodies;
mod by_domain;
mod check_cases;
mod clients;
mod container;
mod containers;
mod cpu;
mod deploying;
mod discovery;
mod endpoints;
mod faults;
mod guard;
mod headers;
mod hostile;
mod http2;
mod lifecycle;
mod logs;
mod malformed;
mod measured;
mod memory;
mod observability;
mod plan;
mod policy;
mod properties;
mod readme;
mod recording;
mod refusals;
mod reloads;
mod replaced;
mod request;
mod rfc9113;
mod scaling;
mod serve;
mod serving;
mod sources;
mod status_page;
mod tidy;
mod upstream;
