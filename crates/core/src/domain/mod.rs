//! Values and decisions: hosts, private APIs, routes, the table, what a request becomes or why it
//! is refused.
//!
//! **Invariant:** nothing in here opens, awaits, logs or reads the clock; whatever a decision needs
//! arrives as an argument.

pub mod address;
pub mod answer;
pub mod api;
mod api_fault;
pub mod base_path;
pub mod chunks;
pub mod decide;
pub(crate) mod duration;
pub mod host;
pub mod kept;
mod lax_utf8;
pub mod limits;
pub mod order;
pub mod overrides;
pub mod pace;
pub mod probe;
pub mod proxy_header;
pub mod refusal;
pub mod region;
pub mod request_line;
pub mod rewrite;
pub mod route;
mod shard;
pub mod steps;
pub mod table;
pub mod target;
pub mod token;
pub mod verbs;
pub mod version;
