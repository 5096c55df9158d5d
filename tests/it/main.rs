//! Stories that run origin, proxy and client in one process, and what holds the sources in order.

// Nobody but these tests sees the harness, it keeps more at hand than each story takes, and a
// failed test prints its exchanges.
#![allow(unreachable_pub, dead_code, clippy::print_stderr, clippy::unwrap_used)]

mod harness;

mod cli;
mod deploy;
mod discovery;
mod downstream;
mod http2;
mod lifecycle;
mod mapping;
mod observability;
mod postmortems;
mod request;
mod response;
mod tidy;
mod upstream;
