//! Requests: where they go, what of them the API sees, and which are refused.

mod bodies;
mod every_byte;
mod headers;
mod main_job;
pub(crate) mod malformed;
mod properties;
mod rate_limit;
mod refusals;
mod routing;
mod stricter_entries;
