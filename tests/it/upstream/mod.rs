//! The endpoint's side: connections, attempts, and endpoints that fail.

mod connections;
pub(crate) mod endpoints;
pub(crate) mod faults;
mod probes;
